"""A map as one page that needs no other file: hover, zoom, search."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.cli.showing.maps.groups import Group
from retrieve.cli.showing.render import address, seen_from, shown
from retrieve.projection.project import Projection, lines
from retrieve.visible import visible

if TYPE_CHECKING:
    from retrieve.indexes.maps import Item

TEMPLATE = Path(__file__).with_name("map.html")
SIDE = 100_000  # places are whole numbers up to it: fine enough to zoom in a hundred times
PICTURES = 5000  # faces that bring their picture, 1.5 KB each; more would make the page too large
PICTURE_PX = 64
TEXT_LETTERS = 400  # of a passage


def write_page(
    page: Path,
    items: Sequence[Item],
    projection: Projection,
    groups: Sequence[Group],
    group_of: Sequence[int],
    *,
    title: str,
    crop: Callable[[int], bytes] | None = None,
    noted_in: Path | None = None,
) -> None:
    """Write the page; texts, names and paths are data in it, and never markup.

    crop      face id → its JPEG; of PICTURES faces at most, every so many-th of more
    noted_in  as cache.replacing() wants it
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        title=title,
        kept="; ".join(lines(projection)),
        data=_data(items, projection, groups, group_of, crop, page),
    )
    with replacing(page.absolute(), noted_in=noted_in) as part:
        part.write_text(text, encoding="utf-8")


def _data(
    items: Sequence[Item],
    projection: Projection,
    groups: Sequence[Group],
    group_of: Sequence[int],
    crop: Callable[[int], bytes] | None,
    page: Path,
) -> dict[str, Any]:
    places = _whole(projection)
    files: dict[Path, int] = {}
    file_of = [
        -1 if item.path is None else files.setdefault(item.path, len(files)) for item in items
    ]
    return {
        "side": SIDE,
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "group": list(group_of),
        "groups": [
            {"name": visible(g.name), "colour": g.colour, "points": g.points} for g in groups
        ],
        "text": [_text(item) for item in items],
        "detail": [_detail(item) for item in items],
        "file": file_of,
        "files": [
            {"shown": visible(shown(seen_from(page, path))), "address": address(path, page)}
            for path in files
        ],
        "labels": all(item.text and item.path is None for item in items),
        "pictures": _pictures(items, crop),
    }


def _whole(projection: Projection) -> NDArray[np.int64]:
    """(N, 2) places as whole numbers, y downward as on a screen; both axes in one scale."""
    places = projection.places.astype(np.float64)
    low = places.min(axis=0)
    span = float(np.ptp(places, axis=0).max()) or 1.0
    scaled = (places - low) / span * SIDE
    scaled[:, 1] = np.ptp(scaled[:, 1]) - scaled[:, 1]
    return np.asarray(np.rint(scaled), np.int64)


def _text(item: Item) -> str:
    text = item.text if item.face_id is None else item.person or ""
    return visible(text if len(text) <= TEXT_LETTERS else text[: TEXT_LETTERS - 1] + "…")


def _detail(item: Item) -> str:
    parts = [item.place, (item.taken_at or "")[:10]]
    return visible(", ".join(part for part in parts if part))


def _pictures(items: Sequence[Item], crop: Callable[[int], bytes] | None) -> dict[int, str]:
    """The number of an item → its picture as a data address."""
    if crop is None:
        return {}
    every = -(-len(items) // PICTURES)
    return {
        i: _small(crop(item.face_id))
        for i, item in enumerate(items)
        if item.face_id is not None and i % every == 0
    }


def _small(jpeg: bytes) -> str:
    from PIL import Image

    picture = Image.open(io.BytesIO(jpeg), formats=["JPEG"]).convert("RGB")
    picture.thumbnail((PICTURE_PX, PICTURE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
