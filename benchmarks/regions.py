"""How well regions that another program drew find their faces.

    python -m benchmarks.regions FOLDER [--photos 40]

MTCNN draws, and its regions are matched to CenterFace's faces: as it finds them, and grown as
other programs draw. Right is what IoU over .4, mutually the largest, says of the boxes as found.
Each face is also left out once, as if it had not been detected: nobody else may get its name.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.detector import Detector
from retrieve.metadata.regions.areas import Area, Region, Regions, as_area, matched
from retrieve.types import Pixels

SAME = 0.4  # IoU of two detectors' boxes of one face
LEAST_PX = 20
GROWN = {  # width, and height above and below the middle, in the box's own
    "as found": (1.0, 0.5, 0.5),
    "half as large again": (1.5, 0.75, 0.75),
    "with hair": (1.6, 0.9, 0.55),
    "twice as large": (2.0, 1.0, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.jpg"))
    chosen = random.Random(1).sample(files, min(given.photos, len(files)))
    ours, theirs = open_detector("centerface"), open_detector("mtcnn")
    counts: dict[str, Counter[str]] = {name: Counter() for name in GROWN}
    for file in chosen:
        pixels = photos.read(file).pixels
        faces, boxes = _areas(ours, pixels), _areas(theirs, pixels)
        if len(faces) and len(boxes):
            for name, grown in GROWN.items():
                counts[name] += _count(faces, boxes, grown, pixels.shape[1::-1])
    for name, found in counts.items():
        print(
            f"{name}: {found['right']} of {found['pairs']} right, {found['wrong']} wrong; "
            f"without its face {found['taken']} regions name another one"
        )


def _areas(detector: Detector, pixels: Pixels) -> NDArray[np.float32]:
    """(N, 4) shares of the photo."""
    (found,) = detector.detect([pixels])
    height, width = pixels.shape[:2]
    sides = np.array([width, height, width, height], np.float32)
    kept = [face.box for face in found if (face.box[2:] - face.box[:2]).min() >= LEAST_PX]
    return np.array(kept, np.float32).reshape(-1, 4) / sides


def _count(
    faces: NDArray[np.float32],
    boxes: NDArray[np.float32],
    grown: tuple[float, float, float],
    size: tuple[int, ...],
) -> Counter[str]:
    iou = overlap(faces, boxes)
    truth = {
        i: int(j)
        for i, j in enumerate(iou.argmax(axis=1))
        if iou[i, j] > SAME and iou[:, j].argmax() == i
    }
    areas = [_grown(box, grown) for box in boxes]
    drawn = Regions(tuple(Region(str(j), area) for j, area in enumerate(areas) if area))
    shown = (float(size[0]), float(size[1]))
    every: list[Area] = [(one[0], one[1], one[2], one[3]) for one in faces.tolist()]
    found = matched(drawn, every, size=shown)
    names = {i: found[i].name if i in found else None for i in truth}
    counts = Counter(pairs=len(truth))
    counts["right"] = sum(names[i] == str(j) for i, j in truth.items())
    counts["wrong"] = sum(names[i] not in (None, str(j)) for i, j in truth.items())
    for i, j in truth.items():
        others = matched(drawn, [*every[:i], *every[i + 1 :]], size=shown)
        counts["taken"] += any(region.name == str(j) for region in others.values())
    return counts


def _grown(box: NDArray[np.float32], by: tuple[float, float, float]) -> Area | None:
    x1, y1, x2, y2 = box.tolist()
    x, y, w, h = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
    across, above, below = by
    return as_area(x - w * across / 2, y - h * above, x + w * across / 2, y + h * below)


if __name__ == "__main__":
    main()
