"""What forgetting takes out of the cluster's log, as people/forgetting.py does of a shard's."""

from __future__ import annotations

import json
from collections.abc import Collection as Those
from contextlib import closing
from dataclasses import replace

from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.people import log
from retrieve.indexes.cluster.people.view import empty
from retrieve.indexes.people import forgetting
from retrieve.indexes.people.forgetting import Rewriting


def rewriting(
    manifest: Manifest,
    *,
    sha256s: Those[str] = (),
    persons: Those[int] = (),
    names: Those[str] = (),
) -> Rewriting:
    """What goes out of the log with some photos and persons, and with some names.

    Whoever stays keeps the name, though the photo goes by which it was said.
    """
    every = log.statements(manifest)
    if not every:
        return Rewriting()
    db = empty()
    with closing(db.conn):
        log.fill(db, every)
        found = forgetting.rewriting(db, sha256s=sha256s, persons=persons, names=names)
    keys = {key_of(name) for name in names}
    going = {line.id for line in found.gone}
    kept = {
        line.id
        for line in found.gone
        if line.kind == "name"
        and line.person_id not in persons
        and not (line.name is not None and key_of(line.name) in keys)
        and not {ref.sha256 for ref in line.faces}.isdisjoint(sha256s)
    }
    kept |= {line.id for line in found.gone if line.undoes in kept}
    bare = [
        (line, replace(line, faces=(), others=(), other_id=None, moved=()))
        for line in found.gone
        if line.id in kept
    ]
    return Rewriting(
        [line for line in found.gone if line.id in going - kept], [*found.changed, *bare]
    )


def rewrite(manifest: Manifest, what: Rewriting, persons: Those[int] = ()) -> None:
    """Write the log anew, and ask nothing more about persons who are forgotten; in writing()."""
    gone = [[line.id] for line in what.gone]
    manifest.db.conn.executemany("DELETE FROM statements WHERE id = ?", gone)
    for _, after in what.changed:
        log.rewrite(manifest, after)
    manifest.db.execute(
        "DELETE FROM suggestions WHERE person_id IN (SELECT value FROM json_each(?1)) "
        "OR other_id IN (SELECT value FROM json_each(?1))",
        [json.dumps(sorted(persons))],
    )


def written(manifest: Manifest, what: Rewriting) -> list[tuple[int, str]]:
    """The statements that go or are changed, as the manifest holds them now: number and words."""
    ids = [line.id for line in (*what.gone, *(before for before, _ in what.changed))]
    query = "SELECT id, what FROM statements WHERE id = ?"
    return [manifest.db.execute(query, [id]).fetchone() for id in ids]
