"""Pictures of the embedding of faces: the score of one person's faces and of two people's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from docs.draw import paper, people
from retrieve.evaluation.verification import roc

FACE_POINTS = 25  # side of a face, in typographic points
SHELVES = 5  # rows of faces under one another, so that they do not hide each other
SHOWN = 16  # faces of others, the nearest


def scale(out: Path, album: people.Album | None = None) -> None:
    """One face, and the others where their score with it puts them."""
    album = people.album() if album is None else album
    anchor = 0
    scores = album.embeddings @ album.embeddings[anchor]
    same = np.array(album.names) == album.names[anchor]
    threshold = people.calibrated().threshold
    figure, (above, below) = paper.sheet(9, 3.6, 2, 1)
    others = np.flatnonzero(~same)
    others = others[np.argsort(-scores[others])][:SHOWN]
    mine = np.array([i for i in np.flatnonzero(same) if i != anchor])
    for axes, chosen, colour, title in (
        (above, mine, paper.BLUE, f"the same person, {len(mine)} more photos"),
        (below, others, paper.RED, f"other people, the {len(others)} nearest faces"),
    ):
        low = float(scores[np.concatenate([mine, others])].min())
        axes.set_xlim(low - 0.01, 1.005)
        axes.set_ylim(-0.5, SHELVES - 0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.axvline(threshold, color=paper.INK, lw=1, ls="--", zorder=9)
        axes.set_title(title, loc="left")
        for shelf, i in enumerate(chosen):
            _face(axes, album.crops[i], float(scores[i]), shelf % SHELVES, colour)
    _face(above, album.crops[anchor], 1.0, (SHELVES - 1) / 2, paper.INK)
    above.text(1.0, SHELVES - 1, "this face", ha="center", fontsize=8)
    below.set_xlabel("score: cosine of the two embeddings")
    above.text(threshold, SHELVES - 1, "threshold ", ha="right", fontsize=8)
    paper.write(figure, out)


def histogram(out: Path, album: people.Album | None = None) -> None:
    """Scores of all pairs of the album, the threshold, and what a score is worth."""
    genuine, impostor = (people.album() if album is None else album).pairs()
    calibrated = people.calibrated()
    figure, axes = paper.sheet(7, 3)
    edges = np.linspace(min(impostor.min(), genuine.min()) - 0.005, 1, 60)
    for scores, colour, label in (
        (impostor, paper.RED, f"two people, {len(impostor):,} pairs"),
        (genuine, paper.BLUE, f"one person, {len(genuine):,} pairs"),
    ):
        axes.hist(
            scores, edges, weights=np.full(len(scores), 1 / len(scores)), color=colour,
            alpha=0.65, label=label,
        )  # fmt: skip
    axes.axvline(calibrated.threshold, color=paper.INK, lw=1, ls="--")
    axes.set_xlabel("score")
    axes.set_ylabel("share of the pairs")
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    right.plot(
        edges, [calibrated.probability(score) for score in edges], color=paper.INK, lw=1.5,
        label="probability of one person",
    )  # fmt: skip
    right.set_ylabel("probability")
    right.set_ylim(0, 1.02)
    handles = [one for a in (axes, right) for one in a.get_legend_handles_labels()[0]]
    axes.legend(handles, [one.get_label() for one in handles], loc="upper left")
    paper.write(figure, out)


def errors(out: Path, album: people.Album | None = None) -> None:
    """False matches and false non-matches at every threshold."""
    genuine, impostor = (people.album() if album is None else album).pairs()
    curve, calibrated = roc(genuine, impostor), people.calibrated()
    figure, axes = paper.sheet(7, 3)
    axes.plot(curve.threshold, curve.fmr, color=paper.RED, label="FMR, drawn people")
    axes.plot(curve.threshold, curve.fnmr, color=paper.BLUE, label="FNMR, drawn people")
    rates = [(threshold, float(rate)) for rate, threshold in calibrated.thresholds.items()]
    axes.plot(
        *zip(*rates, strict=True),
        "o:",
        color=paper.BROWN,
        ms=4,
        label="FMR, photographs of 845 people",
    )
    axes.axvline(calibrated.threshold, color=paper.INK, lw=1, ls="--")
    axes.text(calibrated.threshold, 1.3, "threshold", ha="center", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylim(5e-5, 1.2)
    axes.set_xlabel("threshold")
    axes.set_ylabel("share of the pairs")
    axes.legend(loc="lower left")
    paper.write(figure, out)


def _face(axes: Axes, crop: np.ndarray, x: float, y: float, colour: str) -> None:
    picture = OffsetImage(crop, zoom=FACE_POINTS / len(crop))
    frame = {"edgecolor": colour, "linewidth": 1.2}
    box = AnnotationBbox(picture, (x, y), pad=0, bboxprops=frame)
    box.set_zorder(2)
    axes.add_artist(box)
