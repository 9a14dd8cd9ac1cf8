"""Persons: everyone of whom a face is stored, named by somebody or not, and their names.

What is said of them stands in indexes/people/. Names are compared without case and accents, José
and jose are one name; two persons may have the same, and then their ids tell them apart: #7.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import VARIABLES, among
from retrieve.indexes.catalog.paths import path_of
from retrieve.text.tokens import normal, plain

NAMES_SHOWN = 10  # in an error
WORD_ENDS = re.compile(r"[^\w]")
NUMBERED = re.compile(r"#(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, how many living faces of theirs there are, and in how many photos."""

    id: int
    name: str | None
    faces: int
    photos: int
    ignored: bool = False

    @property
    def shown(self) -> str:
        """The name, or #id where nobody gave one."""
        return shown_as(self.id, self.name)


class SharedName(BadInput):
    """Several persons have that name.

    persons  them, with what tells them apart in words
    """

    def __init__(self, name: str, persons: Sequence[tuple[Person, str]]) -> None:
        self.name, self.persons = name, persons
        listed = "; ".join(f"#{person.id} ({told})" for person, told in persons)
        super().__init__(f"{len(persons)} people are called {name!r}; say which: {listed}")


def shown_as(id: int, name: str | None) -> str:
    """How a person is called where people read it."""
    return f"#{id}" if name is None else name


def persons(db: Database, *, named: bool = True, only: Sequence[int] | None = None) -> list[Person]:
    """Everybody with a name, in order of names.

    named  False for everybody else too, behind these, whoever has most faces first
    only   of these ids
    """
    conditions = ["persons.name IS NOT NULL"] if named else []
    conditions += [] if only is None else ["persons.id IN (SELECT value FROM json_each(?))"]
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    found = db.execute(
        "SELECT persons.id, persons.name, count(contents.id), count(DISTINCT contents.id), ignored "
        "FROM persons "
        "LEFT JOIN faces ON faces.person_id = persons.id "
        "LEFT JOIN contents ON contents.id = faces.content_id AND contents.live "
        f"{where}GROUP BY persons.id",
        [] if only is None else [json.dumps(list(only))],
    )
    every = [Person(id, name, n, m, bool(ignored)) for id, name, n, m, ignored in found]
    return in_order(every)


def in_order(every: Iterable[Person]) -> list[Person]:
    """Those with a name in order of names, behind them everybody else, who has most faces first."""
    return sorted(every, key=_order)


def _order(one: Person) -> tuple[int, str, int, int]:
    if one.name is None:
        return 1, "", -one.faces, one.id
    return 0, plain(normal(one.name)), 0, one.id


def persons_called(db: Database, text: str) -> list[int]:
    """The ids of all persons of a name, or of the one with a number, as #7.

    raises  BadInput with the names there are if it is nobody's
    """
    found = ids_called(db, text)
    if not found:
        raise nobody(text, [str(one.name) for one in persons(db)])
    return found


def ids_called(db: Database, text: str) -> list[int]:
    """The same; none where it is nobody's."""
    if numbered := NUMBERED.fullmatch(text.strip()):
        rows = db.execute("SELECT id FROM persons WHERE id = ?", [int(numbered[1])]).fetchall()
    else:
        query = "SELECT id FROM persons WHERE key = ? ORDER BY id"
        rows = db.execute(query, [key_of(text)]).fetchall()
    return [id for (id,) in rows]


def is_numbered(text: str) -> bool:
    """Whether it is written as the number of a person is."""
    return NUMBERED.fullmatch(text) is not None


def nobody(text: str, known: Sequence[str]) -> BadInput:
    """What is said where a name or number is nobody's.

    known  the names there are, in order
    """
    if numbered := NUMBERED.fullmatch(text.strip()):
        return BadInput(
            f"nobody has the number #{int(numbered[1])}. Who there is: retrieve people --all"
        )
    more = f" and {len(known) - NAMES_SHOWN} more" if len(known) > NAMES_SHOWN else ""
    names = ", ".join(known[:NAMES_SHOWN]) + more if known else "nobody yet"
    return BadInput(f"nobody is called {text!r}; there are: {names}. To name a face: retrieve name")


def person_id(db: Database, text: str) -> int:
    """The person of that name or number.

    raises  BadInput with the names there are if it is nobody's; SharedName, with what tells them
            apart, if it is the name of several
    """
    found = persons_called(db, text)
    if len(found) > 1:
        raise SharedName(text, told_apart(db, found))
    return found[0]


def person(db: Database, id: int) -> Person:
    """A person by id; raises BadInput if there is none."""
    (id,) = persons_called(db, f"#{id}")
    (row,) = db.execute(
        "SELECT name, ignored, count(contents.id), count(DISTINCT contents.id) FROM persons "
        "LEFT JOIN faces ON faces.person_id = persons.id "
        "LEFT JOIN contents ON contents.id = faces.content_id AND contents.live "
        "WHERE persons.id = ?",
        [id],
    ).fetchall()
    return Person(id, row[0], row[2], row[3], bool(row[1]))


