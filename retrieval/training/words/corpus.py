"""Text files → one file of word numbers, read once and kept on disk.

The encoded corpus is an int32 file that training maps: the number of a word is its row in
the vocabulary, -1 ends a line. Memory grows with the vocabulary alone, not with the text.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.text.tokens import words

END_OF_LINE = -1
BLOCK_WORDS = 1 << 22  # 16 MB of numbers held before they go to disk
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".xz": lzma.open,
    ".gz": gzip.open,
    ".bz2": bz2.open,
}

Ids = NDArray[np.int32]
Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """An encoded text: `words[i]` occurs `counts[i]` times, most frequent first.

    ids  (M,) int32, rows of `words`, -1 after each line
    """

    ids: Ids
    words: list[str]
    counts: NDArray[np.int64]


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file, packed (.xz, .gz, .bz2) or not; raises BadInput if unreadable.

    Bytes that are not UTF-8 are replaced: a stray one in a large corpus must not end the run.
    """
    opener = OPENERS.get(path.suffix.lower())
    try:
        with opener(path) if opener else path.open("rb") as file:
            for line in file:
                yield line.decode("utf-8", errors="replace")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise BadInput(f"wanted a text file, plain or .xz, .gz, .bz2; {path}: {error}") from error


def encode(
    texts: Iterable[str],
    into: Path,
    *,
    min_count: int = 10,
    keep: frozenset[str] = frozenset(),
    limit: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Number the words of the texts and write the numbers to one file.

    into       where the numbers are written, int32 little-endian
    min_count  rarer words are left out, as if they did not stand in the text
    keep       words that stay however rare they are, if they occur at all
    limit      at most so many words, the most frequent (kept ones first)
    progress   called with the number of words read since its last call
    raises     BadInput when no word occurs often enough
    """
    first_seen: defaultdict[str, int] = defaultdict()
    first_seen.default_factory = first_seen.__len__
    raw = into.with_suffix(".raw")
    try:
        with raw.open("wb") as file:
            block: list[int] = []
            for text in texts:
                block.extend(map(first_seen.__getitem__, words(text)))
                block.append(END_OF_LINE)
                if len(block) >= BLOCK_WORDS:
                    np.array(block, "<i4").tofile(file)
                    if progress:
                        progress(len(block))
                    block.clear()
            np.array(block, "<i4").tofile(file)
            if progress:
                progress(len(block))
        return _renumber(raw, into, list(first_seen), min_count, keep, limit)
    finally:
        raw.unlink(missing_ok=True)


def _renumber(
    raw: Path,
    into: Path,
    seen: list[str],
    min_count: int,
    keep: frozenset[str],
    limit: int | None,
) -> Corpus:
    """Replace numbers in order of appearance by rows in order of frequency."""
    ids = np.memmap(raw, "<i4", "r") if raw.stat().st_size else np.empty(0, np.int32)
    blocks = range(0, len(ids), BLOCK_WORDS)
    counts = np.zeros(len(seen) + 1, np.int64)  # the last one counts the line ends
    for start in blocks:
        block = ids[start : start + BLOCK_WORDS] % len(counts)
        counts += np.bincount(block, minlength=len(counts))
    counts = counts[:-1]
    wanted = np.array([word in keep for word in seen], bool)
    order = np.lexsort((-counts, ~wanted)) if limit is not None else np.arange(len(seen))
    order = order[(counts[order] >= min_count) | wanted[order]][:limit]
    order = order[np.argsort(-counts[order], kind="stable")]
    if len(order) == 0:
        raise BadInput(
            f"wanted words that occur {min_count} times or more; among {len(seen)} words of the "
            "texts there is none. Give more text, or a lower --min-count"
        )
    dropped = -2
    row_of = np.full(len(seen) + 1, dropped, np.int32)
    row_of[-1] = END_OF_LINE  # so that -1 stays -1
    row_of[order] = np.arange(len(order), dtype=np.int32)
    with replacing(into) as temporary, temporary.open("wb") as file:
        for start in blocks:
            rows = row_of[ids[start : start + BLOCK_WORDS]]
            rows[rows != dropped].astype("<i4").tofile(file)
    return Corpus(np.memmap(into, "<i4", "r"), [seen[i] for i in order], counts[order])
