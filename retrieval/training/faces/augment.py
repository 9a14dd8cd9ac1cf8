"""Crops as other photos of the same faces would have shown them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

TURN = math.radians(8)
SHIFT, SCALE = 0.05, 0.08  # of half the side; of the size
LIGHT, CONTRAST = 0.35, 0.3
NOISE = 10.0  # of 255
GREY, BLUR, COVER = 0.1, 0.25, 0.25  # how often
SMALLEST = 0.4  # of the side, from which a blurred crop is enlarged again


def augmented(crops: Tensor) -> Tensor:
    """(N, 3, S, S), 0 to 255 → the same shape and range, by torch's own chance.

    Each is mirrored or not, moved, turned, made brighter or darker, noisy; some are grey, blurred,
    or covered in part (Zhong et al. 2020, "Random erasing data augmentation").
    """
    N, _, S, _ = crops.shape
    crops = functional.grid_sample(crops, _grid(N, S), padding_mode="border", align_corners=False)
    if float(torch.rand(())) < BLUR:
        small = max(int(S * float(torch.empty(()).uniform_(SMALLEST, 1))), 8)
        reduced = functional.interpolate(crops, (small, small), mode="area")
        crops = functional.interpolate(reduced, (S, S), mode="bilinear", align_corners=False)
    grey = torch.rand(N, 1, 1, 1) < GREY
    crops = torch.where(grey, crops.mean(1, keepdim=True), crops)
    middle = crops.mean((1, 2, 3), keepdim=True)
    crops = middle + (crops - middle) * _about(1, CONTRAST, N)
    crops = crops * _about(1, LIGHT, N) + torch.randn_like(crops) * (torch.rand(N, 1, 1, 1) * NOISE)
    return _covered(crops).clamp(0, 255)


def _about(middle: float, spread: float, N: int) -> Tensor:
    return torch.empty(N, 1, 1, 1).uniform_(middle - spread, middle + spread)


def _grid(N: int, S: int) -> Tensor:
    """Where each pixel of the new crops is taken from."""
    turn = torch.empty(N).uniform_(-TURN, TURN)
    scale = torch.empty(N).uniform_(1 - SCALE, 1 + SCALE)
    mirror = torch.where(torch.rand(N) < 0.5, -1.0, 1.0)
    sin, cos = turn.sin() * scale, turn.cos() * scale
    shift = torch.empty(2, N).uniform_(-SHIFT, SHIFT)
    rows = [
        torch.stack([cos * mirror, -sin, shift[0]], 1),
        torch.stack([sin * mirror, cos, shift[1]], 1),
    ]
    return functional.affine_grid(torch.stack(rows, 1), [N, 3, S, S], align_corners=False)


def _covered(crops: Tensor) -> Tensor:
    """Some crops with a rectangle of one grey, a third of each side at most."""
    N, _, S, _ = crops.shape
    places = torch.arange(S)
    sides = torch.rand(N, 2) * (S / 3) * (torch.rand(N, 1) < COVER)
    first = torch.rand(N, 2) * (S - sides)
    inside = (places >= first[..., None]) & (places < (first + sides)[..., None])  # (N, 2, S)
    hidden = (inside[:, 0, :, None] & inside[:, 1, None])[:, None]  # (N, 1, S, S)
    return torch.where(hidden, torch.rand(N, 1, 1, 1) * 255, crops)
