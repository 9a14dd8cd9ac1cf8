"""Faces of a photo, a stored face, embeddings → the faces most like them in all shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import CollectionError
from retrieve.faces import calibration
from retrieve.faces.calibration import Calibration
from retrieve.faces.embedding.views import chosen, embed
from retrieve.indexes.catalog.contents import StoredFace
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter
from retrieve.indexes.catalog.searched import NOTHING, Searched, among_all, searched
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.searching import conditions, merging
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.totals import Said, above, said
from retrieve.indexes.collection import Collection
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries import faces as queries
from retrieve.indexes.queries.asked import (
    checked_face,
    checked_id,
    checked_k,
    checked_threshold,
)
from retrieve.indexes.queries.probes import Probe, ProbeFace, numbered, probe_face
from retrieve.indexes.queries.thresholds import Threshold, threshold_among
from retrieve.indexes.search.engine import State
from retrieve.indexes.vectors.spaces import Space
from retrieve.networks.own import check_embeddings
from retrieve.types import Embeddings, Face, Hit, Shards

if TYPE_CHECKING:
    from pathlib import Path

    from retrieve.sources import Reader


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What each shard is asked for.

    embeddings  (Q, D) of faces, with their quality where it is known
    photo       SHA-256 of the photo that they are in, hexadecimal; "" where there is none
    """

    embeddings: Embeddings
    quality: tuple[float, ...] | None
    photo: str
    k: int
    wanted: Filter
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a shard answers.

    hits      for each of the Q, with the shard's own ids
    own       the stored faces of the photo, if it is stored here
    searched  what there was to be found
    known     those of the persons who are asked for whom it knows
    """

    hits: list[list[Hit]]
    own: dict[int, Face]
    searched: Said[Searched]
    known: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What all shards found together; `own` has ids of the cluster."""

    hits: list[list[Hit]]
    own: dict[int, Face]
    least: Threshold
    shards: Shards


# Asked of shards


def like(collection: Collection, asked: Asked, threshold: float | None, mark: str) -> Part:
    """The faces of a shard most like some, none below a threshold; for None they are not sought.

    mark  of what was searched, as it is known to who asks
    """
    opened, Q = collection.opened, len(asked.embeddings)
    wanted, known = conditions.here(opened.db, asked.wanted)
    if wanted is None or opened.faces.space() is None:
        return Part([[] for _ in range(Q)], {}, said("none", NOTHING, mark), known, State.EXACT)
    own = queries.stored_of(opened, asked.photo) if asked.photo else {}
    hits: list[list[Hit]] = [[] for _ in range(Q)]
    if Q and threshold is not None:
        hits = queries.nearest(
            opened,
            asked.embeddings,
            k=asked.k + bool(own),
            threshold=threshold,
            wanted=wanted,
            exact=asked.exact,
            quality=asked.quality,
        )
    return Part(hits, own, said(*marked(opened, wanted), mark), known, opened.engine.state)


def marked(opened: Opened, wanted: Filter) -> tuple[str, Searched]:
    """What may be found in a shard, and what tells whether it is still the same."""

    def make(rows: int) -> tuple[str, Searched]:
        found = searched(opened.db, rows, opened.findable(wanted), wanted)
        told = sha256(str(found.faces).encode())
        told.update(found.persons.tobytes())
        told.update(found.of_each.tobytes())
        return told.hexdigest(), found

    return opened.kept("searched", wanted, make)


def stored_here(
    collection: Collection, face_id: int, called: tuple[Path, int]
) -> tuple[StoredFace, Embeddings, bytes]:
    """A face of a shard, its embedding (1, D) and its picture.

    called  the cluster, and the face's id in it
    raises  BadInput if there is no such face
    """
    stored, embedding = queries.stored_at(collection.opened, face_id, called)
    return stored, embedding, collection.catalog.crop(face_id)


# Asking


def search_photo(
    shards: Asking,
    read: Reader,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    face: int | None = None,
    exact: bool = False,
) -> Probe:
    """The stored faces most like the faces in a photo, as queries.faces.search_photo()."""
    k, wanted = checked_k(k), conditions.sent(wanted)
    face = None if face is None else checked_face(face)
    held, networks = space(shards), shards.networks
    networks.follow(held.made_by)
    networks.reading.begin()  # while the networks are opened
    networks.check(held)
    _least(held, 1.0, threshold, strangers)  # what is wrong with them is told at once
    found = networks.extract(read)
    numbers = numbered(found, face)
    embeddings = np.zeros((0, held.dim), np.float32)
    if numbers:
        crops = chosen(found.crops, [number - 1 for number in numbers])
        embeddings = embed(networks.embedder, crops)
    quality = tuple(float(found.quality[number - 1]) for number in numbers)
    asked = Asked(embeddings, quality, found.photo.sha256, k, wanted, exact)
    told = _searched(shards, held, asked, threshold, strangers)
    faces = []
    for number, hits in zip(numbers, told.hits, strict=True):
        itself = queries.same_face(told.own, found.faces[number - 1])
        faces.append(probe_face(found, number, queries.itself_apart(hits, itself, k)))
    return Probe(found.photo.path, faces, least=told.least, shards=told.shards)


