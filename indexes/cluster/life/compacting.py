"""Compacting shard by shard, each of its copies in its place."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from retrieve.indexes.cluster.life import agreeing, begun
from retrieve.indexes.cluster.life.begun import COMPACTING
from retrieve.indexes.cluster.life.forgetting import own
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep import compact as in_a_collection
from retrieve.indexes.upkeep.compact import Compacted

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection


def compact(
    cluster: Asking, *, gone: bool = False, patience_s: float = traces.PATIENCE_S
) -> Compacted:
    """Remove what no search can find from all shards; inside coordinating(). Arguments, errors as
    upkeep.compact.compact(): an error of one shard is told when the others are done.

    returns  of all shards together; bytes of their copies too
    """
    done: list[Compacted] = []
    manifest = cluster.manifest
    with manifest.writing():
        begun.begin(manifest, COMPACTING, {})
    before_bytes = after_bytes = 0
    for copy in range(max((len(one.folders) for one in manifest.shards()), default=0)):
        answers = cluster.servers_of(copy).ask(compacted, gone, patience_s)
        before_bytes += sum(one.before_bytes for _, one in answers)
        after_bytes += sum(one.after_bytes for _, one in answers)
        if not copy:
            done = [one for _, one in answers]
            if any(one.photos or one.texts or one.paths for one in done):
                agreeing.agree(manifest, cluster.servers, answers.given)
                own.write_anew(manifest)
        answers.all()
    _end(cluster)
    counts = {
        each.name: sum(getattr(one, each.name) for one in done)
        for each in fields(Compacted)
        if each.name not in ("before_bytes", "after_bytes")
    }
    return Compacted(**counts, before_bytes=before_bytes, after_bytes=after_bytes)


def go_on(cluster: Asking) -> None:
    """End a compacting that died: what was deleted is overwritten in each copy; inside
    coordinating(). What was not compacted yet stays so.

    raises  CollectionError if a copy does not answer
    """
    manifest = cluster.manifest
    for copy in range(max((len(one.folders) for one in manifest.shards()), default=0)):
        cluster.servers_of(copy).ask(finished).all()
    agreeing.agree(manifest, cluster.servers)
    own.write_anew(manifest)
    _end(cluster)


def _end(cluster: Asking) -> None:
    with cluster.manifest.writing():
        for one in begun.all_begun(cluster.manifest, COMPACTING):
            begun.end(cluster.manifest, one.id)


def finished(collection: Collection) -> None:
    """A question to a shard: end what was begun there."""
    traces.finish_or_raise(collection.db, collection.path)
    collection.opened.make_indexes()


def compacted(collection: Collection, gone: bool, patience_s: float) -> Compacted:
    """A question to a shard."""
    return in_a_collection.compact(collection, gone=gone, patience_s=patience_s)
