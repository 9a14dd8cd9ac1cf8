"""Many byte sequences looked for at once in files of any size.

Every eight bytes of a file, at every offset, are hashed into a table that says whether a
sequence might have them; only those are compared (Karp and Rabin 1987, "Efficient
randomized pattern-matching algorithms", with a fixed window).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.files import open_regular

WINDOW = 8  # bytes
BLOCK_BYTES = 1 << 22
FEWEST_DISTINCT = 4  # bytes in a window: zeros and fillings are everywhere
TRIED_WINDOWS = 8  # of one sequence; the most varied is taken
PER_ENTRY = 64  # places in the table for each sequence: few false alarms
TABLE_BITS = 20, 24  # at least and at most: 1 MB, which fits the second cache, and 16
TOLD = 3  # places told of one sequence
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Knuth's multiplicative hashing, 64 bits


@dataclass(frozen=True, slots=True)
class Found:
    """Where a sequence is: its number, the file below the folder, the first byte."""

    needle: int
    file: str
    offset: int


class Needles:
    """Byte sequences to look for; `skipped` are the numbers of those that say too little."""

    def __init__(self, needles: Sequence[bytes]) -> None:
        self.needles = needles
        at = [_window(needle) for needle in needles]
        self.skipped = [i for i, start in enumerate(at) if start is None]
        self._used: list[tuple[int, int]] = [(i, s) for i, s in enumerate(at) if s is not None]
        self.longest = max((len(needles[i]) for i, _ in self._used), default=0)
        windows = b"".join(needles[i][start : start + WINDOW] for i, start in self._used)
        values = np.frombuffer(windows, "<u8")
        order = np.argsort(values, kind="stable")
        self._order, self._values = order, values[order]
        bits = np.clip((PER_ENTRY * len(values)).bit_length(), *TABLE_BITS)
        self._shift = np.uint64(64 - int(bits))
        self._table = np.zeros(1 << (64 - int(self._shift)), np.bool_)
        self._table[self._hash(values)] = True

    def find(self, data: bytes) -> Iterator[tuple[int, int]]:
        """(number of the sequence, offset) wherever one is in the data."""
        if not self._used:
            return
        for place in range(min(WINDOW, len(data) - WINDOW + 1)):
            words = np.frombuffer(data, "<u8", (len(data) - place) // WINDOW, place)
            likely = np.flatnonzero(self._table[self._hash(words)])
            first = np.searchsorted(self._values, words[likely], "left")
            last = np.searchsorted(self._values, words[likely], "right")
            for i in np.flatnonzero(first < last).tolist():
                for number in self._order[first[i] : last[i]].tolist():
                    needle, start = self._used[number]
                    offset = place + int(likely[i]) * WINDOW - start
                    if offset >= 0 and data.startswith(self.needles[needle], offset):
                        yield needle, offset

    def _hash(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        mixed = words * _MIX
        mixed >>= self._shift
        return mixed


def find_in_file(path: Path, needles: Needles) -> Iterator[tuple[int, int]]:
    """(number of the sequence, offset) for each sequence in the file."""
    with os.fdopen(open_regular(path), "rb") as file:
        before, position = b"", 0
        while block := file.read(BLOCK_BYTES):
            data = before + block
            for needle, offset in needles.find(data):
                if offset + len(needles.needles[needle]) > len(before):
                    yield needle, position - len(before) + offset
            position += len(block)
            before = data[max(0, len(data) - needles.longest) :]


def find_in_folder(
    folder: Path, needles: Sequence[bytes], more: Sequence[Path] = ()
) -> tuple[list[Found], int, int]:
    """Look through every file below a folder: what was found, files, bytes read.

    Of each sequence no more than three places are told.
    more  other folders to look through; files in them are told by their whole path
    """
    wanted = Needles(needles)
    found: list[Found] = []
    told: Counter[int] = Counter()
    files = size_bytes = 0
    every = {
        path: str(path.relative_to(folder) if root == folder else path)
        for root in (*more, folder)
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()  # of what else there is check tells
    }
    for path, name in sorted(every.items()):
        with suppress(FileNotFoundError):  # other processes may be at work
            size_bytes += path.stat().st_size
            files += 1
            for needle, offset in find_in_file(path, wanted):
                told[needle] += 1
                if told[needle] <= TOLD:
                    found.append(Found(needle, name, offset))
    return found, files, size_bytes


def _window(needle: bytes) -> int | None:
    """Where the most varied eight bytes begin, of equally varied the last; None if plain."""
    last = len(needle) - WINDOW
    if last < 0:
        return None
    starts = sorted({last * i // (TRIED_WINDOWS - 1) for i in range(TRIED_WINDOWS)})
    best = max(starts, key=lambda start: (len(set(needle[start : start + WINDOW])), start))
    return best if len(set(needle[best : best + WINDOW])) >= FEWEST_DISTINCT else None
