"""A cluster's backup gives the cluster back; a second one copies what has changed."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import clustered
import pytest
import small

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes import keeping
from retrieve.indexes.cluster.life import backing_up, restoring
from retrieve.indexes.cluster.life.copies.refreshing import put_replicas
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.search import traces

FIRST = {"/a/ana.jpg": "ana luis", "/a/eva.jpg": "eva"}
SECOND = {"/b/ana.jpg": "ana2", "/b/sea.jpg": ""}
NAME = "Ana Núñez Prado"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cluster with a replica, and its backup."""
    folder = clustered.make(tmp_path_factory.mktemp("made") / "cluster", FIRST, SECOND)
    for shard, word in ((0, "ana"), (1, "ana2")):
        clustered.name(folder, shard, 1, NAME, [word])
    clustered.link(folder, "/b/copy.jpg", "/a/ana.jpg", shard=0)
    with clustered.opened(folder) as cluster:
        clustered.hear(cluster)
        with cluster.changing():
            put_replicas(cluster, 1)
        keeping.backup(cluster, folder.parent / "backup")
    return folder


@pytest.fixture
def backup(made, tmp_path):
    """A copy of the backup, which may be changed."""
    return Path(shutil.copytree(made.parent / "backup", tmp_path / "backup"))


def _content(folder):
    """All that a cluster says, but where its shards lie."""
    with clustered.opened(folder) as cluster:
        assert keeping.check(cluster) == []
        db = cluster.manifest.db
        tables = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name not in ("copies", "begun")
        ]
        rows = {name: sorted(map(repr, db.execute(f"SELECT * FROM {name}"))) for name in tables}
        # How many files a shard had when it was indexed last is made up in a cluster made by hand.
        rows["shards"] = sorted(map(repr, db.execute("SELECT number FROM shards")))
        return rows, cluster.ask(state).all()


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_restored_equals_what_was_backed_up(made, tmp_path):
    keeping.restore(made.parent / "backup", tmp_path / "restored")
    assert _content(tmp_path / "restored") == _content(made)
    assert _names(tmp_path) == ["restored"]
    for path in [tmp_path / "restored", *(tmp_path / "restored").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_empty_folder_that_is_there_becomes_the_cluster_and_no_other(made, tmp_path):
    (tmp_path / "there").mkdir(mode=0o700)
    keeping.restore(made.parent / "backup", tmp_path / "there")
    assert _content(tmp_path / "there") == _content(made)
    with pytest.raises(BadInput, match="not empty"):
        keeping.restore(made.parent / "backup", tmp_path / "there")


def test_a_second_backup_copies_the_shard_that_changed_and_drops_what_was(made, backup, tmp_path):
    restored = tmp_path / "restored"
    keeping.restore(backup, restored)
    before = _names(backup)
    with clustered.opened(restored) as cluster:
        again = keeping.backup(cluster, backup)
        assert (again.copied, again.kept) == ([], [0, 1])
        keeping.forget(cluster, paths=[Path("/b/ana.jpg")])
        done = keeping.backup(cluster, backup)
    assert (done.copied, done.kept) == ([1], [0])
    assert len(_names(backup)) == len(before) == 3
    assert not [one for one in before if one.startswith("0001") and (backup / one).exists()]
    keeping.restore(backup, tmp_path / "again")
    assert _content(tmp_path / "again") == _content(restored)


@pytest.mark.parametrize("at", ["backed_up", "_write"])
def test_a_backup_that_ends_in_the_middle_leaves_the_one_before(
    made, backup, tmp_path, monkeypatch, at
):
    class Died(BaseException):
        pass

    done: list[int] = []
    lock = threading.Lock()
    work = getattr(backing_up, at)

    def dies(*args):
        with lock:
            done.append(1)
            if at != "backed_up" or len(done) > 1:
                raise Died
        return work(*args)

    restored = tmp_path / "restored"
    keeping.restore(backup, restored)
    was = _content(restored)
    with clustered.opened(restored) as cluster:
        keeping.forget(cluster, paths=[Path("/b/ana.jpg"), Path("/a/eva.jpg")])
        with monkeypatch.context() as patch:
            patch.setattr(backing_up, at, dies)
            with pytest.raises(Died):
                keeping.backup(cluster, backup)
        keeping.restore(backup, tmp_path / "before")
        assert _content(tmp_path / "before") == was
        keeping.backup(cluster, backup)
    assert len(_names(backup)) == 3
    keeping.restore(backup, tmp_path / "after")
    assert _content(tmp_path / "after") == _content(restored)


def test_a_restore_that_dies_leaves_nothing(backup, tmp_path, monkeypatch):
    class Died(BaseException):
        pass

    def dies(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_fill", dies)
        with suppress(Died):
            keeping.restore(backup, tmp_path / "restored")
    assert _names(tmp_path) == ["backup"]


def _changed(backup, change):
    told = json.loads((backup / "backup.json").read_text())
    change(told)
    (backup / "backup.json").write_text(json.dumps(told))


def _swap(told):
    one, other = told["shards"]
    one["file"], other["file"] = other["file"], one["file"]


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["shards"][0].update(file="../../etc/passwd"),
        lambda told: told["shards"][0].update(number="0"),
        lambda told: told["shards"][0].update(state="00" * 32),
        lambda told: told["shards"].pop(),
        lambda told: told["tables"].pop("statements"),
        lambda told: told["tables"].update(more=[[], []]),
        lambda told: told["tables"]["statements"][1][0].__setitem__(3, "no JSON"),
        lambda told: told["tables"]["cluster"][1][0].__setitem__(1, "seven"),
        lambda told: told["tables"]["elsewhere"][1][0].__setitem__(1, 77),
        lambda told: told["tables"]["ranges"][1][0].__setitem__(0, {"hex": "zz"}),
        lambda told: told.update(cluster="other"),
        lambda told: told.update(shards=7),
        _swap,
    ],
)
def test_a_backup_that_we_could_not_have_made_is_refused(backup, tmp_path, change):
    _changed(backup, change)
    with pytest.raises(BadInput):
        keeping.restore(backup, tmp_path / "restored")
    assert _names(tmp_path) == ["backup"]


