"""What ends a command from outside ends it as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pretend_cli
import pytest

from retrieve.cli import app
from retrieve.errors import CollectionError
from retrieve.indexes.collection import open_collection

DEADLINE_S = 600.0  # for what takes a second on an idle machine


@pytest.fixture
def handlers():
    """As a shell starts a program, whatever runs the tests; put back afterwards."""
    ending = (signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, signal.SIG_DFL) for one in ending}
    before[signal.SIGINT] = signal.getsignal(signal.SIGINT)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _ended_by(number, monkeypatch, *, command=None):
    """With what main() returns when a signal comes while a command is at work."""

    def work():
        os.kill(os.getpid(), number)
        time.sleep(DEADLINE_S)

    def caught():
        try:
            work()
        except KeyboardInterrupt:
            raise SystemExit(command) from None

    monkeypatch.setattr(app, "app", work if command is None else caught)
    with pytest.raises(SystemExit) as stop:
        app.main()
    return stop.value.code


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_ended_says_by_what(monkeypatch, number, code):
    assert _ended_by(number, monkeypatch) == code
    assert _ended_by(number, monkeypatch, command=130) == code  # which it returns after Ctrl-C
    assert _ended_by(number, monkeypatch, command=0) == 0


@pytest.mark.usefixtures("handlers")
def test_a_signal_that_is_to_be_ignored_is(monkeypatch):
    """As `nohup` asks for."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(app, "app", lambda: os.kill(os.getpid(), signal.SIGHUP))
    app.main()


def test_an_index_that_is_told_to_end_keeps_what_is_whole(tmp_path):
    photos, where = tmp_path / "photos", tmp_path / "collection"
    photos.mkdir()
    for i in range(4):
        (photos / f"{i}.jpg").write_text(f"face{i}")
    (photos / "z.jpg").write_text("hang")
    program = subprocess.Popen(
        pretend_cli.command("index", photos, "--collection", where, "--processes", 1),
        env=pretend_cli.environment(BATCH_FILES="2", TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + DEADLINE_S
    while _faces(where) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(program.pid, signal.SIGTERM)  # as a session does: to all its processes
    text, _ = program.communicate(timeout=DEADLINE_S)
    assert (program.returncode, "Interrupted" in text) == (143, True), text
    with open_collection(where) as opened:
        assert opened.skipped() == []  # the file at work is none of those that stop a worker
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "collection"}


def _faces(collection):
    try:
        with open_collection(collection, read_only=True) as opened:
            return opened.catalog.counts()["faces"]
    except CollectionError:  # there is none yet, or it is just being made
        return 0
