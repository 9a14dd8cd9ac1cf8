"""The engine of one machine: what becomes of shards that cannot be asked, of threads and tasks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import clustered
import errands
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.cluster.engines import holding
from retrieve.indexes.cluster.engines.holding import Held
from retrieve.indexes.cluster.engines.local import LocalEngine
from retrieve.indexes.cluster.indexing import task
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


def _thread(collection):
    return threading.get_ident()


def test_a_shard_is_asked_by_the_same_thread_each_time(folder):
    for number in range(2, 5):
        clustered.add_shard(folder, {f"/{number}.jpg": "ana"})
    with clustered.opened(folder) as cluster:
        first = cluster.ask(_thread).all()
        assert all(cluster.ask(_thread).all() == first for _ in range(20))
        assert len(set(first.values())) == min(5, os.cpu_count() or 1)


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


def test_the_next_task_runs_while_the_end_of_one_is_told(tmp_path):
    jobs = [(tmp_path / "first",), (tmp_path / "second", tmp_path / "told")]
    with closing(LocalEngine().run(errands.marked, jobs, workers=1)) as running:
        assert next(running).job == 0
        errands.marked(tmp_path / "asked", tmp_path / "second")  # it has begun: nobody asks on yet
        (tmp_path / "told").touch()
        assert [one.job for one in running] == [1]


SCRIPT = """
from operator import mul
from retrieve.indexes.cluster.engines.local import LocalEngine

def twice(number):
    return 2 * number

def run(task, *jobs):
    return [(one.result, one.error) for one in LocalEngine().run(task, jobs)]

print("begun")
"""
GUARD = "if __name__ == '__main__':\n    "


def _said(script, path):
    """What a script says, which is read from stdin where it is no file."""
    if path is not None:
        path.write_text(script)
    done = subprocess.run(
        [sys.executable, "-" if path is None else path],
        input=script if path is None else None,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_script_without_a_guard_and_one_read_from_stdin_begin_once():
    said = _said(f"{SCRIPT}print(sorted(run(mul, (2, 3), (3, 4))))", None)
    assert said == ["begun", "[(6, ''), (12, '')]"]


def test_what_a_script_defines_goes_to_its_tasks_where_it_has_a_guard(tmp_path):
    path = tmp_path / "script.py"
    guarded = _said(f"{SCRIPT}{GUARD}print(sorted(run(twice, (3,), (4,))))", path)
    assert sorted(guarded) == ["[(6, ''), (8, '')]", "begun", "begun", "begun"]
    *_, refused = _said(f"{SCRIPT}print(run(twice, (3,)))", path)
    assert '__name__ == "__main__"' in refused


class _Job:
    """Tells which process reads."""

    def open(self):
        return lambda path: f"{path} {os.getpid()}"


def test_the_processes_that_read_for_a_task_read_for_the_next_one(tmp_path):
    collection = SimpleNamespace(job=lambda *_, **__: _Job())

    def read(processes):
        settings = task.Settings(tmp_path, (tmp_path,), processes=processes)
        run = task.extractor(collection, settings, photos=False)
        ((_, said),) = run([(0, "file")])
        return said

    try:
        first = read(1)
        assert first.startswith("file ")
        assert first != f"file {os.getpid()}"
        assert read(1) == first
        assert read(2) != first  # another kind: those before are gone
        assert len(task._readers) == 1
    finally:
        task.end_readers()


class _Elsewhere(LocalEngine):
    """Takes itself for one of several machines; counts how often servers are begun."""

    name, begun = "several", 0

    def serve(self, folders, *, copy=0):
        self.begun += 1
        return super().serve(folders, copy=copy)


def test_a_run_opens_small_shards_itself_unless_another_machine_has_one(folder, monkeypatch):
    with clustered.opened(folder) as cluster:
        engine = cluster.engine_of_tasks = _Elsewhere()
        with cluster.changing(), cluster.opened_here():
            assert cluster.ask(_paths).all() == {0: ["/a.jpg"], 1: ["/b.jpg"]}
        assert (engine.begun, _locks()) == (0, 0)
        assert len(cluster.ask(_paths)) == 2
        assert engine.begun == 1
        cluster.forget_servers()
        with monkeypatch.context() as patch:
            patch.setattr(holding, "_machine", lambda: "1 elsewhere")
            theirs = Held(folder / "shards/0001")
        with cluster.changing(), cluster.opened_here():
            assert cluster.ask(_paths).missing.keys() == {1}
        assert engine.begun == 2
        theirs.let_go()
