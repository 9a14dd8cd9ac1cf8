"""How often the class of a photo is the likeliest, and among the likeliest five."""

from __future__ import annotations

import csv
from pathlib import Path

from retrieve import photos
from retrieve.indexes.building.jobs import LONG_SIDE_PX
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.embed import open_picture_embedder


def report(folder: Path) -> None:
    """Print it of objects_dev, from the files as they are."""
    embedder = open_picture_embedder()
    with (folder / "objects_dev" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first = five = kept = 0
    for row in rows:
        path = folder / "objects_dev" / row["file"]
        pixels = photos.read(path, long_side_px=LONG_SIDE_PX).pixels
        (shown,) = embedder.look([pixels])
        found = [synsets()[one.number] for one in shown.classes]
        first += found[:1] == [row["synset"]]
        five += row["synset"] in found[:5]
        kept += len(found)
    n = len(rows)
    print(f"classes, {n} photos: top 1 {first / n:.3f}, top 5 {five / n:.3f} (of those of .01 and ")
    print(f"more, {kept / n:.1f} a photo)")
