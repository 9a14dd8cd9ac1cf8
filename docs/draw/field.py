"""Pictures of receptive fields: which pixels one unit of a network can see, and does.

Luo et al. 2016, "Understanding the effective receptive field in deep convolutional neural
networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from docs.draw import paper, people
from retrieve.faces.embedding.embed import network_spec
from retrieve.models.dlib_resnet import CROP_PX, Block, DlibResNet
from retrieve.types import Crops

SHARE = 0.0455  # of the strongest pixel: what lies beyond two standard deviations of a Gaussian
DRAWS = 2  # random mixtures of a layer's channels for each face, of which the mean is taken
FACES = 6  # whose gradients are averaged
SMOOTHING = 20  # of the line around what counts: by a 20th of its side, so that one can follow it
SHOWN = {  # layer → its title
    "stem": "stem",
    "block 3": "block 3 of 14",
    "block 7": "block 7",
    "block 10": "block 10",
    "block 14": "block 14",
}
Map = NDArray[np.float32]  # (H, W)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What the middle unit of one layer sees of the crop.

    name         of the layer
    theoretical  side in pixels; may be larger than the crop
    centre       of it, x and y in pixels alike
    gradient     (H, W) root of the mean squared gradient, strongest 1
    """

    name: str
    theoretical: int
    centre: float
    gradient: Map

    @property
    def effective(self) -> float:
        """Side in pixels of a square as large as what counts."""
        return float(np.sqrt((self.gradient > SHARE).sum()))


def fields(out: Path, crops: Crops | None = None) -> None:
    """A face, and over it what the middle unit of layers ever deeper sees."""
    crops = _faces() if crops is None else crops
    found = [field for field in measured(open_network(), crops) if field.name in SHOWN]
    figure, axes = paper.sheet(9, 2.4, 1, len(found))
    for one, field in zip(axes, found, strict=True):
        paper.bare(one, SHOWN[field.name])
        strength = np.sqrt(field.gradient)[..., None]
        one.imshow((0.25 + 0.75 * strength) * crops[0] / 255)
        smooth = gaussian_filter(field.gradient, field.effective / SMOOTHING)
        one.contour(smooth, [SHARE], colors=paper.YELLOW, linewidths=1)
        low, side = field.centre - field.theoretical / 2, field.theoretical
        one.add_patch(
            Rectangle((low, low), side, side, fill=False, edgecolor=paper.SKY, lw=1.5, ls="--")
        )
        one.set_xlim(-0.5, CROP_PX - 0.5)
        one.set_ylim(CROP_PX - 0.5, -0.5)
        one.set_xlabel(f"can see {field.theoretical} px,\nsees {field.effective:.0f} px")
    paper.write(figure, out)


def growth(out: Path, crops: Crops | None = None) -> None:
    """Theoretical and effective side of the field, layer by layer."""
    found = measured(open_network(), _faces() if crops is None else crops)
    figure, axes = paper.sheet(6.5, 3)
    layers = range(len(found))
    can, does = [field.theoretical for field in found], [field.effective for field in found]
    axes.plot(layers, can, "--o", color=paper.SKY, ms=4, label="can see")
    axes.plot(layers, does, "-o", color=paper.ORANGE, ms=4, label="sees")
    axes.axhline(CROP_PX, color=paper.PALE, lw=1)
    axes.text(0, CROP_PX * 1.05, "the whole crop", fontsize=8)
    axes.set_xticks(layers, [field.name for field in found], rotation=45, ha="right", fontsize=7)
    axes.set_yscale("log", base=2)
    axes.set_yticks([8, 32, 128, 512], ["8", "32", "128", "512"])
    axes.set_ylabel("side of the field, pixels")
    axes.legend(loc="upper left")
    paper.write(figure, out)


def open_network() -> DlibResNet:
    """The shipped embedder's network in torch."""
    network = network_spec("dlib-resnet").build()
    assert isinstance(network, DlibResNet)
    return network.eval()


def measured(network: DlibResNet, crops: Crops, *, draws: int = DRAWS) -> list[Field]:
    """The fields of all layers.

    crops  (N, 150, 150, 3) uint8 RGB, over which gradients are averaged
    """
    layers = _layers(network)
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        outputs[name] = output

    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output, name=name: keep(name, output))
        for name, layer in layers.items()
    ]
    planes = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
    pixels = torch.from_numpy(planes).requires_grad_()
    network(pixels)
    for hook in hooks:
        hook.remove()
    found = []
    for name, (side, step, first) in geometry(network).items():
        output = outputs[name]  # (N, C, h, w)
        middle = output.shape[2] // 2
        gradient = _gradient(output[:, :, middle, middle], pixels, draws)
        found.append(Field(name, side, first + middle * step, gradient))
    return found


def geometry(network: DlibResNet) -> dict[str, tuple[int, int, float]]:
    """Of each layer the side of a unit's field, the step from one unit to the next, and the
    middle of the first one, in pixels of the crop.

    Along the longest path, that of the convolutions: a shortcut sees a part of it.
    """
    side, step, first = 1, 1, 0.5
    found = {}
    for name, layer in _layers(network).items():
        if isinstance(layer, Block):
            convolutions = [(3, layer.stride, int(layer.stride == 1)), (3, 1, 1)]
            if name == "block 1":
                convolutions.insert(0, (3, 2, 0))  # the pooling behind the stem
        else:
            convolutions = [(7, 2, 0)]
        for kernel, stride, padding in convolutions:
            side += (kernel - 1) * step
            first += ((kernel - 1) / 2 - padding) * step
            step *= stride
        found[name] = (side, step, first)
    return found


def _layers(network: DlibResNet) -> dict[str, nn.Module]:
    blocks = {f"block {i}": block for i, block in enumerate(network.blocks, 1)}
    return {"stem": network.stem, **blocks}


def _gradient(units: Tensor, pixels: Tensor, draws: int) -> Map:
    """(N, C) one place's channels → (H, W), the strongest pixel 1."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros(pixels.shape[2:])
    for _ in range(draws):
        signs = torch.randint(0, 2, units.shape, generator=generator) * 2.0 - 1
        (gradient,) = torch.autograd.grad((units * signs).sum(), pixels, retain_graph=True)
        total += gradient.square().sum(dim=(0, 1))
    root = total.sqrt()
    return np.asarray((root / root.max()).numpy(), np.float32)


def _faces() -> Crops:
    """One face each of some of the album's people."""
    album = people.album()
    first = [album.names.index(name) for name in dict.fromkeys(album.names)]
    return album.crops[first[:FACES]]
