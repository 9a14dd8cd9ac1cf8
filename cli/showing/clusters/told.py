"""The same as tables, lines and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.cli.showing import render, reports
from retrieve.cli.showing.reports import counted

if TYPE_CHECKING:
    from retrieve.indexes.cluster.life.backing_up import BackedUp, ClusterBackup
    from retrieve.indexes.cluster.life.copies.moving import Move
    from retrieve.indexes.cluster.life.copies.refreshing import Refreshed
    from retrieve.indexes.cluster.life.merging.merge import Merge
    from retrieve.indexes.cluster.life.repairing import RepairedCluster
    from retrieve.indexes.cluster.manifest import Shard
    from retrieve.indexes.cluster.plan import Plan


def backed_up(done: BackedUp, *, as_json: bool) -> None:
    """Which shards were copied, and which were as they had been."""
    if as_json:
        render.as_json(asdict(done) | {"folder": render.shown(done.folder)})
        return
    kept = f"; {len(done.kept):,} have not changed since" if done.kept else ""
    render.line(
        f"wrote {render.shown(done.folder)}, {done.size_bytes / 1e6:,.1f} MB: "
        f"{counted(len(done.copied), 'shard')} copied{kept}"
    )


def restored(told: ClusterBackup, folder: Path, *, as_json: bool) -> None:
    """The cluster that a backup became."""
    shards = len(told.shards)
    if as_json:
        where = render.shown(folder)
        render.as_json({"collection": where, "made_at": told.made_at, "shards": shards})
        return
    render.line(
        f"restored a cluster of {counted(shards, 'shard')} as of {told.made_at} to "
        f"{render.shown(folder)}"
    )


def repaired(done: RepairedCluster, *, as_json: bool) -> None:
    """What each shard could do, and what was made right in the manifest."""
    if as_json:
        shards = {str(n): render.fields_of(one) for n, one in done.shards.items()}
        render.as_json(
            {
                "whole": done.is_whole,
                "shards": shards,
                "silent": {str(n): why for n, why in done.silent.items()},
                "replaced": done.replaced,
                "replicas": _copies(done.replicas),
                "manifest": None
                if done.agreed is None
                else {"entered": done.agreed.entered, "removed": done.agreed.removed},
            }
        )
        return
    reports.repaired(done.together)
    for number in done.replaced:
        render.line(f"shard {number} was taken from its replica")
    refreshed(done.replicas)
    if done.agreed is not None and (done.agreed.entered or done.agreed.removed):
        render.line(
            f"cluster.sqlite: {counted(done.agreed.entered, 'content')} entered, "
            f"{done.agreed.removed:,} removed"
        )
    for number, why in sorted(done.silent.items()):
        render.error(f"shard {number} could not be repaired: {why}")


def refreshed(done: Refreshed, *, as_json: bool = False) -> None:
    """Which copies were made, let go, or could not be made."""
    if as_json:
        render.as_json(_copies(done))
        return
    if done.made:
        render.line(f"made {counted(len(done.made), 'copy', 'copies')} of shards")
    if done.removed:
        render.line(f"removed {counted(len(done.removed), 'copy', 'copies')} of shards")
    if done.equal:
        are = "was" if len(done.equal) == 1 else "were"
        render.line(f"{counted(len(done.equal), 'copy', 'copies')} {are} equal already")
    for (shard, copy), why in done.left.items():
        render.error(f"replica {copy} of shard {shard} could not be made: {why}")


def moved(moves: Sequence[Move], *, done: bool, as_json: bool) -> None:
    """Shards that were moved, or would be."""
    if as_json:
        render.as_json({"done": done, "moves": _moves(moves)})
        return
    if not moves:
        render.line("nothing is to be moved")
    for one in moves:
        render.line(
            f"{'moved' if done else 'to be moved'}: shard {one.shard}, "
            f"{one.size_bytes / 1e6:,.1f} MB, from {render.shown(one.source)} to "
            f"{render.shown(one.target)}"
        )


def rebalanced(
    merges: Sequence[Merge],
    left: Sequence[tuple[Merge, str]],
    moves: Sequence[Move],
    large: Sequence[Shard],
    *,
    done: bool,
    as_json: bool,
) -> None:
    """Shards that were merged and moved, or would be, those that could not be merged, and those
    that are far too large.
    """
    if as_json:
        told = {
            "done": done,
            "merges": [asdict(one) for one in merges],
            "left": [asdict(one) | {"reason": why} for one, why in left],
            "moves": _moves(moves),
            "large": [one.number for one in large],
        }
        render.as_json(told)
        return
    for one in merges:
        numbers = ", ".join(map(str, one.shards))
        render.line(
            f"{'merged' if done else 'to be merged'}: shards {numbers} into {one.into}, "
            f"{counted(one.files, 'file')}"
        )
    for one, why in left:
        render.error(f"shards {', '.join(map(str, one.shards))} stay as they are: {why}")
    if moves or not (merges or left):
        moved(moves, done=done, as_json=False)
    for each in large:
        render.note(
            f"shard {each.number} has {each.files:,} files and is not split: new files go to "
            "others. For smaller ones index into a new cluster: retrieve cluster create"
        )


def planned(plan: Plan, *, as_json: bool) -> None:
    """What a cluster takes, and how that was reckoned."""
    if as_json:
        render.as_json(asdict(plan))
        return
    render.table(
        ("what", "", "how"), ((one.what, one.shown, one.how) for one in plan.lines), right=""
    )
    render.line("the figures that this is reckoned from:")
    render.table(
        ("figure", "", "measured by", "day"),
        ((one.what, one.shown, one.command, one.day) for one in plan.figures),
        right="",
    )
    for note in plan.notes:
        render.note(note)


def _moves(moves: Sequence[Move]) -> list[dict[str, object]]:
    return [
        asdict(one) | {"source": render.shown(one.source), "target": render.shown(one.target)}
        for one in moves
    ]


def _copies(done: Refreshed) -> dict[str, object]:
    return {
        "made": [list(one) for one in done.made],
        "removed": [list(one) for one in done.removed],
        "equal": [list(one) for one in done.equal],
        "left": [
            {"shard": shard, "copy": copy, "reason": why}
            for (shard, copy), why in done.left.items()
        ],
    }
