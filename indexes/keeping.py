"""The life of whatever is opened, a collection or a cluster: check, forget, compact, back up.

with open_collection(folder) as opened:
    findings = keeping.check(opened)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.indexes.cluster.cluster import Cluster
from retrieve.indexes.cluster.life import backing_up, checking, compacting, restoring
from retrieve.indexes.cluster.life.backing_up import BackedUp, ClusterBackup
from retrieve.indexes.cluster.life.forgetting import forget as over_shards
from retrieve.indexes.cluster.life.repairing import RepairedCluster
from retrieve.indexes.cluster.life.repairing import repair as repair_cluster
from retrieve.indexes.collection import Collection
from retrieve.indexes.upkeep import backup as a_backup
from retrieve.indexes.upkeep import check as a_check
from retrieve.indexes.upkeep import compact as a_compact
from retrieve.indexes.upkeep import forget as a_forget
from retrieve.indexes.upkeep import recall as a_recall
from retrieve.indexes.upkeep import restore as a_restore

if TYPE_CHECKING:
    from retrieve.indexes.upkeep.backup import Manifest, OnBytes
    from retrieve.indexes.upkeep.check import Finding
    from retrieve.indexes.upkeep.compact import Compacted
    from retrieve.indexes.upkeep.forget import Forgotten
    from retrieve.indexes.upkeep.recall import Recall


def check(opened: Collection, *, indexes: bool = True) -> list[Finding]:
    """Everything that is not as it should be; an empty list if all is."""
    if isinstance(opened, Cluster):
        return checking.check(opened, indexes=indexes)
    return a_check.check(opened, indexes=indexes)


def recall(opened: Collection) -> Recall:
    """How much searches through the index miss; of a cluster over all shards."""
    if isinstance(opened, Cluster):
        return checking.recall(opened)
    return a_recall.recall(opened)


def would_forget(
    opened: Collection,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
) -> Forgotten:
    """What forget() would forget now; changes nothing."""
    if isinstance(opened, Cluster):
        return over_shards.would_forget(opened, paths=paths, folders=folders, persons=persons)
    return a_forget.would_forget(opened, paths=paths, folders=folders, persons=persons)


def forget(
    opened: Collection,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
    verify: bool = False,
) -> Forgotten:
    """As upkeep.forget.forget(); of a cluster in all copies of all shards."""
    if isinstance(opened, Cluster):
        with opened.changing():
            return over_shards.forget(
                opened, paths=paths, folders=folders, persons=persons, verify=verify
            )
    return a_forget.forget(opened, paths=paths, folders=folders, persons=persons, verify=verify)


def compact(opened: Collection, *, gone: bool = False) -> Compacted:
    """As upkeep.compact.compact(); of a cluster shard by shard, with their copies."""
    if isinstance(opened, Cluster):
        with opened.changing():
            return compacting.compact(opened, gone=gone)
    return a_compact.compact(opened, gone=gone)


def repair(opened: Cluster, *, processes: int, time_limit_s: float) -> RepairedCluster:
    """A cluster made whole, as far as can be."""
    with opened.changing():
        return repair_cluster(opened, processes=processes, time_limit_s=time_limit_s)


def backup(
    opened: Collection, target: Path, *, force: bool = False, on_bytes: OnBytes | None = None
) -> Manifest | BackedUp:
    """A collection into a file, a cluster into a folder."""
    if isinstance(opened, Cluster):
        with opened.changing():
            return backing_up.backup(opened, target, force=force)
    return a_backup.backup(opened, target, force=force, on_bytes=on_bytes)


def restore(
    source: Path, folder: Path, *, on_bytes: OnBytes | None = None
) -> Manifest | ClusterBackup:
    """A file into a collection, a folder into a cluster."""
    if source.is_dir():
        return restoring.restore(source, folder)
    return a_restore.restore(source, folder, on_bytes=on_bytes)
