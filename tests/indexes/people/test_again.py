"""The log and what holds are made again by each other where one of them was damaged."""

from __future__ import annotations

import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.mending import rows
from retrieve.indexes.upkeep.mending.derive import Derivation


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        ids = small.add(opened, "/p/a.jpg", "ana luis eva")
        with writing(opened.db):
            statements.say_name(opened.db, "Ana", ids[:1])
            statements.say_name(opened.db, "Luis", ids[1:2])
            statements.say_not_a_face(opened.db, ids[2:])
            statements.undo(opened.db, 2)
        yield opened


def _said(collection):
    query = "SELECT id, person_id, by, not_a_face FROM faces ORDER BY id"
    who = "SELECT id, name, ignored FROM persons ORDER BY id"
    return [collection.db.execute(one).fetchall() for one in (query, who)]


def _unsigned(collection, table, change):
    """Change rows as a disk does: no checksum follows."""
    (trigger,) = collection.db.execute(
        "SELECT sql FROM sqlite_master WHERE name = ?", [f"sums_{table}_update"]
    ).fetchone()
    collection.db.execute(f"DROP TRIGGER sums_{table}_update")
    collection.db.execute(change)
    collection.db.execute(trigger)


def _mended(collection):
    derivation = Derivation(collection, rows.mend(collection.db).left, 1, 60)
    derivation.in_place()
    return derivation.left


@pytest.mark.parametrize("lines", ["1", "2", "3", "4", "1, 3, 4", "1, 2, 3, 4"])
def test_a_damaged_line_of_the_log_is_said_again_by_what_holds(collection, lines):
    before = _said(collection)
    _unsigned(
        collection, "statements", f"UPDATE statements SET faces = 'xyz' WHERE id IN ({lines})"
    )
    with pytest.raises(CollectionError, match="table statements is not what was"):
        statements.history(collection.db)
    assert any("what was said of faces" in finding.what for finding in check(collection))
    assert _mended(collection) == []
    statements.settle(collection.db)
    assert _said(collection) == before
    assert check(collection) == []


def test_a_damaged_name_and_a_damaged_place_are_made_again_by_the_log(collection):
    before = _said(collection)
    _unsigned(collection, "persons", "UPDATE persons SET name = 'Xyz', key = 'uvw'")
    _unsigned(collection, "faces", "UPDATE faces SET person_id = 77, by = 'gruop' WHERE id = 1")
    assert _mended(collection) == []
    assert _said(collection) == before


def test_what_holds_otherwise_than_was_said_is_told_and_repaired(collection):
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET by = 'group' WHERE id = 1")
    (finding,) = check(collection)
    assert finding.what == "of 1 faces something else was said than holds: 1"
    statements.settle(collection.db)
    assert check(collection) == []
