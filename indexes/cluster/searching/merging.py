"""Hits of shards, made those of the cluster: with its ids, best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TypeVar

from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.search.engine import State
from retrieve.types import Hit, PictureHit

Found = TypeVar("Found", Hit, PictureHit)

# What a search of all says where shards went about it otherwise: what somebody should mend.
STATES = (State.DAMAGED, State.MISSING, State.INDEXED, State.GPU, State.EXACT)


def of_shard(shard: int, hit: Hit, picture: Callable[[int], bytes]) -> Hit:
    """A stored face that a shard has found.

    picture  gives the small JPEG of a face of the cluster
    """
    id = of_cluster(shard, hit.face_id)
    return replace(hit, face_id=id, picture=partial(picture, id))


def photo_of_shard(shard: int, hit: PictureHit) -> PictureHit:
    """A stored photo that a shard has found."""
    return replace(hit, photo_id=of_cluster(shard, hit.photo_id))


def best(parts: Iterable[Sequence[Found]], k: int, least: float = -1.0) -> list[Found]:
    """The k best of all parts, none below a score; equal scores stand in the order of their paths,
    in which a collection takes files in.
    """
    every = [hit for hit in chain.from_iterable(parts) if hit.score >= least]
    every.sort(key=_place)
    return [replace(hit, rank=rank) for rank, hit in enumerate(every[:k], 1)]


def _place(hit: Hit | PictureHit) -> tuple[float, str, int]:
    return -hit.score, str(hit.path), hit.number if isinstance(hit, Hit) else 0


def state_of(states: Iterable[State]) -> State:
    """How a search went about it, of the shards that answered."""
    every = set(states)
    return next((one for one in STATES if one in every), State.EXACT)