def test_newer_formats_and_other_folders_are_told_apart(made, backup, tmp_path):
    _changed(backup, lambda told: told.update(format=9))
    with pytest.raises(BadInput, match="Upgrade"):
        keeping.restore(backup, tmp_path / "restored")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "a file").touch()
    with pytest.raises(BadInput, match="no backup of a cluster"):
        keeping.restore(tmp_path / "precious", tmp_path / "restored")
    with clustered.opened(made) as cluster:
        for where, told in (
            (tmp_path / "precious", "holds no backup of a cluster"),
            (tmp_path / "a file", "is none"),
            (made / "backup", "is in the cluster itself"),
        ):
            with pytest.raises(BadInput, match=told):
                keeping.backup(cluster, where)
    assert _names(tmp_path / "precious") == ["file"]


def test_another_clusters_backup_is_replaced_only_when_asked_for(backup, tmp_path):
    other = clustered.make(tmp_path / "other", {"/c/1.jpg": "c"})
    with clustered.opened(other) as cluster:
        with pytest.raises(BadInput, match="of another cluster"):
            keeping.backup(cluster, backup)
        keeping.backup(cluster, backup, force=True)
    assert len(_names(backup)) == 2
    keeping.restore(backup, tmp_path / "restored")
    assert _content(tmp_path / "restored") == _content(other)


def test_a_shard_that_is_away_makes_no_backup(made, backup, tmp_path):
    keeping.restore(backup, tmp_path / "restored")
    (tmp_path / "restored" / "shards" / "0001").rename(tmp_path / "unmounted")
    with (
        clustered.opened(tmp_path / "restored") as cluster,
        pytest.raises(CollectionError, match="shard 1 did not"),
    ):
        keeping.backup(cluster, tmp_path / "new")
    assert _names(tmp_path / "new") == []


def test_compacting_that_died_is_ended_by_the_next_change(tmp_path, monkeypatch):
    class Died(BaseException):
        pass

    def dies(*_, **__):
        raise Died

    folder = clustered.make(tmp_path / "cluster", FIRST)
    with clustered.opened(folder) as cluster:
        with cluster.changing():
            put_replicas(cluster, 1)
        with monkeypatch.context() as patch:
            patch.setattr(traces, "finish_or_raise", dies)
            with pytest.raises(Died):
                keeping.compact(cluster)
        told = [one.what for one in keeping.check(cluster)]
        assert "shard 0: traces of what was deleted are still in the files of the catalog" in told
        with cluster.changing():
            pass
        assert keeping.check(cluster) == []


def test_compacting_gives_back_what_files_that_are_gone_took(tmp_path):
    folder = clustered.make(tmp_path / "cluster", FIRST, SECOND)
    with small.opened(folder / "shards" / "0001") as shard:
        small.add(shard, "/b/gone.jpg", "gone", gone=True)
    with clustered.opened(folder) as cluster:
        keeping.repair(cluster, processes=1, time_limit_s=60)
        with cluster.changing():
            put_replicas(cluster, 1)
        done = keeping.compact(cluster, gone=True)
        assert (done.photos, done.faces, done.paths, done.rows) == (1, 1, 1, 1)
        assert cluster.ask(state).all() == cluster.servers_of(1).ask(state).all()
        assert cluster.manifest.db.execute("SELECT count(*) FROM contents").fetchone() == (4,)
        assert keeping.check(cluster) == []
