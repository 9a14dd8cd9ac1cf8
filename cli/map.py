"""retrieve map"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from cli import render
from cli.mapgroups import ColourBy, grouped, usual
from cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    FolderOption,
    JsonOption,
    MinQualityOption,
    NearOption,
    PersonOption,
    SinceOption,
    UntilOption,
    VectorsOption,
    filter_from,
)
from retrieval.errors import BadInput
from retrieval.projection import Method, Projection, lines, project

if TYPE_CHECKING:
    from indexes.maps import Points

MOST = 5000
ALL = "all"  # --words all
NAMES = {
    Method.PCA: "two principal components",
    Method.TSNE: "t-SNE",
    Method.UMAP: "UMAP",
}

Crop = Callable[[int], bytes]


def map_(
    collection: CollectionOption = DEFAULT_COLLECTION,
    out: Annotated[
        Path | None, typer.Option(help="Picture to write: .png, .svg or .pdf.", dir_okay=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Page to write, with hover and zoom.", dir_okay=False)
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Which embeddings of the collection: faces, passages.",
            show_default="faces, or passages where there are none",
        ),
    ] = None,
    words: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Word vectors instead: words between blanks or commas, a file with words, or "
            "all for the most frequent ones.",
        ),
    ] = None,
    vectors: VectorsOption = "es",
    method: Annotated[
        Method, typer.Option(help="How two dimensions are made; pca needs no extra.")
    ] = Method.PCA,
    most: Annotated[
        int, typer.Option(min=2, help="How many points to draw; of more, a sample.")
    ] = MOST,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample, t-SNE and UMAP.")] = 0,
    colour_by: Annotated[
        ColourBy | None,
        typer.Option(help="What colours tell.", show_default="person, or folder without names"),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    folder: FolderOption = None,
    person: PersonOption = None,
    near: NearOption = None,
    min_quality: MinQualityOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Draw embeddings in two dimensions: the faces of a collection, its passages, or words.

    What lies together is alike; beside the picture stands how much of the neighbourhoods it
    keeps, since two dimensions cannot keep all. The same seed draws the same map.

    Example: retrieve map --html faces.html --method tsne
    """
    if out is None and html is None:
        raise BadInput("wanted --out FILE.png for a picture or --html FILE.html for a page")
    if out is not None:
        from cli.mappicture import checked

        checked(out)
    wanted = filter_from(
        since=since, until=until, folder=folder, person=person, near=near, min_quality=min_quality
    )
    drawing = _Drawing(method, seed, colour_by, out, html, as_json)
    if words is not None:
        from indexes.filters import EVERYTHING
        from indexes.maps import points_of_words
        from indexes.words import open_words

        if wanted != EVERYTHING:
            raise BadInput("conditions choose photos and texts; leave them out with --words")
        index = open_words(vectors)
        points = points_of_words(index, _asked(words), most=most)
        drawing.draw(points)
        return
    from indexes.collection import open_collection
    from indexes.filters import FACES
    from indexes.maps import points_of

    with open_collection(collection) as opened:
        points = points_of(opened, space, wanted=wanted, most=most, seed=seed)
        drawing.draw(points, opened.catalog.crop if points.kind == FACES else None)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What was asked for."""

    method: Method
    seed: int
    colour_by: ColourBy | None
    out: Path | None
    html: Path | None
    as_json: bool

    def draw(self, points: Points, crop: Crop | None = None) -> None:
        """Write the files and say what was drawn.

        crop  face id → its small JPEG
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
            from cli.mappicture import write_picture
            from indexes.maps import WORDS

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
                )
        if self.html is not None:
            from cli.mappage import write_page

            with _writing(self.html):
                write_page(
                    self.html, points.items, projection, groups, group_of, title=title, crop=crop
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
    from cli.mappicture import PICTURED

    ids = [item.face_id for item in points.items if item.face_id is not None]
    if crop is None or len(ids) != len(points.items) or len(ids) > PICTURED:
        return None
    from PIL import Image

    opened = (Image.open(io.BytesIO(crop(id)), formats=["JPEG"]) for id in ids)
    return [np.asarray(picture.convert("RGB")) for picture in opened]


def _asked(words: str) -> list[str]:
    """The words between blanks and commas, of a text or of the file that it names; [] for all."""
    if words.strip() == ALL:
        return []
    path = Path(words)
    try:
        text = path.read_text("utf-8") if path.is_file() else words
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not a file of words in UTF-8: {error}") from error
    found = text.replace(",", " ").split()
    if len(found) < 2:
        raise BadInput(f"wanted two or more words, a file with words, or {ALL!r}; got {words!r}")
    return found
