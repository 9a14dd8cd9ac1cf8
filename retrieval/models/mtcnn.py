"""The three networks of MTCNN, in the layout of facenet-pytorch's state dicts.

Zhang et al. 2016, "Joint Face Detection and Alignment Using Multi-task Cascaded
Convolutional Networks". All take RGB planes from 0 to 255 and give for every window
the probability of a face, the shifts of its box's four edges in window sides, and the
last one five points in window sides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _standardized(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * (1 / 128)


class _PReLU(nn.PReLU):
    """PReLU as a sum: ONNX Runtime's own kernel for it takes longer than the convolutions."""

    def forward(self, x: Tensor) -> Tensor:
        slope = self.weight.view(-1, *[1] * (x.ndim - 2))
        return slope * x + (1 - slope) * torch.relu(x)


def _probability(logits: Tensor) -> Tensor:
    """(N, 2, ...) → (N, 1, ...): softmax of two, of which the second is "face"."""
    return torch.sigmoid(logits[:, 1:] - logits[:, :1])


def _flat(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, W * H * C): the order in which the weights were trained."""
    return x.permute(0, 3, 2, 1).flatten(1)


class PNet(nn.Module):
    """Proposals: one window of 12 pixels at every second pixel of an image of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = _PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = _PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = _PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.prelu1(self.conv1(_standardized(pixels)))  # (N, 10, H - 2, W - 2)
        x = self.pool1(x)  # (N, 10, h + 4, w + 4)
        x = self.prelu2(self.conv2(x))  # (N, 16, h + 2, w + 2)
        x = self.prelu3(self.conv3(x))  # (N, 32, h, w)
        return _probability(self.conv4_1(x)), self.conv4_2(x)  # (N, 1 and 4, h, w)


class RNet(nn.Module):
    """Refinement: windows of 24 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = _PReLU(28)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = _PReLU(48)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = _PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = _PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool(self.prelu1(self.conv1(_standardized(pixels))))  # (N, 28, 11, 11)
        x = self.pool(self.prelu2(self.conv2(x)))  # (N, 48, 4, 4)
        x = self.prelu3(self.conv3(x))  # (N, 64, 3, 3)
        x = self.prelu4(self.dense4(_flat(x)))  # (N, 128)
        return _probability(self.dense5_1(x)), self.dense5_2(x)  # (N, 1 and 4)


class ONet(nn.Module):
    """Output: windows of 48 pixels, and their landmarks as five x, then five y."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = _PReLU(32)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = _PReLU(64)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = _PReLU(64)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = _PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = _PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool(self.prelu1(self.conv1(_standardized(pixels))))  # (N, 32, 23, 23)
        x = self.pool(self.prelu2(self.conv2(x)))  # (N, 64, 10, 10)
        x = self.pool3(self.prelu3(self.conv3(x)))  # (N, 64, 4, 4)
        x = self.prelu4(self.conv4(x))  # (N, 128, 3, 3)
        x = self.prelu5(self.dense5(_flat(x)))  # (N, 256)
        score = _probability(self.dense6_1(x))  # (N, 1)
        return score, self.dense6_2(x), self.dense6_3(x)  # (N, 4) and (N, 10)
