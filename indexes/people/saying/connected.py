"""The lines of the log that have to do with some faces and persons, without a replay of all others.

Two lines have to do with one another where they name the same face or the same person, or where
one takes the other back; what lines say depends on no others (replay.py). A log of 100,000 lines
is looked through, and its checksums are compared, in under a second; read as statements and
replayed are the lines that are asked for.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.people import log
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef, Finder, refs_of

PHOTO = re.compile(rb'\["([^"]+)",\[')  # of each face that a line names, as refs.written() has it


class _Undo(NamedTuple):
    """What tells whether a line counts that takes another back (log.active)."""

    id: int
    undoes: int


class Lines:
    """All lines, not read yet.

    raises  CollectionError if one is not what was written
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        names = sums.columns_of(db, "statements")
        at = {name: names.index(name) for name in names}
        self._rows = sums.checked(db, "statements")
        self._read: dict[int, Statement] = {}
        self._columns = [at[name] for name in log.COLUMNS]
        self._id, self._undoes = at["id"], at["undoes"]
        self._persons = at["person_id"], at["other_id"]
        self._faces = at["faces"], at["others"]

    def taken_back(self) -> dict[int, int]:
        """Lines that do not count, and which took each back."""
        id, undoes = self._id, self._undoes
        undos = [_Undo(row[id], row[undoes]) for row in self._rows if row[undoes] is not None]
        counting = log.active(undos)  # no other line takes one back
        return {one.undoes: one.id for one in undos if one.id in counting}

    def last(self, without: Container[int]) -> Statement | None:
        """The last line but some, and but those that took one back."""
        return next(
            (
                self._line(i)
                for i in range(len(self._rows) - 1, -1, -1)
                if self._rows[i][self._undoes] is None and self._rows[i][self._id] not in without
            ),
            None,
        )

    def refs_of(self, faces: Iterable[int]) -> Iterable[FaceRef]:
        """How lines name some faces, of those that are stored."""
        return refs_of(self._db, faces).values()

    def about(
        self, refs: Iterable[FaceRef], persons: Iterable[int], ids: Iterable[int] = ()
    ) -> list[Statement]:
        """The lines that have to do with some faces, persons and lines, the oldest first."""
        taken: dict[int, Statement] = {}
        finder = Finder(self._db, ())
        undone_by: dict[int, list[int]] = defaultdict(list)
        for place, row in enumerate(self._rows):
            undone = row[self._undoes]
            if undone is not None:
                undone_by[undone].append(place)
        seen_refs: set[FaceRef] = set()
        seen_persons: set[int] = set()
        new_refs, new_persons = set(refs), set(persons)
        new = [at for id in ids if (at := self._place(id)) is not None]
        while new_refs or new_persons or new:
            finder.look(self._db, new_refs)
            new += self._of_persons(new_persons)
            for ref in new_refs:
                for place in self._by_photo.get(ref.sha256.encode(), ()):
                    if place not in taken and self._names(place, ref, finder):
                        new.append(place)
            seen_refs |= new_refs
            seen_persons |= new_persons
            found: list[int] = []
            new_refs, new_persons = set(), set()
            for place in new:
                if place in taken:
                    continue
                line = taken[place] = self._line(place)
                new_refs |= {*line.faces, *line.others} - seen_refs
                named = {id for id in (line.person_id, line.other_id) if id is not None}
                new_persons |= named - seen_persons
                found += undone_by.get(line.id, ())
                if line.undoes is not None and (before := self._place(line.undoes)) is not None:
                    found.append(before)
            new = found
        return [taken[place] for place in sorted(taken)]

    def one(self, id: int) -> Statement | None:
        """The line with that id."""
        place = self._place(id)
        return None if place is None else self._line(place)

    def _place(self, id: int) -> int | None:
        """Where a line is among all."""
        place = bisect_left(self._rows, id, key=lambda row: row[self._id])
        there = place < len(self._rows) and self._rows[place][self._id] == id
        return place if there else None

    def _line(self, place: int) -> Statement:
        if place not in self._read:
            row = self._rows[place]
            self._read[place] = log.read_line([sums.as_stored(row[at]) for at in self._columns])
        return self._read[place]

    def _names(self, place: int, ref: FaceRef, finder: Finder) -> bool:
        """Whether a line names a face. Of a face that is not stored any more nobody can tell which
        others of its photo it is, so it counts as each.
        """
        line, id = self._line(place), finder.stored(ref)
        for other in (*line.faces, *line.others):
            if other.sha256 == ref.sha256 and (
                other.box == ref.box or id is None or finder.stored(other) in (id, None)
            ):
                return True
        return False

    def _of_persons(self, persons: Container[int]) -> list[int]:
        one, other = self._persons
        return [
            place
            for place, row in enumerate(self._rows)
            if row[one] in persons or row[other] in persons
        ]

    @cached_property
    def _by_photo(self) -> dict[bytes, tuple[int, ...]]:
        """Where lines are that name a face of a photo, by its SHA-256."""
        faces, others = self._faces
        found: dict[bytes, tuple[int, ...]] = {}  # lists would be looked through for garbage
        for place, row in enumerate(self._rows):
            for sha256 in PHOTO.findall(row[faces] + row[others]):
                found[sha256] = (*found.get(sha256, ()), place)
        return found


def persons_of(line: Statement) -> Iterator[int]:
    """Everybody of whom a line is, and from and to whom it moved faces."""
    moved = (id for whose, _, now, _ in line.moved for id in (whose, now))
    return (id for id in (line.person_id, line.other_id, *moved) if id is not None)
