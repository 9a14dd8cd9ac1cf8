"""Names as statements give them, and whose they are."""

from __future__ import annotations

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.persons import NUMBERED, checked_name


def checked(name: str) -> str:
    """The name as it is kept; raises BadInput for what is none, or how those without are shown."""
    name = checked_name(name)
    if NUMBERED.fullmatch(name):
        raise BadInput(f"{name} is how a person without a name is shown; give a name of letters")
    return name


def all_called(db: Database, name: str) -> list[int]:
    """The persons of a name; case and accents do not tell names apart."""
    key = persons.key_of(name)
    return [id for (id,) in db.execute("SELECT id FROM persons WHERE key = ? ORDER BY id", [key])]


def person_called(db: Database, name: str) -> int | None:
    """The person of a name, None if nobody has it; raises SharedName if several do."""
    return persons.person_id(db, name) if all_called(db, name) else None
