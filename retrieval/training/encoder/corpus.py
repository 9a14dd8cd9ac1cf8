"""Text files → one file of rows with its sentences, read once and kept on disk.

The encoded text is an int32 file that training maps. Sentences follow each other as they did
in the text; where each file begins is kept, so that no passage joins two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.text.words.vocabulary import Vocabulary
from retrieve.training.words.corpus import lines

BLOCK_ROWS = 1 << 22  # 16 MB held before they go to disk
FORMAT = 1  # raised when the way of encoding changes

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """An encoded text.

    rows    (M,) int32 rows of the vocabulary
    starts  (S + 1,) int64 where each sentence begins in `rows`, and M
    files   (F + 1,) int64 the first sentence of each file, and S
    """

    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    files: NDArray[np.int64]


def encode(
    texts: Sequence[Path],
    vocabulary: Vocabulary,
    work: Path,
    *,
    progress: Progress | None = None,
) -> Corpus:
    """The encoded texts, from the work folder where it was made from the same files.

    progress  called with the number of rows read since its last call
    raises    BadInput if a file cannot be read, or none holds a word
    """
    work.mkdir(parents=True, exist_ok=True)
    into, beside = work / "text.rows", work / "text.npz"
    source = json.dumps(
        {
            "format": FORMAT,
            "texts": [[path.name, path.stat().st_size] for path in texts],
            "words": hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest(),
            "buckets": vocabulary.buckets,
        }
    )
    if into.is_file() and beside.is_file():
        with np.load(beside, allow_pickle=False) as stored:
            if str(stored["source"]) == source:
                rows = np.memmap(into, "<i4", "r")
                return Corpus(rows, stored["starts"], stored["files"])
    lengths: list[int] = []
    files = [0]
    with replacing(into) as temporary, temporary.open("wb") as file:
        block: list[int] = []
        for path in texts:
            for line in lines(path):
                for sentence in vocabulary.sentences(line):
                    lengths.append(len(sentence))
                    block.extend(sentence)
                if len(block) >= BLOCK_ROWS:
                    np.array(block, "<i4").tofile(file)
                    if progress:
                        progress(len(block))
                    block.clear()
            if len(lengths) > files[-1]:
                files.append(len(lengths))
        np.array(block, "<i4").tofile(file)
        if progress:
            progress(len(block))
    if not lengths:
        raise BadInput(f"wanted texts with words; {len(texts)} files hold none")
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    with replacing(beside) as temporary, temporary.open("wb") as file:
        np.savez(file, starts=starts, files=np.array(files), source=np.array(source))
    return Corpus(np.memmap(into, "<i4", "r"), starts, np.array(files, np.int64))
