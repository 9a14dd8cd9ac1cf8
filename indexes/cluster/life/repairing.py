"""Repair: each shard by itself, replicas from what is written, the manifest from the shards.

A shard that cannot be made whole by itself is taken from a replica that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import RetrievalError
from retrieve.indexes.building import workers
from retrieve.indexes.cluster.life import agreeing
from retrieve.indexes.cluster.life.agreeing import Agreed
from retrieve.indexes.cluster.life.checking import checked
from retrieve.indexes.cluster.life.copies import refreshing, replacing
from retrieve.indexes.cluster.life.copies.refreshing import Refreshed
from retrieve.indexes.upkeep import repair as in_a_collection
from retrieve.indexes.upkeep.repair import Repaired

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection


@dataclass(frozen=True, slots=True)
class RepairedCluster:
    """What was repaired and what was not.

    shards    by number what each could do by itself
    silent    shards that could not be repaired, and why
    replaced  shards that were taken from a replica
    replicas  that were made anew
    agreed    what was changed in the manifest; None where a shard does not answer
    """

    shards: dict[int, Repaired]
    silent: dict[int, str] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    replicas: Refreshed = field(default_factory=Refreshed)
    agreed: Agreed | None = None

    @property
    def together(self) -> Repaired:
        """Of all shards that were not taken from a replica."""
        total = Repaired()
        for number, one in sorted(self.shards.items()):
            if number not in self.replaced:
                for each in fields(Repaired):
                    sum_of = getattr(total, each.name) + getattr(one, each.name)
                    setattr(total, each.name, sum_of)
        return total

    @property
    def is_whole(self) -> bool:
        """Whether nothing stays damaged, as far as a repair can tell."""
        damaged = {n for n, one in self.shards.items() if one.damaged or one.lost}
        return not (damaged - set(self.replaced) or self.silent or self.replicas.left)


def repair(
    cluster: Asking,
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
) -> RepairedCluster:
    """Make whole what can be made whole; inside coordinating(). Arguments as
    upkeep.repair.repair().
    """
    answers = cluster.servers.ask(repaired, processes, time_limit_s)
    silent = {n: str(why) for n, why in answers.refused.items()} | dict(answers.missing)
    damaged = {n for n, one in answers if one.damaged or one.lost} | silent.keys()
    replaced = _from_replicas(cluster, damaged)
    silent = {n: why for n, why in silent.items() if n not in replaced}
    replicas = refreshing.make_anew(cluster, _not_whole(cluster, set(silent)))
    agreed = None if silent else agreeing.agree(cluster.manifest, cluster.servers)
    return RepairedCluster(dict(answers), silent, replaced, replicas, agreed)


def repaired(collection: Collection, processes: int, time_limit_s: float) -> Repaired:
    """A question to a shard."""
    return in_a_collection.repair(collection, processes=processes, time_limit_s=time_limit_s)


def _from_replicas(cluster: Asking, shards: set[int]) -> list[int]:
    """Put a whole replica in the place of each shard that has one; returns which."""
    taken = []
    for shard in sorted(shards):
        (one,) = [each for each in cluster.manifest.shards() if each.number == shard]
        if not one.folder.parent.is_dir():
            continue  # its disk is away, and may come back
        for copy in range(1, len(one.folders)):
            found = cluster.servers_of(copy).ask(checked, True, of=[shard]).given.get(shard)
            if found is not None and not any(finding.wrong for finding in found):
                try:
                    replacing.replace(cluster, 0, {shard: _beside(one.folder)}, source=copy)
                except RetrievalError:
                    continue
                taken.append(shard)
                break
    return taken


def _beside(folder: Path) -> Path:
    """Another name for the folder of a shard, which is not there."""
    stem = folder.name.removesuffix(refreshing.AGAIN)
    other = stem if folder.name != stem else stem + refreshing.AGAIN
    return folder.with_name(other)


def _not_whole(cluster: Asking, but: set[int]) -> list[tuple[int, int]]:
    """Replicas that are damaged or away, of shards that are not."""
    found = []
    for copy in range(1, max((len(one.folders) for one in cluster.manifest.shards()), default=0)):
        answers = cluster.servers_of(copy).ask(checked, True)
        whole = {n for n, findings in answers if not any(one.wrong for one in findings)}
        found += [(n, copy) for n in cluster.servers_of(copy).shards if n not in whole | but]
    return found
