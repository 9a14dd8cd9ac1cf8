"""How the terminal draws pictures: what it answers when it is asked, and when it is not asked.

Four questions go out at once: whether it knows kitty's graphics, its name, the size of a character
in pixels, and its kind, with Sixel among its skills. Nearly every terminal answers the last one,
and what does not know the others says nothing to them, so that the answer ends the wait.

Sources: kitty 2017, "Terminal graphics protocol"; XTerm, "Control Sequences" (DA1, XTVERSION,
XTWINOPS)
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

NEAR_S, FAR_S = 0.5, 2.0  # waited for an answer: here, and through a network
CELL_PX = (10, 20)  # of a VT340, where the terminal does not say
QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + b"\x1b[>0q" + b"\x1b[16t" + b"\x1b[c"
_KIND = re.compile(rb"\x1b\[\?([\d;]*)c")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_KITTY = b"\x1b_Gi=31;OK\x1b\\"
_SIXEL = b"4"  # among the skills of DA1
# These write on the screen what they do not understand, or draw nothing.
_MUTE = ("linux", "dumb", "eterm", "emacs")


class Images(StrEnum):
    """How faces are drawn on a terminal."""

    AUTO = "auto"
    KITTY = "kitty"
    ITERM = "iterm"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Screen:
    """How a terminal draws.

    way      never AUTO or NONE
    cell_px  width and height of a character
    """

    way: Images
    cell_px: tuple[int, int] = CELL_PX


def screen_of(fd: int, images: Images, environment: Mapping[str, str]) -> Screen:
    """The terminal behind a file; where it is asked to choose (AUTO) and cannot say, BLOCKS.

    It is never asked while something typed waits to be read, from the background, or where its
    name says that it could not answer.
    """
    if images is not Images.AUTO:
        return Screen(images, _cell(fd, b""))
    if not _may_be_asked(environment):
        return Screen(Images.BLOCKS)
    answer = _asked(fd, FAR_S if "SSH_CONNECTION" in environment else NEAR_S)
    return Screen(_way(answer, environment), _cell(fd, answer))


def _may_be_asked(environment: Mapping[str, str]) -> bool:
    kind = environment.get("TERM", "")
    program = environment.get("TERM_PROGRAM", "")
    inside = "INSIDE_EMACS" in environment
    return bool(kind) and not kind.startswith(_MUTE) and program != "Apple_Terminal" and not inside


def _way(answer: bytes, environment: Mapping[str, str]) -> Images:
    name = _NAME.search(answer)
    if name and name[1].startswith(b"iTerm2"):
        return Images.ITERM
    if _KITTY in answer:
        return Images.KITTY
    own = "TMUX" not in environment  # which hands on what is set outside of it
    if own and "iTerm" in environment.get("TERM_PROGRAM", ""):
        return Images.ITERM
    kind = _KIND.search(answer)
    return Images.SIXEL if kind and _SIXEL in kind[1].split(b";") else Images.BLOCKS


def _cell(fd: int, answer: bytes) -> tuple[int, int]:
    """Width and height of a character in pixels: as answered, as the window says, or usual."""
    if found := _CELL.search(answer):
        height, width = int(found[1]), int(found[2])
        if width and height:
            return width, height
    if sys.platform != "win32":
        import fcntl
        import struct
        import termios

        with suppress(OSError):
            packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
            rows, columns, wide, high = struct.unpack("4H", packed)
            if rows and columns and wide >= columns and high >= rows:
                return wide // columns, high // rows
    return CELL_PX


def _asked(fd: int, wait_s: float) -> bytes:
    """What the terminal answers, up to its kind; b"" where it cannot be asked safely."""
    if sys.platform == "win32":
        return b""
    import termios

    try:
        tty = os.open(os.ttyname(fd), os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return b""
    try:
        if os.tcgetpgrp(tty) != os.getpgrp():  # from the background it would stop us
            return b""
        before = termios.tcgetattr(tty)
        quiet = [*before]
        quiet[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C works still
        quiet[6] = [*before[6]]
        quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 0, 0
        termios.tcsetattr(tty, termios.TCSANOW, quiet)
        try:
            return _answer(tty, wait_s)
        finally:
            termios.tcsetattr(tty, termios.TCSANOW, before)
    except (OSError, termios.error):  # it is not ours to ask, or just hung up
        return b""
    finally:
        os.close(tty)


def _answer(tty: int, wait_s: float) -> bytes:
    import select

    if select.select([tty], [], [], 0)[0]:  # typed ahead: not ours to read
        return b""
    os.write(tty, QUESTIONS)
    answer, end = b"", time.monotonic() + wait_s
    while not _KIND.search(answer) and (left := end - time.monotonic()) > 0:
        if select.select([tty], [], [], left)[0]:
            answer += os.read(tty, 4096)
    return answer
