"""What the cluster's log says of what is to be forgotten: taken out of it.

The log stands in the manifest, and each shard has lines of it in its own, which its own forgetting
rewrites. The cluster's is rewritten by the same function, over a view of all shards that answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.people import log
from retrieve.indexes.cluster.people.view import Wanted, view
from retrieve.indexes.people import forgetting
from retrieve.indexes.people.forgetting import Rewriting

if TYPE_CHECKING:
    from retrieve.indexes.cluster.answers import Answers
    from retrieve.indexes.cluster.asking import Asking


@dataclass(frozen=True, slots=True)
class _Answering:
    """A cluster of which those shards that do not answer are left out."""

    manifest: Manifest
    of: Asking

    def ask(self, *args: Any, **options: Any) -> Answers[Any]:
        """As Cluster.ask()."""
        return self.of.ask(*args, **options).without_missing()


def rewriting(
    cluster: Asking,
    *,
    sha256s: Collection[str],
    faces: Collection[int],
    persons: Collection[int],
    names: Collection[str],
) -> Rewriting:
    """What is to become of the log; arguments as people.forgetting.rewriting(), faces by the ids of
    the cluster. Before the shards forget.
    """
    if not log.statements(cluster.manifest):
        return Rewriting()
    wanted = Wanted(persons=tuple(persons), names=tuple(names), faces=tuple(faces))
    found = view(cast("Asking", _Answering(cluster.manifest, cluster)), wanted)
    with closing(found.db.conn):
        return forgetting.rewriting(
            found.db, sha256s=sha256s, faces=faces, persons=persons, names=names
        )


def rewrite(manifest: Manifest, what: Rewriting, persons: Collection[int]) -> None:
    """Write the log anew, without questions about persons who are no more; inside writing()."""
    db = manifest.db.conn
    db.executemany("DELETE FROM statements WHERE id = ?", ([line.id] for line in what.gone))
    for _, after in what.changed:
        log.rewrite(manifest, after)
    gone = [[id] for id in persons]
    db.executemany("DELETE FROM suggestions WHERE ?1 IN (person_id, other_id)", gone)


def drop_lines(manifest: Manifest, there: Mapping[int, set[int]]) -> None:
    """Let the log name no lines of shards' logs that are no more; inside writing().

    there  by shard the numbers of its lines
    """
    changed = []
    for id, text in manifest.db.execute("SELECT id, lines FROM statements").fetchall():
        lines = {
            shard: [one for one in some if int(shard) not in there or one in there[int(shard)]]
            for shard, some in json.loads(text).items()
        }
        kept = json.dumps({shard: some for shard, some in lines.items() if some})
        if json.loads(kept) != json.loads(text):
            changed.append([kept, id])
    manifest.db.conn.executemany("UPDATE statements SET lines = ? WHERE id = ?", changed)
