"""Faces into people: python -m benchmarks.clusters FOLDER [--only PART]...

FOLDER is that of benchmarks.verification; embeddings are kept as by benchmarks.scores. Prints, with
the default detector and embedder,

- people: how well groups are people: all faces of the photos of people_dev, and of congress; and
  the chances that thresholds follow from, chosen on half of the people of both and stated for
  the others
- made: 20,000 made faces beside scikit-learn's HDBSCAN and 100,000 beside fast-hdbscan, each in
  a process of its own (pip install scikit-learn fast-hdbscan)
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.clusters import made, people
from benchmarks.scores.faces import KEPT, found
from benchmarks.strangers import fitted_to
from retrieve.faces import calibration
from retrieve.faces.calibration import SHIPPED, SUFFIX
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER

PARTS = ("people", "made")
BESIDE = {20_000: ["ours", "scikit-learn"], 100_000: ["ours", "fast-hdbscan"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--faces", type=int, action="append", help="made ones; repeatable")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    shipped = calibration.load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
    news = found(asked.folder, "people_dev", asked.kept)
    if "people" in parts:
        sets = {"people_dev": news, "congress": found(asked.folder, "congress", asked.kept)}
        for name, faces in sets.items():
            people.table(name, faces, shipped)
        people.held_out(sets, shipped)
    if "made" in parts:
        moments, hardness = fitted_to(*news.labelled(), DEFAULT_EMBEDDER)
        for faces in asked.faces or BESIDE:
            made.beside(moments, hardness, faces, BESIDE.get(faces, ["ours"]))


if __name__ == "__main__":
    main()
