"""Averaging at test time: one face seen several times, and the mean of its vectors.

By mirror: the crop and its mirror image. By zooms: cut out a little wider and a little tighter as
well. By dropout: several runs in which a network drops different units (Gal and Ghahramani 2016,
"Dropout as a Bayesian approximation"); only a network that has such a layer can.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import View, embed
from retrieve.types import Crops, Embeddings

ZOOMS = (0.94, 1.06)  # beside 1


class Averaging(StrEnum):
    """What the vectors of one face are averaged over."""

    MIRROR = "mirror"
    ZOOMS = "zooms"
    DROPOUT = "dropout"


def with_zooms(views: Sequence[View]) -> tuple[View, ...]:
    """The views, and then all of them for each zoom."""
    return (*views, *(zoomed(view, zoom) for zoom in ZOOMS for view in views))


def zoomed(view: View, zoom: float) -> View:
    """The same, showing less around its middle where the zoom is above 1."""
    middle = np.float32(view.size_px / 2)
    return View(middle + np.float32(zoom) * (view.template - middle), view.size_px)


def mirrored(embedder: AnyEmbedder, crops: tuple[Crops, ...], plain: Embeddings) -> Embeddings:
    """(N, D) unit rows: the mean of the vectors that there are, and of the mirror images'."""
    flipped = tuple(np.ascontiguousarray(view[:, :, ::-1]) for view in crops)
    return unit_rows(plain + embed(embedder, flipped))


def over_zooms(embedder: AnyEmbedder, crops: tuple[Crops, ...], plain: Embeddings) -> Embeddings:
    """(N, D) unit rows: the mean of the vectors that there are, and of the zooms'.

    crops  those of with_zooms()
    """
    each = len(crops) // (1 + len(ZOOMS))
    total = plain.copy()
    for place in range(1, 1 + len(ZOOMS)):
        total += embed(embedder, crops[place * each : (place + 1) * each])
    return unit_rows(total)
