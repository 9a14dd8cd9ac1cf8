"""How faces become people: both passes on drawn people, and where their thresholds come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from docs.draw import paper, people
from retrieve.cli.showing.maps.groups import COLOURS
from retrieve.indexes.people.groups.graph import edges
from retrieve.indexes.people.groups.grouping import group
from retrieve.indexes.people.groups.thresholds import CHANCE, CHANCE_ON_AVERAGE, thresholds_among

SIZES = np.geomspace(10, 1e7, 25).astype(int)


def passes(out: Path, album: people.Album | None = None) -> None:
    """Faces near to each other, in the colour of their group; and thresholds by how many."""
    album = people.album() if album is None else album
    rows, N = album.embeddings, len(album.embeddings)
    limits = thresholds_among(people.calibrated(), N)
    pairs = edges(rows, limits.first)
    found = group(rows, np.ones(N, np.float32), np.arange(N), limits)
    means = np.stack(
        [rows[found.labels == one].mean(axis=0) for one in range(found.labels.max() + 1)]
    )
    centred = means[found.labels] - means.mean(axis=0)
    # Along what tells groups apart, so that most of them lie beside each other.
    axes_of = np.linalg.svd(centred, full_matrices=False)[2][:2]
    at = (rows - means.mean(axis=0)) @ axes_of.T
    figure, (left, right) = paper.sheet(9, 3.6, 1, 2, width_ratios=(1.25, 1))
    within = found.labels[pairs.a] == found.labels[pairs.b]
    for which, colour in ((within, paper.PALE), (~within, paper.RED)):
        lines = np.stack([at[pairs.a[which]], at[pairs.b[which]]], axis=1)
        left.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.5))
    colours = [COLOURS[label % len(COLOURS)] for label in found.labels]
    left.scatter(*at.T, c=colours, s=14, zorder=3)
    paper.bare(left)
    groups = len(means)
    left.set_title(
        f"{N} faces of {len(set(album.names))} drawn people: {len(pairs)} pairs score "
        f"{limits.first:.3f} and more, {groups} groups",
        loc="left",
    )
    _thresholds(right, N)
    paper.write(figure, out)


def _thresholds(axes: Axes, here: int) -> None:
    calibrated = people.calibrated()
    for chance, colour, label in (
        (CHANCE, paper.BLUE, f"two faces (first pass): {CHANCE:g}"),
        (CHANCE_ON_AVERAGE, paper.RED, f"two groups on average (second): {CHANCE_ON_AVERAGE:g}"),
    ):
        scores = [calibrated.threshold_for(float(n), chance) for n in SIZES]
        axes.plot(SIZES, scores, color=colour, label=label)
    axes.axvline(here, color=paper.INK, lw=1, ls="--")
    axes.set_xscale("log")
    axes.set_xlabel("faces in the collection")
    axes.set_ylabel("score")
    axes.legend(title="chance that the best stranger passes", loc="upper left")
