"""Embeddings of anything: their file, checksums, deaths and generations.

The items here are notes, with a table of their own: nothing in the store knows what a face is.
"""

from __future__ import annotations

import tarfile
import zlib

import numpy as np
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.search.engine import Engine
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.restore import restore
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.file import FileMissing
from retrieve.indexes.vectors.segments import SEGMENT_ROWS, Segment
from retrieve.indexes.vectors.spaces import Space, VectorSpace

D = 8
N = 2 * SEGMENT_ROWS + 500


def _rows(count, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def collection(tmp_path):
    """One with a few faces, and notes beside them."""
    with small.opened(tmp_path / "collection") as opened:
        small.add(opened, "/album/a.jpg", "ana luis")
        with writing(opened.db):
            opened.db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, row INTEGER NOT NULL)")
        yield opened


@pytest.fixture
def notes(collection):
    return _begun(collection, "notes")


def _begun(collection, name):
    space = VectorSpace(collection.db, collection.path, name)
    with writing(collection.db):
        space.create(Space(name, "notes", {"embedder": "mean"}, D))
    return space


@pytest.fixture
def add(collection, notes):
    """Stores notes, all in one transaction."""

    def add(embeddings):
        with writing(collection.db):
            first = notes.append(embeddings)
            rows = range(first, first + len(embeddings))
            collection.db.conn.executemany(
                "INSERT INTO notes (row) VALUES (?)", ((r,) for r in rows)
            )
        return first

    return add


@pytest.fixture
def kill(collection, notes):
    def kill(*rows):
        with writing(collection.db):
            for row in rows:
                collection.db.execute("DELETE FROM notes WHERE row = ?", [row])
            notes.kill(rows)

    return kill


def _file(collection, name="notes.f32"):
    return collection.path / name


def _flip(path, row, bit=1):
    with path.open("r+b") as file:
        file.seek(row * D * 4)
        value = file.read(1)[0]
        file.seek(row * D * 4)
        file.write(bytes([value ^ bit]))


def _firsts(found):
    return [segment.first for segment in found]


# Checksums


@pytest.mark.parametrize(
    "parts",
    [
        [N],
        [1] * 5 + [N - 5],
        [SEGMENT_ROWS, SEGMENT_ROWS, 500],
        [SEGMENT_ROWS - 1, 2, N - SEGMENT_ROWS - 1],
        [300, 2000, 0, N - 2300],
    ],
    ids=["at once", "one by one", "by segments", "over a border", "uneven"],
)
def test_checksums_are_those_of_the_files_bytes_however_the_rows_came(
    collection, notes, add, parts
):
    rows = _rows(N)
    ends = np.cumsum(parts)
    assert [add(part) for part in np.split(rows, ends[:-1])] == [0, *ends[:-1].tolist()]
    assert_array_equal(notes.gallery(), rows)
    data = _file(collection).read_bytes()
    size = SEGMENT_ROWS * D * 4
    block = segments.BLOCK_ROWS * D * 4
    assert segments.segments(collection.db, "notes") == [
        Segment(
            first,
            len(part) // (D * 4),
            zlib.crc32(part),
            b"".join(
                zlib.crc32(part[at : at + block]).to_bytes(4, "little")
                for at in range(0, len(part), block)
            ),
        )
        for first in (0, SEGMENT_ROWS, 2 * SEGMENT_ROWS)
        for part in [data[first * D * 4 :][:size]]
    ]
    assert notes.damaged() == []


@pytest.mark.parametrize("row", [0, SEGMENT_ROWS - 1, SEGMENT_ROWS, N - 1])
def test_a_flipped_bit_is_found_in_its_segment(collection, notes, add, row):
    add(_rows(N))
    for bit in (1, 128):
        _flip(_file(collection), row, bit)
        assert _firsts(notes.damaged()) == [row - row % SEGMENT_ROWS]
        _flip(_file(collection), row, bit)
        assert notes.damaged() == []


def test_appending_to_a_damaged_segment_does_not_hide_the_damage(collection, notes, add):
    add(_rows(100))
    _flip(_file(collection), 5)
    add(_rows(SEGMENT_ROWS, seed=1))
    assert _firsts(notes.damaged()) == [0]


def test_deaths_in_a_damaged_segment_do_not_hide_the_damage(collection, notes, add, kill):
    add(_rows(N))
    _flip(_file(collection), 5)
    kill(7, SEGMENT_ROWS + 7)
    assert _firsts(notes.damaged()) == [0]
    notes.wipe()
    assert _firsts(notes.damaged()) == [0]


