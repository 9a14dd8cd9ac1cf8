"""What is worth asking over all shards: the questions stand in the manifest (people/review.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Those
from collections.abc import Sequence

import numpy as np

from retrieve.faces import calibration
from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.people.gathering import seen_together
from retrieve.indexes.collection import Collection
from retrieve.indexes.people.groups.reading import LIVING
from retrieve.indexes.people.review import (
    COMPARED,
    Named,
    Pair,
    Question,
    Side,
    best_rows,
    chance_among,
    faces_of,
    in_order,
    least_alike,
    side_at,
)
from retrieve.types import Embeddings

# Faces of a person in one shard: id, quality and embedding of each, the best first.
Faces = tuple[list[int], list[float], Embeddings]


def questions(cluster: Asking, *, most: int, skipped: Those[Pair] = ()) -> list[Question]:
    """As people/review.questions(); raises CollectionError if a shard does not answer."""
    suggestions = cluster.manifest.db.execute(
        "SELECT person_id, other_id, score FROM suggestions ORDER BY person_id, other_id"
    ).fetchall()
    if not suggestions:
        return []
    persons = sorted({id for one, other, _ in suggestions for id in (one, other)})
    counted: Counter[int] = Counter()
    named: dict[int, Named] = {}
    for here in cluster.ask(sizes_here, persons).all().values():
        for id, name, ignored, faces in here:
            counted[id] += faces
            named[id] = name, bool(ignored)
    pairs = [(one, other) for one, other, _ in suggestions]
    known = {pair for seen in cluster.ask(seen_together, pairs).all().values() for pair in seen}
    open_ = [one for one in suggestions if one[:2] not in known]
    everybody = set[int]().union(*cluster.ask(numbers_here).all().values())
    told = _told(cluster)
    asked: list[Question] = []
    for settles, score, one, other in in_order(open_, counted, named):
        if (one, other) in skipped:
            continue
        if len(asked) == most:
            break
        sides = _sides(cluster, one, other, counted)
        if sides is None:
            continue  # nothing of one of them is whole
        probability = (
            None if told is None else chance_among(told.probability(score), len(everybody))
        )
        asked.append(Question(*sides, score, probability, settles))
    return asked


def doubted(cluster: Asking, person_id: int, *, most: int) -> list[tuple[int, float]]:
    """As people/review.doubted()."""
    ids: list[int] = []
    rows: list[Embeddings] = []
    for shard, (own, embeddings) in cluster.ask(faces_here, person_id).some().items():
        ids += [of_cluster(shard, id) for id in own]
        rows += list(embeddings)
    if not rows:
        return []
    return least_alike(np.array(ids, np.int64), np.stack(rows), most=most)


def _told(cluster: Asking) -> calibration.Calibration | None:
    space = cluster.space("faces")
    if space is None:
        return None
    made_by = space.made_by
    return calibration.find(
        made_by["embedder_sha256"], made_by["detector"], made_by["detector_sha256"]
    )


def _sides(
    cluster: Asking, one: int, other: int, counted: Counter[int]
) -> tuple[Side, Side] | None:
    """Both, each with the face of theirs that is nearest to the other."""
    ids: list[list[int]] = [[], []]
    quality: list[list[float]] = [[], []]
    rows: list[list[Embeddings]] = [[], []]
    for shard, both in cluster.ask(best_here, (one, other)).all().items():
        for i, (own, how_good, some) in enumerate(both):
            ids[i] += [of_cluster(shard, id) for id in own]
            quality[i] += how_good
            rows[i] += list(some)
    if not (ids[0] and ids[1]):
        return None
    best = [np.lexsort((np.array(ids[i]), -np.array(quality[i])))[:COMPARED] for i in (0, 1)]
    mine, theirs = (np.stack(rows[i])[best[i]] for i in (0, 1))
    at = np.unravel_index(int(np.argmax(mine @ theirs.T)), (len(mine), len(theirs)))
    first, second = (
        _side(cluster, ids[i][best[i][at[i]]], counted[person])
        for i, person in enumerate((one, other))
    )
    return first, second


def _side(cluster: Asking, face: int, faces: int) -> Side:
    shard, own = of_shard(face)
    return cluster.ask(side_here, own, face, faces, of=[shard]).all()[shard]


def sizes_here(
    collection: Collection, persons: Sequence[int]
) -> list[tuple[int, str | None, int, int]]:
    """A question: number, name, ignored and living faces of some persons whom a shard has."""
    db = collection.db
    with reading(db):
        faces = dict(
            among(
                db,
                "SELECT person_id, n FROM (SELECT person_id, count(*) AS n FROM faces "
                f"{LIVING} AND person_id IS NOT NULL GROUP BY person_id) WHERE person_id",
                persons,
            )
        )
        found = among(db, "SELECT id, name, ignored FROM persons WHERE id", persons)
        return [(id, name, ignored, faces.get(id, 0)) for id, name, ignored in found]


def numbers_here(collection: Collection) -> set[int]:
    """A question: the numbers of everybody in a shard."""
    return {id for (id,) in collection.db.execute("SELECT id FROM persons")}


def faces_here(collection: Collection, person: int) -> tuple[list[int], Embeddings]:
    """A question: the ids and embeddings of all faces of somebody in a shard."""
    with reading(collection.db):
        ids, embeddings = faces_of(collection.opened, person)
    return ids.tolist(), embeddings


def best_here(collection: Collection, persons: Sequence[int]) -> list[Faces]:
    """A question: of each of some persons the best faces in a shard that are what was written."""
    opened = collection.opened
    with reading(opened.db):
        found: list[Faces] = []
        for person in persons:
            rows = best_rows(opened, person)
            if not len(rows):
                found.append(([], [], np.empty((0, 0), np.float32)))
                continue
            at = {
                row: (id, quality)
                for row, id, quality in among(
                    opened.db, "SELECT row, id, quality FROM faces WHERE row", rows.tolist()
                )
            }
            ids, quality = zip(*(at[row] for row in rows.tolist()), strict=True)
            found.append((list(ids), list(quality), opened.engine.embeddings(rows)))
        return found


def side_here(collection: Collection, own: int, id: int, faces: int) -> Side:
    """A question: a face of a shard as a side of a question.

    id     in the cluster
    faces  of the person in all shards
    """
    (row, person) = collection.db.execute(
        "SELECT row, person_id FROM faces WHERE id = ?", [own]
    ).fetchone()
    return side_at(collection.opened, person, row, id=id, faces=faces)
