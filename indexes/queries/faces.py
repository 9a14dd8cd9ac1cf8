"""Faces of a photo, a stored face, embeddings → the stored faces most like them."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import BadInput
from retrieve.faces import calibration
from retrieve.faces.calibration import Calibration
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
from retrieve.networks.own import check_embeddings
from retrieve.types import Embeddings, Hit

if TYPE_CHECKING:
    from retrieve.sources import Reader


def search_photo(
    opened: Opened,
    networks: Networks,
    read: Reader,
    *,
    k: int = 10,
    threshold: float | None = None,
    wanted: Filter = EVERYTHING,
    face: int | None = None,
    exact: bool = False,
) -> Probe:
    """The stored faces most like the faces in a photo.

    k          hits for each face
    threshold  lowest score of a hit; None is the calibrated default
    wanted     what a hit has to satisfy
    face       search only this face of the photo, 1 for the first
    exact      score every stored face, whatever index there is
    raises     CollectionError if nothing was indexed or with other networks, BadInput if there
               is no default threshold for the embedder, BadPhoto for a photo of no use
    """
    k, wanted = checked_k(k), checked_filter(wanted)
    face = None if face is None else checked_face(face)
    space = opened.space()
    networks.follow(space.made_by)
    networks.check(space)
    least = _least(opened, threshold)
    found = networks.extract(read)
    numbers = numbered(found, face)
    hits: list[list[Hit]] = []
    if numbers:
        crops = chosen(found.crops, [number - 1 for number in numbers])
        embeddings = embed(networks.embedder, crops)
        hits = nearest(opened, embeddings, k=k, threshold=least, wanted=wanted, exact=exact)
    faces = [probe_face(found, *pair) for pair in zip(numbers, hits, strict=True)]
    return Probe(found.photo.path, faces)


def search_stored(
    opened: Opened,
    face_id: int,
    *,
    k: int = 10,
    threshold: float | None = None,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> Probe:
    """The stored faces most like a stored one, itself left out; no network is needed.

    raises  BadInput if there is no such face
    """
    k, wanted, face_id = checked_k(k), checked_filter(wanted), checked_id(face_id)
    least = _least(opened, threshold)

    def found() -> tuple[StoredFace, Embeddings]:
        stored = opened.catalog.faces([face_id]).get(face_id)
        if stored is None:
            raise BadInput(
                f"{opened.path} has no face with the id {face_id}; "
                "ids are shown by: retrieve search --json"
            )
        return stored, opened.engine.embeddings([stored.row])

    stored, embedding = opened.consistently(found)
    hits = nearest(opened, embedding, k=k + 1, threshold=least, wanted=wanted, exact=exact)[0]
    others = [hit for hit in hits if hit.face_id != face_id][:k]
    ranked = [replace(hit, rank=rank) for rank, hit in enumerate(others, 1)]
    from PIL import Image

    crop = np.asarray(Image.open(io.BytesIO(opened.catalog.crop(face_id))).convert("RGB"))
    return Probe(stored.path, [ProbeFace(stored.number, stored.face, crop, stored.quality, ranked)])


def nearest(
    opened: Opened,
    embeddings: Embeddings,
    *,
    k: int = 10,
    threshold: float = -1.0,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> list[list[Hit]]:
    """The stored faces nearest to each embedding, best first.

    embeddings  (Q, D) float32 unit rows of this collection's embedder
    wanted      what a hit has to satisfy; k hits come whenever k faces do
    exact       score every stored face, whatever index there is
    returns     for each of the Q no more than k hits, none with a score below threshold
    """
    space = opened.space()
    check_embeddings(embeddings, space.dim)
    k, wanted, least = checked_k(k), checked_filter(wanted), checked_threshold(threshold)
    calibrated = opened.calibration(space)

    def hits() -> list[list[Hit]]:
        keep = opened.findable(wanted)
        scores, rows = opened.engine.nearest(embeddings, k, keep=keep, exact=exact)
        found = rows[scores >= least].tolist()
        faces = opened.faces_at(found)
        if faces.keys() != set(found):
            raise torn(FACES)
        return [
            [
                _hit(opened, rank, faces[row], score, calibrated)
                for rank, (score, row) in enumerate(zip(*pair, strict=True), 1)
                if score >= least
            ]
            for pair in zip(scores.tolist(), rows.tolist(), strict=True)
        ]

    return opened.consistently(hits)


def default_threshold(opened: Opened) -> float:
    """The calibrated score; raises BadInput if the embedder has no calibration."""
    embedder = opened.space().made_by["embedder"]
    return calibration.required(opened.calibration(), embedder).threshold


def _least(opened: Opened, threshold: float | None) -> float:
    return default_threshold(opened) if threshold is None else checked_threshold(threshold)


def _hit(
    opened: Opened, rank: int, stored: StoredFace, score: float, calibrated: Calibration | None
) -> Hit:
    return Hit(
        rank=rank,
        face_id=stored.id,
        path=stored.path,
        number=stored.number,
        face=stored.face,
        score=score,
        probability=calibrated.probability(score) if calibrated else None,
        quality=stored.quality,
        taken_at=stored.taken_at,
        person=stored.person,
        picture=partial(opened.picture, stored.id),
    )
