"""Which contents were looked at for words in their pictures, and what is left to be read of each.

A photo has one picture. A PDF has one for each page without text that can be read otherwise: which
those are is asked first, then they are read some at a time, so that what dies between two goes on
where it was. A row goes with its content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from retrieve.documents.versions import OCR, reader
from retrieve.indexes.catalog import sums

PENDING = ""  # in the place of the reader, until the last page is read


@dataclass(frozen=True, slots=True)
class Left:
    """What is still to be read of a content.

    pages    of a PDF whose pages are known, ascending from 1; None where none was looked for,
             or where it is a photo
    stopped  how often in turn reading it was stopped
    """

    pages: tuple[int, ...] | None
    stopped: int


def left(db: Database, content_id: int) -> Left | None:
    """What is to be read of a content; None if there is nothing."""
    query = "SELECT reader, pages, stopped FROM recognised WHERE content_id = ?"
    row = db.execute(query, [content_id]).fetchone()
    if row is None:
        return Left(None, 0)
    by, pages, stopped = row
    if by == reader(OCR):
        return None
    if by != PENDING:  # an older reader's
        return Left(None, 0)
    return Left(tuple(json.loads(pages)) or None, int(stopped))


def put(db: Database, content_id: int, pages: Sequence[int]) -> None:
    """Say what is left of a content, nothing where it is read; inside a transaction."""
    by = PENDING if pages else reader(OCR)
    db.execute(
        "INSERT INTO recognised VALUES (?, ?, ?, 0) ON CONFLICT (content_id) DO UPDATE SET "
        "stopped = CASE excluded.reader WHEN '' THEN stopped ELSE 0 END, "
        "reader = excluded.reader, pages = excluded.pages",
        [content_id, by, json.dumps(list(pages))],
    )


def put_stopped(db: Database, content_id: int) -> None:
    """Say that reading a content was stopped; inside a transaction."""
    db.execute(
        "INSERT INTO recognised VALUES (?, ?, '[]', 1) "
        "ON CONFLICT (content_id) DO UPDATE SET stopped = stopped + 1, reader = excluded.reader, "
        "pages = CASE reader WHEN excluded.reader THEN pages ELSE excluded.pages END",
        [content_id, PENDING],
    )


def forget(db: Database, content_ids: Iterable[int]) -> None:
    """Take rows out; inside a transaction."""
    db.conn.executemany("DELETE FROM recognised WHERE content_id = ?", ([id] for id in content_ids))


def damaged(db: Database) -> set[int]:
    """Contents of which a row, or what was read off a picture, is not what was written."""
    contents = {int(id) for id in sums.damaged(db, "recognised")}
    for id in sums.damaged(db, "passages"):
        query = "SELECT content_id FROM passages WHERE id = ? AND kind = ?"
        contents |= {one for (one,) in db.execute(query, [id, OCR])}
    return contents
