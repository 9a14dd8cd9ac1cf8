"""Backups: equal to what they were made of, whatever goes on meanwhile, or refused."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_array_equal

import indexes.backup
from indexes import traces
from indexes.backup import backup
from indexes.collection import open_collection
from indexes.compact import compact
from indexes.database import writing
from indexes.forget import forget
from indexes.restore import restore
from retrieval.errors import BadInput, CollectionError

WORDS = [f"word{i}" for i in range(40)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "collection"
    with small.opened(folder) as opened:
        for i in range(0, len(WORDS), 2):
            small.add(opened, f"/album/{i:02}.jpg", " ".join(WORDS[i : i + 2]))
        small.add(opened, os.fsdecode(b"/album/ni\xf1o.jpg"), "last")
    return folder


@pytest.fixture
def collection(made, tmp_path):
    with open_collection(Path(shutil.copytree(made, tmp_path / "collection"))) as opened:
        yield opened


def _content(folder):
    """Every row of every table but the index files', and the vectors by item."""
    with open_collection(folder) as opened:
        tables = [
            name
            for (name,) in opened.db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'caches'"
            )
        ]
        rows = {
            name: sorted(map(repr, opened.db.execute(f"SELECT * FROM {name}"))) for name in tables
        }
        return rows, opened.faces.gallery().tobytes(), opened.faces.damaged()


def _words(folder):
    """The words of the stored faces, after comparing each with its vector."""
    with open_collection(folder) as opened:
        gallery = opened.faces.gallery()
        found = []
        for face_id, row in opened.db.execute("SELECT id, row FROM faces"):
            word = small.word(opened.catalog.crop(face_id))
            assert_array_equal(gallery[row], pretend.embedding(word)[0])
            found.append(word)
        assert opened.faces.damaged() == []
        return sorted(found)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_restored_equals_what_was_backed_up(collection, tmp_path):
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert _content(tmp_path / "restored") == _content(collection.path)
    assert _names(tmp_path) == ["collection", "faces.tar", "restored"]
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
    assert _content(tmp_path / "restored") == _content(tmp_path / "collection")


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
            query = "SELECT id, row, photo_id FROM faces JOIN crops ON face_id = id WHERE jpeg = ?"
            face_id, row, photo_id = collection.db.execute(
                query, [small.JPEG + word.encode()]
            ).fetchone()
            for table, column, value in [
                ("crops", "face_id", face_id),
                ("faces", "id", face_id),
            ]:
                collection.db.execute(f"DELETE FROM {table} WHERE {column} = ?", [value])
            left = "SELECT 1 FROM faces WHERE photo_id = ?"
            if not collection.db.execute(left, [photo_id]).fetchone():
                for table, column in [("paths", "photo_id"), ("photos", "id")]:
                    collection.db.execute(f"DELETE FROM {table} WHERE {column} = ?", [photo_id])
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
    real = indexes.backup._Told.tell

    def tell(self, done):
        real(self, done)
        if todo:
            todo.pop(0)()

    monkeypatch.setattr(indexes.backup._Told, "tell", tell)
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
    assert _content(tmp_path / "restored") == _content(collection.path)


STEPS = 3  # at which the catalog, the vectors and the catalog again are copied


@pytest.mark.parametrize("step", range(STEPS))
def test_what_others_add_meanwhile_is_whole_or_not_there(collection, tmp_path, meanwhile, step):
    def add():
        with open_collection(collection.path) as other:
            small.add(other, "/album/new.jpg", "new words")

    meanwhile += [*([lambda: None] * step), add]
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert _words(tmp_path / "restored") == sorted([*WORDS, "last"])
    assert _words(collection.path) == sorted([*WORDS, "last", "new", "words"])


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
    assert _words(tmp_path / "restored") == sorted([*WORDS[:4], *WORDS[7:], "last"])
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
    assert _words(tmp_path / "restored") == sorted([*WORDS[4:], "last"])


