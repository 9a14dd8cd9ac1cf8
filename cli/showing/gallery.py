"""A page with the probe's faces and their hits that needs no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.cli.showing.facehits import shards_lines, threshold_lines
from retrieve.cli.showing.looks import Thumbnail, threshold_line
from retrieve.cli.showing.render import GONE, address, is_gone, seen_from, shown
from retrieve.indexes.queries.pictures import PictureProbe
from retrieve.indexes.queries.probes import Probe
from retrieve.shares import probability
from retrieve.types import Hit, PictureHit
from retrieve.visible import visible

TEMPLATE = Path(__file__).with_name("gallery.html")


def write_gallery(
    page: Path,
    probes: Sequence[Probe],
    looks: Sequence[PictureProbe] = (),
    thumbnail: Thumbnail | None = None,
    *,
    noted_in: Path | None = None,
) -> None:
    """Write the page; names and paths are escaped, pictures are in it as data.

    looks      photos that were searched for as a whole, each with those that look like it
    thumbnail  makes a picture of a photo's file
    noted_in   as cache.replacing() wants it
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    faces = [
        {
            "probe": _named(Path(probe.name)),
            "number": face.number,
            "of": len(probe.faces),
            "picture": _data(_jpeg(face.crop)),
            "hits": [_hit(hit, page) for hit in face.hits],
        }
        for probe in probes
        for face in probe.faces
    ]
    whole = [
        {
            "probe": _named(Path(probe.name)),
            "hits": [_alike(hit, page, thumbnail) for hit in probe.hits],
        }
        for probe in looks
    ]
    every = [threshold_line(probe.least) for probe in looks] + shards_lines(looks)
    lines = dict.fromkeys([*threshold_lines(probes), *every])
    text = template.render(faces=faces, whole=whole, passed=[visible(line) for line in lines])
    with replacing(page.absolute(), noted_in=noted_in) as part:
        part.write_text(text, encoding="utf-8")


def _hit(hit: Hit, page: Path) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "itself": hit.itself,
        "picture": _data(hit.picture()) if hit.picture else None,
        "name": _named(Path(hit.path.name)),
        "path": _named(seen_from(page, hit.path)),
        "gone": GONE if is_gone(hit.path) else "",
        "address": address(hit.path, page),
        "score": f"{hit.score:.4f}",
        "probability": None if hit.probability is None else probability(hit.probability),
        "number": hit.number,
        "date": (hit.taken_at or "")[:10],
        "person": None if hit.person is None else visible(hit.person),
    }


def _alike(hit: PictureHit, page: Path, thumbnail: Thumbnail | None) -> dict[str, Any]:
    jpeg = None if thumbnail is None or is_gone(hit.path) else thumbnail(hit.path)
    return {
        "rank": hit.rank,
        "itself": hit.itself,
        "picture": None if jpeg is None else _data(jpeg),
        "name": _named(Path(hit.path.name)),
        "path": _named(seen_from(page, hit.path)),
        "gone": GONE if is_gone(hit.path) else "",
        "address": address(hit.path, page),
        "score": f"{hit.score:.4f}",
        "probability": None if hit.probability is None else probability(hit.probability),
        "size": f"{hit.size[1]} x {hit.size[0]}",
        "date": (hit.taken_at or "")[:10],
    }


def _named(path: Path) -> str:
    return visible(shown(path))


def _jpeg(crop: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(crop).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
