"""Small shards are merged into one: all is there once, whatever dies on the way."""

from __future__ import annotations

import json
from pathlib import Path

import clustered
import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.life.checking import check
from retrieve.indexes.cluster.life.copies import moving, refreshing, replacing
from retrieve.indexes.cluster.life.forgetting import forget
from retrieve.indexes.cluster.life.merging import merge as merging
from retrieve.indexes.cluster.life.merging.merge import Merge, large, merge, merge_all
from retrieve.indexes.cluster.manifest import Shard
from retrieve.indexes.people import statements

FIRST = {"/a/ana.jpg": "ana luis", "/a/eva.jpg": "eva"}
SECOND = {"/b/ana.jpg": "ana2", "/b/sea.jpg": ""}
THIRD = {"/c/sol.jpg": "sol"}
ALL = {"/a/ana.jpg": 2, "/a/eva.jpg": 1, "/b/ana.jpg": 1, "/b/sea.jpg": 0, "/c/sol.jpg": 1}


class Died(BaseException):
    pass


@pytest.fixture
def folder(tmp_path):
    made = clustered.make(tmp_path / "cluster", FIRST, SECOND, THIRD)
    clustered.link(made, "/c/again.jpg", "/a/eva.jpg", shard=0)
    with clustered.opened(made) as cluster:
        said = (of_cluster(0, 1), of_cluster(1, 1), of_cluster(2, 1))
        for name, faces in (("Ana", said[:2]), ("Sol", said[2:])):
            with cluster.people.saying(names=[name], faces=faces) as db:
                statements.say_name(db, name, faces)
        with cluster.changing():
            refreshing.put_replicas(cluster, 1)
    return made


@pytest.fixture
def cluster(folder):
    with clustered.opened(folder) as opened:
        yield opened


def _shard(number, files, first=b""):
    return Shard(number, first, (), files)


def _people(cluster):
    return {
        one.person.name: sorted(str(face.path) for face in one.members)
        for one in cluster.people.listing(everyone=True)
    }


def _merge(cluster, *shards):
    with cluster.changing():
        merge(cluster, Merge(shards[0], sorted(shards), 0))


def test_small_neighbours_are_merged_until_a_segment_is_full():
    shards = [_shard(n, files, b"%d" % n) for n, files in enumerate((3, 9, 4, 4, 2, 1))]
    assert merging.small(shards, 10) == [Merge(2, [0, 2], 7), Merge(3, [3, 4, 5], 7)]
    assert merging.small(shards[:2], 10) == []
    assert merging.small(shards, 0) == []
    assert [one.number for one in large([_shard(0, 201), _shard(1, 200)], 10)] == [0]
    assert large([_shard(0, 201)], 0) == []


def test_a_merged_shard_has_all_that_was_in_them_and_so_has_its_replica(cluster, folder):
    people = _people(cluster)
    _merge(cluster, 0, 2)
    assert [one.number for one in cluster.manifest.shards()] == [0, 1]
    assert clustered.faces_of(cluster) == ALL | {"/c/again.jpg": 1}
    assert _people(cluster) == people == {
        "Ana": ["/a/ana.jpg", "/b/ana.jpg"], "Sol": ["/c/sol.jpg"],
    }  # fmt: skip
    assert check(cluster) == []
    assert {one.name for one in (folder / "shards").iterdir() if one.is_dir()} == {"0000.2", "0001"}
    assert cluster.manifest.next_shard() == 3  # numbers are never given twice
    with small.opened(folder / "shards" / "0000.2") as shard:  # by itself it says the same
        names = shard.db.execute("SELECT name FROM persons ORDER BY name").fetchall()
        assert names == [("Ana",), ("Sol",)]
    assert cluster.people.picture(of_cluster(0, 1))  # an id of the first stays


