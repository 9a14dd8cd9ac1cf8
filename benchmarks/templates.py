"""Where landmarks belong in mobilefacenet's crops: python -m benchmarks.templates FOLDER

FOLDER is that of benchmarks.verification. Prints for each detector the medians of its landmarks in
crops that were aligned to the published template, and with either template the pairs that are
missed. Kept is what misses fewer at the default rate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.verification import RATES, labelled, missed, people_dev
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DETECTORS
from retrieve.faces.embedding.align import similarity
from retrieve.faces.embedding.embed import MOBILEFACENET, open_embedder
from retrieve.faces.embedding.views import View, embed
from retrieve.training.calibrate import pair_scores


def medians(landmarks: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, 2) of landmarks (N, 5, 2), each face brought to the template."""
    aligned = []
    for points in landmarks:
        matrix = similarity(points, template)
        aligned.append(points @ matrix[:, :2].T + matrix[:, 2])
    found: NDArray[np.float32] = np.median(aligned, axis=0).astype(np.float32)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    photos = people_dev(parser.parse_args().folder / "people_dev")
    embedder = open_embedder(MOBILEFACENET.name)
    for detector in DETECTORS:
        published = MOBILEFACENET.template(detector)
        found = labelled(photos, detector, [View(published, MOBILEFACENET.crop_px)])
        measured = medians(found.landmarks, published)
        for what, template in (("published", published), ("medians", measured)):
            faces = labelled(photos, detector, [View(template, MOBILEFACENET.crop_px)])
            embeddings = embed(embedder, faces.crops)
            impostor = pair_scores(embeddings, faces.people)[1]
            shares = missed(embeddings, faces.people, [threshold_at(impostor, r) for r in RATES])
            told = ", ".join(f"{s:.4f} at {r:g}" for s, r in zip(shares, RATES, strict=True))
            print(f"{detector} {what} {template.astype(float).round(1).tolist()}: FNMR {told}")


if __name__ == "__main__":
    main()
