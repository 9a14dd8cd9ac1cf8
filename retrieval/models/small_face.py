"""A small residual network for faces, 1.1 M parameters, to be trained from nothing in minutes.

Blocks of He et al. 2016, "Deep residual learning for image recognition"; batch normalisation after
Ioffe and Szegedy 2015, which folded() puts into the convolutions once nothing is trained any more;
dropout before the last layer, Srivastava et al. 2014.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows
from torch.nn.utils.fusion import fuse_conv_bn_eval

CROP_PX = 64
DIM = 128
_WIDTHS = (24, 48, 96, 192)  # of the stem and of each block, which halves the side
_LAST_PX = CROP_PX // 2 ** len(_WIDTHS)


class SmallFaceNet(nn.Module):
    """(N, 3, 64, 64) RGB, 0 to 255 → (N, 128), of any length."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = _Conv(3, _WIDTHS[0], 2)
        self.blocks = nn.Sequential(*(_Block(*widths) for widths in pairwise(_WIDTHS)))
        self.drop = nn.Dropout(dropout)
        # Faces are aligned: where something is tells as much as that it is there, so no mean.
        self.fc = nn.Linear(_WIDTHS[-1] * _LAST_PX**2, DIM)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem((x - 127.5) / 128))  # (N, 24, 32, 32)
        x = self.blocks(x)  # (N, 192, 4, 4)
        embeddings: Tensor = self.fc(self.drop(x.flatten(1)))  # (N, 128)
        return embeddings


class _Conv(nn.Module):
    """A convolution of 3 × 3 and its batch normalisation."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.bn(self.conv(x))
        return found


class _Block(nn.Module):
    """Two convolutions beside a shortcut; half the side comes out."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(c_in, c_out, 2), _Conv(c_out, c_out)
        self.shortcut = nn.Conv2d(c_in, c_out, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def folded(network: SmallFaceNet) -> SmallFaceNet:
    """The network in evaluation, its batch normalisation in the convolutions; changed in place."""
    network.eval()
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, _Conv) and isinstance(part.bn, nn.BatchNorm2d):
                part.conv = fuse_conv_bn_eval(part.conv, part.bn)
                part.bn = nn.Identity()
    return network
