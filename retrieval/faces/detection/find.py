"""One photo → its faces by a recipe: once as it is, and again in tiles or turned where that is
likely to find more.

A photo that is neither large nor without an upright face is looked at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.faces.detection.boxes import overlap
from retrieve.faces.detection.detector import Detector, Doubting
from retrieve.faces.detection.recipe import Recipe
from retrieve.faces.detection.tiles import (
    INSIDE,
    LARGEST_PX,
    merged,
    middles,
    shorter_side,
    tiles,
)
from retrieve.faces.detection.turns import TURNS, is_upright, turn_for, turned, turned_back
from retrieve.sources import Reader
from retrieve.types import Face, Photo, Pixels

LARGE_PX, LONG = 2048, 2.0  # long side, and its share of the short one, above which tiles help
USUAL = 2 / 3  # short side of a photo, of its long one
# Of a large photo's sides, that are seen at first: a face of 60 px has 8 then, and is in doubt.
FIRST_SHARE = 0.13
# A turned photo has more of what is no face: of 250 photos of things .4 would find twice as many.
TURNED_SCORE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in one photo.

    photo  as detection saw it first, in reduced resolution
    faces  largest first, in pixels of the whole photo, whatever its turn
    turn   degrees clockwise by which the photo was turned to find them
    """

    photo: Photo
    faces: list[Face]
    turn: int = 0


def find(read: Reader, detector: Detector, recipe: Recipe) -> Found:
    """Read a photo and find its faces.

    raises  photos.BadPhoto if it cannot be used
    """
    search = _Search(read, detector, recipe)
    faces = search.at(0)
    if recipe.turn_px == 0 or any(is_upright(face) for face in faces):
        return Found(search.photo, faces)
    if faces:
        surest = max(faces, key=lambda face: face.score)
        turn = turn_for(surest)
    else:
        turn = search.best_turn()
    turned_faces = list(_sure(search.at(turn, strict=True))) if turn else []
    if not turned_faces:
        return Found(search.photo, faces)
    size = search.photo.size
    upright = [turned_back(face, size, turn) for face in turned_faces]
    # Heads that lie on either side are not lost by turning one of them upright.
    others = [face for face in faces if not _covered(face, upright)]
    largest_first = sorted([*upright, *others], key=lambda face: -shorter_side(face))
    return Found(search.photo, largest_first, turn)


class _Search:
    """Looks at one photo, as often as it is asked."""

    def __init__(self, read: Reader, detector: Detector, recipe: Recipe) -> None:
        self._read = read
        self._detector = detector
        self._recipe = recipe
        self.photo = read(recipe.photo_px)
        height, width = self.photo.size
        long, short = max(height, width), min(height, width)
        self._large = recipe.tile_px > 0 and (long > LARGE_PX or long > LONG * short)
        if self._large:
            # A long photo in as many pixels as others have.
            as_others = math.sqrt(recipe.photo_px**2 * USUAL / (height * width))
            share = min(1.0, max(FIRST_SHARE, as_others))
            if self.photo.scale < share:
                self.photo = self._again(share)

    def _again(self, share: float) -> Photo:
        return self._read(math.ceil(max(self.photo.size) * share))

    def at(self, turn: int, *, strict: bool = False) -> list[Face]:
        """The faces of the photo turned, in its pixels in full resolution."""
        photo = self.photo
        least = FIRST_SHARE / photo.scale if self._large else 0.0
        faces, doubts = self._look(turned(photo.pixels, turn), share=least, strict=strict)
        faces = [_scaled(face, photo.scale) for face in faces]
        share = self._recipe.percent / 100
        if not self._large or (doubts is None and photo.scale >= share):
            return faces
        if doubts is not None:
            doubts = doubts[~_within(doubts / photo.scale, faces)] / photo.scale
            if len(doubts) == 0:
                return faces
        fine = photo if photo.scale >= share else self._again(share)
        tiled = self._tiled(turned(fine.pixels, turn), doubts, fine.scale, strict)
        tiled = [_scaled(face, fine.scale) for face in tiled]
        return merged(faces, tiled, LARGEST_PX / fine.scale)

    def best_turn(self) -> int:
        """The turn in which the small photo shows most upright faces, 0 if none does."""
        image = Image.fromarray(self.photo.pixels)
        share = min(1.0, self._recipe.turn_px / max(image.size))
        size = max(1, round(image.width * share)), max(1, round(image.height * share))
        small = np.asarray(image.resize(size, Image.Resampling.BOX))
        totals = {}
        for turn in TURNS:
            faces, _ = self._look(turned(small, turn), strict=True)
            totals[turn] = sum(face.score for face in faces if is_upright(face))
        best = max(totals, key=lambda turn: totals[turn])
        return best if totals[best] > 0 else 0

    def _tiled(
        self, pixels: Pixels, doubts: NDArray[np.float32] | None, scale: float, strict: bool
    ) -> list[Face]:
        """The faces in the tiles that hold a doubt, in all where the detector tells none."""
        found = []
        for tile in tiles(pixels.shape[:2], self._recipe.tile_px):
            if doubts is not None and not tile.holds(doubts * scale).any():
                continue
            left, top, right, bottom = tile.seen
            part = np.ascontiguousarray(pixels[top:bottom, left:right])
            faces, _ = self._look(part, strict=strict)
            corner = np.array([left, top], np.float32)
            faces = [_moved(face, corner) for face in faces if shorter_side(face) <= LARGEST_PX]
            mine = tile.holds(middles(faces))
            found += [face for face, here in zip(faces, mine, strict=True) if here]
        return found

    def _look(
        self, pixels: Pixels, *, share: float = 0.0, strict: bool = False
    ) -> tuple[list[Face], NDArray[np.float32] | None]:
        """Faces, and where more may be; None of a detector that cannot tell."""
        if isinstance(self._detector, Doubting):
            return self._detector.look(pixels, share=share, strict=strict)
        return self._detector.detect([pixels])[0], None


def _sure(faces: Iterable[Face]) -> Iterable[Face]:
    """Those that are taken from a turned photo; where it is small they may be weaker."""
    return (face for face in faces if face.score >= TURNED_SCORE and is_upright(face))


def _scaled(face: Face, scale: float) -> Face:
    box, landmarks = face.box / scale, face.landmarks / scale
    return Face(box.astype(np.float32), landmarks.astype(np.float32), face.score)


def _moved(face: Face, corner: NDArray[np.float32]) -> Face:
    return Face(face.box + np.tile(corner, 2), face.landmarks + corner, face.score)


def _within(points: NDArray[np.float32], faces: list[Face]) -> NDArray[np.bool_]:
    """(K,) whether a point lies in the box of a face."""
    inside = np.zeros(len(points), np.bool_)
    for face in faces:
        inside |= ((points >= face.box[:2]) & (points <= face.box[2:])).all(axis=1)
    return inside


def _covered(face: Face, others: list[Face]) -> bool:
    boxes = np.array([other.box for other in others], np.float32)
    return bool(overlap(face.box[None], boxes, over="smaller").max() > INSIDE)
