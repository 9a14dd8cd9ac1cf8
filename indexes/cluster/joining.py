"""A cluster → one collection: all that its shards hold, with no file read and nothing embedded.

The first shard is copied as it is, so that its ids stay; the others' rows follow with ids of their
own. Persons keep their numbers, and the log of what people said is the cluster's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.life.merging.pouring import Ids, pour
from retrieve.indexes.cluster.people import log
from retrieve.indexes.cluster.people.writing import prepare
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.restore import restore
from retrieve.indexes.vectors.file import sync_folder
from retrieve.unfinished import unfinished


@dataclass(frozen=True, slots=True)
class Joined:
    """What one collection holds that was a cluster.

    shards  whose
    counts  as Info.counts
    """

    shards: int
    counts: dict[str, int]


def join(
    cluster: Asking, target: Path, *, on_shard: Callable[[int, int], None] | None = None
) -> Joined:
    """Make one collection of all shards, in a folder that is not there yet or is empty; call inside
    changing(). The cluster stays as it is.

    on_shard  called with how many shards are in it, of how many
    raises    BadInput if there is no shard, or something is in the folder; CollectionError if one
              cannot be opened
    """
    shards = cluster.manifest.shards()
    if not shards:
        raise BadInput(f"{cluster.path} holds no shard yet; wanted one to make a collection of")
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise BadInput(f"{target} is there and not empty, and nothing is replaced: name another")
    prepare(cluster)
    cluster.forget_servers()
    target.parent.mkdir(0o700, parents=True, exist_ok=True)
    with unfinished(target.parent) as aside:
        with open_collection(shards[0].folder) as first:
            backup(first, aside / "first.tar")
        made = aside / "made"
        restore(aside / "first.tar", made)
        (aside / "first.tar").unlink()
        with open_collection(made) as whole:
            faces: dict[int, Ids | None] = {shards[0].number: None}  # None: as they are
            for done, one in enumerate(shards[1:], 1):
                if on_shard is not None:
                    on_shard(done, len(shards))
                with open_collection(one.folder) as part:
                    part.texts.renew_words()
                    with writing(whole.db):
                        faces[one.number] = pour(part, whole)
            with writing(whole.db):
                _put_log(cluster, whole, faces)
            if on_shard is not None:
                on_shard(len(shards), len(shards))
            whole.opened.make_indexes()
            joined = Joined(len(shards), whole.info().counts)
        os.rename(made, target)  # noqa: PTH104 - refuses a folder that is not empty
        sync_folder(target.parent)
    return joined


def _put_log(cluster: Asking, whole: Collection, faces: dict[int, Ids | None]) -> None:
    """The cluster's log in the place of the first shard's, and numbers that go on from its own."""
    db = whole.db

    def here(face: int) -> int | None:
        shard, id = of_shard(face)
        if shard not in faces:
            return None
        ids = faces[shard]
        return id if ids is None else ids.get(id)

    db.execute("DELETE FROM statements")
    log.fill(db, (log.with_faces(line, here) for line in log.statements(cluster.manifest)))
    db.execute("DELETE FROM suggestions")
    db.conn.executemany(
        "INSERT INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)",
        cluster.manifest.db.execute("SELECT person_id, other_id, score FROM suggestions"),
    )
    (following,) = cluster.manifest.db.execute("SELECT next_person FROM cluster").fetchone()
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'persons'")
    db.execute(
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('persons', ?)", [max(following - 1, 0)]
    )
