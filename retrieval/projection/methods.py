"""Ways of projecting, by name: known to help and completion, which need no arrays."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """How the dimensions are made two."""

    PCA = "pca"
    TSNE = "tsne"
    UMAP = "umap"
