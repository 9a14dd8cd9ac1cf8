"""The lines of the log that have to do with some faces and persons, without a replay of all others.

Two lines have to do with one another where they name the same face or the same person, or where
one takes the other back; what lines say depends on no others (replay.py). A log of 100,000 lines
is looked through, and its checksums are compared, in less than a second; read as statements and
replayed are the lines that are asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlite_utils import Database

from retrieve.indexes.catalog import sums
from retrieve.indexes.people import log
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef, Finder

PHOTO = re.compile(rb'\["([^"]+)",\[')  # of each face that a line names, as refs.written() has it


class Head(NamedTuple):
    """What tells whether a line counts (log.active)."""

    id: int
    undoes: int | None


class _Places(NamedTuple):
    """Where lines are among all: each, those of a person and of a photo, and what took one back."""

    by_id: dict[int, int]
    by_person: dict[int, list[int]]
    by_photo: dict[bytes, list[int]]
    undone_by: dict[int, list[int]]


class Lines:
    """All lines, not read yet.

    raises  CollectionError if one is not what was written
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        names = sums.columns_of(db, "statements")
        at = {name: 1 + names.index(name) for name in names}
        self._rows = sums.checked(db, "statements")
        self._read: dict[int, Statement] = {}
        self._columns = [at[name] for name in log.COLUMNS]
        self._id, self._undoes = at["id"], at["undoes"]
        self._persons = at["person_id"], at["other_id"]
        self._faces = at["faces"], at["others"]

    def heads(self) -> list[Head]:
        """Of every line, the oldest first."""
        return [Head(row[self._id], row[self._undoes]) for row in self._rows]

    def about(
        self, refs: Iterable[FaceRef], persons: Iterable[int], ids: Iterable[int] = ()
    ) -> list[Statement]:
        """The lines that have to do with some faces, persons and lines, the oldest first."""
        at = self._places()
        taken: dict[int, Statement] = {}
        finder = Finder(self._db, ())
        seen_refs: set[FaceRef] = set()
        seen_persons: set[int] = set()
        new_refs, new_persons, new = set(refs), set(persons), [at.by_id[id] for id in ids]
        while new_refs or new_persons or new:
            finder.look(self._db, new_refs)
            new += [place for person in new_persons for place in at.by_person.get(person, ())]
            for ref in new_refs:
                for place in at.by_photo.get(ref.sha256.encode(), ()):
                    if place not in taken and self._names(place, ref, finder):
                        new.append(place)
            seen_refs |= new_refs
            seen_persons |= new_persons
            new_refs, new_persons = set(), set()
            found: list[int] = []
            for place in new:
                if place in taken:
                    continue
                line = taken[place] = self._line(place)
                new_refs |= {*line.faces, *line.others} - seen_refs
                named = {id for id in (line.person_id, line.other_id) if id is not None}
                new_persons |= named - seen_persons
                found += at.undone_by.get(line.id, ())
                if line.undoes in at.by_id:
                    found.append(at.by_id[line.undoes])
            new = found
        return [taken[place] for place in sorted(taken)]

    def one(self, id: int) -> Statement | None:
        """The line with that id."""
        return next(
            (self._line(i) for i, row in enumerate(self._rows) if row[self._id] == id), None
        )

    def _line(self, place: int) -> Statement:
        if place not in self._read:
            row = self._rows[place]
            self._read[place] = log.read_line([sums.as_stored(row[at]) for at in self._columns])
        return self._read[place]

    def _names(self, place: int, ref: FaceRef, finder: Finder) -> bool:
        """Whether a line names a face. Of a face that is not stored any more nobody can tell which
        others of its photo it is, so it counts as each.
        """
        line = self._line(place)
        for other in (*line.faces, *line.others):
            if other.sha256 == ref.sha256:
                ends = finder.stored(ref), finder.stored(other)
                if other.box == ref.box or None in ends or ends[0] == ends[1]:
                    return True
        return False

    def _places(self) -> _Places:
        found = _Places({}, defaultdict(list), defaultdict(list), defaultdict(list))
        one, other = self._persons
        faces, others = self._faces
        for i, row in enumerate(self._rows):
            found.by_id[row[self._id]] = i
            if row[self._undoes] is not None:
                found.undone_by[row[self._undoes]].append(i)
            if row[one] is not None:
                found.by_person[row[one]].append(i)
            if row[other] is not None:
                found.by_person[row[other]].append(i)
            for sha256 in PHOTO.findall(row[faces] + row[others]):
                found.by_photo[sha256].append(i)
        return found


def persons_of(line: Statement) -> Iterator[int]:
    """Everybody of whom a line is, and from and to whom it moved faces."""
    moved = (id for whose, _, now, _ in line.moved for id in (whose, now))
    return (id for id in (line.person_id, line.other_id, *moved) if id is not None)
