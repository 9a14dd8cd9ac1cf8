"""A page with the groups of duplicates that needs no other file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieve.cache import replacing
from retrieve.cli.showing.duplicates.told import size_of, summary, title_of
from retrieve.cli.showing.looks import Thumbnail
from retrieve.cli.showing.render import GONE, address, is_gone, seen_from, shown
from retrieve.visible import visible

if TYPE_CHECKING:
    from retrieve.indexes.duplicates.kinds import Copy, Duplicates

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(
    page: Path, found: Duplicates, thumbnail: Thumbnail, *, noted_in: Path | None = None
) -> None:
    """Write the page; names and paths are escaped, pictures are in it as data.

    thumbnail  makes a picture of a photo's file
    noted_in   as cache.replacing() wants it
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    groups = [
        {
            "title": title_of(group),
            "photos": [
                _photo(photo, page, thumbnail, best=not at) for at, photo in enumerate(group.photos)
            ],
        }
        for group in found
    ]
    text = template.render(groups=groups, lines=[visible(line) for line in summary(found)])
    with replacing(page.absolute(), noted_in=noted_in) as part:
        part.write_text(text, encoding="utf-8")


def _photo(photo: Copy, page: Path, thumbnail: Thumbnail, *, best: bool) -> dict[str, Any]:
    there = next((path for path in photo.paths if not is_gone(path)), None)
    jpeg = None if there is None else thumbnail(there)
    return {
        "best": best,
        "picture": None if jpeg is None else _data(jpeg),
        "files": [
            {
                "name": visible(shown(Path(path.name))),
                "path": visible(shown(seen_from(page, path))),
                "address": address(path, page),
                "gone": GONE if is_gone(path) else "",
            }
            for path in photo.paths
        ],
        "size": f"{photo.size[1]} x {photo.size[0]}, {size_of(photo.size_bytes)}",
        "date": (photo.taken_at or "").replace("T", " "),
        "sharpness": None if photo.sharpness is None else f"{photo.sharpness:.1f}",
        "faces": None if photo.quality is None else f"{photo.faces} of {photo.quality:.2f}",
        "score": f"{photo.score:.4f}",
    }


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
