"""Texts of strangers (names of files and persons, titles, captions) as they may be printed.

What would move the cursor, colour the terminal, begin a line of its own or turn the rest of one
around is written out as in Python, `\\n` and `\\u202e`, so that it is seen and does nothing.
"""

from __future__ import annotations

import re

# Control characters, line and paragraph separators, Unicode's marks of direction, what takes no
# room (but joiners, which emoji and Persian need), and halves of a surrogate pair.
HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff"
)
_HIDDEN = re.compile(f"[{HIDDEN}]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_WRITTEN = r"[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}"  # after a backslash
_AMBIGUOUS = re.compile(rf"\\(?=\\|{_WRITTEN}|[{HIDDEN}])")
_CODED = re.compile(rf"\\(\\|{_WRITTEN})")
# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV injection"), full-width
# signs too, and apostrophes before it, which escape it.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")

_NUMBER = re.compile(r"-?\d+(\.\d+)?")  # which is none


def visible(text: str) -> str:
    """A text in which every hidden character is written out: one line, whatever it holds."""
    return _HIDDEN.sub(lambda match: _written(match[0]), text)


def json_visible(text: str) -> str:
    """The same of JSON, which stays the JSON that it was: hidden characters are in texts only."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def cell(text: str) -> str:
    r"""A text as a cell of CSV: hidden characters written out, and no formula.

    An apostrophe goes before =, +, -, @ and what else begins a formula, and before apostrophes
    that stand before one; a backslash is doubled where it could be taken for a written-out
    character. cell_text() takes both back.
    """
    formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    guarded = f"'{text}" if formula else text
    return visible(_AMBIGUOUS.sub(r"\\\\", guarded))


def cell_text(cell: str) -> str:
    """The text that cell() was given."""
    text = _CODED.sub(lambda match: _meant(match[1]), cell)
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _written(letter: str) -> str:
    number = ord(letter)
    return _NAMED.get(letter) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def _meant(code: str) -> str:
    if code[0] in "xu":
        return chr(int(code[1:], 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(code, code)
