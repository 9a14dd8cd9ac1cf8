"""Kill, power cut, full disk, failing flush: a sample of what python -m benchmarks.crash does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import faults
import pytest

HELPERS = Path(faults.__file__).parent
ROOT = Path(__file__).parents[3]
EVERYWHERE = {
    "grow": faults.ACTIONS,
    "fresh": ("kill", "power", "full"),
    "texts": ("kill", "torn", "power", "full", "flush-once"),
    "indexed": ("kill", "torn", "full"),
    "migrate": ("kill", "full"),
    "forget": ("kill", "power", "full"),
    "compact": ("kill", "power", "full"),
    "reembed": ("kill", "power", "full"),
    "say": ("kill", "power", "full"),
    "restore": ("kill", "power", "full"),
    "backup": ("kill", "full"),
    "export": ("kill", "full"),
}
LATE_COMMITS = {"retry": "flush-kill", "compact": "flush"}
MUTANTS = {"grow+unflushed": ("power=5",), "grow+late": ("kill=20",)}
STRIKES = {
    **EVERYWHERE,
    "retry": ("flush-kill=12",),
    "compact": (*EVERYWHERE["compact"], "flush=12"),
    **MUTANTS,
}
# One process for all faults: imports and rehearsal take as long as a dozen trials.
RUNS = {
    "crowd": ("crowd.py", "--kills", "6", "--files", "12"),
    "faults": (
        *("crash.py", "--most", "3"),
        *chain.from_iterable(("--strike", name, *how) for name, how in STRIKES.items()),
    ),
}


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


def _made(trials, name, operation=None, actions=None):
    """The trials of one run, of one operation in it; skips the test where there were none.

    actions  None is all of that operation
    """
    made = [trial for trial in trials[name] if "skipped" not in trial]
    if not made:
        pytest.skip(trials[name][0]["skipped"])
    return [
        trial
        for trial in made
        if operation in (None, trial.get("operation"))
        and (actions is None or trial["action"] in actions)
    ]


def _failures(made):
    return [
        f"{trial['action']} {trial['at']} {trial['call']}: {failure}"
        for trial in made
        for failure in trial["failures"]
    ]


@pytest.mark.parametrize("operation", EVERYWHERE)
def test_after_any_fault_a_collection_is_whole_and_the_next_run_ends_as_if_there_were_none(
    trials, operation
):
    made = _made(trials, "faults", operation, EVERYWHERE[operation])
    assert _failures(made) == []
    assert {trial["ended"] for trial in made} >= {"killed", "refused"}
    assert sum(trial["lost"] + trial["wrong"] for trial in made) == 0


@pytest.mark.parametrize("operation", LATE_COMMITS)
def test_a_commit_whose_flush_failed_does_no_harm_if_it_comes_through_after_all(trials, operation):
    made = _made(trials, "faults", operation, [LATE_COMMITS[operation]])
    assert _failures(made) == []
    assert {trial["ended"] for trial in made} & {"killed", "refused"}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_store_without_the_commit_protocol_is_found_out(trials, mutant):
    made = _made(trials, "faults", mutant)
    assert _failures(made)
    assert sum(trial["wrong"] for trial in made) > 0


def test_two_writers_and_a_reader_do_not_suffer_from_one_that_is_killed(trials):
    made = _made(trials, "crowd")
    assert [failure for trial in made for failure in trial["failures"]] == []
    assert sum(trial["kills"] for trial in made) >= 6
    assert all(trial["passes"] > 0 for trial in made)
