"""Where in a picture somebody is, in shares of it: turned, compared, paired with faces.

Source: Metadata Working Group 2010, "Guidelines for Handling Image Metadata", 5.9; EXIF 3.0 for
the eight orientations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Area = tuple[float, float, float, float]  # left, top, right, bottom as shares, 0 to 1
Size = tuple[float, float]  # width, height

# Programs draw from the brows to the chin, or the whole head: IoU tells little, but a region whose
# middle is in the face, and the face's in the region, is hardly ever of another face.
LEAST_IOU = 0.25
SAME_SHAPE = 0.02  # of the quotient of two pictures' shapes: raw files' previews are cut a little
# Two people side by side in a photo that stands on its head agree with either reading of it: what
# the standard says is left only for one that agrees with the faces this much better.
BETTER = 1.5
POINT_IOU = LEAST_IOU  # what a point in a face counts


@dataclass(frozen=True, slots=True)
class Region:
    """A name and where it was drawn.

    area     of a point without extent
    guessed  our own program thought so, and wrote it; nobody said it
    """

    name: str
    area: Area
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Regions:
    """What one source draws on one picture.

    size  of the picture that was drawn on, where it is told
    """

    regions: tuple[Region, ...]
    size: Size | None = None


def as_area(left: float, top: float, right: float, bottom: float) -> Area | None:
    """What of it lies in the picture; None if that is nothing, or no numbers were given."""
    edges = (left, top, right, bottom)
    if not all(math.isfinite(edge) for edge in edges) or right < left or bottom < top:
        return None
    middle = ((left + right) / 2, (top + bottom) / 2)
    if not all(0 <= share <= 1 for share in middle):
        return None
    return (max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))


def upright(area: Area, orientation: int) -> Area:
    """An area of the picture as it is stored, in the picture as it is shown.

    orientation  as EXIF numbers it; another number is 1
    """
    left, top, right, bottom = area
    if orientation in (5, 6, 7, 8):
        left, top, right, bottom = top, left, bottom, right
    if orientation in (2, 3, 6, 7):
        left, right = 1 - right, 1 - left
    if orientation in (3, 4, 7, 8):
        top, bottom = 1 - bottom, 1 - top
    return (left, top, right, bottom)


def stored(area: Area, orientation: int) -> Area:
    """An area of the picture as it is shown, in the picture as it is stored."""
    return upright(area, {6: 8, 8: 6}.get(orientation, orientation))


def turned_size(size: Size, orientation: int) -> Size:
    """The size of the stored picture from that of the shown one, and the other way round."""
    return (size[1], size[0]) if orientation in (5, 6, 7, 8) else size


def same_shape(one: Size, other: Size) -> bool:
    """Whether a picture may be another one in other pixels, going by width to height."""
    if min(*one, *other) <= 0:
        return False
    return abs(math.log(one[0] / one[1] * other[1] / other[0])) <= SAME_SHAPE


def agreement(one: Area, other: Area) -> float:
    """IoU where both may be one face, else 0; a point is in the other area or not."""
    if not (_holds_middle(one, other) and (_holds_middle(other, one) or _is_point(other))):
        return POINT_IOU if _is_point(one) and _holds_middle(other, one) else 0.0
    if _is_point(other):
        return POINT_IOU
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    iou = common / (_extent(one) + _extent(other) - common)
    return iou if iou >= LEAST_IOU else 0.0


def paired(some: Sequence[Area], others: Sequence[Area]) -> dict[int, tuple[int, float]]:
    """Each of some with at most one of the others, those that agree best first.

    returns  number of an area → number of the other one, and how far they agree
    """
    agreements = (
        (agreement(one, other), i, j)
        for i, one in enumerate(some)
        for j, other in enumerate(others)
    )
    found: dict[int, tuple[int, float]] = {}
    taken: set[int] = set()
    for iou, i, j in sorted((-iou, i, j) for iou, i, j in agreements if iou):
        if i not in found and j not in taken:
            found[i] = (j, -iou)
            taken.add(j)
    return found


def matched(
    drawn: Regions, faces: Sequence[Area], *, size: Size, orientation: int = 1
) -> dict[int, Region]:
    """Which faces were drawn, and by what regions.

    faces        in the picture as it is shown
    size         of that picture
    orientation  by which the stored picture is turned to be shown
    returns      number of a face → region

    By the standard an area is of the picture as it is stored. Some programs draw on the picture as
    it is shown: the size that they state tells it, or else the faces. An area on a picture of
    another shape says nothing: that was cropped since, nobody knows where.
    """
    readings = [orientation] if orientation in (0, 1) else [orientation, 1]
    if drawn.size is not None:
        readings = [turn for turn in readings if same_shape(drawn.size, turned_size(size, turn))]
    best: dict[int, tuple[int, float]] = {}
    for turn in readings:
        areas = [upright(region.area, turn) for region in drawn.regions]
        pairs = paired(faces, areas)
        if _total(pairs) > BETTER * _total(best):
            best = pairs
    return {face: drawn.regions[at] for face, (at, _) in best.items()}


def _total(pairs: dict[int, tuple[int, float]]) -> float:
    return sum(iou for _, iou in pairs.values())


def _is_point(area: Area) -> bool:
    return _extent(area) <= 0


def _extent(area: Area) -> float:
    return (area[2] - area[0]) * (area[3] - area[1])


def _holds_middle(outer: Area, inner: Area) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
