"""CenterFace as a detector: one network over the whole photo.

Xu et al. 2020, "CenterFace: Joint Face Detection and Alignment Using Face as Point". Its
weights are published in ONNX; here they are parameters of retrieve.models.centerface. In its
second edition MTCNN's O-net decides where it is in doubt, and says where the landmarks are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.errors import WeightsError
from retrieve.extras import optional
from retrieve.faces.detection.boxes import nms
from retrieve.faces.detection.detector import SHIPPED, checked
from retrieve.faces.detection.mtcnn import SecondLook, open_second_look
from retrieve.faces.detection.turns import is_upright
from retrieve.networks import weights
from retrieve.networks.runtime import Network, NetworkSpec, open_network
from retrieve.types import Face, Pixels

if TYPE_CHECKING:
    from torch import nn

OVERLAP = 0.3
_STEP = 4  # photo pixels for one of the maps
_MULTIPLE = 32  # of every side
# Where a face is too small to be found there is still some heat: of faces 8 to 10 pixels
# wide .996 leave as much and more, of those of 6 to 8 pixels .96.
_DOUBT, _DOUBT_PX = 0.03, 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What is looked for.

    long_side_px  of what the network sees at most, unless that is less than area_px
    area_px       of what it sees of a long photo, so that it costs as much as any other
    accept        lowest score
    sure          a face with a lower score is kept if O-net agrees; 0 asks it nothing
    fair          a face with a lower score is kept if O-net is certain
    second        lowest mean probability of O-net's that agrees, of the crop and its mirror image
    certain       lowest of one that is certain
    points        from this probability on O-net's landmarks are taken, of a head that stands
                  upright; others it places badly
    """

    long_side_px: int = 640
    area_px: int = 0
    accept: float = 0.5
    sure: float = 0.0
    fair: float = 0.0
    second: float = 0.5
    certain: float = 0.98
    points: float = 0.7


FIRST = Settings()
# `python -m benchmarks.everyday` measures these beside others.
DEFAULT = Settings(area_px=640 * 427, accept=0.25, fair=0.4, sure=0.5)


def open_centerface(
    *, device: str = "cpu", settings: Settings = DEFAULT, cache: Path | None = None
) -> CenterFaceDetector:
    """The detector, ready to run.

    device  "cpu" or "cuda"
    cache   where networks lie that were exported here; None is the user's cache
    raises  BadInput, MissingExtra, WeightsError as runtime.open_network()
    """
    network = open_network(network_spec(), device=device, cache=cache)
    second = open_second_look(device=device, cache=cache) if settings.sure else None
    return CenterFaceDetector(network, settings, second)


def network_spec() -> NetworkSpec:
    """The network: planes of RGB, 0 to 255 → heat, size, offset and landmark maps."""
    sha256 = weights.sha256_of("centerface")
    return NetworkSpec("centerface", sha256, _build, (3, None, None), shipped=SHIPPED)


def _build() -> nn.Module:
    """The network with the parameters of the published file, which hold the same layers in
    the same order.
    """
    with optional("centerface with its published weights"):
        import onnx
        import torch
        from onnx import numpy_helper
        from torch import nn

    from retrieve.models.centerface import CenterFace

    path = weights.locate("centerface")
    graph = onnx.load(path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kinds = {"Conv", "ConvTranspose", "BatchNormalization"}
    nodes = [node for node in graph.node if node.op_type in kinds]
    network = CenterFace()
    layers = [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d)
    ]
    state = {}
    try:
        for (name, layer), node in zip(layers, nodes, strict=True):
            parameters = ["weight", "bias", "running_mean", "running_var"][: len(node.input) - 1]
            for parameter, tensor in zip(parameters, node.input[1:], strict=True):
                state[f"{name}.{parameter}"] = torch.from_numpy(stored[tensor].copy())
            if isinstance(layer, nn.BatchNorm2d):
                state[f"{name}.num_batches_tracked"] = torch.tensor(0)
        network.load_state_dict(state, strict=True)
    except (ValueError, KeyError, RuntimeError) as error:  # other layers, names, shapes
        raise WeightsError(f"{path} does not fit CenterFace: {error}") from error
    return network


