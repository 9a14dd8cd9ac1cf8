"""The life of a cluster as a user runs it."""

from __future__ import annotations

import json
import shutil

import clustered
import pytest
import small
import warm

from retrieve.indexes.catalog.database import writing

FIRST = {"/a/ana.jpg": "ana luis", "/a/eva.jpg": "eva"}
SECOND = {"/b/ana.jpg": "ana2", "/b/sea.jpg": ""}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = clustered.make(tmp_path_factory.mktemp("made") / "cluster", FIRST, SECOND)
    for shard, word in ((0, "ana"), (1, "ana2")):
        clustered.name(folder, shard, 1, "Ana Prado", [word])
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "cluster")


def _run(folder, *arguments, code=0):
    return warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=folder)


def test_a_person_is_forgotten_in_every_shard_and_replica(folder):
    assert _run(folder, "cluster", "replicas", "1").stdout == "made 2 copies of shards\n"
    plan = json.loads(_run(folder, "forget", "--person", "ana prado", "--dry-run", "--json").stdout)
    assert (plan["done"], plan["faces"], plan["names"]) == (False, 2, ["Ana Prado"])
    done = _run(folder, "forget", "--person", "ana prado", "--verify", "--yes").stdout
    assert done.startswith("forgotten: 2 faces, 1 name\n")
    assert done.endswith("none of them was found\n")
    assert _run(folder, "check").stdout == "nothing is wrong\n"
    assert _run(folder, "cluster", "replicas", "0").stdout == "removed 2 copies of shards\n"


def test_a_backup_is_restored_and_copies_what_has_changed_since(folder, tmp_path):
    backup, again = tmp_path / "backup", tmp_path / "restored"
    assert "2 shards copied" in _run(folder, "backup", backup).stdout
    told = json.loads(_run(folder, "backup", backup, "--json").stdout)
    assert (told["copied"], told["kept"]) == ([], [0, 1])
    assert "restored a cluster of 2 shards" in _run(again, "restore", backup).stdout
    assert _run(again, "check").stdout == "nothing is wrong\n"


def test_a_shard_is_moved_and_all_are_spread(folder, tmp_path):
    done = _run(folder, "cluster", "move", "1", tmp_path / "0001").stdout
    assert done.startswith("moved: shard 1, ")
    told = _run(folder, "cluster", "move", "1", tmp_path / "0001", code=1).stderr
    assert "is there already" in told
    (tmp_path / "disk").mkdir()
    plan = _run(folder, "cluster", "rebalance", "--over", tmp_path / "disk", "--dry-run", "--json")
    assert json.loads(plan.stdout)["done"] is False
    _run(folder, "cluster", "rebalance", "--over", tmp_path / "disk")
    assert _run(folder, "check").stdout == "nothing is wrong\n"


def test_shards_that_cannot_be_merged_are_told_and_exit_1(folder):
    by_another = json.dumps(small.MADE_BY | {"embedder": "other"})
    with small.opened(folder / "shards" / "0001") as shard, writing(shard.db):
        shard.db.execute("UPDATE spaces SET made_by = ? WHERE name = 'faces'", [by_another])
    told = _run(folder, "cluster", "rebalance", code=1)
    assert told.stdout == ""
    assert "shards 0, 1 stay as they are: " in told.stderr
    (left,) = json.loads(_run(folder, "cluster", "rebalance", "--json", code=1).stdout)["left"]
    assert (left["into"], left["shards"]) == (0, [0, 1])
    assert "are not put among them" in left["reason"]


def test_small_shards_are_merged(folder):
    plan = json.loads(_run(folder, "cluster", "rebalance", "--dry-run", "--json").stdout)
    assert plan["merges"] == [{"into": 0, "shards": [0, 1], "files": 0}]
    assert _run(folder, "cluster", "rebalance", "--segment", "0").stdout.startswith("nothing is")
    told = _run(folder, "cluster", "rebalance").stdout
    assert told == "merged: shards 0, 1 into 0, 0 files\n"
    assert _run(folder, "check").stdout == "nothing is wrong\n"


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        (("reembed",), "cluster create NEW --from FOLDER"),
        (("export", "faces.parquet"), "retrieve cluster join"),
        (("import", "faces.parquet"), "retrieve cluster join"),
        (("watch", "."), "retrieve index PATH -c"),
    ],
)
def test_what_a_cluster_cannot_do_says_what_does(made, command, instead):
    told = _run(made, *command, code=1).stderr
    assert told.startswith("error: ")
    assert instead in told


def test_what_repair_and_compact_did_is_told(folder):
    shutil.rmtree(folder / "shards" / "0001")
    told = _run(folder, "check", "--json", code=1)
    assert json.loads(told.stdout)["whole"] is False
    assert "shard 1 could not be repaired" in _run(folder, "repair", code=1).stderr
    assert "shard 1 did not" in _run(folder, "compact", code=1).stderr


def test_a_plan_shows_its_arithmetic(tmp_path):
    shown = _run(tmp_path, "cluster", "plan", "--photos", "1e8", "--replicas", "1").stdout
    assert "100,000,000 × 32 B × 2" in shown
    told = json.loads(_run(tmp_path, "cluster", "plan", "--photos", "1_000", "--json").stdout)
    assert {"lines", "figures", "notes"} == told.keys()
    assert "wanted a number" in _run(tmp_path, "cluster", "plan", "--photos", "many", code=2).stderr
    assert "photos or texts" in _run(tmp_path, "cluster", "plan", code=1).stderr


def test_a_collection_is_no_cluster(made):
    told = _run(made / "shards" / "0000", "cluster", "replicas", "1", code=1).stderr
    assert "retrieve cluster create" in told


def test_an_option_of_clusters_may_stand_before_the_collection_or_without_it(tmp_path):
    plain = tmp_path / "plain"
    asked = ("index", tmp_path, "--segment", "5")
    for told in (
        warm.retrieve(*asked, "-c", plain, code=1),
        warm.retrieve(*asked, code=1, RETRIEVE_COLLECTION=plain),
        warm.retrieve("index", "-c", plain, tmp_path, "--segment", "5", code=1),
    ):
        assert told.stderr.startswith(f"error: {plain} is no cluster, and has no segments.")
