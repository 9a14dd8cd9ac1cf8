"""Text chunks of a PNG, wherever they stand; Pillow would decode the pixels to find the last."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from retrieve.metadata.dates import When
from retrieve.metadata.said import Said

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_BYTES = 1 << 22  # of one chunk, packed or unpacked
_MAX_CHUNKS = 1 << 16
_XMP = "XML:com.adobe.xmp"
_TITLES = ("title",)
_CAPTIONS = ("description", "comment", "caption", "subject")
_CREATED = "creation time"


@dataclass(slots=True)
class Chunks:
    """What a PNG holds besides its pixels."""

    said: Said = field(default_factory=Said)
    xmp: bytes = b""
    exif: bytes = b""


def read_png(path: Path) -> Chunks:
    """Title, description and comment, and the XMP and EXIF blocks.

    raises  OSError if the file cannot be read

    What is damaged ends the reading; a text that does not unpack is left out.
    """
    found = Chunks()
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return found
        for kind, content in _chunks(file):
            if kind == b"eXIf":
                found.exif = content
                continue
            keyword, text, encoding = _text(kind, content)
            if keyword == _XMP:
                found.xmp = text
            elif keyword.lower() in _TITLES:
                found.said.title(text.decode(encoding, "replace"))
            elif keyword.lower() in _CAPTIONS:
                found.said.caption(text.decode(encoding, "replace"))
            elif keyword.lower() == _CREATED:
                found.said.date(When.XMP_DIGITISED, text.decode(encoding, "replace"))
    return found


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks that may hold text; the others are passed over."""
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        size = int.from_bytes(head[:4], "big")
        if head[4:] in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") and size <= _MAX_BYTES:
            yield head[4:], file.read(size)
            file.seek(4, 1)  # the checksum
        else:
            file.seek(size + 4, 1)


def _text(kind: bytes, content: bytes) -> tuple[str, bytes, str]:
    """Keyword, text and its encoding."""
    name, _, rest = content.partition(b"\0")
    keyword = name.decode("latin-1")
    if kind == b"tEXt":
        return keyword, rest, "latin-1"
    if kind == b"zTXt":
        return keyword, _unpacked(rest[1:]), "latin-1"
    packed = rest[:1] == b"\1"  # then: method, language\0, translated keyword\0, text
    _, _, rest = rest[2:].partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return keyword, _unpacked(text) if packed else text, "utf-8"


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, _MAX_BYTES)
    except zlib.error:
        return b""
