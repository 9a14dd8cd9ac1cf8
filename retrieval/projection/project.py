"""Embeddings → two dimensions, and how much of their neighbourhoods the picture keeps.

Sources: Pearson 1901, "On lines and planes of closest fit" (PCA); van der Maaten and Hinton
2008, "Visualizing data using t-SNE", computed by openTSNE; McInnes et al. 2018, "UMAP",
computed by umap-learn; Venna and Kaski 2001, "Neighborhood preservation in nonlinear
projection methods" (trustworthiness).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.projection.methods import Method
from retrieve.shares import percent, share
from retrieve.types import Embeddings

Places = NDArray[np.float32]  # (N, 2) x, y, of no unit

NEIGHBOURS = 10  # of a point, whose keeping is measured
MEASURED = 2000  # points whose neighbourhoods are measured, where there are more
BLOCK = 64  # of them at a time: bounds memory to a few arrays of 64 × N
TSNE_EXACT_BELOW = 1000  # points; more find their neighbours approximately
PERPLEXITY = 30.0  # t-SNE's usual one; less where there are fewer than 91 points
UMAP_NEIGHBOURS = 15  # UMAP's default
FEWEST = 5  # points that t-SNE and UMAP can arrange


@dataclass(frozen=True, slots=True)
class Kept:
    """What a picture keeps of the neighbourhoods of its points.

    share            of the k nearest neighbours that are among the k nearest in the picture
    by_chance        what the share is for points strewn at random
    trustworthiness  Venna and Kaski's: 1 if no point of a neighbourhood in the picture came
                     from far away, about .5 for points strewn at random
    k                neighbours of a point
    points           whose neighbourhoods were looked at
    """

    share: float
    by_chance: float
    trustworthiness: float
    k: int
    points: int


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Where the points lie in the picture.

    places     (N, 2) float32
    explained  of PCA, the share of the variance that each of the two axes holds; else None
    kept       None for fewer than three points
    """

    method: Method
    places: Places
    explained: tuple[float, float] | None
    kept: Kept | None


def project(embeddings: Embeddings, method: Method = Method.PCA, *, seed: int = 0) -> Projection:
    """The embeddings in two dimensions; the same arguments give the same places.

    embeddings  (N, D) unit rows
    raises      BadInput without embeddings, or for t-SNE and UMAP with fewer than FEWEST;
                MissingExtra where their library is not installed
    """
    N = len(embeddings)
    if N == 0 or (method is not Method.PCA and N < FEWEST):
        needed = 1 if method is Method.PCA else FEWEST
        raise BadInput(f"{method} arranges {needed} points or more; got {N}")
    explained = None
    if method is Method.PCA:
        places, explained = _pca(embeddings)
    elif method is Method.TSNE:
        places = _tsne(embeddings, seed)
    else:
        places = _umap(embeddings, seed)
    return Projection(method, places, explained, kept(embeddings, places, seed=seed))


