"""Why a backup is not believed."""

from __future__ import annotations


class Unbelievable(Exception):
    """What a file says cannot be; the text says what, in a few words."""


def clipped(value: object, most: int = 60) -> str:
    """A stranger's value in an error: quoted, and no longer than a part of a line."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
