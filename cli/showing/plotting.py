"""What is asked before matplotlib draws: that it is there, and a kind of file it writes."""

from __future__ import annotations

from pathlib import Path

from retrieve.cache import fonts_in_cache
from retrieve.errors import BadInput
from retrieve.extras import optional

FORMATS = (".png", ".svg", ".pdf")


def checked(out: Path) -> Path:
    """The file, if a picture can be drawn into it: asked before hours of work.

    raises  BadInput that names the formats; MissingExtra without matplotlib
    """
    if out.suffix not in FORMATS:
        raise BadInput(f"wanted a picture in {', '.join(FORMATS)}; got {out.name}")
    fonts_in_cache()
    with optional("a picture"):
        import matplotlib

        matplotlib.use("Agg")  # draws without a screen
    return out
