"""Which version of our reader of each format reads a file: told with what it read, so that a
collection reads again what an older one read.

Whoever mends a reader so that it reads otherwise counts its number up, and whoever adds a format
begins with 1. What all formats share (encodings, passages) counts all of theirs up.
"""

from __future__ import annotations

PHOTO = "photo"  # what photos say about themselves: words, date, place; faces have their recipe

VERSIONS: dict[str, int] = {
    "plain": 1,
    "markdown": 1,
    "html": 1,
    "pdf": 1,
    "docx": 1,
    "odt": 1,
    "table": 1,
    "json lines": 1,
    "subtitles": 1,
    PHOTO: 1,
}


def reader(kind: str) -> str:
    """The reader of a format as it is now: "pdf 2"."""
    return f"{kind} {VERSIONS[kind]}"


def is_current(read_by: str | None) -> bool:
    """Whether what that reader read would be read by it again; None is one that did not say."""
    if read_by is None:
        return False
    kind, _, version = read_by.rpartition(" ")
    return version == str(VERSIONS.get(kind))


def readers(*, photo: bool) -> str:
    """All readers that may have tried a file of no use: what is of none is tried by all.

    photo  of those of photos, else of those of texts
    """
    some = {kind: n for kind, n in VERSIONS.items() if (kind == PHOTO) == photo}
    return ", ".join(f"{kind} {n}" for kind, n in sorted(some.items()))
