"""A shard that is served to several threads: replaced under a question, and let go."""

from __future__ import annotations

import fcntl
import resource
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import clustered
import errands
import pytest

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.engines.holding import lock_of
from retrieve.indexes.cluster.engines.shard import FILES, Ended, Shard, allow_files
from retrieve.indexes.collection import Collection


@pytest.fixture
def folder(tmp_path):
    made = clustered.make(tmp_path / "cluster", {"/a/ana.jpg": "ana"}, {"/b/sea.jpg": ""})
    return made / "shards/0000"


def _paths(shard):
    with shard.collection() as collection:
        return errands.paths(collection)


def _lock(folder):
    """Fails where anybody holds the lock beside a shard."""
    with lock_of(folder).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_question_ends_with_the_collection_it_began_with(folder):
    shard = Shard(folder)
    with shard.collection() as began:
        folder.rename(folder.with_name(".aside"))
        shutil.copytree(folder.with_name("0001"), folder)
        assert _paths(shard)[0] == "/b/sea.jpg"
        assert errands.paths(began)[0] == "/a/ana.jpg"
    assert shard.let_go()


def test_without_its_folder_it_is_not_answered_for(folder):
    shard = Shard(folder)
    assert _paths(shard)
    folder.rename(folder.with_name(".aside"))
    with pytest.raises(CollectionError, match="is not there"):
        _paths(shard)
    folder.with_name(".aside").rename(folder)
    assert _paths(shard)
    shard.let_go()


def test_one_that_is_let_go_is_not_opened_again(folder):
    shard = Shard(folder)
    assert _paths(shard)
    assert shard.let_go()
    with pytest.raises(Ended):
        _paths(shard)
    assert Shard(folder).let_go()  # that was never opened


def test_what_was_asked_is_answered_before_it_is_closed(folder):
    shard, asked, go_on = Shard(folder), threading.Event(), threading.Event()

    def slowly():
        with shard.collection() as collection:
            asked.set()
            assert go_on.wait(600)
            return errands.paths(collection)

    with ThreadPoolExecutor() as threads:
        answer = threads.submit(slowly)
        try:
            assert asked.wait(600)
            assert not shard.let_go(wait_s=0.01)
            with pytest.raises(Ended):
                _paths(shard)
            gone = threads.submit(shard.let_go)
        finally:
            go_on.set()
        assert answer.result()[0] == "/a/ana.jpg"
        assert gone.result()


def test_one_that_cannot_be_closed_is_not_waited_for(folder, monkeypatch):
    shard = Shard(folder)

    def fails(_):
        raise OSError("its storage has gone")

    assert _paths(shard)
    with monkeypatch.context() as patch:
        patch.setattr(Collection, "close", fails)
        with pytest.raises(OSError, match="has gone"):
            shard.let_go()
    assert shard.let_go(wait_s=60)
    _lock(folder)


def test_one_that_cannot_be_opened_keeps_no_lock(folder):
    (folder / "catalog.sqlite").write_bytes(b"no catalog" * 100)
    shard = Shard(folder)
    for _ in range(2):
        with pytest.raises(CollectionError):
            _paths(shard)
    _lock(folder)
    assert shard.let_go()


def test_a_process_may_have_the_files_of_all_its_shards_open():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        allow_files(1000)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft >= min(1000 * FILES, hard)
        allow_files(1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
