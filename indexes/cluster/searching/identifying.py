"""Whose face this is, where the faces of one person may lie in several shards.

As queries/identification.py, in rounds: who there is (kept until a shard says otherwise), who has
the nearest faces, what all faces of those say together, and the nearest ones of the two likeliest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.faces.calibration import Calibration
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.views import embed
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.searching import conditions, merging
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.faces import calibrated, space
from retrieve.indexes.cluster.searching.totals import Said, said
from retrieve.indexes.collection import Collection
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries import identification as queries
from retrieve.indexes.queries.identification import Candidate, Crowd, Gallery, Identification
from retrieve.types import Embeddings, Hit

if TYPE_CHECKING:
    from retrieve.sources import Reader

EMPTY = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Who is known in a shard.

    persons  (P,) ids, rising
    of_each  (P,) how many faces each has
    """

    persons: NDArray[np.int64]
    of_each: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What the faces of one person that a shard has say together.

    total  (D,) float64, their sum
    best   the score of the nearest
    """

    faces: int
    total: NDArray[np.float64]
    best: float

    def __add__(self, other: Together) -> Together:
        best = max(self.best, other.best)
        return Together(self.faces + other.faces, self.total + other.total, best)

    def likeness(self, embedding: NDArray[np.float32]) -> float:
        """As queries.identification.likeness()."""
        mean = (self.total / self.faces).astype(np.float32)
        return float((self.best + unit_rows(mean[None])[0] @ embedding) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Who:
    """Whom a face may show.

    wanted   which stored faces are compared
    unnamed  persons without a name, too
    """

    wanted: Filter
    unnamed: bool

    def here(self, opened: Opened) -> Gallery | None:
        """Those of them in a shard; None where there is nobody."""
        wanted, _ = conditions.here(opened.db, self.wanted)
        if wanted is None or opened.faces.space() is None:
            return None
        found = queries.gallery_of(opened, wanted, unnamed=self.unnamed)
        return found if found.rows.size else None


# Asked of shards


def known_here(collection: Collection, who: Who, mark: str) -> tuple[Said[Known], tuple[str, ...]]:
    """Who is known in a shard, and those of the persons who are asked for whom it knows."""
    opened = collection.opened

    def look() -> Said[Known]:
        gallery = who.here(opened)
        if gallery is None:
            return said("none", Known(EMPTY, EMPTY), mark)
        persons, of_each = np.unique(gallery.persons, return_counts=True)
        # Other rows are other embeddings, from which follows how alike people are.
        told = sha256(repr(opened.faces.required()).encode())
        for one in (gallery.persons, gallery.rows):
            told.update(one.tobytes())
        return said(told.hexdigest(), Known(persons, of_each), mark)

    return opened.consistently(look), conditions.here(opened.db, who.wanted)[1]


def first_faces(collection: Collection, who: Who, persons: NDArray[np.int64]) -> Embeddings:
    """(len(persons), D) the first face of each; zeros for those who are known no more."""
    opened = collection.opened

    def look() -> Embeddings:
        found = np.zeros((len(persons), opened.space().dim), np.float32)
        gallery = who.here(opened)
        rows = [gallery.of(person)[:1] for person in persons] if gallery is not None else []
        there = [place for place, some in enumerate(rows) if some.size]
        if there:
            found[there] = opened.engine.embeddings([int(rows[place][0]) for place in there])
        return found

    return opened.consistently(look)


def nearest_here(
    collection: Collection, who: Who, embeddings: Embeddings
) -> list[dict[int, float]]:
    """For each face those who have the nearest faces of a shard, with the score of the nearest."""
    opened = collection.opened

    def look() -> list[dict[int, float]]:
        gallery = who.here(opened)
        if gallery is None:
            return [{} for _ in embeddings]
        return queries.nearest_persons(opened, gallery, embeddings)

    return opened.consistently(look)


def together_here(
    collection: Collection, who: Who, embeddings: Embeddings, persons: Sequence[Sequence[int]]
) -> list[dict[int, Together]]:
    """For each face what the faces of some persons in a shard say, of those who have any."""
    opened = collection.opened

    def look() -> list[dict[int, Together]]:
        gallery = who.here(opened)
        found: list[dict[int, Together]] = [{} for _ in embeddings]
        if gallery is None:
            return found
        for embedding, some, told in zip(embeddings, persons, found, strict=True):
            for person in some:
                rows = gallery.of(person)
                if rows.size:
                    faces = opened.engine.embeddings(rows)
                    best = float(np.max(faces @ embedding))
                    told[person] = Together(len(rows), faces.sum(axis=0, dtype=np.float64), best)
        return found

    return opened.consistently(look)


def shown_here(
    collection: Collection,
    who: Who,
    embeddings: Embeddings,
    quality: Sequence[float],
    persons: Sequence[Sequence[int]],
) -> list[dict[int, list[Hit]]]:
    """For each face the faces of some persons in a shard that are most like it."""
    opened = collection.opened
    means = opened.calibration() if opened.faces.space() is not None else None

    def look() -> list[dict[int, list[Hit]]]:
        gallery = who.here(opened)
        found: list[dict[int, list[Hit]]] = [{} for _ in embeddings]
        if gallery is None:
            return found
        for embedding, own, some, told in zip(embeddings, quality, persons, found, strict=True):
            for person in some:
                rows = gallery.of(person)
                if rows.size:
                    scores = opened.engine.embeddings(rows) @ embedding
                    told[person] = queries.nearest_of(opened, means, own, rows, scores)
        return found

    return opened.consistently(look)


# Asking


def identify(
    shards: Asking,
    read: Reader,
    *,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    unnamed: bool = False,
) -> Identification:
    """Whose each face of a photo is, as queries.identification.identify()."""
    who = Who(conditions.sent(wanted), unnamed)
    held, networks = space(shards), shards.networks
    networks.follow(held.made_by)
    networks.reading.begin()  # while the networks are opened
    networks.check(held)
    crowd, answers = _crowd(shards, who)
    means = queries.careful(calibrated(held), crowd.alike)
    least = queries.least_of(
        means, held.made_by["embedder"], crowd, threshold=threshold, strangers=strangers
    )
    found = networks.extract(read)
    every: list[tuple[Candidate, Candidate | None]] = []
    if found.faces:
        embeddings, quality = embed(networks.embedder, found.crops), found.quality.tolist()
        every, answers = _candidates(shards, who, embeddings, quality, means[0])
    told = queries.told(found, every, means, crowd, least)
    return Identification(told.path, told.faces, told.least, answers.shards)


def _crowd(shards: Asking, who: Who) -> tuple[Crowd, Answers[Any]]:
    """What everybody tells whom a face may show; raises BadInput if that is nobody."""
    what = ("who", who.wanted, who.unnamed)
    held = shards.totals.held(what)
    marks = {number: (held[number].mark if number in held else "",) for number in shards.numbers}
    answers = shards.ask(known_here, who, each=marks)
    parts = answers.some()
    conditions.check(shards, who.wanted, (names for _, names in parts.values()))
    now = shards.totals.take(what, held, {number: one for number, (one, _) in parts.items()})
    known = {number: one.value for number, one in now.items() if one.value is not None}
    crowd = shards.totals.following((*what, "crowd"), now, partial(_made, shards, who, known))
    return crowd, answers


def _made(shards: Asking, who: Who, known: Mapping[int, Known]) -> Crowd:
    persons = np.concatenate([EMPTY, *(one.persons for one in known.values())])
    each = np.concatenate([EMPTY, *(one.of_each for one in known.values())])
    where = np.concatenate([EMPTY, *(np.full(len(o.persons), n) for n, o in known.items())])
    if not persons.size:
        raise queries.nobody_known(shards.path)
    every, first, place = np.unique(persons, return_index=True, return_inverse=True)
    counts = np.bincount(place, each).astype(np.int64)

    def first_of(some: NDArray[np.int64]) -> Embeddings:
        """From the first shard that has a face of theirs."""
        holders, asked = where[first[some]], every[some]
        each = {int(number): (asked[holders == number],) for number in np.unique(holders)}
        parts = shards.ask(first_faces, who, each=each).some()
        dim = space(shards).dim
        found = np.zeros((len(some), dim), np.float32)
        for number, embeddings in parts.items():
            found[holders == number] = embeddings
        kept: Embeddings = found[found.any(axis=1)]
        return kept

    return queries.crowd_of(counts, first_of)


def _candidates(
    shards: Asking,
    who: Who,
    embeddings: Embeddings,
    quality: Sequence[float],
    means: Calibration | None,
) -> tuple[list[tuple[Candidate, Candidate | None]], Answers[Any]]:
    """For each face the likeliest person and the next one."""
    near = shards.ask(nearest_here, who, embeddings).some()
    persons = [_likely([part[place] for part in near.values()]) for place in range(len(embeddings))]
    answers = shards.ask(together_here, who, embeddings, persons)
    likeliest: list[list[tuple[int, float]]] = []
    for place, (embedding, some) in enumerate(zip(embeddings, persons, strict=True)):
        together: dict[int, Together] = {}
        for part in answers.some().values():
            for person, one in part[place].items():
                together[person] = together[person] + one if person in together else one
        scored = [(one, together[one].likeness(embedding)) for one in some if one in together]
        likeliest.append(sorted(scored, key=lambda one: -one[1])[:2])
    asked = [[person for person, _ in two] for two in likeliest]
    parts = shards.ask(shown_here, who, embeddings, quality, asked).some()
    found = []
    for place, two in enumerate(likeliest):
        best = []
        for person, score in two:
            hits = merging.best(
                (
                    [
                        merging.of_shard(number, hit, shards.picture)
                        for hit in part[place].get(person, ())
                    ]
                    for number, part in parts.items()
                ),
                queries.SHOWN,
            )
            if hits:
                own = quality[place]
                best.append(queries.candidate(person, score, hits, means, own))
        if not best:  # all of them were forgotten meanwhile
            raise queries.nobody_known(shards.path)
        found.append((best[0], best[1] if len(best) > 1 else None))
    return found, answers


def _likely(parts: Sequence[Mapping[int, float]]) -> list[int]:
    """The people who have the nearest faces, of all shards."""
    best: dict[int, float] = {}
    for part in parts:
        for person, score in part.items():
            best[person] = max(score, best.get(person, -np.inf))
    return sorted(best, key=lambda person: (-best[person], person))[: queries.CANDIDATES]
