"""Copies of shards are equal to what is written, whatever dies on the way."""

from __future__ import annotations

from pathlib import Path

import clustered
import pytest
import small

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.life.checking import check
from retrieve.indexes.cluster.life.copies import following, moving, refreshing, replacing
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.life.repairing import repair
from retrieve.indexes.cluster.manifest import open_manifest

FIRST = {"/a/ana.jpg": "ana luis", "/a/eva.jpg": "eva"}
SECOND = {"/b/ana.jpg": "ana2", "/b/sea.jpg": ""}


class Died(BaseException):
    pass


@pytest.fixture
def folder(tmp_path):
    return clustered.make(tmp_path / "cluster", FIRST, SECOND)


@pytest.fixture
def cluster(folder):
    with clustered.opened(folder) as opened:
        yield opened


def _replicas(cluster, wanted=1):
    with cluster.changing():
        return refreshing.put_replicas(cluster, wanted)


def _names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def _states(cluster, copy=0):
    return cluster.servers_of(copy).ask(state).all()


def test_replicas_are_made_equal_kept_so_and_let_go(cluster, folder):
    assert _replicas(cluster).made == [(0, 1), (1, 1)]
    assert check(cluster) == []
    with small.opened(folder / "shards" / "0000") as shard:
        small.add(shard, "/a/new.jpg", "new")
    assert _states(cluster)[0] != _states(cluster, 1)[0]
    assert [one.what for one in check(cluster) if "equal" in one.what] == [
        "replica 1 of shard 0 is not equal to what is written"
    ]
    with cluster.changing():
        done = refreshing.refresh(cluster)
    assert (done.made, done.equal) == ([(0, 1)], [(1, 1)])
    assert _states(cluster) == _states(cluster, 1)
    assert _names(folder / "replicas" / "1") == ["0000", "0001"]  # by what changed
    assert _replicas(cluster, 0).removed == [(0, 1), (1, 1)]
    assert _names(folder / "replicas" / "1") == []
    with pytest.raises(BadInput, match="0 to 9"):
        _replicas(cluster, 10)


def test_a_new_shard_gets_the_replicas_that_others_have(cluster, folder):
    _replicas(cluster)
    clustered.add_shard(folder, {"/c/1.jpg": "c"})
    cluster.forget_servers()
    with cluster.changing():
        pass
    assert len(cluster.manifest.shards()[2].folders) == 2
    assert _states(cluster) == _states(cluster, 1)
    assert check(cluster) == []


def test_a_search_is_answered_by_a_replica_where_the_first_copy_is_away(cluster, folder):
    _replicas(cluster)
    cluster.forget_servers()
    (folder / "shards" / "0001").rename(folder.parent / "unmounted")
    assert clustered.faces_of(cluster) == {
        "/a/ana.jpg": 2, "/a/eva.jpg": 1, "/b/ana.jpg": 1, "/b/sea.jpg": 0,
    }  # fmt: skip
    assert cluster.answered.told == "2 of 2 shards answered"
    with cluster.manifest.coordinating():  # who writes gets no answer of a copy
        assert cluster.ask(state).missing.keys() == {1}


