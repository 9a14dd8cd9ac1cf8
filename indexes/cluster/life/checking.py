"""Whether a cluster is whole: each copy of each shard by itself, and all of them with the manifest.

Changes nothing. What is told of a shard begins with its name: it can be looked at, and mended, as
the ordinary collection that it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput, RetrievalError
from retrieve.evaluation.verification import rate
from retrieve.indexes.cluster.engines.holding import lock_of
from retrieve.indexes.cluster.life import agreeing
from retrieve.indexes.cluster.life.agreeing import Held
from retrieve.indexes.cluster.life.begun import COMPACTING, FORGETTING, REPLACING, all_begun
from retrieve.indexes.cluster.life.copies.replacing import tar_of
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.manifest import CLUSTER, LOCK, REPLICAS, SHARDS, Manifest
from retrieve.indexes.cluster.people import writing as people
from retrieve.indexes.upkeep import check as of_a_collection
from retrieve.indexes.upkeep.check import REPAIR, Finding
from retrieve.indexes.upkeep.recall import Recall
from retrieve.indexes.upkeep.recall import recall as recall_of_a_collection
from retrieve.unfinished import left

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection

TOLD = 3  # of one kind
NEXT_COORDINATOR = "The next command that changes the cluster ends it; or run: retrieve repair"


def check(cluster: Asking, *, indexes: bool = True) -> list[Finding]:
    """Everything that is not as it should be; an empty list if all is.

    indexes  look at the search indexes of the shards too
    """
    findings = [*_manifest(cluster.manifest), *_permissions(cluster.manifest)]
    if findings and not _can_be_read(cluster.manifest):
        return findings
    findings += _shards(cluster, indexes=indexes)
    findings += _contents(cluster)
    findings += _replicas(cluster)
    findings += _begun(cluster.manifest)
    return findings + list(_left_over(cluster.manifest))


def checked(collection: Collection, indexes: bool) -> list[Finding]:
    """A question to a shard."""
    return of_a_collection.check(collection, indexes=indexes)


def recall(cluster: Asking) -> Recall:
    """How much of the exact answers searches through the indexes of the shards have.

    raises  BadInput where no shard has two faces
    """
    found = [one for one in cluster.servers.ask(recalled).all().values() if one is not None]
    if not found:
        raise BadInput("recall needs a shard with two stored faces or more; there is none")
    right, of = sum(one.found for one in found), sum(one.of for one in found)
    share = rate(right, of)
    faces, k = sum(one.faces for one in found), max(one.k for one in found)
    indexed = any(one.indexed for one in found)
    return Recall(faces, k, right, of, share.low, share.high, indexed)


def recalled(collection: Collection) -> Recall | None:
    """A question to a shard; None where it has too few faces."""
    try:
        return recall_of_a_collection(collection)
    except BadInput:
        return None


def name_of(shard: int, copy: int = 0) -> str:
    """How a copy of a shard is called where people read it."""
    return f"shard {shard}" if not copy else f"replica {copy} of shard {shard}"


def _manifest(manifest: Manifest) -> Iterator[Finding]:
    again = f"Make it again from its shards: retrieve cluster create --again '{manifest.folder}'"
    try:
        answers = [row[0] for row in manifest.db.execute("PRAGMA integrity_check")]
        broken = manifest.db.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        yield Finding(f"{CLUSTER} is damaged: {error}", again)
        return
    for answer in answers[:TOLD]:
        if answer != "ok":
            yield Finding(f"{CLUSTER} is damaged: {answer}", again)
    for table, *_ in broken[:TOLD]:
        yield Finding(f"{CLUSTER} names a shard in {table} that is not there", again)


def _can_be_read(manifest: Manifest) -> bool:
    try:
        return all(row[0] == "ok" for row in manifest.db.execute("PRAGMA integrity_check"))
    except sqlite3.DatabaseError:
        return False


def _permissions(manifest: Manifest) -> Iterator[Finding]:
    """Of what is the cluster's own; shards tell of theirs."""
    own = (".", CLUSTER, LOCK, SHARDS, REPLICAS)
    paths = [manifest.folder / name for name in own] + sorted(
        (manifest.folder / REPLICAS).glob("*")
    )
    open_to_others = [
        path
        for path in paths
        if os.path.lexists(path) and not path.is_symlink() and path.lstat().st_mode & 0o077
    ]
    if open_to_others:
        first = open_to_others[0]
        yield Finding(
            f"others may use {len(open_to_others)} of the cluster's own files and folders, first "
            f"{first} (mode {first.lstat().st_mode & 0o777:o})",
            f"Run: chmod -R go-rwx '{manifest.folder}'",
        )


