"""Small shards merged into one, which takes the place of the largest of them.

Each shard's server makes a copy of it, while searches go on; the others' rows are poured into the
copy of the first, whose ids stay. The cluster's log is projected onto the new shard, and the faces
have to be whose they were. Then one transaction of the manifest names it instead of all: before it
nothing has changed, after it everything, and whoever dies leaves folders that nobody names, which
the next coordinator overwrites and removes (copies/replacing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.indexing.task import Seen, seen
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.begun import REPLACING, STALE
from retrieve.indexes.cluster.life.copies import replacing
from retrieve.indexes.cluster.life.copies.refreshing import AGAIN
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.life.forgetting import forget
from retrieve.indexes.cluster.life.merging.pouring import Ids, pour
from retrieve.indexes.cluster.manifest import Manifest, Shard
from retrieve.indexes.cluster.people import log
from retrieve.indexes.cluster.people.gathering import last_line
from retrieve.indexes.cluster.people.projecting import projected
from retrieve.indexes.cluster.people.writing import prepare
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.people.log import Statement

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking

SEGMENT_FILES = 5_000  # as of an index run (indexing/index.py)
LARGE = 20  # segments: a lost machine costs that much, and a backup copies it whole
COUNTED = ("contents", "faces", "crops", "passages", "pictures")


@dataclass(frozen=True, slots=True)
class Merge:
    """Shards that are made one.

    into    the number that stays, and with it the ids of its faces and photos
    shards  all of them, that one too
    files   of all
    """

    into: int
    shards: list[int]
    files: int


Left = list[tuple[Merge, str]]  # what could not be merged, and why


def small(shards: Sequence[Shard], segment_files: int = SEGMENT_FILES) -> list[Merge]:
    """Which shards to merge: those of less than half a segment's files, neighbours by their paths
    together, until a segment is full.
    """
    groups: list[list[Shard]] = [[]]
    for one in sorted(shards, key=lambda one: (one.first, one.number)):
        if 2 * one.files >= segment_files:
            continue
        if sum(each.files for each in groups[-1]) + one.files > segment_files:
            groups.append([])
        groups[-1].append(one)
    found = []
    for group in groups:
        if len(group) > 1:
            largest = max(group, key=lambda one: (one.files, -one.number))
            numbers = sorted(one.number for one in group)
            found.append(Merge(largest.number, numbers, sum(one.files for one in group)))
    return found


def large(shards: Sequence[Shard], segment_files: int = SEGMENT_FILES) -> list[Shard]:
    """Those of many times a segment's files; none where that is 0. Nothing splits them."""
    return [one for one in shards if 0 < LARGE * segment_files < one.files]


def merge_all(cluster: Asking, wanted: Sequence[Merge]) -> tuple[list[Merge], Left]:
    """Merge, one after another; inside coordinating(). Returns what is merged, and what could not
    be, with the reason: nothing has changed there.
    """
    done: list[Merge] = []
    left: Left = []
    for each in wanted:
        try:
            merge(cluster, each)
        except CollectionError as error:
            left.append((each, str(error)))
        else:
            done.append(each)
    return done, left


def merge(cluster: Asking, what: Merge) -> None:
    """Make one shard of several; inside coordinating().

    raises  CollectionError if one does not answer, was written to meanwhile, has still to forget
            something, or the new shard would not hold what they hold: nothing has changed then
    """
    manifest = cluster.manifest
    # It is known by shard and copy where that is left to be done.
    forget.check_done(manifest, what.shards)
    prepare(cluster)
    ones = {one.number: one for one in manifest.shards() if one.number in what.shards}
    target = _beside(ones[what.into].folder)
    to = {what.into: target} | {
        n: target.with_name(f".{target.name}.merging-{n:04}") for n in ones if n != what.into
    }
    ids = []
    for shard, folder in to.items():
        replacing.wipe(manifest.placed(shard, folder))
        manifest.acknowledge(shard, folder)
        with manifest.writing():
            ids.append(begun.begin(manifest, REPLACING, _of(manifest, ones[shard], folder)))
    try:
        copied = cluster.servers.ask(
            replacing.copied, each={shard: (str(folder),) for shard, folder in to.items()}
        ).all()
        made = _made(manifest, what, to)
        if cluster.servers.ask(state, of=to).all() != copied:
            raise CollectionError(
                f"shards {what.shards} were changed by somebody while they were merged, and are "
                "what they were: end who writes to them, and run again"
            )
        with manifest.writing():
            ids += _enter(manifest, what, ones, target, made)
    finally:
        cluster.forget_servers()
        for one in begun.all_begun(manifest, REPLACING):
            if one.id in ids:
                replacing.finish(manifest, one)


@dataclass(frozen=True, slots=True)
class _Made:
    """The new shard.

    faces     by shard the new ids of its faces; None: as they were
    lines     by statement those of its log
    changed   statements that name other ids of faces now
    last      line of its log
    """

    seen: Seen
    faces: dict[int, Ids | None]
    lines: dict[int, list[int]]
    changed: list[Statement]
    last: int


