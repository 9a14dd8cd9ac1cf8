"""Names that people gave to faces.

A name belongs to the faces that somebody named, one by one; nothing here guesses whose
another face is. Names are compared without case and accents: José and jose are one person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import VARIABLES, among
from retrieve.text.tokens import normal, plain

NAMES_SHOWN = 10  # in an error
WORD_ENDS = re.compile(r"[^\w]")


@dataclass(frozen=True, slots=True)
class Person:
    """A name, how many living faces have it, and in how many photos."""

    id: int
    name: str
    faces: int
    photos: int


def persons(db: Database) -> list[Person]:
    """Everybody with a name, in order of names."""
    found = db.execute(
        "SELECT persons.id, persons.name, count(contents.id), count(DISTINCT contents.id) "
        "FROM persons "
        "LEFT JOIN faces ON faces.person_id = persons.id "
        "LEFT JOIN contents ON contents.id = faces.content_id AND contents.live GROUP BY persons.id"
    )
    return sorted((Person(*row) for row in found), key=lambda person: plain(normal(person.name)))


def person_id(db: Database, name: str) -> int:
    """The person of that name; raises BadInput with the names there are."""
    row = db.execute("SELECT id FROM persons WHERE key = ?", [key_of(name)]).fetchone()
    if row is not None:
        return int(row[0])
    known = [person.name for person in persons(db)]
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    names = ", ".join(known[:NAMES_SHOWN]) + more if known else "nobody yet"
    raise BadInput(f"nobody is called {name!r}; there are: {names}. To name a face: retrieve name")


def give_name(db: Database, name: str, face_ids: Sequence[int]) -> int:
    """Give faces a name, in place of the one that they had; returns the person's id.

    Call inside a write transaction.
    raises  BadInput for what is no name or a face that is not stored
    """
    id = _person(db, checked_name(name), face_ids)
    drop_nameless(db)
    return id


def give_names(db: Database, names: Mapping[str, Sequence[int]]) -> None:
    """Give faces names, several at once; as give_name()."""
    for name, face_ids in names.items():
        _person(db, checked_name(name), face_ids)
    drop_nameless(db)


def _person(db: Database, name: str, face_ids: Sequence[int]) -> int:
    _check_stored(db, face_ids)
    db.execute(
        "INSERT INTO persons (name, key) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        [name, key_of(name)],
    )
    id = person_id(db, name)
    db.conn.executemany(
        "UPDATE faces SET person_id = ? WHERE id = ?", [[id, face_id] for face_id in face_ids]
    )
    return id


def take_name(db: Database, face_ids: Sequence[int]) -> None:
    """Take the names of faces away; call inside a write transaction.

    raises  BadInput for a face that is not stored
    """
    _check_stored(db, face_ids)
    db.conn.executemany("UPDATE faces SET person_id = NULL WHERE id = ?", [[i] for i in face_ids])
    drop_nameless(db)


def rename(db: Database, old: str, new: str) -> int:
    """Call a person by another name, or write the same one anew; returns the person's id.

    Where somebody else has the new name already the two become one person. Call inside a
    write transaction.
    raises  BadInput if nobody has the old name or the new one is no name
    """
    id = person_id(db, old)
    name = checked_name(new)
    other = db.execute("SELECT id FROM persons WHERE key = ?", [key_of(name)]).fetchone()
    if other is None or other[0] == id:
        db.execute("UPDATE persons SET name = ?, key = ? WHERE id = ?", [name, key_of(name), id])
        sums.sign(db, "persons", id)  # all of the row is new, whatever a disk did to it before
        return id
    db.execute("UPDATE faces SET person_id = ? WHERE person_id = ?", [other[0], id])
    drop_nameless(db)
    return int(other[0])


def faces_of(db: Database, name: str) -> list[int]:
    """The ids of all faces with a name; raises BadInput if nobody has it."""
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY id"
    return [id for (id,) in db.execute(query, [person_id(db, name)])]


def checked_name(name: str) -> str:
    """The name as it is kept: composed accents, single spaces.

    raises  BadInput if nothing can be read in it, or something that cannot be written
    """
    kept = " ".join(unicodedata.normalize("NFC", name).split())
    if not key_of(kept) or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in kept):
        raise BadInput(f"wanted a name of letters or digits; got {name!r}")
    return kept


def same_name(one: str, other: str) -> bool:
    """Whether two names are one person: case and accents do not tell people apart."""
    return key_of(one) == key_of(other)


def names_on(db: Database, content_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The names of the faces in some photos, in order; photos without one are left out."""
    query = (
        "SELECT DISTINCT content_id, name FROM faces JOIN persons ON persons.id = person_id "
        "WHERE content_id"
    )
    found: dict[int, tuple[str, ...]] = {}
    for content_id, name in sorted(among(db, query, content_ids)):
        found[content_id] = (*found.get(content_id, ()), name)
    return found


def named_in(db: Database, text: str) -> tuple[list[str], str]:
    """Names of persons that stand in a text, the longest first, and the text without them."""
    kept = " ".join(text.split())
    folded = f" {WORD_ENDS.sub(' ', key_of(kept))} "
    if len(folded) != len(kept) + 2:  # a letter that folds into two: places would not agree
        return [], kept
    found: list[str] = []
    for name, key in sorted(
        db.execute("SELECT name, key FROM persons").fetchall(), key=lambda one: -len(one[1])
    ):
        at = folded.find(f" {WORD_ENDS.sub(' ', key)} ")
        if at >= 0:
            found.append(name)
            blank = " " * len(key)
            folded = folded[: at + 1] + blank + folded[at + 1 + len(key) :]
            kept = kept[:at] + blank + kept[at + len(key) :]
    return found, " ".join(kept.split())


def stands_in(name: str, text: str) -> bool:
    """Whether a text has a name as whole words, without regard to case and accents."""
    folded, wanted = (WORD_ENDS.sub(" ", key_of(one)).split() for one in (text, name))
    return f" {' '.join(wanted)} " in f" {' '.join(folded)} "


def drop_nameless(db: Database) -> None:
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


def key_of(name: str) -> str:
    """A name without case and accents: what tells persons apart."""
    return plain(normal(" ".join(name.split())))