@pytest.mark.parametrize("step", range(STEPS))
def test_compacting_meanwhile_does_no_harm(collection, tmp_path, meanwhile, step):
    def compact():
        with open_collection(collection.path) as other:
            _forget(other, *WORDS[4:7])
            _compact(other)

    meanwhile += [*([lambda: None] * step), compact]
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert _words(tmp_path / "restored") == sorted([*WORDS[:4], *WORDS[7:], "last"])


def test_writers_that_never_stop_are_made_to_wait(collection, tmp_path, monkeypatch):
    waiting = iter(WORDS)
    real = indexes.backup._copied

    def copied(*args):
        manifest = real(*args)
        if not collection.db.conn.in_transaction:  # the lock would make it wait for us
            with open_collection(collection.path) as other:
                _forget(other, next(waiting))
                other.faces.wipe()
        return manifest

    monkeypatch.setattr(indexes.backup, "_copied", copied)
    backup(collection, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    forgotten = indexes.backup.TRIES - 1
    assert next(waiting) == WORDS[forgotten]
    assert _words(tmp_path / "restored") == sorted([*WORDS[forgotten:], "last"])


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
    assert _names(tmp_path) == ["collection"]


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
        assert _names(tmp_path) == ["collection"]
    backup(collection, tmp_path / "faces.tar")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, free[1]))
    try:
        with pytest.raises(CollectionError, match="Nothing of it was left behind"):
            restore(tmp_path / "faces.tar", tmp_path / "restored")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, free)
    assert _names(tmp_path) == ["collection", "faces.tar"]


def test_a_folder_that_is_not_there_is_one_line(collection, tmp_path):
    with pytest.raises(CollectionError, match="no such file or directory"):
        backup(collection, tmp_path / "nowhere" / "faces.tar")
    with pytest.raises(BadInput, match="no such file"):
        restore(tmp_path / "nowhere.tar", tmp_path / "restored")
    assert _names(tmp_path) == ["collection"]


@pytest.fixture
def members(collection, tmp_path):
    """The contents of a good backup, by name."""
    backup(collection, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar", "r:") as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}


def _refused(file, tmp_path, match):
    before = _names(tmp_path)
    with pytest.raises(BadInput, match=match) as caught:
        restore(file, tmp_path / "restored")
    assert "\n" not in str(caught.value)
    assert _names(tmp_path) == before


def _tar(path, members, *more):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in more:
            tar.addfile(info)
    return path


def _link(name, kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "name",
    ["../evil.f32", "/tmp/evil.f32", "a/b.f32", "cache", "catalog.sqlite-wal", ".f32", "x.f32\n"],
)
def test_other_members_than_those_of_a_backup_are_refused(members, tmp_path, name):
    _refused(_tar(tmp_path / "t.tar", {name: b"x"} | members), tmp_path, "as no backup")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_folders_are_refused(members, tmp_path, kind):
    link = _link("more.f32", kind)
    _refused(_tar(tmp_path / "t.tar", members, link), tmp_path, "as no backup")
    del members["faces.f32"]
    link = _link("faces.f32", kind)
    _refused(_tar(tmp_path / "t.tar", members, link), tmp_path, "as no backup")


def test_a_member_twice_or_missing_is_refused(members, tmp_path):
    twice = tarfile.TarInfo("faces.f32")
    _refused(_tar(tmp_path / "t.tar", members, twice), tmp_path, "as no backup")
    for name in members:
        less = {other: data for other, data in members.items() if other != name}
        _refused(_tar(tmp_path / "t.tar", less), tmp_path, "manifest")


def test_a_newer_backup_and_a_newer_collection_are_refused(members, tmp_path):
    for key in ("format", "catalog_format"):
        manifest = json.loads(members["manifest.json"])
        manifest[key] += 1
        newer = members | {"manifest.json": json.dumps(manifest).encode()}
        _refused(_tar(tmp_path / "t.tar", newer), tmp_path, "Upgrade")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 1, "members": 3}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(members, tmp_path, text):
    bad = members | {"manifest.json": text}
    _refused(_tar(tmp_path / "t.tar", bad), tmp_path, "manifest cannot be read")


