"""retrieve watch"""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing
from retrieve.cli.exits import INTERRUPTED
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    EncoderOption,
    ExcludeOption,
    JsonOption,
    LanguageOption,
    ModelOption,
    PicturesOption,
    RereadOption,
    TimeLimitOption,
    TurnOption,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.reports import counted

if TYPE_CHECKING:
    from retrieve.indexes.building.storing import Report
    from retrieve.types import Skipped

TOLD = {name: name for name in ("new", "moved", "duplicate", "changed", "gone")}
TOLD |= {"reread": "read again"}


def watch(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders, photos and texts to follow.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    debounce: Annotated[
        float,
        typer.Option(
            min=0.1, metavar="SECONDS", help="How long it has to be quiet before changes are taken."
        ),
    ] = 2.0,
    model: ModelOption = None,
    detector: DetectorOption = None,
    turn: TurnOption = None,
    encoder: EncoderOption = None,
    language: LanguageOption = None,
    device: DeviceOption = Device.CPU,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that read, decode and detect, one core each.")
    ] = 2,
    time_limit: TimeLimitOption = 60.0,
    pictures: PicturesOption = True,
    reread: RereadOption = True,
    exclude: ExcludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index PATH, then follow its changes until Ctrl-C.

    Photos and texts that are new, changed, moved or gone are taken up when
    nothing has changed for some seconds. What changes while this is not running
    is found at its next start. A folder that is not there (a drive that was
    taken out) is waited for. What is left out is as with retrieve index.

    Example: retrieve watch ~/Pictures
    """
    from retrieve.indexes.building.walk import checked_roots
    from retrieve.indexes.building.workers import Workers
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.watch import changes, follow

    choosing.no_cluster(
        collection,
        "Index it as often as you want, as by cron; what has not changed is not read again: "
        "retrieve index PATH -c {0}",
    )
    checked_roots(paths)
    ended: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)  # as Ctrl-C, but whoever sends it expects an exit code 0
    try:
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
            )
            opened.prepare(paths, exclude=exclude or ())
        job = opened.job(paths, pictures=pictures)
        with opened, Workers(job.open, workers=processes, time_limit_s=time_limit) as pool:
            with render.progress() as on_progress:
                reports = follow(
                    opened,
                    paths,
                    changes(paths, debounce_s=debounce, exclude=exclude or ()),
                    pool.run,
                    reread=reread,
                    exclude=exclude or (),
                    on_progress=on_progress,
                    on_remark=render.note,
                )
                first = next(reports)
            if as_json:
                render.as_json({"collection": render.shown(collection)} | render.fields_of(first))
            else:
                render.report(first, collection)
            if not first.interrupted:
                render.note("following changes; Ctrl-C ends it")
            told = [*first.skipped]
            for report in reports:
                if as_json:
                    render.as_json(render.fields_of(report))
                else:
                    _tell(report, told)
    except KeyboardInterrupt:
        pass
    raise typer.Exit(0 if ended else INTERRUPTED)


def _tell(report: Report, told: list[Skipped]) -> None:
    """A line for what a run did, if it did anything, and for each file that it newly skipped."""
    counts = [f"{n} {word}" for name, word in TOLD.items() if (n := getattr(report, name))]
    if counts:
        now = datetime.now().strftime("%H:%M:%S")
        found = f"{counted(report.faces, 'face')}, {counted(report.passages, 'passage')} found"
        render.line(f"{now}  {', '.join(counts)}; {found}")
    for item in report.skipped:
        if item not in told:
            told.append(item)
            render.skipped(item.path, item.reason)
