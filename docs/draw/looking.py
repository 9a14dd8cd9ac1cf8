"""Pictures of what the embedder of whole photos looks at when it sees a thing.

Zhou et al. 2016, "Learning deep features for discriminative localization": class activation maps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from docs.draw import paper, people, things
from retrieve.networks.exports import record
from retrieve.networks.runtime import OnnxNetwork
from retrieve.pictures.embedding.classes import DATA
from retrieve.pictures.embedding.embed import NAME, SIDE_PX
from retrieve.pictures.embedding.prepared import square
from retrieve.pictures.embedding.shown import LEAST, likeliest
from retrieve.pictures.embedding.things import labels, named
from retrieve.types import Pixels

POOLED = "GlobalAveragePool"  # behind the last maps
VEIL = 0.6  # of the map over the photo
PORTRAITS = 4

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One photo in the network.

    photo          (224, 224, 3) uint8 RGB, the middle of it: what the network sees
    maps           (1280, 7, 7) features before their means are taken, 0 to 6
    logits         (1000,) of the classes
    probabilities  (1000,) of them
    """

    photo: Pixels
    maps: Floats
    logits: Floats
    probabilities: Floats

    def activation(self, classes: Collection[int]) -> Floats:
        """(7, 7) what each place adds to a class: its mean is the logit without the bias.

        Of several classes, as a word names them, the mean of their maps by their probabilities:
        where the logarithm of the word's share would grow.
        """
        numbers = list(classes)
        shares = self.probabilities[numbers] / self.probabilities[numbers].sum()
        weights = shares @ last_layer()[0][numbers]  # (1280,)
        found: Floats = np.tensordot(weights, self.maps, 1)
        return found


def look(pixels: Pixels) -> Looked:
    """Run the network that ships over one photo, (H, W, 3) uint8 RGB."""
    planes = square(pixels, SIDE_PX)
    maps, logits, _, probabilities = (one[0] for one in _network()(planes[None]))
    seen = planes[:, :SIDE_PX, :SIDE_PX].transpose(1, 2, 0)
    return Looked(seen.clip(0, 255).astype(np.uint8), maps, logits, probabilities)


@cache
def last_layer() -> tuple[Floats, Floats]:
    """Weights (1000, 1280) and bias (1000,) that make logits of the means."""
    import onnx
    from onnx.numpy_helper import to_array

    held = {one.name: one for one in onnx.load(_file()).graph.initializer}
    return to_array(held["fc.weight"]), to_array(held["fc.bias"])


@cache
def _network() -> OnnxNetwork:
    """The one that ships, which gives the last maps and the logits as well, before the rest."""
    import onnx

    model = onnx.load(_file())
    (pooled,) = (node for node in model.graph.node if node.op_type == POOLED)
    (softmax,) = (node for node in model.graph.node if node.op_type == "Softmax")
    for at, name in enumerate((pooled.input[0], softmax.input[0])):
        inner = onnx.helper.make_empty_tensor_value_info(name)
        model.graph.output.insert(at, inner)
    return OnnxNetwork(model.SerializeToString())


def _file() -> Path:
    (one,) = (one for one in record(DATA) if one.name == NAME)
    return DATA / one.file


def enlarged(activation: Floats, side_px: int = SIDE_PX) -> Floats:
    """(7, 7) → (side_px, side_px), smoothly."""
    image = Image.fromarray(activation.astype(np.float32))
    return np.asarray(image.resize((side_px, side_px), Image.Resampling.BICUBIC))


def alone(out: Path) -> None:
    """One thing in each scene, where the map of its name is bright, and what it is called."""
    places = ((0.33, 0.36), (0.66, 0.33), (0.64, 0.6), (0.34, 0.64))
    scenes = [
        (name, things.scene([(name, x, y, 0.14)]))
        for name, (x, y) in zip(things.NAMED, places, strict=True)
    ]
    figure, axes = paper.sheet(9, 4.9, 2, len(scenes))
    for column, (name, pixels) in enumerate(scenes):
        looked = look(pixels)
        paper.bare(axes[0][column], _told(looked)).imshow(looked.photo)
        _veiled(axes[1][column], looked, name)
    paper.write(figure, out)


def together(out: Path) -> None:
    """One scene with three things, and the map of each name: the same photo, another place."""
    placed = [
        ("traffic light", 0.27, 0.42, 0.15),
        ("balloon", 0.7, 0.3, 0.13),
        ("soccer ball", 0.62, 0.74, 0.12),
    ]
    looked = look(things.scene(placed))
    figure, axes = paper.sheet(9, 2.7, 1, len(placed) + 1)
    paper.bare(axes[0], _told(looked)).imshow(looked.photo)
    for one, (name, *_) in zip(axes[1:], placed, strict=True):
        _veiled(one, looked, name)
    paper.write(figure, out)


def masks(out: Path, album: people.Album | None = None) -> None:
    """Drawn people, for whom ImageNet has no class, and where they look like a mask."""
    album = people.album() if album is None else album
    portraits = list(album.portraits.values())[:PORTRAITS]
    figure, axes = paper.sheet(9, 2.7, 1, len(portraits))
    for one, pixels in zip(axes, portraits, strict=True):
        _veiled(one, look(pixels), "mask")
    paper.write(figure, out)


def _veiled(axes: Axes, looked: Looked, word: str) -> None:
    """The photo in grey, and over it the map of a word: what adds to it, bright."""
    (thing,) = named(word)
    numbers = list(thing.classes)
    probability = looked.probabilities[numbers].sum()
    said = f"{probability:.2f}" if probability >= LEAST else f"below {LEAST}"
    grey = np.asarray(Image.fromarray(looked.photo).convert("L"))
    paper.bare(axes, f"{word} {said}").imshow(grey, cmap="gray")
    activation = enlarged(looked.activation(numbers))
    axes.imshow(activation, cmap=paper.HEAT, vmin=0, vmax=activation.max(), alpha=VEIL)


def _told(looked: Looked) -> str:
    """What a user is shown of the photo."""
    found = labels(likeliest(looked.probabilities), "en")
    return ", ".join(f"{one.word} {one.probability:.2f}" for one in found) or "no label"
