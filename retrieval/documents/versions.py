"""Which version of our reader of each format reads a file: told with what it read, so that a
collection reads again what an older one read.

Whoever mends a reader so that it reads otherwise counts its number up, and whoever adds a format
begins with 1. What all formats share (encodings, passages) counts all of theirs up.
"""

from __future__ import annotations

# What photos say about themselves: words, date, place, who is where. Faces have their recipe.
PHOTO = "photo"

VERSIONS: dict[str, int] = {
    "plain": 2,
    "markdown": 2,
    "html": 2,
    "pdf": 2,
    "docx": 2,
    "odt": 2,
    "table": 2,
    "json lines": 2,
    "subtitles": 2,
    "epub": 1,
    "json": 1,
    "mail": 1,
    "mailbox": 1,
    "odp": 1,
    "ods": 1,
    "pptx": 1,
    "rtf": 1,
    "xlsx": 1,
    PHOTO: 3,
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
