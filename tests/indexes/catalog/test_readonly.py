"""Collections that may only be read, or not even that: answers or one line, and nothing changes."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pretend
import pretend_cli
import pytest
import small
import unprivileged
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import APPLICATION_ID
from retrieve.indexes.catalog.migrations import FORMAT
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import ann
from retrieve.indexes.search.engine import State
from retrieve.indexes.upkeep.backup import backup

WORDS = ["ana", "luis", "eva"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A collection as a process leaves it, and one as a crash leaves it: the rest in a WAL."""
    folder = tmp_path_factory.mktemp("made")
    with small.opened(folder / "closed") as opened:
        for word in WORDS:
            small.add(opened, f"/album/{word}.jpg", word)
        opened.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        small.add(opened, "/album/last.jpg", "last")
        for name in ("crashed", "crashed-without-shm"):
            shutil.copytree(opened.path, folder / name)
    (folder / "crashed-without-shm" / "catalog.sqlite-shm").unlink()
    assert (folder / "crashed" / "catalog.sqlite-wal").stat().st_size > 0
    assert not (folder / "closed" / "catalog.sqlite-wal").exists()
    return folder


KINDS = ("closed", "crashed", "crashed-without-shm")


@pytest.fixture
def collection(made, tmp_path):
    """One to be spoilt."""
    yield Path(shutil.copytree(made / "closed", tmp_path / "collection"))
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(0o700)  # so that it can be removed


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _seal(folder):
    for path in folder.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    folder.chmod(0o500)


# Commands one after the other in one process: exit code, results and errors of each.
COMMANDS = """
import contextlib, io, json, sys
import pretend_cli
from retrieve.cli.app import main
pretend_cli.replace_networks()
for arguments in json.load(sys.stdin):
    sys.argv = ["retrieve", *arguments]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), err.getvalue().strip()]))
"""

# What searching in each folder finds first, how many, how many there are, and how.
LOOK = """
import json, sys
import pretend
from pathlib import Path
from retrieve.indexes.search import ann
from retrieve.indexes.collection import open_collection
ann.wants_index = lambda rows, dim: rows > 100
for folder in json.load(sys.stdin):
    with open_collection(Path(folder)) as opened:
        hits = opened.nearest(pretend.embedding("last"), k=4)[0]
        faces = opened.info().counts["faces"]
        print(json.dumps([hits[0].path.name, len(hits), faces, opened.engine.state]))
"""


def _without_rights(code, wanted):
    """The lines of a program that file modes bind."""
    try:
        done = unprivileged.run(
            [sys.executable, "-c", code],
            input=json.dumps(wanted, default=str),
            env=pretend_cli.environment(),
        )
    except subprocess.SubprocessError:
        pytest.skip("root cannot give up its rights here")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_folder_that_cannot_be_written_is_searched(made, tmp_path):
    folders = [Path(shutil.copytree(made / kind, tmp_path / kind)) for kind in KINDS]
    for folder in folders:
        _seal(folder)
    before = [_bytes(folder) for folder in folders]
    for found in _without_rights(LOOK, folders):
        assert found == ["last.jpg", 4, 4, "exact"]
    commands = [["info", "--json", "-c", folder] for folder in folders]
    for code, text, _ in _without_rights(COMMANDS, commands):
        assert (code, json.loads(text)["faces"]) == (0, 4)
    assert [_bytes(folder) for folder in folders] == before


def test_changing_what_cannot_be_written_is_one_line(collection, tmp_path):
    photo, other = tmp_path / "a.jpg", tmp_path / "other"
    photo.write_text("ana")
    other.mkdir()
    with open_collection(collection) as opened:
        backup(opened, tmp_path / "faces.tar")
    _seal(collection)
    _seal(other)
    before = _bytes(collection)
    commands = [
        ["index", photo, "-c", collection],
        ["watch", other, "-c", collection],
        ["forget", "/album/ana.jpg", "--yes", "-c", collection],
        ["compact", "-c", collection],
        ["name", "Ana", "--face-id", "1", "-c", collection],
        ["index", photo, "-c", other],
        ["index", photo, "-c", other / "new"],
        ["restore", tmp_path / "faces.tar", "-c", other / "new"],
        ["backup", other / "new.tar", "-c", collection],
    ]
    for arguments, (code, _, error) in zip(
        commands, _without_rights(COMMANDS, commands), strict=True
    ):
        assert code == 1, (arguments, error)
        assert len(error.splitlines()) == 1, (arguments, error)
        assert "permission denied" in error.lower() or "read only" in error, (arguments, error)
    assert _bytes(collection) == before
    assert list(other.iterdir()) == []


def test_what_may_not_be_read_is_one_line(made, tmp_path):
    commands = []
    for i, closed in enumerate(["", "catalog.sqlite", "faces.f32"]):
        folder = Path(shutil.copytree(made / "closed", tmp_path / f"{i}"))
        (folder / closed).chmod(0)
        commands.append(["info", "-c", folder])
    for code, _, error in _without_rights(COMMANDS, commands):
        assert code == 1
        assert len(error.splitlines()) == 1
        assert "Give yourself the right to read" in error


