"""EXIF 3.0: the description, the comment, what Windows adds, when and where."""

from __future__ import annotations

import re
from typing import Any

from PIL import ExifTags, Image

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.dates import When
from retrieve.metadata.places import Where, exif_place
from retrieve.metadata.said import Said

_TAGS = ExifTags.Base
_CODE_BYTES = 8  # before a user comment: the name of its character set


def read_exif(exif: Image.Exif) -> Said:
    """Description, user comment, Windows' title, subject, comment and keywords, date, place.

    The date is that of the exposure, or of the scan. DateTime is that of the last edit.
    """
    said = Said()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    said.date(When.EXIF_ORIGINAL, details.get(_TAGS.DateTimeOriginal))
    said.date(When.EXIF_DIGITISED, details.get(_TAGS.DateTimeDigitized))
    said.place(Where.EXIF, exif_place(exif.get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPS))
    said.title(_windows(exif.get(_TAGS.XPTitle)))
    said.title(_windows(exif.get(_TAGS.XPSubject)))
    said.caption(_ascii(exif.get(_TAGS.ImageDescription)))
    said.caption(_comment(details.get(_TAGS.UserComment)))
    said.caption(_windows(exif.get(_TAGS.XPComment)))
    for keyword in re.split("[;,]", _windows(exif.get(_TAGS.XPKeywords))):
        said.keyword(keyword)
    return said


def _ascii(value: Any) -> str:
    """ASCII by the standard, any 8-bit encoding or UTF-8 in fact; Pillow reads Latin-1."""
    if isinstance(value, str):
        value = value.encode("latin-1", "replace")
    return _told(value) if isinstance(value, bytes) else ""


def _windows(value: Any) -> str:
    """UTF-16 in little-endian order, as bytes or as numbers."""
    if isinstance(value, tuple):
        try:
            value = bytes(value)
        except (TypeError, ValueError):
            return ""
    return value.decode("utf-16-le", "replace") if isinstance(value, bytes) else ""


def _comment(value: Any) -> str:
    """A user comment by the character set that it names, or by its bytes."""
    if isinstance(value, str):
        value = value.encode("latin-1", "replace")
    if not isinstance(value, bytes):
        return ""
    code, content = value[:_CODE_BYTES].rstrip(b"\0 ").upper(), value[_CODE_BYTES:]
    if code == b"UNICODE":
        return _utf16(content)
    if code == b"JIS":
        return content.decode("iso2022_jp", "replace")
    return _told(content if code in (b"ASCII", b"") else value)


def _utf16(content: bytes) -> str:
    """UTF-16 in either order: writers disagree. That order is right which gives more letters
    of the first 256."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    little = content[1::2].count(0) >= content[::2].count(0)
    return content.decode("utf-16-le" if little else "utf-16-be", "replace")


def _told(content: bytes) -> str:
    content = content.strip(b"\0 \r\n\t")
    try:
        return decode(content)[0] if content else ""
    except BadInput:
        return ""
