"""retrieve map"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.conditions import with_conditions
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
    VectorsOption,
    to_write,
)
from retrieve.cli.showing.maps.groups import ColourBy
from retrieve.errors import BadInput
from retrieve.projection.methods import Method

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter

MOST = 5000
ALL = "all"  # --words all


@with_conditions
def map_(
    collection: CollectionOption = DEFAULT_COLLECTION,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write: .png, .svg or .pdf.", dir_okay=False, callback=to_write
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Page to write, with hover and zoom.", dir_okay=False, callback=to_write),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Which embeddings of the collection: faces, passages, pictures (whole photos).",
            autocompletion=completing.spaces,
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
    *,
    wanted: Filter,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw embeddings in two dimensions: the faces of a collection, its passages, or words.

    What lies together is alike; beside the picture stands how much of the neighbourhoods it
    keeps, since two dimensions cannot keep all. The same seed draws the same map.

    Example: retrieve map --html faces.html --method tsne
    """
    if out is None and html is None:
        raise BadUsage("wanted --out FILE.png for a picture or --html FILE.html for a page")
    if out is not None:
        from retrieve.cli.showing.plotting import checked

        checked(out)
    from retrieve.cli.showing.maps.drawing import Drawing

    drawing = Drawing(method, seed, colour_by, out, html, as_json)
    if words is not None:
        from retrieve.indexes.catalog.filters import EVERYTHING
        from retrieve.indexes.maps import points_of_words
        from retrieve.indexes.words.stores import open_words

        if wanted != EVERYTHING:
            raise BadUsage("conditions choose photos and texts; leave them out with --words")
        index = open_words(vectors)
        points = points_of_words(index, _asked(words), most=most)
        drawing.draw(points)
        return
    from retrieve.indexes.catalog.filters import FACES
    from retrieve.indexes.drawing import points_of
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        wanted = choosing.settled(opened, wanted)
        points = points_of(opened, space, wanted=wanted, most=most, seed=seed)
        crop = opened.people.crop if points.kind == FACES else None
        drawing.draw(points, crop, noted_in=opened.notes())


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
