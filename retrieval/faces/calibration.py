"""What a score means: how probable it is that two faces are one person.

A cosine of .91 tells a person nothing, and each embedder has its own scale. A
calibration is fitted on labelled pairs (`retrieve calibrate`) and kept as data beside
the embedder. Platt 1999, "Probabilistic outputs for support vector machines".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput, WeightsError
from retrieve.evaluation import strangers
from retrieve.evaluation.strangers import Curve
from retrieve.evaluation.verification import Scores, threshold_at
from retrieve.networks import weights

SHIPPED = Path(__file__).with_name("data")
SUFFIX = ".calibration.json"
NEWTON_STEPS = 50
FEWEST_PAIRS = 10  # of either kind
RATES = ("0.1", "0.01", "0.005", "0.002", "0.001", "0.0005", "0.0002", "0.0001", "0.00001")
# Two false matches in ten thousand comparisons of strangers: of the portraits that the
# shipped calibration was fitted on, nobody outside the gallery passes, nor do 2 of 155
# people inside.
DEFAULT_FMR = "0.0002"
# The chance that the best of a gallery of strangers passes.
DEFAULT_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Worse:
    """What a score means where the worse face of a pair is of a low quality.

    below             the quality; the probability is that of the first of these that it is below
    slope, intercept  as of a calibration
    """

    below: float
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """From cosine scores of one embedder, on one detector's crops, to probabilities.

    slope, intercept  log odds of "same person" = slope * score + intercept, when both
                      answers are equally probable beforehand
    thresholds        false-match rate → the lowest score at which no more of the
                      impostor pairs pass
    fmr               the rate whose threshold is that of two faces, and of whole galleries too
                      where there is no curve of strangers
    genuine, impostor pairs that it was fitted on
    data              where they came from
    strangers         how often two strangers score as high, from which the thresholds of whole
                      galleries follow; None in a calibration of an older version
    worse             of faces of low quality, lowest first: a small or covered face scores lower
                      with photos of its person, so that a low score speaks less against it
    """

    embedder: str
    embedder_sha256: str
    detector: str
    slope: float
    intercept: float
    thresholds: Mapping[str, float]
    fmr: str
    genuine: int
    impostor: int
    data: str
    strangers: Curve | None = None
    worse: Sequence[Worse] = ()

    @property
    def threshold(self) -> float:
        """That of two faces, "same person" from it on: its false-match rate is `fmr`."""
        return self.thresholds[self.fmr]

    def probability(self, score: float, quality: float = 1.0) -> float:
        """That two faces with this score are one person, 0 to 1, at even odds beforehand.

        quality  of the worse of them, 0 to 1
        """
        by = self._at(quality)
        return 1 / (1 + math.exp(-(by.slope * score + by.intercept)))

    def odds(self, margin: float, quality: float = 1.0) -> float:
        """How many times as probable one person is as another who scores so much less.

        margin   of scores, 0 or more
        quality  of the worst of the faces, 0 to 1
        """
        return math.exp(self._at(quality).slope * margin)

    def _at(self, quality: float) -> Calibration | Worse:
        return next((one for one in self.worse if quality < one.below), self)

    def false_match_rate(self, score: float) -> float:
        """Of how many pairs of strangers one scores as high, 0 to 1.

        Without a curve of strangers it is the lowest rate that was measured and the score passes,
        1 if it passes none.
        """
        if self.strangers is not None:
            return self.strangers.rate(score)
        passed = [float(rate) for rate, least in self.thresholds.items() if score >= least]
        return min(passed, default=1.0)

    def threshold_among(self, faces: Iterable[int], chance: float = DEFAULT_CHANCE) -> float:
        """The score that a stranger to a whole gallery reaches with that chance, and no more.

        faces   how many each person of the gallery has; where it is not known whose they are,
                each is a person of its own, which is the most that it can be
        chance  that the best of them passes, above 0 and below 1
        raises  BadInput for an empty gallery, or a calibration that has no curve of strangers
        """
        return self.threshold_for(strangers.independent(faces), chance)

    def chance_among(self, score: float, faces: Iterable[int]) -> float:
        """That somebody whom a gallery does not hold scores as high with the best of it."""
        return self.chance_for(strangers.independent(faces), score)

    def threshold_for(self, among: float, chance: float = DEFAULT_CHANCE) -> float:
        """threshold_among() of a gallery that counts as so many strangers, 1 at least."""
        return self._curve().score(strangers.rate_for(chance, among))

    def chance_for(self, among: float, score: float) -> float:
        """chance_among() of a gallery that counts as so many strangers, 0 or more."""
        return strangers.chance_of(self._curve().rate(score), among)

    def _curve(self) -> Curve:
        if self.strangers is None:
            raise BadInput(
                f"the calibration of {self.embedder} on {self.detector} does not tell how "
                "strangers score: it is of an older version, or of few people. Fit it again: "
                "retrieve calibrate FOLDER"
            )
        return self.strangers


def fit(
    genuine: Scores,
    impostor: Scores,
    *,
    embedder: str,
    embedder_sha256: str,
    detector: str,
    data: str,
    curve: Curve | None = None,
    worse: Sequence[Worse] = (),
) -> Calibration:
    """The calibration that makes labelled pairs most probable.

    genuine   (N,) scores of pairs that show one person
    impostor  (M,) scores of pairs that show two
    curve     of strangers, as retrieve.evaluation.strangers fits it; without one there are no
              thresholds for galleries
    worse     what scores of faces of low quality mean, as worse_below() fits it
    raises    BadInput if there are too few pairs or they are all alike
    """
    if min(genuine.size, impostor.size) < FEWEST_PAIRS:
        raise BadInput(
            f"a calibration needs {FEWEST_PAIRS} pairs of one person and as many of two at least; "
            f"got {genuine.size} and {impostor.size}"
        )
    slope, intercept = _logistic(genuine, impostor)
    # A rate that fewer than ten pairs can show is not claimed.
    rates = [rate for rate in RATES if impostor.size * float(rate) >= 10] or [RATES[0]]
    return Calibration(
        embedder,
        embedder_sha256,
        detector,
        slope,
        intercept,
        {rate: threshold_at(impostor, float(rate)) for rate in rates},
        DEFAULT_FMR if DEFAULT_FMR in rates else rates[-1],
        genuine.size,
        impostor.size,
        data,
        curve,
        tuple(worse),
    )


def worse_below(quality: float, genuine: Scores, impostor: Scores) -> Worse:
    """What a score means where the worse face of a pair is below a quality.

    genuine, impostor  as of fit(), of such pairs
    """
    return Worse(quality, *_logistic(genuine, impostor))


def find(
    embedder_sha256: str, detector: str, detector_sha256: str | None = None
) -> Calibration | None:
    """The calibration of these weights on this detector's crops: the user's, or a shipped one.

    detector_sha256  of a detector that calls itself so: it has no calibration of ours unless it
                     is ours; None takes the name for it
    raises  WeightsError for a file that is not a calibration
    """
    ours = weights.sha256_of_detector(detector)
    if detector_sha256 is not None and ours not in (None, detector_sha256):
        return None
    for found in chain(_all_in(_user_folder()), _shipped()):
        if (found.embedder_sha256, found.detector) == (embedder_sha256, detector):
            return found
    return None


def _all_in(folder: Path) -> Iterator[Calibration]:
    return map(load, sorted(folder.glob(f"*{SUFFIX}")))


@cache
def _shipped() -> tuple[Calibration, ...]:
    """Read once: every search asks for one."""
    return tuple(_all_in(SHIPPED))


def required(found: Calibration | None, embedder: str) -> Calibration:
    """The calibration, where there has to be one.

    raises  BadInput that says how to go on without
    """
    if found is None:
        raise BadInput(
            f"there is no calibrated threshold for {embedder}. Give one with --threshold "
            f"(-1 shows the k nearest), or fit one: retrieve calibrate FOLDER"
        )
    return found


def load(path: Path) -> Calibration:
    """A calibration from its JSON file. Raises WeightsError if it is not one."""
    try:
        stated = json.loads(path.read_text())
        curve = stated.pop("strangers", None)
        worse = tuple(Worse(**one) for one in stated.pop("worse", ()))
        return Calibration(
            **stated, strangers=None if curve is None else Curve(**curve), worse=worse
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is not a calibration: {error}. Delete or refit it") from error


def save(calibration: Calibration, path: Path | None = None) -> Path:
    """Keep a calibration in a file; None is the user's folder, where find() looks first."""
    if path is None:
        name = f"{calibration.embedder}-{calibration.detector}{SUFFIX}"
        path = _user_folder() / name
    with replacing(path) as part:
        part.write_text(json.dumps(asdict(calibration), indent=2) + "\n")
    return path


