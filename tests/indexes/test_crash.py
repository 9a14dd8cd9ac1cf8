"""Kill, power cut, full disk, failing flush: a sample of what python -m benchmarks.crash does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faults
import pytest

HELPERS = Path(faults.__file__).parent
ROOT = Path(__file__).parents[2]
RUNS = {
    "crowd": ("crowd.py", "--kills", "10"),
    "grow": ("crash.py", "grow", *faults.ACTIONS, "--most", "3"),
    "fresh": ("crash.py", "fresh", "kill", "power", "full", "--most", "4"),
    "indexed": ("crash.py", "indexed", "kill", "torn", "full", "--most", "4"),
    "migrate": ("crash.py", "migrate", "kill", "full", "--most", "4"),
    "forget": ("crash.py", "forget", "kill", "power", "full", "--most", "4"),
    "compact": ("crash.py", "compact", "kill", "power", "full", "--most", "4"),
    "retry": ("crash.py", "retry", "flush-kill", "--most", "16"),
    "compact-unflushed": ("crash.py", "compact", "flush"),
    "restore": ("crash.py", "restore", "kill", "power", "full", "--most", "3"),
    "unflushed": ("crash.py", "grow", "power", "--most", "5", "--mutant", "unflushed"),
    "late": ("crash.py", "grow", "kill", "--most", "5", "--mutant", "late"),
}
OPERATIONS = ["grow", "fresh", "indexed", "migrate", "forget", "compact", "restore"]


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Name of the run → what came of each of its trials; two run side by side."""
    try:
        shim = faults.build(tmp_path_factory.mktemp("shim"))
    except faults.Unavailable as error:
        pytest.skip(str(error))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    folders = {name: tmp_path_factory.mktemp(name) for name in RUNS}

    def run(name):
        script, *arguments = RUNS[name]
        preload = {"LD_PRELOAD": str(shim)} if script == "crash.py" else {}
        done = subprocess.run(
            [sys.executable, HELPERS / script, folders[name], *arguments],
            capture_output=True,
            text=True,
            env={**environment, **preload},
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(RUNS, pool.map(run, RUNS), strict=True))


def _made(trials, name):
    """The trials of one run; skips the test where there were none."""
    made = [trial for trial in trials[name] if "skipped" not in trial]
    if not made:
        pytest.skip(trials[name][0]["skipped"])
    return made


def _failures(made):
    return [
        f"{trial['action']} {trial['at']} {trial['call']}: {failure}"
        for trial in made
        for failure in trial["failures"]
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_after_any_fault_a_collection_is_whole_and_the_next_run_ends_as_if_there_were_none(
    trials, operation
):
    made = _made(trials, operation)
    assert _failures(made) == []
    assert {trial["ended"] for trial in made} >= {"killed", "refused"}
    assert sum(trial["lost"] + trial["wrong"] for trial in made) == 0


@pytest.mark.parametrize("operation", ["retry", "compact-unflushed"])
def test_a_commit_whose_flush_failed_does_no_harm_if_it_comes_through_after_all(trials, operation):
    made = _made(trials, operation)
    assert _failures(made) == []
    assert {trial["ended"] for trial in made} & {"killed", "refused"}


@pytest.mark.parametrize("mutant", ["unflushed", "late"])
def test_a_store_without_the_commit_protocol_is_found_out(trials, mutant):
    made = _made(trials, mutant)
    assert any("faces.f32 is damaged" in failure for failure in _failures(made))


def test_two_writers_and_a_reader_do_not_suffer_from_one_that_is_killed(trials):
    made = _made(trials, "crowd")
    assert [failure for trial in made for failure in trial["failures"]] == []
    assert sum(trial["kills"] for trial in made) >= 10
    assert all(trial["passes"] > 0 for trial in made)
