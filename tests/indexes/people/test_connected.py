"""Which lines of the log have to do with one another."""

from __future__ import annotations

import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import log, statements
from retrieve.indexes.people.refs import FaceRef, refs_of
from retrieve.indexes.people.saying.connected import Lines


@pytest.fixture
def collection(tmp_path):
    """Ana, Luis and Eva by name, a line each; then Luis is taken back, and that too."""
    with small.opened(tmp_path / "c") as opened:
        for words in ("ana1 luis1", "ana2", "eva"):
            small.add(opened, f"/p/{words}.jpg", words)
        with writing(opened.db):
            for name, word in (("Ana", "ana1"), ("Luis", "luis1"), ("Eva", "eva")):
                statements.say_name(opened.db, name, [small.face_of(opened, word)])
            statements.undo(opened.db, 2)
            statements.undo(opened.db, 4)
        yield opened


def _about(collection, word, *, shift=0.0):
    (ref,) = refs_of(collection.db, [small.face_of(collection, word)]).values()
    x1, y1, x2, y2 = ref.box
    near = FaceRef(ref.sha256, (x1 + shift, y1, x2 + shift, y2))
    return [line.id for line in Lines(collection.db).about([near], [])]


def test_a_line_comes_with_what_takes_it_back_and_takes_no_others_along(collection):
    assert _about(collection, "ana1") == [1]
    assert _about(collection, "luis1") == [2, 4, 5]
    assert _about(collection, "ana2") == []


def test_a_face_is_found_by_a_box_that_overlaps(collection):
    assert _about(collection, "ana1", shift=0.3) == [1]


def test_lines_about_one_person_come_together(collection):
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [small.face_of(collection, "ana2")])
        statements.say_not_same(collection.db, 1, 3)
    assert _about(collection, "ana2") == _about(collection, "eva") == [1, 3, 6, 7]


def test_of_a_face_that_is_not_stored_all_lines_of_its_photo_come(collection):
    """Nobody can tell which it is."""
    (ref,) = refs_of(collection.db, [small.face_of(collection, "ana1")]).values()
    gone = FaceRef(ref.sha256, (50.0, 50.0, 60.0, 60.0))
    assert [line.id for line in Lines(collection.db).about([gone], [])] == [1, 2, 4, 5]


def test_a_line_that_is_not_what_was_written_is_no_ground_for_anything(collection):
    collection.db.execute("DROP TRIGGER sums_statements_update")
    with writing(collection.db):
        collection.db.execute("UPDATE statements SET person_id = 7 WHERE id = 3")
    with pytest.raises(CollectionError, match="row 3 of its table statements"):
        Lines(collection.db)
    with writing(collection.db):
        collection.db.execute("DROP TRIGGER sums_statements_delete")
        collection.db.execute("DELETE FROM statements WHERE id = 3")
    with pytest.raises(CollectionError, match="row 3 of its table statements"):
        Lines(collection.db)
    assert log.lines(collection.db, after=3)
