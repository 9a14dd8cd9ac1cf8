"""The log of what people said over the whole cluster, in the manifest, and the shards' own logs.

Every line of a shard's log is known here by the statement that it is of. What names in photos'
files said while a shard was indexed, or a person said to a shard that was opened by itself, is
heard of before anything else is said. Lines without faces are none of these: in those the cluster
tells a shard what its persons are called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from retrieve.indexes.catalog.database import reading
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.people.gathering import last_line
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import log, refs
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.replay import Held, replay

Lines = dict[int, list[int]]  # by shard the lines of its log
READ = "SELECT id, said_at, kind, what, undoes FROM statements"


def statements(manifest: Manifest) -> list[Statement]:
    """Everything that was said, the oldest first; ids of faces are the cluster's."""
    return [_read(*row) for row in manifest.db.execute(f"{READ} ORDER BY id")]


def one(manifest: Manifest, id: int) -> Statement | None:
    """The statement of that number."""
    row = manifest.db.execute(f"{READ} WHERE id = ?", [id]).fetchone()
    return None if row is None else _read(*row)


def add(manifest: Manifest, line: Statement, lines: Lines, *, done: bool = True) -> None:
    """Put a statement with its number into the log; inside writing()."""
    manifest.db.execute(
        "INSERT INTO statements (id, said_at, kind, what, lines, undoes, done) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [line.id, line.said_at, line.kind, _what(line), _written(lines), line.undoes, int(done)],
    )


def rewrite(manifest: Manifest, line: Statement) -> None:
    """Put other words in the place of a statement, as forgetting does; inside writing()."""
    manifest.db.execute(
        "UPDATE statements SET kind = ?, what = ?, undoes = ? WHERE id = ?",
        [line.kind, _what(line), line.undoes, line.id],
    )


def lines_of(manifest: Manifest, id: int) -> Lines:
    """By shard the lines of its log that are of a statement."""
    row = manifest.db.execute("SELECT lines FROM statements WHERE id = ?", [id]).fetchone()
    return {} if row is None else {int(shard): ids for shard, ids in json.loads(row[0]).items()}


def put_lines(manifest: Manifest, id: int, lines: Lines) -> None:
    """State by shard the lines of its log that are of a statement; inside writing()."""
    manifest.db.execute("UPDATE statements SET lines = ? WHERE id = ?", [_written(lines), id])


def last(manifest: Manifest) -> int:
    """The last number that a statement got."""
    row = manifest.db.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'statements'"
    ).fetchone()
    return 0 if row is None else int(row[0])


def heard(manifest: Manifest) -> dict[int, int]:
    """By shard the last line of its log that is known."""
    return dict(manifest.db.execute("SELECT shard, line FROM heard").fetchall())


def hear_to(manifest: Manifest, shard: int, line: int) -> None:
    """A shard's log is known up to that line; inside writing()."""
    manifest.db.execute(
        "INSERT INTO heard (shard, line) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET line = max(line, excluded.line)",
        [shard, line],
    )


def said_since(collection: Collection, line: int) -> tuple[int, list[Statement]]:
    """A question: the last line of a shard's log, and all behind one."""
    with reading(collection.db):
        last_of_all = last_line(collection.db)
        new = log.lines(collection.db, after=line) if last_of_all > line else []
        return last_of_all, new


def hear(manifest: Manifest, new: dict[int, tuple[int, list[Statement]]]) -> None:
    """Make what was said in shards part of the cluster's log; inside coordinating().

    new  by shard what said_since() told
    """
    if all(last_of_all <= heard(manifest).get(shard, 0) for shard, (last_of_all, _) in new.items()):
        return
    with manifest.writing():
        statement_of = _statements_of(manifest) if _undoes(new) else {}
        told = [
            (line.said_at, shard, line)
            for shard, (_, lines) in new.items()
            for line in lines
            if line.faces or line.others or line.undoes is not None
        ]
        number = last(manifest)
        for _, shard, line in sorted(told, key=lambda one: (one[0], one[1], one[2].id)):
            undone = None
            if line.undoes is not None:
                undone = statement_of.get((shard, line.undoes))
                if undone is None:
                    continue  # of what the cluster said itself, or forgotten since
            number += 1
            statement_of[shard, line.id] = number
            add(manifest, _of_cluster(line, shard, number, undone), {shard: [line.id]})
        for shard, (last_of_all, _) in new.items():
            hear_to(manifest, shard, last_of_all)


def tell_names(
    db: Database, persons: Iterable[tuple[int, str | None, int]], held: Held | None = None
) -> None:
    """Let a shard's log say what some persons are called, where it does not; inside a transaction.

    The lines name no faces: whose those are was said elsewhere, or is thought.
    held  what the log says of these persons at least, where that is known
    """
    held = held or replay(db)
    counting = log.active(held.every)
    for id, name, ignored in persons:
        was_ignored = id in held.ignored
        if held.names.get(id) != name:
            log.add(db, "name", person_id=id, name=name)
            was_ignored = was_ignored and name is None
        if ignored and not was_ignored:
            log.add(db, "ignore", person_id=id)
        elif was_ignored and not ignored:
            for line in held.every:
                about = line.person_id is not None and held.become(line.person_id) == id
                if line.kind == "ignore" and about and line.id in counting:
                    log.add(db, "undo", undoes=line.id)


def fill(db: Database, every: Iterable[Statement]) -> None:
    """Put statements into a catalog's log, with their numbers."""
    db.conn.executemany(
        f"INSERT INTO statements ({', '.join(log.COLUMNS)}) VALUES "
        f"({', '.join('?' * len(log.COLUMNS))})",
        (row_of(line) for line in every),
    )


def row_of(line: Statement) -> list[Any]:
    """A line as the COLUMNS of a log hold it."""
    return [
        line.id, line.said_at, line.kind, line.person_id, line.other_id, line.name,
        refs.written(line.faces), refs.written(line.others), line.undoes, line.source,
        log.write_moves(line.moved),
    ]  # fmt: skip


def with_faces(line: Statement, change: Callable[[int], int | None]) -> Statement:
    """A line whose moved faces have other ids; those of which there is none are left out."""
    moved = []
    for whose, by, now, faces in line.moved:
        kept = tuple(id for face in faces if (id := change(face)) is not None)
        if kept:
            moved.append((whose, by, now, kept))
    return replace(line, moved=tuple(moved))


def _of_cluster(line: Statement, shard: int, number: int, undone: int | None) -> Statement:
    found = with_faces(line, lambda face: of_cluster(shard, face))
    return replace(found, id=number, undoes=undone)


def _statements_of(manifest: Manifest) -> dict[tuple[int, int], int]:
    """By shard and line the statement that it is of."""
    return {
        (int(shard), line): id
        for id, lines in manifest.db.execute("SELECT id, lines FROM statements")
        for shard, some in json.loads(lines).items()
        for line in some
    }


def _undoes(new: dict[int, tuple[int, list[Statement]]]) -> bool:
    return any(line.undoes is not None for _, lines in new.values() for line in lines)


def _written(lines: Lines) -> str:
    return json.dumps({str(shard): some for shard, some in sorted(lines.items()) if some})


def _what(line: Statement) -> str:
    _, _, _, person, other, name, faces, others, _, source, moved = row_of(line)
    return json.dumps([person, other, name, faces, others, source, moved])


def _read(id: int, said_at: str, kind: Any, what: str, undoes: int | None) -> Statement:
    person, other, name, faces, others, source, moved = json.loads(what)
    return log.read_line(
        (id, said_at, kind, person, other, name, faces, others, undoes, source, moved)
    )
