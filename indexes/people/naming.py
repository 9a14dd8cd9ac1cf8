"""PHOTO or PHOTO:FACE, as people write it → a stored face."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.paths import stored

NUMBERED = re.compile(r"(.+):(\d{1,9})", re.DOTALL)
FACES_SHOWN = 12  # in an error


def face_id(db: Database, text: str) -> int:
    """The face that is meant: of a file that was indexed, its only face or the one with a number.

    text    a path, or a path, a colon and the number that `retrieve detect` shows. A file
            whose own name ends like that is found by it first
    raises  BadInput if the file was not indexed, or has no face or not that one; where it
            has several and none was chosen the error lists them
    """
    numbered = NUMBERED.fullmatch(text)
    content_id, number = _content_id(db, text), None
    if content_id is None and numbered is not None:
        text, number = numbered[1], int(numbered[2])
        content_id = _content_id(db, text)
    shown = os.fsencode(text).decode("utf-8", "backslashreplace")
    if content_id is None:
        raise BadInput(f"{shown} is not in the collection. Index it first: retrieve index PATH")
    faces = db.execute(
        "SELECT number, faces.id, x1, y1, x2, y2, name FROM faces "
        "LEFT JOIN persons ON persons.id = person_id WHERE content_id = ? ORDER BY number",
        [content_id],
    ).fetchall()
    if not faces:
        raise BadInput(f"no face was found in {shown}; there is nothing to name")
    if number is None and len(faces) == 1:
        return int(faces[0][1])
    for face in faces:
        if face[0] == number:
            return int(face[1])
    listed = ", ".join(_listed(face) for face in faces[:FACES_SHOWN])
    more = f" and {len(faces) - FACES_SHOWN} more" if len(faces) > FACES_SHOWN else ""
    problem = "say which" if number is None else f"there is no face {number}"
    raise BadInput(f"{shown} holds {_count(len(faces))}, {problem}: {listed}{more}")


def places_named(text: str) -> list[str | bytes]:
    """The paths, as the catalog has them, of the files that may be meant by face_id()'s text."""
    numbered = NUMBERED.fullmatch(text)
    return [stored(_absolute(one)) for one in ([text, numbered[1]] if numbered else [text])]


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(text))  # noqa: PTH100  links are kept, as in the catalog


def _content_id(db: Database, text: str) -> int | None:
    """What the file holds; raises BadInput if it was skipped."""
    path = _absolute(text)
    query = "SELECT content_id, reason FROM paths WHERE path = ?"
    row = db.execute(query, [stored(path)]).fetchone()
    if row is None:
        return None
    if row[0] is None:
        raise BadInput(f"{path} could not be indexed: {row[1]}")
    return int(row[0])


def _listed(face: tuple[int, int, float, float, float, float, str | None]) -> str:
    number, _, x1, y1, x2, y2, name = face
    called = f", {name}" if name else ""
    return f":{number} (x {x1:.0f} to {x2:.0f}, y {y1:.0f} to {y2:.0f}{called})"


def _count(faces: int) -> str:
    return f"{faces} face{'' if faces == 1 else 's'}"
