"""Plain values that a file states → header and records; nothing is believed unseen."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.faces.detection.recipe import KEY as RECIPE
from retrieve.faces.detection.recipe import read_recipe
from retrieve.indexes.catalog.persons import checked_name
from retrieve.indexes.catalog.pictures import picture_fault
from retrieve.indexes.exchange.records import NETWORKS, UNREAD, VERSION, FaceRecord, Header, Record
from retrieve.indexes.vectors.spaces import MAX_DIM
from retrieve.metadata.dates import iso
from retrieve.networks.own import UNIT_TOLERANCE

DIGEST = re.compile(f"({UNREAD})?[0-9a-f]{{64}}")
ADDRESS = "file:///"


def header_from(fields: Mapping[str, Any], file: Path) -> Header:
    """The header that a file states; raises BadInput if this is none of our exports."""
    version = fields.get("retrieve_export")
    if not _is_int(version) or not 1 <= version < 1 << 62:
        raise BadInput(f"{file} is no export of retrieve: it states no version")
    if version > VERSION:
        raise BadInput(
            f"{file} is an export of version {version}; this version of retrieve knows "
            f"{VERSION}. Upgrade: pip install --upgrade retrieve"
        )
    made_by = {name: fields.get(name) for name in NETWORKS}
    dim = fields.get("dim")
    if not all(isinstance(value, str) for value in made_by.values()):
        raise BadInput(f"{file} does not state which networks made its embeddings")
    if not _is_int(dim) or not 0 < dim <= MAX_DIM:
        raise BadInput(f"{file} states embeddings of {_shown(dim)} dimensions")
    if fields.get("metric") != "cosine":
        raise BadInput(f"{file} states the metric {fields.get('metric')!r}; wanted cosine")
    if fields.get(RECIPE) is not None:
        made_by[RECIPE] = str(read_recipe(str(fields[RECIPE])))
    return Header({name: str(value) for name, value in made_by.items()}, dim)


def record_from(fields: Mapping[str, Any], dim: int) -> Record:
    """The record behind plain values; raises BadInput with what is wrong with them."""
    sha256 = _text(fields, "photo_sha256")
    if not DIGEST.fullmatch(sha256):
        raise BadInput(f"photo_sha256 is {sha256[:80]!r}")
    latitude, longitude = fields.get("latitude"), fields.get("longitude")
    place = None
    if latitude is not None or longitude is not None:
        place = (_number(fields, "latitude", -90, 90), _number(fields, "longitude", -180, 180))
    return Record(
        _paths(fields, "paths"),
        _paths(fields, "gone_paths"),
        sha256,
        _int(fields, "size_bytes"),
        (_int(fields, "height"), _int(fields, "width")),
        _date(fields),
        place,
        tuple(_texts(fields, "warnings")),
        _int(fields, "faces"),
        _face(fields, dim),
    )


def _face(fields: Mapping[str, Any], dim: int) -> FaceRecord | None:
    if fields.get("face") is None:
        if fields.get("embedding") is not None:
            raise BadInput("there is an embedding, and no number of a face")
        return None
    number = _int(fields, "face")
    if number < 1:
        raise BadInput(f"face is {number}; the first is 1")
    landmarks = np.full((5, 2), np.nan, np.float32)
    if fields.get("landmarks") is not None:
        landmarks = _array(fields, "landmarks", 10).reshape(5, 2)
    person = fields.get("person")
    face_id = fields.get("face_id")
    return FaceRecord(
        face_id if _is_int(face_id) else None,
        number,
        np.array([_number(fields, name) for name in ("x1", "y1", "x2", "y2")], np.float32),
        landmarks,
        _number(fields, "score", 0, 1),
        _number(fields, "quality", 0, 1),
        None if person is None else checked_name(_text(fields, "person")),
        unit(_array(fields, "embedding", dim)),
        _crop(fields.get("crop")),
    )


def unit(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """The embedding, if its length is 1; else BadInput."""
    length = float(np.linalg.norm(embedding))
    if not abs(length - 1) <= UNIT_TOLERANCE:
        raise BadInput(f"the embedding has length {length:.6g}; wanted 1")
    return embedding


def _crop(crop: Any) -> bytes | None:
    if crop is None:
        return None
    if not isinstance(crop, bytes):
        raise BadInput("crop is no JPEG")
    fault = picture_fault(crop)
    if fault is not None:
        raise BadInput(f"crop {fault}")
    return crop


def _paths(fields: Mapping[str, Any], name: str) -> tuple[Path, ...]:
    paths = []
    for address in _texts(fields, name):
        if not address.startswith(ADDRESS) or "%00" in address:
            raise BadInput(f"{name} holds {address[:80]!r}; wanted addresses as file:///a/b.jpg")
        paths.append(Path(os.fsdecode(unquote_to_bytes(address.removeprefix("file://")))))
    return tuple(dict.fromkeys(paths))


def _date(fields: Mapping[str, Any]) -> str | None:
    if fields.get("taken_at") is None:
        return None
    date = _text(fields, "taken_at")
    try:
        # Filters compare text, so it is kept in the forms that catalogs hold.
        if (exact := iso(date)) == date:
            return exact  # as exact as it is: a year, a day
        return datetime.fromisoformat(date).replace(microsecond=0, tzinfo=None).isoformat()
    except ValueError as error:
        raise BadInput(f"taken_at is {date[:80]!r}") from error


def _array(fields: Mapping[str, Any], name: str, size: int) -> NDArray[np.float32]:
    try:
        values = np.asarray(fields.get(name), np.float64).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} holds something else than numbers") from error
    if values.shape != (size,):
        raise BadInput(f"{name} has the shape {values.shape}; wanted ({size},)")
    if not np.isfinite(values).all():
        raise BadInput(f"{name} holds a number that is not finite")
    return values


def _number(
    fields: Mapping[str, Any], name: str, lowest: float = -1e9, highest: float = 1e9
) -> float:
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadInput(f"{name} is {_shown(value)}; wanted a number")
    if not lowest <= value <= highest:
        raise BadInput(f"{name} is {value}; wanted {lowest:g} to {highest:g}")
    return float(value)


def _int(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not _is_int(value) or not 0 <= value < 1 << 62:
        raise BadInput(f"{name} is {_shown(value)}; wanted a whole number")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{name} is {_shown(value)}; wanted text")
    return value


def _texts(fields: Mapping[str, Any], name: str) -> Sequence[str]:
    values = fields.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadInput(f"{name} is {_shown(values)}; wanted a list of texts")
    return values


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value in an error: no longer than a line."""
    return "missing" if value is None else json.dumps(value, default=str)[:80]
