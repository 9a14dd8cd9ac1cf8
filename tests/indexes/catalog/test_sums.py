"""Each row of the catalog has a checksum that no writer can forget, no other program make."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog import persons, sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.mending import rows


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        ids = small.add(opened, "/p/a.jpg", "ana luis", place=(41.5, -0.9))
        with writing(opened.db):
            statements.say_name(opened.db, "P1", ids[:1])
            statements.say_name(opened.db, "Luís", ids[1:])
        yield opened


def _behind_our_back(collection, statement, *values):
    """As a disk does it: no checksum follows."""
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.create_function("row_sum", -1, lambda *_: 1, deterministic=True)
        conn.execute(statement, values)


def test_checksums_are_the_same_for_ever():
    assert sums.row_sum() == 5597103495507382278
    assert sums.row_sum(None, 1, -(1 << 40), 0.5, b"tana", b"\xff") == 4885268400627428825
    assert sums.row_sum(b"ab", b"c") != sums.row_sum(b"a", b"bc")
    assert sums.row_sum(1) != sums.row_sum(1.0)


def test_every_column_of_a_signed_table_is_in_its_triggers(collection):
    for table in sums.SIGNED:
        for event in ("insert", "update"):
            (text,) = collection.db.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", [f"sums_{table}_{event}"]
            ).fetchone()
            for column in sums.signed_columns(collection.db, table):
                assert f"NEW.{column} " in text, (table, column)


def test_what_is_written_is_signed_and_what_is_deleted_is_not(collection):
    assert list(rows.damaged(collection.db)) == []
    with writing(collection.db):
        statements.rename(collection.db, persons.person_id(collection.db, "P1"), "Ana")
        statements.say_not_a_face(collection.db, [2])
    assert list(rows.damaged(collection.db)) == []
    assert collection.db.execute("SELECT count(*) FROM sums_persons").fetchone() == (1,)


def test_another_program_cannot_change_a_row(collection):
    with (
        closing(sqlite3.connect(collection.path / "catalog.sqlite")) as conn,
        pytest.raises(sqlite3.OperationalError, match="row_sum"),
    ):
        conn.execute("UPDATE persons SET name = 'P3'")


CHANGES = (
    ("persons", "UPDATE persons SET name = 'P3' WHERE name = 'P1'"),
    ("persons", "UPDATE persons SET key = 'p3' WHERE name = 'P1'"),
    ("faces", "UPDATE faces SET number = 3 WHERE id = 1"),
    ("faces", "UPDATE faces SET x2 = -x2 WHERE id = 2"),
    ("faces", "UPDATE faces SET person_id = 3 WHERE id = 1"),
    ("crops", "UPDATE crops SET jpeg = CAST('\xbf' AS BLOB) WHERE face_id = 1"),
    ("contents", "UPDATE contents SET live = 0"),
    ("contents", "UPDATE contents SET latitude = NULL"),
    ("paths", "UPDATE paths SET path = '/p/b.jpg'"),
    ("paths", "UPDATE paths SET gone = 1"),
    ("spaces", "UPDATE spaces SET made_by = replace(made_by, 'pretend', 'prttend')"),
)


@pytest.mark.parametrize(("table", "change"), CHANGES)
def test_a_changed_value_is_told_by_check(collection, table, change):
    _behind_our_back(collection, change)
    told = [finding.what for finding in check(collection)]
    assert any(f"are not what was written: {table} " in what for what in told), told


def test_a_row_that_is_gone_is_told(collection):
    _behind_our_back(collection, "DROP TRIGGER sums_crops_delete")
    _behind_our_back(collection, "DELETE FROM crops WHERE face_id = 2")
    assert sums.damaged(collection.db, "crops") == [2]


def test_one_bit_is_turned_back(collection):
    for change in (
        "UPDATE persons SET name = 'P3' WHERE name = 'P1'",
        "UPDATE faces SET number = 3 WHERE id = 1",
        "UPDATE contents SET live = 0",
        "UPDATE sums_paths SET sum = sum + 1 WHERE NOT sum & 1",
        "UPDATE sums_paths SET sum = sum - 1 WHERE sum & 1",
    ):
        _behind_our_back(collection, change)
    mended = rows.mend(collection.db)
    assert mended.left == []
    assert check(collection) == []
    assert [person.name for person in persons.persons(collection.db)] == ["Luís", "P1"]
    assert collection.catalog.faces([1])[1].number == 1


def test_what_cannot_be_proved_is_named_and_stays_known_as_damaged(collection):
    _behind_our_back(collection, "UPDATE persons SET name = 'Eva' WHERE name = 'P1'")
    (lost,) = rows.mend(collection.db).left
    assert (lost.table, lost.what) == ("persons", "row 1 of persons (Eva)")
    assert "retrieve name" in lost.todo
    with writing(collection.db):  # what is damaged is not signed by a change of something else
        collection.db.execute("UPDATE persons SET key = 'eva' WHERE id = 1")
    assert sums.damaged(collection.db, "persons") == [1]
    with writing(collection.db):
        statements.rename(collection.db, persons.person_id(collection.db, "Eva"), "P1")
    assert check(collection) == []


def test_a_key_is_made_of_its_name_again(collection):
    _behind_our_back(collection, "UPDATE persons SET key = 'xyz' WHERE name = 'P1'")
    assert rows.mend(collection.db).left == []
    assert check(collection) == []


def test_no_answer_is_made_of_a_damaged_row(collection):
    probe = collection.engine.embeddings([0])
    assert collection.nearest(probe, k=1)[0][0].person == "P1"
    _behind_our_back(collection, "UPDATE persons SET name = 'P3' WHERE name = 'P1'")
    with pytest.raises(CollectionError, match=r"row 1 of its table persons.*retrieve check"):
        collection.nearest(probe, k=1)
    _behind_our_back(collection, "UPDATE crops SET jpeg = x'ff' WHERE face_id = 2")
    with pytest.raises(CollectionError, match="row 2 of its table crops"):
        collection.picture(2)


def test_a_face_that_is_kept_for_answers_is_read_again_after_a_commit(collection):
    probe = collection.engine.embeddings([0])
    first = collection.nearest(probe, k=1)[0][0]
    assert collection.nearest(probe, k=1)[0][0].face is first.face
    with pytest.raises(ValueError, match="read-only"):  # another answer holds it, too
        first.face.box[0] = 0
    with writing(collection.db):
        statements.rename(collection.db, persons.person_id(collection.db, "P1"), "Ana")
    assert collection.nearest(probe, k=1)[0][0].person == "Ana"
    with open_collection(collection.path) as other, writing(other.db):
        statements.rename(other.db, persons.person_id(other.db, "Ana"), "Eva")
    assert collection.nearest(probe, k=1)[0][0].person == "Eva"


def test_every_row_that_an_answer_is_made_of_is_looked_at(collection):
    for table, change in (
        ("faces", "UPDATE faces SET quality = quality / 2 WHERE id = 1"),
        ("contents", "UPDATE contents SET taken_at = '1999'"),
        ("paths", "UPDATE paths SET path = '/p/b.jpg'"),
    ):
        probe = collection.engine.embeddings([0])
        with closing(sqlite3.connect(":memory:")) as before:
            collection.db.conn.backup(before)
            _behind_our_back(collection, change)
            for ask in (
                lambda probe=probe: collection.nearest(probe, k=1),
                lambda: collection.search_stored(1, threshold=-1.0),
            ):
                with pytest.raises(CollectionError, match=f"row 1 of its table {table} is not"):
                    ask()
            before.backup(collection.db.conn)


def test_an_index_of_sqlite_is_made_again(collection):
    sql = "SELECT rootpage FROM sqlite_master WHERE name = 'paths_content_id'"
    (page,) = collection.db.execute(sql).fetchone()
    collection.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    file = collection.path / "catalog.sqlite"
    data = bytearray(file.read_bytes())
    data[(page - 1) * 4096 + 4095] ^= 2  # the rowid, at the end of the only cell
    collection.close()
    file.write_bytes(data)
    with small.opened(collection.path) as again:
        assert any("paths_content_id" in finding.what for finding in check(again))
        assert rows.mend(again.db).rows == 1
        assert check(again) == []


def test_a_checksum_that_is_no_number_any_more_is_told(collection):
    _behind_our_back(collection, "UPDATE sums_crops SET sum = x'ffd8' WHERE id = 1")
    assert check(collection)
    (lost,) = rows.mend(collection.db).left
    assert (lost.table, lost.key) == ("crops", 1)


def test_what_stumbles_over_a_damaged_catalog_says_so(collection):
    _behind_our_back(collection, "UPDATE faces SET landmarks = 7 WHERE id = 1")
    told = r"the catalog is damaged, .*stumbled.*retrieve check"
    with pytest.raises(CollectionError, match=told), open_collection(collection.path) as again:
        again.catalog.as_found([1])


def test_other_faults_stay_what_they_are(collection):
    with pytest.raises(TypeError, match="iterable"), open_collection(collection.path) as again:
        again.catalog.faces(7)
    _behind_our_back(collection, "UPDATE faces SET landmarks = 7 WHERE id = 1")
    with pytest.raises(KeyError, match="a caller's"), open_collection(collection.path):
        raise KeyError("a caller's")
