"""The only module that prints: results to stdout, progress and remarks to stderr."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrieve.types import Skipped
from retrieve.visible import cell, json_visible, visible

if TYPE_CHECKING:
    from rich.console import JustifyMethod, OverflowMethod, RenderableType
    from rich.progress import Progress

    from retrieve.faces.calibration import Calibration
    from retrieve.indexes.building.build import OnProgress
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.info import Info

_Branch = TypeVar("_Branch")

NARROWEST = 20  # columns of a text, however narrow the terminal
GONE = "not there now"  # of a hit's file
LISTED = 20  # skipped files shown after a run; `retrieve info --skipped` shows all

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


def show(value: RenderableType) -> None:
    """A table, or whatever Rich draws, on stdout."""
    _out.print(value)


def shows_pictures() -> bool:
    """Whether stdout is a terminal with enough colours for small pictures."""
    return _out.is_terminal and _out.color_system in ("256", "truecolor")


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
    made = Table(box=None, pad_edge=False)
    for name in columns:
        side: JustifyMethod = "right" if name in right.split() else "left"
        made.add_column(printable(name), justify=side, overflow="fold")
    for row in rows:
        made.add_row(*(printable(cell) for cell in row))
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
def counting(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr: what is done, of how many, time left."""
    with words_progress(unit) as show:
        yield lambda done, total: show("measuring", done, total)


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
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from retrieve.indexes.building.build import Progress as Step

    bar = Progress(
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[found]}"),
        TimeRemainingColumn(),
        console=_err,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None, rate="", found="")

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

        yield show


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
        "passages": report.passages,
    }
    for name, count in rows.items():
        table.add_row(name, Text(str(count), style="bold" if count else "dim", justify="right"))
    _out.print(table)
    if report.left_out:
        left_out = ", ".join(f"{count:,} {name}" for name, count in report.left_out.items())
        line(f"left out: {left_out}")
    _listed("Skipped", report.skipped, "yellow")
    _listed("Used with a warning", report.warnings, "cyan")
    note(f"collection: {shown(collection)}")


def _listed(title: str, items: Sequence[Skipped], style: str) -> None:
    if not items:
        return
    _out.print(Text(f"\n{title}:", style=style))
    for item in items[:LISTED]:
        line(f"  {shown(near(item.path))}: {item.reason}")
    if len(items) > LISTED:
        line(f"  and {len(items) - LISTED} more; all of them: retrieve info --skipped")


# retrieve info, retrieve models, retrieve calibrate


def info(info: Info, skipped: Sequence[Skipped] | None, *, as_json: bool) -> None:
    """What a collection holds; the skipped files too unless they are None."""
    rows: dict[str, Any] = {
        "collection": shown(info.path),
        "format": info.format,
        **info.counts,
        "size_bytes": info.size_bytes,
    }
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
    if as_json:
        if skipped is not None:
            rows["skipped_files"] = [
                {"path": shown(item.path), "reason": item.reason} for item in skipped
            ]
        _json(rows)
        return
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(name.replace("_", " "), printable(str(value), overflow="fold"))
    _out.print(table)
    for item in skipped or []:
        line(f"  {shown(item.path)}: {item.reason}")


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
    table = Table(box=None, pad_edge=False)
    for name in ("false-match rate", "threshold", "probability there", "false non-match rate"):
        table.add_column(name, justify="right")
    of_two = "default" if fitted.strangers is None else "two faces"
    for fmr, threshold in fitted.thresholds.items():
        table.add_row(
            fmr + (f" ({of_two})" if fmr == fitted.fmr else ""),
            f"{threshold:.4f}",
            f"{fitted.probability(threshold):.1%}",
            f"{missed[fmr]:.4f}",
        )
    _out.print(table)
    if fitted.strangers is None:
        line("too few people to tell how high the best of many strangers scores")
    else:
        sizes = ", ".join(f"{fitted.threshold_for(N):.4f} among {N:,}" for N in (10, 100, 1000))
        line(f"default threshold, by how many are searched: {sizes}")
    if error is not None:
        line(
            f"on people not fitted on probabilities are {error[0]:.4f} away from the truth "
            f"({error[1]:.4f} in the worst of five folds)"
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


def address(path: Path) -> str:
    """A path as a link: always file:///, whatever the path begins with."""
    return path.absolute().as_uri()


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