def _shards(cluster: Asking, *, indexes: bool) -> Iterator[Finding]:
    """What each copy of each shard finds wrong with itself."""
    copies = max((len(one.folders) for one in cluster.manifest.shards()), default=0)
    for copy in range(copies):
        answers = cluster.servers_of(copy).ask(checked, indexes)
        for shard, findings in answers:
            for one in findings:
                what = f"{name_of(shard, copy)}: {one.what}"
                # A replica is made anew of what is written.
                yield Finding(what, REPAIR if copy and one.wrong else one.todo, one.wrong)
        silent = {n: str(why) for n, why in answers.refused.items()} | dict(answers.missing)
        for shard, why in sorted(silent.items()):
            if copy:
                todo = f"If it is gone for good, it is made anew by: {REPAIR[5:]}"
            else:
                todo = "Bring its storage back; or restore the cluster from a backup"
                if len(cluster.manifest.shards()[0].folders) > 1:
                    todo += "; its replica answers searches meanwhile"
            yield Finding(f"{name_of(shard, copy)} cannot be asked: {why}", todo)


def _contents(cluster: Asking) -> Iterator[Finding]:
    """The shards and the manifest say the same, and no two shards different things."""
    manifest = cluster.manifest
    names: dict[int, dict[str | None, int]] = {}  # by person the names, and one shard of each
    made: dict[str, dict[str, int]] = {}
    last = 0
    for one in manifest.shards():
        answers = cluster.servers.ask(agreeing.held, of=[one.number])
        if one.number not in answers.given:
            continue  # which is told
        found = answers.given[one.number]
        yield from _of_shard(cluster, one.number, found)
        last = max(last, found.last_person)
        for person, name in found.persons.items():
            names.setdefault(person, {}).setdefault(name, one.number)
        for space, (networks, dim) in found.spaces.items():
            made.setdefault(space, {}).setdefault(f"{sorted(networks.items())}, {dim}", one.number)
            wanted = manifest.spaces().get(space)
            if wanted is not None and wanted != (networks, dim):
                yield Finding(
                    f"{space} of {name_of(one.number)} is made by other networks than the cluster",
                    f"Embed them again: retrieve reembed -c '{one.folder}'",
                )
    for person, called in sorted(names.items()):
        if len(called) > 1:
            told = ", ".join(
                f"{name!r} in shard {n}" if name else f"nobody in shard {n}"
                for name, n in called.items()
            )
            yield Finding(f"person #{person} is called {told}", "Say it: retrieve name")
    for space, by in made.items():
        if len(by) > 1:
            one_, other, *_ = by.values()
            yield Finding(
                f"{space} of shard {one_} and of shard {other} are made by different networks",
                "Searches leave out one of them: retrieve reembed that shard",
            )
    (next_person,) = manifest.db.execute("SELECT next_person FROM cluster").fetchone()
    if last >= next_person:
        yield Finding(
            f"person #{last} has a number that would be given once more, from #{next_person} on",
            REPAIR,
        )
    try:
        links = agreeing.false_links(manifest, cluster.servers)
    except RetrievalError:
        return  # a shard does not answer, which is told
    if links:
        yield Finding(
            f"of {len(links)} files another shard is said to hold the content, and does not: "
            f"first {os.fsdecode(links[0])!r}",
            REPAIR,
        )


def _of_shard(cluster: Asking, shard: int, found: Held) -> Iterator[Finding]:
    manifest = cluster.manifest
    apart = agreeing.differences(manifest, shard, found)
    others: dict[bytes, int] = {}  # that hold it, too: which is asked, not believed
    said: dict[int, list[bytes]] = {}
    for sha256, other in manifest.holders(apart.missing).items():
        said.setdefault(other, []).append(sha256)
    for other, there in cluster.servers.ask(
        agreeing.having, each={n: (digests,) for n, digests in said.items()}
    ):
        others |= dict.fromkeys(there, other)
    unknown = [one for one in apart.missing if one not in others]
    if unknown:
        yield Finding(
            f"{name_of(shard)} holds {len(unknown)} photos and texts that {CLUSTER} does not know: "
            f"{_first(unknown)}",
            REPAIR,
        )
    if others:
        sha256, other = next(iter(others.items()))
        yield Finding(
            f"{len(others)} photos and texts are in {name_of(shard)} and in shard {other} too: "
            f"{sha256.hex()[:12]}",
            "Forget their files in one of the two, an ordinary collection: retrieve forget PATH -c "
            f"'{manifest.folder / SHARDS / f'{shard:04}'}'; then run: retrieve repair",
        )
    if apart.stale:
        yield Finding(
            f"{CLUSTER} says that {name_of(shard)} holds {len(apart.stale)} photos and texts that "
            f"it does not: {_first(apart.stale)}",
            REPAIR,
        )


