from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pretend
import pretend_cli
import pytest

from retrieve.errors import UNFORESEEN, BadInput, WeightsError, foreseen
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.building.describing import Undescribed
from retrieve.indexes.building.server import let_libraries_be_silent
from retrieve.indexes.building.workers import Stopped

DEADLINE_S = 600.0  # for what takes a tenth of a second on an idle machine


def _paths(folder, files):
    for name, text in files.items():
        (folder / f"{name}.jpg").write_text(text)
    return [(name, folder / f"{name}.jpg") for name in files]


def _outcomes(folder, files, **options):
    return dict(workers.run(pretend.open_work, _paths(folder, files), **options))


def test_a_file_that_crashes_or_computes_for_long_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "WAITS", 1000)
    files = {f"good{i}": f"face{i}" for i in range(6)}
    files |= {"crashes": "crash", "computes": "burn", "bad": "bad"}
    outcomes = _outcomes(tmp_path, files, time_limit_s=0.3)
    assert outcomes.keys() == files.keys()
    assert outcomes["crashes"] == "decoding crashed its process (SIGABRT)"
    assert outcomes["computes"] == (
        "decoding took longer than 0.3 s of processor time and was stopped; --time-limit gives it "
        "more"
    )
    assert outcomes["bad"] == "is bad"
    stopped = {name for name, outcome in outcomes.items() if isinstance(outcome, Stopped)}
    assert stopped == {"crashes", "computes"}
    for i in range(6):
        assert len(outcomes[f"good{i}"].faces) == 1


def test_a_file_that_only_waits_is_stopped_by_the_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "WAITS", 0.5)
    (outcome,) = _outcomes(tmp_path, {"waits": "hang"}, time_limit_s=1).values()
    assert isinstance(outcome, Stopped)
    assert outcome == "decoding was not done after 0.5 s, most of which it waited, and was stopped"


def test_time_in_which_a_worker_does_not_compute_is_not_counted(tmp_path, monkeypatch):
    """As on a machine that others keep busy."""
    monkeypatch.setattr(workers, "WAITS", 1000)
    (outcome,) = _outcomes(tmp_path, {"naps": "nap"}, time_limit_s=0.2).values()
    assert len(outcome.faces) == 1


@pytest.mark.parametrize("here", [True, False])
def test_what_nobody_foresaw_is_a_reason_that_names_it(tmp_path, here):
    files = {name: f"raise {name}" for name in pretend.RAISED if name not in ("exit", "weights")}
    outcomes = _outcomes(tmp_path, files | {"good": "face"}, here=here)
    assert len(outcomes.pop("good").faces) == 1
    assert outcomes == {
        "zlib": f"{UNFORESEEN}zlib.error (Error -3: incorrect header check)",
        "lzma": f"{UNFORESEEN}_lzma.LZMAError (Corrupt input data)",
        "value": f"{UNFORESEEN}ValueError (Comments are no elements)",
        "recursion": f"{UNFORESEEN}RecursionError (maximum recursion depth exceeded)",
        "unicode": f"{UNFORESEEN}UnicodeDecodeError ('utf-8' codec can't decode byte 0xff in "
        "position 0: invalid start byte)",
        "panic": f"{UNFORESEEN}BaseException (a Rust library's)",
        "memory": "decoding needs more memory than there is",
    }
    assert [name for name, why in outcomes.items() if isinstance(why, Stopped)] == ["memory"]


@pytest.mark.parametrize(("name", "kind"), [("exit", SystemExit), ("weights", WeightsError)])
@pytest.mark.parametrize("here", [True, False])
def test_what_is_no_files_fault_ends_the_run(tmp_path, here, name, kind):
    with pytest.raises(kind):
        _outcomes(tmp_path, {"a": f"raise {name}"}, here=here)


def test_a_photo_that_is_not_to_be_described_is_read_for_its_faces_and_names_alone(
    tmp_path, monkeypatch
):
    photo = tmp_path / "boda" / "ana.jpg"
    photo.parent.mkdir()
    roots = (photo.parent,)
    photo.write_text("ana")
    photo.with_suffix(".txt").write_text("Una tarde de mayo")
    monkeypatch.setattr(jobs, "said_of", None)
    faces = SimpleNamespace(open=lambda: lambda path: pretend.extracted(path.read_bytes()))
    found = jobs.Job(faces, roots).open()(Undescribed(photo))
    assert len(found.faces) == 1
    assert [passage.text for passage in found.said.passages] == ["boda, ana"]
    assert found.said.seen is None


