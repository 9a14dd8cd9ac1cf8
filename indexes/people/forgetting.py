"""What forgetting takes out of the log: the only change that lines ever see.

A line about somebody who is forgotten goes; one that names a face that is forgotten names it no
more, and goes where it names nothing any more, with the lines that took it back. Whose a face is
still holds when the faces of whom it was taken from go. A name whose last face goes while the
person stays is kept by the best face that is left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.people import log, refs
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef, Finder
from retrieve.indexes.people.replay import replay


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is to become of the log.

    gone     lines as they are
    changed  lines as they are to be, by how they are now
    """

    gone: list[Statement] = field(default_factory=list)
    changed: list[tuple[Statement, Statement]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gone or self.changed)

    def refs(self) -> Iterator[FaceRef]:
        """The faces that the log names no more, in each line that named them."""
        for line in self.gone:
            yield from (*line.faces, *line.others)
        for before, after in self.changed:
            yield from set(before.faces) - set(after.faces)
            yield from set(before.others) - set(after.others)


def once_called(db: Database, name: str) -> bool:
    """Whether the log names somebody so whom nobody is called any more."""
    key = key_of(name)
    rows = db.execute("SELECT DISTINCT name FROM statements WHERE name IS NOT NULL")
    return any(key_of(known) == key for (known,) in rows)


def rewriting(
    db: Database,
    *,
    sha256s: Collection[str] = (),
    faces: Collection[int] = (),
    persons: Collection[int] = (),
    names: Collection[str] = (),
) -> Rewriting:
    """What goes out of the log with some photos, faces and persons, and with some names.

    sha256s  of photos, stored still or not
    faces    ids
    persons  ids, of those whom others became, too
    names    lines that give one of them to anybody go
    """
    if not (sha256s or faces or persons or names):
        return Rewriting()
    every = log.lines(db)
    if not every:
        return Rewriting()
    held = replay(db, every)
    doomed = {held.become(id) for id in persons} | set(persons)
    keys = {key_of(name) for name in names}
    finder = Finder(db, (ref for line in every for ref in (*line.faces, *line.others)))

    def stays(ref: FaceRef) -> bool:
        return ref.sha256 not in sha256s and finder.find(ref) not in faces

    found = Rewriting()
    going: set[int] = set()
    for line in every:
        rest = _without_whom(line, lambda id: id in doomed or held.become(id) in doomed)
        if (
            rest is None
            or (line.name is not None and key_of(line.name) in keys)
            or line.undoes in going
        ):
            found.gone.append(line)
            going.add(line.id)
            continue
        after = _without(rest, stays, faces, doomed)
        if after == line:
            continue
        if line.kind == "name" and not after.faces and line.person_id is not None:
            after = replace(after, faces=_kept_by(db, held.become(line.person_id), sha256s, faces))
        if line.others and not after.others and line.kind in ("name", "whose"):
            # Whom the faces were taken from is forgotten; whose they are still holds.
            after = replace(after, other_id=None)
        elif line.others and not after.others and line.kind != "split":
            after = replace(after, faces=())
        if line.faces and not after.faces:
            found.gone.append(line)
            going.add(line.id)
        else:
            found.changed.append((line, after))
    return found


def rewrite(db: Database, what: Rewriting) -> None:
    """Write the log anew; inside a write transaction, before the faces go."""
    db.conn.executemany("DELETE FROM statements WHERE id = ?", [[line.id] for line in what.gone])
    db.conn.executemany(
        "UPDATE statements SET kind = ?, person_id = ?, other_id = ?, faces = ?, others = ?, "
        "moved = ? WHERE id = ?",
        [
            [
                line.kind,
                line.person_id,
                line.other_id,
                refs.written(line.faces),
                refs.written(line.others),
                log.write_moves(line.moved),
                line.id,
            ]
            for _, line in what.changed
        ],
    )


def _without_whom(line: Statement, is_gone: Callable[[int], bool]) -> Statement | None:
    """The line without persons who are forgotten, None where it is about them.

    Where faces were taken from somebody, only whose they are now is left.
    """
    one, other = (id is not None and is_gone(id) for id in (line.person_id, line.other_id))
    if line.kind in ("name", "whose") and line.others and other and not one:
        return replace(line, other_id=None, others=())
    if line.kind == "split" and one and not other:
        return replace(line, kind="whose", person_id=line.other_id, other_id=None, others=())
    return None if one or other else line


def _without(
    line: Statement,
    stays: Callable[[FaceRef], bool],
    faces: Collection[int],
    persons: Collection[int],
) -> Statement:
    moved = []
    for whose, by, now, ids in line.moved:
        left = tuple(id for id in ids if id not in faces)
        if left and whose not in persons and now not in persons:
            moved.append((whose, by, now, left))
    return replace(
        line,
        faces=tuple(ref for ref in line.faces if stays(ref)),
        others=tuple(ref for ref in line.others if stays(ref)),
        moved=tuple(moved),
    )


def _kept_by(
    db: Database, person_id: int, sha256s: Collection[str], faces: Collection[int]
) -> tuple[FaceRef, ...]:
    """The best face that is left of a person, if there is one."""
    for id, sha256, *box in db.execute(
        "SELECT faces.id, sha256, x1, y1, x2, y2 FROM faces "
        "JOIN contents ON contents.id = content_id WHERE person_id = ? "
        "ORDER BY by = 'human' DESC, faces.quality DESC, faces.id",
        [person_id],
    ):
        if id not in faces and sha256 not in sha256s:
            return (FaceRef(sha256, (box[0], box[1], box[2], box[3])),)
    return ()
