"""Which version of our reader of each format reads a file: told with what it read, so that a
collection reads again what an older one read.

Whoever mends a reader so that it reads otherwise counts its number up, and whoever adds a format
begins with 1. What all formats share (encodings, passages) counts all of theirs up.
"""

from __future__ import annotations

# What photos say about themselves: words, date, place, who is where. Faces have their recipe.
PHOTO = "photo"
# What is written in pictures: read where it is asked for, beside all the others.
OCR = "ocr"

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
    OCR: 1,
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


def readers(*, photo: bool, ocr: bool = False) -> str:
    """All readers that may have tried a file of no use: what is of none is tried by all.

    photo  of those of photos, else of those of texts
    ocr    words in pictures are read, too: of no use to a photo that cannot be decoded
    """
    some = [kind for kind in VERSIONS if (kind == PHOTO) == photo and kind != OCR]
    some += [OCR] if ocr and not photo else []
    return ", ".join(map(reader, sorted(some)))


def have_tried(tried: str | None, *, photo: bool, ocr: bool = False) -> bool:
    """Whether today's readers were among those that tried a file."""
    now = readers(photo=photo, ocr=ocr).split(", ")
    return tried is not None and set(now) <= set(tried.split(", "))
