"""Faces of a photo, a stored face, embeddings → the stored faces most like them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import BadInput
from retrieve.faces.calibration import Calibration
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.embedding.views import chosen, embed
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.catalog.contents import StoredFace
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter
from retrieve.indexes.catalog.sums import torn
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.asked import (
    checked_face,
    checked_filter,
    checked_id,
    checked_k,
    checked_threshold,
)
from retrieve.indexes.queries.probes import Probe, ProbeFace, numbered, probe_face
from retrieve.indexes.queries.thresholds import Threshold, threshold_among
from retrieve.networks.own import check_embeddings
from retrieve.types import Embeddings, Face, Hit

if TYPE_CHECKING:
    from retrieve.sources import Reader

SAME_FACE = 0.5  # overlap of two boxes in one photo that are one face, as detectors are judged by


def search_photo(
    opened: Opened,
    networks: Networks,
    read: Reader,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    face: int | None = None,
    exact: bool = False,
) -> Probe:
    """The stored faces most like the faces in a photo.

    k          hits for each face, beside the face itself where the photo is stored: Hit.itself
    threshold  lowest score of a hit; None lets it follow from strangers
    strangers  the chance that the best of as many strangers passes as are searched; None is .01
    wanted     what a hit has to satisfy
    face       search only this face of the photo, 1 for the first
    exact      score every stored face, whatever index there is
    raises     CollectionError if nothing was indexed or with other networks, BadInput if both are
               given or there is no calibration to take one from, BadPhoto for a photo of no use
    """
    k, wanted = checked_k(k), checked_filter(wanted)
    face = None if face is None else checked_face(face)
    space = opened.space()
    networks.follow(space.made_by)
    networks.reading.begin()  # while the networks are opened
    networks.check(space)
    least = least_score(opened, wanted, threshold=threshold, strangers=strangers)
    found = networks.extract(read)
    numbers = numbered(found, face)
    own = stored_of(opened, found.photo.sha256)
    hits: list[list[Hit]] = []
    if numbers:
        crops = chosen(found.crops, [number - 1 for number in numbers])
        embeddings = embed(networks.embedder, crops)
        quality = [float(found.quality[number - 1]) for number in numbers]
        hits = nearest(
            opened,
            embeddings,
            k=k + bool(own),
            threshold=least.score,
            wanted=wanted,
            exact=exact,
            quality=quality,
        )
        hits = [
            itself_apart(some, same_face(own, found.faces[number - 1]), k)
            for number, some in zip(numbers, hits, strict=True)
        ]
    faces = [probe_face(found, *pair) for pair in zip(numbers, hits, strict=True)]
    return Probe(found.photo.path, faces, least=least)


def search_stored(
    opened: Opened,
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
    k, wanted, face_id = checked_k(k), checked_filter(wanted), checked_id(face_id)
    least = least_score(opened, wanted, threshold=threshold, strangers=strangers)
    stored, embedding = stored_at(opened, face_id)
    (hits,) = nearest(
        opened,
        embedding,
        k=k + 1,
        threshold=least.score,
        wanted=wanted,
        exact=exact,
        quality=[stored.quality],
    )
    others = itself_apart(hits, None, k, without=face_id)
    face = stored_probe(stored, opened.catalog.crop(face_id), others)
    return Probe(stored.path, [face], least=least)


def stored_at(
    opened: Opened, face_id: int, called: tuple[Path, int] | None = None
) -> tuple[StoredFace, Embeddings]:
    """A stored face and its embedding (1, D).

    called  the collection, and the id in it, that are told of where there is none; None for these
    raises  BadInput if there is no such face
    """

    def found() -> tuple[StoredFace, Embeddings]:
        stored = opened.catalog.faces([face_id]).get(face_id)
        if stored is None:
            raise no_face(*called or (opened.path, face_id))
        return stored, opened.engine.embeddings([stored.row])

    return opened.consistently(found)


def no_face(path: Path, face_id: int) -> BadInput:
    """What is said where a collection has no face of an id."""
    return BadInput(
        f"{path} has no face with the id {face_id}; ids are shown by: retrieve search --json"
    )


def stored_probe(stored: StoredFace, crop: bytes, hits: list[Hit]) -> ProbeFace:
    """A stored face that was asked for, with its hits.

    crop  its picture, a JPEG
    """
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(crop)).convert("RGB"))
    return ProbeFace(stored.number, stored.face, pixels, stored.quality, hits)


def stored_of(opened: Opened, sha256: str) -> dict[int, Face]:
    """The stored faces of a photo, by id; {} where it is not stored."""
    content_id = opened.catalog.content_id(sha256)
    if content_id is None:
        return {}
    query = "SELECT id FROM faces WHERE content_id = ?"
    return opened.catalog.as_found([id for (id,) in opened.db.execute(query, [content_id])])


def same_face(stored: dict[int, Face], face: Face) -> int | None:
    """Which of a photo's stored faces one is that was found in it now; None: no one."""
    if not stored:
        return None
    boxes = np.stack([one.box for one in stored.values()])
    shares = overlap(face.box[None], boxes)[0]
    best = int(shares.argmax())
    return list(stored)[best] if shares[best] >= SAME_FACE else None


