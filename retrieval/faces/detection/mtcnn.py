"""MTCNN's cascade: windows of a pyramid, refined twice, with landmarks.

Zhang et al. 2016, "Joint Face Detection and Alignment Using Multi-task Cascaded
Convolutional Networks". Coordinates are continuous: a window of 12 pixels at pixel 0
covers 0 to 12. Where the paper leaves a choice, to the rounding, this is the one of
facenet-pytorch, for which the weights were tuned; tests hold the two together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.faces.detection.boxes import Boxes, Measure, nms
from retrieve.faces.detection.detector import SHIPPED, checked
from retrieve.faces.detection.sample import AreaSampler, BoxSampler, Level, Sampler
from retrieve.networks import weights
from retrieve.networks.runtime import Network, NetworkSpec, open_network
from retrieve.types import Face, Pixels

if TYPE_CHECKING:
    from torch import nn

WINDOW_PX, STRIDE_PX = 12, 2  # of P-net
FINE = 0.25
# P-net runs on tiles of this many windows a side, because their activations stay in
# the processor's cache: on one thread that takes a third of the time of a whole level.
TILE_WINDOWS = 48
BATCH = 3  # crops at a time, for the same reason; 32 take half as long again

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is looked for.

    min_face_px  side of P-net's window in the pyramid's first level, in photo pixels
    fine_factor  from one level of the pyramid to the next as long as a level is larger than
                 FINE, a share of the photo; these levels cost nearly all of the time
    factor       from there on
    thresholds   lowest probability after P-net, R-net and O-net
    sure         a face with a lower score is looked at again, and its score becomes the mean
                 of three; 0 looks at none
    accept       lowest score in the end
    exact_area   shrink as torch's "area" does; Pillow's box filter is faster, and moves
                 boxes by a few pixels
    """

    min_face_px: float = 20
    fine_factor: float = 0.709
    factor: float = 0.709
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    sure: float = 0.0
    accept: float = 0.0
    exact_area: bool = False


# facenet-pytorch's defaults, which tests hold this module to.
REFERENCE = Settings(exact_area=True)
# P-net's window also sees faces a fifth smaller, and the first steps may be wider. Of 417
# faces in 181 photos shrunk until their faces are 22 to 100 pixels wide this misses none
# that REFERENCE finds with a score of .9, at two fifths of its cost. Skipping flat parts
# of the levels saved nothing.
#
# O-net gives flowers .92 now and then, and faces .87. Cut out anew by the box that it
# gave, as it is and mirrored, a flower falls to a mean of .71, faces stay above .92.
DEFAULT = Settings(
    min_face_px=24, fine_factor=0.6, thresholds=(0.75, 0.7, 0.7), sure=0.95, accept=0.85
)


def open_mtcnn(
    *, device: str = "cpu", settings: Settings = DEFAULT, cache: Path | None = None
) -> Mtcnn:
    """The detector, ready to run.

    device  "cpu" or "cuda"
    cache   where networks lie that were exported here; None is the user's cache
    raises  BadInput, MissingExtra, WeightsError as runtime.open_network()
    """
    pnet, rnet, onet = (open_network(spec, device=device, cache=cache) for spec in network_specs())
    return Mtcnn(pnet, rnet, onet, settings)


def open_second_look(*, device: str = "cpu", cache: Path | None = None) -> SecondLook:
    """O-net alone, ready to run; as open_mtcnn()."""
    return SecondLook(open_network(network_specs()[2], device=device, cache=cache))


def network_specs() -> tuple[NetworkSpec, NetworkSpec, NetworkSpec]:
    """P-net, R-net and O-net: RGB planes 0 to 255 → probability (N, 1, ...), shifts (N, 4, ...),
    and of O-net landmarks (N, 10).
    """
    return (
        _spec("mtcnn-pnet", "PNet", (3, None, None)),
        _spec("mtcnn-rnet", "RNet", (3, 24, 24)),
        _spec("mtcnn-onet", "ONet", (3, 48, 48)),
    )


