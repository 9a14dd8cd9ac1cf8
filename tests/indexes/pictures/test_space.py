"""Whole photos: stored beside the faces, kept whole, forgotten and restored by the same code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.maps import points_of
from retrieve.indexes.upkeep import proof
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.restore import restore
from retrieve.pictures.embedding.shown import Class, Shown


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        for name, words in (("a", "ana"), ("b", ""), ("c", "luis")):
            small.add(opened, f"/p/{name}.jpg", words)
        yield opened


@pytest.fixture
def looked(collection):
    """Two of three were looked at, the second first."""
    b = small.look(collection, "/p/b.jpg", "beach", (978, 0.7), (576, 0.02))
    a = small.look(collection, "/p/a.jpg", "dog", (207, 0.6), (208, 0.3), (978, 0.01))
    return collection, a, b


def test_what_is_stored_is_given_back(looked):
    collection, a, b = looked
    shown = collection.pictures.shown
    assert shown.of([a, b, 99]) == {
        a: (Class(207, 0.6), Class(208, 0.3), Class(978, 0.01)),
        b: (Class(978, 0.7), Class(576, 0.02)),
        99: (),
    }
    assert shown.holding([207, 208]) == pytest.approx({a: 0.9})
    assert shown.holding([978]) == pytest.approx({a: 0.01, b: 0.7})
    assert shown.missing() == [3]
    assert shown.contents_at([0, 1]) == {0: b, 1: a}
    assert check(collection) == []


def test_a_photo_is_stored_once(looked):
    collection, a, _ = looked
    small.look(collection, "/p/a.jpg", "cat", (281, 1.0))
    assert collection.pictures.space().rows == 2
    assert collection.pictures.shown.of([a])[a][0] == Class(207, 0.6)


def test_another_network_is_refused(looked):
    collection, _, _ = looked
    (embedding,) = pretend.embedding("x")
    other = small.PICTURES_MADE_BY | {"picture_embedder_sha256": "44" * 32}
    with (
        pytest.raises(CollectionError, match="retrieve reembed --pictures"),
        writing(collection.db),
    ):
        collection.pictures.store([(3, Shown(embedding, ()))], other)


def test_an_empty_space_says_how_it_is_filled(collection):
    with pytest.raises(CollectionError, match="retrieve reembed --pictures"):
        collection.pictures.space()


def test_a_forgotten_photo_is_in_no_file(looked, monkeypatch):
    collection, a, b = looked

    class Here:  # starting another process to read the files takes a second
        def __init__(self, *_, **__): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def submit(self, work, *arguments):
            self.result = lambda: work(*arguments)
            return self

    monkeypatch.setattr(proof, "ProcessPoolExecutor", Here)

    report = forget(collection, paths=[Path("/p/a.jpg")], verify=True)
    assert report.proof is not None
    assert report.proof.traces == []
    assert report.proof.looked_for["embedding"] > 0
    assert collection.pictures.shown.of([a, b])[a] == ()
    assert check(collection) == []


def test_compacting_keeps_whose_embedding_is_whose(looked):

    collection, a, _ = looked
    forget(collection, paths=[Path("/p/b.jpg")])
    assert compact(collection).rows == 1
    assert collection.pictures.shown.contents_at([0, 1]) == {0: a}
    assert_array_equal(collection.pictures.engine.embeddings([0]), pretend.embedding("dog"))
    assert check(collection) == []


def test_a_backup_brings_all_back(looked, tmp_path):
    collection, a, b = looked
    backup(collection, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "again")
    with small.opened(tmp_path / "again") as again:
        assert again.pictures.shown.of([a, b]) == collection.pictures.shown.of([a, b])
        assert_array_equal(
            again.pictures.engine.embeddings([0, 1]), collection.pictures.engine.embeddings([0, 1])
        )


def test_a_changed_class_is_told_and_not_shown(looked):
    collection, a, _ = looked
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.create_function("row_sum", -1, lambda *_: 1, deterministic=True)
        conn.execute("UPDATE classes SET probability = .99 WHERE class = 207")
    with pytest.raises(CollectionError, match="classes"):
        collection.pictures.shown.of([a])
    (finding,) = check(collection)
    assert "classes of what photos show" in finding.what


def test_a_map_of_whole_photos_says_which_they_are(looked):
    collection, _, _ = looked
    points = points_of(collection, "pictures", most=10)
    assert [item.path for item in points.items] == [Path("/p/b.jpg"), Path("/p/a.jpg")]
    assert points.embeddings.shape == (2, 32)
