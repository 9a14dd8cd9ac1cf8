"""What a photo says about itself, and how an index notices that it says something else now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retrieve.types import Passage


@dataclass(frozen=True, slots=True)
class Said:
    """What a photo says about itself in words.

    seen  the files beside it that were read, as they were: names, sizes and times
    """

    passages: tuple[Passage, ...] = ()
    warnings: tuple[str, ...] = ()
    seen: str = ""


def said_of(photo: Path, root: Path | None) -> Said:
    """Captions, keywords and names of a photo; nothing is decoded.

    root  the innermost folder that was indexed, below which folders' names say something
    """
    from retrieve.descriptions import describe

    found = describe(photo, root)
    seen = _seen((path, size, mtime) for path, mtime, size in found.sidecars)
    return Said(tuple(found.passages), tuple(found.warnings), seen)


def seen_beside(photo: Path) -> str:
    """The files beside a photo that describe it, as they are now: Said.seen without reading."""
    from retrieve.metadata.sidecars import sidecars

    return _seen((path, size, mtime) for path, mtime, size in sidecars(photo))


def _seen(files: Iterable[tuple[Path, int, int]]) -> str:
    return "\n".join(sorted(f"{path.name!a} {size} {mtime}" for path, size, mtime in files))