def test_a_replica_that_could_not_be_brought_up_answers_no_search(cluster, folder, monkeypatch):
    _replicas(cluster)
    with small.opened(folder / "shards" / "0001") as shard:
        small.add(shard, "/b/new.jpg", "new")

    def full(*_, **__):
        raise CollectionError("cannot make the backup: no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "backup", full)
        patch.setattr(following, "writing", full)
        told = "replica 1 of shard 1 .* no space"
        with pytest.warns(UserWarning, match=told), cluster.changing():
            pass
    cluster.forget_servers()
    (folder / "shards" / "0001").rename(folder.parent / "unmounted")
    assert cluster.ask(state).missing.keys() == {1}
    (folder.parent / "unmounted").rename(folder / "shards" / "0001")
    cluster.forget_servers()
    with cluster.changing():
        repair(cluster)
    assert check(cluster) == []


@pytest.mark.parametrize("at", ["copied", "put_copy", "wipe"])
def test_a_move_that_dies_anywhere_leaves_one_whole_shard(
    cluster, folder, tmp_path, monkeypatch, at
):
    before = _states(cluster)
    to = tmp_path / "disk" / "0001"
    to.parent.mkdir(0o700)

    def dies(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(cluster.manifest if at == "put_copy" else replacing, at, dies)
        with pytest.raises(Died), cluster.changing():
            moving.move(cluster, 1, to)
    cluster.close()
    with clustered.opened(folder) as again:
        assert _states(again) == before
        with again.changing():
            pass
        assert _states(again) == before
        assert check(again) == []
        assert not list(folder.rglob(".retrieve-*")) + list(to.parent.glob(".retrieve-*"))
        moved = at == "wipe"
        assert to.exists() == moved
        assert (folder / "shards" / "0001").exists() != moved


def test_a_moved_shard_is_where_it_was_to_be_and_its_old_folder_overwritten(
    cluster, folder, tmp_path, monkeypatch
):
    before = _states(cluster)
    written: list[tuple[Path, bytes]] = []
    rmtree = replacing.shutil.rmtree

    def looked_at(path, *more, **options):
        if Path(path) == folder / "shards" / "0001":
            written.extend((one, one.read_bytes()) for one in Path(path).iterdir())
        rmtree(path, *more, **options)

    monkeypatch.setattr(replacing.shutil, "rmtree", looked_at)
    with cluster.changing():
        done = moving.move(cluster, 1, tmp_path / "0001")
    assert (done.source, done.target) == (folder / "shards" / "0001", tmp_path / "0001")
    assert written
    assert not any(data.strip(b"\0") for _, data in written)
    assert _states(cluster) == before
    for what, told in (
        ((1, tmp_path), "is there already"),
        ((7, tmp_path / "x"), "no shard 7"),
    ):
        with pytest.raises(BadInput, match=told), cluster.changing():
            moving.move(cluster, *what)


def test_a_shard_that_somebody_writes_to_while_it_is_copied_stays_where_it_is(
    cluster, folder, tmp_path, monkeypatch
):
    copied = replacing.copied

    def meanwhile(collection, to):
        found = copied(collection, to)
        with small.opened(folder / "shards" / "0001") as shard:
            small.add(shard, "/b/new.jpg", "new")
        return found

    monkeypatch.setattr(replacing, "copied", meanwhile)
    with pytest.raises(CollectionError, match="changed by somebody"), cluster.changing():
        moving.move(cluster, 1, tmp_path / "0001")
    assert not (tmp_path / "0001").exists()
    assert clustered.faces_of(cluster)["/b/new.jpg"] == 1
    assert cluster.manifest.shards()[1].folder == folder / "shards" / "0001"


def test_shards_are_spread_over_folders_by_their_size(cluster, folder, tmp_path, monkeypatch):
    for letter in "cde":
        clustered.add_shard(folder, {f"/{letter}/1.jpg": letter})
    cluster.forget_servers()
    sizes = {0: 70, 1: 50, 2: 40, 3: 30, 4: 10}
    monkeypatch.setattr(moving, "used", lambda one: sizes[int(one.path.name)])
    moves = moving.spread(cluster, [tmp_path / "disk"])
    gone = sum(one.size_bytes for one in moves)
    assert gone == 100
    assert all(one.target == tmp_path / "disk" / f"{one.shard:04}" for one in moves)
    assert moving.spread(cluster) == []


def test_a_damaged_shard_is_taken_from_its_replica(cluster, folder):
    before = clustered.faces_of(cluster)
    _replicas(cluster)
    cluster.forget_servers()
    (folder / "shards" / "0001" / "catalog.sqlite").write_bytes(b"no catalog any more" * 300)
    with cluster.changing():
        done = repair(cluster)
    assert done.replaced == [1]
    assert done.is_whole
    assert clustered.faces_of(cluster) == before
    assert check(cluster) == []


def test_the_manifest_is_made_right_by_the_shards(cluster, folder):
    with small.opened(folder / "shards" / "0001") as shard, writing(shard.db):
        shard.db.execute("INSERT INTO persons (id, name, key) VALUES (12, 'Eva', 'eva')")
        shard.db.execute("UPDATE faces SET person_id = 12")
    with cluster.manifest.writing():
        db = cluster.manifest.db
        db.execute("DELETE FROM contents WHERE shard = 1")
        db.execute("UPDATE contents SET shard = 1")
    told = "\n".join(one.what for one in check(cluster))
    for what in (
        "shard 0 holds 2 photos and texts that cluster.sqlite does not know",
        "shard 1 holds 2 photos and texts that cluster.sqlite does not know",
        "says that shard 1 holds 2 photos and texts that it does not",
        "person #12 has a number that would be given once more",
    ):
        assert what in told, told
    with cluster.changing():
        agreed = repair(cluster).agreed
    assert agreed is not None
    assert (agreed.entered, agreed.removed, agreed.twice) == (4, 2, {})
    assert check(cluster) == []


def test_check_names_what_shards_say_differently(cluster, folder):
    clustered.name(folder, 0, 1, "Ana", ["ana"])
    clustered.name(folder, 1, 1, "Ana María", ["ana2"])
    (folder / "shards" / "0009").mkdir()
    (folder / "shards" / ".0002.part").mkdir()
    (folder / "shards").chmod(0o755)
    findings = {one.what: one.wrong for one in check(cluster)}
    assert findings == {
        f"others may use 1 of the cluster's own files and folders, first {folder}/shards "
        "(mode 755)": True,
        "person #1 is called 'Ana' in shard 0, 'Ana María' in shard 1": True,
        "shards/.0002.part is not whole yet": False,
        "shards/0009 belongs to nothing": False,
    }


def test_a_content_in_two_shards_is_told(cluster, folder):
    sha256, *_ = (one.hex() for one in clustered.contents_of(folder, 0))
    with small.opened(folder / "shards" / "0001") as shard, writing(shard.db):
        shard.db.execute("UPDATE contents SET sha256 = ? WHERE id = 1", [sha256])
    told = [one.what for one in check(cluster)]
    assert any("are in shard 1 and in shard 0 too" in one for one in told)


def test_a_cluster_of_nothing_is_whole(tmp_path):
    with clustered.opened(clustered.make(tmp_path / "empty")) as cluster:
        assert check(cluster) == []
        assert _replicas(cluster).made == []


def test_only_one_changes_a_cluster_at_a_time(cluster, folder):
    other = open_manifest(folder)
    told = "is being changed by process"
    with other.coordinating(), pytest.raises(CollectionError, match=told), cluster.changing():
        pass
    other.close()
