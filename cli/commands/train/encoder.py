"""retrieve train text-encoder"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import Device, DeviceOption, JsonOption, VectorsOption, to_write
from retrieve.cli.showing import render


def text_encoder(
    corpora: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORPUS...",
            help="Text files in running order, plain or .xz, .gz, .bz2, or folders of them.",
            exists=True,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The encoder to write.", dir_okay=False, callback=to_write)
    ],
    vectors: VectorsOption = "es",
    judged: Annotated[
        Path | None,
        typer.Option(
            help="CSV of two sentences and a score a line, for the last step.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    mean_pairs: Annotated[
        int, typer.Option(min=1, help="Pairs seen before there is an LSTM.")
    ] = 1_000_000,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs seen with it.")] = 2_000_000,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Let the run with the LSTM end after so many at the latest."),
    ] = None,
    hidden: Annotated[int, typer.Option(min=1, help="Units of the LSTM, each direction.")] = 128,
    average_only: Annotated[
        bool, typer.Option("--average-only", help="The same runs without an LSTM, as a control.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed, uninterrupted, gives the same file.")
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Of one run on the CPU.")] = 2,
    device: DeviceOption = Device.CPU,
    licence: Annotated[str, typer.Option(help="Licence, for the file.")] = "unknown",
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the encoded text and checkpoints.",
            show_default="below the cache folder",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a text encoder on text; a run that was cut off goes on where it stood.

    Example: retrieve train text-encoder novelas.txt.xz --out novelas.safetensors --minutes 60
    """
    from retrieve.cache import cache_dir
    from retrieve.errors import BadInput
    from retrieve.extras import optional
    from retrieve.indexes.words.stores import locate
    from retrieve.text.words.vectors import SUFFIX, Origin, open_vectors
    from retrieve.training.split import texts_of

    with optional("training a text encoder"):
        import torch

        from retrieve.training.encoder.recipe import LSTM, MEAN, Recipe, train

    if out.suffix != SUFFIX:
        raise BadInput(f"wanted a file name in {SUFFIX} for the encoder; got {out.name}")
    if device == Device.CUDA and not torch.cuda.is_available():
        raise BadInput("device cuda needs a GPU that torch can use; there is none here")
    torch.set_num_threads(threads)
    texts = texts_of(corpora)
    sources = [*texts, *([judged] if judged else [])]
    with render.words_progress("pairs") as progress:
        train(
            texts,
            out.absolute(),
            vectors=open_vectors(locate(vectors)),
            work=work or cache_dir() / "train" / f"encoder-{out.stem}",
            origin=Origin(out.stem, licence=licence, sources=tuple(one.name for one in sources)),
            judged=judged,
            recipe=Recipe(
                mean=replace(MEAN, pairs=mean_pairs, seed=seed),
                lstm=replace(
                    LSTM,
                    hidden=0 if average_only else hidden,
                    pairs=pairs,
                    minutes=minutes,
                    seed=seed,
                ),
            ),
            device=device.value,
            progress=progress,
        )
    if as_json:
        render.as_json({"file": render.shown(out)})
    else:
        render.note(f"wrote {render.shown(out)}; use it as an encoder's name")