def test_a_file_that_was_cut_short_is_damaged_from_there_on(collection, notes, add):
    add(_rows(N))
    with _file(collection).open("r+b") as file:
        file.truncate((SEGMENT_ROWS + 10) * D * 4 + 3)
    assert _firsts(notes.damaged()) == [SEGMENT_ROWS, 2 * SEGMENT_ROWS]
    assert len(notes.there()) == SEGMENT_ROWS + 10
    with pytest.raises(CollectionError, match="is damaged"):
        notes.gallery()
    before = _file(collection).read_bytes()
    with pytest.raises(CollectionError, match="is damaged"):
        add(_rows(1))
    assert _file(collection).read_bytes() == before
    _file(collection).unlink()
    assert len(notes.there()) == 0
    for work in (notes.gallery, lambda: add(_rows(1))):
        with pytest.raises(FileMissing):
            work()
    assert not _file(collection).exists()


def test_other_values_are_believed_when_they_are_signed(collection, notes, add):
    rows = _rows(N)
    add(rows)
    _flip(_file(collection), 5)
    (wrong,) = notes.damaged()
    with writing(collection.db):
        notes.overwrite([5, 6], rows[[5, 6]])
    assert notes.damaged() == []  # they are what was there
    other = _rows(3, seed=2)
    with writing(collection.db):
        notes.overwrite([4, 5, 9], other)
    assert _firsts(notes.damaged()) == [0]
    with writing(collection.db):
        notes.sign(wrong)
    assert notes.damaged() == []
    assert_array_equal(notes.gallery()[[4, 5, 9]], other)
    assert_array_equal(notes.gallery()[[3, 6, 8, 10]], rows[[3, 6, 8, 10]])


# Commits


def test_rows_that_were_not_committed_are_not_there_and_are_overwritten(collection, notes, add):
    rows = _rows(20)
    add(rows[:5])
    with pytest.raises(ZeroDivisionError), writing(collection.db):  # noqa: PT012
        notes.append(_rows(10, seed=3))
        raise ZeroDivisionError
    assert _file(collection).stat().st_size == 15 * D * 4
    assert_array_equal(notes.gallery(), rows[:5])
    assert notes.damaged() == []
    assert add(rows[5:]) == 5
    assert_array_equal(notes.gallery(), rows)
    assert notes.damaged() == []


def test_what_is_no_embedding_changes_nothing(collection, notes, add):
    add(_rows(5))
    for wrong in (_rows(3) * 2, np.full((3, D), np.nan, np.float32), _rows(3)[:, :4]):
        with pytest.raises(BadInput):
            add(wrong)
    assert notes.space().rows == 5
    assert _file(collection).stat().st_size == 5 * D * 4
    assert notes.damaged() == []


def test_a_space_that_holds_nothing_has_no_file(collection, notes):
    assert notes.gallery().shape == (0, D)
    assert notes.damaged() == []
    assert not _file(collection).exists()
    assert VectorSpace(collection.db, collection.path, "others").space() is None


# Deaths


def test_the_dead_are_zeros_in_the_file_after_wiping_and_for_checksums_before(
    collection, notes, add, kill
):
    rows = _rows(N)
    add(rows)
    dead = [0, 1, 2, SEGMENT_ROWS - 1, SEGMENT_ROWS, N - 1]
    kill(*dead)
    kill(1, 1)  # dead already
    assert notes.dead().tolist() == notes.dying().tolist() == dead
    assert_array_equal(notes.gallery(), rows)
    assert notes.damaged() == []
    assert notes.wipe() == len(dead)
    assert notes.wipe() == 0
    assert (notes.dead().tolist(), notes.dying().tolist()) == (dead, [])
    rows[dead] = 0
    assert_array_equal(np.fromfile(_file(collection), "<f4").reshape(N, D), rows)
    assert notes.damaged() == []
    _flip(_file(collection), 1)
    assert _firsts(notes.damaged()) == [0]


@pytest.mark.parametrize("done", range(4))
def test_a_process_that_died_while_wiping_leaves_no_damage(collection, notes, add, kill, done):
    add(_rows(N))
    dead = [3, 4, SEGMENT_ROWS + 1]
    kill(*dead)
    notes.file(notes.space()).overwrite(dead[:done], np.zeros((done, D), np.float32))
    assert notes.damaged() == []
    add(_rows(10, seed=4))
    kill(6)
    assert notes.damaged() == []
    assert notes.wipe() == 4
    assert notes.damaged() == []
    assert not notes.gallery()[[*dead, 6]].any()


