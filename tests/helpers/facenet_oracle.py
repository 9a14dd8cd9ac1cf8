"""facenet-pytorch's own MTCNN, made to import beside a torch without torchvision's operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retrieve.types import Pixels


def open_reference(**settings: Any) -> Any:
    """facenet_pytorch.MTCNN(keep_all=True, ...)."""
    if not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.impl("nms", _nms, "CPU")
        _kept_alive.append(library)
    import torchvision.ops.boxes

    torchvision.ops.boxes._assert_has_ops = lambda: None
    from facenet_pytorch import MTCNN

    return MTCNN(keep_all=True, device="cpu", **settings)


def detect(reference: Any, pixels: Pixels) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Boxes (N, 4) and landmarks (N, 5, 2) in continuous coordinates, scores (N,).

    Its boxes count pixels from 1 and include the last one; its landmarks count from 0.
    """
    boxes, scores, points = reference.detect(pixels, landmarks=True)
    if boxes is None:
        return np.empty((0, 4)), np.empty((0, 5, 2)), np.empty(0)
    return (
        np.array(boxes, np.float64) - [1, 1, 0, 0],
        np.array(points, np.float64),
        np.array(scores, np.float64),
    )


_kept_alive: list[Any] = []


def _nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    order = scores.argsort(descending=True, stable=True).tolist()
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    left = torch.tensor(order, dtype=torch.long)
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        low = torch.maximum(boxes[best, :2], boxes[left, :2])
        high = torch.minimum(boxes[best, 2:], boxes[left, 2:])
        common = (high - low).clamp(min=0).prod(dim=1)
        left = left[common / (areas[best] + areas[left] - common) <= threshold]
    return torch.tensor(kept, dtype=torch.long)
