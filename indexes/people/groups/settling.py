"""The faces of a collection into people: all of them from nothing, or those that are new.

Computed of one view of the catalog and written in one transaction: who is killed in between leaves
everything as it was. What a person said of a face is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.faces import calibration
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.opened import Opened
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups import links
from retrieve.indexes.people.groups.attaching import NOBODY, Groups, Nearest, attach
from retrieve.indexes.people.groups.gallery import Gallery, Held
from retrieve.indexes.people.groups.graph import Scores
from retrieve.indexes.people.groups.grouping import Grouping, group
from retrieve.indexes.people.groups.links import Rows
from retrieve.indexes.people.groups.persons import persons_of
from retrieve.indexes.people.groups.reading import (
    LIVING,
    SEEN_TOGETHER,
    Stored,
    alone_or_again,
    embeddings_of,
    stored,
)
from retrieve.indexes.people.groups.thresholds import Thresholds, thresholds_among
from retrieve.types import Embeddings

# Stored faces that a new one is compared with, beside all faces of their persons: as many as a
# search finds among the fewest candidates.
NEAR = 16

Question = tuple[int, int, float]  # two persons who may be one, the lower id first, and the score


@dataclass(frozen=True, slots=True)
class Counts:
    """Of living faces.

    persons  of whom there is a face
    several  of them have two faces or more
    unknown  faces of nobody
    """

    persons: int
    several: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the faces of a collection.

    faces      that were looked at
    moved      of them are another person's now
    attached   of them were attached to groups that others made
    questions  pairs of persons that may be one, to ask a person about
    """

    faces: int
    before: Counts
    after: Counts
    moved: int
    attached: int
    questions: int
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Added:
    """What became of new faces.

    faces     that have a person now and had none
    attached  of them were attached to persons there were
    persons   that are new
    """

    faces: int = 0
    attached: int = 0
    persons: int = 0


def group_all(opened: Opened) -> Settled:
    """Group all living faces from nothing; ids of persons survive by largest overlap.

    raises  CollectionError if no photo was indexed, BadInput if nobody measured how strangers
            score with its networks
    """
    settled: list[Settled] = []

    def compute() -> tuple[Stored, Grouping, Thresholds, list[Question]]:
        limits = _limits(opened)
        faces, embeddings = embeddings_of(opened, stored(opened.db))
        said = statements.links(opened.db, set(faces.ids.tolist()))
        must, cannot = (np.searchsorted(faces.ids, pairs) for pairs in (said.must, said.cannot))
        groups = group(embeddings, faces.quality, faces.photos, limits, must, cannot)
        first, gallery = foremost(opened.db), Held(embeddings)
        return faces, groups, limits, spoken_of(first, faces, gallery, groups)

    def write(found: tuple[Stored, Grouping, Thresholds, list[Question]]) -> None:
        faces, groups, limits, spoken_of = found
        before = counts(opened.db)
        ids = _written(opened.db, faces, groups)
        opened.db.execute("DELETE FROM suggestions")
        opened.db.execute("DELETE FROM sums_suggestions")  # of rows that damage took, too
        _suggest(opened.db, ids, groups)
        _put_suggestions(opened.db, spoken_of)
        (questions,) = opened.db.execute("SELECT count(*) FROM suggestions").fetchone()
        statements.apply(opened.db)
        moved = int(np.count_nonzero((ids[groups.labels] != faces.persons) & ~faces.said))
        settled[:] = [
            Settled(
                len(faces),
                before,
                counts(opened.db),
                moved,
                int(groups.attached.sum()),
                questions,
                limits,
            )
        ]

    alone_or_again(opened, compute, write)
    return settled[0]


