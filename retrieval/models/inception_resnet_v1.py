"""FaceNet's network: Inception-ResNet v1, 23.5 M parameters without its classifier.

Szegedy et al. 2017, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning"; trained for faces by D. Sandberg after Schroff et al. 2015,
"FaceNet". The parameters carry the names of facenet-pytorch's state dict, and folded() makes the
form in which networks are published that are not to be trained further.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

CROP_PX = 160  # what the network was trained on
DIM = 512
BATCH_NORM_EPS = 1e-3  # of the TensorFlow original


class InceptionResnetV1(nn.Module):
    """(N, 3, 160, 160) RGB as (value - 127.5) / 128 → (N, 512), of any length.

    classes  people of the training data: the published state dicts hold the classifier
             that training ended in, which embedding does not run
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv2d_1a = Conv(3, 32, 3, stride=2)
        self.conv2d_2a = Conv(32, 32, 3)
        self.conv2d_2b = Conv(32, 64, 3, padding=1)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = Conv(64, 80, 1)
        self.conv2d_4a = Conv(80, 192, 3)
        self.conv2d_4b = Conv(192, 256, 3, stride=2)
        self.repeat_1 = nn.Sequential(*(Block35() for _ in range(5)))
        self.mixed_6a = Reduction6a()
        self.repeat_2 = nn.Sequential(*(Block17() for _ in range(10)))
        self.mixed_7a = Reduction7a()
        self.repeat_3 = nn.Sequential(*(Block8(scale=0.2) for _ in range(5)))
        self.block8 = Block8(scale=1.0, last=True)
        self.last_linear = nn.Linear(1792, DIM, bias=False)
        self.last_bn: nn.Module = nn.BatchNorm1d(DIM, eps=BATCH_NORM_EPS)
        self.logits: nn.Module = nn.Linear(DIM, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2d_1a(x)  # (N, 32, 79, 79)
        x = self.conv2d_2a(x)  # (N, 32, 77, 77)
        x = self.conv2d_2b(x)  # (N, 64, 77, 77)
        x = self.maxpool_3a(x)  # (N, 64, 38, 38)
        x = self.conv2d_3b(x)  # (N, 80, 38, 38)
        x = self.conv2d_4a(x)  # (N, 192, 36, 36)
        x = self.conv2d_4b(x)  # (N, 256, 17, 17)
        x = self.repeat_1(x)
        x = self.mixed_6a(x)  # (N, 896, 8, 8)
        x = self.repeat_2(x)
        x = self.mixed_7a(x)  # (N, 1792, 3, 3)
        x = self.repeat_3(x)
        x = self.block8(x)
        x = x.mean(dim=(2, 3))  # (N, 1792)
        x = self.last_linear(x)  # (N, 512)
        embeddings: Tensor = self.last_bn(x)
        return embeddings


class Standardize(nn.Module):
    """RGB from 0 to 255 → what InceptionResnetV1 takes."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - 127.5) / 128


class Conv(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Block35(nn.Module):
    """Residual block on the 17×17 grid, named after the 35×35 of the paper."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 0.17
        self.branch0 = Conv(256, 32, 1)
        self.branch1 = nn.Sequential(Conv(256, 32, 1), Conv(32, 32, 3, padding=1))
        self.branch2 = nn.Sequential(
            Conv(256, 32, 1), Conv(32, 32, 3, padding=1), Conv(32, 32, 3, padding=1)
        )
        self.conv2d = nn.Conv2d(96, 256, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], dim=1)
        return torch.relu(self.scale * self.conv2d(branches) + x)


class Block17(nn.Module):
    """Residual block on the 8×8 grid."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 0.1
        self.branch0 = Conv(896, 128, 1)
        self.branch1 = nn.Sequential(
            Conv(896, 128, 1),
            Conv(128, 128, (1, 7), padding=(0, 3)),
            Conv(128, 128, (7, 1), padding=(3, 0)),
        )
        self.conv2d = nn.Conv2d(256, 896, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([self.branch0(x), self.branch1(x)], dim=1)
        return torch.relu(self.scale * self.conv2d(branches) + x)


class Block8(nn.Module):
    """Residual block on the 3×3 grid; the last one of all goes without ReLU."""

    def __init__(self, scale: float, last: bool = False) -> None:
        super().__init__()
        self.scale = scale
        self.last = last
        self.branch0 = Conv(1792, 192, 1)
        self.branch1 = nn.Sequential(
            Conv(1792, 192, 1),
            Conv(192, 192, (1, 3), padding=(0, 1)),
            Conv(192, 192, (3, 1), padding=(1, 0)),
        )
        self.conv2d = nn.Conv2d(384, 1792, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([self.branch0(x), self.branch1(x)], dim=1)
        x = self.scale * self.conv2d(branches) + x
        return x if self.last else torch.relu(x)


class Reduction6a(nn.Module):
    """From the 17×17 to the 8×8 grid."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = Conv(256, 384, 3, stride=2)
        self.branch1 = nn.Sequential(
            Conv(256, 192, 1), Conv(192, 192, 3, padding=1), Conv(192, 256, 3, stride=2)
        )
        self.branch2 = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], dim=1)


class Reduction7a(nn.Module):
    """From the 8×8 to the 3×3 grid."""

    def __init__(self) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(Conv(896, 256, 1), Conv(256, 384, 3, stride=2))
        self.branch1 = nn.Sequential(Conv(896, 256, 1), Conv(256, 256, 3, stride=2))
        self.branch2 = nn.Sequential(
            Conv(896, 256, 1), Conv(256, 256, 3, padding=1), Conv(256, 256, 3, stride=2)
        )
        self.branch3 = nn.MaxPool2d(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(
            [self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], dim=1
        )


def folded(network: InceptionResnetV1) -> InceptionResnetV1:
    """The network in evaluation with fewer parts, changed in place: what follows a convolution, or
    the linear layer, and is linear is in its weights, and the classifier is gone.
    """
    network.eval()
    for part in network.modules():
        if isinstance(part, Conv):
            assert isinstance(part.bn, nn.BatchNorm2d)
            part.conv = fuse_conv_bn_eval(part.conv, part.bn)
            part.bn = nn.Identity()
        elif isinstance(part, Block35 | Block17 | Block8):
            assert part.conv2d.bias is not None
            part.conv2d.weight.data *= part.scale
            part.conv2d.bias.data *= part.scale
            part.scale = 1.0
    assert isinstance(network.last_bn, nn.BatchNorm1d)
    network.last_linear = fuse_linear_bn_eval(network.last_linear, network.last_bn)
    network.last_bn = nn.Identity()
    network.logits = nn.Identity()
    return network
