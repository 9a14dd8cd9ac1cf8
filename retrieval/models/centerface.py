"""CenterFace: a face is a point of a heat map, with its size and landmarks read off there.

Xu et al. 2020, "CenterFace: Joint Face Detection and Alignment Using Face as Point", on
MobileNetV2 (Sandler et al. 2018). Batch normalisation of the backbone is folded into its
convolutions, as in the published file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Expansion, channels, blocks, first stride.
_STAGES = (
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_NECK = 24  # channels


class _Block(nn.Module):
    """Inverted residual: widen, look around in each channel, narrow."""

    def __init__(self, c_in: int, c_out: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = c_in * expansion
        self.widen = nn.Conv2d(c_in, wide, 1) if expansion > 1 else nn.Identity()
        self.around = nn.Conv2d(wide, wide, 3, stride, 1, groups=wide)
        self.narrow = nn.Conv2d(wide, c_out, 1)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.widen(x))
        y = torch.relu(self.around(y))
        narrow: Tensor = self.narrow(y)
        return x + narrow if self.residual else narrow


def _stage(c_in: int, expansion: int, c_out: int, blocks: int, stride: int) -> nn.Sequential:
    first = _Block(c_in, c_out, expansion, stride)
    return nn.Sequential(first, *(_Block(c_out, c_out, expansion, 1) for _ in range(blocks - 1)))


class _Up(nn.Module):
    """One step of the feature pyramid: the coarser map twice as large, plus a finer one."""

    def __init__(self, c_finer: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(_NECK, _NECK, 2, 2, bias=False)
        self.norm = nn.BatchNorm2d(_NECK, eps=1e-3)
        self.finer = nn.Conv2d(c_finer, _NECK, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return torch.relu(self.norm(self.enlarge(coarse))) + torch.relu(self.finer(fine))


class CenterFace(nn.Module):
    """RGB planes, 0 to 255, sides multiples of 32 → maps at a quarter of the resolution.

    returns  heat (N, 1, h, w), probability of a face's centre; size (N, 2, h, w), logarithm
             of height and width in map pixels; offset (N, 2, h, w) of the centre, y, x;
             landmarks (N, 10, h, w), y and x of five points in heights and widths of the
             box from its top left corner
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        self.first = _Block(32, 16, 1, 1)
        channels = (16, *(stage[1] for stage in _STAGES))
        self.stages = nn.ModuleList(
            _stage(c_in, *stage) for c_in, stage in zip(channels, _STAGES, strict=False)
        )
        self.top = nn.Conv2d(320, _NECK, 1)
        self.up16, self.up8, self.up4 = _Up(96), _Up(32), _Up(24)
        self.head = nn.Conv2d(_NECK, _NECK, 3, 1, 1)
        self.heat = nn.Conv2d(_NECK, 1, 1)
        self.size = nn.Conv2d(_NECK, 2, 1)
        self.offset = nn.Conv2d(_NECK, 2, 1)
        self.landmarks = nn.Conv2d(_NECK, 10, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.first(torch.relu(self.stem(pixels)))  # (N, 16, H/2, W/2)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        at4, at8, _, at16, _, at32 = maps  # (N, 24, 32, 96, 320 channels, H/4 ... H/32)
        y = torch.relu(self.top(at32))  # (N, 24, H/32, W/32)
        y = self.up4(self.up8(self.up16(y, at16), at8), at4)  # (N, 24, H/4, W/4)
        y = torch.relu(self.head(y))
        return torch.sigmoid(self.heat(y)), self.size(y), self.offset(y), self.landmarks(y)
