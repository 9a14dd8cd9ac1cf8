"""Word vectors in text: a word and its numbers a line, read as a stream.

Words may have blanks inside (GloVe's 840B has), blanks and tabs divide alike, and a header that
says something else than the lines is no reason to make vectors up.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

BLOCK_ROWS = 4096
UNREADABLE = (OSError, EOFError, zlib.error)  # of a file that may be packed by gzip
_SAMPLE_LINES = 50
_FEWEST_NUMBERS = 2  # of a line of vectors


def whole_lines(sample: bytes) -> list[bytes]:
    """The first lines of a sample that hold something; the last one if it is the only one."""
    lines = sample.split(b"\n")
    whole = lines[:-1] if len(lines) > 1 else lines
    return [line for line in whole if line.strip()][:_SAMPLE_LINES]


def dimensions(lines: Sequence[bytes]) -> int | None:
    """How many numbers most lines have behind a word; None if they are no vectors in text."""
    counted = Counter(map(_numbers, lines))
    vectors = sum(times for count, times in counted.items() if count >= _FEWEST_NUMBERS)
    if not lines or 2 * vectors < len(lines):
        return None
    return max((count for count in counted if count >= _FEWEST_NUMBERS), key=counted.__getitem__)


def agreed(path: Path, stated: int, lines: Sequence[bytes], first: int) -> None:
    """Compare the dimensions that a header states with the lines below it.

    first   number of the first of the lines
    raises  BadInput if most of them have another number of numbers
    """
    found = dimensions(lines)
    if found is None or found == stated:
        return
    line = next(at for at, one in enumerate(lines) if _numbers(one) == found)
    raise BadInput(
        f"the header of {path} says {stated} dimensions, but line {first + line} has {found} "
        "numbers: one of them is wrong. Mend or remove the first line"
    )


def blocks(
    file: IO[bytes], path: Path, dim: int, broken: list[str], count: int | None
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Words with their (n, dim) float32 vectors, from where the file stands.

    broken  gets lines that could not be used, and where the file does not hold `count` words
    count   how many the header states, None without one
    """
    words: list[str] = []
    vectors = np.empty((BLOCK_ROWS, dim), np.float32)
    number = seen = 0 if count is None else 1
    with file:
        while True:
            try:
                line = file.readline()
            except UNREADABLE as error:
                broken.append(f"{path}, after line {number}: {error}")
                break
            if not line:
                break
            number += 1
            if not line.strip():
                continue
            seen += 1
            try:
                word, values = _split(line, dim)
                vectors[len(words)] = values
                words.append(word)
            except ValueError as error:  # UnicodeDecodeError is one
                broken.append(f"line {number}: {error}")
                continue
            if len(words) == BLOCK_ROWS:
                yield words, vectors
                words = []
    if count is not None and seen - 1 < count:
        broken.append(f"the file ends after {seen - 1} of {count} words that its header states")
    elif count is not None and seen - 1 > count:
        broken.append(f"its header states {count} words, but it has {seen - 1} lines of them")
    if words:
        yield words, vectors[: len(words)]


def _split(line: bytes, dim: int) -> tuple[str, NDArray[np.float32]]:
    """The word of a line and its (dim,) numbers; raises ValueError for another one."""
    fields = line.strip(b" \t\r\n").rsplit(None, dim)  # from the right: words have blanks
    if len(fields) != dim + 1:
        raise ValueError(f"{len(fields) - 1} numbers, wanted {dim}")
    word = fields[0].decode("utf-8").strip()
    last = fields[0].rsplit(None, 1)[1:]
    if last and b"." in last[0] and _is_number(last[0]):
        raise ValueError(f"more than {dim} numbers")
    values = np.array(fields[1:], dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a number is not finite")
    return word, values


def _numbers(line: bytes) -> int:
    """How many fields at the end of a line are numbers, the first field never being one."""
    count = 0
    for field in reversed(line.split()[1:]):
        if not _is_number(field):
            break
        count += 1
    return count


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
