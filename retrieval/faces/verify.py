"""Whether two photos show one person (1:1): the same, different, or not to be told from them.

Between "same" and "different" lies what neither can be said of (Chow 1970, "On optimum recognition
error and reject tradeoff"). "Same" is what strangers hardly ever reach: a false-match rate. A low
score says less, because a blurred, small or covered face scores low with its own person: different
is what would be improbable of one person with a face of that quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import chance_of
from retrieve.faces import calibration, extract
from retrieve.faces.calibration import DEFAULT_FMR, Calibration
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.direct import (
    embed_faces,
    opened_detector,
    opened_embedder,
    qualities,
)
from retrieve.networks.own import weights_of
from retrieve.sources import reader_of

if TYPE_CHECKING:
    from retrieve.faces.detection.detector import Detector
    from retrieve.faces.embedding.embedder import Embedder
    from retrieve.sources import PhotoLike, Reader

# As sure as that has to be what is called different: 99 to 1 at even odds beforehand.
IMPROBABLE = 0.01


class Verdict(StrEnum):
    """What is said of two photos."""

    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "cannot say"


@dataclass(frozen=True, slots=True)
class Pair:
    """One face of the first photo and one of the second.

    faces        which, 1 for the largest of its photo
    score        cosine, -1 to 1
    quality      of the worse of them, 0 to 1
    probability  that they are one person, at even odds beforehand
    """

    faces: tuple[int, int]
    score: float
    quality: float
    probability: float


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether two photos show one person.

        told = retrieve.verify("a.jpg", "b.jpg")
        print(told.verdict, told.probability, told.false_match_rate)

    verdict           "same", "different" or "cannot say"
    why               what is in the way of an answer, "" where there is one
    pair              the pair of faces that decided, None where a photo has no face
    pairs             every face with every face, the highest score first
    false_match_rate  how often the best of so many pairs of strangers scores as high; None
                      without a pair
    same_from         the lowest score that is called the same; None without a pair
    """

    verdict: Verdict
    why: str
    pair: Pair | None
    pairs: tuple[Pair, ...]
    false_match_rate: float | None
    same_from: float | None

    @property
    def score(self) -> float | None:
        """Of the pair that decided."""
        return None if self.pair is None else self.pair.score

    @property
    def probability(self) -> float | None:
        """That the pair that decided is one person, at even odds beforehand."""
        return None if self.pair is None else self.pair.probability


def verify(
    a: PhotoLike,
    b: PhotoLike,
    *,
    false_match_rate: float = float(DEFAULT_FMR),
    detector: str | Detector | None = None,
    embedder: str | Embedder | None = None,
    turns: bool = True,
) -> Verification:
    """Whether a person in one photo is a person in another.

        told = retrieve.verify("passport.jpg", "party.jpg")
        print(told.verdict)

    false_match_rate  how many pairs of photos of strangers may be called the same, of all faces
                      together; above 0 and below 1
    detector, embedder, turns
                      as of compare()
    raises            BadInput for a photo of no use, a rate that is none, and an embedder whose
                      scores nobody calibrated
    """
    return verify_read(
        reader_of(a),
        reader_of(b),
        false_match_rate=false_match_rate,
        detector=detector,
        embedder=embedder,
        turns=turns,
    )


def verify_read(
    a: Reader,
    b: Reader,
    *,
    false_match_rate: float = float(DEFAULT_FMR),
    detector: str | Detector | None = None,
    embedder: str | Embedder | None = None,
    turns: bool = True,
) -> Verification:
    """As verify, of photos that are read where their reader says."""
    rate: object = false_match_rate
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise BadInput(f"wanted a false-match rate above 0 and below 1; got {rate!r}")
    by, with_ = opened_detector(detector), opened_embedder(embedder)
    measured = calibration.find(weights_of(with_), by.name, weights_of(by))
    if measured is None:
        raise BadInput(
            f"nobody calibrated what scores of {with_.name} with {by.name} mean. To fit it: "
            "retrieve calibrate FOLDER"
        )
    recipe = DEFAULT.turning(turns)
    found = [extract.detect(read, by, recipe) for read in (a, b)]
    for which, faces in zip(("first", "second"), found, strict=True):
        if not faces:
            why = f"no face found in {faces.photo.name}, the {which} of the two photos"
            return Verification(Verdict.UNSURE, why, None, (), None, None)
    scores = embed_faces(found[0], embedder=embedder) @ embed_faces(found[1], embedder=embedder).T
    worse = np.minimum.outer(*(qualities(faces) for faces in found))
    pairs = [
        Pair(
            (int(i) + 1, int(j) + 1),
            float(scores[i, j]),
            float(worse[i, j]),
            measured.probability(float(scores[i, j]), float(worse[i, j])),
        )
        for i, j in np.ndindex(scores.shape)
    ]
    return decide(measured, pairs, false_match_rate)


def decide(measured: Calibration, pairs: Sequence[Pair], rate: float) -> Verification:
    """What is said of the pairs of faces of two photos.

    pairs  every face with every face, one at least
    rate   how many pairs of photos of strangers may be called the same
    """
    ordered = tuple(sorted(pairs, key=lambda pair: -pair.score))
    same_from = _same_from(measured, len(pairs), rate)
    best = ordered[0]
    if best.score >= same_from:
        verdict, pair = Verdict.SAME, best
    else:
        # A blurred face with a lower score may be the likelier one.
        pair = max(ordered, key=lambda one: one.probability)
        different = pair.probability <= IMPROBABLE
        verdict = Verdict.DIFFERENT if different else Verdict.UNSURE
    why = ""
    if verdict is Verdict.UNSURE:
        why = "strangers score as high too often, and one person scores as low too often"
    reached = chance_of(measured.false_match_rate(pair.score), len(pairs))
    return Verification(verdict, why, pair, ordered, reached, same_from)


def _same_from(measured: Calibration, pairs: int, rate: float) -> float:
    """The score that the best of so many pairs of strangers reaches at that rate."""
    if measured.strangers is not None:
        return measured.threshold_for(pairs, rate)
    # A calibration of an older version knows some rates: the next lower one, or it says so.
    known = {float(one): score for one, score in measured.thresholds.items()}
    reached = [score for one, score in known.items() if one <= rate / pairs]
    return min(reached) if reached else measured.threshold_for(pairs, rate)
