"""Conditions on contents and faces → the rows that a search may find."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.paths import under
from retrieve.indexes.catalog.persons import persons_called
from retrieve.sources import given_path

# Spaces, and the tables of their items.
FACES, PASSAGES, PICTURES = "faces", "passages", "pictures"
EARTH_KM = 6371.0088  # mean radius (IUGG)
KM_PER_DEGREE = EARTH_KM * np.pi / 180
DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")
PADDING = "0001-01-01T00:00:00"  # completes a date that ends early, to see whether it exists


@dataclass(frozen=True, slots=True)
class Near:
    """Within `km` of a point in degrees north and east."""

    latitude: float
    longitude: float
    km: float


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, list | tuple | set) else (given,)


def _near(parts: Iterable[Any], got: str) -> Near:
    try:
        latitude, longitude, km = (float(part) for part in parts)
    except (ValueError, TypeError):
        latitude, longitude, km = np.nan, np.nan, np.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 < km < np.inf):
        raise BadInput(f"wanted LAT,LON,KM in degrees and kilometres, as 41.65,-0.88,25; got {got}")
    return Near(latitude, longitude, km)


def _check_date(date: Any) -> None:
    try:
        if not isinstance(date, str) or DATE.fullmatch(date) is None:
            raise ValueError
        datetime.fromisoformat(date + PADDING[len(date) :])
    except ValueError as error:
        raise BadInput(
            f"wanted a date as 2019, 2019-07, 2019-07-09 or 2019-07-09T18:30; got {date!r}"
        ) from error


@dataclass(frozen=True, slots=True)
class Filter:
    """What a hit has to satisfy, all of it; the default is everything.

        wanted = retrieve.Filter(since="2019", until="2021", persons=("Ana",))
        collection.search_faces("ana.jpg", wanted=wanted)

    since, until  ISO 8601, as long as one likes (2019, 2019-07, 2019-07-09T18), both
                  included: until 2019 ends with its December. A photo of which only the year,
                  month or day is known may be of any time in it. Photos without a date are out
    folders       a file that holds it lies under one of them
    persons       the face has one of these names, or is of the person with that number (#7); of
                  a passage or a whole photo, a face in the photo
    min_quality   of the face, 0 to 1; says nothing of passages and whole photos
    near          where the photo was taken: degrees north, degrees east, kilometres around;
                  photos without a place are out
    """

    since: str | None = None
    until: str | None = None
    folders: tuple[Path, ...] = ()
    persons: tuple[str, ...] = ()
    min_quality: float = 0.0
    near: Near | None = None

    def __post_init__(self) -> None:
        """Take what people write for what is meant: one folder or name for a tuple of it, three
        numbers for a place, ~ for a home.

        raises  BadInput for what is none of these
        """
        for date in (self.since, self.until):
            if date is not None:
                _check_date(date)
        quality: Any = self.min_quality
        if not isinstance(quality, int | float) or not 0 <= quality <= 1:
            raise BadInput(f"wanted min_quality from 0 to 1; got {quality!r}")
        folders = tuple(given_path(folder) for folder in _several(self.folders))
        persons = _several(self.persons)
        if not all(isinstance(name, str) for name in persons):
            raise BadInput(f"wanted names of persons; got {self.persons!r}")
        place: Any = self.near
        if place is not None and not isinstance(place, Near):
            place = _near(place, f"near={place!r}")
        for name, value in (("folders", folders), ("persons", persons), ("near", place)):
            object.__setattr__(self, name, value)  # it is frozen


EVERYTHING = Filter()


def near_from(text: str) -> Near:
    """The place that is written LAT,LON,KM; raises BadInput if it is not."""
    return _near(text.split(","), repr(text))


def findable(
    db: Database, rows: int, wanted: Filter = EVERYTHING, *, items: str = FACES
) -> NDArray[np.bool_] | None:
    """(rows,) which rows of a space a search may find; None if all of them.

    items   the table of the space's items: faces, passages or pictures
    Never found are dead rows, what is of contents that no file holds any more, and what somebody
    said to be no face.
    raises  BadInput for a person whom nobody named
    """
    where, values = conditions(db, wanted, items)
    hidden = _hidden(db, items)
    if where:
        keep = np.zeros(rows, np.bool_)
        _mark(keep, _select(db, items, f"contents.live AND {' AND '.join(where)}", values), True)
        if wanted.near is not None:
            keep &= _near_rows(db, rows, wanted.near, items)
    elif hidden:
        keep = np.ones(rows, np.bool_)
    else:
        return None
    _mark(keep, hidden, False)
    return keep


def _hidden(db: Database, items: str) -> list[tuple[int]]:
    """Rows that are never found."""
    queries = [
        f"SELECT {items}.row FROM contents JOIN {items} ON {items}.content_id = contents.id "
        "WHERE contents.live = 0",  # as its index
        "SELECT row FROM dead WHERE space = ?",
    ]
    if items == FACES:
        queries.append("SELECT row FROM faces WHERE not_a_face")
    if items == PASSAGES:  # of what only a path says, and it is there no more
        queries.append("SELECT row FROM paths JOIN passages ON path_id = paths.id WHERE gone")
    found: list[tuple[int]] = db.execute(" UNION ALL ".join(queries), [items]).fetchall()
    return found


def conditions(db: Database, wanted: Filter, items: str) -> tuple[list[str], list[Any]]:
    """What SQL says of a filter, and the values that it asks for; of a place a band alone.

    raises  BadInput for a person whom nobody named
    """
    where: list[str] = []
    values: list[Any] = []
    if wanted.since is not None:
        # A date that ends before this one's end, as 1978 does before 1978-06, may be later.
        begun = [wanted.since[:end] for end in (4, 7, 10, 13, 16) if end < len(wanted.since)]
        marks = "".join(" OR contents.taken_at = ?" for _ in begun)
        where.append(f"(contents.taken_at >= ?{marks})")
        values += [wanted.since, *begun]
    if wanted.until is not None:
        where.append("contents.taken_at < ?")
        values.append(wanted.until + "~")  # sorts after everything that goes on from it
    if wanted.folders:
        parts = [under(folder.absolute()) for folder in wanted.folders]
        inside = " OR ".join(sql for sql, _ in parts)
        below = f"FROM paths WHERE NOT gone AND ({inside})"
        where.append(f"contents.id IN (SELECT content_id {below})")
        values += [value for _, part in parts for value in part]
        if items == PASSAGES:  # what only a path says lies where that path does
            where.append(f"(path_id IS NULL OR path_id IN (SELECT id {below}))")
            values += [value for _, part in parts for value in part]
    if wanted.persons:
        ids = [id for name in wanted.persons for id in persons_called(db, name)]
        named = f"person_id IN ({','.join('?' * len(ids))})"
        if items == FACES:
            where.append(named)
        else:
            where.append(f"contents.id IN (SELECT content_id FROM faces WHERE {named})")
        values += ids
    if wanted.min_quality > 0 and items == FACES:
        where.append("faces.quality >= ?")
        values.append(wanted.min_quality)
    if wanted.near is not None:
        degrees = wanted.near.km / KM_PER_DEGREE
        where.append("contents.latitude BETWEEN ? AND ?")
        values += [wanted.near.latitude - degrees, wanted.near.latitude + degrees]
    return where, values


def is_near(near: Near, latitude: float | None, longitude: float | None) -> bool:
    """Whether a place in degrees is within it; no place is not."""
    if latitude is None or longitude is None:
        return False
    place = np.array([[latitude, longitude]], np.float64)
    return bool(_km(near, place)[0] <= near.km)


def _near_rows(db: Database, rows: int, near: Near, items: str) -> NDArray[np.bool_]:
    """Exact on the sphere, among those of about the same latitude (haversine, Sinnott 1984)."""
    degrees = near.km / KM_PER_DEGREE
    found = np.array(
        db.execute(
            f"SELECT {items}.row, latitude, longitude FROM contents JOIN {items} "
            f"ON {items}.content_id = contents.id WHERE latitude BETWEEN ? AND ?",
            [near.latitude - degrees, near.latitude + degrees],
        ).fetchall(),
        np.float64,
    ).reshape(-1, 3)
    keep = np.zeros(rows, np.bool_)
    inside = found[_km(near, found[:, 1:]) <= near.km, 0].astype(np.int64)
    keep[inside[inside < rows]] = True
    return keep


def _km(near: Near, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how far from its middle each of (N, 2) places in degrees lies."""
    north, east = np.radians(places[:, 0]), np.radians(places[:, 1])
    here, there = np.radians(near.latitude), np.radians(near.longitude)
    half = (
        np.sin((north - here) / 2) ** 2
        + np.cos(north) * np.cos(here) * np.sin((east - there) / 2) ** 2
    )
    distance: NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distance


def _select(db: Database, items: str, where: str, values: Sequence[Any]) -> list[tuple[int]]:
    found: list[tuple[int]] = db.execute(
        f"SELECT {items}.row FROM contents JOIN {items} ON {items}.content_id = contents.id "
        f"WHERE {where}",
        values,
    ).fetchall()
    return found


def _mark(keep: NDArray[np.bool_], found: list[tuple[int]], value: bool) -> None:
    numbers = np.array(found, np.int64).reshape(-1)
    keep[numbers[numbers < len(keep)]] = value  # another process may have added some since
