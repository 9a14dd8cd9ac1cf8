"""What a photo says about itself, and how an index notices that it says something else now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import BadInput, foreseen
from retrieve.metadata.regions.areas import Regions
from retrieve.types import Passage


@dataclass(frozen=True, slots=True)
class Said:
    """What a photo says about itself in words, and when and where it was taken.

    seen      the files beside it that were read, as they were: names, sizes and times; None
              where nothing was looked at, which the next run will do
    taken_at  as in Description, of all sources; so is place
    whole     whether the photo itself was looked at, too: None is what is not known at all
    regions   who is where in it, as in Description; so is orientation
    """

    passages: tuple[Passage, ...] = ()
    warnings: tuple[str, ...] = ()
    seen: str | None = ""
    taken_at: str | None = None
    place: tuple[float, float] | None = None
    whole: bool = False
    regions: tuple[Regions, ...] = ()
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Look:
    """A task for a worker: at a photo whose faces are known, for what it says about itself.

    root  as of said_of()
    """

    path: Path
    root: Path | None


@dataclass(frozen=True, slots=True)
class Undescribed:
    """A task for a worker: a new photo, of which only pixels and names are looked at.

    Reading it was stopped the time before, and what stopped it may stand in what describes it.
    """

    path: Path


Task = Path | Look | Undescribed


def called_only(photo: Path, root: Path | None) -> Said:
    """What a photo's names say, in place of all that said_of() reads."""
    from retrieve.descriptions import called

    warning = (
        "what describes it is not read yet: reading the photo with that was stopped the time "
        "before. The next run looks at that alone"
    )
    return Said(called(photo, root), (warning,), seen=None)


def said_of(photo: Path, root: Path | None) -> Said:
    """Captions, keywords and names of a photo, its date and place; nothing is decoded.

    root  the innermost folder that was indexed, below which folders' names say something

    What nobody foresaw in its metadata, or beside it, costs the words and is a warning.
    """
    from retrieve.descriptions import describe

    seen = seen_beside(photo)
    try:
        with foreseen():
            found = describe(photo, root)
    except BadInput as error:
        return Said(warnings=(f"what describes it says nothing: {error}",), seen=seen)
    seen = _seen((path, size, mtime) for path, mtime, size in found.sidecars)
    return Said(
        found.passages,
        found.warnings,
        seen,
        found.taken_at,
        found.place,
        whole=found.opened,
        regions=found.regions,
        orientation=found.orientation,
    )


def seen_beside(photo: Path) -> str:
    """The files beside a photo that describe it, as they are now: Said.seen without reading."""
    from retrieve.metadata.sidecars import sidecars

    return _seen((path, size, mtime) for path, mtime, size in sidecars(photo))


def _seen(files: Iterable[tuple[Path, int, int]]) -> str:
    return "\n".join(sorted(f"{path.name!a} {size} {mtime}" for path, size, mtime in files))
