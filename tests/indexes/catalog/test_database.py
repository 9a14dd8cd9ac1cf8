"""One SQLite file: opened or refused, read and written in transactions."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from contextlib import closing, contextmanager

import pytest

from retrieve.errors import CollectionError
from retrieve.indexes.catalog import database
from retrieve.indexes.catalog.database import (
    CannotWrite,
    in_words,
    open_database,
    pragma,
    reading,
    writing,
)


@pytest.fixture
def path(tmp_path):
    open_database(tmp_path / "catalog.sqlite", create=True).conn.close()
    return tmp_path / "catalog.sqlite"


@contextmanager
def _opened(path, **options):
    db = open_database(path, **options)
    with closing(db.conn):
        yield db


def _persons(db):
    return [name for (name,) in db.execute("SELECT name FROM persons ORDER BY id")]


def _add(db, name):
    db.execute("INSERT INTO persons (name, key) VALUES (?, ?)", [name, name])


def test_what_is_acknowledged_is_flushed_and_what_is_deleted_is_overwritten(
    path, monkeypatch, shipped_synchronous
):
    monkeypatch.setattr(database, "SYNCHRONOUS", shipped_synchronous)
    with _opened(path) as db:
        assert pragma(db, "synchronous") == 2  # FULL
        assert pragma(db, "secure_delete") == 1
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_transaction_is_all_or_nothing_with_ctrl_c_too(path):
    with _opened(path) as db:
        for error in (ZeroDivisionError, KeyboardInterrupt):
            with pytest.raises(error), writing(db):  # noqa: PT012
                _add(db, "ana")
                raise error
        assert _persons(db) == []
        with writing(db):
            _add(db, "ana")
    with _opened(path) as db:
        assert _persons(db) == ["ana"]


def test_readers_keep_their_view_while_others_commit(path):
    with _opened(path) as reader, _opened(path) as writer:
        with reading(reader):
            assert _persons(reader) == []
            with writing(writer):
                _add(writer, "ana")
            with reading(reader):  # the same view
                assert _persons(reader) == []
        assert _persons(reader) == ["ana"]


def test_a_writer_waits_for_another_one_and_then_says_so(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(database, "TURN_S", 0.01)
    with _opened(path) as one, _opened(path) as two, writing(one):
        refused = pytest.raises(CannotWrite, match="Another process has been writing")
        with refused as caught, writing(two):
            raise AssertionError("got in")
        assert "\n" not in str(caught.value)


def test_ctrl_c_ends_the_waiting_for_another_writer(path):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with _opened(path) as one, _opened(path) as two:
            with writing(one):
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                with pytest.raises(KeyboardInterrupt), writing(two):
                    raise AssertionError("got in")
            with writing(two):  # and nothing of it is left
                _add(two, "ana")
            assert pragma(two, "busy_timeout") == database.BUSY_TIMEOUT_S * 1000
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EACCES, "Give yourself the right"),
        (errno.EROFS, "Give yourself the right"),
        (errno.EIO, "retrieve check"),
    ],
)
def test_what_the_disk_refuses_is_one_line_with_an_advice(number, advice):
    with pytest.raises(CannotWrite, match=advice) as caught, in_words():
        raise OSError(number, os.strerror(number))
    assert os.strerror(number).lower() in str(caught.value)


def test_read_only_refuses_to_write_and_says_why(path):
    with _opened(path, read_only=True) as db:
        with pytest.raises(CollectionError, match="to be read only"), writing(db):
            raise AssertionError("got in")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            _add(db, "ana")


def test_opening_and_reading_wait_for_no_writer(path):
    with _opened(path) as writer, writing(writer), _opened(path) as reader:
        assert _persons(reader) == []


def test_two_that_make_a_collection_at_once_make_one(tmp_path):
    path = tmp_path / "catalog.sqlite"
    with _opened(path, create=True) as one, _opened(path, create=True) as two:
        with writing(one):
            _add(one, "ana")
        assert _persons(two) == ["ana"]


def test_making_a_collection_waits_for_another_process_that_just_makes_it(tmp_path, monkeypatch):
    path = tmp_path / "catalog.sqlite"
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # for which SQLite's change to WAL does not wait
        waits = []

        def end_it(_):
            waits.append(other.execute("COMMIT"))

        monkeypatch.setattr(database.time, "sleep", end_it)
        with _opened(path, create=True) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert len(waits) == 1


def test_a_damaged_schema_that_quotes_bytes_is_one_line(path):
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute(
            "UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'CREATE nothing' "
            "WHERE name = 'paths_gone'"
        )
        conn.commit()
    with pytest.raises(CollectionError, match=r"malformed database schema \(\\xff\)"):
        open_database(path)
