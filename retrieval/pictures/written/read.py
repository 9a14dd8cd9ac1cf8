"""A photo → the lines that are written in it, in reading order, without words that are unsure.

A glance at a small copy tells whether there are words at all, which most photos have not; only then
are they looked for in a larger one and read from the photo itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.pictures.written.networks import TOLD_BY, TURNED_FROM, Networks, Recognised
from retrieve.pictures.written.order import Corners, reading_order
from retrieve.types import Pixels

PHOTO_PX = 2000  # long side of a photo, or of a page, that words are read from
GLANCE_PX = 640
LOOK_PX = 1280
MAGNIFIED = 2  # times, at most, for the look at a small photo: more finds no more
# Mean confidence of a word's characters. Of lines on real photos between .85 and .9 half are right,
# of those between .8 and .85 a third (docs/ocr.md).
LEAST_WORD = 0.85
LEAST_LONE = 0.98  # of a character that stands alone: a coin, a person is an O, an H of .95


@dataclass(frozen=True, slots=True, eq=False)
class WrittenLine:
    """A line that was read.

    corners     (4, 2) float32 x, y in pixels of the picture: the upper left one as it is read,
                then clockwise
    confidence  the mean of its characters', 0 to 1
    row         lines of one row stand side by side
    """

    text: str
    corners: Corners
    confidence: float
    row: int


class WordReader:
    """Reads words in pictures; not for use by several threads."""

    def __init__(self, *, least_word: float = LEAST_WORD) -> None:
        """least_word  confidence below which a word is left out"""
        self._networks = Networks()
        self._least_word = least_word

    def read(self, pixels: Pixels) -> list[WrittenLine]:
        """The lines of a picture, (H, W, 3) uint8 RGB, in reading order; [] if it has none."""
        boxes = self._detected(pixels)
        if not len(boxes):
            return []
        crops = [self._networks.cut(pixels, box) for box in boxes]
        lines: list[tuple[Corners, str, float]] = []
        for box, crop, flipped in zip(boxes, crops, self._flipped(boxes, crops), strict=True):
            upright = np.ascontiguousarray(crop[::-1, ::-1]) if flipped else crop
            text, confidence = self._sure(self._networks.recognise(upright))
            if text:
                lines.append((_as_read(box, flipped), text, confidence))
        rows = reading_order([(corners, text) for corners, text, _ in lines])
        return [
            WrittenLine(lines[at][1], lines[at][0], lines[at][2], number)
            for number, row in enumerate(rows)
            for at in row
        ]

    def _detected(self, pixels: Pixels) -> NDArray[np.float32]:
        """(N, 4, 2) corners of lines, in pixels of the picture."""
        side = max(pixels.shape[:2])
        boxes = np.empty((0, 4, 2), np.float32)
        for side_px in sorted({GLANCE_PX, min(LOOK_PX, max(GLANCE_PX, MAGNIFIED * side))}):
            small = pixels if side == side_px else self._networks.scaled(pixels, side_px)
            boxes = self._networks.detect(small) * np.float32(side / side_px)
            if not len(boxes):
                break
        return boxes

    def _flipped(self, boxes: NDArray[np.float32], crops: Sequence[Pixels]) -> list[bool]:
        """Which lines stand on their heads: as most of those do that lie, or stand, as they do.

        Short ones tell too little alone.
        """
        standing = [_is_standing(box) for box in boxes]
        sure = [self._networks.upside_down(crop) for crop in crops]
        votes = {True: 0.0, False: 0.0}
        for stands, crop, chance in zip(standing, crops, sure, strict=True):
            votes[stands] += (chance - 0.5) * min(crop.shape[1] / crop.shape[0], TOLD_BY)
        return [votes[stands] > 0 for stands in standing]

    def _sure(self, found: Recognised) -> tuple[str, float]:
        """The words of a line that are sure enough, and their mean confidence."""
        words, confidences, at = [], list[float](), 0
        for word in found.text.split(" "):
            own = found.confidences[at : at + len(word)]
            at += len(word) + 1
            if own and sum(own) / len(own) >= self._least_word:
                words.append(word)
                confidences += own
        said = [letter for word in words for letter in word if letter.isalnum()]
        mean = sum(confidences) / len(confidences) if confidences else 0.0
        if not said or (len(said) == 1 and mean < max(LEAST_LONE, self._least_word)):
            return "", 0.0
        return " ".join(words), mean


def _is_standing(box: NDArray[np.float32]) -> bool:
    """Whether it is cut out turned by a quarter, as Networks.cut() does."""
    width = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3]))
    height = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
    return bool(int(height) >= TURNED_FROM * max(int(width), 1))


def _as_read(box: NDArray[np.float32], flipped: bool) -> Corners:
    """The corners from the upper left one of the text on."""
    turned = box[[1, 2, 3, 0]] if _is_standing(box) else box  # cut out as it is read downward
    return turned[[2, 3, 0, 1]] if flipped else turned
