"""What the manifest should say, by what the shards hold: it can be made again from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.catalog.paths import path_of, stored
from retrieve.indexes.cluster.engines.engine import Servers
from retrieve.indexes.cluster.ids import OWN_PERSONS
from retrieve.indexes.cluster.indexing.task import Seen, seen
from retrieve.indexes.cluster.manifest import Manifest

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection


@dataclass(frozen=True, slots=True)
class Held:
    """What a shard holds that the manifest has to agree with.

    persons  names by the cluster's numbers; None where nobody gave one
    """

    seen: Seen
    persons: dict[int, str | None]

    @property
    def contents(self) -> set[bytes]:
        """SHA-256 of each."""
        return {sha256 for sha256, _ in self.seen.contents}

    @property
    def spaces(self) -> dict[str, tuple[dict[str, str], int]]:
        """By name what each is made by, and the length of its embeddings."""
        return self.seen.spaces

    @property
    def last_person(self) -> int:
        """The highest number that the cluster gave a person of it; 0 where there is none."""
        return max(self.persons, default=0)


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
    with reading(collection.db):
        query = "SELECT id, name FROM persons WHERE id < ?"
        persons = dict(collection.db.execute(query, [OWN_PERSONS]).fetchall())
        return Held(seen(collection, 0), persons)


def differences(manifest: Manifest, shard: int, found: Held) -> Differences:
    """What a shard and the manifest say differently."""
    rows = manifest.db.execute("SELECT sha256 FROM contents WHERE shard = ?", [shard])
    said, there = {sha256 for (sha256,) in rows}, found.contents
    return Differences(sorted(there - said), sorted(said - there))


def having(collection: Collection, sha256s: Sequence[bytes]) -> set[bytes]:
    """Which of some contents a shard holds: a question to it."""
    query = "SELECT sha256 FROM contents WHERE sha256"
    found = among(collection.db, query, (one.hex() for one in sha256s))
    return {bytes.fromhex(one) for (one,) in found}


def holding(collection: Collection, paths: Sequence[bytes]) -> set[bytes]:
    """Which of some paths a shard knows: a question to it."""
    by_kept = {stored(path_of(path)): path for path in paths}
    found = among(collection.db, "SELECT path FROM paths WHERE path", by_kept)
    return {by_kept[path] for (path,) in found}


def false_links(
    manifest: Manifest, servers: Servers, shards: Iterable[int] | None = None
) -> list[bytes]:
    """Paths of `elsewhere` that the shard which is said to have them does not."""
    every = {one.number for one in manifest.shards()}
    wanted = every if shards is None else every & set(shards)
    links: dict[int, list[bytes]] = {}
    for path, shard in manifest.db.execute("SELECT path, shard FROM elsewhere"):
        if shard in wanted:
            links.setdefault(shard, []).append(path)
    if not links:
        return []
    answers = servers.ask(holding, each={shard: (paths,) for shard, paths in links.items()})
    return sorted({path for n, known in answers for path in set(links[n]) - known})


def agree(manifest: Manifest, servers: Servers, shards: Iterable[int] | None = None) -> Agreed:
    """Let the manifest say of some shards what they hold; inside coordinating().

    shards  None for all, after which it says nothing else
    raises  CollectionError if one does not answer, or is made by other networks than others
    """
    numbers = [one.number for one in manifest.shards()] if shards is None else sorted(set(shards))
    entered = removed = 0
    twice: dict[bytes, tuple[int, int]] = {}
    for number in numbers:  # what nobody holds goes first, so that it stands in nobody's way
        stale = differences(manifest, number, _asked(servers, number)).stale
        with manifest.writing():
            manifest.db.conn.executemany(
                "DELETE FROM contents WHERE sha256 = ? AND shard = ?",
                ([one, number] for one in stale),
            )
        removed += len(stale)
    for number in numbers:
        found = _asked(servers, number)
        missing = set(differences(manifest, number, found).missing)
        others = manifest.holders(missing)
        twice.update({sha256: (other, number) for sha256, other in others.items()})
        with manifest.writing():
            manifest.hold(number, (one for one in found.seen.contents if one[0] in missing))
            manifest.db.execute(
                "UPDATE shards SET files = ?, last = ? WHERE number = ?",
                [found.seen.files, found.seen.last, number],
            )
            following = found.last_person + 1
            manifest.db.execute("UPDATE cluster SET next_person = max(next_person, ?)", [following])
            for name, (made_by, dim) in found.spaces.items():
                manifest.hold_space(name, made_by, dim)
        entered += len(missing) - len(others)
    links = false_links(manifest, servers, numbers)
    with manifest.writing():
        manifest.db.conn.executemany(
            "DELETE FROM elsewhere WHERE path = ?", ([path] for path in links)
        )
    return Agreed(entered, removed, len(links), twice)


def _asked(servers: Servers, number: int) -> Held:
    return servers.ask(held, of=[number]).all()[number]
