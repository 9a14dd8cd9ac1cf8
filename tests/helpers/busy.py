"""Other processes that index into a collection and search in it, to be started by spawn."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import numpy as np
import pretend
import small

from retrieve.errors import RetrievalError
from retrieve.indexes.building import build
from retrieve.indexes.collection import open_collection

LIMIT_S = 600  # for what takes seconds on an idle machine


def index(collection: Path, folder: Path, begin: Barrier, said: Queue) -> None:
    """Index a folder in many small batches; says how many photos were new."""
    build.BATCH_FILES = 2
    try:
        with small.opened(collection) as opened:
            begin.wait(LIMIT_S)
            said.put(("indexed", small.index(opened, folder).new))
    except RetrievalError as error:
        said.put(("error", str(error)))


def search(
    collection: Path, words: Sequence[str], begin: Barrier, enough: Event, said: Queue
) -> None:
    """Search for faces that stay until it is enough; says how often, and what was not found."""
    probes = np.concatenate([pretend.embedding(word) for word in words])
    passes, lacking = 0, set()
    try:
        with open_collection(collection) as opened:
            begin.wait(LIMIT_S)
            while not (enough.is_set() and passes):
                for word, hits in zip(words, opened.nearest(probes, k=1), strict=True):
                    if not hits or hits[0].score < 0.999:
                        lacking.add(word)
                passes += 1
        said.put(("searched", (passes, sorted(lacking))))
    except RetrievalError as error:
        said.put(("error", str(error)))