def test_what_a_library_in_c_prints_in_a_worker_goes_nowhere_and_what_python_prints_stays():
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(tell, 2)
        let_libraries_be_silent()
        os.write(2, b"Fax4Decode: Bad code word")
        sys.stderr.write("a warning\n")
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as lines:
        assert lines.read() == "a warning\n"
    os.waitpid(child, 0)


def test_whoever_reads_one_file_meets_only_our_exceptions():
    for error in (OSError("gone"), MemoryError(), KeyError("Root"), BadInput("is bad")):
        with pytest.raises(BadInput), foreseen():
            raise error
    with pytest.raises(KeyboardInterrupt), foreseen():
        raise KeyboardInterrupt


def test_the_work_that_cannot_be_opened_ends_the_run_with_what_it_raised(tmp_path):
    with pytest.raises(WeightsError, match="weights are damaged"):
        list(workers.run(pretend.open_nothing, _paths(tmp_path, {"a": "face"})))


def test_paths_are_taken_only_as_fast_as_results(tmp_path):
    (tmp_path / "photo").write_text("face")
    taken = 0

    def paths():
        nonlocal taken
        for i in range(1000):
            taken += 1
            yield i, tmp_path / "photo"

    running = workers.run(pretend.open_work, paths(), workers=1)
    next(running)
    assert taken <= workers.AHEAD + 1
    running.close()


def test_large_and_small_files_are_all_done_in_turn(tmp_path):
    """Some tasks and answers are larger than what the system keeps between two processes."""
    texts = [("x" * (1 << 20 if i % 3 else 10)) + str(i) for i in range(60)]
    found = dict(workers.run(pretend.open_echo, enumerate(texts), workers=2))
    assert found == dict(enumerate(texts))


def test_closing_stops_the_workers(tmp_path):
    (tmp_path / "photo").write_text("hang")
    (tmp_path / "quick").write_text("face")
    paths = [("quick", tmp_path / "quick"), ("photo", tmp_path / "photo")]
    running = workers.run(pretend.open_work, paths, workers=1)
    assert next(running)[0] == "quick"
    closing = threading.Thread(target=running.close)
    closing.start()
    closing.join(timeout=DEADLINE_S)
    assert not closing.is_alive()


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced(tmp_path):
    (tmp_path / "a").write_text("face")
    with workers.Workers(pretend_cli.open_who, workers=1) as pool:
        ((_, first),) = pool.run([(0, tmp_path / "a")])
        os.kill(int(first), signal.SIGKILL)
        ((_, second),) = pool.run([(0, tmp_path / "a")])
    assert first != second


BURN = """
import sys
from pathlib import Path
from types import SimpleNamespace
import pretend
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.building.describing import Undescribed
files = [(name, Path(name)) for name in sys.argv[1:]]
for name, outcome in workers.run(pretend.open_work, files, workers=2):
    print(outcome.said.seen, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_busy_worker_ends_with_the_program_and_no_folder_stays(tmp_path, number):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    paths = [str(path) for _, path in _paths(tmp_path, {"a": "who", "b": "burn"})]
    program = subprocess.Popen(
        [sys.executable, "-c", BURN, *paths],
        env=pretend_cli.environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        text=True,
    )
    server = int(program.stdout.readline())
    _until(lambda: len(_children(server)) == 2)  # the one at b may begin later than a is done
    every = [server, *_children(server)]
    _until(lambda: any(_cpu_s(pid) > 0.1 for pid in every[1:]))
    program.send_signal(number)
    program.wait()
    _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in every))
    assert list(temporary.iterdir()) == []


def test_a_killed_server_takes_its_workers_along(tmp_path):
    paths = _paths(tmp_path, {"a": "who", "b": "burn"})
    running = workers.run(pretend.open_work, paths, workers=2)
    server = int(next(running)[1].said.seen)
    _until(lambda: any(_cpu_s(pid) > 0.3 for pid in _children(server)))  # b is read
    every = _children(server)
    os.kill(server, signal.SIGKILL)
    (_, outcome) = next(running)
    assert isinstance(outcome, Stopped)
    _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in every))
    assert list(running) == []
    assert len(_outcomes(tmp_path, {"good": "face"})["good"].faces) == 1  # by a new one


def _children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def _until(true):
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
