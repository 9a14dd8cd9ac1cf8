"""EfficientNet-Lite: inverted residuals scaled in depth, width and resolution, made for integers.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"; the
Lite variants (TensorFlow, 2020) leave out squeeze-and-excite and bend by ReLU6 in place of swish,
so that 8 bits hold what the layers give. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

DIM = 1280  # of what the classes are told by
CLASSES = 1000
GREY, SPAN = 127.0, 128.0  # what the training called 0 and 1
STEM = 32

# Of lite0, a stage a line: factor of widening, channels going out, kernel, stride, blocks.
_STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much larger than lite0 a variant is; the first and the last stage stay as deep.

    side_px  of the square of a photo that it sees
    """

    width: float
    depth: float
    side_px: int

    @property
    def padded_px(self) -> int:
        """Of what it takes: with a column and a row of GREY, right and below."""
        return self.side_px + 1


LITE0, LITE2 = Scale(1.0, 1.0, 224), Scale(1.1, 1.2, 260)


class EfficientNetLite(nn.Module):
    """(N, 3, padded_px, padded_px) RGB, 0 to 255 → features (N, 1280) and classes (N, 1000).

    The column and the row are TensorFlow's padding, and the scaling of pixels is in the stem.
    features  means over the picture, 0 to 6, of any length
    classes   probabilities, in the order of the synsets' names
    """

    def __init__(self, scale: Scale = LITE0) -> None:
        super().__init__()
        side, width = _halved(scale.side_px), STEM
        self.stem = nn.Conv2d(3, STEM, 3, 2)
        self.bend = nn.ReLU6()
        blocks: list[nn.Module] = []
        for i, (factor, channels, kernel, stride, depth) in enumerate(_STAGES):
            wanted = _eights(channels * scale.width)
            inner = 0 < i < len(_STAGES) - 1
            for n in range(math.ceil(depth * scale.depth) if inner else depth):
                step = stride if n == 0 else 1
                blocks.append(_Block(width, factor, wanted, kernel, step, side))
                width, side = wanted, side if step == 1 else _halved(side)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(width, DIM, 1)
        self.fc = nn.Linear(DIM, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.bend(self.stem(x))  # (N, 32, 112, 112), sides as of lite0
        x = self.blocks(x)  # (N, 320, 7, 7)
        x = self.bend(self.head(x))  # (N, 1280, 7, 7)
        x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)  # (N, 1280)
        return x, self.fc(x).softmax(1)


class _Block(nn.Module):
    """Inverted residual: widen, look around in each channel, narrow; beside a shortcut."""

    def __init__(
        self, c_in: int, factor: int, c_out: int, kernel: int, stride: int, side: int
    ) -> None:
        super().__init__()
        wide = c_in * factor
        self.widen = nn.Conv2d(c_in, wide, 1) if factor > 1 else None
        self.around = _around(wide, kernel, stride, side)
        self.narrow = nn.Conv2d(wide, c_out, 1)
        self.bend = nn.ReLU6()
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.widen is None else self.bend(self.widen(x))
        y: Tensor = self.narrow(self.bend(self.around(wide)))
        return x + y if self.residual else y


def _around(wide: int, kernel: int, stride: int, side: int) -> nn.Conv2d:
    """A convolution in each channel alone, padded as TensorFlow does for maps of that side.

    Where that is one more on the right and below, the kernel gets a row and a column of zeros
    above and left (`lead`), and the padding is the same on all sides, which copies no map.
    """
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    lead = missing % 2
    return nn.Conv2d(wide, wide, kernel + lead, stride, (missing + lead) // 2, groups=wide)


def _halved(side: int) -> int:
    return -(-side // 2)


def _eights(channels: float) -> int:
    """A multiple of eight near it, and no tenth below it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
