"""Rows of joined tables, compared with their checksums as they are read.

An answer is made of the very rows that were looked at. That takes little more than reading them
does; reading them a second time, to look at them, took as long again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import itemgetter
from typing import Any

from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.sums import Row

MOST = 512  # values in one statement; old SQLite libraries stop at 999


class Joined:
    """A table, and what its rows name in others.

    joins  SQL that joins the other tables to the first
    more   columns that no checksum covers, with their tables
    """

    def __init__(
        self, db: Database, *tables: str, joins: str = "", more: tuple[str, ...] = ()
    ) -> None:
        self._db = db
        self._spans = []  # table, places of its key and its checksum, the end of its values
        self._places: dict[str, int] = {}
        parts, end = [], 0
        for table in tables:
            columns = sums.columns_of(db, table)
            parts.append(sums.selected(table, columns))
            places = {f"{table}.{name}": end + 1 + i for i, name in enumerate(columns)}
            self._places |= places
            start, end = end, end + 1 + len(columns)
            self._spans.append((table, places[f"{table}.{sums.SIGNED[table]}"], start, end))
        self._places |= {name: end + i for i, name in enumerate(more)}
        self._query = (
            f"SELECT {', '.join([*parts, *more])} FROM {tables[0]} {joins} "
            f"{' '.join(map(sums.with_sums, tables))} WHERE"
        )

    def picking(self, *names: str) -> Callable[[Row], tuple[Any, ...]]:
        """What takes these columns, each with its table, two or more, out of a row of where()."""
        return itemgetter(*(self._places[name] for name in names))

    def where(self, column: str, values: Iterable[int]) -> Iterator[Row]:
        """The rows whose column, with its table, has one of these values; texts are as
        sums.as_stored() takes them.

        raises  CollectionError if what is to be given, of any table, is not what was written
        """
        wanted = list(dict.fromkeys(values))
        for start in range(0, len(wanted), MOST):
            part = wanted[start : start + MOST]
            marks = _marks(len(part))
            query = f"{self._query} {column} IN ({marks})"
            filled = [*part, *[None] * (marks.count("?") - len(part))]
            for row in sums.fetched(self._db, query, filled):
                for table, key, first, end in self._spans:
                    if row[key] is not None and sums.sum_of(row[first + 1 : end]) != row[first]:
                        sums.check_read(self._db, table, [row[first:end]])
                yield row


@cache
def _marks(count: int) -> str:
    """As many as a power of two: few statements, which SQLite's module keeps prepared."""
    return ",".join("?" * (1 << (count - 1).bit_length()))