def search_stored(
    shards: Asking,
    face_id: int,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> Probe:
    """The stored faces most like a stored one, itself left out; no network is needed.

    raises  BadInput if there is no such face
    """
    k, wanted, face_id = checked_k(k), conditions.sent(wanted), checked_id(face_id)
    held = space(shards)
    _least(held, 1.0, threshold, strangers)
    number, id = of_shard(face_id)
    if number not in shards.numbers:
        raise queries.no_face(shards.path, face_id)
    (one,) = shards.ask(stored_here, id, (shards.path, face_id), of=[number]).all().values()
    stored, embedding, crop = one
    asked = Asked(embedding, (stored.quality,), "", k + 1, wanted, exact)
    told = _searched(shards, held, asked, threshold, strangers)
    hits = queries.itself_apart(told.hits[0], None, k, without=face_id)
    face: ProbeFace = queries.stored_probe(stored, crop, hits)
    return Probe(stored.path, [face], least=told.least, shards=told.shards)


def nearest(
    shards: Asking,
    embeddings: Embeddings,
    *,
    k: int = 10,
    threshold: float = -1.0,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> list[list[Hit]]:
    """The stored faces nearest to each embedding, best first, as queries.faces.nearest()."""
    check_embeddings(embeddings, space(shards).dim)
    k, wanted, least = checked_k(k), conditions.sent(wanted), checked_threshold(threshold)
    asked = Asked(embeddings, None, "", k, wanted, exact)
    answers = shards.ask(like, asked, least, "")
    parts = answers.some()
    conditions.check(shards, wanted, (part.known for part in parts.values()))
    return _merged(shards, parts, len(embeddings), k, least)


def least_score(
    shards: Asking, wanted: Filter = EVERYTHING, *, strangers: float | None = None
) -> Threshold:
    """The lowest score of a hit among the faces of all shards that fulfil a condition."""
    held, wanted = space(shards), conditions.sent(wanted)
    asked = Asked(np.zeros((0, held.dim), np.float32), None, "", 1, wanted, False)
    return _searched(shards, held, asked, None, strangers).least


def space(shards: Asking) -> Space:
    """What made the faces; raises CollectionError if there are none yet."""
    held = shards.space(FACES)
    if held is None:
        raise CollectionError(f"no photo was indexed into {shards.path} yet: retrieve index FOLDER")
    return held


def calibrated(held: Space) -> Calibration | None:
    """What scores of these faces mean; None if nobody measured that."""
    made_by = held.made_by
    return calibration.find(
        made_by["embedder_sha256"], made_by["detector"], made_by["detector_sha256"]
    )


def _least(
    held: Space, among: float, threshold: float | None, strangers: float | None
) -> Threshold:
    return threshold_among(
        calibrated(held),
        held.made_by["embedder"],
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
        answers = shards.ask(like, asked, score, each=marks)
        conditions.check(shards, asked.wanted, (part.known for part in answers.some().values()))
        return answers

    answers, least = above(
        ask,
        shards.totals,
        (FACES, asked.wanted),
        shards.numbers,
        among_all,
        lambda among: _least(held, among, threshold, strangers),
        threshold=None if threshold is None else checked_threshold(threshold),
        k=asked.k,
    )
    parts = answers.some()
    own = {
        of_cluster(number, id): face
        for number, part in parts.items()
        for id, face in part.own.items()
    }
    k = asked.k + bool(own)
    hits = _merged(shards, parts, len(asked.embeddings), k, least.score)
    return Found(hits, own, least, answers.shards)


def _merged(
    shards: Asking, parts: Mapping[int, Part], Q: int, k: int, least: float
) -> list[list[Hit]]:
    """The hits of each probe, of all shards."""
    shards.states[FACES] = merging.state_of(part.state for part in parts.values())
    every: list[list[Sequence[Hit]]] = [
        [
            [merging.of_shard(number, hit, shards.picture) for hit in part.hits[place]]
            for number, part in parts.items()
        ]
        for place in range(Q)
    ]
    return [merging.best(some, k, least) for some in every]
