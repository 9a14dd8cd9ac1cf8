"""Groups of duplicates as tables and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.looks import Thumbnail, threshold_line
from retrieve.cli.showing.render import GONE, is_gone, near, printable, shown
from retrieve.cli.showing.terminal.rows import Column, Rows

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.duplicates.kinds import Copy, Duplicates, Group

SAID = {
    "pixels": "the same pixels",
    "edited": "the same picture, edited",
    "burst": "a burst",
    "scene": "the same scene",
}
SPARE = ("pixels", "edited")  # kinds of which one photo is enough
KILO, MEGA = 1e3, 1e6


def tables(
    found: Duplicates, thumbnail: Thumbnail, pictures: Pictures | None, *, most: int
) -> None:
    """A table for each group, the best photo first, then what there is in all.

    most  groups that are shown
    """
    for number, group in enumerate(found.groups[:most], 1):
        render.show(_table(number, group, thumbnail, pictures))
    for text in summary(found):
        render.line(text)
    if len(found) > most:
        render.note(f"{most} of {len(found)} groups; for all: -k {len(found)}")


def summary(found: Duplicates) -> list[str]:
    """How many groups there are of each kind, and what passes."""
    among = f"{found.searched:,} photo{'' if found.searched == 1 else 's'}"
    counts = Counter(group.kind.value for group in found)
    if not counts:
        lines = [f"nothing is there more than once among {among}"]
    else:
        each = ", ".join(f"{kind} {counts[kind]:,}" for kind in SAID if counts[kind])
        lines = [f"groups among {among}: {each}; nothing was deleted"]
    spare = sum(group.spare_bytes for group in found if group.kind.value in SPARE)
    if spare:
        lines.append(f"beside the best, copies and edited pictures take {size_of(spare)}")
    if counts["scene"]:
        lines.append(threshold_line(found.least))
    return lines


def size_of(size_bytes: int) -> str:
    """As people read it."""
    if size_bytes >= MEGA:
        return f"{size_bytes / MEGA:,.1f} MB"
    return f"{size_bytes / KILO:,.0f} kB"


def title_of(group: Group) -> str:
    """What a group is, and of how many photos or files."""
    files = sum(len(photo.paths) for photo in group.photos)
    what = f"{files} files" if group.kind.value == "pixels" else f"{len(group.photos)} photos"
    return f"{SAID[group.kind.value]}, {what}"


def _table(number: int, group: Group, thumbnail: Thumbnail, pictures: Pictures | None) -> Rows:
    table = Rows(
        [
            Column(""),
            *([Column("", picture=pictures.columns)] if pictures else []),
            Column("photo", folds=True),
            Column("pixels", right=True),
            Column("size", right=True),
            Column("date"),
            Column("sharpness", right=True),
            Column("faces", right=True),
            Column("score", right=True),
        ],
        printable(f"{number}. {title_of(group)}"),
    )
    for at, photo in enumerate(group.photos):
        for again, path in enumerate(photo.paths):
            jpeg = None
            if pictures is not None and not again and not is_gone(path):
                jpeg = thumbnail(path)
            picture = Text() if pictures is None or jpeg is None else pictures.of(jpeg)
            name = shown(near(path)) + (f" ({GONE})" if is_gone(path) else "")
            cells = ["", "", "", "", "", ""] if again else _cells(photo)
            table.add(
                "best" if at == again == 0 else "",
                *([picture] if pictures else []),
                printable(name),
                *cells,
            )
    return table


def _cells(photo: Copy) -> list[str]:
    return [
        f"{photo.size[1]} x {photo.size[0]}",
        size_of(photo.size_bytes),
        (photo.taken_at or "").replace("T", " "),
        "" if photo.sharpness is None else f"{photo.sharpness:.1f}",
        "" if photo.quality is None else f"{photo.faces} of {photo.quality:.2f}",
        f"{photo.score:.4f}",
    ]


def json_lines(found: Duplicates) -> list[dict[str, Any]]:
    """An object for each group."""
    return [
        {
            "kind": group.kind.value,
            "spare_bytes": group.spare_bytes,
            "photos": [_json(photo, best=not at) for at, photo in enumerate(group.photos)],
        }
        for group in found
    ]


def _json(photo: Copy, *, best: bool) -> dict[str, Any]:
    return {
        "best": best,
        "path": shown(photo.path),
        "paths": [shown(path) for path in photo.paths],
        "photo_id": photo.photo_id,
        "height": photo.size[0],
        "width": photo.size[1],
        "size_bytes": photo.size_bytes,
        "taken_at": photo.taken_at,
        "sharpness": None if photo.sharpness is None else round(photo.sharpness, 3),
        "faces": photo.faces,
        "quality": None if photo.quality is None else round(photo.quality, 4),
        "score": round(photo.score, 6),
    }


def left_out(found: Duplicates) -> None:
    """What was not compared, on stderr."""
    for one in found.left:
        render.skipped(one.path, one.reason)
    if found.unlooked:
        render.note(
            f"of {found.unlooked:,} photos that were never looked at as a whole only equal files "
            "are found: retrieve reembed --pictures"
        )
