"""The faces of all shards into people: all of them from nothing, or those that are new.

As in one collection (people/groups/settling.py), of which it takes all that decides; what differs
is where faces lie. Shards are written one by one. Who is killed in between leaves some of them
grouped anew and others as before; what people said holds in all of them, and the next coordinator
groups again from nothing (`begun` in the manifest).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import among, writing
from retrieve.indexes.catalog.filters import EVERYTHING
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.people.gallery import BLOCK_ROWS, Lying, Sharded, best_of
from retrieve.indexes.cluster.people.gathering import Row, named_here, seen_together
from retrieve.indexes.cluster.people.log import tell_names
from retrieve.indexes.cluster.people.view import Wanted, view
from retrieve.indexes.cluster.people.writing import prepare
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups import links
from retrieve.indexes.people.groups.attaching import NOBODY, Groups, Nearest, attach
from retrieve.indexes.people.groups.graph import Scores
from retrieve.indexes.people.groups.grouping import Grouping, group_of
from retrieve.indexes.people.groups.links import Rows
from retrieve.indexes.people.groups.persons import persons_of
from retrieve.indexes.people.groups.reading import LIVING, Stored, stored
from retrieve.indexes.people.groups.settling import (
    NEAR,
    Added,
    Counts,
    Question,
    Settled,
    known_in,
    last_settled,
    persons_at,
    refused_in,
    spoken_of,
)
from retrieve.indexes.people.groups.thresholds import Thresholds, thresholds_among
from retrieve.indexes.people.replay import Held, replay
from retrieve.types import Embeddings

GROUPING = "group"  # in the manifest's table begun: grouped from nothing by the next coordinator


@dataclass(frozen=True, slots=True, eq=False)
class Here:
    """The faces of a shard, those whose embeddings are what was written.

    faces  by ids of the shard
    lying  their embeddings; None before there are any
    held   rows of its vector file, dead ones too
    known  (H, 2) content and person, of the others in their photos of whom that is known
    """

    faces: Stored
    lying: Lying | None
    held: int
    known: Rows


def group(cluster: Asking) -> Settled:
    """Collection.group() of a Cluster."""
    manifest = cluster.manifest
    with cluster.changing():
        prepare(cluster)
        limits = _limits(cluster, required=True)
        every = _every(cluster, new=False)
        limits = limits(every)
        faces, gallery = _joined(every), _gallery(cluster, every)
        told = view(cluster, Wanted(every=True))
        held = replay(told.db)
        said = statements.links(told.db, set(faces.ids.tolist()))
        must, cannot = (np.searchsorted(faces.ids, pairs) for pairs in (said.must, said.cannot))
        groups = group_of(gallery, faces.quality, faces.photos, limits, must, cannot)
        named = _named(cluster)
        first = _foremost(named)
        questions = spoken_of(first, faces, gallery, groups)
        with manifest.writing():
            manifest.db.execute(
                "INSERT INTO begun (what, with_what) SELECT ?1, '{}' WHERE NOT EXISTS "
                "(SELECT 1 FROM begun WHERE what = ?1)",
                [GROUPING],
            )
            manifest.db.execute("DELETE FROM suggestions")
            ids = _persons(manifest, faces, groups, first)
        _write(cluster, every, ids[groups.labels], groups.attached, named)
        _suggest(cluster, [*_suggested(ids, groups), *questions], held)
        with manifest.writing():
            manifest.db.execute("DELETE FROM begun WHERE what = ?", [GROUPING])
        now = np.where(faces.said, faces.persons, ids[groups.labels])
        (asked,) = manifest.db.execute("SELECT count(*) FROM suggestions").fetchone()
        return Settled(
            len(faces),
            _counts(faces.persons),
            _counts(now),
            int(np.count_nonzero(now != faces.persons)),
            int(groups.attached.sum()),
            asked,
            limits,
        )


def settle_new(cluster: Asking) -> Added:
    """Attach or group the faces that no grouping has seen, over all shards; see
    people/groups/settling.settle_new(). At the end of indexing, and inside coordinating() or not.
    """
    manifest = cluster.manifest
    with manifest.coordinating():
        prepare(cluster)
        if manifest.db.execute("SELECT 1 FROM begun WHERE what = ?", [GROUPING]).fetchone():
            done = group(cluster)
            return Added(done.moved, done.attached, 0)
        limits = _limits(cluster, required=False)
        if limits is None:
            return Added()
        every = _every(cluster, new=True)
        faces, gallery = _joined(every), _gallery(cluster, every)
        if not len(faces):
            return Added()
        limits = limits(every)
        to = _attached(cluster, every, faces, gallery, limits)
        left = np.flatnonzero(to == NOBODY)
        groups = group_of(
            _only(cluster, every, to), faces.quality[left], faces.photos[left], limits
        )
        labels, by = np.empty(len(faces), np.int64), to != NOBODY
        labels[left] = groups.labels
        there = np.flatnonzero(to != NOBODY)
        labels[there] = len(faces) + np.unique(to[there], return_inverse=True)[1]
        by[left] = groups.attached
        labels = np.unique(labels, return_inverse=True)[1]  # the new groups first
        faces = Stored(faces.ids, faces.rows, faces.photos, faces.quality, to, faces.said)
        groups = Grouping(labels, by, groups.suggestions, groups.scores)
        named = _named(cluster)
        with manifest.writing():
            ids = _persons(manifest, faces, groups, _foremost(named))
        _write(cluster, every, ids[groups.labels], groups.attached, named)
        _suggest(cluster, list(_suggested(ids, groups)), None)
        return Added(len(faces), len(there), len(np.unique(labels[left])))


# Questions


def faces_here(collection: Collection, new: bool) -> Here:
    """A question: the living faces of a shard, or those that no grouping has seen."""
    opened = collection.opened
    space = opened.faces.space()
    if space is None:
        return Here(stored(opened.db).only(np.zeros(0, np.bool_)), None, 0, _NONE)

    def look() -> Here:
        faces = stored(opened.db, last_settled(opened.db) if new else 0)
        if new:
            faces = faces.only(faces.persons == NOBODY)
        whole = np.ones(len(faces), np.bool_)
        for start in range(0, len(faces), BLOCK_ROWS):
            rows = faces.rows[start : start + BLOCK_ROWS]
            whole[start : start + len(rows)] = opened.engine.sound(rows)
        faces = faces.only(whole)
        known = known_in(opened.db, np.unique(faces.photos)) if new else _NONE
        now = opened.space()
        lying = Lying(opened.faces.file(now).path, now.dim, faces.rows)
        return Here(faces, lying, now.rows, known)

    return opened.consistently(look)


def near_here(
    collection: Collection, probes: Embeddings, least: float, without: Rows
) -> tuple[Scores, Rows]:
    """A question: scores (Q, k) and persons of the faces of a shard that are nearest to probes.

    without  rows of the shard that are left out
    returns  NOBODY for a face that scores less, or is nobody's
    """
    opened = collection.opened
    if opened.faces.space() is None:
        return np.empty((len(probes), 0), np.float32), np.empty((len(probes), 0), np.int64)
    keep = np.ones(opened.space().rows, np.bool_)
    hidden = opened.findable(EVERYTHING)
    if hidden is not None:
        keep &= hidden
    keep[without] = False
    scores, rows = opened.engine.nearest(probes, NEAR, keep=keep)
    person_at = persons_at(opened.db, np.unique(rows))
    of = np.array([person_at.get(row, NOBODY) for row in rows.ravel().tolist()], np.int64)
    of = of.reshape(rows.shape)
    of[scores < least] = NOBODY
    return scores, of


def sums_here(
    collection: Collection, persons: Rows
) -> tuple[Rows, NDArray[np.float64], Rows] | None:
    """A question: who of some persons has living faces in a shard, (P, D) sums of their embeddings
    and (P,) how many; None where nobody has.
    """
    opened = collection.opened
    query = f"SELECT person_id, row FROM faces {LIVING} AND person_id"
    found = np.array(among(opened.db, query, persons.tolist()), np.int64).reshape(-1, 2)
    if not len(found):
        return None
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    ids, starts, sizes = np.unique(found[:, 0], return_index=True, return_counts=True)
    rows = opened.engine.embeddings(found[:, 1]).astype(np.float64)
    return ids, np.add.reduceat(rows, starts, axis=0), sizes


def put(
    collection: Collection, ids: Rows, persons: Rows, attached: NDArray[np.bool_], named: list[Row]
) -> None:
    """A question: let faces of a shard be whose a grouping says they are.

    named  everybody with a name, or whom nobody is to ask about
    """
    db = collection.db
    by = np.where(attached, "attached", "group")
    with writing(db):
        db.conn.executemany(
            "INSERT OR IGNORE INTO persons (id) VALUES (?)",
            [[id] for id in np.unique(persons).tolist()],
        )
        db.conn.executemany(
            "UPDATE faces SET person_id = ?1, by = ?2 WHERE id = ?3 AND by IS NOT 'human' "
            "AND (person_id IS NOT ?1 OR by IS NOT ?2)",
            zip(persons.tolist(), by.tolist(), ids.tolist(), strict=True),
        )
        here = {
            id for (id,) in db.execute("SELECT DISTINCT person_id FROM faces") if id is not None
        }
        tell_names(db, [(id, name, ignored) for id, name, _, ignored in named if id in here])
        statements.apply(db)
        db.execute("DELETE FROM suggestions")  # they are the cluster's


# Of all shards

_NONE: Rows = np.empty((0, 2), np.int64)


def _limits(cluster: Asking, *, required: bool) -> Any:
    """What gives the thresholds for all faces; None where nobody measured how strangers score.

    required  raise where there is nothing to group, or that
    """
    space = cluster.space("faces")
    if space is None:
        if required:
            raise CollectionError(
                f"no photo was indexed into {cluster.path} yet: retrieve index FOLDER"
            )
        return None
    made_by = space.made_by
    found = calibration.find(
        made_by["embedder_sha256"], made_by["detector"], made_by["detector_sha256"]
    )
    if required:
        found = calibration.required(found, made_by["embedder"])
    if found is None or found.strangers is None:
        return None
    told = found

    def limits(every: dict[int, Here]) -> Thresholds:
        return thresholds_among(told, max(sum(one.held for one in every.values()), 1))

    return limits


def _every(cluster: Asking, *, new: bool) -> dict[int, Here]:
    found: dict[int, Here] = cluster.ask(faces_here, new).all()
    return found


def _joined(every: dict[int, Here]) -> Stored:
    """All faces by the cluster's ids; rows count in the gallery."""
    parts = [(shard, one.faces) for shard, one in sorted(every.items())]

    def column(name: str, kind: Any, *, of: bool = False) -> Any:
        return np.concatenate(
            [getattr(one, name) + (of_cluster(shard, 0) if of else 0) for shard, one in parts]
            or [np.empty(0, kind)]
        ).astype(kind)

    ids = column("ids", np.int64, of=True)
    return Stored(
        ids,
        np.arange(len(ids)),
        column("photos", np.int64, of=True),
        column("quality", np.float32),
        column("persons", np.int64),
        np.concatenate([one.said for _, one in parts] or [np.empty(0, np.bool_)]),
    )


