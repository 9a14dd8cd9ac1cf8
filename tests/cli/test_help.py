"""What --help, -V and a command line that is wrong show, and how commands end."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import warm

from retrieve.cli import __main__ as start
from retrieve.cli import exits
from retrieve.cli.app import COMMANDS, PANELS


def _help(*command, columns=100):
    return warm.retrieve(*command, "--help", COLUMNS=columns).stdout


def test_commands_stand_in_panels_by_what_they_are_about():
    text = _help()
    places = [text.index(f"─ {title} ─") for title in PANELS]
    assert places == sorted(places)
    for name in COMMANDS:
        assert re.search(rf"^│ {name} ", text, re.MULTILINE), name
    assert "3 no; 4 cannot say" in text
    assert warm.retrieve("-V").stdout == warm.retrieve("--version").stdout


@pytest.mark.parametrize("command", [(), ("search",), ("train", "faces"), ("verify",)])
@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_help_fits_its_terminal_and_loses_no_word(command, columns):
    text = _help(*command, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "<" not in text
    wide = _help(*command, columns=110)

    def words(shown):
        return sorted(re.findall(r"[\w-]+", re.sub("[│╭╮╰╯─]", " ", shown)))

    if columns >= 60:
        assert words(text) == words(wide)


def test_help_of_a_narrow_terminal_stacks():
    lines = _help("verify", columns=60).splitlines()
    at = next(i for i, line in enumerate(lines) if "--false-match-rate RATE" in line)
    assert lines[at].strip("│ ") == "--false-match-rate RATE"
    assert lines[at + 1].startswith("│   How many pairs")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["serch", "x"], exits.USAGE, "no such command 'serch'. Did you mean 'search', 'serve'?"),
        (["search", "--jsn"], exits.USAGE, "no such option: --jsn"),
        (["verify", __file__], exits.USAGE, "missing argument 'B'"),
        (["search", "-k", "0", "x"], exits.USAGE, "invalid value for '-k'"),
        (["verify", "none.jpg", "none.jpg"], exits.ERROR, "file 'none.jpg' does not exist"),
        (["identify", "none.jpg"], exits.ERROR, "file 'none.jpg' does not exist"),
        (["index", "none"], exits.ERROR, "no such file or folder"),
        (["map"], exits.USAGE, "wanted --out FILE.png"),
        (["forget"], exits.USAGE, "got none of them"),
        (["export"], exits.USAGE, "wanted a file to write"),
        (["words", "plot", "rey"], exits.USAGE, "wanted --out FILE.png"),
    ],
)
def test_what_is_wrong_is_one_line_and_one_code(tmp_path, arguments, code, said):
    done = warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=tmp_path / "c")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert done.stdout == ""


def test_a_command_without_arguments_shows_its_help():
    done = warm.retrieve(code=exits.USAGE)
    assert (done.stderr, "─ Collection ─" in done.stdout) == ("", True)
    assert "─ Commands ─" in warm.retrieve("words", code=exits.USAGE).stdout


def test_ctrl_c_in_the_middle_of_an_import_says_nothing():
    """The signal comes while the command imports what it needs, before its own handlers stand."""
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "wanted = sys.argv[1]\n"
        "sys.argv = ['retrieve', 'analogy', 'rey', 'hombre', 'mujer']\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == wanted: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from retrieve.cli.__main__ import main\n"
        "main()\n"
    )
    for module in ("retrieve.cli.app", "retrieve.indexes.words.stores"):
        done = subprocess.run(
            [sys.executable, "-c", code, module], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (exits.INTERRUPTED, "", "")
    assert start.INTERRUPTED == exits.INTERRUPTED


def test_an_import_error_out_of_ctrl_c_is_no_traceback(monkeypatch):
    import os
    import signal

    from retrieve.cli import app

    def work():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy failed to initialise") from None

    handlers = {
        one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    monkeypatch.setattr(app, "app", work)
    try:
        with pytest.raises(SystemExit) as stop:
            app.main()
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
    assert stop.value.code == exits.INTERRUPTED
