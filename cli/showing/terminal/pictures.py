"""Faces among the text of a terminal: by its own protocol, or as coloured half blocks.

A picture takes the room of some characters, as blanks, and is drawn over them when they stand:
from their end the cursor goes up to their first line and back. So tables place it like a text.

No library does it as it has to be done here. term-image (MIT) holds Pillow below 11, brings an
HTTP client and draws no Sixel; textual-image and chafa (LGPL) draw nothing for iTerm2 and, the
first, ask the terminal as soon as they are imported and lose what was typed.

Sources: kitty 2017, "Terminal graphics protocol"; iTerm2, "Inline images protocol"
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.segment import ControlType, Segment
from rich.text import Text

from retrieve.cli.showing.terminal.screen import Images, Screen

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels
    from rich.console import Console, ConsoleOptions, RenderableType

COLUMNS = 16  # of a picture: twice that and a line of text fit on 60
BLOCK_COLUMNS, BLOCK_ROWS = 22, 11  # of 2 pixels a character a face needs so many to be known
# Of 256 colours the greys, of brightness 8, 18, … 238: a face is known by them, while the few
# colours between them turn skin into patches.
FIRST_GREY, GREYS = 232, 24
SEAM_PX = 4  # between pictures one above the other, of kitty
CHUNK = 4096  # letters of base64 that kitty takes at once
_HIDDEN = ((ControlType.CURSOR_FORWARD, 0),)  # Rich takes such a segment for no text


@dataclass(frozen=True, slots=True)
class Pictures:
    """Draws faces on one terminal.

    true  whether it shows every colour; of 256 half blocks are grey
    """

    screen: Screen
    true: bool = True

    @property
    def columns(self) -> int:
        """Characters that a picture takes in a line, with a blank after it."""
        return 1 + (BLOCK_COLUMNS if self.screen.way is Images.BLOCKS else COLUMNS)

    def of(self, jpeg: bytes) -> RenderableType:
        """A square JPEG as something Rich draws."""
        from PIL import Image

        picture = Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB")
        if self.screen.way is Images.BLOCKS:
            return _blocks(picture, true=self.true)
        return _Drawn(picture, jpeg, self.screen)


def _blocks(picture: Pixels, *, true: bool) -> Text:
    """Each character an upper half block: two pixels, one above the other."""
    import numpy as np
    from PIL import Image

    small = picture.resize((BLOCK_COLUMNS, 2 * BLOCK_ROWS), Image.Resampling.LANCZOS)
    if true:
        pixels = np.asarray(small).reshape(-1, 3)
        colours = ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in pixels]
    else:
        levels = np.clip(np.rint((np.asarray(small.convert("L")) - 8.0) / 10), 0, GREYS - 1)
        colours = [f"color({FIRST_GREY + int(level)})" for level in levels.ravel()]
    lines = []
    for row in range(BLOCK_ROWS):
        text = Text(no_wrap=True)
        upper = colours[2 * row * BLOCK_COLUMNS :][:BLOCK_COLUMNS]
        lower = colours[(2 * row + 1) * BLOCK_COLUMNS :][:BLOCK_COLUMNS]
        for above, below in zip(upper, lower, strict=True):
            text.append("▀", f"{above} on {below}")
        lines.append(text)
    return Text("\n", no_wrap=True).join([*lines, Text()])  # a line between it and the next


class _Drawn:
    """A picture by the terminal's protocol, as a renderable of COLUMNS blanks a line."""

    def __init__(self, picture: Pixels, jpeg: bytes, screen: Screen) -> None:
        wide, high = screen.cell_px
        self._rows = max(2, round(COLUMNS * wide / high))
        side_px = min(COLUMNS * wide, self._rows * high)
        if screen.way is Images.KITTY:
            self._draw = _kitty(picture, self._rows)
        elif screen.way is Images.ITERM:
            self._draw = _iterm(jpeg, self._rows)
        else:
            from retrieve.cli.showing.terminal.sixel import BAND, sixel

            # Sixels that end inside the last line do not scroll it.
            side_px = max(BAND, side_px - side_px % BAND)
            self._draw = sixel(picture.resize((side_px, side_px)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        blank = Segment(" " * COLUMNS)
        for _ in range(self._rows - 1):
            yield from (blank, Segment.line())
        # One line down and up again: below the last line of the screen there is room then.
        there = f"\x1bD\x1b[A\x1b7\x1b[{self._rows - 1}A\x1b[{COLUMNS}D"
        yield from (blank, Segment(f"{there}{self._draw}\x1b8", None, _HIDDEN), Segment.line())

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(COLUMNS, COLUMNS)


def _kitty(picture: Pixels, rows: int) -> str:
    """Shown where the cursor is, which stays, as high as some lines; no answer is wanted."""
    from PIL import Image

    seamed = Image.new("RGBA", (picture.width, picture.height + SEAM_PX))
    seamed.paste(picture)
    buffer = io.BytesIO()
    seamed.save(buffer, "PNG")
    text = base64.standard_b64encode(buffer.getvalue()).decode()
    chunks = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        more = int(number + 1 < len(chunks))
        first = f"a=T,f=100,r={rows},C=1," if number == 0 else ""
        parts.append(f"\x1b_G{first}q=2,m={more};{chunk}\x1b\\")
    return "".join(parts)


def _iterm(jpeg: bytes, rows: int) -> str:
    text = base64.standard_b64encode(jpeg).decode()
    how = f"inline=1;size={len(jpeg)};width={COLUMNS};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File={how}:{text}\x07"