def _gallery(cluster: Asking, every: dict[int, Here]) -> Sharded:
    lying = [one.lying for _, one in sorted(every.items()) if one.lying is not None]
    return Sharded(lying, cluster.engine_of_tasks)


def _only(cluster: Asking, every: dict[int, Here], to: Rows) -> Sharded:
    """The gallery of the faces that are attached to nobody."""
    lying, first = [], 0
    for _, one in sorted(every.items()):
        if one.lying is not None:
            which = np.flatnonzero(to[first : first + len(one.faces)] == NOBODY)
            lying.append(one.lying.only(which, 0))
            first += len(one.faces)
    return Sharded(lying, cluster.engine_of_tasks)


def _named(cluster: Asking) -> list[Row]:
    """Everybody with a name, or whom nobody is to ask about; all shards say the same of one."""
    found: dict[int, Row] = {}
    for rows in cluster.ask(named_here).all().values():
        for row in rows:
            found.setdefault(row[0], row)
    return sorted(found.values(), key=lambda row: int(row[0]))


def _foremost(named: Iterable[Row]) -> Rows:
    """As people/groups/settling.foremost()."""
    found = sorted(named, key=lambda row: (row[1] is None, row[0]))
    return np.array([row[0] for row in found], np.int64)


def _persons(manifest: Any, faces: Stored, groups: Grouping, first: Rows) -> Rows:
    """The persons of the groups, with new numbers for who is new; inside writing()."""
    ids = persons_of(groups.labels, faces.persons, faces.said, first)
    new = np.flatnonzero(ids == NOBODY)
    ids[new] = np.array(manifest.new_persons(len(new)), np.int64)
    return ids


