"""What commands on a collection's life did, as tables and lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cli import render

if TYPE_CHECKING:
    from indexes.compact import Compacted
    from indexes.forget import Forgotten
    from indexes.proof import Proof

LISTED = 20


def counted(number: int, one: str, many: str | None = None) -> str:
    """1 photo, 2 photos."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def forgotten(what: Forgotten, *, done: bool) -> None:
    """What was forgotten, or would be."""
    parts = [counted(what.photos, "photo")] if what.photos else []
    parts += [counted(what.faces, "face")] if what.faces else []
    parts += [counted(len(what.paths), "path")] if what.paths else []
    parts += [counted(len(what.names), "name")] if what.names else []
    render.line(f"{'forgotten' if done else 'to be forgotten'}: {', '.join(parts)}")
    copies = set(what.copies)
    _listed(path for path in what.paths if path not in copies)
    if what.copies:
        render.line("and, because they hold the same photos:")
        _listed(what.copies)
    if what.replaced:
        render.line(
            f"  and {counted(what.replaced, 'photo')} that files held before they were replaced"
        )
    for name in what.names:
        render.line(f"  the name {name}")


def _listed(paths: Iterable[Path]) -> None:
    every = list(paths)
    for path in every[:LISTED]:
        render.line(f"  {render.shown(path)}")
    if len(every) > LISTED:
        render.line(f"  and {len(every) - LISTED:,} more")


def proof(proof: Proof) -> None:
    """What was looked for in the files' bytes, and each place at which it still is."""
    kinds = ", ".join(f"{count:,} of {kind}" for kind, count in sorted(proof.looked_for.items()))
    render.line(
        f"read {counted(proof.files, 'file')}, {proof.size_bytes:,} bytes; "
        f"looked for these byte sequences: {kinds}"
    )
    if proof.shared:
        render.line(f"  {proof.shared:,} more are part of what remains, too, and tell nothing")
    if proof.plain:
        render.line(f"  {proof.plain:,} more are too short or too uniform to tell anything")
    if not proof.traces:
        render.line("none of them was found")
    for trace in proof.traces[:LISTED]:
        render.error(
            f"{trace.kind} of {trace.what} is still in {trace.file} at byte {trace.offset:,}"
        )
    if len(proof.traces) > LISTED:
        render.error(f"and at {len(proof.traces) - LISTED:,} more places")


def compacted(done: Compacted) -> None:
    """What compacting has removed and how much smaller the collection is."""
    removed = [
        counted(done.photos, "photo"),
        counted(done.faces, "face"),
        counted(done.paths, "path"),
        counted(done.rows, "dead row"),
    ]
    render.line(f"removed: {', '.join(removed)}")
    render.line(f"bytes: {done.before_bytes:,} before, {done.after_bytes:,} after")
