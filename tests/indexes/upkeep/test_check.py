"""A whole collection has nothing to be told; each kind of damage has its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretend
import pytest
import small

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import ann, traces
from retrieve.indexes.upkeep import check, compact
from retrieve.indexes.upkeep.check import Finding
from retrieve.indexes.upkeep.compact import compact as compact_now
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.recall import recall
from retrieve.indexes.vectors import segments


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    for module in (segments, compact, check):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 4)


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        small.add(opened, "/p/a.jpg", "a b c d e f g h i j")
        small.add(opened, "/p/b.jpg", "k l")
        yield opened


def _write(collection, offset, data):
    with (collection.path / "faces.f32").open("r+b") as file:
        file.seek(offset)
        file.write(data)


def _told(collection) -> list[str]:
    return [finding.what for finding in check.check(collection) if finding.wrong]


def test_a_whole_collection_has_no_findings_through_its_whole_life(collection, monkeypatch):
    assert check.check(collection) == []
    forget(collection, paths=[Path("/p/b.jpg")])
    assert check.check(collection) == []
    compact_now(collection)
    assert check.check(collection) == []
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    small.add(collection, "/p/c.jpg", " ".join(f"w{i}" for i in range(20)))
    collection.engine.build()
    assert check.check(collection) == []
    with open_collection(collection.path, read_only=True) as frozen:
        assert check.check(frozen) == []


def test_an_empty_collection_is_whole(tmp_path):
    with small.opened(tmp_path / "empty") as empty:
        assert check.check(empty) == []
    with open_collection(tmp_path / "nothing", create=True) as nothing:
        assert check.check(nothing) == []


@pytest.mark.parametrize("bit", [0, 5, 31])
def test_a_flipped_bit_is_found_where_it_is(collection, bit):
    rows = collection.faces.gallery()
    word = int(np.array(rows[6, 3:4]).view("<u4")[0]) ^ (1 << bit)
    _write(collection, (6 * 32 + 3) * 4, word.to_bytes(4, "little"))
    assert _told(collection) == [
        "1 of 3 segments of faces.f32 do not hold what was written: rows 4–7"
    ]
    with open_collection(collection.path, read_only=True) as frozen:
        assert len(_told(frozen)) == 1


def test_a_file_that_was_cut_short_or_is_missing_is_told(collection):
    file = collection.path / "faces.f32"
    file.write_bytes(file.read_bytes()[: 9 * 128 + 1])
    assert _told(collection) == [
        "of 12 embeddings faces.f32 holds 9",
        "1 of 3 segments of faces.f32 do not hold what was written: rows 8–11",
    ]
    file.unlink()
    assert _told(collection)[0] == "of 12 embeddings faces.f32 is missing"
    assert {finding.todo for finding in check.check(collection)} == {"Run: retrieve repair"}


def test_rows_that_are_signed_and_not_of_length_1_are_told(collection):
    _write(collection, 5 * 128, (0.5 * pretend.embedding("f")).tobytes())
    with writing(collection.db):
        for segment in collection.faces.segments([4]):
            collection.faces.sign(segment)
    assert _told(collection) == ["embeddings of faces.f32 are not of length 1: rows 5"]


def test_dead_rows_that_are_signed_and_not_zeros_are_told(collection):
    forget(collection, paths=[Path("/p/b.jpg")])
    _write(collection, 10 * 128, pretend.embedding("k").tobytes())
    assert _told(collection) == [
        "1 of 3 segments of faces.f32 do not hold what was written: rows 8–11"
    ]
    with writing(collection.db):
        for segment in collection.faces.segments([8]):
            collection.faces.sign(segment)
    assert _told(collection) == ["deleted embeddings of faces.f32 are not overwritten: rows 10"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE faces SET row = 99 WHERE id = 12", "in rows beyond the committed ones: 99"),
        ("UPDATE faces SET row = 3 WHERE id = 5", "in rows of which another one's is the same: 3"),
        ("UPDATE faces SET row = 12 - id", "rows of faces do not ascend with their ids"),
        ("INSERT INTO dead VALUES ('faces', 2, 1)", "in rows that are dead: 2"),
        (
            "UPDATE faces SET content_id = 77 WHERE id = 1",
            "row 1 of faces refers to a row of contents",
        ),
        ("DELETE FROM segments WHERE first = 4", "the catalog lacks checksums of faces.f32"),
    ],
)
def test_a_catalog_that_contradicts_itself_is_told(collection, change, told):
    with writing(collection.db):
        collection.db.execute(change)
    assert any(told in what for what in _told(collection))


def test_embeddings_of_nobody_are_told_and_compacting_drops_them(collection):
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE face_id IN (2, 3)")
        collection.db.execute("DELETE FROM faces WHERE id IN (2, 3)")
    (finding,) = check.check(collection)
    assert finding == Finding(
        "2 embeddings are of none of faces: rows 1–2",
        "Run: retrieve compact",
    )
    assert compact_now(collection).rows == 2
    assert check.check(collection) == []


def test_a_catalog_whose_pages_are_damaged_is_told_in_one_line(tmp_path):
    path = tmp_path / "collection"
    with small.opened(path) as opened:
        for i in range(60):
            small.add(opened, f"/p/{i}.jpg", f"w{i}")
    data = bytearray((path / "catalog.sqlite").read_bytes())
    for page in range(len(data) // 4096 - 3, len(data) // 4096):
        data[page * 4096 : page * 4096 + 200] = bytes(200)
    (path / "catalog.sqlite").write_bytes(data)
    with open_collection(path) as opened:
        findings = check.check(opened)
    assert findings
    assert all("catalog.sqlite is damaged" in finding.what for finding in findings)
    assert all("\n" not in finding.what for finding in findings)
    assert all("backup" in finding.todo for finding in findings)


def test_indexes_that_are_damaged_missing_or_unowned_are_told(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    small.add(collection, "/p/c.jpg", " ".join(f"w{i}" for i in range(20)))
    assert _told(collection) == ["faces has no search index: every row is scored"]
    collection.engine.build()
    (file,) = (collection.path / "cache").iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    (told,) = _told(collection)
    assert "the search index is damaged" in told
    assert "SHA-256" in told
    other = file.with_name(f"faces.0.{'0' * 16}.faiss")
    file.rename(other)
    missing, left = check.check(collection)
    assert (missing.what, missing.wrong) == (
        f"the search index cache/{file.name} is missing",
        True,
    )
    assert (left.what, left.wrong) == (f"cache/{other.name} belongs to nothing", False)


def test_what_a_writer_that_died_left_is_told_and_is_nothing_wrong(collection):
    _write(collection, 12 * 128, bytes(100))
    (collection.path / "faces.7.f32").write_bytes(b"1")
    (collection.path / "faces.7.f32").chmod(0o600)
    assert [(finding.what, finding.wrong) for finding in check.check(collection)] == [
        ("faces.7.f32 is of another generation", False),
        ("100 bytes in faces.f32 stand behind its last embedding", False),
    ]


def test_a_forgetting_that_was_not_completed_is_wrong(collection):
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE face_id = 12")
        collection.db.execute("DELETE FROM faces WHERE id = 12")
        collection.faces.kill([11])
        traces.mark(collection.db)
    assert _told(collection) == [
        "1 deleted embeddings of faces are not overwritten yet",
        "traces of what was deleted are still in the files of the catalog",
    ]
    traces.finish(collection.db, collection.path)
    assert check.check(collection) == []


def test_files_that_others_may_read_are_told(collection):
    (collection.path / "faces.f32").chmod(0o644)
    (finding,) = check.check(collection)
    assert "others may use 1 of the collection's files" in finding.what
    assert "faces.f32 (mode 644)" in finding.what
    assert finding.todo == f"Run: chmod -R go-rwx '{collection.path}'"


def test_rows_that_are_deleted_while_one_looks_are_not_damaged(collection, monkeypatch):
    there = collection.faces.there
    segments_of = segments.segments

    def meanwhile(*arguments):
        monkeypatch.setattr(segments, "segments", segments_of)
        with open_collection(collection.path) as other:
            forget(other, paths=[Path("/p/b.jpg")], patience_s=0)
        return segments_of(*arguments)

    assert len(there()) == 12
    monkeypatch.setattr(segments, "segments", meanwhile)
    monkeypatch.setattr(traces, "cut_log", lambda db, patience_s: True)
    assert check.check(collection) == []
    assert collection.catalog.counts()["faces"] == 10


def test_the_recall_of_an_index_is_that_of_plain_arithmetic(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    small.add(collection, "/p/c.jpg", " ".join(f"w{i}" for i in range(50)))
    forget(collection, paths=[Path("/p/b.jpg")])
    assert (recall(collection).indexed, recall(collection).found) == (True, 600)
    wrong = np.array(collection.engine.nearest(collection.faces.gallery()[12:13], 11)[1])
    nearest = collection.engine.nearest

    def forgetful(probes, k, *, keep=None, exact=False):
        """An index that loses the second best of each face."""
        scores, rows = nearest(probes, k, keep=keep, exact=exact)
        return (scores, rows) if exact else (np.delete(scores, 1, 1), np.delete(rows, 1, 1))

    monkeypatch.setattr(collection.engine, "nearest", forgetful)
    measured = recall(collection, faces=30)
    assert (measured.faces, measured.k, measured.of) == (30, 10, 300)
    assert measured.found == 270
    assert measured.low < 0.9 < measured.high
    assert wrong.shape == (1, 11)


def test_without_an_index_every_search_is_exact(collection):
    measured = recall(collection)
    assert (measured.indexed, measured.found, measured.of) == (False, 120, 120)
    forget(collection, paths=[Path("/p/a.jpg"), Path("/p/b.jpg")])
    with pytest.raises(BadInput, match="two stored faces or more; there are 0"):
        recall(collection)
