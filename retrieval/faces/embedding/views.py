"""What is cut out of a photo for each face: a crop for each network that sees it, and a picture.

A sum of embedders (sums.py) wants several crops of one face, each aligned as its network was
trained; the photo is decoded, and its faces are detected, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieve.faces.embedding.embed import families
from retrieve.faces.embedding.embedder import Embedder
from retrieve.faces.embedding.sums import AnyEmbedder, Sum
from retrieve.faces.embedding.trained.headed import Headed
from retrieve.types import Crops, Embeddings


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A square cut-out of an aligned face.

    template  (5, 2) x, y where the landmarks belong, in pixels of the cut-out
    size_px   its side
    """

    template: NDArray[np.float32]
    size_px: int


# The face as it is shown and kept: wide enough that the crop of every embedder of ours can be cut
# out of it again when its photo is gone. In ArcFace's frame of 112 pixels their crops reach from
# (0, 0) to (112, 117); this one from (-8, -6) to (120, 122), because the templates do not fit one
# another quite. At 144 pixels its eyes are 40 apart, mobilefacenet's 35 and dlib-resnet's 57.
_ARCFACE = ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20))
PICTURE = View(
    (np.array(_ARCFACE, np.float32) + np.array([8, 6], np.float32)) * np.float32(144 / 128), 144
)


def views(embedder: AnyEmbedder | str, detector: str) -> tuple[View, ...]:
    """What an embedder, or the one of that name, wants to see of each face.

    detector  the name of what finds the landmarks
    raises    BadInput for a detector whose landmarks were not measured, or an unknown name
    """
    every = families(embedder) if isinstance(embedder, str) else parts(embedder)
    return tuple(View(one.template(detector), one.crop_px) for one in every)


def parts(embedder: AnyEmbedder) -> tuple[Embedder, ...]:
    """The networks behind it, each of which takes one crop of a face."""
    return embedder.parts if isinstance(embedder, Sum | Headed) else (embedder,)


def embed(embedder: AnyEmbedder, crops: tuple[Crops, ...]) -> Embeddings:
    """(N, D) float32, rows of length 1.

    crops   an array (N, size_px, size_px, 3) uint8 RGB for each of its views
    raises  BadInput for crops of another shape or type
    """
    if isinstance(embedder, Sum | Headed):
        return embedder.embed(crops)
    (only,) = crops
    return embedder.embed(only)


def together(photos: Iterable[tuple[Crops, ...]]) -> tuple[Crops, ...]:
    """The crops of one photo or more, behind one another in each view."""
    return tuple(np.concatenate(view) for view in zip(*photos, strict=True))


def chosen(crops: tuple[Crops, ...], which: list[int]) -> tuple[Crops, ...]:
    """The crops of some of the faces, by their places."""
    return tuple(one[which] for one in crops)
