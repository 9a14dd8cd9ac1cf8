"""Vector files stay mapped from one question to the next, as long as they are what they were.

A mapping is empty when it is new: each page that is touched costs a fault, a microsecond or two,
with sixteen pages around it, and unmapping forgets them. Of a search among a million embeddings
that was a fifth.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.types import Embeddings


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """One file, mapped.

    seen       as VectorSpace.seen()
    gallery    every committed row
    scattered  the same, as VectorFile.read() has it
    """

    seen: tuple[int, ...]
    gallery: Embeddings
    scattered: Embeddings


class Mapped:
    """The vector files of a collection, by space; for any thread.

    A file that was replaced stays on the disk until somebody asks again, or let_go(); what was
    deleted is zeros in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, _Held] = {}

    def galleries(self, vectors: VectorSpace, space: Space) -> tuple[Embeddings, Embeddings]:
        """Every committed row, for whoever reads them in order and for whoever reads some here
        and there; as VectorSpace.gallery().
        """
        if not space.rows:
            return (none := vectors.gallery(space)), none
        seen = vectors.seen(space)
        with self._lock:
            held = self._of.get(space.name)
        if held is None or held.seen != seen:
            held = _Held(seen, vectors.gallery(space), vectors.gallery(space, scattered=True))
            if vectors.seen(space) == seen:  # else another file may have come between
                with self._lock:
                    self._of[space.name] = held
        return held.gallery, held.scattered

    def let_go(self) -> None:
        """Unmap what nobody is reading any more."""
        with self._lock:
            self._of.clear()
