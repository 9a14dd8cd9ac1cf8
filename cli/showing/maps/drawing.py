"""Points → the files of a map, and what is said of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.cli.showing import render
from retrieve.cli.showing.maps.groups import ColourBy, grouped, usual
from retrieve.errors import BadInput
from retrieve.projection.methods import Method
from retrieve.projection.project import Projection, lines, project

if TYPE_CHECKING:
    from retrieve.indexes.maps import Points

NAMES = {
    Method.PCA: "two principal components",
    Method.TSNE: "t-SNE",
    Method.UMAP: "UMAP",
}

Crop = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a map is wanted.

    colour_by  None is what the points have: persons, or folders
    out, html  a picture and a page to write, or None
    """

    method: Method
    seed: int
    colour_by: ColourBy | None
    out: Path | None
    html: Path | None
    as_json: bool

    def draw(
        self, points: Points, crop: Crop | None = None, *, noted_in: Path | None = None
    ) -> None:
        """Write the files and say what was drawn.

        crop      face id → its small JPEG
        noted_in  as cache.replacing() wants it
        """
        if not points.items:
            raise BadInput(f"there are no {points.kind} to draw: the conditions leave none")
        for text in points.notes:
            render.note(text)
        shown = len(points.items)
        of = "" if shown == points.of else f" of {points.of}"
        render.note(f"arranging {shown}{of} {points.kind} by {self.method}")
        projection = project(points.embeddings, self.method, seed=self.seed)
        by = self.colour_by or usual(points.items)
        groups, group_of = grouped(points.items, by)
        title = f"{shown}{of} {points.kind}, {NAMES[self.method]}"
        if self.out is not None:
            from retrieve.cli.showing.maps.picture import write_picture
            from retrieve.indexes.maps import WORDS

            words = points.kind == WORDS
            with _writing(self.out):
                write_picture(
                    self.out,
                    projection,
                    groups,
                    group_of,
                    title=title,
                    labels=[item.text for item in points.items] if words else None,
                    pictures=_pictures(points, crop),
                    noted_in=noted_in,
                )
        if self.html is not None:
            from retrieve.cli.showing.maps.page import write_page

            with _writing(self.html):
                write_page(
                    self.html,
                    points.items,
                    projection,
                    groups,
                    group_of,
                    title=title,
                    crop=crop,
                    noted_in=noted_in,
                )
        self._say(projection, points, by)

    def _say(self, projection: Projection, points: Points, by: ColourBy) -> None:
        if self.as_json:
            kept = projection.kept
            render.as_json(
                {
                    "method": str(projection.method),
                    "points": len(points.items),
                    "of": points.of,
                    "colour_by": str(by),
                    "explained": projection.explained,
                    "kept": None if kept is None else asdict(kept),
                }
            )
        else:
            for text in lines(projection):
                render.line(text)
        for file in (self.out, self.html):
            if file is not None:
                render.note(f"wrote {file}")


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error


def _pictures(points: Points, crop: Crop | None) -> list[NDArray[np.uint8]] | None:
    """The faces themselves, where there is one for each point and they fit on a picture."""
    from retrieve.cli.showing.maps.picture import PICTURED

    ids = [item.face_id for item in points.items if item.face_id is not None]
    if crop is None or len(ids) != len(points.items) or len(ids) > PICTURED:
        return None
    from PIL import Image

    opened = (Image.open(io.BytesIO(crop(id)), formats=["JPEG"]) for id in ids)
    return [np.asarray(picture.convert("RGB")) for picture in opened]
