"""Two nodes, of which one dies: while it indexes, and while it is asked."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import clustered
import errands
import pytest
import raylets

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes import keeping
from retrieve.indexes.cluster.engines.engine import TRIES, Done
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.life.checking import check
from retrieve.indexes.cluster.life.copies.refreshing import put_replicas
from retrieve.indexes.cluster.life.merging.merge import Merge, merge
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements

if find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

from retrieve.indexes.cluster.engines import holding, joining
from retrieve.indexes.cluster.engines.ray import RayEngine

TOKEN = "a" * 32
HERE = "127.0.0.9"  # which Ray leaves as it is; 127.0.0.1 it takes for this machine's address


@pytest.fixture(scope="module")
def nodes():
    with raylets.cluster() as cluster, pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        yield cluster


@pytest.fixture(scope="module")
def engine(nodes):
    with closing(RayEngine("errands")) as opened:
        yield opened


@pytest.fixture
def alone(monkeypatch):
    """An environment that says nothing of Ray, and no connection."""
    for name in [*os.environ]:
        if name.startswith("RAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "RAY_ADDRESS; it is not set"),
        ({"RAY_ADDRESS": "ray://head:10001"}, "not as a client"),
        ({"RAY_ADDRESS": "head:6379"}, "RAY_AUTH_MODE=token"),
        ({"RAY_ADDRESS": "head:6379", "RAY_AUTH_MODE": "disabled"}, "RAY_AUTH_MODE=token"),
        ({"RAY_ADDRESS": "head:6379", "RAY_AUTH_MODE": "token"}, "there is no token"),
    ],
)
def test_without_an_address_or_a_token_it_is_refused(alone, environment, told):
    for name, value in environment.items():
        alone.setenv(name, value)
    with pytest.raises(BadInput, match=told):
        joining.join()


def test_a_head_that_is_not_there_is_one_line(alone):
    for name, value in (("ADDRESS", "127.0.0.1:1"), ("AUTH_MODE", "token"), ("AUTH_TOKEN", TOKEN)):
        alone.setenv(f"RAY_{name}", value)
    with pytest.raises(CollectionError, match="no Ray cluster answers at RAY_ADDRESS=127"):
        joining.join()


def test_a_head_that_lets_anybody_in_is_refused(alone):
    """Ray's server of a head by itself, as `ray start --head` would begin it without tokens."""
    import ray

    port = raylets.free_port(HERE)
    program = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
    head = subprocess.Popen(
        [
            *(program, f"--gcs_server_port={port}", "--config_list=e30="),
            *(f"--node-ip-address={HERE}", "--session-name=open"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        raylets.wait_for(HERE, port)
        alone.setenv("RAY_ADDRESS", f"{HERE}:{port}")
        alone.setenv("RAY_AUTH_MODE", "token")
        alone.setenv("RAY_AUTH_TOKEN", TOKEN)
        with pytest.raises(BadInput, match="lets in whoever comes without a token"):
            joining.join()
    finally:
        head.kill()
        head.wait()


def test_another_token_is_refused(nodes, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with pytest.raises(BadInput, match="does not take this token"):
        joining.join()


def test_tasks_run_on_all_nodes_each_once(engine, tmp_path):
    done = list(engine.run(errands.doubled, [(number, tmp_path, 2) for number in range(8)]))
    assert sorted(one.job for one in done) == list(range(8))
    assert all(one.result[0] == one.job * 2 and one.error == "" for one in done)
    assert len({one.result[1] for one in done}) == 2


def test_jobs_are_taken_when_there_is_room(engine, tmp_path):
    taken = []

    def jobs():
        for number in range(6):
            taken.append(number)
            yield number, tmp_path, 0.2

    with closing(engine.run(errands.written, jobs())) as running:
        next(running)
        assert len(taken) <= 4


def test_the_next_task_runs_while_the_end_of_one_is_told(engine, tmp_path):
    jobs = [(tmp_path / "first",), (tmp_path / "second", tmp_path / "told")]
    with closing(engine.run(errands.marked, jobs, workers=1)) as running:
        assert next(running).job == 0
        _until(lambda: (tmp_path / "second").exists())  # it has begun: nobody asks on yet
        (tmp_path / "told").touch()
        assert [one.job for one in running] == [1]


def test_what_a_task_raises_is_told(engine):
    (done,) = engine.run(errands.refused, [(7,)])
    assert done == Done(0, None, "wanted anything but 7")
    (done,) = engine.run(errands.stumbled, [(7,)])
    assert "ValueError (7 of all numbers)" in done.error


def test_a_task_whose_process_is_killed_runs_again_but_not_for_ever(engine, tmp_path):
    often, once = engine.run(errands.killed, [(0, tmp_path, TRIES), (1, tmp_path, 1)])
    once, often = sorted((often, once), key=lambda one: -one.job)
    assert once == Done(1, 1, "")
    assert often.result is None
    assert f"lost {TRIES} times" in often.error
    assert len(list(tmp_path.glob("0-*"))) == TRIES


def test_closing_ends_tasks_that_run(engine, tmp_path):
    jobs = [(0, tmp_path / "short"), (60, tmp_path / "long")]
    with closing(engine.run(errands.slept, jobs)) as running:
        assert next(running).job == 0
        _until(lambda: (tmp_path / "long").exists())
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not (tmp_path / "long.ended").exists()


def test_no_node_imports_what_lies_where_the_command_runs(engine):
    (done,) = engine.run(errands.searched_for_modules, [()])
    assert str(Path.cwd()) not in done.result
    assert "" not in done.result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cluster of two shards, and one that is added."""
    shards = ({f"/{name}/ana.jpg": "ana", f"/{name}/sea.jpg": ""} for name in "ab")
    return clustered.make(tmp_path_factory.mktemp("small") / "cluster", *shards)


@pytest.fixture(scope="module")
def opened(nodes, folder):
    with clustered.opened(folder, engine="ray") as cluster:
        yield cluster
        cluster.forget_servers()


@pytest.fixture(scope="module")
def grown(nodes, engine, album, tmp_path_factory):
    """The drawn album in a cluster, of whose machines one was killed after the first photos; and
    how many processes that were.
    """
    folder = clustered.make(tmp_path_factory.mktemp("grown") / "cluster")
    killed, met = [], tmp_path_factory.mktemp("met")
    # A node that has just been begun has no process for tasks yet: the other would do all.
    assert not any(one.error for one in engine.run(errands.doubled, [(n, met, 2) for n in (0, 1)]))

    def on_progress(progress):
        if progress.new > 2 and not killed:
            killed.append(nodes.kill(1))

    with clustered.opened(folder, engine="ray") as cluster:
        report = cluster.index([album], segment=5, on_progress=on_progress)
        assert cluster.engine_of_tasks.end_servers() == 0  # a run begins none of small shards
    nodes.start(1)
    assert len(report.skipped) == 1
    return folder, killed[0]


def _of(letter):
    return [f"/{letter}/ana.jpg", f"/{letter}/sea.jpg"]


def test_each_shard_answers_with_what_it_alone_was_asked(opened):
    answers = opened.ask(errands.paths, each={0: ("first",), 1: ("second",)})
    assert answers.all() == {0: [*_of("a"), "first"], 1: [*_of("b"), "second"]}
    assert opened.ask(errands.paths, of=[1]).all() == {1: [*_of("b"), ""]}
    with pytest.raises(BadInput, match="another collection than 0000"):
        opened.ask(errands.grumbled).some()


def test_a_shard_that_another_command_adds_is_asked(opened, folder):
    assert len(opened.ask(errands.paths)) == 2
    clustered.add_shard(folder, {"/c/ana.jpg": "ana", "/c/sea.jpg": ""})
    assert opened.ask(errands.paths).all()[2] == [*_of("c"), ""]


def test_a_shard_that_is_open_on_another_machine_is_not_opened(opened, folder, monkeypatch):
    assert not opened.ask(errands.paths).missing
    monkeypatch.setattr(holding, "_machine", lambda: "1 elsewhere")
    with clustered.opened(folder) as local:
        answers = local.ask(errands.paths)
    assert not answers.given
    assert f"open on {socket.gethostname()}" in answers.missing[0]


def test_a_shard_that_is_away_is_missing_and_another_one_in_its_place_is_opened(opened, folder):
    there, aside = folder / "shards/0001", folder / "shards/.aside"
    there.rename(aside)
    answers = opened.ask(errands.paths)
    assert answers.missing.keys() == {1}
    assert "is not there" in answers.missing[1]
    shutil.copytree(folder / "shards/0000", there)
    assert opened.ask(errands.paths, of=[1]).all() == {1: [*_of("a"), ""]}
    shutil.rmtree(there)
    aside.rename(there)
    assert opened.ask(errands.paths, of=[1]).all() == {1: [*_of("b"), ""]}


def test_a_second_command_asks_the_same_servers_until_they_are_ended(opened, folder):
    servers = opened.ask(errands.process).all()
    assert len({node for node, _ in servers.values()}) == 2
    with clustered.opened(folder, engine="ray") as second:
        assert second.ask(errands.process).all() == servers
        opened.forget_servers()
        again = second.ask(errands.process).all()  # which does not know that they were ended
    assert {process for _, process in servers.values()}.isdisjoint(
        process for _, process in again.values()
    )


def test_servers_come_back_elsewhere_when_their_machine_is_lost(nodes, opened):
    where = opened.ask(errands.process).all()
    lost = {number for number, (node, _) in where.items() if node.endswith("-1")}
    assert lost
    assert nodes.kill(1) > 3
    try:
        _until(lambda: _right(opened, lost), within_s=180)
        assert not any(
            node.endswith("-1") for node, _ in opened.ask(errands.process).all().values()
        )
    finally:
        nodes.start(1)


def test_a_node_that_is_killed_midway_through_indexing_costs_nothing_but_time(
    nodes, album, indexed, grown
):
    """Nothing lost, nothing twice: what shards hold is what one collection holds."""
    folder, killed = grown
    assert killed > 4  # its workers among them
    with open_collection(indexed) as one:
        wanted = errands.stored(one)
    with clustered.opened(folder) as cluster:
        held = [row for rows in cluster.ask(errands.stored).all().values() for row in rows]
        assert sorted(held) == sorted(wanted)
        assert len(cluster.manifest.shards()) == 3
        assert check(cluster) == []
    assert not list((folder / "shards").glob("*.part"))


def test_with_two_copies_a_node_that_is_killed_changes_no_answer(nodes, indexed, grown, probe):
    folder, _ = grown
    with open_collection(indexed) as one:
        wanted = _hits(one, probe)
    assert wanted
    with clustered.opened(folder) as cluster, cluster.changing():
        put_replicas(cluster, 1)
    with clustered.opened(folder, engine="ray", replicas=2, require_all=True) as cluster:
        where = [cluster.servers_of(copy).ask(errands.process).all() for copy in (0, 1)]
        assert all(where[0][shard][0] != where[1][shard][0] for shard in where[0])
        with ThreadPoolExecutor(2) as threads:
            asking = [threads.submit(_hits, cluster, probe) for _ in range(60)]
            _until(lambda: sum(one.done() for one in asking) > 10)
            nodes.kill(1)
            assert all(one.result() == wanted for one in asking)
        _until(lambda: not _answers(cluster, errands.process).missing)
        assert _hits(cluster, probe) == wanted
        cluster.forget_servers()


def test_what_changes_a_cluster_is_done_where_its_shards_are_served(nodes, tmp_path, monkeypatch):
    """Said, followed by replicas, backed up where the command was asked to, merged, forgotten."""
    folder = clustered.make(
        tmp_path / "cluster", *({f"/{n}/ana.jpg": f"ana{n}", f"/{n}/sea.jpg": ""} for n in "ab")
    )
    monkeypatch.chdir(tmp_path)
    said = [of_cluster(0, 1), of_cluster(1, 1)]
    with clustered.opened(folder, engine="ray") as cluster:
        with cluster.changing():
            put_replicas(cluster, 1)
        with cluster.people.saying(names=["Ana"], faces=said) as db:
            statements.say_name(db, "Ana", said)
        assert [one.folders[1].name for one in cluster.manifest.shards()] == ["0000", "0001"]
        assert keeping.backup(cluster, Path("backup")).copied == [0, 1]
        with cluster.changing():
            merge(cluster, Merge(0, [0, 1], 4))
        proof = keeping.forget(cluster, paths=[Path("/a/ana.jpg")], verify=True).proof
        assert proof is not None
        assert not proof.traces
        assert check(cluster) == []
        (ana,) = cluster.people.listing()
        assert (ana.person.name, len(ana.members)) == ("Ana", 1)
        cluster.forget_servers()
    assert (tmp_path / "backup" / "backup.json").is_file()


def _right(opened, lost):
    """Whether all shards answer; what any of them says is right, and none but these may be away."""
    answers = opened.ask(errands.paths)
    assert all(found == [*_of("abc"[n]), ""] for n, found in answers)
    assert answers.missing.keys() <= lost
    return not answers.missing


def _hits(collection, probe):
    found = collection.search_faces(probe, k=5)
    return [(hit.path, hit.number, round(hit.score, 5)) for one in found.faces for hit in one.hits]


def _answers(cluster, question):
    return cluster.servers.ask(question)


def _until(true, within_s=120):
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
