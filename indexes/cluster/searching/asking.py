"""What the search over shards wants of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from retrieve.indexes.building.networks import Networks
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.searching.totals import Totals
from retrieve.indexes.search.engine import State
from retrieve.indexes.search.texts import Encoding
from retrieve.indexes.vectors.spaces import Space

T = TypeVar("T")


class Asking(Protocol):
    """A cluster that can be asked.

    path      of the cluster
    networks  that find and embed what is asked for
    encoding  that of queries in words
    manifest  which shards there are
    answered  which of them answered the last question
    totals    what shards said of how much they hold
    states    by space how the last search went about it
    """

    path: Path
    networks: Networks
    encoding: Encoding
    manifest: Manifest
    answered: Answers[Any]
    totals: Totals
    states: dict[str, State]

    @property
    def numbers(self) -> Sequence[int]:
        """Of its shards."""
        ...

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """Ask shards, as Servers.ask()."""
        ...

    def space(self, name: str) -> Space | None:
        """What all shards' embeddings of a kind are made by; None before there are any."""
        ...

    def picture(self, face_id: int) -> bytes:
        """A stored face as a small JPEG."""
        ...
