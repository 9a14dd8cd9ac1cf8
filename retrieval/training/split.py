"""Which lines of a text file are trained on, and which are only measured.

The corpora hold documents one after the other without a mark between them, so the end of
each file is held out: about five novels, or one textbook. The document that is cut in two
lies in a gap before it, in neither part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieve.training.words.corpus import lines

HELD_OUT_BYTES = 2_000_000  # of UTF-8 at the end of each file …
HELD_OUT_SHARE = 0.15  # … but no more than this share of a small one
GAP_BYTES = 500_000  # a novel has about 380,000
GAP_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Split:
    """Where a text file is cut, in bytes of its unpacked lines.

    lines     in the part to train on
    trained   end of that part
    held_out  start of the part that is only measured
    """

    path: Path
    lines: int
    trained: int
    held_out: int

    def training(self) -> Iterator[str]:
        """The lines to train on."""
        at = 0
        for line in lines(self.path):
            at += len(line.encode())
            if at > self.trained:
                return
            yield line

    def measured(self) -> Iterator[str]:
        """The lines that no model has seen."""
        at = 0
        for line in lines(self.path):
            if at >= self.held_out:
                yield line
            at += len(line.encode())


def texts_of(corpora: Sequence[Path]) -> list[Path]:
    """The files among paths, and in folders among them, in order."""
    files = (sorted(path.iterdir()) if path.is_dir() else [path] for path in corpora)
    return [file for some in files for file in some if file.is_file()]


def split(path: Path) -> Split:
    """Cut one text file, plain or packed; raises BadInput if it cannot be read."""
    total = sum(len(line.encode()) for line in lines(path))
    held_out = total - min(HELD_OUT_BYTES, int(total * HELD_OUT_SHARE))
    trained = held_out - min(GAP_BYTES, int(total * GAP_SHARE))
    return Split(path, _count(path, trained), trained, held_out)


def _count(path: Path, trained: int) -> int:
    return sum(1 for _ in Split(path, 0, trained, trained).training())
