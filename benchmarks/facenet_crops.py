"""How wide FaceNet wants its faces: python -m benchmarks.facenet_crops [--detector NAME] FOLDER

FOLDER is that of benchmarks.verification. Of people_dev up to four photos of each person with two
or more are embedded without mirror images. Prints for several widths, 1 being that of the face, the
pairs that are missed (FNMR) at three false-match rates, and how many spreads lie between the scores
of one person and of two (d').
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.verification import RATES, labelled, missed, people_dev
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, DETECTORS
from retrieve.faces.embedding.embed import FACENET_PACKAGED, network_spec
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.views import View
from retrieve.networks.runtime import open_network
from retrieve.training.calibrate import pair_scores

WIDTHS = (1.0, 1.1, 1.2, 1.33, 1.45)
PHOTOS = 4
BATCH = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detector", choices=DETECTORS, default=DEFAULT_DETECTOR)
    asked = parser.parse_args()
    side = FACENET_PACKAGED.crop_px
    view = View(FACENET_PACKAGED.template(asked.detector), side)
    faces = labelled(people_dev(asked.folder / "people_dev"), asked.detector, [view])
    photos = Counter(faces.people)
    seen: Counter[str] = Counter()
    chosen = []
    for i, person in enumerate(faces.people):
        seen[person] += 1
        if photos[person] > 1 and seen[person] <= PHOTOS:
            chosen.append(i)
    people = [faces.people[i] for i in chosen]
    network = open_network(network_spec(FACENET_PACKAGED.name))
    assert FACENET_PACKAGED.window is not None
    for width in WIDTHS:
        left = round((side - side / width) / 2)
        window = replace(FACENET_PACKAGED.window, left=left, right=side - left)
        planes = window.seen(faces.crops[0][chosen]).transpose(0, 3, 1, 2).astype(np.float32)
        parts = [network(planes[i : i + BATCH])[0] for i in range(0, len(planes), BATCH)]
        embeddings = unit_rows(np.concatenate(parts))
        genuine, impostor = pair_scores(embeddings, people)
        shares = missed(embeddings, people, [threshold_at(impostor, rate) for rate in RATES])
        told = ", ".join(f"{share:.4f} at {r:g}" for share, r in zip(shares, RATES, strict=True))
        apart = (genuine.mean() - impostor.mean()) / np.sqrt((genuine.var() + impostor.var()) / 2)
        print(
            f"{asked.detector}, width {width:g} ({len(people)} faces of {len(set(people))} "
            f"people): FNMR {told}; d' {apart:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
