"""Whole photos of old collections: looked at from their files, again where rows are damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import ClassVar

import numpy as np
import pytest
import small
from PIL import Image

from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.building.jobs import Whole
from retrieve.indexes.building.workers import attempted
from retrieve.indexes.reembedding import pictures
from retrieve.indexes.upkeep import repair as repairing
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.repair import repair
from retrieve.photos import content_hash
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.shown import Class, Shown


class Pretended:
    """Looks at a photo of one colour: that is its embedding and its class."""

    read: ClassVar[list] = []

    def open(self):
        def work(path):
            self.read.append(path)
            pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)
            vector = pixels.mean(axis=(0, 1)) + 1
            shown = Shown(vector / np.linalg.norm(vector), (Class(int(vector.argmax()), 0.9),))
            return Whole(content_hash(path), shown)

        return work


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "Looking", Pretended)
    monkeypatch.setattr(repairing, "Looking", Pretended)
    monkeypatch.setattr(embed, "made_by", lambda: small.PICTURES_MADE_BY)
    monkeypatch.setattr(workers, "run", _here)
    monkeypatch.setattr(Pretended, "read", [])
    with small.opened(tmp_path / "collection") as opened:
        for name, colour in (("a", "red"), ("b", "lime"), ("c", "blue")):
            path = tmp_path / f"{name}.png"
            Image.new("RGB", (8, 8), colour).save(path)
            small.add(opened, path, name)
            opened.db.execute(
                "UPDATE contents SET sha256 = ? WHERE id = (SELECT max(id) FROM contents)",
                [content_hash(path)],
            )
        yield opened


def _here(open_work, sources, **_):
    work = open_work()
    for key, path in sources:
        yield key, attempted(work, path)


def test_all_photos_are_looked_at_once(collection):
    report = collection.reembed_pictures()
    assert (report.photos, report.already, report.left, report.done) == (3, 0, [], True)
    found = collection.pictures.shown.of([1, 2, 3])
    assert [found[id][0].number for id in (1, 2, 3)] == [0, 1, 2]
    again = collection.reembed_pictures()
    assert (again.photos, again.already) == (0, 3)
    assert len(Pretended.read) == 3
    assert check(collection) == []


def test_a_run_that_was_interrupted_goes_on(collection, monkeypatch):
    monkeypatch.setattr(pictures, "BATCH_FILES", 1)

    def interrupted(open_work, sources, **_):
        yield from list(_here(open_work, list(sources)[:2]))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(workers, "run", interrupted)
        first = collection.reembed_pictures()
    assert (first.photos, first.interrupted) == (2, True)
    second = collection.reembed_pictures()
    assert (second.photos, second.already) == (1, 2)
    assert len(Pretended.read) == 3


def test_a_photo_that_is_gone_is_told(collection, tmp_path):
    (tmp_path / "b.png").unlink()
    report = collection.reembed_pictures()
    assert report.photos == 2
    (left,) = report.left
    assert left.path == tmp_path / "b.png"
    assert collection.pictures.shown.missing() == [2]


def test_another_network_begins_anew(collection, monkeypatch):
    collection.reembed_pictures()
    other = small.PICTURES_MADE_BY | {"picture_embedder_sha256": "44" * 32}
    monkeypatch.setattr(embed, "made_by", lambda: other)

    class Three:
        dim = 3

    monkeypatch.setattr(embed, "open_picture_embedder", Three)
    report = collection.reembed_pictures()
    assert (report.photos, report.begun_anew) == (3, True)
    assert collection.pictures.space().made_by == other
    assert sorted(path.name for path in collection.path.glob("pictures*")) == ["pictures.1.f32"]
    assert check(collection) == []


def test_a_damaged_embedding_is_made_again(collection):
    collection.reembed_pictures()
    before = np.array(collection.pictures.engine.gallery())
    file = collection.pictures.vectors.file(collection.pictures.space()).path
    data = bytearray(file.read_bytes())
    data[5] ^= 16
    file.write_bytes(data)
    assert any("pictures.f32" in finding.what for finding in check(collection))
    report = repair(collection)
    assert (report.pictures, report.damaged, report.left) == (3, 0, [])
    assert check(collection) == []
    np.testing.assert_array_equal(collection.pictures.engine.gallery(), before)


def test_rows_that_are_damaged_beyond_repair_are_read_again(collection):
    collection.reembed_pictures()
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.create_function("row_sum", -1, lambda *_: 1, deterministic=True)
        conn.execute("UPDATE classes SET class = 77, probability = .123 WHERE content_id = 2")
        conn.execute("DELETE FROM classes WHERE content_id = 3")
    report = repair(collection)
    assert {lost.table for lost in report.lost} == {"classes"}
    assert all("retrieve reembed --pictures" in lost.todo for lost in report.lost)
    assert collection.reembed_pictures().photos >= 1
    assert [one[0].number for one in collection.pictures.shown.of([1, 2, 3]).values()] == [0, 1, 2]
    assert check(collection) == []


def test_an_option_of_faces_is_refused_beside_pictures():
    from retrieve.cli.commands.upkeep.reembed import reembed

    with pytest.raises(BadInput, match="--pictures alone"):
        reembed(pictures=True, model="mobilefacenet")
