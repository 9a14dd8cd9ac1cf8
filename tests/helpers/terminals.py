"""A terminal without a window: it runs a program, and answers what it is asked, or nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

KITTY = {b"\x1b_Gi=31": b"\x1b_Gi=31;OK\x1b\\"}
NAMED = {b"\x1b[>0q": b"\x1bP>|iTerm2 3.5.0\x1b\\"}
CELL = {b"\x1b[16t": b"\x1b[6;18;9t"}
PLAIN = {b"\x1b[c": b"\x1b[?62;22c"}
SIXEL = {b"\x1b[c": b"\x1b[?62;4;22c"}
LONGEST_S = 600  # of silence, before it counts as hung


def run(
    command: Sequence[str],
    answers: Mapping[bytes, bytes],
    *,
    columns: int = 100,
    typed: bytes = b"",
    owned: bool = True,
    **environment: str,
) -> bytes:
    """All that a program writes on such a terminal, up to its end.

    answers  question → answer; the others get none
    typed    what is typed before the program begins
    owned    whether the terminal is the one that it belongs to
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
    if typed:
        os.write(ours, typed)
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    kept = {name: os.environ[name] for name in os.environ if name not in ("NO_COLOR", "COLUMNS")}
    begun = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=kept | environment,
        start_new_session=True,
        preexec_fn=_own if owned else None,
    )
    os.close(theirs)
    waiting, said = dict(answers), b""
    try:
        while select.select([ours], [], [], LONGEST_S)[0]:
            try:
                read = os.read(ours, 65536)
            except OSError:  # nobody has its other end open
                break
            if not read:
                break
            said += read
            asked = sorted((one for one in waiting if one in said), key=said.index)
            if asked:  # in the order of the questions, as terminals do: the last answer ends them
                os.write(ours, b"".join(waiting.pop(one) for one in asked))
    finally:
        os.close(ours)
        begun.kill()
        begun.wait()
    return said


def _own() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