def itself_apart(
    hits: Sequence[Hit], itself: int | None, k: int, *, without: int | None = None
) -> list[Hit]:
    """The first k, ranked without the face that was asked for, which stands before them.

    without  a face that is left out
    """
    mine = [replace(hit, rank=0, itself=True) for hit in hits if hit.face_id == itself]
    others = [hit for hit in hits if hit.face_id not in (itself, without)][:k]
    return mine + [replace(hit, rank=rank) for rank, hit in enumerate(others, 1)]


def nearest(
    opened: Opened,
    embeddings: Embeddings,
    *,
    k: int = 10,
    threshold: float = -1.0,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
    quality: Sequence[float] | None = None,
) -> list[list[Hit]]:
    """The stored faces nearest to each embedding, best first.

    embeddings  (Q, D) float32 unit rows of this collection's embedder
    wanted      what a hit has to satisfy; k hits come whenever k faces do
    exact       score every stored face, whatever index there is
    quality     of each of the Q faces, 0 to 1, where it is known: the probability is that of the
                worse face of a pair
    returns     for each of the Q no more than k hits, none with a score below threshold
    """
    space = opened.space()
    check_embeddings(embeddings, space.dim)
    k, wanted, least = checked_k(k), checked_filter(wanted), checked_threshold(threshold)
    calibrated = opened.calibration(space)
    probes = [1.0] * len(embeddings) if quality is None else quality

    def hits() -> list[list[Hit]]:
        keep = opened.findable(wanted)
        scores, rows = opened.engine.nearest(embeddings, k, keep=keep, exact=exact)
        found = rows[scores >= least].tolist()
        faces = opened.faces_at(found)
        if faces.keys() != set(found):
            raise torn(FACES)
        return [
            [
                hit_of(opened, rank, faces[row], score, calibrated, worst)
                for rank, (score, row) in enumerate(zip(*pair, strict=True), 1)
                if score >= least
            ]
            for worst, *pair in zip(probes, scores.tolist(), rows.tolist(), strict=True)
        ]

    return opened.consistently(hits)


def least_score(
    opened: Opened,
    wanted: Filter = EVERYTHING,
    *,
    threshold: float | None = None,
    strangers: float | None = None,
) -> Threshold:
    """The lowest score of a hit among the faces that fulfil a condition, as threshold_among().

    raises  CollectionError if nothing was indexed, BadInput as threshold_among()
    """
    embedder = opened.space().made_by["embedder"]
    return threshold_among(
        opened.calibration(),
        embedder,
        opened.among(wanted),
        threshold=threshold,
        strangers=strangers,
    )


def hit_of(
    opened: Opened,
    rank: int,
    stored: StoredFace,
    score: float,
    calibrated: Calibration | None,
    quality: float,
) -> Hit:
    """A stored face as the answer to a probe of that quality."""
    return Hit(
        rank=rank,
        face_id=stored.id,
        path=stored.path,
        number=stored.number,
        face=stored.face,
        score=score,
        probability=calibrated.probability(score, min(quality, stored.quality))
        if calibrated
        else None,
        quality=stored.quality,
        taken_at=stored.taken_at,
        person=stored.person,
        picture=partial(opened.picture, stored.id),
    )