def _write(
    cluster: Asking,
    every: dict[int, Here],
    persons: Rows,
    attached: NDArray[np.bool_],
    named: list[Row],
) -> None:
    first, each = 0, {}
    for shard, one in sorted(every.items()):
        free = ~one.faces.said
        mine = slice(first, first + len(one.faces))
        each[shard] = one.faces.ids[free], persons[mine][free], attached[mine][free], named
        first += len(one.faces)
    cluster.ask(put, each=each).all()


def _attached(
    cluster: Asking, every: dict[int, Here], faces: Stored, gallery: Sharded, limits: Thresholds
) -> Rows:
    """(N,) the person that each new face is attached to, or NOBODY."""
    scores, of = [], []
    without = {shard: one.faces.rows for shard, one in every.items()}
    probes = gallery.embeddings(np.arange(len(gallery)))
    for start in range(0, len(probes), BLOCK_ROWS):
        block = probes[start : start + BLOCK_ROWS]
        least = limits.average - limits.margin
        each = {shard: (block, least, rows) for shard, rows in without.items()}
        found = cluster.ask(near_here, each=each).all()
        near = best_of(
            np.concatenate([one for one, _ in found.values()], axis=1),
            np.concatenate([one for _, one in found.values()], axis=1),
            NEAR,
        )
        scores.append(near[0])
        of.append(near[1])
    width = min(one.shape[1] for one in of)
    near_to = np.concatenate([one[:, :width] for one in of])
    if not (near_to != NOBODY).any():
        return np.full(len(faces), NOBODY, np.int64)
    groups = _groups(cluster, np.unique(near_to[near_to != NOBODY]), probes.shape[1])
    known = [
        one.known + np.array([of_cluster(shard, 0), 0])
        for shard, one in every.items()
        if len(one.known)
    ]
    refused = refused_in(faces.photos, np.concatenate(known or [_NONE]))
    apart = links.pairs_within(faces.photos)
    nearest = Nearest(near_to, np.concatenate([one[:, :width] for one in scores]))
    return attach(probes, nearest, groups, limits, refused, apart)