class CenterFaceDetector:
    """The network behind retrieve.faces.detection.detector.Doubting."""

    name = "centerface"

    def __init__(
        self, network: Network, settings: Settings = FIRST, second: SecondLook | None = None
    ) -> None:
        self._network = network
        self._settings = settings
        self._second = second
        self.weights_sha256 = weights.sha256_of("centerface")
        self.landmarks_of = "mtcnn" if second else self.name

    def detect(self, batch: Sequence[Pixels]) -> list[list[Face]]:
        """As Detector. Boxes may stick out of the photo where a face does."""
        return [self.look(pixels)[0] for pixels in checked(batch)]

    def look(
        self, pixels: Pixels, *, share: float = 0.0, strict: bool = False
    ) -> tuple[list[Face], NDArray[np.float32]]:
        """As Doubting."""
        wanted = self._settings
        small = Image.fromarray(pixels)
        share = min(1.0, max(share, _share(small.size, wanted)))
        if share < 1:
            size = [max(1, round(side * share)) for side in small.size]
            small = small.resize((size[0], size[1]), Image.Resampling.BOX)
        planes = _padded(np.asarray(small))
        maps = [one[0] for one in self._network(planes)]
        per_px = np.divide(pixels.shape[1::-1], small.size, dtype=np.float32)
        y, x = np.nonzero(maps[0][0] >= wanted.accept)
        boxes, landmarks = _read(maps, y, x)
        boxes, landmarks = boxes * np.tile(per_px, 2), landmarks * per_px
        scores = maps[0][0, y, x]
        kept = nms(boxes, scores, OVERLAP)
        sides = boxes[kept, 2:] - boxes[kept, :2]
        kept = kept[np.argsort(-sides.prod(axis=1), kind="stable")]
        faces = [
            Face(boxes[i].astype(np.float32), landmarks[i].astype(np.float32), float(scores[i]))
            for i in kept
        ]
        if self._second is not None and faces:
            faces = self._looked_at_again(self._second, pixels, faces, strict)
        return faces, _doubts(maps) * per_px

    def _looked_at_again(
        self, second: SecondLook, pixels: Pixels, faces: list[Face], strict: bool
    ) -> list[Face]:
        """The faces that O-net agrees with where that is asked, with its landmarks."""
        wanted = self._settings
        boxes = np.stack([face.box for face in faces])
        sure, points = second(pixels, boxes)
        doubtful = np.array([strict or face.score < wanted.sure for face in faces])
        agreed = sure.copy()
        agreed[doubtful] = (sure[doubtful] + second.mirrored(pixels, boxes[doubtful])) / 2
        kept = []
        for i, face in enumerate(faces):
            least = wanted.certain if face.score < wanted.fair else wanted.second
            if doubtful[i] and agreed[i] < least:
                continue
            placed = sure[i] >= wanted.points and is_upright(face)
            kept.append(Face(face.box, points[i], face.score) if placed else face)
        return kept


def _share(size: tuple[int, int], settings: Settings) -> float:
    """Of a photo's sides, that the network sees."""
    by_area = math.sqrt(settings.area_px / (size[0] * size[1]))
    return max(settings.long_side_px / max(size), by_area)


def _read(
    maps: Sequence[NDArray[np.float32]], y: NDArray[np.intp], x: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (K, 4) and landmarks (K, 5, 2) at K places of the maps, in pixels of the network."""
    _, size_map, offset, points = maps
    height, width = np.exp(size_map[:, y, x]) * _STEP  # (K,) each
    middle_y, middle_x = (np.stack([y, x]) + offset[:, y, x] + 0.5) * _STEP
    left, top = middle_x - width / 2, middle_y - height / 2
    boxes = np.stack([left, top, left + width, top + height], axis=1)  # (K, 4)
    shape = np.stack([height, width], axis=1)[:, None]  # (K, 1, 2) of y, x
    relative = points[:, y, x].T.reshape(-1, 5, 2)  # (K, 5, 2) y, x
    landmarks = (relative * shape)[..., ::-1] + np.stack([left, top], axis=1)[:, None]
    return boxes, landmarks


def _doubts(maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(K, 2) x, y of places with some heat and the size of a small face."""
    heat, size_map = maps[0][0], maps[1]
    y, x = np.nonzero((heat >= _DOUBT) & (size_map.min(axis=0) <= math.log(_DOUBT_PX / _STEP)))
    return ((np.stack([x, y], axis=1) + 0.5) * _STEP).astype(np.float32)


def _padded(pixels: Pixels) -> NDArray[np.float32]:
    """(1, 3, H, W) float32, black on the right and below up to the next multiple of 32."""
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in pixels.shape[:2])
    planes = np.zeros((1, 3, height, width), np.float32)
    planes[0, :, : pixels.shape[0], : pixels.shape[1]] = pixels.transpose(2, 0, 1)
    return planes
