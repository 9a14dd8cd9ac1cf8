"""The statements that have to do with some persons and photos, without the whole log being read.

By each person and each photo that a statement names the manifest has a row, which triggers keep, so
that no writer can forget to: what follows from the log, and is made of it where it is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from retrieve.indexes.cluster.manifest import NAMED, Manifest
from retrieve.indexes.cluster.people import log
from retrieve.indexes.people import log as shard_log
from retrieve.indexes.people.log import Statement


class _Undo(NamedTuple):
    """What tells whether a statement counts that takes another back (people/log.active)."""

    id: int
    undoes: int


def is_there(manifest: Manifest) -> bool:
    """Whether the manifest has these rows."""
    query = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return manifest.db.execute(query, ["named"]).fetchone() is not None


def make(manifest: Manifest) -> None:
    """Make them where they are not there yet; inside coordinating()."""
    if is_there(manifest):
        return
    with manifest.writing():
        for statement in NAMED:
            manifest.db.execute(statement)
        manifest.db.execute("UPDATE statements SET what = what")  # whose trigger enters each


def connected(
    manifest: Manifest, photos: Iterable[str], persons: Iterable[int], ids: Iterable[int]
) -> list[Statement]:
    """All that was said of some photos and persons, of others who are named with them, and what
    took it back; the oldest first.

    photos  SHA-256 of their contents
    ids     of statements that are asked for, too
    """
    taken: dict[int, Statement] = {}
    keys = {*photos, *(f"#{person}" for person in persons)}
    seen: set[str] = set()
    found = set(ids)
    while keys or found:
        query = "SELECT statement FROM named WHERE key = ?"
        for key in keys:
            found |= {id for (id,) in manifest.db.execute(query, [key])}
        seen |= keys
        named: set[str] = set()
        before: set[int] = set()
        for id in found - taken.keys():
            line = log.one(manifest, id)
            if line is None:
                continue
            taken[id] = line
            named |= {ref.sha256 for ref in (*line.faces, *line.others)} | {f"!{id}"}
            named |= {f"#{one}" for one in (line.person_id, line.other_id) if one is not None}
            before |= {line.undoes} if line.undoes is not None else set()
        keys, found = named - seen, before - taken.keys()
    return [taken[id] for id in sorted(taken)]


def last(manifest: Manifest) -> Statement | None:
    """The last statement but those that are taken back, and but those that took one back."""
    undos = manifest.db.execute(
        "SELECT id, undoes FROM statements WHERE undoes IS NOT NULL ORDER BY id"
    ).fetchall()
    counting = shard_log.active([_Undo(*row) for row in undos])
    gone = {undoes for id, undoes in undos if id in counting}
    query = "SELECT id FROM statements WHERE undoes IS NULL ORDER BY id DESC"
    for (id,) in manifest.db.execute(query):
        if id not in gone:
            return log.one(manifest, id)
    return None
