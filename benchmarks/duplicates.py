"""What `retrieve duplicates` tells apart: python -m benchmarks.duplicates [PART…] FOLDER

FOLDER holds objects_dev, wider_dev and people_dev, as benchmarks.pictures has them. Prints, part by
part,

- changes: pictures that were changed (those of benchmarks.pictures, and turned by a quarter): how
  many are the same picture to the comparison of parts, and of how many the embedding alone lets the
  pair be compared, among that many photos; CPU ms a photo and a pair; and of the gallery's own
  pairs of different photos, how many are compared and how many of these are called one picture,
  wrongly or because they are: their files are printed, to be looked at
- made: 100,000 vectors, a tenth of them near another: the graph, and the groups that follow from
  it, without files: CPU s and memory
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.pictures import alike
from benchmarks.pictures.changes import CHANGES, Change
from retrieve import photos
from retrieve.indexes.building.jobs import LONG_SIDE_PX
from retrieve.indexes.duplicates.best import Worth
from retrieve.indexes.duplicates.candidates import candidates, chance_of_vain
from retrieve.indexes.duplicates.grouping import Same, grouped
from retrieve.indexes.duplicates.looking import LONG_SIDE_PX as SMALL_PX
from retrieve.indexes.queries.pictures import shipped_calibration
from retrieve.pictures.embedding.embed import open_picture_embedder
from retrieve.pictures.same.compared import Fit, compare
from retrieve.pictures.same.marks import Marks, marks, sketch
from retrieve.types import Pixels

PARTS = ("changes", "made")
EVERY = 5  # photo of the gallery that is changed
MADE, DIM, NEAR = 100_000, 256, 0.1
MORE: Mapping[str, Change] = {
    "turned by a quarter": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


def main() -> None:
    """Print each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if "changes" in arguments.parts:
        changes(arguments.folder)
    if "made" in arguments.parts:
        made()


def changes(folder: Path) -> None:
    """Made changes, and pairs of different photos."""
    embedder = open_picture_embedder()
    paths = alike.gallery(folder)
    stored, _ = alike.looked(embedder, str(paths), alike.seen(paths))
    least = shipped_calibration().threshold_for(len(paths), chance_of_vain(len(paths)))
    mine = range(0, len(paths), EVERY)
    held = {at: _sketched(photos.read(paths[at], long_side_px=SMALL_PX).pixels) for at in mine}
    print(f"{len(mine)} photos changed; compared from a score of {least:.3f}, among {len(paths)}")
    print("| change | one picture | and compared |\n|---|---|---|")
    spent, pairs = 0.0, 0
    for name, change in {**CHANGES, **MORE}.items():
        one = both = 0
        for at in mine:
            whole = photos.read(paths[at], long_side_px=LONG_SIDE_PX).pixels
            changed = np.asarray(change(Image.fromarray(whole)))
            grey, of = _sketched(_smaller(changed))
            begun = time.process_time()
            fit = compare(held[at][0], grey, held[at][1], of)
            spent, pairs = spent + time.process_time() - begun, pairs + 1
            score = float(embedder.look([changed])[0].embedding @ stored[at])
            same = fit is not None and fit.one_picture
            one, both = one + same, both + (same and score >= least)
        print(f"| {name} | {one / len(mine):.3f} | {both / len(mine):.3f} |", flush=True)
    begun = time.process_time()
    for at in mine:
        _sketched(photos.read(paths[at], long_side_px=SMALL_PX).pixels)
    each = 1000 * (time.process_time() - begun) / len(mine)
    print(f"{1000 * spent / pairs:.1f} CPU ms a pair, {each:.1f} a photo that is read")
    near = candidates(stored, np.full(len(stored), np.nan), least)
    _different(paths, zip(near.a.tolist(), near.b.tolist(), strict=True))


def _different(paths: list[Path], pairs: Iterable[tuple[int, int]]) -> None:
    """Pairs of the gallery that are compared, and those that are called one picture."""
    held: dict[int, tuple[Pixels, Marks]] = {}
    compared, claimed = 0, list[tuple[Path, Path, Fit]]()
    for a, b in pairs:
        for at in (a, b):
            if at not in held:
                held[at] = _sketched(photos.read(paths[at], long_side_px=SMALL_PX).pixels)
        fit = compare(held[a][0], held[b][0], held[a][1], held[b][1])
        compared += 1
        if fit is not None and fit.one_picture:
            claimed.append((paths[a], paths[b], fit))
    print(f"pairs of different photos: {compared} compared, {len(claimed)} called one picture")
    for one, other, fit in claimed:
        print(f"  {one} {other} same {fit.same:.2f} moved {fit.moved:.2f}")


def made() -> None:
    """Vectors made by chance, some near others."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((MADE, DIM)).astype(np.float32)
    copies = int(NEAR * MADE)
    rows[-copies:] = rows[:copies] + 0.5 * rows[-copies:]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    before = _megabytes()
    begun = time.process_time()
    least = shipped_calibration().threshold_for(MADE, chance_of_vain(MADE))
    pairs = candidates(rows, np.full(MADE, np.nan), least)
    graph = time.process_time() - begun
    ends = list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    worth = {
        at: Worth((3000, 4000), 3_000_000, True, 1.0, 10.0, None, Path(f"{at}.jpg"), True)
        for at in {at for pair in ends for at in pair}
    }
    scene = dict(zip(ends, pairs.scores.tolist(), strict=True))
    found = grouped(sorted(worth), Same([], {}, [], scene), worth)
    spent = time.process_time() - begun
    print(
        f"{MADE:,} vectors of {DIM}: {len(ends):,} pairs from {least:.3f} (of {copies:,} made), "
        f"{len(found):,} groups; {graph:.1f} CPU s for the graph, {spent:.1f} in all; "
        f"{_megabytes():,.0f} MB at most, {before:,.0f} before"
    )


def _sketched(pixels: Pixels) -> tuple[Pixels, Marks]:
    grey = sketch(pixels)
    return grey, marks(grey)


def _smaller(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((SMALL_PX, SMALL_PX), Image.Resampling.BOX)
    return np.asarray(image)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
