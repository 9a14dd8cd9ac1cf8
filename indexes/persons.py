"""Names that people gave to faces.

A name belongs to the faces that somebody named, one by one; nothing here guesses whose
another face is. Names are compared without case and accents: José and jose are one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from indexes.database import VARIABLES
from retrieval.errors import BadInput
from retrieval.text.tokens import normal, plain

NAMES_SHOWN = 10  # in an error


@dataclass(frozen=True, slots=True)
class Person:
    """A name and how many living faces have it."""

    id: int
    name: str
    faces: int


def persons(db: Database) -> list[Person]:
    """Everybody with a name, in order of names."""
    found = db.execute(
        "SELECT persons.id, persons.name, count(photos.id) FROM persons "
        "LEFT JOIN faces ON faces.person_id = persons.id "
        "LEFT JOIN photos ON photos.id = faces.photo_id AND photos.live GROUP BY persons.id"
    )
    return sorted((Person(*row) for row in found), key=lambda person: plain(normal(person.name)))


def person_id(db: Database, name: str) -> int:
    """The person of that name; raises BadInput with the names there are."""
    row = db.execute("SELECT id FROM persons WHERE key = ?", [_key(name)]).fetchone()
    if row is not None:
        return int(row[0])
    known = [person.name for person in persons(db)]
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    names = ", ".join(known[:NAMES_SHOWN]) + more if known else "nobody yet"
    raise BadInput(f"nobody is called {name!r}; there are: {names}. To name a face: retrieve name")


def give_name(db: Database, name: str, face_ids: Sequence[int]) -> int:
    """Give faces a name, in place of the one that they had; returns the person's id.

    Call inside a write transaction.
    raises  BadInput for an empty name or a face that is not stored
    """
    if not _key(name):
        raise BadInput(f"wanted a name; got {name!r}")
    _check_stored(db, face_ids)
    db.execute(
        "INSERT INTO persons (name, key) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        [" ".join(name.split()), _key(name)],
    )
    id = person_id(db, name)
    db.conn.executemany(
        "UPDATE faces SET person_id = ? WHERE id = ?", [[id, face_id] for face_id in face_ids]
    )
    _drop_nameless(db)
    return id


def take_name(db: Database, face_ids: Sequence[int]) -> None:
    """Take the names of faces away; call inside a write transaction.

    raises  BadInput for a face that is not stored
    """
    _check_stored(db, face_ids)
    db.conn.executemany("UPDATE faces SET person_id = NULL WHERE id = ?", [[i] for i in face_ids])
    _drop_nameless(db)


def _drop_nameless(db: Database) -> None:
    """Drop the names that no face has any more."""
    db.execute(
        "DELETE FROM persons WHERE NOT EXISTS "
        "(SELECT 1 FROM faces WHERE faces.person_id = persons.id)"
    )


def _check_stored(db: Database, face_ids: Sequence[int]) -> None:
    for start in range(0, len(face_ids), VARIABLES):
        part = face_ids[start : start + VARIABLES]
        marks = ",".join("?" * len(part))
        found = {
            id for (id,) in db.execute(f"SELECT id FROM faces WHERE id IN ({marks})", list(part))
        }
        missing = [id for id in part if id not in found]
        if missing:
            raise BadInput(
                f"no face has the id {missing[0]}; ids are shown by: retrieve search --json"
            )


def _key(name: str) -> str:
    return plain(normal(" ".join(name.split())))
