"""What is not whole yet: private, noted, and removed by the next one when its maker is dead."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from retrieve.cache import replacing
from retrieve.unfinished import (
    folders_of,
    left,
    left_of,
    placing,
    remove_left,
    remove_left_of,
    unfinished,
)


def _killed(work):
    """Do it in a child process, which then kills itself."""
    pid = os.fork()
    if pid == 0:
        try:
            work(lambda: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def collection(tmp_path):
    (tmp_path / "parent" / "collection").mkdir(parents=True)
    return tmp_path / "parent" / "collection"


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _begin(beside, collection=None):
    def work(die):
        with unfinished(beside, noted_in=collection) as content:
            (content / "secret").write_text("Ana")
            die()

    return work


def test_it_is_private_while_it_is_made_and_gone_afterwards(elsewhere, collection):
    with unfinished(elsewhere, noted_in=collection) as content:
        assert list(content.iterdir()) == []
        assert content.stat().st_mode & 0o777 == content.parent.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in collection.iterdir()] == [0o600]
        assert folders_of(collection) == [content.parent]
    assert _names(elsewhere) == _names(collection) == []


def test_what_is_interrupted_leaves_nothing(elsewhere, collection):
    def interrupted():
        with unfinished(elsewhere, noted_in=collection) as content:
            (content / "part").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert _names(elsewhere) == _names(collection) == []


def test_what_somebody_is_making_is_left_alone(elsewhere, collection):
    with unfinished(elsewhere, noted_in=collection) as content:
        for sweep in (remove_left, remove_left_of):
            sweep(elsewhere if sweep is remove_left else collection)
            assert content.is_dir()
        assert left(elsewhere) == left_of(collection) == []
        with unfinished(elsewhere, noted_in=collection):
            assert content.is_dir()


def test_what_the_dead_left_beside_a_target_is_removed_by_the_next_one_there(elsewhere):
    _killed(_begin(elsewhere))
    (found,) = left(elsewhere)
    assert (found.folder / "content" / "secret").read_text() == "Ana"
    with replacing(elsewhere / "page.html") as part:
        part.write_text("new")
    assert _names(elsewhere) == ["page.html"]


def test_what_the_dead_left_of_a_collection_is_found_wherever_it_is(elsewhere, collection):
    for beside in (elsewhere, collection, collection.parent):
        _killed(_begin(beside, collection))
    assert {one.folder.parent for one in left_of(collection)} == {
        elsewhere,
        collection,
        collection.parent,
    }
    remove_left_of(collection)
    assert left_of(collection) == []
    assert _names(elsewhere) == _names(collection) == []
    assert _names(collection.parent) == ["collection"]


def test_what_an_older_version_left_of_a_backup_is_found_and_removed(elsewhere):
    def folder(name, *more, mark=b"RTRV", hours=2):
        (elsewhere / name).mkdir()
        (elsewhere / name / "catalog.sqlite").write_bytes(bytes(68) + mark + b"Ana")
        for file in more:
            (elsewhere / name / file).write_text("Ana")
        for path in (*(elsewhere / name).iterdir(), elsewhere / name):
            os.utime(path, (0, time.time() - hours * 3600))

    folder(".b.tar.01474437", "tar")
    folder(".early.tar.0147443f", "catalog.sqlite-wal")
    folder(".young.tar.01474437", hours=0.5)
    folder(".photos.retrieve", "faces.f32")  # a collection, and collections that look alike
    folder(".photos.01474437", "faces.f32")
    folder(".others.01474437", mark=b"Rtrv")
    folder(".more.01474437", "letter.txt")
    assert _names_of(left(elsewhere)) == [".b.tar.01474437", ".early.tar.0147443f"]
    remove_left(elsewhere)
    assert _names(elsewhere) == [
        ".more.01474437",
        ".others.01474437",
        ".photos.01474437",
        ".photos.retrieve",
        ".young.tar.01474437",
    ]


def test_what_an_older_version_left_of_a_restore_is_removed_unless_it_is_a_collection(collection):
    """It wrote the embeddings first, the catalog last, and then gave the folder its name."""
    beside, two_pages = collection.parent, bytes(16) + b"\x10\0" + bytes(10) + b"\0\0\0\2"
    catalog = two_pages.ljust(68, b"\0") + b"RTRV"

    def folder(name, files, hours=2):
        (beside / name).mkdir()
        for file, content in files.items():
            (beside / name / file).write_bytes(content)
        for path in (*(beside / name).iterdir(), beside / name):
            os.utime(path, (0, time.time() - hours * 3600))

    vectors = {"faces.3.f32": b"Ana", "passages.f32": b""}
    folder(".photos.k3_9a0zq", vectors)
    folder(".cut.k3_9a0zq", vectors | {"catalog.sqlite": catalog.ljust(8191, b"\0")})
    folder(".begun.k3_9a0zq", vectors | {"catalog.sqlite": b""})
    folder(".young.k3_9a0zq", vectors, hours=0.5)
    folder(".other.k3_9a0zq", vectors | {"letter.txt": b""})
    folder(".files.k3_9a0zq", {"other.f32": b"Ana"})
    folder(".empty.k3_9a0zq", {})
    folder(".whole.k3_9a0zq", vectors | {"catalog.sqlite": catalog.ljust(8192, b"\0")})
    removed = [".begun.k3_9a0zq", ".cut.k3_9a0zq", ".photos.k3_9a0zq"]
    assert _names_of(left(beside)) == removed
    found = left_of(collection)
    assert _names_of(found) == [*removed, ".whole.k3_9a0zq"]
    assert [one.folder.name for one in found if one.whole] == [".whole.k3_9a0zq"]
    assert {one.name for one in folders_of(collection)} == {*removed, ".whole.k3_9a0zq"}
    remove_left_of(collection)
    assert _names(beside) == [
        ".empty.k3_9a0zq",
        ".files.k3_9a0zq",
        ".other.k3_9a0zq",
        ".whole.k3_9a0zq",
        ".young.k3_9a0zq",
        "collection",
    ]


def _names_of(found):
    return sorted(one.folder.name for one in found)


@pytest.mark.parametrize("call", ["mkdir", "flock", "write", "fsync", "rmtree", "unlink"])
def test_killed_at_any_step_it_leaves_nothing_that_is_not_found(
    elsewhere, collection, call, monkeypatch
):
    import fcntl
    import shutil
    from pathlib import Path

    where = {"mkdir": Path, "flock": fcntl, "rmtree": shutil, "unlink": Path}.get(call, os)
    for at in range(1, 5):

        def work(die, at=at):
            real, calls = getattr(where, call), iter(range(1, at + 9))

            def struck(*args, **more):
                if next(calls) == at:
                    die()
                return real(*args, **more)

            setattr(where, call, struck)
            with unfinished(elsewhere, noted_in=collection) as content:
                (content / "secret").write_text("Ana")
            die()

        _killed(work)
        remove_left_of(collection)
        assert _names(elsewhere) == _names(collection) == []


def test_a_disk_that_is_not_there_now_keeps_its_note(elsewhere, collection):
    _killed(_begin(elsewhere, collection))
    away = elsewhere.rename(elsewhere.with_name("unplugged"))
    for _ in range(2):  # nothing there, then an empty folder where the disk was mounted
        (found,) = left_of(collection)
        assert not found.reachable
        remove_left_of(collection)
        elsewhere.mkdir(exist_ok=True)
    elsewhere.rmdir()
    away.rename(elsewhere)
    remove_left_of(collection)
    assert _names(elsewhere) == _names(collection) == []


def test_a_planted_note_removes_nothing_of_others(elsewhere, collection, tmp_path):
    (elsewhere / "precious").write_text("mine")
    for text in (
        json.dumps({"folder": str(elsewhere), "inode": elsewhere.stat().st_ino}),
        json.dumps({"folder": 3}),
        "[" * 100_000,
        "",
    ):
        (collection / f"{'0' * 16}.unfinished").write_text(text)
        remove_left_of(collection)
    (elsewhere / f".retrieve-{'1' * 16}.part").symlink_to(tmp_path)
    (collection / f"{'2' * 16}.unfinished").symlink_to(elsewhere / "precious")
    os.mkfifo(collection / f"{'3' * 16}.unfinished")
    remove_left_of(collection)
    remove_left(elsewhere)
    assert (elsewhere / "precious").read_text() == "mine"
    assert tmp_path.is_dir()


def test_what_was_half_placed_is_taken_back_and_what_was_placed_stays(elsewhere):
    def work(moved):
        def begin(die):
            with unfinished(elsewhere) as content:
                placing(content, ["faces.f32", "catalog.sqlite"])
                for name in ("faces.f32", "catalog.sqlite")[:moved]:
                    (elsewhere / name).write_text("new")
                die()

        return begin

    (elsewhere / "letter.txt").write_text("mine")
    _killed(work(1))
    remove_left(elsewhere)
    assert _names(elsewhere) == ["letter.txt"]
    _killed(work(2))
    remove_left(elsewhere)
    assert _names(elsewhere) == ["catalog.sqlite", "faces.f32", "letter.txt"]


def test_what_is_said_to_have_been_placed_is_never_a_file_of_somebody_else(elsewhere):
    (elsewhere / "letter.txt").write_text("mine")
    folder = elsewhere / f".retrieve-{'0' * 16}.part"
    for names in (["letter.txt", "catalog.sqlite"], ["../letter.txt", "x.f32"], [3], {}, []):
        folder.mkdir()
        (folder / "placed").write_text(json.dumps(names))
        remove_left(elsewhere)
        assert _names(elsewhere) == ["letter.txt"]
