"""What terminals and printers obey and nobody reads: colours, overstriking, bars of progress.

Source: ECMA-48, "Control functions for coded character sets"; groff and nroff for the other.
"""

from __future__ import annotations

import re
from itertools import pairwise

_BACKSPACE = "\b"
# ESC [ … letter; titles and other strings up to their end; ESC and one character.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*([@-~])"
    "|(?:\x1b[\\]PX^_]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-~]"
)
_MOVES = frozenset("ABCDEFGHIJSTZ`abdefj")  # of the cursor: what follows stands elsewhere
# A character struck over another: bold, or underlined.
_STRUCK = re.compile("[^\n\b](?:\b[^\n\b])+")
_SHARE = re.compile(r"\d|[%#=█▓░■.>*|/\\-]")  # of what is done: in every bar of progress
_LEFT_SAME = re.compile(r"[\W\d_]+")  # what changes in one


def without_controls(text: str) -> str:
    """A text as it looked in the terminal; as many lines, the colours gone.

    Letters struck twice or underlined by backspaces are single ones. Of states that a
    carriage return wrote over each other, and that differ in numbers and bars alone, the
    last is kept.
    """
    if "\x1b" in text or "\x9b" in text:
        text = _SEQUENCE.sub(lambda found: " " if found[1] and found[1] in _MOVES else "", text)
    if _BACKSPACE in text:
        text = _STRUCK.sub(lambda found: _on_top(found[0][::2]), text)
        if _BACKSPACE in text:
            text = "\n".join(map(_typed, text.split("\n")))
    if "\r" in text and "\n" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = "\n".join(map(_last_state, text.split("\n")))
    return text


def _on_top(struck: str) -> str:
    """What one reads of characters in one place."""
    seen = struck[-1]
    for character in reversed(struck):
        if character != "_":
            return character
    return seen


def _typed(line: str) -> str:
    """A line in which backspaces go back and what follows is written over."""
    if _BACKSPACE not in line:
        return line
    cells: list[str] = []
    at = 0
    for character in line:
        if character == _BACKSPACE:
            at = max(0, at - 1)
        elif at < len(cells):
            cells[at] = _on_top(cells[at] + character)
            at += 1
        else:
            cells.append(character)
            at += 1
    return "".join(cells)


def _last_state(line: str) -> str:
    """The states of a line; those that the next one repeats but for its numbers are blank."""
    states = line.split("\r")
    kept = [
        "" if later.strip() and _is_repeated(state, later) else state
        for state, later in pairwise(states)
    ]
    return "\r".join([*kept, states[-1]])


def _is_repeated(state: str, later: str) -> bool:
    return (
        _LEFT_SAME.sub("", state) == _LEFT_SAME.sub("", later) and _SHARE.search(state) is not None
    )
