"""Whether the network looks at what it names: four photos in one, and the map of each one's class.

The pointing game (Zhang et al. 2016, "Top-down neural attention by excitation backprop"): a map
points right where its brightest place lies on the thing; here in the quarter of its photo.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from docs.draw.looking import enlarged, look
from retrieve import photos
from retrieve.evaluation.verification import rate
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.prepared import SHARE
from retrieve.types import Pixels

QUARTER_PX = 224
FOUR = 4


def report(folder: Path) -> None:
    """Print it of objects_dev, neighbours by a shuffle of fixed seed."""
    with (folder / "objects_dev" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    order = np.random.default_rng(18).permutation(len(rows))
    right = tried = 0
    for four in order[: len(rows) // FOUR * FOUR].reshape(-1, FOUR):
        looked = look(_mosaic([folder / "objects_dev" / rows[at]["file"] for at in four]))
        for place, at in enumerate(four):
            number = synsets().index(rows[at]["synset"])
            bright = enlarged(looked.activation([number]))
            row, column = np.unravel_index(bright.argmax(), bright.shape)
            middle = bright.shape[0] // 2
            right += 2 * (row >= middle) + (column >= middle) == place
            tried += 1
    found = rate(right, tried)
    print(
        f"looking, {tried} photos, four at once: the map of the photo's class points into it "
        f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}; by chance .250)"
    )


def _mosaic(paths: list[Path]) -> Pixels:
    """The middles of four photos, and a grey margin where the network does not look."""
    both = 2 * QUARTER_PX
    margin = round(both * (1 / SHARE - 1) / 2)
    whole = Image.new("RGB", (both + 2 * margin, both + 2 * margin), "gray")
    for place, path in enumerate(paths):
        image = Image.fromarray(photos.read(path).pixels)
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        small = image.resize((QUARTER_PX, QUARTER_PX), box=(left, top, left + side, top + side))
        row, column = divmod(place, 2)
        whole.paste(small, (margin + column * QUARTER_PX, margin + row * QUARTER_PX))
    return np.asarray(whole)
