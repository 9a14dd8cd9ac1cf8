"""The life of a cluster as a user runs it."""

from __future__ import annotations

import json
import shutil

import clustered
import pytest
import warm

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
