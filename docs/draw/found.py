"""What a search for a face finds: the README's picture, from the album of `make demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from docs.draw import paper, people
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.views import embed, views
from retrieve.faces.extract import extract
from retrieve.sample_data.album import write_probe
from retrieve.sources import file_reader

HITS, OTHERS = 6, 2


def hits(out: Path, album: people.Album | None = None) -> None:
    """A probe, the stored faces most like it, and the first that the threshold keeps out."""
    album = people.album() if album is None else album
    opened = people.embedder()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "probe.jpg"
        write_probe(photo, seed=people.SEED)
        wanted = views(opened, landmarks_of(people.detector()))
        probe = extract(file_reader(photo), people.detector(), wanted)
    scores = album.embeddings @ embed(opened, probe.crops)[0]
    order = np.argsort(-scores, kind="stable")
    told = people.calibrated()
    least = told.threshold_for(float(len(scores)))
    passing = int((scores >= least).sum())
    shown = [*order[: min(HITS, passing)], *order[passing : passing + OTHERS]]
    figure, axes = paper.sheet(10, 1.9, 1, len(shown) + 1, width_ratios=(1.35, *(1 for _ in shown)))
    paper.bare(axes[0], "looked for").imshow(probe.crops[0][0])
    for rank, (face, one) in enumerate(zip(shown, axes[1:], strict=True), 1):
        passes = scores[face] >= least
        title = f"{rank}." if passes else "not shown"
        paper.bare(one, title).imshow(album.crops[face], alpha=1.0 if passes else 0.35)
        probability = min(told.probability(float(scores[face])), 0.999)
        one.set_xlabel(f"{scores[face]:.3f}\n{probability:.1%}", color=paper.INK)
    figure.suptitle(
        f"{passing} of {len(scores)} stored faces score {least:.3f} and more: "
        f"of as many strangers the best does so with a chance of .01",
        fontsize=9,
        color=paper.INK,
    )
    paper.write(figure, out)
