"""How many shards of a cluster answered what a request has asked: pages say where some did not."""

from __future__ import annotations

from contextvars import ContextVar

from retrieve.types import Shards

_fewest: ContextVar[Shards | None] = ContextVar("_fewest", default=None)


def note(shards: Shards | None) -> None:
    """Keep how many answered a question of this request; None for a collection."""
    before = _fewest.get()
    if shards is not None and shards.missing > (0 if before is None else before.missing):
        _fewest.set(shards)


def lacking() -> Shards | None:
    """How many answered the question to which the fewest did; None where all did."""
    return _fewest.get()
