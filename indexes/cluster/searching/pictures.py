"""A photo, or a stored one → the photos of all shards that look like it as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import EVERYTHING, PICTURES, Filter
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.searching import conditions, merging
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.totals import Said, above, said
from retrieve.indexes.collection import Collection
from retrieve.indexes.pictures.space import check_made_by, none_looked_at
from retrieve.indexes.queries import pictures as queries
from retrieve.indexes.queries.asked import checked_id, checked_k, checked_threshold
from retrieve.indexes.queries.pictures import PictureProbe
from retrieve.indexes.queries.thresholds import Threshold, threshold_among
from retrieve.indexes.search.engine import State
from retrieve.indexes.vectors.spaces import Space
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.shown import Class
from retrieve.types import Embeddings, PictureHit, Shards

if TYPE_CHECKING:
    from pathlib import Path

    from retrieve.sources import Reader


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What each shard is asked for.

    embedding  (1, D) of a whole photo
    photo      its SHA-256, hexadecimal; "" where it is none that was sent
    """

    embedding: Embeddings
    photo: str
    k: int
    wanted: Filter
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a shard answers.

    hits      with the shard's own ids
    own       the id of the photo that is asked for, if it is stored here
    searched  how many photos there were to be found
    known     those of the persons who are asked for whom it knows
    """

    hits: list[PictureHit]
    own: int | None
    searched: Said[int]
    known: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What all shards found together; `own` is an id of the cluster."""

    hits: list[PictureHit]
    own: int | None
    least: Threshold
    shards: Shards


# Asked of shards


def alike(collection: Collection, asked: Asked, threshold: float | None, mark: str) -> Part:
    """The photos of a shard that look most like one, none below a threshold; for None they are not
    sought.

    mark  of how many were searched, as it is known to who asks
    """
    opened = collection.opened
    wanted, known = conditions.here(opened.db, asked.wanted)
    space = opened.pictures.vectors.space()
    if wanted is None or space is None:
        return Part([], None, said("0", 0, mark), known, State.EXACT)
    own = opened.catalog.content_id(asked.photo) if asked.photo else None
    hits: list[PictureHit] = []
    if threshold is not None:
        (hits,) = queries.nearest(
            opened,
            asked.embedding,
            k=asked.k + (own is not None),
            threshold=threshold,
            wanted=wanted,
            exact=asked.exact,
            calibrated=queries.calibrated_for(space),
        )
    photos = queries.searched(opened, wanted)
    return Part(hits, own, said(str(photos), photos, mark), known, opened.pictures.engine.state)


def stored_here(
    collection: Collection, photo_id: int, called: tuple[Path, int]
) -> tuple[PictureHit, Embeddings, tuple[Class, ...]]:
    """A photo of a shard, its embedding (1, D), and what it shows.

    called  the cluster, and the photo's id in it
    raises  BadInput if there is no such photo, or nobody looked at it as a whole
    """
    stored, embedding = queries.stored_at(collection.opened, photo_id, called)
    return stored, embedding, collection.pictures.shown.of([photo_id])[photo_id]


# Asking


def search_photo(
    shards: Asking,
    read: Reader,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> PictureProbe:
    """The stored photos that look most like a photo, as queries.pictures.search_pictures()."""
    k, wanted = checked_k(k), conditions.sent(wanted)
    held, networks = space(shards), shards.networks
    networks.reading.begin()  # while the network is opened
    check_made_by(held, shards.path, embed.made_by())
    _least(held, 1.0, threshold, strangers)  # what is wrong with them is told at once
    photo = networks.reading.of(read)(queries.LONG_SIDE_PX)
    (shown,) = networks.pictures.look([photo.pixels])
    asked = Asked(shown.embedding[None], photo.sha256, k, wanted, exact)
    told = _searched(shards, held, asked, threshold, strangers)
    hits = queries.itself_apart(told.hits, told.own, k)
    return PictureProbe(photo.path, hits, told.least, shown.classes, told.shards)


def search_stored(
    shards: Asking,
    photo_id: int,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> PictureProbe:
    """The stored photos that look most like a stored one, itself left out; no network is needed.

    raises  BadInput if there is no such photo, or nobody looked at it as a whole
    """
    k, wanted, photo_id = checked_k(k), conditions.sent(wanted), checked_id(photo_id, "photo")
    held = space(shards)
    _least(held, 1.0, threshold, strangers)
    number, id = of_shard(photo_id)
    if number not in shards.numbers:
        raise queries.no_photo(shards.path, photo_id)
    (one,) = shards.ask(stored_here, id, (shards.path, photo_id), of=[number]).all().values()
    stored, embedding, classes = one
    asked = Asked(embedding, "", k + 1, wanted, exact)
    told = _searched(shards, held, asked, threshold, strangers)
    hits = queries.others(told.hits, photo_id, k)
    return PictureProbe(stored.path, hits, told.least, classes, told.shards)


def space(shards: Asking) -> Space:
    """What made the embeddings of whole photos; raises CollectionError if there are none yet."""
    held = shards.space(PICTURES)
    if held is None:
        raise CollectionError(none_looked_at(shards.path))
    return held


def _least(
    held: Space, among: float, threshold: float | None, strangers: float | None
) -> Threshold:
    return threshold_among(
        queries.calibrated_for(held),
        held.made_by["picture_embedder"],
        among,
        threshold=threshold,
        strangers=strangers,
    )


def _searched(
    shards: Asking,
    held: Space,
    asked: Asked,
    threshold: float | None,
    strangers: float | None,
) -> Found:
    """What all shards find above the threshold that follows from them."""

    def ask(score: float | None, marks: Mapping[int, tuple[str]]) -> Answers[Part]:
        answers = shards.ask(alike, asked, score, each=marks)
        conditions.check(shards, asked.wanted, (part.known for part in answers.some().values()))
        return answers

    answers, least = above(
        ask,
        shards.totals,
        (PICTURES, asked.wanted),
        shards.numbers,
        lambda counts: float(sum(counts)),
        lambda among: _least(held, among, threshold, strangers),
        threshold=None if threshold is None else checked_threshold(threshold),
        k=asked.k,
    )
    parts = answers.some()
    shards.states[PICTURES] = merging.state_of(part.state for part in parts.values())
    own = [of_cluster(number, part.own) for number, part in parts.items() if part.own is not None]
    hits = merging.best(
        (
            [merging.photo_of_shard(number, hit) for hit in part.hits]
            for number, part in parts.items()
        ),
        asked.k + bool(own),
        least.score,
    )
    return Found(hits, own[0] if own else None, least, answers.shards)
