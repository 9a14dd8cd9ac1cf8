"""Pictures of MTCNN's cascade: P-net over the pyramid, then what each network leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from docs.draw import paper, people
from retrieve.faces.detection import mtcnn
from retrieve.types import Pixels

LEVELS = 5  # of the pyramid, that the picture shows
FAINT = 0.35  # of boxes of which there are many


def pyramid(out: Path, photo: Pixels | None = None) -> None:
    """Above the levels of the pyramid, below where P-net sees a face in each."""
    photo = people.album().group if photo is None else photo
    detector = mtcnn.open_mtcnn()
    sampler = mtcnn._sampler(photo, mtcnn.DEFAULT)
    scales = list(mtcnn._scales(sampler.size, mtcnn.DEFAULT))[:LEVELS]
    levels = [sampler.level(scale) for scale in scales]
    figure, axes = paper.sheet(
        9, 3.2, 2, len(levels), width_ratios=[level.shape[1] ** 0.5 for level in levels]
    )
    for column, (scale, level) in enumerate(zip(scales, levels, strict=True)):
        planes = np.ascontiguousarray(level.transpose(2, 0, 1)[None], np.float32)
        probability = detector._pnet(planes)[0][0, 0]
        height, width = level.shape[:2]
        window_px = mtcnn.WINDOW_PX / scale
        above, below = axes[0][column], axes[1][column]
        paper.bare(above, f"{width} × {height}").imshow(np.asarray(level, np.uint8))
        shown = paper.bare(below).imshow(probability, cmap=paper.HEAT, vmin=0, vmax=1)
        below.set_xlabel(f"{probability.size:,} windows\nof {window_px:.0f} px", fontsize=8)
    figure.colorbar(shown, ax=axes, label="P-net: probability of a face", shrink=0.6)
    paper.write(figure, out)


def stages(out: Path, photo: Pixels | None = None) -> None:
    """The boxes after P-net, R-net and O-net over one photo."""
    photo = people.album().group if photo is None else photo
    detector = mtcnn.open_mtcnn()
    sampler = mtcnn._sampler(photo, mtcnn.DEFAULT)
    boxes, scores = detector._propose(sampler)
    proposed = mtcnn._Candidates(boxes, scores, np.zeros(len(boxes), np.intp))
    refined = detector._refine(proposed, [sampler])
    faces = detector.detect([photo])[0]
    figure, axes = paper.sheet(9, 2.3, 1, 3)
    for one, title, found in (
        (axes[0], f"P-net: {len(boxes)} windows", boxes),
        (axes[1], f"R-net: {len(refined.boxes)} left", refined.boxes),
        (axes[2], f"O-net: {len(faces)} faces and their landmarks", [f.box for f in faces]),
    ):
        paper.bare(one, title).imshow(photo)
        alpha = FAINT if len(found) > 3 * len(faces) else 1
        for box in found:
            _box(one, box, paper.SKY, alpha)
        one.set_xlim(0, photo.shape[1])
        one.set_ylim(photo.shape[0], 0)
    for face in faces:
        axes[2].scatter(
            *face.landmarks.T, s=7, color="white", edgecolors="black", linewidths=0.5, zorder=3
        )
        axes[2].text(
            face.box[0], face.box[1] - 30, f"{face.score:.3f}", color="white", fontsize=7,
            bbox={"facecolor": paper.INK, "alpha": 0.7, "pad": 1, "linewidth": 0},
        )  # fmt: skip
    paper.write(figure, out)


def _box(axes: Axes, box: NDArray[np.float32], colour: str, alpha: float) -> None:
    x1, y1, x2, y2 = box.tolist()
    axes.add_patch(
        Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, lw=1.3, alpha=alpha)
    )