def _groups(cluster: Asking, persons: Rows, dim: int) -> Groups:
    """The means of all living faces of some persons."""
    sums, sizes = np.zeros((len(persons), dim)), np.zeros(len(persons), np.int64)
    for found in cluster.ask(sums_here, persons).all().values():
        if found is not None:
            ids, some, counts = found
            at = np.searchsorted(persons, ids)
            sums[at] += some
            sizes[at] += counts
    return Groups(persons, (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32))


def _suggested(ids: Rows, groups: Grouping) -> Iterable[Question]:
    pairs = np.sort(ids[groups.suggestions], axis=1)
    return [
        (one, other, score)
        for (one, other), score in zip(pairs.tolist(), groups.scores.tolist(), strict=True)
    ]


def _suggest(cluster: Asking, asked: list[Question], held: Held | None) -> None:
    """Put questions to the others, but of two whom one photo shows or who were said to be two.

    held  what people said, where it may say so
    """
    pairs = [(one, other) for one, other, _ in asked]
    if not pairs:
        return
    known = {pair for _, found in cluster.ask(seen_together, pairs) for pair in found}
    if held is not None:
        known |= held.parted()
    with cluster.manifest.writing():
        cluster.manifest.db.conn.executemany(
            "INSERT OR REPLACE INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)",
            [one for one in asked if one[:2] not in known],
        )


def _counts(persons: Rows) -> Counts:
    """Who there is among faces."""
    _, counts = np.unique(persons[persons != NOBODY], return_counts=True)
    return Counts(len(counts), int((counts > 1).sum()), int((persons == NOBODY).sum()))
