"""What was said in a view, written into the cluster's log and into the shards that it is about.

First the manifest states, in one transaction, what is to be written in each shard; then each shard
is told. Being told twice changes nothing more: lines come with their numbers. So what a coordinator
that died has begun the next one finishes, before it does anything else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.people import connected, log, numbering
from retrieve.indexes.cluster.people.gathering import last_line
from retrieve.indexes.cluster.people.projecting import projected
from retrieve.indexes.cluster.people.view import View
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import log as shard_log
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.replay import replay
from retrieve.indexes.people.saying.connected import Lines, persons_of
from retrieve.indexes.people.saying.holding import Scope, apply, scope_of

WHAT = "people"  # in the manifest's table begun
# Of one shard: lines of its log, [id, whose, by, not a face] of its faces, [number, name, ignored]
# of persons who have faces there from then on.
Change = dict[str, list[Any]]


def write(collection: Collection, change: Change) -> None:
    """A question: let a shard's log, faces and persons be as they are to be."""
    db = collection.db
    with writing(db):
        db.conn.executemany(
            "INSERT OR IGNORE INTO persons (id) VALUES (?)", [[id] for id, *_ in change["persons"]]
        )
        db.conn.executemany(
            "UPDATE faces SET person_id = ?2, by = ?3, not_a_face = ?4 WHERE id = ?1 AND "
            "(person_id IS NOT ?2 OR by IS NOT ?3 OR not_a_face IS NOT ?4)",
            change["faces"],
        )
        marks = ", ".join("?" * len(shard_log.COLUMNS))
        db.conn.executemany(
            f"INSERT OR IGNORE INTO statements ({', '.join(shard_log.COLUMNS)}) VALUES ({marks})",
            change["lines"],
        )
        _let_hold(db, change)


def _let_hold(db: Database, change: Change) -> None:
    """Let hold what a shard was told, and its log say what its persons are called."""
    told = [shard_log.read_line(line) for line in change["lines"]]
    faces = [id for id, *_ in change["faces"]]
    persons = {id for id, *_ in change["persons"]} | {id for one in told for id in persons_of(one)}
    every = Lines(db)
    refs = {ref for line in told for ref in (*line.faces, *line.others)}
    part = every.about({*refs, *every.refs_of(faces)}, persons, [line.id for line in told])
    before = last_line(db)
    log.tell_names(db, change["persons"], replay(db, part))
    new = shard_log.lines(db, after=before) if last_line(db) > before else []
    scope = scope_of(db, [*part, *new], told)
    scope = Scope(scope.faces | set(faces), scope.persons | persons)
    apply(db, replay(db, [*part, *new]), scope)


def prepare(cluster: Asking) -> None:
    """What comes before anything is said or grouped: what a coordinator that died has begun is
    finished, persons whom shards made get numbers of the cluster, and what was said in shards is
    heard; inside coordinating(). Every shard has to answer.
    """
    connected.make(cluster.manifest)
    finish(cluster)
    numbering.settle(cluster)
    heard = log.heard(cluster.manifest)
    each = {one.number: (heard.get(one.number, 0),) for one in cluster.manifest.shards()}
    log.hear(cluster.manifest, cluster.ask(log.said_since, each=each).all())


