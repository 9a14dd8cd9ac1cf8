"""The engine of one machine: what becomes of shards that cannot be asked, and of threads."""

from __future__ import annotations

from pathlib import Path

import clustered
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.opened import CATALOG


@pytest.fixture
def folder(tmp_path):
    return clustered.make(tmp_path / "cluster", {"/a.jpg": "ana"}, {"/b.jpg": "ana"})


def _paths(collection):
    return [str(path_of(path)) for (path,) in collection.db.execute("SELECT path FROM paths")]


def _locks():
    """How often the locks of shards are open here."""
    files = [one for one in Path("/proc/self/fd").iterdir() if one.exists()]
    return sum(one.readlink().name.endswith(".lock") for one in files)


def _unless_second(collection):
    if collection.path.name == "0001":
        raise OSError(5, "Input/output error")
    return "here"


def test_storage_that_goes_while_a_shard_is_asked_makes_that_shard_missing(folder):
    with clustered.opened(folder) as cluster:
        answers = cluster.ask(_unless_second)
    assert answers.given == {0: "here"}
    assert "Input/output error" in answers.missing[1]


def test_a_damaged_shard_that_is_asked_again_and_again_keeps_no_lock(folder):
    (folder / "shards/0001" / CATALOG).write_bytes(b"no database" * 500)
    with clustered.opened(folder) as cluster:
        for _ in range(5):
            answers = cluster.ask(_paths)
            assert answers.given == {0: ["/a.jpg"]}
            assert answers.missing.keys() == {1}
        assert _locks() == 1


def test_a_thread_whose_servers_another_one_lets_go_asks_the_new_ones(folder, monkeypatch):
    """Between its look at which shards there are and its question a shard is added, and asked."""
    with clustered.opened(folder) as cluster:
        served, lost = type(cluster).servers_of, []

        def late(self, copy):
            servers = served(self, copy)
            if not lost:
                lost.append(servers)
                clustered.add_shard(folder, {"/c.jpg": "ana"})
                served(self, copy)  # as the other thread does
            return servers

        monkeypatch.setattr(type(cluster), "servers_of", late)
        assert cluster.ask(_paths).all() == {0: ["/a.jpg"], 1: ["/b.jpg"], 2: ["/c.jpg"]}
        cluster.close()
        with pytest.raises(BadInput, match="was closed"):
            cluster.ask(_paths)


def _replaced(collection, folder, other):
    """Another shard takes the place of this one while it is asked."""
    _paths(collection)
    folder.rename(folder.with_name("aside"))
    other.rename(folder)
    return _paths(collection)


def test_a_shard_whose_folder_is_replaced_is_opened_anew_at_the_next_question(folder, tmp_path):
    other = clustered.make(tmp_path / "other", {"/a.jpg": "ana"}, {"/c.jpg": "ana"})
    with clustered.opened(folder) as cluster:
        assert cluster.ask(_paths).all() == {0: ["/a.jpg"], 1: ["/b.jpg"]}
        asked = cluster.ask(_replaced, folder / "shards/0001", other / "shards/0001", of=[1])
        assert asked.all() == {1: ["/b.jpg"]}  # which stays open until it has answered
        assert cluster.ask(_paths).all() == {0: ["/a.jpg"], 1: ["/c.jpg"]}
        assert _locks() == 2
        (folder / "shards/0001").rename(tmp_path / "away")
        assert cluster.ask(_paths).missing.keys() == {1}
        (tmp_path / "away").rename(folder / "shards/0001")
        assert cluster.ask(_paths).all() == {0: ["/a.jpg"], 1: ["/c.jpg"]}
    assert _locks() == 0
