"""Restoring: what is no whole backup is refused in one line, and nothing is left of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from backed_up import content, make, names_in

import retrieve.indexes.upkeep.restore
from retrieve.errors import BadInput
from retrieve.indexes.collection import open_collection
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.restore import restore


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "collection")


@pytest.fixture
def collection(made, tmp_path):
    with open_collection(Path(shutil.copytree(made, tmp_path / "collection"))) as opened:
        yield opened


@pytest.fixture
def members(collection, tmp_path):
    """The contents of a good backup, by name."""
    backup(collection, tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar", "r:") as tar:
        return {name: tar.extractfile(name).read() for name in tar.getnames()}


def _refused(file, tmp_path, match):
    before = names_in(tmp_path)
    with pytest.raises(BadInput, match=match) as caught:
        restore(file, tmp_path / "restored")
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == before


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
    _refused(_signed(tmp_path, members, (tmp_path / "theirs").read_bytes()), tmp_path, "program")


def test_vectors_that_are_too_few_for_the_catalog_are_refused(members, tmp_path):
    members["faces.f32"] = members["faces.f32"][:-4]
    file = _signed(tmp_path, members, members["catalog.sqlite"])
    _refused(file, tmp_path, "opened.*5248 bytes.*5244 bytes")


def _signed(tmp_path, members, catalog):
    """A tar with a manifest that fits."""
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
    expected = content(collection.path)
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
            assert content(tmp_path / "restored") == expected
            shutil.rmtree(tmp_path / "restored")
    assert refused > 60


def _heads(path):
    with tarfile.open(path, "r:") as tar:
        return [info.offset for info in tar]


def test_nothing_that_is_there_is_replaced(collection, members, tmp_path):
    before = content(collection.path)
    with pytest.raises(BadInput, match="not empty"):
        restore(tmp_path / "good.tar", collection.path)
    assert content(collection.path) == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        restore(tmp_path / "good.tar", tmp_path / "file")
    (tmp_path / "empty").mkdir(0o700)
    (tmp_path / "link").symlink_to("empty")
    restore(tmp_path / "good.tar", tmp_path / "link")
    assert content(tmp_path / "empty") == before
    restore(tmp_path / "good.tar", tmp_path / "new" / "folder")
    assert content(tmp_path / "new" / "folder") == before


# Into a folder that is there


@pytest.fixture
def good(collection, tmp_path):
    backup(collection, tmp_path / "good.tar")
    return tmp_path / "good.tar"


def test_a_folder_that_is_there_is_kept_and_told_of_if_others_may_look_into_it(
    collection, good, tmp_path
):
    target = tmp_path / "empty"
    target.mkdir()
    (target / "lost+found").mkdir()  # as in the root of an empty file system
    target.chmod(0o755)
    inode = target.stat().st_ino
    with pytest.warns(UserWarning, match=r"others may look into .*mode 755.*chmod go-rwx"):
        restore(good, target)
    assert (target.stat().st_ino, target.stat().st_mode & 0o777) == (inode, 0o755)
    assert content(target) == content(collection.path)
    assert names_in(target) == ["catalog.sqlite", "faces.f32", "lost+found"]
    assert {path.stat().st_mode & 0o077 for path in target.iterdir() if path.is_file()} == {0}


def test_a_mount_point_is_restored_into(collection, good, tmp_path):
    target = tmp_path / "disk"
    target.mkdir(0o700)
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m,mode=700", "none", target], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        restore(good, target)
        assert content(target) == content(collection.path)
    finally:
        subprocess.run(["umount", "-l", target], check=True)


@pytest.mark.parametrize("at", range(1, 4))
def test_a_restore_that_dies_in_a_folder_leaves_nothing_to_the_next_one(
    collection, good, tmp_path, at
):
    target = tmp_path / "empty"
    target.mkdir(0o700)
    pid = os.fork()
    if pid == 0:
        real, calls = os.replace, iter(range(1, 9))
        retrieve.indexes.upkeep.restore.os.replace = lambda *paths: (
            os._exit(0) if next(calls) == at else real(*paths)
        )
        restore(good, target)
        os._exit(0)
    os.waitpid(pid, 0)
    if (target / "catalog.sqlite").exists():
        assert content(target) == content(collection.path)
        return
    assert any(target.iterdir())
    restore(good, target)
    assert content(target) == content(collection.path)
    assert names_in(target) == ["catalog.sqlite", "faces.f32"]


def test_a_new_collection_where_a_restore_died_begins_without_what_it_left(good, tmp_path):
    target = tmp_path / "new"
    pid = os.fork()
    if pid == 0:
        retrieve.indexes.upkeep.restore.check_catalog = lambda *_: os._exit(0)
        restore(good, target)
    os.waitpid(pid, 0)
    assert any(name.startswith(".retrieve-") for name in names_in(tmp_path))
    with open_collection(target, create=True):
        pass
    assert names_in(tmp_path) == ["collection", "good.tar", "new"]


def test_a_pipe_is_no_backup(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    _refused(tmp_path / "pipe", tmp_path, "cannot read")


def test_a_new_collection_in_a_folder_that_others_may_look_into_says_so(tmp_path):
    (tmp_path / "open").mkdir(0o755)
    with pytest.warns(UserWarning, match="others may look into"):
        open_collection(tmp_path / "open", create=True).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_collection(tmp_path / "open", create=True).close()  # it is one now: check says it
        open_collection(tmp_path / "own", create=True).close()
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
