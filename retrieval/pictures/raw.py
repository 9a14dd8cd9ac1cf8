"""The pictures inside a camera's raw file: no raw data are developed, previews are read.

Sources: TIFF 6.0 (Adobe 1992), DNG 1.7 (Adobe 2023). NEF, ARW, CR2, PEF and SRW are TIFF with
other names; ORF and RW2 are but for their first bytes; RAF states where its JPEG lies; for CR3
see cr3.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from retrieve.pictures import cr3
from retrieve.pictures.pieces import File, Part, opened, size_of

_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
# Signatures that stand in TIFF's place.
_OLYMPUS = {b"IIRO": "<", b"IIRS": "<", b"MMOR": ">"}
_PANASONIC = {b"IIU\0": "<"}
_FUJI = b"FUJIFILMCCD-RAW "
_FUJI_JPEG = 84  # where its offset and its length stand

_SUBFILE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 259, 262
_STRIPS, _STRIP_BYTES, _SUB_IFDS, _JPEG, _JPEG_BYTES = 273, 279, 330, 513, 514
_PANASONIC_JPEG, _DNG = 46, 50706
_COLOUR_FILTER, _LINEAR_RAW = 32803, 34892
_REDUCED = 1  # bit of the subfile type: a smaller copy of another picture
_JPEG_COMPRESSIONS = (6, 7)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 13: 4}  # bytes of a value, by its type
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 13: "I"}
_MAX_DIRECTORIES = 64
_MAX_VALUES = 1 << 10  # of one tag: what is needed here has one or a few
# Below this a picture is looked for among all bytes: a preview may stand in a maker's note.
_GOOD_PX = 1024
_BLOCK = 1 << 20
_MAX_STARTS = 256  # of JPEGs that are looked at: raw data have some by chance


@dataclass(frozen=True, slots=True)
class Inside:
    """One picture in a file.

    size   (width, height) that it promises
    parts  of the file, or bytes in their place, that are a file of that picture
    """

    size: tuple[int, int]
    parts: tuple[Part | bytes, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """What a raw file holds.

    full      (width, height) of the sensor's picture; (0, 0) if that is not said
    pictures  that may be decoded, largest first
    header    parts of the file that are a TIFF with its metadata; () without one
    directories
              of that TIFF, by their tags, which stand in TIFFs of their own
    xmp       where the packet lies, if not in the header
    """

    full: tuple[int, int]
    pictures: list[Inside]
    header: tuple[Part | bytes, ...]
    directories: dict[int, Part] = field(default_factory=dict)
    xmp: Part | None = None


@dataclass(slots=True)
class _Directory:
    """One IFD: its values by tag."""

    offset: int
    values: dict[int, list[int]] = field(default_factory=dict)

    def one(self, tag: int, default: int = 0) -> int:
        return (self.values.get(tag) or [default])[0]

    @property
    def size(self) -> tuple[int, int]:
        return self.one(_WIDTH), self.one(_HEIGHT)

    @property
    def is_raw(self) -> bool:
        return self.one(_PHOTOMETRIC) in (_COLOUR_FILTER, _LINEAR_RAW)


def look(file: File) -> Raw | None:
    """What a camera's raw file holds; None if it is none."""
    size = size_of(file)
    file.seek(0)
    head = file.read(16)
    if head.startswith(_FUJI):
        file.seek(_FUJI_JPEG)
        where = file.read(8)
        jpegs = [Part(*struct.unpack(">II", where))] if len(where) == 8 else []
        return Raw((0, 0), _largest(_promised(file, jpegs, size)), ())
    if head[4:12] == cr3.MARK:
        held = cr3.look(file)
        pictures = _largest(_promised(file, held.jpegs, size))
        first = () if held.first is None else (held.first,)
        return Raw(held.full, pictures, first, held.directories, held.xmp)
    mark = head[:4]
    order = _TIFF.get(mark) or _OLYMPUS.get(mark) or _PANASONIC.get(mark)
    if order is None or len(head) < 8:
        return None
    signature = b"II*\0" if order == "<" else b"MM\0*"
    directories = list(_directories(file, order, struct.unpack(order + "I", head[4:8])[0], size))
    if not directories:
        return None
    is_raw = (
        mark not in _TIFF
        or head[8:10] == b"CR"
        or _DNG in directories[0].values
        or any(directory.is_raw for directory in directories)
    )
    if not is_raw and not directories[0].one(_SUBFILE) & _REDUCED:
        return None
    found = list(_promised(file, _jpegs(directories), size))
    for directory in directories:
        if mark in _TIFF and not directory.is_raw and min(directory.size) > 0:
            # The same file with that directory for its first one.
            start = signature + struct.pack(order + "I", directory.offset)
            found.append(Inside(directory.size, (start, Part(8, size - 8))))
    if max((max(picture.size) for picture in found), default=0) < _GOOD_PX:
        found += _promised(file, _starts(file), size)
    full = max((d.size for d in directories if d.is_raw), default=(0, 0))
    return Raw(full, _largest(found), (signature, Part(4, size - 4)))


