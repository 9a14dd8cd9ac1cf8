"""A map as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.cli.showing.maps.groups import Group
from retrieve.cli.showing.plotting import checked
from retrieve.projection.methods import Method
from retrieve.projection.project import Projection, lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELLED = 120  # texts that fit on a picture
CANDIDATES = 1000  # of more, the first so many are tried: the most frequent words
LABEL_POINTS = 8.0
LETTER_WIDTH = 0.6  # of a letter's height, on average
PICTURED = 80  # faces that fit on one
PICTURE_POINTS = 20  # longer side of a face, in typographic points
NAME_LETTERS = 28  # of a group, in the legend
INK = "#333333"


def write_picture(
    out: Path,
    projection: Projection,
    groups: Sequence[Group],
    group_of: Sequence[int],
    *,
    title: str,
    labels: Sequence[str] | None = None,
    pictures: Sequence[NDArray[np.uint8]] | None = None,
    noted_in: Path | None = None,
) -> None:
    """Draw the points in the colours of their groups, with what the picture keeps below it.

    labels    a text for each point; of more than LABELLED, those that hide no other
    pictures  (H, W, 3) uint8 RGB to draw in place of each point, framed in its colour
    noted_in  as cache.replacing() wants it
    raises    BadInput for another kind of file; MissingExtra without matplotlib
    """
    checked(out)
    from matplotlib import pyplot

    places, N = projection.places, len(projection.places)
    figure, axes = pyplot.subplots(figsize=(8, 6), dpi=150, layout="constrained")
    size = float(np.clip(6000 / max(N, 1), 2, 36))
    numbers = np.asarray(group_of)
    # The largest group first, so that it hides nobody.
    for i, group in enumerate(groups):
        mine = places[numbers == i]
        name = f"{_cut(group.name)} ({group.points})" if group.name else None
        x, y = mine.T
        axes.scatter(
            x, y, s=size, color=group.colour, alpha=0.85, linewidths=0, label=name, zorder=2 + i
        )
    if pictures is not None:
        for i, (picture, place) in enumerate(zip(pictures, places, strict=True)):
            _put(axes, picture, place, groups[group_of[i]].colour)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title.replace("$", r"\$"), fontsize=11, color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.06 if labels is None else 0.1)
    for spine in axes.spines.values():
        spine.set_color("#bbbbbb")
    if projection.method is Method.PCA:
        axes.set_xlabel("first principal component", fontsize=9)
        axes.set_ylabel("second principal component", fontsize=9)
    if any(group.name for group in groups):
        figure.legend(loc="outside right upper", fontsize=8, frameon=False, markerscale=1.5)
    figure.supxlabel("; ".join(lines(projection)), fontsize=8, color=INK)
    if labels is not None:
        most = CANDIDATES if N > LABELLED else N
        label(axes, places[:most], labels[:most], every=N <= LABELLED)
    with replacing(out.absolute(), noted_in=noted_in) as temporary:
        figure.savefig(temporary, format=out.suffix[1:])
    pyplot.close(figure)


def label(
    axes: Axes,
    places: NDArray[np.float32],
    texts: Sequence[str],
    *,
    size: float = LABEL_POINTS,
    every: bool = True,
) -> None:
    """Write a text beside each place, on the side where it hides least.

    Call when nothing else of the figure will change.
    places  (N, 2) in the coordinates of the axes
    size    of the letters, in typographic points
    every   else those alone that hide no text before them
    """
    from matplotlib.patheffects import withStroke

    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()  # only now it is known where the places lie on the paper
    points = (axes.transData.transform(places) * 72 / figure.dpi).tolist()
    taken = [(x - 2, y - 2, x + 2, y + 2) for x, y in points] if every else []
    for (x, y), place, text in zip(points, places.tolist(), texts, strict=True):
        width = len(text) * size * LETTER_WIDTH
        boxes = [
            (x + dx, y + dy, x + dx + width, y + dy + size)
            for dx in (4, -4 - width, -width / 2)
            for dy in (2, -2 - size, -size / 2 if abs(dx) >= 4 else 5)
        ]
        hidden, box = min(
            ((sum(_common(one, other) for other in taken), one) for one in boxes),
            key=lambda found: found[0],
        )
        if hidden and not every:
            continue
        taken.append(box)
        axes.annotate(
            text.replace("$", r"\$"),
            place,
            (box[0] - x, box[1] - y + size / 5),
            textcoords="offset points",
            fontsize=size,
            zorder=99,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


def _common(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _put(axes: Axes, picture: NDArray[np.uint8], place: NDArray[np.float32], colour: str) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    zoom = PICTURE_POINTS / max(picture.shape[:2])
    frame = {"edgecolor": colour, "linewidth": 1.5}
    box = AnnotationBbox(
        OffsetImage(picture, zoom=zoom),
        (float(place[0]), float(place[1])),
        pad=0,
        bboxprops=frame,
        box_alignment=(0.5, 0.5),
    )
    box.set_zorder(100)
    axes.add_artist(box)


def _cut(name: str) -> str:
    """The end of a long name: of a path the part that differs; $ begins no formula."""
    short = name if len(name) <= NAME_LETTERS else "…" + name[1 - NAME_LETTERS :]
    return short.replace("$", r"\$")
