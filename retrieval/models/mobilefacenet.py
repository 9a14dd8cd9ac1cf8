"""MobileFaceNet: MobileNetV2 for faces, 1.0 M parameters.

Chen et al. 2018, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on
Mobile Devices", after Sandler et al. 2018, "MobileNetV2". Batch normalisation is folded into the
convolutions, and so are halves of the PReLUs: see Bend. Where two linear layers follow one another,
they are one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows

CROP_PX = 112  # what the network was trained on
DIM = 192
GREY = 127.5  # what the training called 0

# Channels going in, expanded, going out; stride.
_BLOCKS = (
    (64, 128, 64, 2),
    *[(64, 128, 64, 1)] * 4,
    (64, 256, 128, 2),
    *[(128, 256, 128, 1)] * 6,
    (128, 512, 128, 2),
    *[(128, 256, 128, 1)] * 2,
)
BLOCKS = len(_BLOCKS)
HALVING = tuple(i for i, block in enumerate(_BLOCKS) if block[3] == 2)


class MobileFaceNet(nn.Module):
    """(N, 3, 112, 112) RGB, 0 to 255 → (N, 192), of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, 2)
        self.first = _Spatial(64)  # its narrow layer is in the first block's widen
        self.blocks = nn.Sequential(*(_Block(*block) for block in _BLOCKS))
        self.last = nn.Conv2d(128, 512, 1)
        self.bend = Bend(512)
        self.pool = nn.Conv2d(512, 512, 7, groups=512)  # a mean in which each place has a weight
        self.fc = nn.Linear(512, DIM)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(F.pad(x, (0, 1, 0, 1), value=GREY))  # (N, 64, 56, 56)
        x = self.first(x)
        x = self.blocks(x)  # (N, 128, 7, 7)
        x = self.pool(self.bend(self.last(x)))  # (N, 512, 1, 1)
        embeddings: Tensor = self.fc(x.flatten(1))  # (N, 192)
        return embeddings


class Bend(nn.Module):
    """PReLU with the slope a for negatives, divided by a: z + gain · relu(z), gain = (1 - a) / a.

    The factor a is in the weights of the convolution that follows. So it is a ReLU and an addition
    that ONNX Runtime does in blocks of channels, as the convolutions; for PRelu it has no such
    kernel. CPU ms a crop on AVX2: 7.7; PRelu 17.9; as two convolutions, of z and of relu(z), 10.2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        return z + self.gain * F.relu(z)


class _Spatial(nn.Module):
    """Bend, look around in each channel, bend.

    stride  2: TensorFlow pads right and bottom alone. A fourth row and column of zero weights,
            above and left, make that padding by one on all sides, which copies no map
    """

    def __init__(self, wide: int, stride: int = 1) -> None:
        super().__init__()
        self.bend1 = Bend(wide)
        self.around = nn.Conv2d(wide, wide, 3 if stride == 1 else 4, stride, 1, groups=wide)
        self.bend2 = Bend(wide)

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.bend2(self.around(self.bend1(x)))
        return seen


class _Block(nn.Module):
    """Inverted residual: widen, look around in each channel, narrow; beside a shortcut."""

    def __init__(self, c_in: int, wide: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(c_in, wide, 1)
        self.spatial = _Spatial(wide, stride)
        self.narrow = nn.Conv2d(wide, c_out, 1)
        self.residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(self.spatial(self.widen(x)))
        return x + y if self.residual else y