def _user_folder() -> Path:
    return Path(platformdirs.user_data_dir("retrieve")) / "calibrations"


def _logistic(genuine: Scores, impostor: Scores) -> tuple[float, float]:
    """Slope and intercept by Newton's method; either class weighs one half in all."""
    scores = np.concatenate([genuine, impostor]).astype(np.float64)
    middle, spread = float(scores.mean()), float(scores.std())
    if spread == 0:
        raise BadInput("all scores are equal; a calibration needs pairs that differ")
    # Platt's targets: never quite 0 or 1, so that separable pairs have a finite fit.
    target = np.concatenate(
        [
            np.full(genuine.size, (genuine.size + 1) / (genuine.size + 2)),
            np.full(impostor.size, 1 / (impostor.size + 2)),
        ]
    )
    weight = np.concatenate(
        [np.full(genuine.size, 0.5 / genuine.size), np.full(impostor.size, 0.5 / impostor.size)]
    )
    x: NDArray[np.float64] = np.stack([(scores - middle) / spread, np.ones(scores.size)])
    w = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(w @ x)))
        gradient = x @ (weight * (p - target))
        hessian = (x * (weight * p * (1 - p))) @ x.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # Far steps leave the region in which the quadratic model holds.
        w -= step * min(1.0, 2 / float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    return float(w[0] / spread), float(w[1] - w[0] * middle / spread)
