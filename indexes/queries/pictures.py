"""A photo, or a stored one → the stored photos that look like it as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from retrieve import notebook
from retrieve.errors import BadInput
from retrieve.faces import calibration
from retrieve.faces.calibration import Calibration
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.catalog.filters import EVERYTHING, PICTURES, Filter, findable
from retrieve.indexes.catalog.sums import check_items, torn
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.asked import (
    checked_filter,
    checked_id,
    checked_k,
    checked_threshold,
)
from retrieve.indexes.queries.thresholds import Threshold, threshold_among
from retrieve.indexes.vectors.spaces import Space
from retrieve.networks.own import check_embeddings
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.classes import DATA
from retrieve.pictures.embedding.shown import Class
from retrieve.types import Embeddings, PictureHit, Shards

if TYPE_CHECKING:
    from retrieve.sources import Reader

CALIBRATION = DATA / f"{embed.NAME}.calibration.json"
ALMOST_ONE = 1 - 1e-9
LONG_SIDE_PX = 1024  # of a photo that is asked for, as jobs.LONG_SIDE_PX of those that are stored


@dataclass(frozen=True, slots=True, eq=False)
class PictureProbe(Sequence[PictureHit]):
    """A photo that was searched for as a whole, and the stored photos that look like it.

        for hit in collection.search_pictures("beach.jpg"): print(hit.path, hit.score)

    path     the photo's file, None of one that was given as bytes, image or array
    hits     best first; before them the photo itself, where it is stored
    least    the lowest score of a hit, among how many photos, and how often different ones reach it
    classes  what it shows: those of .01 and more, the likeliest first
    shards   of a cluster: how many of them it comes from
    """

    path: Path | None
    hits: list[PictureHit]
    least: Threshold
    classes: tuple[Class, ...] = field(default=())
    shards: Shards | None = None

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "the photo" if self.path is None else str(self.path)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, which: int) -> PictureHit: ...
    @overload
    def __getitem__(self, which: slice) -> list[PictureHit]: ...
    def __getitem__(self, which: int | slice) -> PictureHit | list[PictureHit]:
        return self.hits[which]

    def __iter__(self) -> Iterator[PictureHit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        return f"PictureProbe({self.name}: {notebook.counted(len(self), 'hit')})"


def search_pictures(
    opened: Opened,
    networks: Networks,
    read: Reader,
    *,
    k: int = 10,
    threshold: float | None = None,
    strangers: float | None = None,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
) -> PictureProbe:
    """The stored photos that look most like a photo.

    k          hits, beside the photo itself where it is stored: PictureHit.itself
    threshold  lowest score of a hit; None lets it follow from strangers
    strangers  the chance that the best of as many different photos passes as are searched; None
               is .01
    wanted     what a hit has to satisfy
    exact      score every stored photo, whatever index there is
    raises     CollectionError if no photo was looked at as a whole, or by another network;
               BadInput if both are given, BadPhoto for a photo of no use
    """
    k, wanted = checked_k(k), checked_filter(wanted)
    space = opened.pictures.space()
    networks.reading.begin()  # while the network is opened
    opened.pictures.check(embed.made_by())
    least = least_score(opened, wanted, threshold=threshold, strangers=strangers)
    photo = networks.reading.of(read)(LONG_SIDE_PX)
    (shown,) = networks.pictures.look([photo.pixels])
    own = opened.catalog.content_id(photo.sha256)
    found = nearest(
        opened,
        shown.embedding[None],
        k=k + (own is not None),
        threshold=least.score,
        wanted=wanted,
        exact=exact,
        calibrated=calibrated_for(space),
    )
    return PictureProbe(photo.path, itself_apart(found[0], own, k), least, shown.classes)


def search_stored(
    opened: Opened,
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
    k, wanted, photo_id = checked_k(k), checked_filter(wanted), checked_id(photo_id, "photo")
    pictures = opened.pictures
    space = pictures.space()
    least = least_score(opened, wanted, threshold=threshold, strangers=strangers)
    stored, embedding = stored_at(opened, photo_id)
    (hits,) = nearest(
        opened,
        embedding,
        k=k + 1,
        threshold=least.score,
        wanted=wanted,
        exact=exact,
        calibrated=calibrated_for(space),
    )
    classes = pictures.shown.of([photo_id])[photo_id]
    return PictureProbe(stored.path, others(hits, photo_id, k), least, classes)


def stored_at(
    opened: Opened, photo_id: int, called: tuple[Path, int] | None = None
) -> tuple[PictureHit, Embeddings]:
    """A stored photo and its embedding (1, D).

    called  the collection, and the id in it, that are told of where there is none; None for these
    raises  BadInput if there is no such photo, or nobody looked at it as a whole
    """
    path, told = called or (opened.path, photo_id)

    def found() -> tuple[PictureHit, Embeddings]:
        stored = opened.catalog.photos([photo_id]).get(photo_id)
        if stored is None:
            raise no_photo(path, told)
        row = opened.pictures.shown.row_of(photo_id)
        if row is None:
            raise BadInput(
                f"the photo {told} was not looked at as a whole yet: retrieve reembed --pictures"
            )
        check_items(opened.db, PICTURES, "row", [row])
        return stored, opened.pictures.engine.embeddings([row])

    return opened.consistently(found)


def no_photo(path: Path, photo_id: int) -> BadInput:
    """What is said where a collection has no photo of an id."""
    return BadInput(
        f"{path} has no photo with the id {photo_id}; "
        "ids are shown by: retrieve search --looks --json"
    )


def itself_apart(hits: Sequence[PictureHit], itself: int | None, k: int) -> list[PictureHit]:
    """The photo that was asked for, if it is among them, and behind it so many others."""
    mine = [replace(hit, rank=0, itself=True) for hit in hits if hit.photo_id == itself]
    return mine + others(hits, itself, k)


def others(hits: Sequence[PictureHit], itself: int | None, k: int) -> list[PictureHit]:
    """So many of the hits that are not the photo itself, ranked anew."""
    others = [hit for hit in hits if hit.photo_id != itself][:k]
    return [replace(hit, rank=rank) for rank, hit in enumerate(others, 1)]


def nearest(
    opened: Opened,
    embeddings: Embeddings,
    *,
    k: int,
    threshold: float,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
    calibrated: Calibration | None = None,
) -> list[list[PictureHit]]:
    """The stored photos nearest to each embedding, best first; as queries.faces.nearest()."""
    pictures = opened.pictures
    check_embeddings(embeddings, pictures.space().dim)
    least = checked_threshold(threshold)

    def hits() -> list[list[PictureHit]]:
        keep = _findable(opened, wanted, pictures.space().rows)
        scores, rows = pictures.engine.nearest(embeddings, k, keep=keep, exact=exact)
        found = rows[scores >= least].tolist()
        check_items(opened.db, PICTURES, "row", found)
        contents = pictures.shown.contents_at(found)
        if contents.keys() != set(found):
            raise torn(PICTURES)
        photos = opened.catalog.photos(contents.values())
        return [
            [
                replace(
                    photos[contents[row]],
                    rank=rank,
                    score=score,
                    probability=calibrated.probability(score) if calibrated else None,
                )
                for rank, (score, row) in enumerate(zip(*pair, strict=True), 1)
                if score >= least and contents[row] in photos
            ]
            for pair in zip(scores.tolist(), rows.tolist(), strict=True)
        ]

    return opened.consistently(hits)


def least_score(
    opened: Opened,
    wanted: Filter = EVERYTHING,
    *,
    threshold: float | None = None,
    strangers: float | None = None,
) -> Threshold:
    """The lowest score of a hit among the photos that fulfil a condition, as threshold_among()."""
    space = opened.pictures.space()
    return threshold_among(
        calibrated_for(space),
        space.made_by["picture_embedder"],
        float(searched(opened, wanted)),
        threshold=threshold,
        strangers=strangers,
    )


def searched(opened: Opened, wanted: Filter) -> int:
    """How many photos fulfil a condition."""
    space = opened.pictures.space()
    keep = _findable(opened, wanted, space.rows)
    return space.rows if keep is None else int(np.count_nonzero(keep))


def _findable(opened: Opened, wanted: Filter, rows: int) -> NDArray[np.bool_] | None:
    """(rows,) which photos a search may find, None if all; kept as Opened.findable()."""
    return opened.kept(
        "photos", wanted, lambda rows: findable(opened.db, rows, wanted, items=PICTURES), rows=rows
    )


def calibrated_for(space: Space) -> Calibration | None:
    """What scores of these photos mean; None if nobody measured that."""
    found = shipped_calibration()
    ours = space.made_by["picture_embedder_sha256"] == found.embedder_sha256
    return found if ours else None


class Bounded(Calibration):
    """A calibration whose curve is of the scores' inverse hyperbolic tangents.

    No score is above 1, and a curve that is fitted to scores near 0 knows nothing of that: of a
    million photos it would ask for 1.09, so that no copy passed. Fisher 1915 straightens
    correlations so; there it is .86.
    """

    __slots__ = ()

    def threshold_for(self, among: float, chance: float = calibration.DEFAULT_CHANCE) -> float:
        """As Calibration's."""
        return math.tanh(Calibration.threshold_for(self, among, chance))

    def chance_for(self, among: float, score: float) -> float:
        """As Calibration's."""
        inside = min(max(score, -ALMOST_ONE), ALMOST_ONE)
        return Calibration.chance_for(self, among, math.atanh(inside))


def bounded(plain: Calibration) -> Bounded:
    """A calibration whose curve is such a one, as a file does not say."""
    return Bounded(**{one.name: getattr(plain, one.name) for one in fields(plain)})


@cache
def shipped_calibration() -> Calibration:
    """What scores of the embedder that ships mean; raises WeightsError if it is damaged."""
    return bounded(calibration.load(CALIBRATION))