def _spec(name: str, module: str, shape: tuple[int | None, ...]) -> NetworkSpec:
    return NetworkSpec(
        name, weights.sha256_of(name), lambda: _build(name, module), shape, shipped=SHIPPED
    )


def _build(name: str, module: str) -> nn.Module:
    import torch

    from retrieve.models import mtcnn

    path = weights.locate(name)
    network: nn.Module = getattr(mtcnn, module)()
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except RuntimeError as error:  # other names or shapes
        raise WeightsError(f"{path} does not fit {module}: {error}") from error
    return network


@dataclass(slots=True)
class _Candidates:
    """Boxes of all photos of a batch.

    boxes   (N, 4); scores (N,)
    photo   (N,) index of the photo
    """

    boxes: Boxes
    scores: Scores
    photo: NDArray[np.intp]

    def __getitem__(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> _Candidates:
        return _Candidates(self.boxes[chosen], self.scores[chosen], self.photo[chosen])


class Mtcnn:
    """The three networks behind retrieve.faces.detection.detector.Detector."""

    name = "mtcnn"

    def __init__(self, pnet: Network, rnet: Network, onet: Network, settings: Settings) -> None:
        self._pnet, self._rnet, self._onet = pnet, rnet, onet
        self._settings = settings
        self.weights_sha256 = weights.sha256_of_detector(self.name) or ""

    def detect(self, batch: Sequence[Pixels]) -> list[list[Face]]:
        """As Detector. Boxes may stick out of the photo where a face does."""
        checked(batch)
        samplers = [_sampler(pixels, self._settings) for pixels in batch]
        proposals = [self._propose(sampler) for sampler in samplers]
        found = _Candidates(
            np.concatenate([boxes for boxes, _ in proposals] or [np.empty((0, 4), np.float32)]),
            np.concatenate([scores for _, scores in proposals] or [np.empty(0, np.float32)]),
            np.repeat(np.arange(len(batch)), [len(boxes) for boxes, _ in proposals]),
        )
        found = self._refine(found, samplers)
        return self._output(found, samplers)

    def _propose(self, photo: Sampler) -> tuple[Boxes, Scores]:
        """P-net over the pyramid: square boxes and their scores."""
        boxes, shifts = [np.empty((0, 4), np.float32)], [np.empty((0, 4), np.float32)]
        scores = [np.empty(0, np.float32)]
        for scale in _scales(photo.size, self._settings):
            windows, level_shifts, probability = self._windows(photo.level(scale))
            # In float32: which way a whole number is rounded decides about boxes.
            corner, per_px = (STRIDE_PX * windows).astype(np.float32), np.float32(scale)
            low = np.floor((corner + 1) / per_px) - 1
            high = np.floor((corner + WINDOW_PX) / per_px)
            found = np.concatenate([low, high], axis=1)
            best = nms(_inset(found), probability, 0.5)
            boxes.append(found[best])
            shifts.append(level_shifts[best])
            scores.append(probability[best])
        found, probability = np.concatenate(boxes), np.concatenate(scores)
        best = nms(_inset(found), probability, 0.7)
        found = found[best]
        moved = found + np.concatenate(shifts)[best] * np.tile(_sides(_inset(found)), 2)
        return _squared(moved), probability[best]

    def _windows(self, level: Level) -> tuple[NDArray[np.intp], Boxes, Scores]:
        """Where P-net sees a face: (N, 2) x, y in windows, (N, 4) shifts, (N,) probability."""
        places, shifts = [np.empty((0, 2), np.intp)], [np.empty((0, 4), np.float32)]
        scores = [np.empty(0, np.float32)]
        for left, top, tile in _tiles(level):
            planes = np.ascontiguousarray(tile.transpose(2, 0, 1)[None], np.float32)
            probability, shift = self._pnet(planes)
            y, x = np.nonzero(probability[0, 0] >= self._settings.thresholds[0])
            if len(x):
                places.append(np.stack([x + left, y + top], axis=1))
                shifts.append(shift[0, :, y, x])
                scores.append(probability[0, 0, y, x])
        return np.concatenate(places), np.concatenate(shifts), np.concatenate(scores)

    def _refine(self, found: _Candidates, photos: Sequence[Sampler]) -> _Candidates:
        """R-net over all candidates."""
        scores, shifts = self._run(self._rnet, found, photos, 24)
        found.scores = scores[:, 0]
        passing = found.scores > self._settings.thresholds[1]
        found, shifts = found[passing], shifts[passing]
        best = _nms_each(found, 0.7)
        found = found[best]
        found.boxes = _squared(_shifted(found.boxes, shifts[best]))
        return found

    def _output(self, found: _Candidates, photos: Sequence[Sampler]) -> list[list[Face]]:
        """O-net over what is left."""
        scores, shifts, points = self._run(self._onet, found, photos, 48)
        found.scores = scores[:, 0]
        passing = found.scores > self._settings.thresholds[2]
        found, shifts, points = found[passing], shifts[passing], points[passing]
        corner, side = found.boxes[:, None, :2], _sides(found.boxes)[:, None]
        landmarks = corner + points.reshape(-1, 2, 5).transpose(0, 2, 1) * side  # (N, 5, 2)
        found.boxes = _shifted(found.boxes, shifts)
        best = _nms_each(found, 0.7, over="smaller")
        found, landmarks = found[best], landmarks[best]
        found.scores = self._looked_at_again(found, photos)
        faces: list[list[Face]] = [[] for _ in photos]
        for i in _largest_first(found.boxes):
            if found.scores[i] < self._settings.accept:
                continue
            face = Face(found.boxes[i], landmarks[i], float(found.scores[i]))
            faces[found.photo[i]].append(face)
        return faces

    def _looked_at_again(self, found: _Candidates, photos: Sequence[Sampler]) -> Scores:
        """The scores, with those of doubtful faces averaged over two more looks at them."""
        doubtful = np.flatnonzero(found.scores < self._settings.sure)
        if len(doubtful) == 0:
            return found.scores
        again = found[doubtful]
        again.boxes = _squared(again.boxes)
        crops = _crops(again, photos, 48)
        looks = [self._onet(np.ascontiguousarray(c))[0][:, 0] for c in (crops, crops[..., ::-1])]
        scores = found.scores.copy()
        scores[doubtful] = (again.scores + looks[0] + looks[1]) / 3
        return scores

    def _run(
        self, network: Network, found: _Candidates, photos: Sequence[Sampler], size_px: int
    ) -> list[NDArray[np.float32]]:
        """A network over the candidates' crops; for no candidates, arrays of length 0."""
        crops = _crops(found, photos, size_px)
        # One empty batch tells the shapes of the outputs.
        starts = range(0, len(crops), BATCH) or [0]
        parts = [network(crops[start : start + BATCH]) for start in starts]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


class SecondLook:
    """O-net alone, over what another detector found."""

    def __init__(self, onet: Network) -> None:
        self._onet = onet

    def __call__(self, pixels: Pixels, boxes: Boxes) -> tuple[Scores, NDArray[np.float32]]:
        """(N,) probability that a box holds a face, and its landmarks (N, 5, 2).

        pixels  (H, W, 3) uint8 RGB; boxes (N, 4) in these pixels
        """
        squares = _squared(boxes)
        scores, _, points = self._run(self._crops(pixels, squares))
        side = _sides(squares)[:, None]
        landmarks = squares[:, None, :2] + points.reshape(-1, 2, 5).transpose(0, 2, 1) * side
        return scores[:, 0], landmarks

    def mirrored(self, pixels: Pixels, boxes: Boxes) -> Scores:
        """(N,) probability by the mirror images."""
        crops = self._crops(pixels, _squared(boxes))
        return self._run(np.ascontiguousarray(crops[..., ::-1]))[0][:, 0]

    def _crops(self, pixels: Pixels, squares: Boxes) -> NDArray[np.float32]:
        whose = np.zeros(len(squares), np.intp)
        found = _Candidates(squares, np.ones(len(squares), np.float32), whose)
        return _crops(found, [BoxSampler(pixels)], 48)

    def _run(self, crops: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        starts = range(0, len(crops), BATCH) or [0]
        parts = [self._onet(crops[start : start + BATCH]) for start in starts]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _sampler(pixels: Pixels, settings: Settings) -> Sampler:
    return AreaSampler(pixels) if settings.exact_area else BoxSampler(pixels)


def _scales(size: tuple[int, int], settings: Settings) -> Iterator[float]:
    scale = WINDOW_PX / settings.min_face_px
    while min(size) * scale >= WINDOW_PX:
        yield scale
        scale *= settings.fine_factor if scale > FINE else settings.factor


def _tiles(level: Level) -> Iterator[tuple[int, int, Level]]:
    """Overlapping parts of a level that hold each window once: left, top in windows, pixels."""
    # In an odd length the last window's last pixel is missing, and P-net takes it all the same.
    rows, columns = (_parts((side + 1 - WINDOW_PX) // STRIDE_PX + 1) for side in level.shape[:2])
    for top, bottom in rows:
        for left, right in columns:
            yield left, top, level[_reach(top, bottom), _reach(left, right)]


def _parts(windows: int) -> list[tuple[int, int]]:
    """A row of windows in equal parts of TILE_WINDOWS at most: first, past the last."""
    edges = np.linspace(0, windows, math.ceil(windows / TILE_WINDOWS) + 1).round().astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _reach(first: int, end: int) -> slice:
    """The pixels that the windows from first to end cover."""
    return slice(STRIDE_PX * first, STRIDE_PX * (end - 1) + WINDOW_PX)


def _crops(found: _Candidates, photos: Sequence[Sampler], size_px: int) -> NDArray[np.float32]:
    """Every candidate cut out and averaged to (N, 3, size_px, size_px), 0 to 255.

    A box is cut off at the photo's border and what is left is stretched, as the
    networks were trained.
    """
    crops = np.empty((len(found.boxes), 3, size_px, size_px), np.float32)
    for i in np.unique(found.photo):
        mine = found.photo == i
        limit = np.array(photos[i].size)
        low = np.clip(np.floor(found.boxes[mine, :2]).astype(np.intp), 0, limit - 1)
        high = np.clip(np.floor(found.boxes[mine, 2:]).astype(np.intp), low + 1, limit)
        crops[mine] = photos[i].crops(low, high, size_px).transpose(0, 3, 1, 2)
    return crops


def _inset(boxes: Boxes) -> Boxes:
    """Boxes from the middle of their first pixel to that of their last, which overlap is
    measured on.
    """
    return boxes + np.array([0.5, 0.5, -0.5, -0.5], np.float32)


def _sides(boxes: Boxes) -> NDArray[np.float32]:
    """(N, 2) width and height."""
    return boxes[:, 2:] - boxes[:, :2]


def _shifted(boxes: Boxes, shifts: NDArray[np.float32]) -> Boxes:
    """Each edge moved by its share of the box's width or height."""
    return boxes + shifts * np.tile(_sides(boxes), 2)


def _squared(boxes: Boxes) -> Boxes:
    """The squares around the same middles, as long as the longer side."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = _sides(boxes).max(axis=1, keepdims=True, initial=0) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def _nms_each(found: _Candidates, threshold: float, *, over: Measure = "union") -> NDArray[np.intp]:
    """Suppression within each photo."""
    kept = [np.empty(0, np.intp)]
    for photo in np.unique(found.photo):
        mine = np.flatnonzero(found.photo == photo)
        boxes = _inset(found.boxes[mine]) if over == "union" else found.boxes[mine]
        kept.append(mine[nms(boxes, found.scores[mine], threshold, over=over)])
    return np.concatenate(kept)


def _largest_first(boxes: Boxes) -> NDArray[np.intp]:
    return np.argsort(-_sides(boxes).prod(axis=1), kind="stable")