def settle_new(opened: Opened) -> Added:
    """Attach the faces that came since the last grouping to the persons there are; those that are
    attached to nobody are grouped among themselves. To be called when what was said of them holds
    (statements.settle).

    returns  with zeros, and nothing is changed, where nobody measured how strangers score with the
             collection's networks
    """
    if opened.faces.space() is None or not _is_told(opened):
        return Added()
    done = Added()

    def compute() -> tuple[Stored, Grouping] | None:
        faces = stored(opened.db, last_settled(opened.db))
        faces, embeddings = embeddings_of(opened, faces.only(faces.persons == NOBODY))
        if not len(faces):
            return None
        limits = _limits(opened)
        to = _attached(opened, faces, embeddings, limits)
        left = to == NOBODY
        groups = group(embeddings[left], faces.quality[left], faces.photos[left], limits)
        labels, by = np.empty(len(faces), np.int64), ~left
        labels[left] = groups.labels
        labels[~left] = len(labels) + np.unique(to[~left], return_inverse=True)[1]
        by[left] = groups.attached
        _, labels = np.unique(labels, return_inverse=True)  # the new groups first
        faces = Stored(faces.ids, faces.rows, faces.photos, faces.quality, to, faces.said)
        return faces, Grouping(labels, by, groups.suggestions, groups.scores)

    def write(found: tuple[Stored, Grouping] | None) -> None:
        nonlocal done
        if found is not None:
            faces, groups = found
            ids = _written(opened.db, faces, groups)
            _suggest(opened.db, ids, groups)
            there = faces.persons != NOBODY
            done = Added(len(faces), int(there.sum()), len(np.unique(groups.labels[~there])))

    alone_or_again(opened, compute, write)
    return done


def counts(db: Database) -> Counts:
    """Who there is."""
    persons, several, known = db.execute(
        "SELECT count(*), coalesce(sum(n > 1), 0), coalesce(sum(n), 0) FROM (SELECT count(*) AS n "
        f"FROM faces {LIVING} AND person_id IS NOT NULL GROUP BY person_id)"
    ).fetchone()
    (faces,) = db.execute(f"SELECT count(*) FROM faces {LIVING}").fetchone()
    return Counts(persons, several, faces - known)


def _limits(opened: Opened) -> Thresholds:
    """For as many faces as there are rows: those that are dead by now make it a hair stricter."""
    space = opened.space()
    found = calibration.required(opened.calibration(), space.made_by["embedder"])
    return thresholds_among(found, max(space.rows, 1))


def _is_told(opened: Opened) -> bool:
    """Whether it was measured how strangers score with the networks of the collection."""
    found = opened.calibration()
    return found is not None and found.strangers is not None


