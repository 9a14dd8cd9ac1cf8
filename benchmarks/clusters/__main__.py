"""Faces into people: python -m benchmarks.clusters FOLDER [--only PART]...

FOLDER is that of benchmarks.verification; embeddings are kept as by benchmarks.scores. Prints, with
the default detector and embedder,

- people: how well groups are people: all faces of the photos of people_dev, and of congress; and
  the chances that thresholds follow from, chosen on half of the people of both and stated for
  the others
- reviewed: how many faces have the right name, a wrong one, or none, when one face each of 20
  people is named and 30 questions of `retrieve review` are answered from the labels
- made: 20,000 made faces beside scikit-learn's HDBSCAN and 100,000 beside fast-hdbscan, each in
  a process of its own (pip install 'retrieve[bench]')
- said: a name, a merge and taking them back where 100,000 faces were named by as many lines
- attached: one new photo of one face in a collection of 1,000,000 made faces
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.clusters import attached, made, people, reviewed, said
from benchmarks.clusters.made import METHODS
from benchmarks.scores.faces import KEPT, found
from benchmarks.strangers import fitted_to
from retrieve.faces import calibration
from retrieve.faces.calibration import SHIPPED, SUFFIX
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER

PARTS = ("people", "reviewed", "made", "said", "attached")
BESIDE = {
    20_000: ["ours", "scikit-learn", "fast-hdbscan on our graph", "fast-hdbscan"],
    100_000: ["ours", "fast-hdbscan on our graph", "fast-hdbscan"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--faces", type=int, action="append", help="made ones; repeatable")
    parser.add_argument("--limit", type=int, default=2400, help="CPU s for one method of made")
    parser.add_argument("--pinned", type=int, default=100_000, help="faces of said")
    parser.add_argument("--stored", type=int, default=1_000_000, help="faces to attach to")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    shipped = calibration.load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
    news = found(asked.folder, "people_dev", asked.kept)
    if "people" in parts:
        sets = {"people_dev": news, "congress": found(asked.folder, "congress", asked.kept)}
        for name, faces in sets.items():
            people.table(name, faces, shipped)
        people.held_out(sets, shipped)
    if "reviewed" in parts:
        reviewed.table("people_dev", news)
    if "made" in parts or "attached" in parts:
        moments, hardness = fitted_to(*news.labelled(), DEFAULT_EMBEDDER)
    if "made" in parts:
        for count in asked.faces or BESIDE:
            made.beside(moments, hardness, count, BESIDE.get(count, list(METHODS)), asked.limit)
    if "said" in parts:
        said.table(asked.pinned)
    if "attached" in parts:
        attached.table(moments, hardness, asked.stored)


if __name__ == "__main__":
    main()
