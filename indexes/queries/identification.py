"""Whose face this is: somebody with a name in the collection, or honestly nobody known.

Open-set identification (Grother, Ngan and Hanaoka 2019, NISTIR 8271). A face is compared with
everybody who is named. What several faces of one person say is joined: the mean of the score with
the nearest of them and with the direction that all have in common. Somebody is named if that is
higher than the best of as many strangers reaches, but for a stated chance, and if nobody else is
nearly as probable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from retrieve import notebook
from retrieve.errors import BadInput
from retrieve.evaluation import strangers as of_strangers
from retrieve.faces.calibration import Calibration
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.views import embed
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter
from retrieve.indexes.catalog.sums import check_items, torn
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.asked import checked_filter
from retrieve.indexes.queries.faces import hit_of
from retrieve.indexes.queries.thresholds import Threshold, threshold_among
from retrieve.types import Embeddings, Face, Hit, Pixels, Shards

if TYPE_CHECKING:
    from retrieve.faces.extract import PhotoFaces
    from retrieve.sources import Reader

# Somebody is named who is ten times as probable as the next one at least: among 100 people with
# one photo each wrong names fall from .0006 of the known to .0002, right ones from .962 to .960;
# with a hundred times as probable .951 are right (python -m benchmarks.scores --only identified).
ODDS = 10.0
CANDIDATES = 8  # people whose faces are all looked at; by one face alone the order may differ
NEAREST = 64  # faces among which they are sought first
SHOWN = 3  # nearest faces of a candidate
MOST_CHECKED = 1000  # of a candidate's faces, whether the catalog says rightly whose they are
# People of whom it is looked how alike they are, from the fewest that tell on.
ALIKE_OF = 1000
# Among two or three people a chance of .01 is reached by scores that strangers have more often.
EVEN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Somebody whom a face may show.

    person       the name; None where nobody has named this person
    score        on the scale of cosines: of several faces what they say together
    probability  that it is this person, at even odds beforehand; None without a calibration
    quality      of the worse of the face that was asked for and this person's nearest, 0 to 1
    nearest      this person's faces that are most like it, best first
    """

    person_id: int
    person: str | None
    score: float
    probability: float | None
    quality: float
    nearest: tuple[Hit, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IdentifiedFace:
    """One face of a photo, and who it is.

    number      1 for the first face of the photo
    crop        (S, S, 3) uint8 RGB, a small picture of it
    who         the person, or None: nobody whom the collection knows
    best        the likeliest, named or not
    runner_up   the next one, None if there is one person alone
    chance      that the best of as many strangers scores as high as `best`; None without a
                calibration that tells
    why         why nobody is named, "" where somebody is
    """

    number: int
    face: Face
    crop: Pixels
    quality: float
    who: Candidate | None
    best: Candidate
    runner_up: Candidate | None
    chance: float | None
    why: str = ""

    def __repr__(self) -> str:
        name = "unknown" if self.who is None else repr(self.who.person or f"#{self.who.person_id}")
        return f"IdentifiedFace({self.number}: {name}, score={self.best.score:.4f})"


@dataclass(frozen=True, slots=True, eq=False)
class Identification(Sequence[IdentifiedFace]):
    """One photo and who is in it, a sequence of its faces.

        for face in collection.identify("group.jpg"):
            print(face.number, face.who.person if face.who else "unknown")

    path    the photo's file, None of one that was given as bytes, image or array
    faces   all faces of the photo
    least   the score that names somebody, among how many, and how often strangers reach it
    shards  of a cluster: how many of them it comes from
    """

    path: Path | None
    faces: list[IdentifiedFace]
    least: Threshold
    shards: Shards | None = None

    def __len__(self) -> int:
        return len(self.faces)

    @overload
    def __getitem__(self, which: int) -> IdentifiedFace: ...
    @overload
    def __getitem__(self, which: slice) -> list[IdentifiedFace]: ...
    def __getitem__(self, which: int | slice) -> IdentifiedFace | list[IdentifiedFace]:
        return self.faces[which]

    def __repr__(self) -> str:
        photo = "the photo" if self.path is None else str(self.path)
        return f"Identification({photo}: {notebook.counted(len(self), 'face')})"


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The faces of everybody who is known.

    rows       (M,) of the space of faces, person by person
    persons    (M,) whose they are, rising
    person_at  (rows of the space,) the same by row, -1 where nobody known is
    """

    rows: NDArray[np.int64]
    persons: NDArray[np.int64]
    person_at: NDArray[np.int64]

    def of(self, person_id: int) -> NDArray[np.int64]:
        """The rows of one person."""
        start, end = np.searchsorted(self.persons, [person_id, person_id + 1])
        return self.rows[start:end]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What everybody who is known tells of strangers.

    among  as how many strangers their faces count
    alike  (M,) scores of pairs of these people, a face each; empty where they are too few to tell
           whether they are more alike than others
    """

    among: float
    alike: NDArray[np.float32]


def crowd_of(counts: NDArray[np.int64], first: Callable[[NDArray[np.int64]], Embeddings]) -> Crowd:
    """What people tell of strangers.

    counts  (P,) how many faces each has, in the order of their ids
    first   gives the embeddings of the first face of some of them, by their places
    """
    alike = np.zeros(0, np.float32)
    if len(counts) >= of_strangers.FEWEST_PEOPLE:
        some = np.linspace(0, len(counts) - 1, min(len(counts), ALIKE_OF)).astype(np.int64)
        faces = first(some)
        alike = (faces @ faces.T)[np.triu_indices(len(faces), k=1)]
    return Crowd(of_strangers.independent(counts), alike)


def likeness(embedding: NDArray[np.float32], faces: Embeddings) -> float:
    """What all faces of one person say of a face, on the scale of cosines.

    embedding  (D,) of the face
    faces      (n, D) of the person, one at least
    returns    the mean of the score with the nearest and with the direction of their mean; the
               cosine where n is 1
    With two and four faces a person it misses .0086 and .0023 of the known where strangers pass by
    .01, the nearest alone .0111 and .0046. The direction alone misses .0072 and .0021, but
    strangers reach it more often than n^.8 faces: .0223 of them are let in where .01 is stated,
    .0160 and .0141 with both, .0144 and .0117 with the nearest (python -m benchmarks.scores).
    """
    common = unit_rows(faces.mean(axis=0, keepdims=True))[0]
    return float((np.max(faces @ embedding) + common @ embedding) / 2)


def careful(calibrated: Calibration | None, alike: NDArray[np.float32]) -> list[Calibration | None]:
    """The calibration, and the same for strangers as alike as the people of a gallery are.

    alike  scores of pairs of these people, as of a Crowd
    The one of the two that asks for more is to be kept to. Among 14 people with East Asian names
    .209 of the strangers of that group are let in by the first alone, where .01 is stated, .012 by
    both (python -m benchmarks.scores --only identified).
    """
    if calibrated is None or calibrated.strangers is None or not alike.size:
        return [calibrated]
    moved = of_strangers.of_people(calibrated.strangers, alike)
    return [calibrated, replace(calibrated, strangers=moved)]


def why_nobody(
    calibrated: Calibration | None,
    least: float,
    score: float,
    runner_up: float | None,
    quality: float = 1.0,
) -> str:
    """Why a face has no name; "" if it has that of the likeliest person.

    least      the lowest score that names somebody
    score      of the likeliest person; runner_up: of the next one, if there is one
    quality    of the worst of the faces, 0 to 1
    """
    if score < least:
        return "below the threshold"
    if calibrated is None:
        return ""
    if calibrated.probability(score, quality) < EVEN:
        return "more probably somebody else"
    if runner_up is not None and calibrated.odds(score - runner_up, quality) < ODDS:
        return "too near the runner-up"
    return ""


def identify(
    opened: Opened,
    networks: Networks,
    read: Reader,
    *,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    unnamed: bool = False,
) -> Identification:
    """Whose each face of a photo is.

    threshold  lowest score that names somebody; None lets it follow from strangers
    strangers  the chance that somebody whom the collection does not hold is named all the same,
               at most; None is .01
    wanted     which stored faces are compared
    unnamed    persons without a name are among those whom it may be
    raises     CollectionError if nothing was indexed or with other networks, BadInput if nobody is
               known, for both threshold and strangers, or where there is no calibration to take
               one from, BadPhoto for a photo of no use
    """
    wanted = checked_filter(wanted)
    space = opened.space()
    networks.follow(space.made_by)
    networks.reading.begin()  # while the networks are opened
    networks.check(space)
    crowd = opened.consistently(lambda: _crowd(opened, wanted, unnamed=unnamed))
    calibrated = careful(opened.calibration(), crowd.alike)
    least = least_of(
        calibrated, space.made_by["embedder"], crowd, threshold=threshold, strangers=strangers
    )
    found = networks.extract(read)
    every: list[tuple[Candidate, Candidate | None]] = []
    if found.faces:
        embeddings = embed(networks.embedder, found.crops)
        every = _candidates(opened, embeddings, found.quality.tolist(), wanted, unnamed=unnamed)
    return told(found, every, calibrated, crowd, least)


def least_of(
    calibrated: Sequence[Calibration | None],
    embedder: str,
    crowd: Crowd,
    *,
    threshold: float | None,
    strangers: float | None,
) -> Threshold:
    """The lowest score that names somebody: that of the calibration which asks for most."""
    every = (
        threshold_among(by, embedder, crowd.among, threshold=threshold, strangers=strangers)
        for by in calibrated
    )
    return max(every, key=lambda one: (one.score, one.strangers or 0))


def told(
    found: PhotoFaces,
    every: Sequence[tuple[Candidate, Candidate | None]],
    calibrated: Sequence[Calibration | None],
    crowd: Crowd,
    least: Threshold,
) -> Identification:
    """Who is in a photo, where for each face the likeliest person and the next one are known."""
    faces: list[IdentifiedFace] = []
    for i, (best, runner_up) in enumerate(every):
        quality = min(one.quality for one in (best, runner_up) if one is not None)
        second = None if runner_up is None else runner_up.score
        why = why_nobody(calibrated[0], least.score, best.score, second, quality)
        chances = [
            by.chance_for(crowd.among, best.score)
            for by in calibrated
            if by is not None and by.strangers is not None
        ]
        faces.append(
            IdentifiedFace(
                i + 1,
                found.faces[i],
                found.pictures[i],
                float(found.quality[i]),
                None if why else best,
                best,
                runner_up,
                max(chances, default=None),
                why,
            )
        )
    return Identification(found.photo.path, _one_each(faces), least)


def _one_each(faces: list[IdentifiedFace]) -> list[IdentifiedFace]:
    """Two faces of one photo are two people: a person is the face that is most like them."""
    first: dict[int, IdentifiedFace] = {}
    for face in sorted(faces, key=lambda face: -face.best.score):
        if face.who is not None:
            first.setdefault(face.who.person_id, face)
    return [
        face
        if face.who is None or first[face.who.person_id] is face
        else replace(face, who=None, why=f"that is face {first[face.who.person_id].number}")
        for face in faces
    ]


def gallery_of(opened: Opened, wanted: Filter, *, unnamed: bool) -> Gallery:
    """Everybody whom a face may show."""

    def make(rows: int) -> Gallery:
        named = "" if unnamed else "WHERE name IS NOT NULL AND NOT ignored "
        query = (
            "SELECT row, person_id FROM faces JOIN persons ON persons.id = person_id "
            f"{named}ORDER BY person_id, row"
        )
        pairs = np.array(opened.db.execute(query).fetchall(), np.int64).reshape(-1, 2)
        pairs = pairs[pairs[:, 0] < rows]
        keep = opened.findable(wanted)
        if keep is not None:
            pairs = pairs[keep[pairs[:, 0]]]
        person_at = np.full(rows, -1, np.int64)
        person_at[pairs[:, 0]] = pairs[:, 1]
        return Gallery(pairs[:, 0], pairs[:, 1], person_at)

    return opened.kept("gallery", (wanted, unnamed), make)


def _crowd(opened: Opened, wanted: Filter, *, unnamed: bool) -> Crowd:
    """What everybody tells whom a face may show; raises BadInput if that is nobody."""

    def make(rows: int) -> Crowd:
        gallery = gallery_of(opened, wanted, unnamed=unnamed)
        if not gallery.rows.size:
            raise nobody_known(opened.path)
        _, first, counts = np.unique(gallery.persons, return_index=True, return_counts=True)
        firsts = gallery.rows[first]
        return crowd_of(counts, lambda places: opened.engine.embeddings(firsts[places]))

    return opened.kept("crowd", (wanted, unnamed), make)


def nobody_known(path: Path) -> BadInput:
    """What is said where there is nobody whom a face may show."""
    return BadInput(
        f"nobody in {path} has a name, or no face of theirs fulfils the conditions. "
        "To name a face: retrieve name NAME PHOTO"
    )


def _candidates(
    opened: Opened,
    embeddings: Embeddings,
    quality: Sequence[float],
    wanted: Filter,
    *,
    unnamed: bool,
) -> list[tuple[Candidate, Candidate | None]]:
    """For each face the likeliest person and the next one."""
    calibrated = opened.calibration()

    def look() -> list[tuple[Candidate, Candidate | None]]:
        gallery = gallery_of(opened, wanted, unnamed=unnamed)
        found = []
        for embedding, persons, own in zip(
            embeddings, nearest_persons(opened, gallery, embeddings), quality, strict=True
        ):
            likest = []
            for person_id in persons:
                rows = gallery.of(person_id)
                faces = opened.engine.embeddings(rows)
                likest.append((likeness(embedding, faces), person_id, rows, faces @ embedding))
            likest.sort(key=lambda one: -one[0])
            best = [_candidate(opened, calibrated, own, *one) for one in likest[:2]]
            found.append((best[0], best[1] if len(best) > 1 else None))
        return found

    return opened.consistently(look)


def nearest_persons(
    opened: Opened, gallery: Gallery, embeddings: Embeddings
) -> list[dict[int, float]]:
    """For each face the CANDIDATES people who have the nearest faces, or all that there are, best
    first, each with the score of the nearest.
    """
    k = NEAREST
    while True:
        scores, rows = opened.engine.nearest(embeddings, k, keep=gallery.person_at >= 0)
        found: list[dict[int, float]] = [{} for _ in embeddings]
        for people, *pair in zip(
            found, gallery.person_at[rows].tolist(), scores.tolist(), strict=True
        ):
            for person_id, score in zip(*pair, strict=True):
                people.setdefault(person_id, score)
        if k >= len(gallery.rows) or min(map(len, found)) >= CANDIDATES:
            return [dict(list(people.items())[:CANDIDATES]) for people in found]
        k *= 4


def _candidate(
    opened: Opened,
    calibrated: Calibration | None,
    quality: float,
    score: float,
    person_id: int,
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> Candidate:
    hits = nearest_of(opened, calibrated, quality, rows, scores)
    return candidate(person_id, score, hits, calibrated, quality)


def nearest_of(
    opened: Opened,
    calibrated: Calibration | None,
    quality: float,
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> list[Hit]:
    """The faces of one person that are most like a face.

    quality  of that face
    rows     (n,) of the person's; scores: (n,) theirs
    """
    order = np.argsort(-scores, kind="stable")[:SHOWN]
    shown = rows[order].tolist()
    check_items(opened.db, FACES, "row", rows[:MOST_CHECKED].tolist())
    stored = opened.faces_at(shown)
    if stored.keys() != set(shown):
        raise torn(FACES)
    return [
        hit_of(opened, rank, stored[row], float(scores[i]), calibrated, quality)
        for rank, (row, i) in enumerate(zip(shown, order.tolist(), strict=True), 1)
    ]


def candidate(
    person_id: int,
    score: float,
    hits: Sequence[Hit],
    calibrated: Calibration | None,
    quality: float,
) -> Candidate:
    """Somebody whom a face of that quality may show.

    hits  this person's nearest faces, best first
    """
    worst = min(quality, hits[0].quality)
    return Candidate(
        person_id,
        hits[0].person,
        score,
        None if calibrated is None else calibrated.probability(score, worst),
        worst,
        tuple(hits),
    )
