"""What all pictures share: size, colours, and how they are written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from retrieve.cache import replacing
from retrieve.cli.showing.maps.groups import COLOURS

BLUE, RED, GREEN, YELLOW, SKY, PURPLE, ORANGE, TEAL, BROWN = COLOURS
INK, PALE = "#333333", "#bbbbbb"
HEAT = "magma"
DPI = 120
WIDTH = 1000  # pixels of a picture that was drawn larger
PALETTE = 256  # colours of a file: a third of the bytes, and no difference that one sees
STYLE: dict[Any, Any] = {  # of matplotlib, whose names have a type of their own
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def sheet(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, Any]:
    """A figure of so many inches and its axes, as pyplot.subplots() gives them."""
    pyplot.rcParams.update(STYLE)
    return pyplot.subplots(
        rows, columns, figsize=(width, height), layout="constrained", gridspec_kw=options or None
    )


def bare(axes: Axes, title: str = "") -> Axes:
    """Axes for a photo: no ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title)
    return axes


def write(figure: Figure, out: Path) -> None:
    """Write the figure as a small PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    pyplot.close(figure)
    pyplot.rcdefaults()  # what else draws has a style of its own
    _write(Image.open(buffer), out)


def shrink(file: Path) -> None:
    """Make a small PNG of a picture that something else drew, as wide as the others are."""
    with Image.open(file) as drawn:
        height = round(drawn.height * WIDTH / drawn.width)
        _write(drawn.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS), file)


def _write(picture: Image.Image, out: Path) -> None:
    # Median cut, which is the default, gives away the colours of thin lines on a photo.
    whole = picture.convert("RGB")
    palette = whole.quantize(PALETTE, Image.Quantize.MAXCOVERAGE)
    small = whole.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    with replacing(out.absolute()) as part:
        small.save(part, "PNG", optimize=True)
    out.chmod(0o644)
