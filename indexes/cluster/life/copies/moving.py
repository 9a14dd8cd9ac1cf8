"""Shards on other disks and machines: one moved, or all spread by their size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput
from retrieve.indexes.cluster.life.copies import replacing
from retrieve.indexes.cluster.manifest import SHARDS, Shard
from retrieve.indexes.files import used_bytes

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection


@dataclass(frozen=True, slots=True)
class Move:
    """Of one shard from a folder to another.

    size_bytes  of all its files
    """

    shard: int
    source: Path
    target: Path
    size_bytes: int


def move(cluster: Asking, shard: int, folder: Path, *, copy: int = 0) -> Move:
    """Let a copy of a shard lie in another folder; inside coordinating(). It is copied, compared,
    and only then does the manifest name the new folder; the old one is overwritten and removed.

    folder  not there yet; every machine that serves shards has to see it under this path
    raises  BadInput for a shard, copy or folder that cannot be; CollectionError if it cannot be
            copied: nothing has changed then
    """
    one = _shard(cluster, shard)
    if copy >= len(one.folders):
        raise BadInput(f"shard {shard} has {len(one.folders) - 1} replicas: there is no {copy}")
    target = Path(os.path.abspath(folder))  # noqa: PTH100 - links on the way are the owner's
    if os.path.lexists(target):
        raise BadInput(
            f"{target} is there already, and nothing is replaced: name a folder that is not there, "
            f"as {target / one.folder.name}"
        )
    size_bytes = cluster.servers_of(copy).ask(used, of=[shard]).all()[shard]
    source = one.folders[copy]
    replacing.replace(cluster, copy, {shard: target}, source=copy)
    return Move(shard, source, target, size_bytes)


def spread(cluster: Asking, folders: Sequence[Path] = ()) -> list[Move]:
    """Which shards to move so that the folder with most of them has as little as can be; nothing
    is moved by that.

    folders  beside `shards` in the cluster's own folder, where all were made, and those in which
             shards lie already

    Each time the shard moves from the fullest folder to the emptiest that leaves both most alike,
    until none does (Graham 1969, "Bounds on multiprocessing timing anomalies", from the state that
    is there, for what stays costs nothing).
    """
    shards = {one.number: one for one in cluster.manifest.shards()}
    sizes = cluster.servers.ask(used).all()
    rooms: dict[Path, set[int]] = {cluster.path / SHARDS: set()}
    for folder in folders:
        rooms.setdefault(Path(os.path.abspath(folder)), set())  # noqa: PTH100
    for number, one in shards.items():
        rooms.setdefault(one.folder.parent, set()).add(number)
    moves: dict[int, Path] = {}
    while True:
        held = {room: sum(sizes[n] for n in inside) for room, inside in rooms.items()}
        fullest = max(held, key=lambda room: (held[room], str(room)))
        emptiest = min(held, key=lambda room: (held[room], str(room)))
        apart = held[fullest] - held[emptiest]
        movable = [n for n in sorted(rooms[fullest]) if 0 < sizes[n] < apart]
        if not movable:
            break
        best = min(movable, key=lambda n: abs(apart - 2 * sizes[n]))
        rooms[fullest].remove(best)
        rooms[emptiest].add(best)
        moves[best] = emptiest
    return [
        Move(n, shards[n].folder, room / f"{n:04}", sizes[n])
        for n, room in sorted(moves.items())
        if room != shards[n].folder.parent
    ]


def used(collection: Collection) -> int:
    """A question to a shard: the bytes of all its files."""
    return used_bytes(collection.path)


def _shard(cluster: Asking, number: int) -> Shard:
    for one in cluster.manifest.shards():
        if one.number == number:
            return one
    numbers = ", ".join(str(one.number) for one in cluster.manifest.shards()[:10])
    raise BadInput(f"there is no shard {number}; the first are: {numbers or 'none'}")
