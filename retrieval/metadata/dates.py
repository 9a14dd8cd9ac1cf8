"""When a photo was taken: dates as cameras and programs write them, and which of several counts."""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum


class When(IntEnum):
    """What a date is, the one that counts first; the date of the last edit is none of them.

    The names of EXIF, XMP and IPTC that mean the same are those of the Metadata Working Group's
    guidelines 2.0: created is the exposure, digitised the scan. JSON is Google Takeout's.
    """

    EXIF_ORIGINAL = 1
    XMP_ORIGINAL = 2
    XMP_CREATED = 3
    IPTC_CREATED = 4
    XMP_DIGITISED = 5
    IPTC_DIGITISED = 6
    JSON = 7
    EXIF_DIGITISED = 8


EARLIEST = 1000  # a year below is what programs write for no date
_NUMBER = r"\d\d|[ ]\d|\d|[ ][ ]"  # some cameras write blanks for zeros
_BETWEEN = "[:/.-]"
_DAY = re.compile(
    rf"(\d{{4}}){_BETWEEN}({_NUMBER}){_BETWEEN}({_NUMBER})(?!\d)"
    rf"|(\d{{4}})(\d\d)(\d\d)(?!\d)"
    rf"|(\d{{4}}){_BETWEEN}({_NUMBER})(?![:/.\-\d])"
    r"|(\d{4})(?![:/.\-\d])"
)
_TIME = re.compile(
    rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER})(?:[.,]\d*)?)?\s*([ap]\.?m\b)?|(\d\d)(\d\d)(\d\d)?",
    re.IGNORECASE,
)


def iso(written: object) -> str | None:
    """A date in EXIF's, XMP's or IPTC's form as ISO 8601, as exact as it is written.

    returns  2019-07-21T18:03:00, 2019-07-21T18:03, 2019-07-21, 2019-07 or 2019: local time
             without its zone, of which filters could make nothing; None for what is no date
    """
    text = written.decode("latin-1") if isinstance(written, bytes) else str(written)
    text = text.replace("\0", " ").strip()
    day = _DAY.match(text)
    if day is None:
        return None
    parts = [int(part.strip() or 0) for part in day.groups() if part is not None]
    year, month, number = (*parts, 0, 0)[:3]
    if year < EARLIEST:
        return None
    if not month:
        return f"{year}"
    try:
        datetime(year, month, number or 1)
    except ValueError:
        return None
    if not number:
        return f"{year}-{month:02}"
    return f"{year}-{month:02}-{number:02}{_time(text[day.end() :])}"


def _time(rest: str) -> str:
    """T and the time of day; "" where it is none that a clock shows."""
    found = _TIME.match(rest[1:].lstrip()[:40]) if rest[:1] in (" ", "T", "t", ":") else None
    if found is None:
        return ""
    parts = (found[1] or found[5], found[2] or found[6], found[3] or found[7])
    numbers = [int(part.strip() or 0) for part in parts if part is not None]
    if found[4]:
        if not 1 <= numbers[0] <= 12:
            return ""
        numbers[0] = numbers[0] % 12 + 12 * (found[4][0].lower() == "p")
    if numbers[0] > 23 or numbers[1] > 59:
        return ""
    if len(numbers) > 2 and numbers[2] > 59:
        del numbers[2]
    return "T" + ":".join(f"{number:02}" for number in numbers)


def chosen(dates: list[tuple[When, str]]) -> str | None:
    """The date that counts, with the time of day that another source adds to it."""
    best = min(dates, key=lambda date: date[0], default=None)
    if best is None:
        return None
    taken_at = best[1]
    for _, date in sorted(dates, key=lambda date: date[0]):
        if date.startswith(taken_at):
            taken_at = date
    return taken_at
