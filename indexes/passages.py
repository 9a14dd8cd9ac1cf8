"""Passages in the collection's SQLite file, and the index of their words.

The words are kept as stems in an FTS5 table whose rowid is the passage's id; SQLite keeps it
in the same transactions as everything else. A passage is of a content; where only a path
says it (a file's name, a file beside it) it is of that path, and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from indexes.database import VARIABLES
from indexes.paths import path_of
from retrieval.types import Passage

TITLE_WEIGHT, BODY_WEIGHT = 1.0, 1.0  # of a match in SQLite's bm25(), which chooses candidates


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """One passage as a hit needs it.

    row         of its embedding, in the generation that is current
    number      in its content, 1 for the first
    kind        of its content: photo or text
    document    the title that its content states, "" without one
    path        the first living file that holds it
    """

    id: int
    row: int
    content_id: int
    number: int
    passage: Passage
    kind: str
    document: str
    path: Path
    taken_at: str | None

    @property
    def titles(self) -> str:
        """What it stands under: the content's title and its own heading."""
        return titles(self.document, self.passage.title)


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage to be stored, with the stems of its titles and of its text.

    path_id  the path that says it, None where the content itself does
    """

    content_id: int
    path_id: int | None
    number: int
    passage: Passage
    title_stems: Sequence[str]
    stems: Sequence[str]


class Passages:
    """What a collection knows of passages; not for use by several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, first_row: int, new: Iterable[NewPassage]) -> None:
        """Store passages whose embeddings lie in consecutive rows; inside a transaction."""
        for row, one in enumerate(new, first_row):
            said = one.passage
            cursor = self._db.execute(
                "INSERT INTO passages (row, content_id, path_id, number, kind, title, text, "
                "page, line, record, time_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    row,
                    one.content_id,
                    one.path_id,
                    one.number,
                    said.kind,
                    said.title,
                    said.text,
                    said.page,
                    said.line,
                    said.record,
                    said.time_s,
                ],
            )
            put_stems(self._db, cursor.lastrowid, one.title_stems, one.stems)

    def remove(self, ids: Sequence[int]) -> None:
        """Delete passages; their rows are to be killed too. Inside a transaction."""
        self._db.conn.executemany("DELETE FROM stems WHERE rowid = ?", ([id] for id in ids))
        self._db.conn.executemany("DELETE FROM passages WHERE id = ?", ([id] for id in ids))

    def of_path(self, path_id: int) -> list[tuple[int, int]]:
        """Ids and rows of what one path says of its content."""
        query = "SELECT id, row FROM passages WHERE path_id = ?"
        return self._db.execute(query, [path_id]).fetchall()

    def get(self, ids: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages with these ids, by id; those of contents that no file holds are left out."""
        return {one.id: one for one in self._stored("passages.id", ids)}

    def at(self, rows: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages whose embeddings lie in these rows, by row; dead rows have none.

        What was in files that were replaced is left out: no path can be shown for it.
        """
        return {one.row: one for one in self._stored("passages.row", rows)}

    def _stored(self, column: str, values: Iterable[int]) -> Iterator[StoredPassage]:
        query = (
            "SELECT passages.id, row, passages.content_id, number, contents.kind, contents.title, "
            "taken_at, coalesce((SELECT path FROM paths WHERE paths.id = passages.path_id), "
            "(SELECT path FROM paths WHERE paths.content_id = contents.id "
            " ORDER BY gone, paths.id LIMIT 1)), text, passages.title, passages.kind, page, line, "
            "record, time_s FROM passages JOIN contents ON contents.id = passages.content_id "
            f"WHERE {column}"
        )
        for row in _among(self._db, query, values):
            id, at, content_id, number, kind, document, taken_at, path, *said = row
            if path is None:
                continue
            yield StoredPassage(
                id=id,
                row=at,
                content_id=content_id,
                number=number,
                passage=Passage(*said),
                kind=kind,
                document=document,
                path=path_of(path),
                taken_at=taken_at,
            )

    def texts_at(self, rows: Iterable[int]) -> dict[int, str]:
        """The texts whose embeddings lie in these rows, by row, of every passage that is kept."""
        return dict(_among(self._db, "SELECT row, text FROM passages WHERE row", rows))

    # The index of words

    def matches(
        self, stems: Sequence[str], most: int, *, keep: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Rows of the passages that hold one of the stems or more, best first, and their BM25.

        most  rows at most
        keep  (rows,) which may be found, all when None
        """
        if not stems:
            return []
        cursor = self._db.execute(
            f"SELECT rowid, -bm25(stems, {TITLE_WEIGHT}, {BODY_WEIGHT}) AS score FROM stems "
            "WHERE stems MATCH ? ORDER BY score DESC",
            [_any_of(stems)],
        )
        found: list[tuple[int, float]] = []
        while len(found) < most and (part := cursor.fetchmany(VARIABLES)):
            rows = self._rows(id for id, _ in part)
            found += [
                (rows[id], score) for id, score in part if keep is None or _keeps(keep, rows[id])
            ]
        return found[:most]

    def bm25(self, stems: Sequence[str], ids: Sequence[int]) -> dict[int, float]:
        """BM25 of the stems in some passages, by id; those without any of them are left out."""
        if not stems:
            return {}
        query = f"SELECT rowid, -bm25(stems, {TITLE_WEIGHT}, {BODY_WEIGHT}) FROM stems "
        found: dict[int, float] = {}
        for start in range(0, len(ids), VARIABLES - 1):
            part = ids[start : start + VARIABLES - 1]
            marks = ",".join("?" * len(part))
            found |= dict(
                self._db.execute(
                    f"{query} WHERE stems MATCH ? AND rowid IN ({marks})", [_any_of(stems), *part]
                ).fetchall()
            )
        return found

    def mean_stems(self) -> float:
        """Of a passage's text, on average; at least 1.

        FTS5 keeps it for its BM25, in the record 1 of its data: rows, then stems of each column,
        as SQLite's variable-length integers (fts5_index.c, FTS5_AVERAGES_ROWID).
        """
        row = self._db.execute("SELECT block FROM stems_data WHERE id = 1").fetchone()
        numbers = _varints(row[0]) if row and row[0] else [0, 0, 0]
        return max(1.0, numbers[2] / numbers[0]) if len(numbers) > 2 and numbers[0] else 1.0

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem is; those that are in none are left out."""
        return dict(_among(self._db, "SELECT term, doc FROM vocabulary WHERE term", stems))

    def count(self) -> int:
        """How many passages there are."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def _rows(self, ids: Iterable[int]) -> dict[int, int]:
        return dict(_among(self._db, "SELECT id, row FROM passages WHERE id", ids))


def titles(document: str, heading: str) -> str:
    """The titles that a passage stands under, the same one once."""
    return " ".join(dict.fromkeys(part for part in (document, heading) if part))


def put_stems(
    db: Database, id: int | None, title_stems: Sequence[str], stems: Sequence[str]
) -> None:
    """Enter a passage into the index of words."""
    db.execute(
        "INSERT INTO stems (rowid, title, body) VALUES (?, ?, ?)",
        [id, " ".join(title_stems), " ".join(stems)],
    )


def _any_of(stems: Sequence[str]) -> str:
    """In the language of FTS5's queries."""
    return " OR ".join(f'"{stem}"' for stem in dict.fromkeys(stems))


def _varints(data: bytes) -> list[int]:
    """Of up to eight bytes each, seven bits a byte, the highest first."""
    numbers, number = [], 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    return numbers


def _keeps(keep: NDArray[np.bool_], row: int) -> bool:
    return row < len(keep) and bool(keep[row])  # another process may have added some since


def _among(db: Database, query: str, values: Iterable[Any]) -> list[Any]:
    """The query's rows where its last column is one of the values."""
    wanted, found = list(dict.fromkeys(values)), []
    for start in range(0, len(wanted), VARIABLES):
        part = wanted[start : start + VARIABLES]
        found += db.execute(f"{query} IN ({','.join('?' * len(part))})", part).fetchall()
    return found
