"""Where words that were found stand in their picture: cut out of it, or marked in it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput
from retrieve.types import Photo, TextHit, around

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SEEN_PX = 1600  # long side of what places are cut out of
CROP_PX = 224
MARKED_PX = 640
MARGIN = 0.15  # of the box's longer side, around it
LEAST_SIDE = 0.08  # of a picture's long side: a lone short word is seen with what is around it
INK, LINE_PX = (255, 196, 0), 3


@dataclass(frozen=True, slots=True)
class Places:
    """Shows hits whose words were read off pictures, from the files as they were read.

    read    decodes a photo's file for a long side in pixels
    sha256  of a content, by its id
    """

    read: Callable[[Path, int], Photo]
    sha256: Callable[[int], str | None]

    def cut(self, hit: TextHit) -> bytes | None:
        """A square JPEG of the place; None where the file is gone or holds something else."""
        seen = self._seen(hit)
        box = around(hit.passage.written_at(hit.marks))
        if seen is None or box is None:
            return None
        picture, scale = seen
        x1, y1, x2, y2 = (edge * scale for edge in box)
        side = max((x2 - x1, y2 - y1)) * (1 + 2 * MARGIN)
        half = max(side, LEAST_SIDE * max(picture.size)) / 2
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        square = picture.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
        return _jpeg(square.resize((CROP_PX, CROP_PX)))

    def marked(self, hit: TextHit) -> bytes | None:
        """A JPEG of the whole picture with a frame around each line; None likewise."""
        from PIL import ImageDraw

        seen = self._seen(hit)
        if seen is None:
            return None
        picture, scale = seen
        whole = max(picture.size)
        picture.thumbnail((MARKED_PX, MARKED_PX))
        scale *= max(picture.size) / whole
        draw = ImageDraw.Draw(picture)
        for line in hit.passage.written_at(hit.marks):
            x1, y1, x2, y2 = (edge * scale for edge in line.box)
            frame = (x1 - LINE_PX, y1 - LINE_PX, x2 + LINE_PX, y2 + LINE_PX)
            draw.rectangle(frame, outline=INK, width=LINE_PX)
        return _jpeg(picture)

    def _seen(self, hit: TextHit) -> tuple[Picture, float] | None:
        """The picture, and its pixels for one of what boxes are told in."""
        from PIL import Image

        if not hit.passage.written:
            return None
        wanted = self.sha256(hit.group)
        with suppress(BadInput, OSError):
            if hit.kind == "photo":
                photo = self.read(hit.path, SEEN_PX)
                if photo.sha256 == wanted:
                    return Image.fromarray(photo.pixels), photo.scale
            elif hit.passage.page is not None:
                from retrieve.documents.formats.pdf.pictured import pictures

                content = hit.path.read_bytes()
                if hashlib.sha256(content).hexdigest() == wanted:
                    for page in pictures(content, [hit.passage.page], SEEN_PX):
                        return Image.fromarray(page.pixels), page.scale
        return None


def _jpeg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
