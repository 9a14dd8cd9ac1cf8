"""Files → damaged files, each decided by a seed: what a reader of strangers' bytes may meet."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random

FLIPS = 16
LONGEST = 4096  # bytes of a block that is moved, dropped or doubled
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ODD = (
    b"<!--",
    b"]]>",
    b"<![CDATA[",
    b"<?x ?>",
    b"&#x0;",
    b"&a;",
    b"\0\0\0\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"{" * 3000,
    b"[" * 3000,
    b"<b>" * 3000,
    b"(" * 3000,
    b"<<" * 3000,
    b'"' * 99,
    b"9" * 5000,
    b"1e999",
    b"-1",
    b"\xed\xa0\x80",
)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def flipped(content: bytes, chance: Random) -> bytes:
    """One bit or some."""
    bits = bytearray(content)
    for _ in range(chance.randint(1, FLIPS)):
        bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(8)
    return bytes(bits)


def cut(content: bytes, chance: Random) -> bytes:
    """Without its end."""
    return content[: chance.randrange(len(content))]


def dropped(content: bytes, chance: Random) -> bytes:
    """Without a block."""
    start, end = _block(content, chance)
    return content[:start] + content[end:]


def doubled(content: bytes, chance: Random) -> bytes:
    """With a block twice, or many times."""
    start, end = _block(content, chance)
    times = chance.choice((1, 1, 50))
    return content[:end] + content[start:end] * times + content[end:]


def counted(content: bytes, chance: Random) -> bytes:
    """With a length, a size or an offset that lies."""
    bits = bytearray(content)
    size = chance.choice((1, 2, 4))
    for _ in range(chance.randint(1, 3)):
        number = chance.choice(NUMBERS) & ((1 << 8 * size) - 1)
        at = chance.randrange(max(1, len(bits) - size))
        bits[at : at + size] = number.to_bytes(size, chance.choice(("big", "little")))
    return bytes(bits)


def odd(content: bytes, chance: Random) -> bytes:
    """With something that means something to somebody."""
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(ODD) + content[at:]


PLAIN: tuple[Callable[[bytes, Random], bytes], ...] = (
    flipped,
    cut,
    dropped,
    doubled,
    counted,
    odd,
)


def mutant(content: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """A damaged file; what is packed in it is damaged inside as often as outside.

    others  contents of other files, of which a block may be spliced in
    """
    within = None
    if chance.random() < 0.5:
        within = _in_zip(content, chance) or _in_stream(content, chance)
    if within is not None:
        return within
    if chance.random() < 0.15:
        return _spliced(content, chance.choice(others), chance)
    return chance.choice(PLAIN)(content, chance)


def _block(content: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.randint(1, LONGEST))


def _spliced(content: bytes, other: bytes, chance: Random) -> bytes:
    start, end = _block(content, chance)
    first, last = _block(other, chance)
    return content[:start] + other[first:last] + content[end:]


def _in_zip(content: bytes, chance: Random) -> bytes | None:
    """A container whose checksums are right and one of whose parts is damaged."""
    if not content.startswith(b"PK"):
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(parts))
    if parts[name] and chance.random() < 0.9:
        parts[name] = chance.choice(PLAIN)(parts[name], chance)
    else:
        del parts[name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, part in parts.items():
            archive.writestr(other, part)
    return packed.getvalue()


def _in_stream(content: bytes, chance: Random) -> bytes | None:
    """A PDF one of whose packed streams is damaged inside, or packed otherwise."""
    if not content.startswith(b"%PDF"):
        return None
    found = list(_STREAM.finditer(content))
    if not found:
        return None
    stream = chance.choice(found)
    try:
        inner = zlib.decompress(stream[1])
    except zlib.error:
        return None
    packed = zlib.compress(chance.choice(PLAIN)(inner, chance) if inner else b"BT")
    return content[: stream.start(1)] + packed + content[stream.end(1) :]
