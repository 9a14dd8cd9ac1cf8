"""The index of a large space: made beside indexing, a cache that may always be lacking."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys

import faiss
import numpy as np
import pretend_cli
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.indexes.catalog.database import CannotWrite, open_database, writing
from retrieve.indexes.search import ann, cache, fastscan
from retrieve.indexes.search.cache import CacheFile
from retrieve.indexes.search.engine import Engine, State
from retrieve.indexes.search.fastscan import GROWTH
from retrieve.indexes.vectors.spaces import Space, VectorSpace

D = 32
LARGE = 300  # rows, from which an index is wanted here
K = 10


def _rows(count, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(ann, "wants_index", lambda rows, dim: rows > LARGE)
    for module in (ann, fastscan):  # threads wait for each other on a busy machine
        monkeypatch.setattr(module, "use_threads", lambda _: faiss.omp_set_num_threads(1))


@pytest.fixture
def folder(tmp_path):
    db = open_database(tmp_path / "catalog.sqlite", create=True)
    with writing(db):
        VectorSpace(db, tmp_path, "notes").create(Space("notes", "notes", {}, D))
    db.conn.close()
    return tmp_path


class Opened:
    """A space and its engine, as one process sees them."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.db = open_database(folder / "catalog.sqlite", **options)
        self.vectors = VectorSpace(self.db, folder, "notes")
        self.engine = Engine(self.db, folder, self.vectors)

    def add(self, count, seed=0):
        with writing(self.db):
            self.vectors.append(_rows(count, seed))

    def check_search(self, state):
        """Rows find themselves and their nearest, with scores of plain arithmetic.

        The rows here resemble each other in no way, which is hardest for an index.
        """
        gallery = np.array(self.vectors.gallery())
        probes = gallery[:: len(gallery) // 10]
        scores, rows = self.engine.nearest(probes, K)
        assert self.engine.state == state
        expected = np.sort(probes @ gallery.T, axis=1)[:, ::-1][:, :K]
        assert_allclose(np.einsum("qd,qkd->qk", probes, gallery[rows]), scores, atol=1e-5)
        assert_allclose(scores[:, 0], 1, atol=1e-5)
        missed = np.mean(scores < expected - 1e-5)
        assert missed <= (0.01 if state is State.INDEXED else 0)

    @property
    def files(self):
        within = self.folder / "cache"
        return sorted(path.name for path in within.iterdir()) if within.is_dir() else []


@pytest.fixture
def opened(folder):
    one = Opened(folder)
    yield one
    one.db.conn.close()


@pytest.fixture
def other(folder):
    """Another process would see what this one sees."""
    one = Opened(folder)
    yield one
    one.db.conn.close()


def test_a_small_space_is_scored_row_by_row_and_has_no_file(opened):
    opened.add(LARGE)
    assert not opened.engine.build()
    opened.check_search(State.EXACT)
    assert opened.files == []


def test_a_large_space_has_an_index_which_other_processes_use(opened, other):
    opened.add(1000)
    opened.check_search(State.MISSING)
    assert opened.engine.build()
    assert not opened.engine.build()  # there is nothing to do
    opened.check_search(State.INDEXED)
    other.check_search(State.INDEXED)
    assert opened.files == [opened.engine.recorded().name]
    assert (opened.folder / "cache").stat().st_mode & 0o777 == 0o700
    assert (opened.folder / "cache" / opened.files[0]).stat().st_mode & 0o777 == 0o600
    opened.engine.nearest(_rows(1), K, exact=True)
    assert opened.engine.state is State.EXACT


def test_a_missing_index_is_done_without_and_made_again(opened, other):
    opened.add(1000)
    opened.engine.build()
    (opened.folder / "cache" / opened.files[0]).unlink()
    other.check_search(State.MISSING)
    assert other.engine.build()
    other.check_search(State.INDEXED)


@pytest.mark.parametrize("at", [0, 100, -1], ids=["head", "middle", "end"])
def test_a_damaged_index_is_done_without_and_made_again(opened, other, at):
    opened.add(1000)
    opened.engine.build()
    path = opened.folder / "cache" / opened.files[0]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    other.check_search(State.DAMAGED)
    assert other.engine.build()
    other.check_search(State.INDEXED)
    assert path.name not in other.files
    opened.check_search(State.INDEXED)  # the catalog names another file now


def test_an_index_of_an_earlier_version_is_done_without_and_made_again(opened, other):
    opened.add(1000)
    opened.engine.build()
    path = opened.folder / "cache" / opened.files[0]
    data = path.read_bytes()
    old = data[data.index(cache.TYPE_CODE) :]  # rows were not turned, and FAISS's file was all
    path.write_bytes(old)
    with writing(opened.db):
        recorded = [hashlib.sha256(old).hexdigest(), len(old)]
        opened.db.execute("UPDATE caches SET sha256 = ?, size_bytes = ?", recorded)
    other.check_search(State.MISSING)
    assert other.engine.build()
    other.check_search(State.INDEXED)
    assert path.name not in other.files


def test_a_file_that_the_catalog_does_not_promise_is_not_read(opened, other):
    opened.add(1000)
    opened.engine.build()
    wrong = {"name": "../catalog.sqlite", "sha256": "0" * 64, "size_bytes": 5, "covered": 999}
    for column, value in wrong.items():
        before = opened.db.execute(f"SELECT {column} FROM caches").fetchone()[0]
        with writing(opened.db):
            opened.db.execute(f"UPDATE caches SET {column} = ?", [value])
        other.check_search(State.DAMAGED)
        with writing(opened.db):
            opened.db.execute(f"UPDATE caches SET {column} = ?", [before])
    other.check_search(State.INDEXED)


def test_rows_that_came_later_are_found_before_the_index_holds_them(opened, other):
    opened.add(1000)
    opened.engine.build()
    first = opened.engine.recorded()
    opened.add(20, seed=1)  # 1.96 % of all
    assert not opened.engine.build()
    other.check_search(State.INDEXED)
    opened.add(10, seed=2)
    other.check_search(State.INDEXED)
    assert opened.engine.build()
    later = opened.engine.recorded()
    assert (later.covered, later.trained_rows) == (1030, first.trained_rows)  # extended
    assert opened.files == [later.name]
    other.check_search(State.INDEXED)


def test_an_index_that_was_outgrown_is_trained_anew(opened, other):
    opened.add(LARGE + 1)
    opened.engine.build()
    opened.add(GROWTH * (LARGE + 1), seed=1)
    assert opened.engine.build()
    assert opened.engine.recorded().trained_rows == (GROWTH + 1) * (LARGE + 1)
    other.check_search(State.INDEXED)


def test_a_new_generation_has_no_index_until_one_is_made(opened, other):
    opened.add(1000)
    opened.engine.build()
    old = opened.files
    other.check_search(State.INDEXED)
    with writing(opened.db):
        opened.vectors.begin_generation([_rows(900, seed=3)])
    other.check_search(State.MISSING)
    assert opened.engine.build()
    other.check_search(State.INDEXED)
    assert opened.files == [opened.engine.recorded().name] != old


def test_rows_that_are_not_to_be_found_are_not_found_and_k_others_are(opened):
    opened.add(1000)
    opened.engine.build()
    gallery = np.array(opened.vectors.gallery())
    keep = np.arange(1000) % 3 != 0
    probes = gallery[:30:3]
    scores, rows = opened.engine.nearest(probes, K, keep=keep)
    assert keep[rows].all()
    expected = np.sort((probes @ gallery.T)[:, keep], axis=1)[:, ::-1][:, :K]
    assert scores.shape == expected.shape
    assert np.mean(scores < expected - 1e-5) <= 0.01


def test_what_was_killed_is_in_no_index_that_is_made_afterwards(opened):
    opened.add(1000)
    with writing(opened.db):
        opened.vectors.kill(range(100))
    assert opened.engine.build()
    assert not opened.vectors.gallery()[:100].any()  # it was wiped before
    assert opened.vectors.damaged() == []


def test_dropping_leaves_no_file(opened, other):
    opened.add(1000)
    opened.engine.build()
    opened.engine.drop()
    assert (opened.files, opened.engine.recorded()) == ([], None)
    other.check_search(State.MISSING)


def test_a_read_only_collection_is_not_given_an_index(opened, folder):
    opened.add(1000)
    frozen = Opened(folder, read_only=True)
    assert not frozen.engine.build()
    frozen.check_search(State.MISSING)
    assert frozen.files == []
    frozen.db.conn.close()


def test_a_full_disk_leaves_the_old_index(opened, other, monkeypatch):
    opened.add(1000)
    opened.engine.build()
    before = opened.files

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", full)
    opened.add(1000, seed=1)
    with pytest.raises(CannotWrite, match="Free some space"):
        opened.engine.build()
    assert opened.files == before
    other.check_search(State.INDEXED)


# Beside indexing


def _add_and_look(opened, look, times=6):
    for seed in range(times):
        opened.add(100, seed)
        look()


def test_an_index_is_made_while_rows_are_added(opened, other):
    with opened.engine.building(opened.folder / "catalog.sqlite") as look:
        _add_and_look(opened, look, times=12)
    made = opened.engine.recorded()
    assert made is not None
    assert 0 < made.covered <= 1200
    other.check_search(State.INDEXED)
    opened.engine.build()
    assert opened.engine.recorded().covered >= 1200 * 0.98


def test_what_goes_wrong_beside_indexing_is_said_at_its_end(opened, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    opened.add(10)
    monkeypatch.setattr(cache.os, "fsync", full)
    with (
        pytest.raises(CannotWrite, match="Free some space"),
        opened.engine.building(opened.folder / "catalog.sqlite") as look,
    ):
        _add_and_look(opened, look)
    assert opened.vectors.space().rows == 610  # they are all there
    assert opened.files == []


def test_nobody_is_waited_for_who_has_nothing_to_do(opened):
    with opened.engine.building(opened.folder / "catalog.sqlite") as look:
        opened.add(100)
        look()
    assert opened.files == []


BUILD = """
import sys
from pathlib import Path
from retrieve.indexes.search import ann
from retrieve.indexes.catalog.database import open_database
from retrieve.indexes.search.engine import Engine
from retrieve.indexes.vectors.spaces import VectorSpace
ann.wants_index = lambda rows, dim: True
folder = Path(sys.argv[1])
db = open_database(folder / "catalog.sqlite")
engine = Engine(db, folder, VectorSpace(db, folder, "notes"))
print("ready", flush=True)
for _ in sys.stdin:
    engine.drop()
    print(engine.build(behind=0), flush=True)
"""


def test_two_processes_that_make_it_at_once_leave_one_that_is_right(opened, other):
    opened.add(3000)
    builders = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(opened.folder)],
            env=pretend_cli.environment(OMP_NUM_THREADS="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        assert [builder.stdout.readline() for builder in builders] == ["ready\n"] * 2
        gallery = np.array(opened.vectors.gallery())
        for _ in range(5):
            for builder in builders:
                builder.stdin.write("go\n")
                builder.stdin.flush()
            _, rows = other.engine.nearest(gallery[:20], 1)  # whatever there is just now
            assert_array_equal(rows[:, 0], np.arange(20))
            assert "True\n" in [builder.stdout.readline() for builder in builders]
    finally:
        for builder in builders:
            builder.communicate(timeout=600)
    assert [builder.returncode for builder in builders] == [0, 0]
    made = opened.engine.recorded()
    assert isinstance(made, CacheFile)
    assert (opened.files, made.covered) == ([made.name], 3000)
    opened.check_search(State.INDEXED)
