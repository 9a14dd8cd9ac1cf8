"""Features of many different photos → the space in which they are all but orthogonal.

Their roots are moved to their mean and whitened: what many photos have in common, as portraits
have a head before a plain ground, counts little then, and what one alone has counts much. Jégou
and Chum 2012, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and
whitening"; roots as in Arandjelović and Zisserman 2012, "Three things everyone should know to
improve object retrieval". A kept number is a mean over all photos: none of them is in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

SHRUNK = (
    0.05  # of the mean variance, added to each: directions that few photos tell are not blown up
)
FEWEST = 500  # photos


def fit(features: NDArray[np.float32], dim: int) -> dict[str, NDArray[np.generic]]:
    """The arrays of a Space.

    features  (N, 1280) of different photos, 0 or more
    dim       D of the embeddings
    raises    BadInput for too few photos
    """
    if len(features) < max(FEWEST, dim):
        raise BadInput(f"wanted {max(FEWEST, dim)} different photos at least; got {len(features)}")
    roots = np.sqrt(features.astype(np.float64))
    mean = roots.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((roots - mean).T))
    variances, axes = variances[::-1], axes[:, ::-1]
    directions = axes[:, :dim] / np.sqrt(variances[:dim] + SHRUNK * variances.mean())
    # Of an axis either sign will do: the same is taken everywhere.
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(dim)])
    return {"mean": mean.astype(np.float32), "directions": (directions * signs).astype(np.float16)}
