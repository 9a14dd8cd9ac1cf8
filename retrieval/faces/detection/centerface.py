"""CenterFace as a detector: one network over the whole photo.

Xu et al. 2020, "CenterFace: Joint Face Detection and Alignment Using Face as Point". Its
weights are published in ONNX; here they are parameters of retrieve.models.centerface.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.errors import WeightsError
from retrieve.extras import optional
from retrieve.faces.detection.boxes import nms
from retrieve.faces.detection.detector import SHIPPED, checked
from retrieve.networks import weights
from retrieve.networks.runtime import Network, NetworkSpec, open_network
from retrieve.types import Face, Pixels

if TYPE_CHECKING:
    from torch import nn

LONG_SIDE_PX = 640  # at 1024 it finds 2 in 100 faces more in three times the time
SCORE = 0.5
OVERLAP = 0.3
_STEP = 4  # photo pixels for one of the maps
_MULTIPLE = 32  # of every side


def open_centerface(*, device: str = "cpu", cache: Path | None = None) -> CenterFaceDetector:
    """The detector, ready to run.

    device  "cpu" or "cuda"
    cache   where networks lie that were exported here; None is the user's cache
    raises  BadInput, MissingExtra, WeightsError as runtime.open_network()
    """
    return CenterFaceDetector(open_network(network_spec(), device=device, cache=cache))


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
    """The network behind retrieve.faces.detection.detector.Detector."""

    name = "centerface"

    def __init__(self, network: Network) -> None:
        self._network = network
        self.weights_sha256 = weights.sha256_of("centerface")

    def detect(self, batch: Sequence[Pixels]) -> list[list[Face]]:
        """As Detector. Boxes may stick out of the photo where a face does."""
        return [self._detect(pixels) for pixels in checked(batch)]

    def _detect(self, pixels: Pixels) -> list[Face]:
        small = Image.fromarray(pixels)
        share = min(1.0, LONG_SIDE_PX / max(small.size))
        if share < 1:
            size = [max(1, round(side * share)) for side in small.size]
            small = small.resize((size[0], size[1]), Image.Resampling.BOX)
        planes = _padded(np.asarray(small))
        heat, size_map, offset, points = (maps[0] for maps in self._network(planes))
        y, x = np.nonzero(heat[0] >= SCORE)
        scores = heat[0, y, x]
        height, width = np.exp(size_map[:, y, x]) * _STEP  # (K,) each
        middle_y, middle_x = (np.stack([y, x]) + offset[:, y, x] + 0.5) * _STEP
        left, top = middle_x - width / 2, middle_y - height / 2
        boxes = np.stack([left, top, left + width, top + height], axis=1)  # (K, 4)
        shape = np.stack([height, width], axis=1)[:, None]  # (K, 1, 2) of y, x
        relative = points[:, y, x].T.reshape(-1, 5, 2)  # (K, 5, 2) y, x
        landmarks = (relative * shape)[..., ::-1] + np.stack([left, top], axis=1)[:, None]
        per_px = np.divide(pixels.shape[1::-1], small.size, dtype=np.float32)
        boxes, landmarks = boxes * np.tile(per_px, 2), landmarks * per_px
        kept = nms(boxes, scores, OVERLAP)
        kept = kept[np.argsort(-(width * height)[kept], kind="stable")]
        return [
            Face(boxes[i].astype(np.float32), landmarks[i].astype(np.float32), float(scores[i]))
            for i in kept
        ]


def _padded(pixels: Pixels) -> NDArray[np.float32]:
    """(1, 3, H, W) float32, black on the right and below up to the next multiple of 32."""
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in pixels.shape[:2])
    planes = np.zeros((1, 3, height, width), np.float32)
    planes[0, :, : pixels.shape[0], : pixels.shape[1]] = pixels.transpose(2, 0, 1)
    return planes
