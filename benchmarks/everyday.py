"""Detectors on everyday photos: python -m benchmarks.everyday [--only NAME]... [--recipes]

On ../shared/photos, or on --photos FOLDER. All detectors look at every photo of wider_dev in turn,
at no more than 1,024 pixels, on one thread. Of each: recall of faces whose shorter side has 40
pixels and more, and 20 to 40, in these photos (found is an intersection over union above .3, one to
one, best score first; what is marked invalid is not counted), finds on nothing (that overlap no
box, small and invalid ones included) of all finds, and CPU ms a photo; the faces found of the 29 in
solvay1927.

Then of the default recipe, by detector, what tiles and turns find and cost: portraits turned,
photos without a face, photos of things, and a panorama of a group photo.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photos import SHARED
from retrieve import photos
from retrieve.faces.detection import centerface
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.detection.centerface import open_centerface
from retrieve.faces.detection.detect import DETECTORS, open_detector
from retrieve.faces.detection.detector import Detector
from retrieve.faces.detection.find import find
from retrieve.faces.detection.recipe import DEFAULT, Recipe
from retrieve.faces.detection.turns import TURNS, turned
from retrieve.sources import Reader, file_reader, reader_of
from retrieve.types import Face, Photo, Pixels

FOUND = 0.3  # intersection over union
LARGE_PX, SMALL_PX = 40, 20
PORTRAITS = 20
GROUP = Path("17-wide-group")
PANORAMA = (12000, 1600)

Look = Callable[[Pixels], list[Face]]


def looks() -> dict[str, Look]:
    """Every detector that is compared, by what it is called."""
    wanted: dict[str, Detector] = {f"{name}, default": open_detector(name) for name in DETECTORS}
    first, settings = centerface.FIRST, centerface.DEFAULT
    for name, one in {
        "first edition": first,
        "score .47, no second look": replace(settings, accept=0.47, sure=0),
        "second look from .4 on": replace(settings, accept=0.4),
        "704 px": replace(settings, long_side_px=704, area_px=704 * 470),
        "768 px": replace(settings, long_side_px=768, area_px=768 * 512),
    }.items():
        wanted[f"centerface, {name}"] = open_centerface(settings=one)

    def look(detector: Detector) -> Look:
        return lambda pixels: detector.detect([pixels])[0]

    return {name: look(detector) for name, detector in wanted.items()}


class Tally:
    """What one detector found so far."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._finds = self._on_nothing = 0
        self._sides: list[float] = []
        self._found: list[bool] = []

    def add(self, faces: list[Face], wanted: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """The faces of one photo, beside every box that is marked in it."""
        ranked = sorted(faces, key=lambda face: -face.score)
        got = np.array([face.box for face in ranked], np.float32).reshape(-1, 4)
        shared = overlap(got, wanted)
        self._finds += len(got)
        self._on_nothing += int((shared.max(axis=1, initial=0) <= 0).sum())
        hit = np.zeros(len(wanted), np.bool_)
        for row in shared:
            free = np.where(hit, 0, row)
            if free.max(initial=0) > FOUND:
                hit[free.argmax()] = True
        self._sides += (wanted[:, 2:] - wanted[:, :2]).min(axis=1)[valid].tolist()
        self._found += hit[valid].tolist()

    def __str__(self) -> str:
        sides, found = np.array(self._sides), np.array(self._found)
        large, small = sides >= LARGE_PX, (sides >= SMALL_PX) & (sides < LARGE_PX)
        return (
            f"{found[large].mean():.3f} of {large.sum()}, {found[small].mean():.3f} of "
            f"{small.sum()}, on nothing {self._on_nothing} of {self._finds} "
            f"({self._on_nothing / max(1, self._finds):.2%})"
        )


def labelled(folder: Path) -> Iterable[tuple[Photo, NDArray[np.float32], NDArray[np.bool_]]]:
    """Each photo with its boxes (N, 4), in pixels of what was read, and which are counted."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    with (folder / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
            boxes[row["file"]].append([x, y, x + width, y + height, row["invalid"] == "0"])
    for name, rows in boxes.items():
        photo = photos.read(folder / name)
        values = np.array(rows, np.float32)
        yield photo, values[:, :4] * np.float32(photo.scale), values[:, 4] > 0


def everyday(folder: Path, only: list[str] | None) -> None:
    """A line for each detector."""
    chosen = {name: look for name, look in looks().items() if not only or name in only}
    tallies = {name: Tally() for name in chosen}
    count = 0
    for photo, boxes, valid in labelled(folder / "wider_dev"):
        count += 1
        for name, look in chosen.items():
            start = time.process_time()
            faces = look(photo.pixels)
            tallies[name].seconds += time.process_time() - start
            tallies[name].add(faces, boxes, valid)
    group = photos.read(folder / "groups" / "solvay1927.jpg").pixels
    print(f"{count} photos: recall of ≥ {LARGE_PX} px, of {SMALL_PX} to {LARGE_PX} px")
    for name, tally in tallies.items():
        ms = tally.seconds * 1e3 / count
        seen = len(chosen[name](group))
        print(f"{name:42} {tally}; {ms:.1f} CPU ms a photo; solvay1927 {seen} of 29", flush=True)


def searched(
    name: str, what: str, reads: list[Reader], recipes: dict[str, Recipe], edition: int
) -> None:
    """A line of what each recipe finds in some photos, and its CPU ms a photo."""
    detector = open_detector(name, edition=edition)
    told = []
    for title, recipe in recipes.items():
        faces = with_faces = turns = 0
        start = time.process_time()
        for read in reads:
            found = find(read, detector, recipe)
            faces += len(found.faces)
            with_faces += bool(found.faces)
            turns += bool(found.turn)
        ms = (time.process_time() - start) * 1e3 / len(reads)
        told.append(
            f"{title}: {faces} faces in {with_faces}, {turns} photos turned, {ms:.0f} CPU ms"
        )
    print(f"{name}, {len(reads)} {what}: {'; '.join(told)}", flush=True)


def panorama(group: Path) -> bytes:
    """A wide photo with the group in its middle, as a JPEG."""
    wide = Image.new("RGB", PANORAMA, (90, 110, 130))
    with Image.open(group) as image:
        wide.paste(
            image.convert("RGB"),
            ((PANORAMA[0] - image.width) // 2, (PANORAMA[1] - image.height) // 2),
        )
    buffer = io.BytesIO()
    wide.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def recipes(folder: Path, cases: Path) -> None:
    """What the default recipe adds, by detector."""
    turns = {"with turns": DEFAULT, "without": DEFAULT.turning(False)}
    tiles = {"with tiles": DEFAULT, "without": replace(DEFAULT, tile_px=0)}
    portraits = [
        photos.read(path, long_side_px=None).pixels
        for path in sorted((folder / "congress" / "query_2024").iterdir())[:PORTRAITS]
    ]
    empty = [
        path
        for path in sorted((folder / "negatives").iterdir())
        if path.name not in ("camera.png", "truncated.jpg")  # a man; no photo
    ]
    things = sorted(path for path in (folder / "objects_dev").iterdir() if path.suffix == ".jpg")
    for name in DETECTORS:
        for turn in TURNS:
            reads = [reader_of(turned(pixels, turn)) for pixels in portraits]
            searched(name, f"portraits turned by {turn}", reads, turns, DEFAULT.edition)
        for what, paths in (("photos without a face", empty), ("photos of things", things)):
            searched(name, what, [file_reader(path) for path in paths], turns, DEFAULT.edition)
        for path in sorted((cases / GROUP).glob("*.jpg")):
            searched(name, path.name, [file_reader(path)], tiles, DEFAULT.edition)
        wide = panorama(cases / GROUP / "group_3000.jpg")
        searched(name, "panorama", [reader_of(wide)], tiles, DEFAULT.edition)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=SHARED)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--recipes", action="store_true", help="what the default recipe adds alone")
    asked = parser.parse_args()
    if not asked.recipes:
        everyday(asked.photos, asked.only)
    if not asked.only:
        recipes(asked.photos, asked.photos.parent / "cases" / "photos")


if __name__ == "__main__":
    main()
