"""Whoever is drawn for an album is found again, and nobody else is taken for them.

`python -m benchmarks.cast` measures by how much, with every detector.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from retrieve.indexes.collection import open_collection
from retrieve.sample_data.album import write_album, write_probe
from retrieve.sample_data.people import CAST, Person, cast

MAKEFILE = Path(__file__).parents[2] / "Makefile"
PEOPLE, PHOTOS = 8, 16  # who is in the album of `make demo`, in its first photos


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cast") / "album"
    write_album(folder, people=PEOPLE, photos=PHOTOS, seed=1)
    return folder


@pytest.fixture(scope="module")
def collection(album, tmp_path_factory):
    """Everything as it is installed."""
    path = tmp_path_factory.mktemp("cast") / "collection"
    with open_collection(path, create=True) as opened:
        opened.index([album])
        yield opened


def _labels(album):
    with (album / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def names(album, collection):
    """Whose each stored face is, by its id."""
    rows = _labels(album)
    found = {}
    anything = np.eye(1, collection.info().space.dim, dtype=np.float32)
    for hit in collection.nearest(anything, k=1000)[0]:
        x, y = (hit.face.box[:2] + hit.face.box[2:]) / 2
        (found[hit.face_id],) = (
            row["name"]
            for row in rows
            if hit.path == album / row["path"]
            and float(row["x1"]) < x < float(row["x2"])
            and float(row["y1"]) < y < float(row["y2"])
        )
    assert sorted(found.values()) == sorted(row["name"] for row in rows)
    return found


def test_every_hit_of_a_drawn_face_is_that_persons_and_none_is_missing(collection, names):
    assert len(set(names.values())) == PEOPLE
    for face_id, name in names.items():
        hits = collection.search_stored(face_id, k=1000)
        others = [other for other, whose in names.items() if whose == name and other != face_id]
        assert sorted(hit.face_id for hit in hits.hits) == sorted(others), name


def test_the_probe_of_the_demo_finds_its_person_alone(collection, names, tmp_path):
    who = cast(1, 1)[0].name
    write_probe(tmp_path / "probe.jpg", seed=1)
    (face,) = collection.search_faces(tmp_path / "probe.jpg", k=1000).faces
    wanted = [face_id for face_id, name in names.items() if name == who]
    assert sorted(hit.face_id for hit in face.hits) == sorted(wanted)


def test_the_words_beside_the_probe_in_the_demo_are_said_of_a_photo_of_its_person(album):
    (word,) = re.findall(r"search demo/probe\.jpg (\w+) --collection", MAKEFILE.read_text("utf-8"))
    # The demo's album is longer, and its first photos say the same but for their dates.
    who = cast(1, 1)[0].name
    captions = [
        (album / row["path"]).with_suffix(".txt") for row in _labels(album) if row["name"] == who
    ]
    said = [caption.read_text("utf-8") for caption in captions if caption.exists()]
    assert any(word in caption for caption in said)


def test_the_cast_has_a_name_each_and_in_a_large_album_nobody_appears_as_two():
    assert len({Person.from_seed(seed).name for seed in CAST}) == len(CAST)
    assert {one.seed for one in cast(len(CAST), 2)} == set(CAST)
    assert len({one.seed for one in cast(20, 1)}) == 20
