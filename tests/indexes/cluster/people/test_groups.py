"""The groups of a cluster are those of one collection of the same faces."""

from __future__ import annotations

import numpy as np
import pytest
import shards
import small

from retrieve.evaluation.clusters import clusters
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.indexes.cluster.people import gallery
from retrieve.indexes.people.groups import graph

PEOPLE, FACES, D = 60, 420, 32
# How strangers in 32 dimensions score, and somewhat stricter.
CURVE = Curve([1.0, 0.01], [-0.3, 0.6], 0.01, 0.0, 1e-4, 1e5)


@pytest.fixture(autouse=True)
def told(monkeypatch):
    found = calibration.Calibration(
        "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "", CURVE
    )
    monkeypatch.setattr(calibration, "find", lambda *_: found)


def _drawn(noise):
    rng = np.random.default_rng(3)
    who = rng.integers(0, PEOPLE, FACES)
    centres = rng.standard_normal((PEOPLE, D))
    rows = centres[who] + noise * rng.standard_normal((FACES, D))
    return unit_rows(rows.astype(np.float32)), who.astype(str).tolist()


def _both(tmp_path, rows):
    """By face whose it is in one collection, and in three shards."""
    with small.opened(tmp_path / "one") as one:
        shards.store(one, rows, 0)
        one.group()
        first = _labels(one.people)
    folder = shards.made(tmp_path / "cluster")
    for start, end in ((0, 100), (100, 110), (110, FACES)):
        place = folder / "shards" / f"{len(list((folder / 'shards').glob('[0-9]*'))):04}"
        with small.opened(place) as shard:
            shards.store(shard, rows[start:end], start)
        shards.taken(folder, place)
    with shards.opened(folder) as cluster:
        done = cluster.group()
        assert done.faces == FACES
        return first, _labels(cluster.people), folder


def _labels(people):
    found = {
        int(face.path.stem): one.person.id
        for one in people.listing(everyone=True)
        for face in one.members
    }
    return np.array([found[number] for number in range(FACES)])


def test_clear_groups_are_the_same(tmp_path):
    rows, people = _drawn(0.2)
    one, many, _ = _both(tmp_path, rows)
    assert clusters(many, people).pairs.f1 == 1
    assert clusters(one, people).pairs.f1 == 1


def test_groups_of_noisy_faces_are_the_same(tmp_path):
    rows, people = _drawn(0.8)
    one, many, _ = _both(tmp_path, rows)
    assert 0.5 < clusters(many, people).pairs.f1 < 0.99  # it is no easy task
    assert clusters(many, one.astype(str).tolist()).pairs.f1 >= 0.99


def test_tasks_in_other_processes_make_the_same_graph(tmp_path, monkeypatch):
    rows, _ = _drawn(0.55)
    _, _, folder = _both(tmp_path, rows)
    alone = graph.edges(rows, 0.5)
    with shards.opened(folder) as cluster:
        lying, first = [], 0
        for shard in cluster.manifest.shards():
            held = np.arange((shard.folder / "faces.f32").stat().st_size // (4 * D))
            lying.append(gallery.Lying(shard.folder / "faces.f32", D, held, first))
            first += len(held)
        every = gallery.Sharded(lying, cluster.engine_of_tasks)
        for exact_rows in (graph.EXACT_ROWS, 100):  # in this process, and in others
            monkeypatch.setattr(gallery, "EXACT_ROWS", exact_rows)
            found = every.edges(np.arange(FACES), 0.5)
            np.testing.assert_array_equal(found.a, alone.a)
            np.testing.assert_array_equal(found.b, alone.b)
            np.testing.assert_allclose(found.scores, alone.scores, atol=1e-6)