def _largest(pictures: Iterator[Inside] | list[Inside]) -> list[Inside]:
    """Largest first; of the same size those first that were found first."""
    return sorted(pictures, key=lambda inside: -inside.size[0] * inside.size[1])


def _directories(file: File, order: str, first: int, size: int) -> Iterator[_Directory]:
    """The chain of directories, and those that hang on them, in order."""
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        offset = waiting.pop(0)
        if offset in seen or not 8 <= offset < size:
            continue
        seen.add(offset)
        directory, following = _directory(file, order, offset)
        waiting[:0] = [*directory.values.get(_SUB_IFDS, []), following]
        yield directory


def _directory(file: File, order: str, offset: int) -> tuple[_Directory, int]:
    """One directory and the offset of the next one, 0 if there is none."""
    file.seek(offset)
    head = file.read(2)
    count = struct.unpack(order + "H", head)[0] if len(head) == 2 else 0
    entries = file.read(12 * count + 4)
    directory = _Directory(offset)
    for at in range(0, min(12 * count, len(entries) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", entries, at)
        width = _SIZES.get(kind)
        if width is None or kind not in _FORMATS:
            continue
        value = entries[at + 8 : at + 12]
        if tag == _PANASONIC_JPEG and number > 4:
            directory.values[tag] = [struct.unpack(order + "I", value)[0], number]
            continue
        if number > _MAX_VALUES:
            continue
        if number * width > 4:
            file.seek(struct.unpack(order + "I", value)[0])
            value = file.read(number * width)
        if len(value) >= number * width:
            values = struct.unpack_from(f"{order}{number}{_FORMATS[kind]}", value)
            directory.values[tag] = list(values)
    following = entries[12 * count :]
    return directory, struct.unpack(order + "I", following)[0] if len(following) == 4 else 0


def _jpegs(directories: list[_Directory]) -> Iterator[Part]:
    """Where directories say that a whole JPEG lies."""
    for directory in directories:
        values = directory.values
        if len(values.get(_PANASONIC_JPEG, [])) == 2:
            yield Part(*values[_PANASONIC_JPEG])
        if _JPEG in values and _JPEG_BYTES in values:
            yield Part(directory.one(_JPEG), directory.one(_JPEG_BYTES))
        strips, counts = values.get(_STRIPS, []), values.get(_STRIP_BYTES, [])
        if len(strips) == len(counts) == 1 and (
            directory.one(_COMPRESSION) in _JPEG_COMPRESSIONS and not directory.is_raw
        ):
            yield Part(strips[0], counts[0])


def _starts(file: File) -> Iterator[Part]:
    """Every place at which a JPEG may begin."""
    size, at, found = size_of(file), 0, 0
    while at < size and found < _MAX_STARTS:
        file.seek(at)
        block = file.read(_BLOCK + 2)  # a start may lie across two blocks
        inside = block.find(b"\xff\xd8\xff")
        while 0 <= inside < _BLOCK and found < _MAX_STARTS:
            found += 1
            yield Part(at + inside, size - at - inside)
            inside = block.find(b"\xff\xd8\xff", inside + 1)
        at += _BLOCK


def _promised(file: File, jpegs: Iterator[Part] | list[Part], size: int) -> Iterator[Inside]:
    """Those that are JPEGs, with the size that they state; raw data in lossless JPEG are not."""
    for start, length in jpegs:
        part = Part(start, min(length, size - start))
        stated = jpeg_size(opened(file, part)) if 0 < start < size and part.length > 0 else None
        if stated is not None:
            yield Inside(stated, (part,))


def jpeg_size(file: File) -> tuple[int, int] | None:
    """(width, height) that a JPEG states; None for what is none, or is of another process than
    baseline, extended and progressive."""
    if file.read(2) != b"\xff\xd8":
        return None
    for _ in range(1 << 10):
        mark = file.read(4)
        while mark[:2] == b"\xff\xff":  # filled up
            mark = mark[1:] + file.read(1)
        if len(mark) < 4 or mark[0] != 0xFF:
            return None
        length = int.from_bytes(mark[2:], "big")
        if mark[1] in (0xC0, 0xC1, 0xC2):
            frame = file.read(5)
            height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
            return (width, height) if len(frame) == 5 and width and height else None
        if length < 2 or mark[1] in (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xD9, 0xDA):
            return None
        file.seek(length - 2, 1)
    return None
