"""Opening what was cut off: a PDF without its end, or without the tables that stand there.

PDFium builds a lost table of objects again where a trailer or a catalog is left. Where both are
gone, this finds the objects, unpacks those that lie in streams, and writes a new end to it: a
catalog with every page that is there, in the order of the file.
Source: ISO 32000-1, 7.5 (file structure) and 7.5.7 (object streams).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise

from retrieve.documents.formats.pdf.pages import Pdf
from retrieve.errors import BadInput

CUT = "damaged: it has lost its end; the pages that are left were read"
_TAIL_BYTES = 4096  # within which the end stands; some programs write behind it
_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})[ \t\r\n]+(\d{1,5})[ \t\r\n]+obj\b")
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PACKED = re.compile(rb"/Type\s*/ObjStm\b")
_NUMBER = {name: re.compile(rb"/%s\s+(\d{1,9})" % name) for name in (b"N", b"First")}
_STREAM = re.compile(rb"stream\r?\n")
_HEAD_BYTES = 1 << 16  # of an object that are looked at for what it is
_MAX_UNPACKED = 64 << 20  # of all streams of objects together
_STEP_BYTES = 1024  # what is lost where a stream is damaged
_MAX_OBJECTS = 1_000_000


def opened(content: bytes) -> tuple[Pdf, str]:
    """An open document, and a remark if it was cut off.

    raises  BadInput if it is encrypted, or nothing in it can be read
    """
    cut = b"startxref" not in content[-_TAIL_BYTES:]
    try:
        document = Pdf(content)
    except BadInput as error:
        if str(error).startswith("encrypted"):
            raise
        document, cut = Pdf(mended(content)), True
    else:
        if not document.pages:
            document, cut = Pdf(mended(content)), True
    return document, CUT if cut else ""


def mended(content: bytes) -> bytes:
    """A file with a new end that names all pages whose object is still there.

    raises  BadInput if there is none
    """
    starts = [*_objects(content)]
    heads: dict[int, bytes] = {}
    for (number, start), (_, end) in pairwise([*starts, (0, len(content))]):
        heads[number] = content[start : min(end, start + _HEAD_BYTES)]
    added = dict(_unpacked(content, starts))
    pages = [
        number
        for number, head in [*heads.items(), *added.items()]
        if _PAGE.search(head.partition(b"stream")[0])
    ]
    if not pages or b"/Encrypt" in content[:_HEAD_BYTES]:
        raise BadInput("not a PDF, or damaged")
    out = [content, b"\nendstream\nendobj\n"]  # where the last object was cut
    size = sum(map(len, out))
    places = dict(starts)
    first = max([*heads, *added]) + 1
    kids = b" ".join(b"%d 0 R" % number for number in dict.fromkeys(pages))
    written = [
        *added.items(),
        (first, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(set(pages)), kids)),
        (first + 1, b"<</Type/Catalog/Pages %d 0 R>>" % first),
    ]
    for number, body in written:
        piece = b"%d 0 obj\n%s\nendobj\n" % (number, body)
        places[number] = size
        out.append(piece)
        size += len(piece)
    table = b"".join(
        b"%d 1\n%010d 00000 n \n" % (number, place)
        for number, place in sorted(places.items())
        if place < 10**10
    )
    out.append(
        b"xref\n0 1\n0000000000 65535 f \n%strailer\n<</Size %d/Root %d 0 R>>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, first + 2, first + 1, size)
    )
    return b"".join(out)


def _objects(content: bytes) -> Iterator[tuple[int, int]]:
    """Number and place of every object that begins in the file."""
    for count, found in enumerate(_OBJECT.finditer(content)):
        if count == _MAX_OBJECTS:
            return
        yield int(found[1]), found.start()


def _unpacked(content: bytes, starts: list[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
    """The objects inside streams of objects, as far as they unpack."""
    left = _MAX_UNPACKED
    for _, start in starts:
        stream = _STREAM.search(content, start, start + _HEAD_BYTES)
        if not stream or not _PACKED.search(content, start, stream.start()):
            continue
        head = content[start : stream.start()]
        count, first = (pattern.search(head) for pattern in _NUMBER.values())
        if not count or not first or b"/FlateDecode" not in head:
            continue
        body = _inflated(content, stream.end(), left)
        left -= len(body)
        if left <= 0:
            return
        at = int(first[1])
        numbers = body[:at].split()[: 2 * int(count[1])]
        if not all(number.isdigit() for number in numbers):
            continue
        places = list(zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=False))
        for (number, place), (_, end) in pairwise([*places, (0, len(body) - at)]):
            yield number, body[at + place : at + end]


def _inflated(content: bytes, start: int, most: int) -> bytes:
    """What a packed stream unpacks to, up to where it is damaged or cut."""
    unpacker = zlib.decompressobj()
    parts: list[bytes] = []
    size = 0
    while start < len(content) and size < most and not unpacker.eof:
        taken = unpacker.unconsumed_tail or content[start : start + _STEP_BYTES]
        if not unpacker.unconsumed_tail:
            start += _STEP_BYTES
        try:
            part = unpacker.decompress(taken, most - size)
        except zlib.error:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)