def kept(
    embeddings: Embeddings,
    places: NDArray[np.floating[Any]],
    *,
    k: int = NEIGHBOURS,
    seed: int = 0,
    measured: int = MEASURED,
) -> Kept | None:
    """How much of the points' neighbourhoods the places keep; None for fewer than three points.

    embeddings  (N, D) unit rows, neighbours by cosine
    places      (N, 2), neighbours by distance
    k           neighbours of a point, at most (N - 1) / 2, above which the measure is undefined
    measured    points that are looked at; of more points, so many drawn by the seed
    """
    N = len(embeddings)
    k = min(k, (N - 1) // 2)
    if k < 1:
        return None
    chosen = sample(N, measured, seed)
    shared, late = 0, 0
    x, y = places.T.astype(np.float64)
    for start in range(0, len(chosen), BLOCK):
        rows = chosen[start : start + BLOCK]
        own = np.arange(len(rows))
        scores = embeddings[rows] @ embeddings.T  # (B, N)
        scores[own, rows] = -np.inf
        away = (x[rows, None] - x) ** 2 + (y[rows, None] - y) ** 2
        away[own, rows] = np.inf
        near = np.argpartition(away, k - 1, axis=1)[:, :k]
        there = np.take_along_axis(scores, near, axis=1)
        # The rank of a neighbour in the picture among all, by score: 0 is the nearest.
        ranks = np.stack([(scores > there[:, j, None]).sum(axis=1) for j in range(k)], axis=1)
        shared += int(np.count_nonzero(ranks < k))
        late += int(np.maximum(ranks + 1 - k, 0).sum())
    n = len(chosen)
    worst = n * k * (2 * N - 3 * k - 1) / 2
    return Kept(shared / (n * k), k / (N - 1), 1 - late / worst, k, n)


def sample(N: int, most: int, seed: int) -> NDArray[np.int64]:
    """Ascending numbers below N: all of them, or `most` drawn by the seed."""
    if most >= N:
        return np.arange(N)
    return np.sort(np.random.default_rng(seed).choice(N, most, replace=False))


def _pca(embeddings: Embeddings) -> tuple[Places, tuple[float, float]]:
    """Places on the two axes of most variance, and the share of it that they hold."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    # D × D: neither time nor memory grows with N beyond one pass.
    squares = np.zeros((embeddings.shape[1],) * 2)
    for start in range(0, len(embeddings), 1 << 14):
        centred = embeddings[start : start + (1 << 14)] - mean
        squares += centred.T @ centred
    variances, axes = np.linalg.eigh(squares)  # ascending
    first = axes[:, ::-1][:, :2]
    # The sign of an axis is free: its largest entry is positive, so that pictures repeat.
    first = first * np.sign(first[np.abs(first).argmax(axis=0), range(first.shape[1])])
    places = np.asarray((embeddings - mean.astype(np.float32)) @ first, np.float32)
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    shares = np.clip(variances[::-1], 0, None) / max(float(variances.clip(0).sum()), 1e-30)
    both = [*shares[:2].tolist(), 0.0][:2]
    return places, (both[0], both[1])


def _tsne(embeddings: Embeddings, seed: int) -> Places:
    with optional("t-SNE"):
        from openTSNE import TSNE
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import Annoy, Sklearn
    rows = np.ascontiguousarray(embeddings, np.float32)
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    # As TSNE would choose. Asked to choose, it looks whether pynndescent can be imported, which
    # compiles that for twenty seconds on each new machine and is not used.
    nearest = Sklearn if len(rows) < TSNE_EXACT_BELOW else Annoy
    index = nearest(
        rows, min(len(rows) - 1, int(3 * perplexity)), metric="cosine", n_jobs=1, random_state=seed
    )
    # Several threads add in another order each time.
    affinities = PerplexityBasedNN(
        perplexity=perplexity, knn_index=index, n_jobs=1, random_state=seed
    )
    fitted = TSNE(initialization="pca", random_state=seed, n_jobs=1).fit(
        rows, affinities=affinities
    )
    return np.array(fitted, np.float32)


def _umap(embeddings: Embeddings, seed: int) -> Places:
    with optional("UMAP"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # its optional parts, which we use not
        from umap import UMAP
    N = len(embeddings)
    fitted = UMAP(
        n_neighbors=min(UMAP_NEIGHBOURS, N - 1),
        metric="cosine",
        # Its spectral start needs more points than eigenvectors.
        init="spectral" if N > 2 * UMAP_NEIGHBOURS else "random",
        random_state=seed,
        n_jobs=1,
    ).fit_transform(np.ascontiguousarray(embeddings, np.float32))
    return np.array(fitted, np.float32)


def lines(projection: Projection) -> Sequence[str]:
    """What has to stand beside the picture, so that nobody reads more out of it than it says."""
    said = []
    if projection.explained is not None:
        x, y = projection.explained
        said.append(f"the axes hold {percent(x)} and {percent(y)} of the variance")
    if (kept := projection.kept) is not None:
        said.append(
            f"{percent(kept.share)} of the {kept.k} nearest neighbours kept "
            f"(by chance {percent(kept.by_chance)})"
        )
        said.append(f"trustworthiness {share(kept.trustworthiness, 3)}")
    return said
