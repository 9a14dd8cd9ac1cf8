"""Backups: equal to what they were made of, whatever goes on meanwhile, or refused."""

from __future__ import annotations

import json
import resource
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from backed_up import WORDS, content, make, names_in, words_of
from numpy.testing import assert_array_equal

import retrieve.indexes.upkeep.backup
from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.restore import restore


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "collection")


@pytest.fixture
def collection(made, tmp_path):
    with open_collection(Path(shutil.copytree(made, tmp_path / "collection"))) as opened:
        yield opened


def test_what_is_restored_equals_what_was_backed_up(collection, tmp_path):
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert content(tmp_path / "restored") == content(collection.path)
    assert names_in(tmp_path) == ["collection", "faces.tar", "restored"]
    assert (tmp_path / "faces.tar").stat().st_mode & 0o777 == 0o600
    for path in [tmp_path / "restored", *(tmp_path / "restored").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
    with open_collection(tmp_path / "restored") as opened:
        small.add(opened, "/album/new.jpg", "new")  # it can be written to
        assert opened.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_empty_collection_comes_back(tmp_path):
    with small.opened(tmp_path / "collection") as empty:
        backup(empty, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert content(tmp_path / "restored") == content(tmp_path / "collection")


def test_any_tar_shows_what_is_in_it(collection, tmp_path):
    backup(collection, tmp_path / "faces.tar")
    with tarfile.open(tmp_path / "faces.tar", "r:") as tar:
        assert tar.getnames() == ["faces.f32", "catalog.sqlite", "manifest.json"]
        manifest = json.load(tar.extractfile("manifest.json"))
        vectors = tar.extractfile("faces.f32").read()
    assert manifest["spaces"] == {"faces": small.MADE_BY}
    assert vectors == (collection.path / "faces.f32").read_bytes()


def test_a_file_that_is_there_is_replaced_only_when_asked_for(collection, tmp_path):
    file = tmp_path / "faces.tar"
    file.write_bytes(b"precious")
    with pytest.raises(BadInput, match="--force"):
        backup(collection, file)
    assert file.read_bytes() == b"precious"
    backup(collection, file, force=True)
    restore(file, tmp_path / "restored")
    with pytest.raises(BadInput, match="is no file"):
        backup(collection, tmp_path / "restored", force=True)


def test_progress_ends_at_the_whole(collection, tmp_path):
    for work in (
        lambda tell: backup(collection, tmp_path / "faces.tar", on_bytes=tell),
        lambda tell: restore(tmp_path / "faces.tar", tmp_path / "restored", on_bytes=tell),
    ):
        steps = []
        work(lambda done, of, steps=steps: steps.append((done, of)))
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


# While others write


def _forget(collection, *words):
    """As forgetting does: every row away, the vectors overwritten."""
    with writing(collection.db):
        for word in words:
            query = (
                "SELECT id, row, content_id FROM faces JOIN crops ON face_id = id WHERE jpeg = ?"
            )
            face_id, row, content_id = collection.db.execute(
                query, [small.JPEG + word.encode()]
            ).fetchone()
            for table, column, value in [
                ("crops", "face_id", face_id),
                ("faces", "id", face_id),
            ]:
                collection.db.execute(f"DELETE FROM {table} WHERE {column} = ?", [value])
            left = "SELECT 1 FROM faces WHERE content_id = ?"
            if not collection.db.execute(left, [content_id]).fetchone():
                for table, column in [("paths", "content_id"), ("contents", "id")]:
                    collection.db.execute(f"DELETE FROM {table} WHERE {column} = ?", [content_id])
            collection.faces.kill([row])
        traces.mark(collection.db)


def _compact(collection):
    with writing(collection.db):
        gallery = np.array(collection.faces.gallery())
        rows = [row for (row,) in collection.db.execute("SELECT row FROM faces ORDER BY row")]
        for new, old in enumerate(rows):
            collection.db.execute("UPDATE faces SET row = ? WHERE row = ?", [new, old])
        collection.faces.begin_generation([gallery[rows]])
    collection.faces.remove_leftovers()


@pytest.fixture
def meanwhile(monkeypatch):
    """Lets other connections do something at each step of copying, as long as there is some."""
    todo = []
    real = retrieve.indexes.upkeep.backup._Told.tell

    def tell(self, done):
        real(self, done)
        if todo:
            todo.pop(0)()

    monkeypatch.setattr(retrieve.indexes.upkeep.backup._Told, "tell", tell)
    return todo


def test_copies_that_sqlite_left_of_deleted_rows_are_not_in_it(collection, tmp_path):
    collection.db.execute("PRAGMA secure_delete = OFF")
    _forget(collection, *WORDS[4:6])
    collection.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert b"/album/04.jpg" in (collection.path / "catalog.sqlite").read_bytes()
    backup(collection, tmp_path / "faces.tar")
    assert b"/album/04.jpg" not in (tmp_path / "faces.tar").read_bytes()
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    with open_collection(tmp_path / "restored") as opened:
        assert traces.pending(opened.db) == []
        assert opened.catalog.counts()["dead"] == 2


def test_retrieve_forget_and_compact_meanwhile_leave_nothing_in_it(collection, tmp_path, meanwhile):
    def forget_and_compact():
        with open_collection(collection.path) as other:
            forget(other, paths=[Path("/album/04.jpg")], verify=True)
            compact(other)

    meanwhile += [lambda: None, forget_and_compact]
    backup(collection, tmp_path / "faces.tar")
    assert b"/album/04.jpg" not in (tmp_path / "faces.tar").read_bytes()
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert content(tmp_path / "restored") == content(collection.path)


STEPS = 3  # at which the catalog, the vectors and the catalog again are copied


@pytest.mark.parametrize("step", range(STEPS))
def test_what_others_add_meanwhile_is_whole_or_not_there(collection, tmp_path, meanwhile, step):
    def add():
        with open_collection(collection.path) as other:
            small.add(other, "/album/new.jpg", "new words")

    meanwhile += [*([lambda: None] * step), add]
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert words_of(tmp_path / "restored") == sorted([*WORDS, "last"])
    assert words_of(collection.path) == sorted([*WORDS, "last", "new", "words"])


@pytest.mark.parametrize("wiped", [True, False], ids=["wiped", "not yet wiped"])
@pytest.mark.parametrize("step", range(STEPS))
def test_what_is_forgotten_meanwhile_is_not_in_it(collection, tmp_path, meanwhile, step, wiped):
    def forget():
        with open_collection(collection.path) as other:
            _forget(other, *WORDS[4:7])
            if wiped:
                other.faces.wipe()

    meanwhile += [*([lambda: None] * step), forget]
    backup(collection, tmp_path / "faces.tar")
    data = (tmp_path / "faces.tar").read_bytes()
    for word in WORDS[4:7]:
        assert pretend.embedding(word).tobytes() not in data
        assert word.encode() not in data
    assert b"/album/04.jpg" not in data
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert words_of(tmp_path / "restored") == sorted([*WORDS[:4], *WORDS[7:], "last"])
    with open_collection(tmp_path / "restored") as opened:
        assert opened.faces.wipe() == 0  # nothing is left to be overwritten
        assert_array_equal(opened.faces.gallery()[4:7], np.zeros((3, pretend.Embedder.dim)))


def test_what_a_writer_that_died_had_half_overwritten_is_backed_up_as_zeros(collection, tmp_path):
    _forget(collection, *WORDS[:2])
    collection.faces.file(collection.faces.required()).overwrite(
        [0], np.zeros((1, pretend.Embedder.dim), np.float32)
    )
    _forget(collection, *WORDS[2:4])
    collection.faces.wipe()
    backup(collection, tmp_path / "faces.tar")
    assert pretend.embedding(WORDS[1]).tobytes() not in (tmp_path / "faces.tar").read_bytes()
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert words_of(tmp_path / "restored") == sorted([*WORDS[4:], "last"])


@pytest.mark.parametrize("step", range(STEPS))
def test_compacting_meanwhile_does_no_harm(collection, tmp_path, meanwhile, step):
    def compact():
        with open_collection(collection.path) as other:
            _forget(other, *WORDS[4:7])
            _compact(other)

    meanwhile += [*([lambda: None] * step), compact]
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert words_of(tmp_path / "restored") == sorted([*WORDS[:4], *WORDS[7:], "last"])


def test_writers_that_never_stop_are_made_to_wait(collection, tmp_path, monkeypatch):
    waiting = iter(WORDS)
    real = retrieve.indexes.upkeep.backup._copied

    def copied(*args):
        manifest = real(*args)
        if not collection.db.conn.in_transaction:  # the lock would make it wait for us
            with open_collection(collection.path) as other:
                _forget(other, next(waiting))
                other.faces.wipe()
        return manifest

    monkeypatch.setattr(retrieve.indexes.upkeep.backup, "_copied", copied)
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    forgotten = retrieve.indexes.upkeep.backup.TRIES - 1
    assert next(waiting) == WORDS[forgotten]
    assert words_of(tmp_path / "restored") == sorted([*WORDS[forgotten:], "last"])


# Refusals


def test_damaged_vectors_are_not_backed_up(collection, tmp_path):
    with (collection.path / "faces.f32").open("r+b") as file:
        file.seek(700)
        file.write(b"\xff")
    with pytest.raises(
        CollectionError, match=r"faces.f32 is damaged in its rows 0 to 40; .*repair"
    ):
        backup(collection, tmp_path / "faces.tar")
    (collection.path / "faces.f32").unlink()
    with pytest.raises(CollectionError, match=r"faces.f32 is missing; .*repair"):
        backup(collection, tmp_path / "faces.tar")
    assert names_in(tmp_path) == ["collection"]


def test_a_full_disk_is_one_line_and_leaves_nothing(collection, tmp_path):
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (collection.path / "catalog.sqlite").stat().st_size
    for limit in (1000, size // 2, size + 4000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, free[1]))
        try:
            with pytest.raises(CollectionError, match="Nothing of it was left behind") as caught:
                backup(collection, tmp_path / "faces.tar")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, free)
        assert "\n" not in str(caught.value)
        assert names_in(tmp_path) == ["collection"]
    backup(collection, tmp_path / "faces.tar")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, free[1]))
    try:
        with pytest.raises(CollectionError, match="Nothing of it was left behind"):
            restore(tmp_path / "faces.tar", tmp_path / "restored")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
    assert names_in(tmp_path) == ["collection", "faces.tar"]


def test_a_folder_that_is_not_there_is_one_line(collection, tmp_path):
    with pytest.raises(CollectionError, match="no such file or directory"):
        backup(collection, tmp_path / "nowhere" / "faces.tar")
    with pytest.raises(BadInput, match="no such file"):
        restore(tmp_path / "nowhere.tar", tmp_path / "restored")
    assert names_in(tmp_path) == ["collection"]


def test_a_collection_that_can_only_be_read_is_backed_up(collection, tmp_path):
    with open_collection(collection.path, read_only=True) as opened:
        backup(opened, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert words_of(tmp_path / "restored") == sorted([*WORDS, "last"])