def test_foreign_files_are_refused(collection, tmp_path):
    for data in (b"", b"x", b"no tar" * 1000, bytes(10240)):
        (tmp_path / "t.tar").write_bytes(data)
        _refused(tmp_path / "t.tar", tmp_path, "backup of a collection")
    _refused(collection.path, tmp_path, "cannot read")
    _refused(_tar(tmp_path / "t.tar", {"letter.txt": b"x"}), tmp_path, "as no backup")
    with tarfile.open(tmp_path / "t.tar", "w:gz") as tar:
        tar.add(collection.path)
    _refused(tmp_path / "t.tar", tmp_path, "no backup")


def test_a_catalog_of_another_program_is_refused(members, tmp_path):
    with closing(sqlite3.connect(tmp_path / "theirs")) as conn:
        conn.execute("CREATE TABLE theirs (x)")
    _refused(_signed(tmp_path, members, (tmp_path / "theirs").read_bytes()), tmp_path, "opened")


def test_vectors_that_are_too_few_for_the_catalog_are_refused(members, tmp_path):
    members["faces.f32"] = members["faces.f32"][:-4]
    file = _signed(tmp_path, members, members["catalog.sqlite"])
    _refused(file, tmp_path, "opened.*5248 bytes.*5244 bytes")


def _signed(tmp_path, members, catalog):
    """A tar with a manifest that fits."""
    import hashlib

    members = members | {"catalog.sqlite": catalog}
    manifest = json.loads(members.pop("manifest.json"))
    manifest["members"] = {
        name: {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    return _tar(tmp_path / "t.tar", members | {"manifest.json": json.dumps(manifest).encode()})


def test_a_backup_that_was_cut_short_is_refused(members, tmp_path):
    data = (tmp_path / "good.tar").read_bytes()
    end = len(data) - 1024 - 512  # of what is more than padding
    for size in (*range(0, end, 7777), 512, end - 1):
        (tmp_path / "t.tar").write_bytes(data[:size])
        _refused(tmp_path / "t.tar", tmp_path, "backup of a collection|damaged")


def test_a_flipped_bit_is_refused_or_changes_nothing(collection, members, tmp_path):
    data = bytearray((tmp_path / "good.tar").read_bytes())
    expected = _content(collection.path)
    rng = np.random.default_rng(1)
    heads = [i for start in _heads(tmp_path / "good.tar") for i in range(start, start + 512)]
    tail = range(len(data) - 3000, len(data))  # the manifest
    every = [*rng.choice(heads, 60), *rng.choice(tail, 60), *rng.choice(len(data), 30)]
    refused = 0
    for i in every:
        bit = 1 << int(rng.integers(8))
        data[i] ^= bit
        (tmp_path / "t.tar").write_bytes(data)
        data[i] ^= bit
        try:
            restore(tmp_path / "t.tar", tmp_path / "restored")
        except BadInput:
            refused += 1
            assert not (tmp_path / "restored").exists()
        else:
            assert _content(tmp_path / "restored") == expected
            shutil.rmtree(tmp_path / "restored")
    assert refused > 60


def _heads(path):
    with tarfile.open(path, "r:") as tar:
        return [info.offset for info in tar]


def test_nothing_that_is_there_is_replaced(collection, members, tmp_path):
    before = _content(collection.path)
    with pytest.raises(BadInput, match="not empty"):
        restore(tmp_path / "good.tar", collection.path)
    assert _content(collection.path) == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        restore(tmp_path / "good.tar", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    restore(tmp_path / "good.tar", tmp_path / "link")
    assert _content(tmp_path / "empty") == before
    restore(tmp_path / "good.tar", tmp_path / "new" / "folder")
    assert _content(tmp_path / "new" / "folder") == before


def test_a_collection_that_can_only_be_read_is_backed_up(collection, tmp_path):
    with open_collection(collection.path, read_only=True) as opened:
        backup(opened, tmp_path / "faces.tar")
    restore(tmp_path / "faces.tar", tmp_path / "restored")
    assert _words(tmp_path / "restored") == sorted([*WORDS, "last"])
