"""Picasa's .picasa.ini: faces of all photos of a folder, in shares of each, and its contacts."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.regions.areas import Region, Regions, as_area
from retrieve.metadata.said import Said

NAMES = (".picasa.ini", "Picasa.ini")  # of today, and of version 2
MAX_BYTES = 1 << 24  # of the faces of 100,000 photos
_FACE = re.compile(r"rect64\(([0-9a-f]{1,16})\),([0-9a-f]{1,16})", re.IGNORECASE)
_MOST = 0xFFFF  # an edge is 16 bits
_SECTION = re.compile(r"\[(.*)\]")
_CONTACTS = ("contacts2", "contacts")  # id=name;; and id=name,mail


def read_picasa(ini: Path, photo: str) -> Said:
    """The faces that the file states of one photo, where it knows their names.

    photo   the name of the photo's file, which lies beside it
    raises  BadInput if the file cannot be read
    """
    said = Said()
    found, names = _read(ini)
    regions = []
    for face in _FACE.finditer(found.get(photo, "")):
        name = names.get(face[2].lower().zfill(16))
        digits = face[1].zfill(16)
        edges = [int(digits[at : at + 4], 16) / _MOST for at in range(0, 16, 4)]
        area = as_area(*edges)
        if name and area is not None:
            said.name(name)
            regions.append(Region(name, area))
    if regions:
        said.regions.append(Regions(tuple(regions)))
    return said


def _read(ini: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Faces by the photo's name, names by the contact's id."""
    try:
        status = ini.stat()
        if status.st_size > MAX_BYTES:
            raise BadInput(f"larger than {MAX_BYTES >> 20} MiB")
        return _parsed(os.fspath(ini), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BadInput(f"cannot be read: {(error.strerror or str(error)).lower()}") from error


@lru_cache(maxsize=4)  # it is asked for every photo of its folder
def _parsed(ini: str, _mtime_ns: int, _size_bytes: int) -> tuple[dict[str, str], dict[str, str]]:
    text, _ = decode(Path(ini).read_bytes())
    faces: dict[str, str] = {}
    names: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if (heading := _SECTION.fullmatch(line.strip())) is not None:
            section = heading[1]
            continue
        key, _, value = line.partition("=")
        if section.lower() in _CONTACTS:
            name = re.split(r"[;,]", value)[0].strip()
            if name:
                names.setdefault(key.strip().lower().zfill(16), name)
        elif key.strip().lower() == "faces":
            faces[section] = value
    return faces, names
