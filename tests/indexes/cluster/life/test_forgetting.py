"""What a cluster was told to forget is in no copy of no shard, and not in its manifest."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import clustered
import pytest
import small

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import SharedName
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.checking import check
from retrieve.indexes.cluster.life.copies import refreshing
from retrieve.indexes.cluster.life.forgetting import forget, in_shard, own
from retrieve.indexes.cluster.people import log
from retrieve.indexes.upkeep import proof

FIRST = {"/a/ana.jpg": "ana luis", "/a/eva.jpg": "eva"}
SECOND = {"/b/ana.jpg": "ana2", "/b/sea.jpg": ""}
NAMED = ["Ana Núñez Prado", "Luis Izquierdo"]


@pytest.fixture(autouse=True)
def _same_process(monkeypatch):
    """Starting another one to read the files takes a second."""

    class Here:
        def __init__(self, *_, **__): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def submit(self, work, *arguments):
            self.result = lambda: work(*arguments)
            return self

    monkeypatch.setattr(proof, "ProcessPoolExecutor", Here)


@pytest.fixture
def folder(tmp_path):
    made = clustered.make(tmp_path / "cluster", FIRST, SECOND)
    clustered.name(made, 0, 1, NAMED[0], ["ana"])
    clustered.name(made, 0, 2, "Luis Izquierdo", ["luis"])
    clustered.name(made, 1, 1, NAMED[0], ["ana2"])
    clustered.link(made, "/b/copy of ana.jpg", "/a/ana.jpg", shard=0)
    return made


def _forget(cluster, **what):
    with cluster.changing():
        return forget.forget(cluster, **what)


def _bytes(folder: Path) -> bytes:
    find = ["find", str(folder), "-type", "f", "-exec", "cat", "{}", "+"]
    return subprocess.run(find, capture_output=True, check=True).stdout


def _put_replicas(cluster, wanted):
    with cluster.changing():
        refreshing.put_replicas(cluster, wanted)


def test_a_photo_goes_with_paths_of_other_segments_and_no_file_keeps_a_byte_of_it(folder):
    before = _bytes(folder)
    with clustered.opened(folder) as cluster:
        _put_replicas(cluster, 1)
        sha256 = next(iter(cluster.manifest.db.execute("SELECT sha256 FROM contents")))[0]
        done = _forget(cluster, paths=[Path("/a/ana.jpg")], verify=True)
        assert (done.photos, done.faces, done.names) == (1, 2, [NAMED[1]])
        assert done.paths == [Path("/a/ana.jpg"), Path("/b/copy of ana.jpg")]
        assert done.copies == [Path("/b/copy of ana.jpg")]
        assert done.proof is not None
        assert done.proof.traces == []
        # Two copies of the catalog, and the manifest; a path of elsewhere in all of them.
        assert done.proof.looked_for["path"] >= 5
        assert clustered.faces_of(cluster) == {"/a/eva.jpg": 1, "/b/ana.jpg": 1, "/b/sea.jpg": 0}
        assert check(cluster) == []
    assert sha256 in before
    after = _bytes(folder)
    for gone in (b"/a/ana.jpg", b"copy of ana", b"Luis Izquierdo"):
        assert gone in before
        assert gone not in after
    assert NAMED[0].encode() in after  # of whom the other shard has a face


def test_what_files_held_before_they_were_replaced_goes_from_shards_without_the_path(folder):
    """As in one collection: which path held it is not known any more."""
    with small.opened(folder / "shards/0001") as shard, writing(shard.db):
        shard.db.execute("DELETE FROM paths WHERE path = '/b/ana.jpg'")
    with clustered.opened(folder) as cluster:
        _put_replicas(cluster, 1)
        would = forget.would_forget(cluster, paths=[Path("/a/eva.jpg")])
        done = _forget(cluster, paths=[Path("/a/eva.jpg")], verify=True)
        assert (would.photos, would.faces, would.replaced) == (2, 2, 1)
        assert (done.photos, done.faces, done.replaced) == (2, 2, 1)
        assert done.proof is not None
        assert done.proof.traces == []
        assert _forget(cluster, persons=[NAMED[1]]).replaced == 0
        (held,) = (
            cluster.ask(
                lambda one: one.db.execute("SELECT count(*) FROM contents").fetchone(), of=[1]
            )
            .all()
            .values()
        )
        assert held == (1,)
        assert check(cluster) == []


def test_a_person_goes_from_all_shards_with_the_statements_that_name_them(folder):
    with clustered.opened(folder) as cluster:
        clustered.hear(cluster)
        assert [line.name for line in log.statements(cluster.manifest)] == [*NAMED, NAMED[0]]
        plan = forget.would_forget(cluster, persons=["ana nunez prado"])
        done = _forget(cluster, persons=["ana nunez prado"], verify=True)
        assert (plan.faces, plan.names) == (done.faces, done.names) == (2, [NAMED[0]])
        assert done.proof is not None
        assert done.proof.traces == []
        assert [line.name for line in log.statements(cluster.manifest)] == [NAMED[1]]
    after = _bytes(folder)
    assert "Núñez".encode() not in after
    assert json.dumps("Núñez").strip('"').encode() not in after


def test_the_proof_finds_what_the_manifest_kept(folder, monkeypatch):
    monkeypatch.setattr(own, "write_anew", lambda manifest: None)
    monkeypatch.setattr(own, "remove", lambda manifest, sha256s, paths: None)
    with clustered.opened(folder) as cluster:
        done = _forget(cluster, paths=[Path("/b/copy of ana.jpg")], verify=True)
    assert done.proof is not None
    assert {trace.file for trace in done.proof.traces} == {"cluster.sqlite"}
    # The row of the path still stands, so that what remains has it, and it tells nothing.
    assert {trace.kind for trace in done.proof.traces} == {"SHA-256"}
    assert done.proof.shared > 0


def test_what_no_shard_holds_is_refused_and_nothing_changes(folder):
    before = clustered.opened(folder)
    with before as cluster:
        for what, told in (
            ({"paths": [Path("/a/none.jpg")]}, "is not in the cluster"),
            ({"paths": [Path("/a")]}, "--all-of /a"),
            ({"folders": [Path("/none")]}, "is not in the cluster"),
            ({"persons": ["Nobody"]}, "nobody is called"),
            ({"persons": ["#9"]}, "the number #9"),
        ):
            with pytest.raises(BadInput, match=told):
                _forget(cluster, **what)
        assert len(clustered.faces_of(cluster)) == 5
        assert check(cluster) == []


def test_two_people_of_one_name_in_two_shards_are_told_apart(folder):
    clustered.name(folder, 1, 7, "Luis Izquierdo", [])
    with clustered.opened(folder) as cluster:
        with pytest.raises(SharedName, match=r"#2 .*; #7"):
            _forget(cluster, persons=[NAMED[1]])
        assert _forget(cluster, persons=["#2"]).faces == 1


def test_a_coordinator_that_died_anywhere_is_finished_by_the_next(folder, monkeypatch):
    """It dies before the first shard, between two, before the manifest, before its file."""

    class Died(BaseException):
        pass

    def dies(*_, **__):
        raise Died

    for what, name in (
        (forget, "_everywhere"),
        (own, "remove"),
        (forget, "_end"),
    ):
        path = {"_everywhere": "/a/ana.jpg", "remove": "/b/ana.jpg", "_end": "/a/eva.jpg"}[name]
        with clustered.opened(folder) as cluster:
            with monkeypatch.context() as patch:
                patch.setattr(what, name, dies)
                with pytest.raises(Died):
                    _forget(cluster, paths=[Path(path)])
            if name != "_end":
                assert any("was begun" in one.what for one in check(cluster))
        with clustered.opened(folder) as cluster:
            with cluster.changing():
                pass
            assert path not in clustered.faces_of(cluster)
            assert check(cluster) == []
        assert path.encode() not in _bytes(folder)


def test_a_shard_that_is_away_keeps_it_begun_and_forgets_when_it_is_back(folder, tmp_path):
    away = folder / "shards" / "0001"
    away.rename(tmp_path / "unmounted")
    with clustered.opened(folder) as cluster:
        with pytest.raises(CollectionError, match="shard 1 did not"):
            _forget(cluster, paths=[Path("/b/ana.jpg")])
        with pytest.raises(CollectionError, match=r"shard 1 could not.*stays begun"):
            _forget(cluster, folders=[Path("/a")])
        (told,) = [one.what for one in check(cluster) if "begun" in one.what]
        assert "shard 1" in told
        assert "/a" in told
        with pytest.warns(UserWarning, match="stays begun"), cluster.changing():
            pass
    (tmp_path / "unmounted").rename(away)
    with clustered.opened(folder) as cluster:
        with cluster.changing():
            pass
        assert clustered.faces_of(cluster) == {"/b/ana.jpg": 1, "/b/sea.jpg": 0}
        assert check(cluster) == []


def test_a_person_is_forgotten_in_a_shard_that_was_away_when_it_is_back(folder, tmp_path):
    away = folder / "shards" / "0001"
    away.rename(tmp_path / "unmounted")
    with clustered.opened(folder) as cluster:
        with pytest.raises(CollectionError, match="shard 1 did not"):
            _forget(cluster, persons=["Nobody"])
        with pytest.raises(CollectionError, match="stays begun"):
            _forget(cluster, persons=[NAMED[0]])
        assert any(NAMED[0] in one.what for one in check(cluster) if "begun" in one.what)
    (tmp_path / "unmounted").rename(away)
    with clustered.opened(folder) as cluster:
        with cluster.changing():
            pass
        assert clustered.faces_of(cluster)["/b/ana.jpg"] == 0
        assert check(cluster) == []
    assert NAMED[0].encode() not in _bytes(folder)


def test_what_is_left_to_forget_in_a_copy_that_the_cluster_has_no_more_is_done(folder):
    with clustered.opened(folder) as cluster:
        _put_replicas(cluster, 1)
        # As where shard 2 was made one with another while a replica of it was away.
        wanted = in_shard.Wanted(paths=(Path("/b/ana.jpg"),)).kept()
        with cluster.manifest.coordinating(), cluster.manifest.writing():
            left = [[2, 1, "it is not there"]]
            begun.begin(cluster.manifest, begun.FORGETTING, {**wanted, "left": left})
        with cluster.changing():
            pass
        assert begun.all_begun(cluster.manifest, begun.FORGETTING) == []
        assert (
            clustered.faces_of(cluster)["/b/ana.jpg"] == 1
        )  # every copy that is there had done it
