"""The only module that prints: results to stdout, progress and remarks to stderr."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrieve.cli.showing.terminal.grouping import grouped
from retrieve.cli.showing.terminal.pictures import Pictures
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.cli.showing.terminal.screen import Images, Screen, screen_of
from retrieve.shares import probability, share
from retrieve.visible import cell, json_visible, visible

if TYPE_CHECKING:
    from rich.console import OverflowMethod, RenderableType
    from rich.progress import Progress

    from retrieve.faces.calibration import Calibration
    from retrieve.indexes.building.build import OnProgress
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.info import Info
    from retrieve.types import Skipped

_Branch = TypeVar("_Branch")

NARROWEST = 20  # columns of a text, however narrow the terminal
GONE = "not there now"  # of a hit's file
ITSELF = "the photo itself"  # of a hit that is what was asked for
OLD_ENCODER, NEW_ENCODER = "lstm", "static"  # of texts, by default
LISTED = 20  # reasons for which files were skipped, shown after a run
EXAMPLES = 3  # files of each; `retrieve info --skipped` shows all
LEAST_LINES = 12  # of a terminal with pictures
MANY = ("256", "truecolor")  # systems of colours in which a face can be known

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def line(text: str) -> None:
    """One line on stdout."""
    _out.print(printable(text), soft_wrap=True)


def text(value: Text, *, indent: int = 0) -> None:
    """Styled text on stdout; with an indent wrapped to the terminal, else one line."""
    if not indent:
        _out.print(value, soft_wrap=True)
        return
    for row in value.wrap(_out, max(_out.width - indent, NARROWEST)):
        row.rstrip()
        _out.print(Text(" " * indent) + row, soft_wrap=True)


def show(value: RenderableType, *, width: int | None = None) -> None:
    """A table, or whatever Rich draws, on stdout; no wider than so many columns."""
    _out.print(value, width=width)


def flush() -> None:
    """Let whoever reads stdout have what was printed: what follows takes long."""
    sys.stdout.flush()


def width() -> int:
    """Columns of stdout."""
    return _out.width


def pictures(images: Images) -> Pictures | None:
    """What draws faces on stdout; None where it is no terminal, or one that shows none.

    NO_COLOR and TERM=dumb show none, whatever is asked for; blocks want as many colours as a face
    has. The terminal is asked what it can draw at most once, and only for AUTO.
    """
    colours = _out.color_system  # None without any, as on a dumb terminal
    if images is Images.NONE or not _out.is_terminal or colours is None or _out.no_color:
        return None
    if _out.height < LEAST_LINES:  # else the cursor cannot go from a picture's end to its beginning
        return None
    try:
        screen = screen_of(_out.file.fileno(), images, os.environ)
    except OSError:  # a stream of Python's own
        screen = Screen(Images.BLOCKS if images is Images.AUTO else images)
    if screen.way is Images.BLOCKS and colours not in MANY:
        return None
    return Pictures(screen, true=colours == MANY[-1])


def note(text: str) -> None:
    """A remark on stderr."""
    _err.print(printable(text), style="dim", soft_wrap=True)


def error(text: str) -> None:
    """What went wrong, on stderr."""
    _err.print(Text.assemble(("error: ", "bold red"), visible(text)), soft_wrap=True)


def skipped(path: Path, reason: str) -> None:
    """One file that could not be used, on stderr."""
    _err.print(
        Text.assemble(("skipped ", "yellow"), visible(f"{shown(path)}: {reason}")), soft_wrap=True
    )


def warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """In place of warnings.showwarning: the message as a line on stderr, no source code."""
    _err.print(Text.assemble(("warning: ", "bold yellow"), visible(str(message))), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> None:
    """A table on stdout; `right` names the columns, blank between, that are numbers."""
    numbers = right.split()
    made = Rows([Column(visible(one), one in numbers, one not in numbers) for one in columns])
    for row in rows:
        made.add(*(printable(cell) for cell in row))
    _out.print(made)


def tree(
    root: str,
    branches: Iterable[_Branch],
    label: Callable[[_Branch], str],
    after: Callable[[_Branch], Iterable[_Branch]],
) -> None:
    """Branches below a root, and what comes after each, as a tree on stdout."""
    from rich.tree import Tree

    def grow(onto: Tree, some: Iterable[_Branch]) -> None:
        for branch in some:
            grow(onto.add(printable(label(branch))), after(branch))

    made = Tree(printable(root), guide_style="dim")
    grow(made, branches)
    _out.print(made)


@contextmanager
def streaming() -> Iterator[Callable[[str], None]]:
    """What it is called with appears on stdout at once; the line is ended at the end."""
    last = ""

    def write(text: str) -> None:
        nonlocal last
        last = text or last
        print("\n".join(map(visible, text.split("\n"))), end="", flush=True)

    yield write
    if not last.endswith("\n"):
        print()


def fields_of(value: Any) -> Any:
    """A result as JSON can have it: dataclasses as objects, paths as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: fields_of(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Path):
        return shown(value)
    if isinstance(value, Mapping):
        return {str(name): fields_of(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [fields_of(one) for one in value]
    return value


def as_json(value: dict[str, Any]) -> None:
    """One JSON object as a line on stdout."""
    _json(value)


@contextmanager
def words_progress(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr: what is done, words, words/s, time left; total 0 is unknown."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} " + unit),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
    )
    tasks: dict[str, Any] = {}
    with bar:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None, rate="")
            speed = bar.tasks[tasks[what]].speed
            rate = f"{speed:,.0f} {unit}/s" if speed else ""
            bar.update(tasks[what], completed=done, total=total or None, rate=rate)

        yield show


