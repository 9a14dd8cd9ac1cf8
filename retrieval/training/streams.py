"""Text files → one file of piece numbers, read as many long streams at once.

The file is uint16: lines of pieces, each ended by <EOS>, in blocks of consecutive lines,
each begun by <SOS>. Training maps it; memory does not grow with the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.text.language.pieces import Pieces
from retrieve.training.split import split

BLOCK_PIECES = 2_048  # about two pages: what is shuffled, so that streams do not hold one novel
LINES_AT_ONCE = 4_096
Ids = NDArray[np.uint16]
OnProgress = Callable[[int], object]  # pieces so far


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A text in pieces.

    ids     (M,) uint16
    starts  (blocks + 1,) int64, where each block begins, and M
    """

    ids: Ids
    starts: NDArray[np.int64]


def encode(lines: Iterable[str], pieces: Pieces) -> Iterator[NDArray[np.uint16]]:
    """Blocks of whole lines, each <SOS>, then lines that end in <EOS>; empty lines are left out."""
    block: list[int] = [pieces.start]
    stripped = (text for line in lines if (text := line.strip()))
    while some := list(islice(stripped, LINES_AT_ONCE)):
        for ids in pieces.encode(some):
            block.extend(ids)
            block.append(pieces.end)
            if len(block) >= BLOCK_PIECES:
                yield np.array(block, np.uint16)
                block = [pieces.start]
    if len(block) > 1:
        yield np.array(block, np.uint16)


def training_text(
    texts: Sequence[Path],
    pieces: Pieces,
    work: Path,
    *,
    shares: Mapping[str, float] | None = None,
    seed: int = 1,
    progress: OnProgress | None = None,
) -> Encoded:
    """The training parts of text files in pieces, kept in the work folder for the next time.

    shares  by file name, which share of its blocks is kept, drawn by chance; others: all
    raises  BadInput if a file cannot be read, a share names none, or nothing is left
    """
    shares = dict(shares or {})
    if unknown := set(shares) - {path.name for path in texts}:
        raise BadInput(f"a share is given for {', '.join(sorted(unknown))}, which is no text here")
    if len(pieces) > np.iinfo(np.uint16).max + 1:
        raise BadInput(f"wanted at most 65,536 pieces; the model has {len(pieces)}")
    source = {
        "texts": [[path.name, path.stat().st_size] for path in texts],
        "pieces": pieces.sha256,
        "shares": shares,
        "seed": seed,
    }
    ids, kept = work / "text.ids", work / "text.json"
    if ids.is_file() and kept.is_file():
        stored = json.loads(kept.read_text("utf-8"))
        if stored["source"] == source:
            return Encoded(np.memmap(ids, "<u2", "r"), np.array(stored["starts"], np.int64))
    starts = [0]
    generator = np.random.default_rng(seed)
    with replacing(ids) as temporary, temporary.open("wb") as file:
        for path in texts:
            share = shares.get(path.name, 1.0)
            for block in encode(split(path).training(), pieces):
                if share < 1 and generator.random() >= share:
                    continue
                block.astype("<u2").tofile(file)
                starts.append(starts[-1] + len(block))
                if progress:
                    progress(starts[-1])
    if starts[-1] == 0:
        raise BadInput("wanted text to train on; the files hold none")
    with replacing(kept) as temporary:
        temporary.write_text(json.dumps({"source": source, "starts": starts}), "utf-8")
    return Encoded(np.memmap(ids, "<u2", "r"), np.array(starts, np.int64))


class Streams:
    """B streams over an encoded text, each through its own shuffled blocks.

    All streams advance together, so one number, the pieces that each has read, says where
    a run stands. Every epoch deals the blocks out anew.
    """

    def __init__(self, text: Encoded, batch: int, seed: int) -> None:
        if len(text.starts) - 1 < batch:
            raise BadInput(
                f"wanted at least {batch} blocks of {BLOCK_PIECES} pieces, one for each stream; "
                f"the text has {len(text.starts) - 1}. Give more text or a smaller batch"
            )
        self._text = text
        self._batch = batch
        self._seed = seed
        self._epoch = -1
        self._deal(0)

    def _deal(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._text.starts) - 1)
        lengths = np.diff(self._text.starts)
        self._blocks = np.array_split(order, self._batch)
        self._ends = [np.cumsum(lengths[blocks]) for blocks in self._blocks]
        self._epoch = epoch

    def epoch_length(self, epoch: int) -> int:
        """Pieces that each stream reads in an epoch: what the shortest stream has."""
        self._deal(epoch)
        return int(min(ends[-1] for ends in self._ends)) - 1

    def window(self, epoch: int, at: int, steps: int) -> NDArray[np.int64]:
        """(steps + 1, B) pieces from `at` on: each is followed by the next row."""
        self._deal(epoch)
        columns = [self._read(b, at, steps + 1) for b in range(self._batch)]
        return np.stack(columns, 1).astype(np.int64)

    def _read(self, stream: int, at: int, length: int) -> Ids:
        ends, blocks = self._ends[stream], self._blocks[stream]
        parts: list[Ids] = []
        while length:
            number = int(np.searchsorted(ends, at, side="right"))
            stop = int(self._text.starts[blocks[number] + 1])
            start = stop - (int(ends[number]) - at)
            part = self._text.ids[start : min(stop, start + length)]
            parts.append(part)
            at += len(part)
            length -= len(part)
        return np.concatenate(parts)
