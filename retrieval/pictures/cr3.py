"""Canon's CR3: where its pictures and its metadata lie.

A file of boxes (ISO/IEC 14496-12). The JPEG in full size is the sample of a track, smaller ones lie
in PRVW and THMB; EXIF lies directory by directory in CMT1 (the first), CMT2 (Exif) and CMT4 (GPS),
each a TIFF of its own. Canon documents none of it; source: L. Clévy, "Describing the Canon Raw v3
(CR3) file format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from retrieve.pictures.boxes import placed
from retrieve.pictures.pieces import File, Part, size_of

MARK = b"ftypcrx "  # after the first box's length
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_UUID_BYTES = 16
_PREVIEW_HEAD = _UUID_BYTES + 8  # before the boxes in that of previews
_JPEG_WITHIN = 64  # bytes of a box of a JPEG that may come before it
_EXIF, _GPS = 34665, 34853  # tags that name these directories


class Held(NamedTuple):
    """What a CR3 holds.

    full         (width, height) of the largest track of pictures; (0, 0) if that is not said
    jpegs        where JPEGs may lie
    first        a TIFF with the first directory of EXIF
    directories  of other directories, by the tag that names them, each a TIFF of its own
    xmp          where the packet lies
    """

    full: tuple[int, int]
    jpegs: list[Part]
    first: Part | None
    directories: dict[int, Part]
    xmp: Part | None


def look(file: File) -> Held:
    """What a file that begins as a CR3 holds; what is damaged is left out."""
    jpegs, full, own, xmp = list[Part](), (0, 0), dict[bytes, Part](), None
    for kind, part in placed(file, Part(0, size_of(file))):
        if kind == b"moov":
            for inner, where in placed(file, part):
                if inner == b"trak":
                    size, sample = _track(file, where)
                    full = max(full, size)
                    jpegs += sample
                elif inner == b"uuid" and _name(file, where) == _CANON:
                    own |= dict(placed(file, _after(where, _UUID_BYTES)))
        elif kind == b"uuid" and _name(file, part) == _XMP:
            xmp = _after(part, _UUID_BYTES)
        elif kind == b"uuid" and _name(file, part) == _PREVIEW:
            boxes = dict(placed(file, _after(part, _PREVIEW_HEAD)))
            jpegs += _inside(file, boxes.get(b"PRVW"))
    jpegs += _inside(file, own.get(b"THMB"))
    named = {_EXIF: own.get(b"CMT2"), _GPS: own.get(b"CMT4")}
    directories = {tag: part for tag, part in named.items() if part is not None}
    return Held(full, jpegs, own.get(b"CMT1"), directories, xmp)


def _name(file: File, part: Part) -> bytes:
    return _read(file, part.start, _UUID_BYTES)


def _after(part: Part, count: int) -> Part:
    return Part(part.start + count, max(0, part.length - count))


def _inside(file: File, part: Part | None) -> Iterator[Part]:
    """The JPEG that a box holds behind some numbers."""
    if part is not None:
        at = _read(file, part.start, _JPEG_WITHIN).find(b"\xff\xd8\xff")
        if at >= 0:
            yield _after(part, at)


def _track(file: File, part: Part) -> tuple[tuple[int, int], list[Part]]:
    """The size of a track's picture, and where its first sample lies."""
    for name in (b"mdia", b"minf", b"stbl"):
        found = dict(placed(file, part)).get(name)
        if found is None:
            return (0, 0), []
        part = found
    tables = dict(placed(file, part))
    size: tuple[int, int] = (0, 0)
    sample: list[Part] = []
    for kind, entry in placed(file, _after(tables.get(b"stsd", Part(0, 0)), 8)):
        if kind == b"CRAW":  # width and height stand behind 24 bytes of every visual sample entry
            stated = _numbers(file, entry.start + 24, ">HH")
            size = (stated[0], stated[1]) if stated else size
            break
    wide = b"co64" in tables
    chunks = tables.get(b"co64" if wide else b"stco")
    start = _numbers(file, chunks.start + 8, ">Q" if wide else ">I") if chunks else None
    lengths = tables.get(b"stsz")
    counted = _numbers(file, lengths.start + 4, ">II") if lengths else None
    if start and counted and lengths:
        every, count = counted
        first = (every,) if every else _numbers(file, lengths.start + 12, ">I")
        if count and first:
            sample.append(Part(start[0], first[0]))
    return size, sample


def _numbers(file: File, at: int, form: str) -> tuple[int, ...] | None:
    content = _read(file, at, struct.calcsize(form))
    return struct.unpack(form, content) if len(content) == struct.calcsize(form) else None


def _read(file: File, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
