"""Fit and judge the quality of faces: python -m benchmarks.quality [--write] FOLDER

FOLDER is that of benchmarks.verification. Each face of a person with two photos or more is damaged
in a patch of its photo, from which crops and picture are cut; a face is found when it and another
photo of that person, undamaged, pass the threshold of 2 in 10,000 together. Quality is
fitted by logistic regression to these, a person weighing the same however many pairs there are.

Printed is what holds on people that it was not fitted on, by folds of people: in each bin of
quality the share that is missed, undamaged and damaged, and the mean of what quality said.
--write keeps the coefficients fitted on all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from benchmarks.augmented import PATCH
from benchmarks.damaged import compressed, covered, shrunk
from benchmarks.verification import RATES, labelled, people_dev
from retrieve.evaluation.verification import threshold_at
from retrieve.faces import quality
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS
from retrieve.faces.embedding import views as views_of
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.views import PICTURE, View
from retrieve.training.calibrate import pair_scores
from retrieve.types import Crops, Face, Pixels

FOLDS = 5
MOST = 3  # photos of a person that are looked for
POSES = (0, 0.5, 0.7, 0.85)  # lower bounds: 1 is frontal
RIDGE = 1e-3
EYES_PX = float(np.linalg.norm(PATCH.template[1] - PATCH.template[0]))
_TOP = float(PATCH.template[0, 1] - 1.47 * EYES_PX) / PATCH.size_px  # of mobilefacenet's crop
_SIDE = 3.18 * EYES_PX / PATCH.size_px


def smaller(px: float) -> Callable[[Image.Image], Image.Image]:
    """With the eyes px apart."""
    return lambda patch: shrunk(patch, max(2, round(patch.width * px / EYES_PX)))


def blurred(share: float) -> Callable[[Image.Image], Image.Image]:
    """By a share of the width of the face."""
    return lambda patch: patch.filter(ImageFilter.GaussianBlur(share * _SIDE * patch.width))


def dark(patch: Image.Image) -> Image.Image:
    """A quarter of the light, with the noise that a camera has then."""
    pixels = np.asarray(patch, np.float32) / 4
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


# Each with the distance of the eyes that is left, None for what they had.
DAMAGES: dict[str, tuple[Callable[[Image.Image], Image.Image], float | None]] = {
    "none": (lambda patch: patch, None),
    "eyes 16 px apart": (smaller(16), 16),
    "eyes 10 px apart": (smaller(10), 10),
    "eyes 7 px apart": (smaller(7), 7),
    "blur of 1.5 %": (blurred(0.015), None),
    "blur of 3 %": (blurred(0.03), None),
    "JPEG quality 10": (compressed, None),
    "dark and noisy": (dark, None),
    "grey": (lambda patch: ImageOps.grayscale(patch).convert("RGB"), None),
    "mouth covered": (lambda p: covered(p, _TOP + 0.62 * _SIDE, _TOP + _SIDE), None),
    "eyes covered": (lambda p: covered(p, _TOP + 0.38 * _SIDE, _TOP + 0.56 * _SIDE), None),
}


class Trials:
    """Damaged faces of people with two photos or more; row i of all arrays is one of them.

    judged  N qualities
    terms   (N, K) of quality.terms()
    missed  (N,) share of the person's other photos that it is not found with
    person  (N,) index; damage (N,) index into DAMAGES
    """

    def __init__(self, folder: Path, detector: str) -> None:
        photos = people_dev(folder / "people_dev")
        faces = labelled(photos, detector, [PATCH])
        embedder = open_embedder(DEFAULT_EMBEDDER)
        wanted = views_of.views(embedder, detector)
        names = np.array(faces.people)
        patches = faces.crops[0]
        stored = views_of.embed(embedder, cut(patches, wanted))
        threshold = threshold_at(pair_scores(stored, faces.people)[1], RATES[1])
        several = [
            int(i)
            for name in np.unique(names)
            if np.sum(names == name) > 1
            for i in np.flatnonzero(names == name)[:MOST]
        ]
        people = np.unique(names[several])
        self.judged: list[quality.Quality] = []
        shares, who, what = [], [], []
        for d, (how, eyes_px) in enumerate(DAMAGES.values()):
            damaged = [np.asarray(how(Image.fromarray(patches[i]))) for i in several]
            probes = views_of.embed(embedder, cut(damaged, wanted))
            for row, i in enumerate(several):
                picture = align(damaged[row], PATCH.template, PICTURE.template, PICTURE.size_px)
                face = sized(faces.landmarks[i], eyes_px)
                self.judged.append(quality.measure(face, picture))
                others = np.flatnonzero((names == names[i]) & (np.arange(len(names)) != i))
                shares.append(float(np.mean(stored[others] @ probes[row] < threshold)))
                who.append(int(np.searchsorted(people, names[i])))
                what.append(d)
        self.terms = np.array([quality.terms(one) for one in self.judged])
        self.missed = np.array(shares)
        self.person, self.damage = np.array(who), np.array(what)

    @property
    def weights(self) -> NDArray[np.float64]:
        """A person weighs the same in each damage."""
        counts = np.bincount(self.person)
        each: NDArray[np.float64] = 1.0 / counts[self.person]
        return each


def cut(patches: Crops | list[Pixels], wanted: tuple[View, ...]) -> tuple[Crops, ...]:
    return tuple(
        np.stack([align(patch, PATCH.template, one.template, one.size_px) for patch in patches])
        for one in wanted
    )


def sized(landmarks: NDArray[np.float32], eyes_px: float | None) -> Face:
    """The face in a photo in which its eyes are as far apart as that."""
    apart = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    scale = 1.0 if eyes_px is None else min(1.0, eyes_px / apart)
    return Face(np.zeros(4, np.float32), landmarks * np.float32(scale), 1.0)


def fit(
    terms: NDArray[np.float64], found: NDArray[np.float64], weights: NDArray[np.float64]
) -> quality.Fitted:
    """Logistic regression on shares, with a little ridge; no term may raise the chance."""
    from scipy.optimize import minimize

    spread = terms.std(axis=0) + 1e-9
    x = np.column_stack([terms / spread, np.ones(len(terms))])
    weights = weights / weights.sum()

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = x @ w
        p = 1 / (1 + np.exp(-odds))
        value = weights @ (np.logaddexp(0, odds) - found * odds) + RIDGE * w[:-1] @ w[:-1] / 2
        return float(value), x.T @ (weights * (p - found)) + RIDGE * np.append(w[:-1], 0)

    bounds = [(None, 0.0)] * terms.shape[1] + [(None, None)]
    w = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return quality.Fitted(float(w[-1]), w[:-1] / spread)


def chances(fitted: quality.Fitted, terms: NDArray[np.float64]) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (
        1 + np.exp(-(fitted.intercept + terms @ fitted.coefficients))
    )
    return chance


def report(trials: Trials, told: NDArray[np.float64]) -> None:
    """Shares by bin, then by damage."""
    bins = np.array([quality.bin_of(one) for one in told])
    weights, undamaged = trials.weights, trials.damage == 0
    for b in reversed(range(len(quality.BINS))):
        line = f"quality from {quality.BINS[b]:.2f}:"
        for name, chosen in (("undamaged", undamaged), ("damaged", ~undamaged)):
            here = chosen & (bins == b)
            if here.any():
                missed = np.average(trials.missed[here], weights=weights[here])
                said = np.average(1 - told[here], weights=weights[here])
                share = weights[here].sum() / weights[chosen].sum()
                line += f" {name} {share:.3f} of them, missed {missed:.3f}, said {said:.3f};"
        print(line)
    for d, name in enumerate(DAMAGES):
        here = trials.damage == d
        missed = np.average(trials.missed[here], weights=weights[here])
        said = np.average(1 - told[here], weights=weights[here])
        print(f"{name}: missed {missed:.3f}, said {said:.3f}")
    size = np.array([one.size * quality.EYES_PX for one in trials.judged])
    pose = np.array([one.pose for one in trials.judged])
    for what, values, bounds in (("eyes apart, px", size, (0, 30, 36, 40)), ("pose", pose, POSES)):
        for low, high in pairwise([*bounds, np.inf]):
            here = undamaged & (values >= low) & (values < high)
            if here.any():
                missed = np.average(trials.missed[here], weights=weights[here])
                print(f"undamaged, {what} from {low:g}: {here.sum()} faces, missed {missed:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detector", choices=DETECTORS, default=DEFAULT_DETECTOR)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    trials = Trials(asked.folder, asked.detector)
    fold = np.random.default_rng(0).permutation(trials.person.max() + 1) % FOLDS
    told = np.empty(len(trials.missed))
    for k in range(FOLDS):
        held = fold[trials.person] == k
        rest = fit(trials.terms[~held], 1 - trials.missed[~held], trials.weights[~held])
        told[held] = chances(rest, trials.terms[held])
    report(trials, told)
    if asked.write:
        every = fit(trials.terms, 1 - trials.missed, trials.weights)
        stated = {
            "embedder": DEFAULT_EMBEDDER,
            "detector": asked.detector,
            "rate": f"{RATES[1]:g}",
            "intercept": round(every.intercept, 6),
            "coefficients": every.coefficients.round(6).tolist(),
            "data": "news photos of 150 people and damaged copies (research use; ships as "
            "these numbers alone)",
        }
        quality.FITTED.write_text(json.dumps(stated, indent=2) + "\n")


if __name__ == "__main__":
    main()
