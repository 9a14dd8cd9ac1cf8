"""Whole photos → what they show: an embedding that look-alikes share, and classes of things.

EfficientNet-Lite0 in 8 bits (Tan and Le 2019), one run a photo for both. The embedding is what the
layer before the classes gives, moved and turned into fewer numbers (space.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from retrieve.networks import weights
from retrieve.networks.runtime import Network, NetworkSpec, open_network
from retrieve.pictures.embedding import space
from retrieve.pictures.embedding.classes import DATA
from retrieve.pictures.embedding.prepared import square
from retrieve.pictures.embedding.shown import Shown, likeliest
from retrieve.types import Pixels

if TYPE_CHECKING:
    from torch import nn

NAME = "efficientnet-lite0"
SIDE_PX = 224  # as retrieve.models.efficientnet_lite has it, which needs torch
INT8_RANGES = DATA / f"{NAME}.int8.json"


class PictureEmbedder(Protocol):
    """What looks at whole photos.

    name            what a collection calls it
    dim             D of its embeddings
    weights_sha256  of its weights, and of what its embeddings are made by
    """

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def weights_sha256(self) -> str: ...

    def look(self, photos: Sequence[Pixels]) -> list[Shown]:
        """What each of some photos shows; they are of any sizes, (H, W, 3) uint8 RGB, upright."""
        ...


def open_picture_embedder(*, cache: Path | None = None) -> PictureEmbedder:
    """The one that ships.

    raises  WeightsError if it is damaged
    """
    return _Lite(open_network(network_spec(), precision="int8", cache=cache))


def network_spec() -> NetworkSpec:
    """The network: (N, 3, 225, 225) RGB, 0 to 255 → features (N, 1280), classes (N, 1000)."""
    return NetworkSpec(
        name=NAME,
        weights_sha256=weights.sha256_of(NAME),
        build=_build,
        input_shape=(3, SIDE_PX + 1, SIDE_PX + 1),
        int8_ranges=INT8_RANGES,
        shipped=DATA,
    )


@cache
def made_by() -> dict[str, str]:
    """What a collection keeps of the embedder that ships, which is not opened for it."""
    of = f"{weights.sha256_of(NAME)} {space.sha256()}"
    return {
        "picture_embedder": NAME,
        "picture_embedder_sha256": hashlib.sha256(of.encode()).hexdigest(),
    }


def _build() -> nn.Module:
    from retrieve.pictures.embedding.lite_weights import build

    return build(weights.locate(NAME))


class _Lite:
    def __init__(self, network: Network) -> None:
        self.name = NAME
        self.weights_sha256 = made_by()["picture_embedder_sha256"]
        self._network = network
        self._space = space.shipped()
        self.dim = self._space.dim

    def look(self, photos: Sequence[Pixels]) -> list[Shown]:
        """One at a time: the activations of several fill no cache better."""
        found = []
        for pixels in photos:
            features, classes = self._network(square(pixels, SIDE_PX)[None])
            (embedding,) = self._space.embeddings(features)
            found.append(Shown(embedding, likeliest(classes[0])))
        return found
