"""Networks of the caller's own: objects in the place of a name, and what holds them to it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput

UNIT_TOLERANCE = 1e-4  # float32 rows of 512 numbers normalise to within 1e-6


def weights_of(network: object) -> str:
    """What tells a network from others of its name: the SHA-256 of its weights, or the version
    that the owner of a network of one's own gives it.

    raises  BadInput if it has neither
    """
    for what in ("weights_sha256", "version"):
        found = getattr(network, what, None)
        if isinstance(found, str) and found:
            return found if what == "weights_sha256" else f"version {found}"
    raise BadInput(
        f"a {type(network).__name__} of your own needs the attribute weights_sha256 or version, a "
        "text that changes with its weights: a collection is known by it"
    )


def checked_network(network: object, kind: str, wanted: Iterable[str]) -> None:
    """An object that is to stand for a detector, an embedder or an encoder has what they have.

    raises  BadInput that names what is missing
    """
    missing = [name for name in wanted if not hasattr(network, name)]
    if missing:
        raise BadInput(
            f"wanted the name of {kind} or an object with {', '.join(wanted)}; "
            f"{type(network).__name__} lacks {', '.join(missing)}"
        )
    weights_of(network)


def check_embeddings(embeddings: NDArray[np.float32], dim: int) -> None:
    """Refuse what is not (N, dim) finite float32 rows of length 1; repair nothing.

    raises  BadInput with the first thing that is wrong
    """
    if not isinstance(embeddings, np.ndarray):
        raise BadInput(
            f"wanted embeddings as an array (N, {dim}) of float32; got {type(embeddings).__name__}"
        )
    if embeddings.dtype != np.float32 or embeddings.ndim != 2 or embeddings.shape[1] != dim:
        raise BadInput(
            f"wanted embeddings of shape (N, {dim}) in float32; "
            f"got {embeddings.shape} in {embeddings.dtype}"
        )
    lengths = np.linalg.norm(embeddings, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))  # NaN is wrong too
    if len(wrong):
        raise BadInput(
            f"wanted rows of length 1; row {wrong[0]} has length {lengths[wrong[0]]:.6g}. "
            "Divide each row by its norm"
        )
