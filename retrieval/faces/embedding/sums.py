"""Several networks in one vector, whose cosine is the weighted mean of their scores.

Each network's unit vector is scaled by the square root of its weight over the spread of its
strangers' scores, so that a point of one score counts as a point of the other. It is turned into
the few dimensions that it fills (of dlib-resnet's 128 the last 48 hold nothing, of mobilefacenet's
192 the last 126), and set behind the one before.

Spreads and bases are measured by `python -m benchmarks.sums`, which writes them into the file read
here. Source of the mean of normalised scores: Jain, Nandakumar and Ross 2005, "Score normalization
in multimodal biometric systems".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.embedding.embedder import Embedder, unit_rows
from retrieve.faces.embedding.trained.headed import Headed
from retrieve.types import Crops, Embeddings

CONSTANTS = Path(__file__).parents[1] / "data" / "sums.safetensors"
PLUS = "+"


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """What a sum has to know of one network.

    spread  standard deviation of the cosines of strangers
    weight  of its score, in spreads
    basis   (D, K) float32, orthonormal: the K dimensions in which its vectors have the most length
    """

    spread: float
    weight: float
    basis: NDArray[np.float32]

    @property
    def scale(self) -> float:
        """Of its unit vectors, before those of a sum are made unit again."""
        return float(np.sqrt(self.weight / self.spread))


class Sum:
    """Embedders behind one name; each takes crops of its own.

    name            theirs in alphabetical order with a + between
    dim             of all bases together
    weights_sha256  theirs in that order, and of the constants, with a + between
    parts           the embedders in that order
    """

    def __init__(self, parts: Sequence[Embedder]) -> None:
        """Raises BadInput for fewer than two, the same one twice, one without constants."""
        self.parts = tuple(sorted(parts, key=lambda part: part.name))
        names = [part.name for part in self.parts]
        check(names)
        self.name = PLUS.join(names)
        self._constants = [constants()[name] for name in names]
        self.dim = sum(one.basis.shape[1] for one in self._constants)
        digests = [part.weights_sha256 for part in self.parts]
        self.weights_sha256 = PLUS.join([*digests, _digest(self._constants)])

    def embed(self, crops: tuple[Crops, ...]) -> Embeddings:
        """(N, D) float32, rows of length 1.

        crops   for each part, in its order, (N, crop_px, crop_px, 3) uint8 RGB
        raises  BadInput for crops of another shape or type
        """
        return self.combine([part.embed(own) for part, own in zip(self.parts, crops, strict=True)])

    def combine(self, embeddings: Sequence[Embeddings]) -> Embeddings:
        """The vectors of the parts, in their order, as one."""
        pairs = zip(embeddings, self._constants, strict=True)
        return unit_rows(
            np.concatenate(
                [own @ (one.basis * np.float32(one.scale)) for own, one in pairs], axis=1
            )
        )


AnyEmbedder = Embedder | Sum | Headed


def parted(name_or_path: str) -> tuple[str, ...]:
    """The names in the name of a sum; none in any other name, or a file's that is there."""
    if PLUS not in name_or_path or Path(name_or_path).is_file():
        return ()
    return tuple(name_or_path.split(PLUS))


def check(names: Sequence[str]) -> None:
    """Raises BadInput for embedders that make no sum."""
    told, known = PLUS.join(names), constants()
    if len(set(names)) < max(2, len(names)):
        raise BadInput(f"a sum is of two embedders or more, each once; got {told}")
    for name in names:
        if name not in known:
            raise BadInput(
                f"nothing is known of how {name} scores strangers, so it cannot be part of "
                f"{told}; a sum can be made of {', '.join(known)}"
            )


@cache
def constants(path: Path = CONSTANTS) -> dict[str, Constants]:
    """Embedder → what a sum has to know of it.

    raises  WeightsError if the file is damaged
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            stated = json.loads(file.metadata()["embedders"])
            return {
                name: Constants(one["spread"], one["weight"], file.get_tensor(name))
                for name, one in stated.items()
            }
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} is damaged: {error}. Install retrieve again: "
            "pip install --force-reinstall --no-deps retrieve"
        ) from error


def _digest(every: Sequence[Constants]) -> str:
    found = hashlib.sha256()
    for one in every:
        found.update(np.array([one.spread, one.weight], "<f8").tobytes())
        found.update(one.basis.astype("<f4").tobytes())
    return found.hexdigest()
