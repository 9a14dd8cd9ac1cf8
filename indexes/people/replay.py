"""What the log says when all its lines are read in order: the last word wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from sqlite_utils import Database

from retrieve.indexes.people import log
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef, Finder


@dataclass(slots=True)
class Held:
    """What holds.

    Faces are named by their ids, or by negative numbers where they are not stored.

    whose      the person that a face was said to be
    said       the line that says so
    not_faces  what was said to be no face, and the line that says so
    names      of every person who was ever named; None if that does not hold any more
    ignored    persons who are not to be asked about
    joined     persons who became others, and which
    joined_by  the lines that made them so
    named_by   of each line that counts the faces and the others that it names
    every      all lines
    finder     of their faces
    """

    every: list[Statement]
    finder: Finder
    whose: dict[int, int] = field(default_factory=dict)
    said: dict[int, Statement] = field(default_factory=dict)
    not_faces: dict[int, Statement] = field(default_factory=dict)
    names: dict[int, str | None] = field(default_factory=dict)
    ignored: set[int] = field(default_factory=set)
    joined: dict[int, int] = field(default_factory=dict)
    joined_by: dict[int, int] = field(default_factory=dict)
    named_by: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    _faces: dict[int, set[int]] = field(default_factory=dict)  # of whose, the other way round

    def of(self, person_id: int) -> set[int]:
        """The faces that were said to be a person."""
        return self._faces.get(person_id, set())

    def holds(self, line: Statement) -> bool:
        """Whether what a line says holds still, and no later one says otherwise."""
        if line.id not in self.named_by:
            return False
        faces, others = self.named_by[line.id]
        if line.kind == "not-a-face":
            return all(face in self.not_faces for face in faces)
        who, who_else = ({self.whose.get(face) for face in some} for some in (faces, others))
        if None in who | who_else:
            return False
        match line.kind:
            case "name":
                return {self.names.get(one) for one in who if one is not None} <= {line.name}
            case "same":
                return len(who | who_else) <= 1
            case "not-same" | "split":
                return not who & who_else
            case "ignore":
                return all(one in self.ignored for one in who)
        return len(who) <= 1

    def parted(self) -> set[tuple[int, int]]:
        """Pairs of persons who were said to be two, or one of whom got faces that had been thought
        the other's; the lower id first.
        """
        found: set[tuple[int, int]] = set()
        for line in self.every:
            faces, others = self.named_by.get(line.id, ((), ()))
            if line.kind == "same" or not others:
                continue
            who, who_else = (
                {self.whose[face] for face in some if face in self.whose}
                for some in (faces, others)
            )
            found |= {
                (min(pair), max(pair)) for pair in product(who, who_else) if pair[0] != pair[1]
            }
        return found

    def pin(self, faces: Iterable[int], person_id: int, line: Statement) -> None:
        for face in faces:
            before = self.said.get(face) or self.not_faces.get(face)
            if before is not None and before.source == "human" and line.source != "human":
                continue  # what a file says comes second to what a person said
            self.release(face)
            self.whose[face], self.said[face] = person_id, line
            self._faces.setdefault(person_id, set()).add(face)

    def release(self, face: int) -> None:
        self.not_faces.pop(face, None)
        self.said.pop(face, None)
        if (person_id := self.whose.pop(face, None)) is not None:
            self._faces[person_id].discard(face)

    def join(self, gone: int, kept: int, line: Statement) -> None:
        for face in self._faces.pop(gone, set()):
            self.whose[face], self.said[face] = kept, line
            self._faces.setdefault(kept, set()).add(face)
        if self.names.get(kept) is None and self.names.get(gone) is not None:
            self.names[kept] = self.names[gone]
        self.joined[gone] = kept
        self.joined_by[gone] = line.id

    def become(self, person_id: int, since: int = 0) -> int:
        """Who a person is by now: another one where two became one.

        since  the line at which the person was there: what had made two one before did not end it
        """
        seen: set[int] = set()
        while person_id in self.joined and person_id not in seen:
            if since and self._counts_since(self.joined_by[person_id]) <= since:
                break
            seen.add(person_id)
            person_id = self.joined[person_id]
        return person_id

    def _counts_since(self, id: int) -> int:
        """The last line that let a line hold: itself, or what took its taking back back."""
        last, waiting = id, [id]
        while waiting:
            found = {line.id for line in self.every if line.undoes in waiting}
            last, waiting = max(last, *found, last), list(found)
        return last


def replay(db: Database, every: Sequence[Statement] | None = None) -> Held:
    """What the log says.

    every  its lines, where they were read already
    """
    read = log.lines(db) if every is None else list(every)
    held = Held(read, Finder(db, _refs(read)))
    counting = log.active(read)
    for line in read:
        if line.kind == "name" and line.person_id is not None:
            held.names[line.person_id] = None
    for line in read:
        if line.id in counting:
            _say(held, line)
    return held


def go_on(db: Database, held: Held, new: Sequence[Statement]) -> None:
    """Let what was said since count too, of which no line takes one back."""
    held.finder.look(db, list(_refs(new)))
    for line in new:
        _say(held, line)
    held.every += new


def _refs(every: Iterable[Statement]) -> Iterator[FaceRef]:
    return (ref for line in every for ref in (*line.faces, *line.others))


def _say(held: Held, line: Statement) -> None:
    def found(refs: tuple[FaceRef, ...]) -> list[int]:
        return [held.finder.find(ref) for ref in refs]

    if line.kind == "undo":
        return
    faces, others = held.named_by[line.id] = found(line.faces), found(line.others)
    person, other = line.person_id, line.other_id
    if line.kind == "not-a-face":
        for face in faces:
            held.release(face)
            held.not_faces[face] = line
        return
    assert person is not None
    joins = line.kind == "same" or (line.kind in ("name", "whose") and not others)
    if joins and other is not None:
        held.join(other, person, line)
    if line.kind == "name" and (line.source == "human" or held.names.get(person) is None):
        held.names[person] = line.name
        if line.name is not None and line.source == "human":
            held.ignored.discard(person)
    if line.kind == "ignore":
        held.ignored.add(person)
    if line.kind == "split":
        assert other is not None
        person, other = other, person
    held.pin(faces, person, line)
    if others:
        held.pin(others, person if line.kind == "same" or other is None else other, line)
