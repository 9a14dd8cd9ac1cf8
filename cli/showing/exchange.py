"""What an import or an export of names did, as a table or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.indexes.exchange.imports import Imported
    from retrieve.indexes.exchange.known import Known
    from retrieve.indexes.exchange.sidecars import Written
    from retrieve.types import Skipped


def imported(
    report: Imported, unread: Sequence[Skipped], collection: Path, *, as_json: bool
) -> None:
    """Counts, and records that could not be used.

    unread  photos behind foreign faces that could not be read
    """
    counts = {
        "photos": report.photos,
        "faces": report.faces,
        "known_photos": report.known_photos,
        "known_faces": report.known_faces,
        "named": report.named,
        "names_kept": report.names_kept,
        "incomplete": report.incomplete,
        "broken": report.broken_count,
    }
    if as_json:
        broken = [{"where": one.where, "reason": one.reason} for one in report.broken]
        render.as_json(counts | {"broken_records": broken, "unread_photos": _skipped(unread)})
        return
    _counts(counts)
    _listed(
        "Left out", [f"{one.where}: {one.reason}" for one in report.broken], report.broken_count
    )
    _by_reason("Photos that could not be read; their faces are kept", unread)
    if report.names_kept:
        render.note(f"faces that have another name here and kept it: {report.names_kept}")
    if report.incomplete:
        render.note(
            f"photos with faces that were not in the file: {report.incomplete}; "
            "retrieve index takes these photos as done"
        )
    render.note(f"collection: {render.shown(collection)}")


def known(report: Known, collection: Path, *, as_json: bool) -> None:
    """What the indexer did, then who got a name and which photos named nobody."""
    counts = {"named": report.named, "named_before": report.before, "unnamed": len(report.unnamed)}
    if as_json:
        indexed = {
            "new": report.indexed.new,
            "unchanged": report.indexed.unchanged,
            "faces": report.indexed.faces,
        }
        lists = {
            "unnamed_photos": _skipped(report.unnamed),
            "skipped_files": _skipped(report.indexed.skipped),
        }
        render.as_json(indexed | counts | lists)
        return
    render.report(report.indexed, collection)
    _counts(counts)
    _by_reason("Named nobody", report.unnamed)


def sidecars(done: Written, folder: Path | None, *, as_json: bool) -> None:
    """Counts, and what was left alone.

    folder  that was written to; None beside the photos
    """
    counts = {"written": done.files, "changed": done.changed, "unchanged": done.unchanged}
    if as_json:
        render.as_json(counts | {"skipped_files": _skipped(done.skipped)})
        return
    _counts(counts)
    _by_reason("Left alone", done.skipped)
    if not any(counts.values()) and not done.skipped:
        render.note("no photo holds anybody with a name: retrieve name NAME PHOTO")
    elif folder is None:
        render.note("the files lie beside the photos")
    else:
        below = "" if done.below is None else f", as the photos do below {render.shown(done.below)}"
        render.note(f"the files lie in {render.shown(folder)}{below}")


def _counts(counts: dict[str, int]) -> None:
    rows = ((name.replace("_", " "), str(count)) for name, count in counts.items())
    render.table(("", "count"), rows, right="count")


def _listed(title: str, lines: Sequence[str], count: int | None = None) -> None:
    count = len(lines) if count is None else count
    if not count:
        return
    render.line("")
    render.line(f"{title}:")
    for text in lines[: render.LISTED]:
        render.line(f"  {text}")
    if count > render.LISTED:
        render.line(f"  and {count - render.LISTED} more; with --json: the first {len(lines)}")


def _by_reason(title: str, items: Sequence[Skipped]) -> None:
    if render.listed(title, items):
        render.note("all of them: --json")


def _skipped(items: Sequence[Skipped]) -> list[dict[str, Any]]:
    return [{"path": render.shown(item.path), "reason": item.reason} for item in items]
