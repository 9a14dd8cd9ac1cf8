"""retrieve train ranking"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.commands.evaluate.text import Half
from retrieve.cli.options import JsonOption, VectorsOption, to_write
from retrieve.cli.showing import render
from retrieve.shares import share


def ranking(
    docs: Annotated[
        Path,
        typer.Option(help="JSONL with _id, text and perhaps title.", exists=True, dir_okay=False),
    ],
    queries: Annotated[
        Path,
        typer.Option(
            help="JSONL with text and doc, the _id that answers it.", exists=True, dir_okay=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The ranking to write; in .json its weights alone.",
            dir_okay=False,
            callback=to_write,
        ),
    ],
    half: Annotated[
        Half, typer.Option(help="Only the queries about every other title.")
    ] = Half.ALL,
    corpora: Annotated[
        list[Path] | None,
        typer.Option(
            help="Texts to make more queries from, plain or .xz, .gz, .bz2, or folders of them. "
            "Repeatable.",
            exists=True,
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="Text encoder whose cosines come: static, lstm, e5, or a file.")
    ] = "static",
    vectors: VectorsOption = "es",
    seed: Annotated[int, typer.Option(min=0, help="Of the queries that are made.")] = 1,
    meant: Annotated[
        float,
        typer.Option(
            min=-1,
            max=1,
            help="Cosine that one chance pair in a hundred reaches; kept with the weights alone.",
        ),
    ] = 0.4,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    as_json: JsonOption = False,
) -> None:
    """Fit how words and meaning together order passages.

    Example: retrieve train ranking --docs d.jsonl --queries q.jsonl --out ranking.safetensors
    """
    from retrieve.errors import BadInput
    from retrieve.evaluation import retrieval
    from retrieve.indexes.words.stores import locate
    from retrieve.text.encoders import file as encoder_file
    from retrieve.text.encoders.encode import TrainedEncoder, open_text_encoder, shipped
    from retrieve.text.words.vectors import SUFFIX, Origin, open_vectors
    from retrieve.training.ranking import WEIGHTS, train
    from retrieve.training.split import texts_of
    from retrieve.training.words.corpus import lines

    if out.suffix not in (SUFFIX, WEIGHTS):
        raise BadInput(
            f"wanted a file name in {SUFFIX} for the ranking, or in {WEIGHTS} for its weights "
            f"alone; got {out.name}"
        )
    collection = retrieval.documents(lines(docs))
    asked = retrieval.queries(lines(queries))
    if half != Half.ALL:
        asked = retrieval.half(asked, collection, "fit" if half == Half.FIT else "test")
    texts = texts_of(corpora or [])
    opened = open_text_encoder(encoder)
    own = encoder.endswith(SUFFIX) and isinstance(opened, TrainedEncoder)
    file = encoder_file.read(Path(encoder) if own else shipped("encoder"))
    sources = [docs, queries, *texts]
    fitted = train(
        collection,
        asked,
        texts,
        out.absolute(),
        encoder=opened,
        words=(file, open_vectors(locate(vectors))),
        origin=Origin(out.stem, licence=licence, sources=tuple(one.name for one in sources)),
        seed=seed,
        meant=meant,
    )
    if as_json:
        render.as_json({"file": render.shown(out)} | render.fields_of(fitted))
        return
    render.table(("evidence", "weight"), [(name, f"{w:.2f}") for name, w in fitted.weights.items()])
    render.line(
        f"{fitted.questions} questions, cross-validated by title: R@1 {share(fitted.recall_1, 3)}, "
        f"MRR@10 {share(fitted.mrr_10, 3)}"
    )
    render.note(f"wrote {render.shown(out)}")
