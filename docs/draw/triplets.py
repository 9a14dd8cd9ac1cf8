"""A picture of triplets: how far strangers are from a face, before training and after.

Schroff, Kalenichenko and Philbin 2015, "FaceNet": a stranger who is further away than another photo
of the same person, by less than the margin, is semi-hard.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from PIL import Image

from docs.draw import paper, people
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.models.small_face import CROP_PX, SmallFaceNet
from retrieve.types import Crops, Embeddings

MARGIN = 0.2
ANCHOR = 0


def zones(out: Path, album: people.Album | None = None) -> None:
    """Squared distances from one face, with random weights and with the default embedder."""
    album = people.album() if album is None else album
    figure, (above, below) = paper.sheet(9, 3.8, 2, 1)
    _row(above, _random(album.crops), album.names, "small-face, pesos al azar")
    _row(below, album.embeddings, album.names, "el embedder por defecto, ya entrenado")
    below.set_xlabel("‖a − x‖²: distancia al ancla, al cuadrado")
    above.legend(loc="lower right", ncols=3)
    paper.write(figure, out)


def _random(crops: Crops) -> Embeddings:
    """What a network that has learnt nothing makes of them."""
    torch.manual_seed(1)
    small = [np.asarray(Image.fromarray(crop).resize((CROP_PX, CROP_PX))) for crop in crops]
    with torch.no_grad():
        batch = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float()
        return unit_rows(SmallFaceNet().eval()(batch).numpy())


def _row(axes: Axes, rows: Embeddings, names: list[str], title: str) -> None:
    """One embedder: the photos of the anchor's person and of strangers on a line."""
    distances = 2 - 2 * rows @ rows[ANCHOR]
    same = np.array(names) == names[ANCHOR]
    same[ANCHOR] = False
    strangers = np.array(names) != names[ANCHOR]
    positive = float(distances[same].max())
    axes.axvspan(positive, positive + MARGIN, color=paper.YELLOW, alpha=0.25, lw=0)
    axes.axvline(positive, color=paper.BLUE, lw=1, ls="--")
    for which, colour, height, label in (
        (same, paper.BLUE, 1.0, "la misma persona (positivos)"),
        (strangers, paper.RED, 0.0, "otras personas (negativos)"),
    ):
        scatter = np.linspace(-0.25, 0.25, int(which.sum()))
        axes.plot(distances[which], height + scatter, "o", color=colour, ms=4, label=label)
    hard = int((distances[strangers] <= positive).sum())
    semi = int((distances[strangers] <= positive + MARGIN).sum()) - hard
    easy = int(strangers.sum()) - hard - semi
    axes.set_title(f"{title}: {hard} difíciles, {semi} semidifíciles, {easy} fáciles", loc="left")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, 1.5)
    axes.set_xlim(left=0)
