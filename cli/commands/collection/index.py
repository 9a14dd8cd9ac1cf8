"""retrieve index"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.exits import INTERRUPTED
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    EncoderOption,
    EngineOption,
    ExcludeOption,
    JsonOption,
    LanguageOption,
    ModelOption,
    OcrOption,
    PicturesOption,
    RereadOption,
    SegmentOption,
    TimeLimitOption,
    TurnOption,
)
from retrieve.cli.showing import render


def index(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders, photos and texts to index.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    model: ModelOption = None,
    detector: DetectorOption = None,
    turn: TurnOption = None,
    encoder: EncoderOption = None,
    language: LanguageOption = None,
    device: DeviceOption = Device.CPU,
    segment: SegmentOption = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that read, decode and detect, one core each; of a cluster, of each "
            "task.",
            show_default="2; of a cluster, 1",
        ),
    ] = None,
    time_limit: TimeLimitOption = 60.0,
    column: Annotated[
        str | None,
        typer.Option(
            help="Column of tables and sheets, or field of JSON, to read alone.",
            show_default="all of them",
        ),
    ] = None,
    exclude: ExcludeOption = None,
    pictures: PicturesOption = True,
    ocr: OcrOption = False,
    retry_skipped: Annotated[
        bool, typer.Option(help="Try again what was skipped in an earlier run.")
    ] = False,
    reread: RereadOption = True,
    as_json: JsonOption = False,
) -> None:
    """Keep the faces of all photos and the passages of all texts under PATH.

    Texts are .txt, Markdown, HTML, PDF, DOCX, ODT, RTF, EPUB, slides (PPTX,
    ODP), sheets (XLSX, ODS), mails (EML, mbox), CSV, JSONL, SRT and VTT; of
    photos captions, keywords and names count as text, in the file or beside it.
    Each photo is looked at as a whole, too, for retrieve search --looks. With
    --ocr words in pictures are read, also of what was indexed without, and kept.
    A second run does only what is new, moved or changed, and reads again, but for
    faces, what an older version of retrieve read. Files that cannot be used are
    skipped and listed. Ctrl-C keeps everything up to the last batch.

    Thumbnails and wastebaskets of other programs (@eaDir, $RECYCLE.BIN, …) are
    left out, as is what a .retrieveignore in a folder says (in the form of a
    .gitignore); what is left out later is no longer found.

    Example: retrieve index ~/Pictures
    """
    from retrieve.indexes.opening import open_collection

    with render.download() as on_download:
        opened = open_collection(
            collection,
            create=True,
            detector=detector,
            embedder=model,
            encoder=encoder,
            language=language,
            device=device.value,
            turns=turn,
            on_download=on_download,
            engine=engine,
        )
        opened.prepare(paths, exclude=exclude or ())
    with opened, render.indexing() as (on_progress, on_words):
        report = opened.index(
            paths,
            processes=processes,
            time_limit_s=time_limit,
            column=column,
            pictures=pictures,
            retry_skipped=retry_skipped,
            reread=reread,
            exclude=exclude or (),
            ocr=ocr,
            on_progress=on_progress,
            on_words=on_words,
            **({} if segment is None else {"segment": segment}),
        )
    if as_json:
        render.as_json({"collection": render.shown(collection)} | render.fields_of(report))
    else:
        render.report(report, collection)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