def test_shards_on_other_disks_are_merged_beside_the_one_that_stays(cluster, folder, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir(0o700)
    for shard in (1, 2):
        with cluster.changing():
            moving.move(cluster, shard, disk / f"{shard:04}")
    _merge(cluster, 1, 0, 2)
    assert [one.folder for one in cluster.manifest.shards()] == [disk / "0001.2"]
    assert clustered.faces_of(cluster) == ALL | {"/c/again.jpg": 1}
    assert check(cluster) == []
    assert {one.name for one in disk.iterdir()} <= {"0001.2", ".0001.2.shard", ".0001.2.lock"}


def test_what_was_said_is_taken_back_after_the_merge(cluster):
    _merge(cluster, 1, 2)
    with cluster.people.saying(lines=[None]) as db:
        statements.undo(db)
    assert _people(cluster) == {"Ana": ["/a/ana.jpg", "/b/ana.jpg"]}
    _merge(cluster, 0, 1)
    with cluster.people.saying(lines=[1]) as db:
        statements.undo(db, 1)
    assert _people(cluster) == {}
    assert check(cluster) == []


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (replacing, "copied"),
        (merging, "pour"),
        (merging, "_put_log"),
        (merging, "_enter"),
        (merging, "_join_ranges"),
        (replacing, "wipe"),
        (replacing, "remove_left"),
    ],
)
def test_a_merge_that_dies_anywhere_leaves_all_in_its_place(cluster, folder, monkeypatch, of, at):
    def dies(*_, **__):
        raise Died

    done = replacing.finish

    def dies_then(*arguments):
        monkeypatch.setattr(replacing, "wipe", dies)
        return done(*arguments)

    with monkeypatch.context() as patch:
        if at == "wipe":  # the first is of what others have left
            patch.setattr(replacing, "finish", dies_then)
        else:
            patch.setattr(of, at, dies)
            patch.setattr(replacing, "finish", dies if at != "remove_left" else done)
        with pytest.raises(Died):
            _merge(cluster, 0, 1, 2)
    monkeypatch.undo()
    cluster.close()
    merged = at in ("wipe", "remove_left")
    with clustered.opened(folder) as again:
        assert clustered.faces_of(again) == ALL | {"/c/again.jpg": 1}
        with again.changing():
            pass
        assert len(again.manifest.shards()) == (1 if merged else 3)
        assert clustered.faces_of(again) == ALL | {"/c/again.jpg": 1}
        assert check(again) == []


def test_shards_that_somebody_writes_to_meanwhile_stay_apart(cluster, folder, monkeypatch):
    pour = merging.pour

    def meanwhile(*arguments):
        with small.opened(folder / "shards" / "0001") as shard:
            small.add(shard, "/b/new.jpg", "new")
        return pour(*arguments)

    monkeypatch.setattr(merging, "pour", meanwhile)
    with pytest.raises(CollectionError, match="changed by somebody"):
        _merge(cluster, 0, 1)
    assert len(cluster.manifest.shards()) == 3
    assert clustered.faces_of(cluster)["/b/new.jpg"] == 1


@pytest.mark.parametrize("other", [0, 2])
def test_embeddings_of_different_networks_are_not_put_among_each_other(cluster, folder, other):
    by_another = json.dumps(small.MADE_BY | {"embedder": "other", "embedder_sha256": "33" * 32})
    with small.opened(folder / f"shards/{other:04}") as shard, writing(shard.db):
        shard.db.execute("UPDATE spaces SET made_by = ? WHERE name = 'faces'", [by_another])
    with pytest.raises(CollectionError, match=r"are not put among them.*retrieve reembed"):
        _merge(cluster, 0, 2)
    assert len(cluster.manifest.shards()) == 3
    assert clustered.faces_of(cluster) == ALL | {"/c/again.jpg": 1}
    assert any("different networks" in one.what for one in check(cluster))


def test_what_cannot_be_merged_does_not_keep_others_apart(cluster, folder):
    by_another = json.dumps(small.MADE_BY | {"embedder": "other", "embedder_sha256": "33" * 32})
    with small.opened(folder / "shards/0002") as shard, writing(shard.db):
        shard.db.execute("UPDATE spaces SET made_by = ? WHERE name = 'faces'", [by_another])
    refused, fine = Merge(0, [0, 2], 4), Merge(0, [0, 1], 4)
    with cluster.changing():
        done, ((left, why),) = merge_all(cluster, [refused, fine])
    assert (done, left) == ([fine], refused)
    assert "are not put among them" in why
    assert [one.number for one in cluster.manifest.shards()] == [0, 2]
    assert clustered.faces_of(cluster) == ALL | {"/c/again.jpg": 1}


def test_shards_that_have_still_to_forget_something_are_not_merged(cluster, folder, tmp_path):
    away = folder / "replicas/1/0002"
    away.rename(tmp_path / "unmounted")
    with pytest.raises(CollectionError, match="replica 1 of shard 2 could not"), cluster.changing():
        forget.forget(cluster, paths=[Path("/c/sol.jpg")])
    with (
        pytest.warns(UserWarning, match="stays begun"),
        pytest.raises(CollectionError, match="replica 1 of shard 2 could not"),
    ):
        _merge(cluster, 0, 2)
    assert len(cluster.manifest.shards()) == 3
    (tmp_path / "unmounted").rename(away)
    _merge(cluster, 0, 2)
    assert check(cluster) == []
