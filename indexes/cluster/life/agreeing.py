"""What the manifest should say, by what the shards hold: its contents can be made again from them.

Shard by shard: of a million contents 32 MB are held in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.catalog.database import VARIABLES, among, reading
from retrieve.indexes.catalog.paths import path_of, stored
from retrieve.indexes.cluster.ids import OWN_PERSONS
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.vectors.spaces import is_staged

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection

SHA256_BYTES = 32
OF_ONE = np.dtype(f"S{SHA256_BYTES}")


@dataclass(frozen=True, slots=True)
class Held:
    """What a shard holds that the manifest has to agree with.

    contents     SHA-256 of each, one after another, ascending
    persons      names by number; None where nobody gave one
    last_person  the highest number that the cluster gave a person of it, as far as is known
    spaces       by name what each is made by, and the length of its embeddings
    """

    contents: bytes
    persons: dict[int, str | None]
    last_person: int
    spaces: dict[str, tuple[dict[str, str], int]]


@dataclass(frozen=True, slots=True)
class Differences:
    """Of one shard and the manifest.

    missing  contents of the shard that the manifest does not know, or of another shard
    stale    contents of which the manifest says that the shard holds them, and it does not
    """

    missing: list[bytes]
    stale: list[bytes]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was changed in the manifest.

    entered  contents
    removed  contents
    links    paths that another shard was said to hold, and does not
    twice    contents that two shards hold, with these
    """

    entered: int = 0
    removed: int = 0
    links: int = 0
    twice: dict[bytes, tuple[int, int]] = field(default_factory=dict)


def held(collection: Collection) -> Held:
    """A question to a shard."""
    db = collection.db
    with reading(db):
        contents = b"".join(
            bytes.fromhex(sha256)
            for (sha256,) in db.execute("SELECT sha256 FROM contents ORDER BY sha256")
        )
        persons = dict(db.execute("SELECT id, name FROM persons").fetchall())
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'persons'").fetchone()
        spaces = {
            name: (json.loads(made_by), dim)
            for name, made_by, dim in db.execute("SELECT name, made_by, dim FROM spaces")
            if not is_staged(name)
        }
    given = [id for id in (row[0] if row else 0, *persons) if id < OWN_PERSONS]
    return Held(contents, persons, max(given, default=0), spaces)


def differences(manifest: Manifest, shard: int, found: Held) -> Differences:
    """What a shard and the manifest say differently."""
    query = "SELECT sha256 FROM contents WHERE shard = ? ORDER BY sha256"
    said = _array(b"".join(one for (one,) in manifest.db.execute(query, [shard])))
    there = _array(found.contents)
    return Differences(_bytes(np.setdiff1d(there, said)), _bytes(np.setdiff1d(said, there)))


def holding(collection: Collection, paths: Sequence[bytes]) -> set[bytes]:
    """Which of some paths a shard knows, with a content: a question to a shard."""
    query = "SELECT path FROM paths WHERE content_id IS NOT NULL AND path"
    by_kept = {stored(path_of(path)): path for path in paths}
    return {by_kept[path] for (path,) in among(collection.db, query, by_kept)}


def false_links(cluster: Asking, *, shards: Iterable[int] | None = None) -> list[bytes]:
    """Paths of `elsewhere` that the shard which is said to hold them does not."""
    manifest = cluster.manifest
    wanted = {one.number for one in manifest.shards()} & set(
        (one.number for one in manifest.shards()) if shards is None else shards
    )
    links: dict[int, list[bytes]] = {}
    for path, shard in manifest.db.execute("SELECT path, shard FROM elsewhere"):
        if shard in wanted:
            links.setdefault(shard, []).append(path)
    if not links:
        return []
    answers = cluster.ask(holding, each={shard: (paths,) for shard, paths in links.items()})
    return sorted({path for n, known in answers for path in set(links[n]) - known})


def agree(cluster: Asking, shards: Iterable[int] | None = None) -> Agreed:
    """Let the manifest say of some shards what they hold; inside coordinating().

    shards  None for all, after which it says nothing else
    raises  CollectionError if one does not answer, or is made by other networks than others
    """
    manifest = cluster.manifest
    numbers = [one.number for one in manifest.shards()] if shards is None else sorted(set(shards))
    entered = removed = 0
    twice: dict[bytes, tuple[int, int]] = {}
    for number in numbers:  # what nobody holds goes first, so that it stands in nobody's way
        stale = differences(manifest, number, _asked(cluster, number)).stale
        with manifest.writing():
            manifest.db.conn.executemany(
                "DELETE FROM contents WHERE sha256 = ? AND shard = ?",
                ([one, number] for one in stale),
            )
        removed += len(stale)
    for number in numbers:
        found = _asked(cluster, number)
        missing = differences(manifest, number, found).missing
        others = manifest.holders(missing)
        twice.update({sha256: (other, number) for sha256, other in others.items()})
        with manifest.writing():
            manifest.db.conn.executemany(
                "INSERT INTO contents (sha256, shard) VALUES (?, ?)",
                ([one, number] for one in missing if one not in others),
            )
            manifest.db.execute(
                "UPDATE cluster SET next_person = max(next_person, ?)", [found.last_person + 1]
            )
            for name, (made_by, dim) in found.spaces.items():
                manifest.hold_space(name, made_by, dim)
        entered += len(missing) - len(others)
    links = false_links(cluster, shards=numbers)
    with manifest.writing():
        drop_links(manifest, links)
    return Agreed(entered, removed, len(links), twice)


def drop_links(manifest: Manifest, paths: Iterable[bytes]) -> int:
    """Take paths out of `elsewhere`, so that the next index looks at their files again; inside
    writing(). Returns how many there were.
    """
    every, dropped = list(paths), 0
    for start in range(0, len(every), VARIABLES):
        part = every[start : start + VARIABLES]
        marks = ",".join("?" * len(part))
        cursor = manifest.db.execute(f"DELETE FROM elsewhere WHERE path IN ({marks})", part)
        dropped += cursor.rowcount
    return dropped


def _asked(cluster: Asking, number: int) -> Held:
    return cluster.ask(held, of=[number]).all()[number]


def _array(digests: bytes) -> NDArray[np.bytes_]:
    return np.frombuffer(digests, OF_ONE)


def _bytes(digests: NDArray[np.bytes_]) -> list[bytes]:
    """With the zeros at their ends, which NumPy does not show."""
    return [one.ljust(SHA256_BYTES, b"\0") for one in digests.tolist()]
