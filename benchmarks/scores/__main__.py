"""What scores are worth: python -m benchmarks.scores [--write] FOLDER

FOLDER is that of benchmarks.verification. Prints, with the default detector and embedder,

- quality: how far probabilities lie from the truth by the quality of the worse face, with one
  answer for all and by quality, on folds of people
- galleries: how many strangers pass the threshold that a chance and a number of people give, and
  how many of the known are found, in galleries drawn by chance; what several faces of one person
  count for; and congress, who are portraits
- identified: who is named, right or wrong, by the product's own rule in such galleries; what the
  runner-up and several faces of one person change; what is said of pairs of photos; and people of
  two groups
- cohort: whether scores normalised by a cohort of strangers miss or confuse fewer

Faces are found and embedded once and kept in --kept; all else is arithmetic. --write puts the curve
of strangers into every calibration that ships, and the qualities into the default one's.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.scores import calibrated, cohort, galleries, identified
from benchmarks.scores.faces import KEPT, Found, damaged, found
from benchmarks.verification import GALLERY, labelled, people_dev
from retrieve.evaluation import identification
from retrieve.faces import calibration
from retrieve.faces.calibration import SHIPPED, SUFFIX, Calibration
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.views import embed, views
from retrieve.training.calibrate import stranger_curve

PARTS = ("quality", "galleries", "identified", "cohort")


def portraits(faces: Found, shipped: Calibration) -> None:
    """Prints who of congress passes: those of the gallery, and those whom it does not hold."""
    rows, people = faces.labelled()
    stored = np.array([name.startswith(GALLERY) for name in faces.labelled_files()])
    who = np.array(people)
    scores = rows[~stored] @ rows[stored].T
    people_here = int(stored.sum())
    for chance in galleries.CHANCES:
        least = shipped.threshold_among([1] * people_here, chance)
        told = identification.open_set(scores, who[~stored].tolist(), who[stored].tolist(), least)
        print(
            f"congress, {people_here} people, {chance:g} stated: threshold {least:.4f}; "
            f"{told.accepted.hits} of {told.accepted.trials} strangers "
            f"({told.accepted.low:.4f} to {told.accepted.high:.4f}), "
            f"{told.identified.hits} of {told.identified.trials} of the known"
        )


def curves(folder: Path) -> None:
    """Puts the curve of strangers into the calibrations of all embedders and detectors."""
    photos = people_dev(folder / "people_dev")
    for path in sorted(SHIPPED.glob(f"*{SUFFIX}")):
        before = calibration.load(path)
        embedder = open_embedder(before.embedder)
        assert embedder.weights_sha256 == before.embedder_sha256, path
        wanted = views(embedder, landmarks_of(open_detector(before.detector)))
        faces = labelled(photos, before.detector, wanted)
        curve = stranger_curve(embed(embedder, faces.crops), faces.people)
        calibration.save(replace(before, strangers=curve), path)
        print(f"{path.name}: {curve}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    news = found(asked.folder, "people_dev", asked.kept)
    embeddings, people = news.labelled()
    path = SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}"
    shipped = calibration.load(path)
    if asked.write or "quality" in parts:
        pairs = calibrated.pairs(
            damaged(asked.folder, asked.kept)[1], embeddings, people, news.labelled_quality()
        )
    if asked.write:
        calibration.save(replace(shipped, worse=calibrated.fitted(pairs)), path)
        curves(asked.folder)
        shipped = calibration.load(path)
    if "quality" in parts:
        calibrated.table(pairs, shipped)
        calibrated.by_group(pairs, shipped, people, cohort.groups(asked.folder))
    if "galleries" in parts:
        assert shipped.strangers is not None, "--write keeps one"
        galleries.table(embeddings, people, shipped.strangers)
        galleries.alike(embeddings, people, shipped.strangers)
        portraits(found(asked.folder, "congress", asked.kept), shipped)
    if "identified" in parts:
        good = news.labelled_quality().astype(np.float64)
        identified.table(embeddings, people, good, shipped)
        identified.margins(embeddings, people, good, shipped)
        identified.verified(embeddings, people, good, shipped)
        identified.joins(embeddings, people, shipped)
        identified.by_group(embeddings, people, cohort.groups(asked.folder), shipped)
    if "cohort" in parts:
        cohort.table(asked.folder, embeddings, people)
        cohort.differences(asked.folder, embeddings, people)
        cohort.elsewhere(
            embeddings, people, *found(asked.folder, "congress", asked.kept).labelled()
        )


if __name__ == "__main__":
    main()