def commit(cluster: Asking, view: View) -> None:
    """Write what was said in a view; inside coordinating().

    raises  CollectionError if a shard does not answer: the next coordinator tells it
    """
    manifest, db = cluster.manifest, view.db
    new = shard_log.lines(db, after=view.last)
    faces = {
        id: (whose, by, none)
        for id, whose, by, none in db.execute("SELECT id, person_id, by, not_a_face FROM faces")
        if id in view.faces
    }
    moved = {id: now for id, now in faces.items() if now != view.faces[id]}
    persons = {
        id: (name, ignored)
        for id, name, ignored in db.execute("SELECT id, name, ignored FROM persons")
    }
    touched = {id for line in new for id in persons_of(line)}
    touched |= {
        whose for id in moved for whose in (faces[id][0], view.faces[id][0]) if whose is not None
    }
    touched |= {id for id in view.asked & persons.keys() if persons[id] != view.persons.get(id)}
    changes, lines = _changes(cluster, view, new, faces, moved)
    for shard in _shards_of(faces, touched) | changes.keys():
        here = {whose for id, (whose, *_) in faces.items() if of_shard(id)[0] == shard}
        changes[shard]["persons"] = [[id, *persons[id]] for id in sorted(touched & here)]
    with manifest.writing():
        for line in new:
            log.add(manifest, line, lines[line.id], done=False)
        for shard, change in changes.items():
            if change["lines"]:
                log.hear_to(manifest, shard, change["lines"][-1][0])
        _suggest(manifest.db, view)
        (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'persons'").fetchone()
        manifest.new_persons(max(0, last + 1 - view.next_person))
        if changes:
            begin(manifest, changes, [line.id for line in new])
    finish(cluster)


def begin(manifest: Any, changes: dict[int, Change], said: list[int]) -> None:
    """State what is to be written in each shard; inside writing().

    said  the statements that hold when that is done
    """
    what = {"shards": {str(shard): change for shard, change in changes.items()}, "said": said}
    manifest.db.execute(
        "INSERT INTO begun (what, with_what) VALUES (?, ?)", [WHAT, json.dumps(what)]
    )


def finish(cluster: Asking) -> None:
    """Tell the shards what was begun; inside coordinating()."""
    manifest = cluster.manifest
    for id, text in manifest.db.execute(
        "SELECT id, with_what FROM begun WHERE what = ? ORDER BY id", [WHAT]
    ).fetchall():
        begun = json.loads(text)
        each = {int(shard): (change,) for shard, change in begun["shards"].items()}
        cluster.ask(write, each=each).all()
        with manifest.writing():
            manifest.db.execute("DELETE FROM begun WHERE id = ?", [id])
            manifest.db.conn.executemany(
                "UPDATE statements SET done = 1 WHERE id = ?", [[one] for one in begun["said"]]
            )


def _changes(
    cluster: Asking,
    view: View,
    new: list[Statement],
    faces: dict[int, tuple[int | None, str | None, int]],
    moved: dict[int, tuple[int | None, str | None, int]],
) -> tuple[dict[int, Change], dict[int, log.Lines]]:
    """What is to be written in each shard, and by statement the lines that are of it there."""
    photos: dict[int, set[str]] = defaultdict(set)
    for id, sha256 in view.db.execute("SELECT id, sha256 FROM contents"):
        photos[of_shard(id)[0]].add(sha256)
    known: dict[int, set[int]] = defaultdict(set)
    for some in (view.faces, faces):
        for id, (whose, *_) in some.items():
            if whose is not None:
                known[of_shard(id)[0]].add(whose)
    changes: dict[int, Change] = defaultdict(_nothing)
    for id, now in sorted(moved.items()):
        shard, own = of_shard(id)
        changes[shard]["faces"].append([own, *now])
    last = dict(view.last_line)
    lines: dict[int, dict[int, list[int]]] = {line.id: defaultdict(list) for line in new}
    for line in new:
        for shard in sorted(photos):
            parts = projected(line, shard, photos[shard], known[shard])
            if line.undoes is not None:
                undone = lines.get(line.undoes) or log.lines_of(cluster.manifest, line.undoes)
                parts = [
                    replace(parts[0], undoes=one, moved=parts[0].moved if i == 0 else ())
                    for i, one in enumerate(reversed(undone.get(shard, [])))
                ]
            for part in parts:
                last[shard] += 1
                changes[shard]["lines"].append(log.row_of(replace(part, id=last[shard])))
                lines[line.id][shard].append(last[shard])
    return changes, {id: dict(some) for id, some in lines.items()}


def _nothing() -> Change:
    return {"lines": [], "faces": [], "persons": []}


def _shards_of(faces: dict[int, Any], persons: set[int]) -> set[int]:
    return {of_shard(id)[0] for id, (whose, *_) in faces.items() if whose in persons}


def _suggest(db: Database, view: View) -> None:
    """The questions as they are in a view now."""
    now = {
        (one, other): score
        for one, other, score in view.db.execute(
            "SELECT person_id, other_id, score FROM suggestions"
        )
    }
    db.conn.executemany(
        "DELETE FROM suggestions WHERE person_id = ? AND other_id = ?",
        [list(pair) for pair in view.suggestions.keys() - now.keys()],
    )
    db.conn.executemany(
        "INSERT OR REPLACE INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)",
        [[*pair, score] for pair, score in now.items()],
    )