def test_the_dead_at_the_end_of_a_segment_that_grows_stay_zeros(collection, notes, add, kill):
    add(_rows(100))
    kill(98, 99)
    add(_rows(100, seed=5))  # before they are wiped
    assert notes.damaged() == []
    notes.wipe()
    assert notes.damaged() == []
    kill(150)
    notes.wipe()
    add(_rows(N, seed=6))
    assert notes.damaged() == []
    assert np.flatnonzero(~notes.gallery().any(axis=1)).tolist() == [98, 99, 150]


# Generations


def test_a_new_generation_has_its_own_file_and_readers_keep_theirs(collection, notes, add, kill):
    rows = _rows(N)
    add(rows)
    kill(0, 2000)
    living = np.delete(rows, [0, 2000], axis=0)
    old = notes.gallery()
    with writing(collection.db):
        notes.begin_generation([living[:1500], living[1500:]])
    assert (notes.space().generation, notes.space().rows) == (1, N - 2)
    assert_array_equal(notes.gallery(), living)
    assert (notes.dead().tolist(), notes.damaged()) == ([], [])
    assert [path.name for path in notes.leftovers()] == ["notes.f32"]
    notes.remove_leftovers()
    assert_array_equal(old, rows)
    assert sorted(path.name for path in collection.path.glob("*.f32")) == [
        "faces.f32",
        "notes.1.f32",
    ]
    assert add(_rows(5, seed=7)) == N - 2
    assert notes.damaged() == []


def test_a_generation_that_was_not_committed_leaves_the_old_one(collection, notes, add):
    rows = _rows(50)
    add(rows)
    with pytest.raises(ZeroDivisionError), writing(collection.db):  # noqa: PT012
        notes.begin_generation([_rows(40, seed=8)])
        raise ZeroDivisionError
    assert_array_equal(notes.gallery(), rows)
    assert notes.damaged() == []
    with writing(collection.db):
        notes.begin_generation([rows[10:20]])  # its file is there already, and longer
    notes.remove_leftovers()
    assert_array_equal(notes.gallery(), rows[10:20])
    assert _file(collection, "notes.1.f32").stat().st_size == 10 * D * 4


def test_an_empty_generation_is_one(collection, notes, add):
    add(_rows(5))
    with writing(collection.db):
        notes.begin_generation([])
    notes.remove_leftovers()
    assert notes.gallery().shape == (0, D)
    assert add(_rows(3)) == 0
    assert notes.damaged() == []


def test_spaces_with_similar_names_leave_each_others_files(collection, notes, add):
    add(_rows(5))
    others = [_begun(collection, name) for name in ("notes2", "notes-x", "note")]
    for seed, other in enumerate(others):
        with writing(collection.db):
            other.append(_rows(4, seed))
    notes.remove_leftovers()
    for seed, other in enumerate(others):
        assert_array_equal(other.gallery(), _rows(4, seed))


# The life of a space beside faces


def test_notes_live_as_faces_do(collection, notes, add, kill, tmp_path):
    rows = _rows(N)
    add(rows)
    engine = Engine(collection.db, collection.path, notes)
    scores, found = engine.nearest(rows[[7]], 2)
    assert found[0, 0] == 7
    assert scores[0, 0] == pytest.approx(1, abs=1e-6)
    kill(7, 9)
    compact(collection)
    assert [finding for finding in check(collection) if finding.wrong] == []
    living = np.delete(rows, [7, 9], axis=0)
    assert_array_equal(notes.gallery(), living)
    kept = collection.db.execute("SELECT row FROM notes ORDER BY id").fetchall()
    assert [row for (row,) in kept] == list(range(N - 2))
    assert collection.faces.space().generation == 0  # none of them is dead
    kill(0)
    backup(collection, tmp_path / "notes.tar")
    living[0] = 0
    with tarfile.open(tmp_path / "notes.tar") as tar:
        (name,) = (name for name in tar.getnames() if name.startswith("notes"))
        held = np.frombuffer(tar.extractfile(name).read(), "<f4").reshape(-1, D)
    assert_array_equal(held, living)
    # Our migrations make no such table.
    with pytest.raises(BadInput, match="as no collection does"):
        restore(tmp_path / "notes.tar", tmp_path / "restored")