@contextmanager
def counting(unit: str, what: str = "measuring") -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr: what is done, of how many, time left."""
    with words_progress(unit) as show:
        yield lambda done, total: show(what, done, total)


@contextmanager
def download(what: str = "downloading weights") -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that appears with the first bytes: done, in all."""
    bars: list[Progress] = []

    def show(done: int, total: int) -> None:
        if not bars:
            bars.append(_bytes_bar(what))  # not before: importing it takes .03 CPU s
        bars[0].update(bars[0].task_ids[0], completed=done, total=total)

    try:
        yield show
    finally:
        for bar in bars:
            bar.stop()


def _bytes_bar(what: str) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
        disable=not _err.is_terminal,
    )
    bar.add_task("")
    bar.start()
    return bar


# retrieve index


@contextmanager
def progress() -> Iterator[OnProgress]:
    """A bar on stderr: files, files/s, faces, passages, time left."""
    with indexing() as (show, _):
        yield show


@contextmanager
def indexing() -> Iterator[tuple[OnProgress, Callable[[int, int], None]]]:
    """The same, and what shows in its place how many pictures are read, of how many."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    from retrieve.indexes.building.build import Progress as Step

    bar = Progress(
        TextColumn("{task.fields[what]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[found]}"),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None, what="indexing", rate="", found="")
        reading: list[TaskID] = []

        def show(step: Step) -> None:
            speed = bar.tasks[task].speed
            bar.update(
                task,
                completed=step.files,
                total=step.of,
                rate=f"{speed:.1f} files/s" if speed else "",
                found=f"{step.faces} faces, {step.passages} passages"
                + (f", {step.waiting} of them to embed" if step.waiting else ""),
            )

        def read(done: int, total: int) -> None:
            if not reading:
                bar.update(task, visible=False)
                what = "reading words"
                reading.append(bar.add_task("", total=total, what=what, rate="", found="pictures"))
            bar.update(reading[0], completed=done, total=total)

        yield show, read


def report(report: Report, collection: Path) -> None:
    """What a run of the indexer did, and every file that it could not use."""
    table = Table(title="Interrupted" if report.interrupted else None, show_header=False, box=None)
    rows = {
        "new": report.new,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "duplicate": report.duplicate,
        "changed": report.changed,
        "gone": report.gone,
        **({"read again": report.reread} if report.reread else {}),
        "skipped": len(report.skipped),
        "faces found": report.faces,
        "attached": report.attached,
        "new people": report.people,
        "passages": report.passages,
        **({"pictures read": report.read} if report.read else {}),
    }
    for name, count in rows.items():
        table.add_row(name, Text(str(count), style="bold" if count else "dim", justify="right"))
    _out.print(table)
    if report.left_out:
        left_out = ", ".join(f"{count:,} {name}" for name, count in report.left_out.items())
        line(f"left out: {left_out}")
    left = listed("Skipped", report.skipped, style="yellow")
    if left:
        note("all of them: retrieve info --skipped")
    listed("Used with a warning", report.warnings, style="cyan")
    note(f"collection: {shown(collection)}")


def listed(
    title: str, items: Sequence[Skipped], *, style: str = "", most: int | None = EXAMPLES
) -> int:
    """Files by what is wrong with them, some of each; returns how many are not shown.

    most  files of a reason; None is all, of all reasons
    """
    if not items:
        return 0
    groups = grouped(items)
    _out.print(Text(f"\n{title}:", style=style))
    shown_groups = groups[:LISTED] if most is not None else groups
    left = 0
    for group in shown_groups:
        files = group.files if most is None else group.files[:most]
        if len(group.files) == 1:
            line(f"  {shown(near(files[0].path))}: {files[0].reason}")
            continue
        line(f"  {len(group.files):,} files: {group.reason}")
        for item in files:
            own = group.own(item)
            line(f"    {shown(near(item.path))}" + (f": {own}" if own else ""))
        more = len(group.files) - len(files)
        left += more
        if more:
            line(f"    and {more:,} more")
    for group in groups[len(shown_groups) :]:
        left += len(group.files)
    if len(groups) > len(shown_groups):
        line(f"  and {len(groups) - len(shown_groups):,} reasons more")
    return left


# retrieve info, retrieve models, retrieve calibrate


def info(info: Info, skipped: Sequence[Skipped] | None, *, as_json: bool) -> None:
    """What a collection holds; the skipped files too unless they are None."""
    if as_json:
        _json(info_json(info, skipped))
        return
    table = Table(show_header=False, box=None)
    for name, value in info_json(info, None).items():
        value = info.shards if name == "shards" else value
        table.add_row(name.replace("_", " "), printable(str(value), overflow="fold"))
    _out.print(table)
    if info.texts is not None and info.texts.made_by["encoder"] == OLD_ENCODER:
        note(
            f"the texts are of {OLD_ENCODER}, the default of older versions; to move them to "
            f"{NEW_ENCODER}: retrieve reembed --texts --encoder {NEW_ENCODER}"
        )
    listed("skipped", skipped or (), most=None)


def info_json(info: Info, skipped: Sequence[Skipped] | None) -> dict[str, Any]:
    """The same as fields."""
    rows: dict[str, Any] = {
        "collection": shown(info.path),
        "format": info.format,
        **info.counts,
        "size_bytes": info.size_bytes,
    }
    if info.shards is not None:
        rows["shards"] = fields_of(info.shards)
    if info.space is not None:
        rows |= {
            **info.space.made_by,
            "dim": info.space.dim,
            "embeddings": info.space.rows,
            "generation": info.space.generation,
            "search": info.search.value,
        }
    if info.halfway is not None:
        there = {"faces": info.halfway.faces, "of": info.halfway.of}
        rows["moving_to"] = info.halfway.made_by | there
    if info.texts is not None:
        rows |= {
            **info.texts.made_by,
            "text_dim": info.texts.dim,
            "text_embeddings": info.texts.rows,
            "text_generation": info.texts.generation,
            "text_search": info.text_search.value,
        }
    if info.pictures is not None:
        rows |= {
            **info.pictures.made_by,
            "picture_dim": info.pictures.dim,
            "picture_embeddings": info.pictures.rows,
            "picture_generation": info.pictures.generation,
        }
    if skipped is not None:
        rows["skipped_files"] = [
            {"path": shown(item.path), "reason": item.reason} for item in skipped
        ]
        rows["skipped_reasons"] = [
            {"reason": group.reason, "files": len(group.files)} for group in grouped(skipped)
        ]
    return rows


def calibration(
    fitted: Calibration,
    missed: dict[str, float],
    error: tuple[float, float] | None,
    kept: Path,
) -> None:
    """A fitted calibration: thresholds with both error rates, and for galleries.

    error  expected calibration error on folds of people, and in the worst; None where it was not
           measured
    """
    names = ("false-match rate", "threshold", "probability there", "false non-match rate")
    made = Rows([Column(name, right=True) for name in names])
    of_two = "default" if fitted.strangers is None else "two faces"
    for fmr, threshold in fitted.thresholds.items():
        made.add(
            fmr + (f" ({of_two})" if fmr == fitted.fmr else ""),
            f"{threshold:.4f}",
            probability(fitted.probability(threshold)),
            share(missed[fmr]),
        )
    _out.print(made)
    if fitted.strangers is None:
        line("too few people to tell how high the best of many strangers scores")
    else:
        sizes = ", ".join(f"{fitted.threshold_for(N):.4f} among {N:,}" for N in (10, 100, 1000))
        line(f"default threshold, by how many are searched: {sizes}")
    if error is not None:
        line(
            f"on people not fitted on probabilities are {share(error[0])} away from the truth "
            f"({share(error[1])} in the worst of five folds)"
        )
    line(f"{fitted.genuine} pairs of one person, {fitted.impostor} of two; kept in {kept}")


def printable(text: str, *, overflow: OverflowMethod | None = None) -> Text:
    """What files or users say, as Rich prints it: without markup, on one line, hidden characters
    written out.
    """
    return Text(visible(text), overflow=overflow)


def _json(value: dict[str, Any]) -> None:
    print(json_visible(json.dumps(value, ensure_ascii=False)))


def csv_lines(rows: Iterable[Sequence[str | float]]) -> None:
    """Rows as comma-separated values on stdout; texts as visible.cell() has them."""
    writer = csv.writer(sys.stdout)
    for row in rows:
        writer.writerow([cell(value) if isinstance(value, str) else value for value in row])


def address(path: Path, page: Path) -> str:
    """A path as a link from a page: ./ where it lies below the page's folder, else file:///.

    So a folder that holds a page and its photos can be moved, and any other page itself. Neither
    begins as another address does, whatever the path begins with.
    """
    seen = seen_from(page, path)
    return seen.as_uri() if seen.is_absolute() else "./" + quote(os.fsencode(seen.as_posix()))


def seen_from(page: Path, path: Path) -> Path:
    """The path from a page's folder where it lies below that, else whole."""
    whole, folder = path.absolute(), page.absolute().parent
    return whole.relative_to(folder) if whole.is_relative_to(folder) else whole


def near(path: Path) -> Path:
    """The path from the working folder where it lies below that; only people read it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def is_gone(path: Path) -> bool:
    """Whether nothing is at a hit's path now: it was moved, deleted, or its drive taken out.

    What cannot be looked at is not said to be gone.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def shown(path: Path) -> str:
    """A path as text for any terminal and for JSON; bytes outside UTF-8 show as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