def _made(manifest: Manifest, what: Merge, to: Mapping[int, Path]) -> _Made:
    """Pour all into the copy of the first, and let its log be the cluster's of its faces."""
    faces: dict[int, Ids | None] = {what.into: None}
    with ExitStack() as stack:
        whole = stack.enter_context(open_collection(to[what.into]))
        parts = {n: stack.enter_context(open_collection(to[n])) for n in to if n != what.into}
        wanted = {
            name: sum(_count(one, name) for one in (whole, *parts.values())) for name in COUNTED
        }
        spoken = _persons_spoken_of([whole.db, *(one.db for one in parts.values())])
        for number, part in parts.items():
            part.texts.renew_words()
            with writing(whole.db):
                faces[number] = pour(part, whole)
        held = {name: _count(whole, name) for name in COUNTED}
        if held != wanted:
            raise CollectionError(
                f"shards {what.shards} were not merged: they hold {wanted}, and together it would "
                f"be {held}. See what is wrong with them: retrieve check"
            )
        with writing(whole.db):
            lines, changed = _put_log(manifest, what, whole.db, faces, spoken)
        whole.opened.make_indexes()
        return _Made(seen(whole, 0), faces, lines, changed, last_line(whole.db))


def _put_log(
    manifest: Manifest, what: Merge, db: Database, faces: Mapping[int, Ids | None], spoken: set[int]
) -> tuple[dict[int, list[int]], list[Statement]]:
    """The cluster's log, of what the new shard holds."""

    def now(face: int) -> int | None:
        shard, id = of_shard(face)
        if shard not in faces:
            return face
        ids = faces[shard]
        mine = id if ids is None else ids.get(id)
        return None if mine is None else of_cluster(what.into, mine)

    whose = "SELECT id, person_id, by, not_a_face FROM faces ORDER BY id"
    before = db.execute(whose).fetchall()
    photos = {sha256 for (sha256,) in db.execute("SELECT sha256 FROM contents")}
    persons = {id for _, id, *_ in before if id is not None} | spoken
    following = last_line(db) + 1
    db.execute("DELETE FROM statements")
    lines: dict[int, list[int]] = {}
    changed: list[Statement] = []
    for line in log.statements(manifest):
        said = log.with_faces(line, now)
        if said != line:
            changed.append(said)
        parts = projected(said, what.into, photos, persons)
        if said.undoes is not None:
            undone = lines.get(said.undoes, [])
            parts = [
                replace(parts[0], undoes=one, moved=parts[0].moved if i == 0 else ())
                for i, one in enumerate(reversed(undone))
            ]
        lines[line.id] = list(range(following, following + len(parts)))
        log.fill(db, (replace(one, id=following + i) for i, one in enumerate(parts)))
        following += len(parts)
    log.tell_names(db, db.execute("SELECT id, name, ignored FROM persons").fetchall())
    statements.apply(db)
    if db.execute(whose).fetchall() != before:
        raise CollectionError(
            f"shards {what.shards} were not merged: what was said of their faces would not hold "
            "any more. See what is wrong with them: retrieve check"
        )
    return lines, changed


def _enter(
    manifest: Manifest, what: Merge, ones: Mapping[int, Shard], target: Path, made: _Made
) -> list[int]:
    """Let the manifest name the new shard instead of all; inside writing(). Returns what is begun:
    folders that go.
    """
    db, into = manifest.db, what.into
    ids = []
    for number, one in ones.items():
        if number == into:
            for copy in range(1, len(one.folders)):  # until it is brought up
                begun.begin(manifest, STALE, {"shard": into, "copy": copy})
            continue
        for copy, folder in enumerate(one.folders):
            of = _of(manifest, one, None, copy=copy, source=folder)
            ids.append(begun.begin(manifest, REPLACING, of))
            manifest.drop_copy(number, copy)
        for table in ("ranges", "contents", "elsewhere"):
            db.execute(f"UPDATE {table} SET shard = ? WHERE shard = ?", [into, number])
    manifest.put_copy(into, 0, target)
    _join_ranges(manifest)
    for line in made.changed:
        log.rewrite(manifest, line)
    rows = db.execute("SELECT id, lines FROM statements").fetchall()
    for id, text in rows:
        kept = {int(n): some for n, some in json.loads(text).items() if int(n) not in ones}
        if made.lines[id]:
            kept[into] = made.lines[id]
        log.put_lines(manifest, id, kept)
    db.conn.executemany("DELETE FROM shards WHERE number = ?", ([n] for n in ones if n != into))
    log.hear_to(manifest, into, made.last)
    db.execute(
        "UPDATE shards SET files = ?, last = ? WHERE number = ?",
        [made.seen.files, made.seen.last, into],
    )
    return ids


def _join_ranges(manifest: Manifest) -> None:
    """Leave out where a range begins that is of the same shard as the one before."""
    before = None
    for first, shard in manifest.db.execute(
        "SELECT first, shard FROM ranges ORDER BY first"
    ).fetchall():
        if shard == before:
            manifest.db.execute("DELETE FROM ranges WHERE first = ?", [first])
        before = shard


def _persons_spoken_of(dbs: Iterable[Database]) -> set[int]:
    query = "SELECT person_id FROM statements UNION SELECT other_id FROM statements"
    return {id for db in dbs for (id,) in db.execute(query) if id is not None}


def _count(collection: Collection, table: str) -> int:
    return int(collection.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _of(
    manifest: Manifest, one: Shard, to: Path | None, *, copy: int = 0, source: Path | None = None
) -> dict[str, Any]:
    return {
        "shard": one.number,
        "copy": copy,
        "from": replacing.text_of(manifest, source or one.folder),
        "to": replacing.text_of(manifest, to),
    }


def _beside(folder: Path) -> Path:
    """Another name for the folder of a shard, which is not there."""
    stem = folder.name.removesuffix(AGAIN)
    return folder.with_name(stem if folder.name != stem else stem + AGAIN)
