"""dlib's face recognition network: a ResNet with 29 convolutions, 5.6 M parameters.

King 2017, "High Quality Face Recognition with Deep Metric Learning" (dlib blog), after
He et al. 2016, "Deep Residual Learning for Image Recognition", with half the filters
and a few layers fewer. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows

CROP_PX = 150  # what the network was trained on
DIM = 128


class DlibResNet(nn.Module):
    """(N, 3, 150, 150) RGB, 0 to 255 → (N, 128), of length 1.3 to 1.5.

    dlib subtracts a mean and divides by 256 first. The stem has no padding, so that
    is a part of its weights here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        self.blocks = nn.Sequential(
            Block(32, 32),
            Block(32, 32),
            Block(32, 32),
            Block(32, 64, stride=2),  # (N, 64, 17, 17)
            Block(64, 64),
            Block(64, 64),
            Block(64, 64),
            Block(64, 128, stride=2),  # (N, 128, 8, 8)
            Block(128, 128),
            Block(128, 128),
            Block(128, 256, stride=2, short=1),  # (N, 256, 4, 4)
            Block(256, 256),
            Block(256, 256),
            Block(256, 256, stride=2, short=1),  # (N, 256, 2, 2)
        )
        self.fc = nn.Linear(256, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))  # (N, 32, 72, 72)
        x = F.max_pool2d(x, 3, stride=2)  # (N, 32, 35, 35)
        x = self.blocks(x)  # (N, 256, 2, 2)
        x = x.mean(dim=(2, 3))  # (N, 256)
        embeddings: Tensor = self.fc(x)  # (N, 128)
        return embeddings


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights.

    stride  2: the shortcut is a mean over 2×2 pixels, and its new channels are zero
    short   rows and columns that the branch lacks then, having no padding in its first
            convolution; they are zero
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, short: int = 0) -> None:
        super().__init__()
        self.stride = stride
        self.short = short
        self.new_channels = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1 if stride == 1 else 0)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.conv2(F.relu(self.conv1(x)))
        if self.short:
            branch = F.pad(branch, (0, self.short, 0, self.short))
        if self.stride == 2:
            x = F.avg_pool2d(x, 2)
        if self.new_channels:
            x = F.pad(x, (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(branch + x)
