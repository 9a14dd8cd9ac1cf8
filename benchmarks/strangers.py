"""Embeddings spread as those of real people are, as many as wanted.

Of real photographs (benchmarks/verification.py) three things are kept, for as long as the
process lives: the mean of all people, how people differ from it, and how photographs of one
person differ. People and their photographs are drawn from normal distributions of those second
moments, so they are nobody's. Some photographs are harder than others, or few pairs of one
person would score as low, and as high, as real ones do: the differences of each are longer or
shorter by a factor, of log-normal distribution, whose spread is chosen such that pairs of one
person score as widely apart as real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.verification import congress, labelled, people_dev
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding import views as views_of
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.training.calibrate import pair_scores
from retrieve.types import Embeddings

HARDNESSES = tuple(round(0.05 * i, 2) for i in range(13))
PEOPLE, PHOTOS = 700, 3  # drawn to compare their scores with real ones
SHARES = (0.01, 0.5, 0.99)
FEW = 2e-4  # of strangers, who score higher than is told


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """How people differ, and photographs of one person; no one can be had again from it.

    mean    (D,) of people
    people  (D, D), by which normally distributed numbers become a person
    photos  (D, D), and one photograph's difference from the person
    """

    mean: NDArray[np.float32]
    people: NDArray[np.float32]
    photos: NDArray[np.float32]


class People:
    """A Distribution (benchmarks/made.py) of photographs of people, some of each."""

    def __init__(self, moments: Moments, people: int, *, hardness: float, seed: int = 1) -> None:
        generator = np.random.default_rng(seed)
        self.dim = len(moments.mean)
        self._photos, self._hardness, self._seed = moments.photos, hardness, seed
        normal = generator.standard_normal((people, self.dim), np.float32)
        self._centres = moments.mean + normal @ moments.people.T

    def sample(self, count: int, stream: int) -> Embeddings:
        """(count, dim) unit rows of people by chance; each stream gives others."""
        generator = np.random.default_rng((self._seed, stream))
        return self.photos(generator.integers(0, len(self._centres), count), generator)

    def photos(self, people: NDArray[np.int64], generator: np.random.Generator) -> Embeddings:
        """A photograph of each of some people."""
        apart = generator.standard_normal((len(people), self.dim), np.float32) @ self._photos.T
        # Of mean square 1, so that the second moments stay those that were measured.
        factor = np.exp(self._hardness * generator.standard_normal(len(people)) - self._hardness**2)
        return unit_rows(self._centres[people] + apart * factor[:, None].astype(np.float32))


def fitted(folder: Path, embedder: str) -> tuple[Moments, float]:
    """Moments and hardness of the labelled faces below a folder; prints how well they fit."""
    return fitted_to(*_real(folder, embedder), embedder)


def fitted_to(embeddings: Embeddings, people: list[str], embedder: str) -> tuple[Moments, float]:
    """The same of (N, D) embeddings of people."""
    found = moments(embeddings, people)
    genuine, others = pair_scores(embeddings, people)
    drawn = {hardness: _scores(found, hardness) for hardness in HARDNESSES}
    hardness = min(drawn, key=lambda one: abs(drawn[one][0].std() - genuine.std()))
    print(f"{embedder}: {len(people)} real faces of {len(set(people))} people, hardness {hardness}")
    print(f"real: {told(genuine, others)}")
    print(f"drawn: {told(*drawn[hardness])}")
    return found, hardness


def moments(embeddings: Embeddings, people: list[str]) -> Moments:
    """Of (N, D) embeddings of people, two photographs or more of most."""
    rows = embeddings.astype(np.float64)
    _, which, count = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), rows.shape[1]))
    np.add.at(means, which, rows)
    means /= count[:, None]
    apart = rows - means[which]
    photos = apart.T @ apart / (len(rows) - len(count))
    mean = means.mean(axis=0)
    spread = (means - mean).T @ (means - mean) / (len(count) - 1)
    # The mean of few photographs strays as they do; what is left is of people.
    return Moments(
        mean.astype(np.float32), _root(spread - photos * (1 / count).mean()), _root(photos)
    )


def told(genuine: NDArray[np.float32], others: NDArray[np.float32]) -> str:
    """Scores of one person's pairs and of strangers', in a line."""
    own = ", ".join(f"{float(one):.3f}" for one in np.quantile(genuine, SHARES))
    far = ", ".join(f"{float(one):.3f}" for one in np.quantile(others, [*SHARES, 1 - FEW]))
    return (
        f"one person {genuine.mean():.3f} ± {genuine.std():.3f} ({own} at .01, .5, .99); strangers "
        f"{others.mean():.3f} ± {others.std():.3f} ({far} at .01, .5, .99, {1 - FEW:g})"
    )


def _real(folder: Path, embedder: str) -> tuple[Embeddings, list[str]]:
    opened = open_embedder(embedder)
    wanted = views_of.views(opened, DEFAULT_DETECTOR)
    sets = people_dev(folder / "people_dev"), congress(folder / "congress")
    found = [labelled(photos, DEFAULT_DETECTOR, wanted) for photos in sets]
    embeddings = np.concatenate([views_of.embed(opened, faces.crops) for faces in found])
    return embeddings, [person for faces in found for person in faces.people]


def _scores(moments: Moments, hardness: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    people = People(moments, PEOPLE, hardness=hardness)
    which = np.repeat(np.arange(PEOPLE), PHOTOS)
    return pair_scores(people.photos(which, np.random.default_rng(0)), which.astype(str).tolist())


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float32]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float32] = (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)
    return root
