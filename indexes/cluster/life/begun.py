"""What was begun in several places at once, so that another coordinator can end it.

It stands in the manifest before anything is done. A coordinator that dies leaves it there, and the
next one that changes the cluster ends it first (finishing.py); check tells what is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrieve.indexes.cluster.manifest import Manifest

FORGETTING = "forget"
REPLACING = "replace"  # the folder of a copy
COMPACTING = "compact"
STALE = "stale"  # a copy that could not be made equal to what is written


@dataclass(frozen=True, slots=True)
class Begun:
    """Something that is not at its end.

    what  FORGETTING, REPLACING, COMPACTING or STALE
    of    with what it was begun
    """

    id: int
    what: str
    of: dict[str, Any]


def begin(manifest: Manifest, what: str, of: Mapping[str, Any]) -> int:
    """State that it is begun; returns its number. Inside writing()."""
    cursor = manifest.db.execute(
        "INSERT INTO begun (what, with_what) VALUES (?, ?)", [what, json.dumps(of)]
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def change(manifest: Manifest, id: int, of: Mapping[str, Any]) -> None:
    """State with what it goes on; inside writing()."""
    manifest.db.execute("UPDATE begun SET with_what = ? WHERE id = ?", [json.dumps(of), id])


def end(manifest: Manifest, id: int) -> None:
    """State that it is at its end; inside writing()."""
    manifest.db.execute("DELETE FROM begun WHERE id = ?", [id])


def all_begun(manifest: Manifest, *kinds: str) -> list[Begun]:
    """All of these kinds, the oldest first."""
    return [
        Begun(id, what, json.loads(of))
        for id, what, of in manifest.db.execute(
            "SELECT id, what, with_what FROM begun ORDER BY id"
        ).fetchall()
        if what in kinds
    ]


def stale(manifest: Manifest) -> set[tuple[int, int]]:
    """(shard, copy) of those that hold what was written once, and must not answer a search."""
    return {(one.of["shard"], one.of["copy"]) for one in all_begun(manifest, STALE)}
