"""The copies of shards beside those that are written: brought up to them, made, let go.

replicas/1/0007      the first copy of shard 7 beside shards/0007, or
replicas/1/0007.2    the same after it was made anew
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput, RetrievalError
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.copies import following, replacing
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.manifest import REPLICAS, Manifest, Shard

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking

MOST = 9
AGAIN = ".2"  # ends the name of a folder that takes the place of one


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of copies.

    made     (shard, copy) that were made, or made anew
    removed  that are no more
    equal    that were as they should be
    left     that could not be made, and why; a search may get older answers from these
    """

    made: list[tuple[int, int]] = field(default_factory=list)
    removed: list[tuple[int, int]] = field(default_factory=list)
    equal: list[tuple[int, int]] = field(default_factory=list)
    left: dict[tuple[int, int], str] = field(default_factory=dict)


def refresh(cluster: Asking, shards: Iterable[int] | None = None) -> Refreshed:
    """Make the copies of some shards equal to what is written, and those of new ones; call inside
    coordinating(), after each change. Where nothing is copied it costs nothing.

    shards  None for all
    """
    done = Refreshed()
    among = None if shards is None else set(shards)
    most = max((len(one.folders) for one in cluster.manifest.shards()), default=1)
    for copy in range(1, most):
        copies = {
            one.number: one.folders[copy]
            for one in cluster.manifest.shards()
            if copy < len(one.folders) and (among is None or one.number in among)
        }
        if copies:
            _refresh(cluster, copy, copies, done)
        new = [
            one.number
            for one in cluster.manifest.shards()
            if copy >= len(one.folders) and (among is None or one.number in among)
        ]
        _make(cluster, copy, {n: _free(cluster.manifest, n, copy) for n in new}, done)
    _note_stale(cluster.manifest, done)
    return done


def make_anew(cluster: Asking, copies: Iterable[tuple[int, int]]) -> Refreshed:
    """Make some copies, as (shard, copy), of what is written, whatever they hold now; inside
    coordinating().
    """
    done = Refreshed()
    by_copy: dict[int, list[int]] = {}
    for shard, copy in copies:
        by_copy.setdefault(copy, []).append(shard)
    for copy, shards in sorted(by_copy.items()):
        _make(cluster, copy, {n: _free(cluster.manifest, n, copy) for n in shards}, done)
    _note_stale(cluster.manifest, done)
    return done


def put_replicas(cluster: Asking, wanted: int) -> Refreshed:
    """Let each shard have so many copies beside the one that is written; inside coordinating().

    raises  BadInput for a number that is none
    """
    if not 0 <= wanted <= MOST:
        raise BadInput(f"wanted 0 to {MOST} replicas of each shard; got {wanted}")
    done = Refreshed()
    for one in cluster.manifest.shards():
        for copy in reversed(range(1 + wanted, len(one.folders))):
            replacing.remove(cluster, one.number, copy)
            done.removed.append((one.number, copy))
    for copy in range(1, 1 + wanted):
        missing = [one.number for one in cluster.manifest.shards() if copy >= len(one.folders)]
        there = {
            one.number: one.folders[copy]
            for one in cluster.manifest.shards()
            if copy < len(one.folders)
        }
        if there:
            _refresh(cluster, copy, there, done)
        _make(cluster, copy, {n: _free(cluster.manifest, n, copy) for n in missing}, done)
    _note_stale(cluster.manifest, done)
    return done


def _refresh(cluster: Asking, copy: int, copies: dict[int, Path], done: Refreshed) -> None:
    first = cluster.servers.ask(state, of=copies)
    held = cluster.servers_of(copy).ask(following.settled, of=copies)
    done.left.update({(shard, copy): why for shard, why in first.missing.items()})
    done.left.update({(shard, copy): str(why) for shard, why in first.refused.items()})
    done.equal.extend((n, copy) for n, holds in first if held.given.get(n) == holds)
    stale = [n for n, holds in first if held.given.get(n) != holds]
    followed = _follow(cluster, copy, [n for n in stale if n in held.given])
    done.made.extend((n, copy) for n in followed)
    left = {n: _free(cluster.manifest, n, copy) for n in stale if n not in followed}
    _make(cluster, copy, left, done)


def _follow(cluster: Asking, copy: int, shards: list[int]) -> set[int]:
    """Bring copies of some shards up by what differs; returns where that could be done."""
    held = cluster.servers_of(copy).ask(following.holding, of=shards)
    each = {n: (one,) for n, one in held if one is not None}
    changed = cluster.servers.ask(following.changes, each=each)
    each_copy = {n: (one,) for n, one in changed if one is not None}
    return set(cluster.servers_of(copy).ask(following.applied, each=each_copy).given)


def _make(cluster: Asking, copy: int, to: dict[int, Path], done: Refreshed) -> None:
    if not to:
        return
    try:
        replacing.replace(cluster, copy, to)
    except RetrievalError as error:
        reason = str(error)
    else:
        reason = ""
    named = {one.number: one.folders for one in cluster.manifest.shards()}
    for shard, folder in to.items():
        if folder in named[shard]:
            done.made.append((shard, copy))
        else:
            done.left[shard, copy] = reason


def _free(manifest: Manifest, shard: int, copy: int) -> Path:
    """A folder for it that is not the one that it has."""
    folder = manifest.folder / REPLICAS / str(copy) / f"{shard:04}"
    named = {each for one in manifest.shards() for each in one.folders}
    if folder in named:
        folder = folder.with_name(folder.name + AGAIN)
    replacing.wipe(manifest.placed(shard, folder))  # of a coordinator that died
    return folder


def _note_stale(manifest: Manifest, done: Refreshed) -> None:
    """State which copies must not answer a search, and which may again."""
    right = {*done.made, *done.equal, *done.removed}
    known = begun.all_begun(manifest, begun.STALE)
    held = {(n, copy) for one in manifest.shards() for n, copy in _copies_of(one)}
    noted = {(one.of["shard"], one.of["copy"]) for one in known}
    with manifest.writing():
        for one in known:
            if (one.of["shard"], one.of["copy"]) in right:
                begun.end(manifest, one.id)
        for shard, copy in (done.left.keys() - noted) & held:
            begun.begin(manifest, begun.STALE, {"shard": shard, "copy": copy})


def _copies_of(one: Shard) -> list[tuple[int, int]]:
    return [(one.number, copy) for copy in range(len(one.folders))]
