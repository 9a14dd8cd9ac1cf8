"""Where photos were taken, without a map of anybody else; and the faces, alike beside alike.

Source of the places: degrees as they are (plate carrée), a degree east shortened by the cosine of
the middle latitude. Of the faces: PCA, as `retrieve map` draws it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.web.here import HereNow
from retrieve.cli.web.rendering import render
from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import FACES, KM_PER_DEGREE
from retrieve.indexes.collection import Collection
from retrieve.indexes.drawing import points_of
from retrieve.projection.project import project

WIDTH, HEIGHT, EDGE = 1000, 600, 40  # of a drawing
CELLS = 50  # along the longer side: places in one of them are one dot
NEAREST_KM = 0.1  # around a dot, at least
DOTS = 600  # faces, of more a sample
COLOURS = 8  # in style.css: classes c0 to c7

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Spot:
    """Photos that were taken near each other.

    x, y   in the drawing, from above left
    near   LAT,LON,KM, as a search takes it: all photos of the spot lie within
    """

    x: float
    y: float
    radius: float
    photos: int
    near: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A face; `colour` is the same for one name, None for nobody's."""

    x: float
    y: float
    face_id: int
    person: str | None
    colour: int | None


@router.get("/maps")
async def maps(request: Request, here: HereNow) -> Response:
    """Both."""

    def look(collection: Collection) -> tuple[list[Spot], list[Dot]]:
        return here.kept(
            collection,
            "maps",
            lambda: (spots(collection.stored.places()), _dots(collection)),
        )

    found, dots = await here.read(look)
    people = {dot.person: dot.colour for dot in dots if dot.person and dot.colour is not None}
    return render(
        request,
        "maps.html",
        spots=found,
        dots=dots,
        people=sorted(people.items()),
        size=(WIDTH, HEIGHT),
    )


def spots(places: Sequence[tuple[float, float]]) -> list[Spot]:
    """Degrees north and east of photos → dots, those of one cell in one, the largest first."""
    if not places:
        return []
    degrees = np.array(places, np.float64)  # (N, 2)
    middle = degrees.mean(axis=0)
    shrunk = max(math.cos(math.radians(middle[0])), 0.01)
    flat = np.stack([degrees[:, 1] * shrunk, -degrees[:, 0]], axis=1)
    drawn = _fitted(flat)
    side = (WIDTH - 2 * EDGE) / CELLS
    cells: dict[tuple[int, int], list[int]] = {}
    for i, (x, y) in enumerate(drawn):
        cells.setdefault((int(x // side), int(y // side)), []).append(i)
    most = max(map(len, cells.values()))
    found = []
    for rows in cells.values():
        centre = degrees[rows].mean(axis=0)
        away = (degrees[rows] - centre) * [1, shrunk]
        km = max(float(np.linalg.norm(away, axis=1).max()) * KM_PER_DEGREE * 1.1, NEAREST_KM)
        x, y = drawn[rows].mean(axis=0).round(1).tolist()
        radius = round(5 + 13 * math.sqrt(len(rows) / most), 1)
        near = f"{centre[0]:.5f},{centre[1]:.5f},{math.ceil(km * 10) / 10:.1f}"
        found.append(Spot(x, y, radius, len(rows), near))
    return sorted(found, key=lambda one: -one.photos)


def _dots(collection: Collection) -> list[Dot]:
    try:
        points = points_of(collection, FACES, most=DOTS)
    except CollectionError:  # no photo was indexed
        return []
    if not points.items:
        return []
    drawn = _fitted(project(points.embeddings).places.astype(np.float64), stretched=True)
    names = [one.person for one in points.items if one.person]
    often = sorted(set(names), key=lambda name: (-names.count(name), name))[:COLOURS]
    return [
        Dot(
            x,
            y,
            item.face_id,
            item.person,
            often.index(item.person) if item.person in often else None,
        )
        for (x, y), item in zip(drawn.round(1).tolist(), points.items, strict=True)
        if item.face_id is not None
    ]


def _fitted(places: np.ndarray, *, stretched: bool = False) -> np.ndarray:
    """(N, 2) places as they lie in the drawing; each axis by itself if stretched."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.array([WIDTH, HEIGHT]) - 2 * EDGE
    scale = room / np.maximum(high - low, 1e-9)
    if not stretched:
        scale = np.full(2, min(scale.min(), 1e5))
    centred: np.ndarray = (places - (low + high) / 2) * scale + np.array([WIDTH, HEIGHT]) / 2
    return centred
