"""Where a photo was taken: degrees as EXIF, XMP and JSON write them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

Place = tuple[float, float]  # degrees north and east


class Where(IntEnum):
    """What states a place, the one that counts first."""

    EXIF = 1
    XMP = 2
    JSON = 3


_NUMBER = r"[+-]?\d+(?:\.\d*)?"
_XMP = re.compile(rf"({_NUMBER})(?:,({_NUMBER}))?(?:,({_NUMBER}))?\s*([NSEWnsew])?")


def on_earth(latitude: float, longitude: float) -> Place | None:
    """The place, None for what is none.

    0, 0 is a place in the sea, which cameras without a fix write.
    """
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude, longitude) == (0, 0):
        return None
    return latitude, longitude


def exif_place(gps: Any, tags: Any) -> Place | None:
    """EXIF's degrees, minutes and seconds with their letters.

    gps, tags  the values of the GPS directory by the numbers of the tags
    """
    try:
        latitude = _degrees(gps[tags.GPSLatitude], gps[tags.GPSLatitudeRef], "NS")
        longitude = _degrees(gps[tags.GPSLongitude], gps[tags.GPSLongitudeRef], "EW")
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    return on_earth(latitude, longitude)


def _degrees(parts: Sequence[Any], reference: object, letters: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    if isinstance(reference, bytes):
        reference = reference.decode("latin-1")
    sign = (1, -1)[letters.index(str(reference).strip("\0 ")[0].upper())]
    return sign * (degrees + minutes / 60 + seconds / 3600)


def xmp_place(latitude: str, longitude: str) -> Place | None:
    """XMP's 41,39.378N or 41,39,22N, and plain degrees as icloudpd writes them."""
    north, east = _xmp_degrees(latitude, "NS"), _xmp_degrees(longitude, "EW")
    return None if north is None or east is None else on_earth(north, east)


def _xmp_degrees(written: str, letters: str) -> float | None:
    found = _XMP.fullmatch(written.strip())
    if found is None:
        return None
    *parts, letter = found.groups()
    degrees, minutes, seconds = (float(part or 0) for part in parts)
    if minutes < 0 or seconds < 0 or (letter and letter.upper() not in letters):
        return None
    sign = -1 if written.strip().startswith("-") else 1
    value = sign * (abs(degrees) + minutes / 60 + seconds / 3600)
    return -value if letter and letter.upper() == letters[1] else value
