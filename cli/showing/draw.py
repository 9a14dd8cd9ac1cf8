"""Faces drawn on a copy of their photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from retrieve import photos
from retrieve.cache import replacing
from retrieve.types import Face

LONG_SIDE_PX = 2048  # of the copy: large enough to look at, small enough to send
COLOUR = (255, 64, 64)


def draw_faces(path: Path, faces: Sequence[Face], folder: Path) -> Path:
    """Write a JPEG with boxes, landmarks and numbers into a folder; returns its path.

    faces  in pixels of the whole photo

    The copy is called after the photo with its suffix in the name, so that a.png and
    a.jpg keep apart.
    """
    from PIL import Image, ImageDraw

    photo = photos.read(path, long_side_px=LONG_SIDE_PX)
    image = Image.fromarray(photo.pixels)
    pen = ImageDraw.Draw(image)
    width = max(2, round(max(image.size) / 400))
    for number, face in enumerate(faces, start=1):
        box = face.box * photo.scale
        pen.rectangle(box.tolist(), outline=COLOUR, width=width)
        for x, y in face.landmarks * photo.scale:
            pen.ellipse((x - width, y - width, x + width, y + width), fill=COLOUR)
        size = max(10.0, float(box[2] - box[0]) / 5)
        pen.text((box[0] + width, box[1]), str(number), fill=COLOUR, font_size=size)
    copy = folder.absolute() / f"{path.name}.faces.jpg"
    with replacing(copy) as part:
        image.save(part, "JPEG", quality=90)
    return copy
