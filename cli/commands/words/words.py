"""retrieve words"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.exits import BadUsage
from retrieve.cli.helped import Group
from retrieve.cli.hyphens import Words
from retrieve.cli.options import JsonOption, VectorsOption, to_write
from retrieve.cli.showing import render

app = typer.Typer(cls=Group, help="Word vectors: list, add, export, draw.", no_args_is_help=True)
SHOWN_BROKEN = 5


@app.command(name="list", cls=Words)
def listed(as_json: JsonOption = False) -> None:
    """List the word vectors that --vectors can name.

    Example: retrieve words list
    """
    from retrieve.indexes.words.stores import listing

    found = listing()
    if as_json:
        for one in found:
            render.as_json(asdict(one) | {"path": render.shown(one.path)})
        return
    render.table(
        ("name", "words", "D", "language", "licence", "MB", "sources"),
        (
            (
                one.name,
                str(one.words),
                str(one.dim),
                one.language,
                one.licence,
                f"{one.size_bytes / 1e6:.1f}",
                one.sources[0] if len(one.sources) == 1 else f"{len(one.sources)} files",
            )
            for one in found
        ),
        right="words D MB",
    )


@app.command(cls=Words)
def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="word2vec .bin or .vec, fastText .vec or .bin, GloVe .txt; .gz or not.",
            exists=True,
            dir_okay=False,
        ),
    ],
    name: Annotated[str, typer.Option(help="Name for --vectors.")],
    limit: Annotated[int, typer.Option(min=1, help="Most words to keep.")] = 1_000_000,
    language: Annotated[str, typer.Option(help="Language; inflections of es are folded.")] = "es",
    licence: Annotated[str, typer.Option(help="Licence, for the record.")] = "unknown",
    as_json: JsonOption = False,
) -> None:
    """Read a file of word vectors and keep it under a name.

    Example: retrieve words add cc.es.300.vec.gz --name fasttext
    """
    from retrieve.indexes.words import stores as words

    with render.words_progress("words") as progress:
        added = words.add(
            file,
            name,
            limit=limit,
            language=language,
            licence=licence,
            progress=lambda done: progress("reading", done, 0),
        )
    stored = added.stored
    if as_json:
        render.as_json(render.fields_of(added))
        return
    render.line(f"{stored.name}: {stored.words} words of {stored.dim} dimensions, {added.kind}")
    if added.duplicates:
        render.note(f"{added.duplicates} words differed from an earlier one in case alone")
    for text in added.broken[:SHOWN_BROKEN]:
        render.note(f"broken: {text}")
    if added.broken:
        render.note(f"{len(added.broken)} remarks in all; what is broken was left out")


@app.command(cls=Words)
def export(
    out: Annotated[
        Path,
        typer.Argument(
            help="File to write: .vec, .txt or .bin.", dir_okay=False, callback=to_write
        ),
    ],
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Write vectors in the form of word2vec, for other programs.

    Example: retrieve words export vectors.bin --vectors es
    """
    from retrieve.indexes.words import stores as words

    count = words.export(vectors, out)
    if as_json:
        render.as_json({"file": render.shown(out), "words": count})
    else:
        render.note(f"wrote {count} words to {out}")


@app.command(cls=Words)
def plot(
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORD...", help="Words to draw; one with --html."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write: .png, .svg or .pdf.", dir_okay=False, callback=to_write
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Page to write: the neighbourhood of the words.", dir_okay=False, callback=to_write
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours of a word on the page.")] = 25,
    vectors: VectorsOption = "es",
    as_json: JsonOption = False,
) -> None:
    """Draw words in two dimensions (PCA); four words a b c d get the arrows a → b and c → d.

    Example: retrieve words plot hombre rey mujer reina --out plot.png
    """
    from retrieve.cli.showing.maps import wordplot
    from retrieve.indexes.words.stores import open_words

    if out is None and html is None:
        raise BadUsage("wanted --out FILE.png for a picture or --html FILE.html for a page")
    index = open_words(vectors)
    if out is not None:
        wordplot.picture(index, words, out)
    if html is not None:
        wordplot.page(index, words, html, k)
    written = [file for file in (out, html) if file is not None]
    if as_json:
        render.as_json({"files": [render.shown(file) for file in written]})
        return
    for file in written:
        render.note(f"wrote {file}")