def test_a_catalog_that_is_write_protected_is_searched_and_nothing_appears_beside_it(collection):
    (collection / "catalog.sqlite").chmod(0o400)
    before = _bytes(collection)
    assert _without_rights(LOOK, [collection]) == [["last.jpg", 4, 4, "exact"]]
    assert _bytes(collection) == before


def test_a_backup_is_made_of_what_cannot_be_written(collection, tmp_path):
    _seal(collection)
    commands = [
        ["backup", tmp_path / "faces.tar", "-c", collection],
        ["restore", tmp_path / "faces.tar", "-c", tmp_path / "restored"],
    ]
    (made, _, said), (restored, text, error) = _without_rights(COMMANDS, commands)
    assert (made, restored) == (0, 0), (said, error)
    assert "4 faces" in text


def test_an_index_that_may_not_be_read_is_done_without(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(ann, "wants_index", lambda rows, dim: rows > 100)
    with open_collection(collection) as opened:
        small.add(opened, "/album/many.jpg", " ".join(f"many{i}" for i in range(120)))
        assert opened.engine.build()
    closed = Path(shutil.copytree(collection, tmp_path / "closed"))
    _seal(collection)
    _seal(closed)
    (closed / "cache").chmod(0)
    found = _without_rights(LOOK, [collection, closed])
    assert found == [["last.jpg", 4, 124, state] for state in ("indexed", "damaged")]


def test_a_read_only_file_system_is_searched(collection, tmp_path):
    """In a mount namespace of the child, where nobody else sees it."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, private, bind, remount_read_only = 0x20000, 0x44000, 0x1000, 0x1021

    def mount():
        at = os.fsencode(collection)
        for work in (
            lambda: libc.unshare(new_namespace),
            lambda: libc.mount(b"none", b"/", None, ctypes.c_ulong(private), None),
            lambda: libc.mount(at, at, None, ctypes.c_ulong(bind), None),
            lambda: libc.mount(b"none", at, None, ctypes.c_ulong(remount_read_only), None),
        ):
            if work():
                raise OSError(ctypes.get_errno(), "mount")

    photo = tmp_path / "a.jpg"
    photo.write_text("ana")
    outcomes = []
    for arguments in (["info", "--json"], ["index", photo]):
        try:
            outcomes.append(
                subprocess.run(
                    pretend_cli.command(*arguments, "-c", collection),
                    env=pretend_cli.environment(),
                    preexec_fn=mount,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            )
        except subprocess.SubprocessError:
            pytest.skip("a file system can be mounted by root only")
    looked, changed = outcomes
    assert json.loads(looked.stdout)["faces"] == 4
    assert changed.returncode == 1
    assert "read-only file system" in changed.stderr
    assert len(changed.stderr.strip().splitlines()) == 1


# What is not as it should be


def _newer(folder):
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as conn:
        conn.execute(f"PRAGMA user_version = {FORMAT + 1}")


def _foreign(folder):
    (folder / "catalog.sqlite").unlink()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE theirs (x)")


def _foreign_with_a_claim(folder):
    _foreign(folder)
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as conn:
        conn.execute(f"PRAGMA user_version = {FORMAT}")
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID - 1}")


def _no_database(folder):
    (folder / "catalog.sqlite").write_bytes(b"no database at all " * 1000)


def _truncated(folder):
    os.truncate(folder / "faces.f32", 300)


def _missing(folder):
    (folder / "faces.f32").unlink()


SPOILT = {
    _newer: f"has format {FORMAT + 1}; .*Upgrade",
    _foreign: "another program",
    _foreign_with_a_claim: "another program",
    _no_database: "file is not a database",
    _truncated: r"faces.f32 is damaged: .*4 embeddings \(512 bytes\).* 300 bytes",
    _missing: "faces.f32 is missing",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.strip("_"))
def test_what_is_not_as_it_should_be_is_one_line_and_stays_as_it_is(collection, tmp_path, spoil):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("new")
    spoil(collection)
    before = _bytes(collection)

    def look():
        with open_collection(collection) as opened:
            opened.nearest(pretend.embedding("ana"))

    def index():
        with open_collection(collection, create=True) as opened:
            small.index(opened, tmp_path / "photos")

    held = _dump(collection)
    for work in (look, index):
        with pytest.raises(CollectionError, match=SPOILT[spoil]) as caught:
            work()
        assert "\n" not in str(caught.value)
        after = _bytes(collection)
        assert after.keys() == before.keys()
        if work is index and spoil in (_truncated, _missing):
            # A writer begins with a commit of nothing, which counts in the file's head.
            assert _dump(collection) == held
            after["catalog.sqlite"] = before["catalog.sqlite"]
        assert after == before


def _dump(folder):
    uri = f"{(folder / 'catalog.sqlite').as_uri()}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as conn:
        try:
            return list(conn.iterdump())
        except sqlite3.DatabaseError:
            return None


def test_a_collection_opened_to_be_read_only_answers_and_stays_as_it_is(collection):
    before = _bytes(collection)
    with open_collection(collection, read_only=True) as opened:
        hits = opened.nearest(pretend.embedding("eva"), k=1)[0]
        assert hits[0].path == Path("/album/eva.jpg")
        assert opened.info().search is State.EXACT
        assert_array_equal(opened.faces.gallery()[2], pretend.embedding("eva")[0])
    assert _bytes(collection) == before