@dataclass(frozen=True, slots=True)
class Seen:
    """A person, and what tells this one from another of the same name.

    years  of the first and the last photo with a date
    path   of the photo that shows the person best; best: its rank, lower is better
    """

    person: Person
    years: tuple[str, str] | None
    path: Path | None
    best: tuple[int, float] = (1, 0.0)

    def __str__(self) -> str:
        """In words: how many faces and photos, from when, and a photo."""
        one, years = self.person, ""
        if self.years is not None:
            first, last = self.years
            years = f", {first}" if first == last else f", {first} to {last}"
        example = f", as in {self.path}" if self.path is not None else ""
        told = f"{one.faces} face{'' if one.faces == 1 else 's'} in {one.photos} photo"
        return f"{told}{'' if one.photos == 1 else 's'}{years}{example}"


def told_apart(db: Database, ids: Iterable[int]) -> list[tuple[Person, str]]:
    """Persons, and of each in words how many faces and photos, from when, and a photo."""
    return [(one.person, str(one)) for one in seen(db, ids)]


def seen(db: Database, ids: Iterable[int]) -> list[Seen]:
    """Persons, and what tells them apart."""
    found = []
    for id in ids:
        first, last = db.execute(
            "SELECT min(substr(taken_at, 1, 4)), max(substr(taken_at, 1, 4)) FROM faces "
            "JOIN contents ON contents.id = content_id WHERE person_id = ?",
            [id],
        ).fetchone()
        row = db.execute(
            "SELECT path, gone, -quality FROM faces JOIN paths USING (content_id) "
            "WHERE person_id = ? ORDER BY gone, quality DESC, faces.id LIMIT 1",
            [id],
        ).fetchone()
        years = None if first is None else (first, last)
        path, best = (None, (1, 0.0)) if row is None else (path_of(row[0]), (row[1], row[2]))
        found.append(Seen(person(db, id), years, path, best))
    return found


def add_person(db: Database, name: str | None = None, *, id: int | None = None) -> int:
    """Add somebody; returns the id, which nobody had before. Call inside a write transaction.

    id  of a person who was there before and comes back
    """
    key = None if name is None else key_of(name)
    cursor = db.execute("INSERT INTO persons (id, name, key) VALUES (?, ?, ?)", [id, name, key])
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def set_name(db: Database, id: int, name: str | None) -> None:
    """Call a person by that name, or by none; inside a write transaction."""
    key = None if name is None else key_of(name)
    db.execute("UPDATE persons SET name = ?, key = ? WHERE id = ?", [name, key, id])
    sums.sign(db, "persons", id)  # all of the row is new, whatever a disk did to it before


def drop_empty(db: Database) -> None:
    """Drop the persons of whom no face is left; inside a write transaction."""
    db.execute(
        "DELETE FROM persons WHERE NOT EXISTS "
        "(SELECT 1 FROM faces WHERE faces.person_id = persons.id)"
    )
    db.execute(
        "DELETE FROM suggestions WHERE person_id NOT IN (SELECT id FROM persons) "
        "OR other_id NOT IN (SELECT id FROM persons)"
    )


def faces_of(db: Database, text: str) -> list[int]:
    """The ids of all faces of a person; raises as person_id()."""
    query = "SELECT id FROM faces WHERE person_id = ? ORDER BY id"
    return [id for (id,) in db.execute(query, [person_id(db, text)])]


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
        "WHERE name IS NOT NULL AND content_id"
    )
    found: dict[int, tuple[str, ...]] = {}
    for content_id, name in sorted(among(db, query, content_ids)):
        found[content_id] = (*found.get(content_id, ()), name)
    return found


def named_in(db: Database, text: str) -> tuple[list[str], str]:
    """Names of persons that stand in a text, the longest first, and the text without them."""
    return taken_out(text, _names(db))


def standing_in(db: Database, text: str) -> list[tuple[str, str]]:
    """Names, with their keys, of which each may be one of named_in()."""
    folded = _folded(" ".join(text.split()))
    return [(name, key) for name, key in _names(db) if _as_words(key) in folded]


def taken_out(text: str, names: Iterable[tuple[str, str]]) -> tuple[list[str], str]:
    """As named_in(), of these names with their keys."""
    kept = " ".join(text.split())
    folded = _folded(kept)
    if len(folded) != len(kept) + 2:  # a letter that folds into two: places would not agree
        return [], kept
    found: list[str] = []
    for name, key in sorted(names, key=lambda one: (-len(one[1]), one[1])):
        at = folded.find(_as_words(key))
        if at >= 0:
            found.append(name)
            blank = " " * len(key)
            folded = folded[: at + 1] + blank + folded[at + 1 + len(key) :]
            kept = kept[:at] + blank + kept[at + len(key) :]
    return found, " ".join(kept.split())


def _names(db: Database) -> list[tuple[str, str]]:
    query = "SELECT min(name), key FROM persons WHERE key IS NOT NULL GROUP BY key"
    found: list[tuple[str, str]] = db.execute(query).fetchall()
    return found


def _folded(text: str) -> str:
    return _as_words(key_of(text))


def _as_words(key: str) -> str:
    return f" {WORD_ENDS.sub(' ', key)} "


def stands_in(name: str, text: str) -> bool:
    """Whether a text has a name as whole words, without regard to case and accents."""
    folded, wanted = (WORD_ENDS.sub(" ", key_of(one)).split() for one in (text, name))
    return f" {' '.join(wanted)} " in f" {' '.join(folded)} "


def check_stored(db: Database, face_ids: Sequence[int]) -> None:
    """Raises BadInput for a face that is not stored."""
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