def _first(digests: list[bytes]) -> str:
    shown = ", ".join(one.hex()[:12] for one in digests[:TOLD])
    return shown + (" …" if len(digests) > TOLD else "")


def _replicas(cluster: Asking) -> Iterator[Finding]:
    """Each replica holds what the copy does that is written."""
    shards = cluster.manifest.shards()
    most = max((len(one.folders) for one in shards), default=0)
    if most < 2:
        return
    first = cluster.servers.ask(state)
    for copy in range(1, most):
        of = [one.number for one in shards if copy < len(one.folders)]
        for shard, holds in cluster.servers_of(copy).ask(state, of=of):
            if shard in first.given and holds != first.given[shard]:
                yield Finding(
                    f"{name_of(shard, copy)} is not equal to what is written",
                    "Make it so: retrieve repair",
                )
        lacking = [one.number for one in shards if copy >= len(one.folders)]
        if lacking:
            yield Finding(
                f"{len(lacking)} shards have no replica {copy}, first shard {lacking[0]}",
                "Make them: retrieve cluster replicas",
                wrong=False,
            )


def _begun(manifest: Manifest) -> Iterator[Finding]:
    for one in all_begun(manifest, FORGETTING):
        named = [os.fsdecode(bytes.fromhex(path)) for path in one.of.get("paths", [])]
        named += [os.fsdecode(bytes.fromhex(path)) for path in one.of.get("folders", [])]
        named += [name or f"#{number}" for number, name in one.of.get("persons", [])]
        still = ", ".join(name_of(shard, copy) for shard, copy, _ in one.of.get("left", []))
        where = f"; not done in {still}" if still else ""
        yield Finding(
            f"forgetting {', '.join(named[:TOLD]) or 'something'}{' …' * (len(named) > TOLD)} was "
            f"begun and is not done everywhere{where}",
            NEXT_COORDINATOR,
        )
    for one in all_begun(manifest, REPLACING):
        yield Finding(
            f"copying {name_of(one.of['shard'], one.of['copy'])} was begun and is not at its end",
            NEXT_COORDINATOR,
            wrong=False,
        )
    if all_begun(manifest, COMPACTING):
        yield Finding("compacting was begun and is not at its end", NEXT_COORDINATOR, wrong=False)
    (said,) = manifest.db.execute(
        "SELECT count(*) FROM begun WHERE what = ?", [people.WHAT]
    ).fetchone()
    if said:
        yield Finding(
            f"{said} statements were begun and do not hold in all shards", NEXT_COORDINATOR
        )


def _left_over(manifest: Manifest) -> Iterator[Finding]:
    """Folders that nobody names."""
    named = {folder for one in manifest.shards() for folder in one.folders}
    named |= {
        manifest.folder / os.fsdecode(bytes.fromhex(one.of[way]))
        for one in all_begun(manifest, REPLACING)
        for way in ("from", "to")
        if one.of[way] is not None
    }
    named |= {path for folder in named for path in (lock_of(folder), tar_of(folder))}
    for room in (manifest.folder / SHARDS, *sorted((manifest.folder / REPLICAS).glob("*"))):
        dead = {one.folder for one in left(room)}
        for path in sorted(room.iterdir()) if room.is_dir() else []:
            if path in named or (path.name.startswith(".retrieve-") and path not in dead):
                continue
            shown = Path(path).relative_to(manifest.folder)
            if path.name.endswith(".part"):
                todo = "An index is at work, or one died: the next one goes on with it"
                yield Finding(f"{shown} is not whole yet", todo, wrong=False)
            else:
                yield Finding(
                    f"{shown} belongs to nothing",
                    f"Look at it: retrieve info -c '{path}'; and remove it if nobody needs it",
                    wrong=False,
                )
