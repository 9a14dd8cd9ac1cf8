"""Files beside a photo that describe it: texts, XMP, Google Takeout's JSON, and Picasa's faces."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.dates import When
from retrieve.metadata.places import Where, on_earth
from retrieve.metadata.regions import picasa
from retrieve.metadata.said import Said
from retrieve.metadata.xmp import read_xmp
from retrieve.text.tokens import plain

SUFFIXES = (".txt", ".xmp", ".json", ".ini")  # of what is read as a description
MAX_BYTES = 1 << 20  # of a sidecar: a larger file is no description of one photo
_TAKEOUT_CHARACTERS = 46  # to which Takeout cuts the name of a JSON file before its suffix
_NEWER = ".supplemental-metadata"
_COPY = re.compile(r"(.*)(\(\d+\))(\.\w+)")  # photo(1).jpg is described by photo.jpg(1).json


_WRITTEN_DAY = re.compile(
    r"(?:(?P<day>\d\d?)\W+(?:de )?(?P<month>[^\W\d]{3,})|(?P<name>[^\W\d]{3,})\W+(?P<number>\d\d?))"
    r"\W+(?:de )?(?P<year>\d{4})\b"
)
_ENGLISH = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_MONTHS = {  # by the first three letters, in Spanish where it is another word
    **{name: number for number, name in enumerate(_ENGLISH, start=1)},
    **{"ene": 1, "abr": 4, "ago": 8, "set": 9, "dic": 12},
}


class Sidecar(NamedTuple):
    """A file beside a photo, and what tells without reading it that it has changed."""

    path: Path
    mtime_ns: int
    size_bytes: int


def sidecars(photo: Path) -> list[Sidecar]:
    """The files that describe a photo, as they are now; none is read."""
    found = []
    for name in sidecar_names(photo):
        path = photo.with_name(name)
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and not is_own_text(path, status.st_size):
            found.append(Sidecar(path, status.st_mtime_ns, status.st_size))
    return found


def is_own_text(path: Path, size_bytes: int) -> bool:
    """Whether a file, though called like a sidecar, is a text of its own: a long one."""
    return path.suffix.lower() == ".txt" and size_bytes > MAX_BYTES


def read_sidecar(path: Path) -> Said:
    """What a file says about the one photo that it describes.

    raises  BadInput with the reason, if it cannot be read as what its suffix says
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    if len(content) > MAX_BYTES:
        raise BadInput(f"larger than {MAX_BYTES >> 20} MiB")
    if path.suffix.lower() == ".xmp":
        return read_xmp(content)
    text, _ = decode(content)
    if path.suffix.lower() == ".json":
        return _takeout(text)
    said = Said()
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        said.caption(paragraph)
    return said


def sidecar_names(photo: Path) -> list[str]:
    """Names of possible sidecars of ana.jpg, the most particular first."""
    name, stem = photo.name, photo.stem
    plain = [f"{base}{suffix}" for suffix in (".txt", ".xmp") for base in (name, stem)]
    capitals = [f"{base}{suffix}" for suffix in (".TXT", ".XMP") for base in (name, stem)]
    longer = name + _NEWER
    bases = [name, name[:_TAKEOUT_CHARACTERS], longer, longer[:_TAKEOUT_CHARACTERS]]
    copy = _COPY.fullmatch(name)
    if copy:
        original, number = copy[1] + copy[3], copy[2]
        bases += [original + number, (original + _NEWER)[:_TAKEOUT_CHARACTERS] + number]
    jsons = (f"{base}.json" for base in bases)
    return list(dict.fromkeys([*plain, *capitals, *jsons, *picasa.NAMES]))


def _takeout(text: str) -> Said:
    """Description, names of people, date and place; a JSON of another make has no such fields.

    Takeout states times in UTC and no zone: near midnight the day may be another.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("no JSON") from error
    said = Said()
    if not isinstance(fields, dict):
        return said
    description = fields.get("description")
    if isinstance(description, str):
        said.caption(description)
    people = fields.get("people")
    for person in people if isinstance(people, list) else []:
        if isinstance(person, dict) and isinstance(person.get("name"), str):
            said.name(person["name"])
    taken = fields.get("photoTakenTime")
    if isinstance(taken, dict):
        said.date(When.JSON, _taken(taken))
    for name in ("geoData", "geoDataExif"):  # what the owner set, then what the camera wrote
        if isinstance(place := fields.get(name), dict):
            numbers = _numbers(place, ("latitude", "longitude"))
            if numbers is not None:
                said.place(Where.JSON, on_earth(*numbers))
    return said


def _taken(stated: Mapping[str, Any]) -> str | None:
    """When, by seconds; where they and what is written for people name two days, by the latter,
    which alone somebody has looked at.
    """
    date, day = _utc(stated.get("timestamp")), _day(stated.get("formatted"))
    return day if day is not None and not (date or "").startswith(day) else date


def _day(formatted: Any) -> str | None:
    """The day of "24 jun 1978, 0:00:00 UTC" or "Jun 24, 1978, 12:00:00 AM UTC", if it is one."""
    found = _WRITTEN_DAY.match(formatted) if isinstance(formatted, str) else None
    if found is None:
        return None
    month = _MONTHS.get(plain((found["month"] or found["name"]).casefold())[:3])
    number = int(found["day"] or found["number"])
    return None if month is None else f"{found['year']}-{month:02}-{number:02}"


def _utc(timestamp: Any) -> str | None:
    """Seconds since 1970, also before it, as a date; 0 is what is written for none."""
    try:
        seconds = int(timestamp)
        date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (TypeError, ValueError, OverflowError):
        return None
    return date.replace(tzinfo=None).isoformat() if seconds else None


def _numbers(fields: Mapping[str, Any], names: Iterable[str]) -> list[float] | None:
    values = [fields.get(name) for name in names]
    if not all(isinstance(value, int | float) and abs(value) <= 360 for value in values):
        return None
    return [float(value) for value in values if value is not None]