def last_settled(db: Database) -> int:
    """The last face that was grouped or attached: all behind it are new."""
    row = db.execute(
        "SELECT id FROM faces WHERE +by IN ('group', 'attached') ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return 0 if row is None else int(row[0])


def _attached(opened: Opened, faces: Stored, embeddings: Embeddings, limits: Thresholds) -> Rows:
    """(N,) the person that each of the new faces is attached to, or NOBODY."""
    scores, rows = _nearest(opened, faces, embeddings)
    if not rows.size:
        return np.full(len(faces), NOBODY, np.int64)
    person_of = persons_at(opened.db, np.unique(rows))
    of = np.array([person_of.get(row, NOBODY) for row in rows.ravel().tolist()]).reshape(rows.shape)
    # A group whose nearest face scores less is neither the one nor the runner-up that counts.
    of[scores < limits.average - limits.margin] = NOBODY
    groups = _groups(opened, np.unique(of[of != NOBODY]))
    refused = refused_in(faces.photos, known_in(opened.db, np.unique(faces.photos)))
    apart = links.pairs_within(faces.photos)
    return attach(embeddings, Nearest(of, scores), groups, limits, refused, apart)


def _nearest(opened: Opened, faces: Stored, embeddings: Embeddings) -> tuple[Scores, Rows]:
    """Scores and rows (N, k) of the stored faces nearest to new ones, which these are not."""
    keep = np.ones(opened.space().rows, np.bool_)
    hidden = opened.findable(EVERYTHING)
    if hidden is not None:
        keep &= hidden
    keep[faces.rows] = False
    return opened.engine.nearest(embeddings, NEAR, keep=keep)


def persons_at(db: Database, rows: Rows) -> dict[int, int]:
    """Whose the faces in some rows are, of those of whom that is known."""
    query = "SELECT row, person_id FROM faces WHERE person_id IS NOT NULL AND row"
    return dict(among(db, query, rows.tolist()))


def _groups(opened: Opened, persons: Rows) -> Groups:
    """The means of all living faces of some persons."""
    query = f"SELECT person_id, row FROM faces {LIVING} AND person_id"
    found = np.array(among(opened.db, query, persons.tolist()), np.int64).reshape(-1, 2)
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    ids, starts, sizes = np.unique(found[:, 0], return_index=True, return_counts=True)
    rows = opened.engine.embeddings(found[:, 1]).astype(np.float64)
    means = np.add.reduceat(rows, starts, axis=0) / sizes[:, None] if len(ids) else rows
    return Groups(ids, means.astype(np.float32))


def known_in(db: Database, photos: Rows) -> Rows:
    """(H, 2) photo and person, of the faces in some photos of whom it is known."""
    query = "SELECT content_id, person_id FROM faces WHERE person_id IS NOT NULL AND content_id"
    return np.array(among(db, query, photos.tolist()), np.int64).reshape(-1, 2)


def refused_in(photos: Rows, here: Rows) -> Rows:
    """(R, 2) place of a face, and a person who is in its photo already.

    here  (H, 2) photo, person
    """
    here = here[np.argsort(here[:, 0], kind="stable")]
    start, end = (np.searchsorted(here[:, 0], photos, side) for side in ("left", "right"))
    faces = np.repeat(np.arange(len(photos)), end - start)
    at = np.concatenate([np.arange(*ends) for ends in zip(start, end, strict=True)] or [faces])
    return np.stack([faces, here[at.astype(np.int64), 1]], axis=1)


def _written(db: Database, faces: Stored, groups: Grouping) -> Rows:
    """Write whose faces are, but of those of whom somebody said it; returns the groups' persons."""
    ids = persons_of(groups.labels, faces.persons, faces.said, foremost(db))
    for label in np.flatnonzero(ids == NOBODY).tolist():
        ids[label] = add_person(db)
    by = np.where(groups.attached, "attached", "group")
    free = np.flatnonzero(~faces.said)
    values = zip(
        ids[groups.labels[free]].tolist(), by[free].tolist(), faces.ids[free].tolist(), strict=True
    )
    db.conn.executemany(
        "UPDATE faces SET person_id = ?1, by = ?2 WHERE id = ?3 "
        "AND (person_id IS NOT ?1 OR by IS NOT ?2)",
        values,
    )
    return ids


def foremost(db: Database) -> Rows:
    """Whom a group is before others of whom something was said: who has a name, then who is not
    to be asked about.
    """
    found = db.execute(
        "SELECT id FROM persons WHERE name IS NOT NULL OR ignored ORDER BY name IS NULL, id"
    ).fetchall()
    return np.array(found, np.int64).reshape(-1)


def spoken_of(first: Rows, faces: Stored, gallery: Gallery, groups: Grouping) -> list[Question]:
    """Of groups that hold several persons of whom something was said, who else each of them may
    be, and how alike they are on average.

    first    as of persons_of()
    gallery  the embeddings of the faces
    """
    pins = np.unique(np.stack([groups.labels, faces.persons], axis=1)[faces.said], axis=0)
    labels, counts = np.unique(pins[:, 0], return_counts=True)
    ids = persons_of(groups.labels, faces.persons, faces.said, first)
    found = []
    for label in labels[counts > 1].tolist():
        here = groups.labels == label
        for other in pins[pins[:, 0] == label, 1].tolist():
            one = int(ids[label])
            if other != one:
                theirs = here & faces.said & (faces.persons == other)
                mine = here & (~faces.said | (faces.persons == one))
                score = float(_mean(gallery, mine) @ _mean(gallery, theirs))
                found.append((min(one, other), max(one, other), score))
    return found


def _mean(gallery: Gallery, which: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows = np.flatnonzero(which)
    sums, sizes = gallery.sums(rows, np.zeros(len(rows), np.int64), 1)
    mean: NDArray[np.float64] = sums[0] / sizes[0]
    return mean


def _suggest(db: Database, ids: Rows, groups: Grouping) -> None:
    pairs = np.sort(ids[groups.suggestions], axis=1)
    values = zip(*pairs.T.tolist(), groups.scores.tolist(), strict=True)
    _put_suggestions(db, values)
    db.execute(f"DELETE FROM suggestions WHERE {SEEN_TOGETHER}")


def _put_suggestions(db: Database, values: Iterable[Question]) -> None:
    """The later score of a pair counts."""
    db.conn.executemany(
        "INSERT INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET score = excluded.score",
        values,
    )
