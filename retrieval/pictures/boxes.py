"""Files of boxes; of HEIC and AVIF whether the container turns its picture, and its EXIF data.

Source: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (HEIF), 6.5.10 irot and 6.5.12 imir.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from retrieve.pictures.pieces import File, Part, size_of

_MAX_META = 1 << 24  # of the box that describes items: phones' have some 10 kB
_MAX_EXIF = 1 << 20
_MAX_BOXES = 1 << 12  # at one level


class Container(NamedTuple):
    """What a container says of its picture besides the pixels.

    turns  whether it turns or mirrors it itself, so that EXIF's orientation is only a copy
    exif   the data as TIFF, b"" without them
    """

    turns: bool
    exif: bytes


def look(file: File) -> Container | None:
    """What a container says; None for a file that is none, or is not understood."""
    try:
        meta = _meta(file)
        if meta is None:
            return None
        inside = dict(_boxes(meta[4:]))
        primary = _primary(inside[b"pitm"])
        properties = dict(_boxes(inside[b"iprp"]))
        kinds = [kind for kind, _ in _boxes(properties[b"ipco"])]
        own = _associated(properties[b"ipma"], primary)
        turns = any(kinds[at - 1] in (b"irot", b"imir") for at in own if 0 < at <= len(kinds))
        return Container(turns, _exif(file, inside))
    except (LookupError, ValueError):
        return None


def placed(file: File, within: Part) -> Iterator[tuple[bytes, Part]]:
    """Kinds of the boxes in a part of a file and where their contents lie; ends at damage."""
    end, at = within.start + within.length, within.start
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(min(16, max(0, end - at)))
        if len(head) < 8:
            return
        try:
            length, start = _length(head, end - at)
        except ValueError:
            return
        yield head[4:8], Part(at + start, min(length, end - at) - start)
        at += length


def _meta(file: File) -> bytes | None:
    """The content of the box that describes the items."""
    end, at = size_of(file), 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or (at == 0 and head[4:8] != b"ftyp"):
            return None
        length, start = _length(head, end - at)
        if head[4:8] == b"meta":
            if not start + 4 <= length <= _MAX_META:
                return None
            file.seek(at + start)
            return file.read(length - start)
        at += length
    return None


def _length(head: bytes, left: int) -> tuple[int, int]:
    """A box's length with its head, and the head's."""
    length, start = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        length, start = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:
        length = left
    if length < start:
        raise ValueError("a box is shorter than its head")
    return length, start


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_BOXES):
        if at + 8 > len(content):
            return
        length, start = _length(content[at : at + 16], len(content) - at)
        yield content[at + 4 : at + 8], content[at + start : at + length]
        at += length


def _primary(body: bytes) -> int:
    return int.from_bytes(body[4:6] if body[0] == 0 else body[4:8], "big")


def _associated(body: bytes, item: int) -> list[int]:
    """Numbers of the properties of an item, 1 for the first."""
    numbers = _Numbers(body)
    version, wide = numbers.take(1), numbers.take(3) & 1
    for _ in range(numbers.take(4)):
        own = numbers.take(2 if version == 0 else 4) == item
        found = []
        for _ in range(numbers.take(1)):
            value = numbers.take(2 if wide else 1)
            found.append(value & (0x7FFF if wide else 0x7F))
        if own:
            return found
    return []


def _exif(file: File, inside: dict[bytes, bytes]) -> bytes:
    """The EXIF data; b"" if there are none or they lie elsewhere."""
    try:
        item = _exif_item(inside[b"iinf"])
        where = _extent(inside[b"iloc"], item)
    except (LookupError, ValueError):
        return b""
    if where is None:
        return b""
    start, length = where
    file.seek(start)
    block = file.read(min(length, _MAX_EXIF))
    skipped = 4 + int.from_bytes(block[:4], "big")  # to where the TIFF begins
    return block[skipped:]


def _exif_item(body: bytes) -> int:
    """The number of the item that is EXIF."""
    version = body[0]
    for kind, entry in _boxes(body[6 if version == 0 else 8 :]):
        wide = entry[0] >= 3
        at = 8 if wide else 6
        if kind == b"infe" and entry[0] >= 2 and entry[at + 2 : at + 6] == b"Exif":
            return int.from_bytes(entry[4:at], "big")
    raise LookupError("no EXIF")


def _extent(body: bytes, item: int) -> tuple[int, int] | None:
    """Start and length of an item that lies in the file in one piece."""
    numbers = _Numbers(body)
    version = numbers.take(1)
    numbers.take(3)
    sizes = numbers.take(2)
    offset, length, base, index = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
    for _ in range(numbers.take(2 if version < 2 else 4)):
        number = numbers.take(2 if version < 2 else 4)
        method = numbers.take(2) & 15 if version else 0
        numbers.take(2)  # the file that it lies in: this one
        start = numbers.take(base)
        extents = []
        for _ in range(numbers.take(2)):
            if version:
                numbers.take(index)
            extents.append((start + numbers.take(offset), numbers.take(length)))
        if number == item:
            return extents[0] if len(extents) == 1 and method == 0 else None
    return None


class _Numbers:
    """Big-endian numbers, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, width: int) -> int:
        """The next one, of so many bytes; raises ValueError at the end."""
        value = self._content[self._at : self._at + width]
        if len(value) < width:
            raise ValueError("a box ends early")
        self._at += width
        return int.from_bytes(value, "big")
