"""A backup of a cluster → the cluster.

As with a collection nothing that it says is believed before it was looked at: each shard is
restored as a collection is, and has to hold what the backup says; rows of the manifest have to fit
into its tables. It takes its place when all of it is there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.cluster.engines.local import LocalEngine
from retrieve.indexes.cluster.life import agreeing, backing_up
from retrieve.indexes.cluster.life.backing_up import ClusterBackup, ShardBackup
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.manifest import CLUSTER, SHARDS, Manifest, create_manifest
from retrieve.indexes.cluster.people import log
from retrieve.indexes.collection import open_collection
from retrieve.indexes.opened import warn_of_others
from retrieve.indexes.upkeep.restore import check_empty
from retrieve.indexes.upkeep.restore import restore as of_a_collection
from retrieve.indexes.vectors.file import sync_folder
from retrieve.unfinished import remove_left, unfinished

TYPES = {"INTEGER": (int,), "TEXT": (str,), "BLOB": (bytes,), "REAL": (float, int)}


def restore(source: Path, folder: Path) -> ClusterBackup:
    """Make the cluster in a folder that is not there yet, or is empty.

    raises  BadInput if the source is no whole backup that is known, or holds what no cluster does;
            CollectionError if something is in the folder, or it cannot be written; nothing is left
            behind then
    """
    told = backing_up.read(source)
    target = Path(os.path.realpath(folder))
    check_empty(target)
    try:
        _put(source, told, target)
    except OSError as error:
        raise CollectionError(
            f"cannot restore {source} to {target}: {(error.strerror or str(error)).lower()}. "
            "Nothing of it was left behind"
        ) from error
    return told


def _put(source: Path, told: ClusterBackup, target: Path) -> None:
    is_there = target.is_dir()
    if not is_there:
        target.parent.mkdir(0o700, parents=True, exist_ok=True)
    remove_left(target.parent)
    with unfinished(target if is_there else target.parent) as aside:
        with closing(create_manifest(aside)) as manifest:
            _restore_shards(source, told, aside)
            _fill(manifest, told, source)
            with manifest.coordinating():
                folders = {one.number: one.folder for one in manifest.shards()}
                with closing(LocalEngine().serve(folders)) as servers:
                    agreed = agreeing.agree(manifest, servers)
            if agreed.twice:
                raise _damaged(source, "two of its shards hold the same photo")
        sync_folder(aside)
        check_empty(target, aside.parent)
        if is_there:  # which stays what it is, a mount point too; the manifest makes it a cluster
            os.rename(aside / SHARDS, target / SHARDS)  # noqa: PTH104
            sync_folder(target)
            os.rename(aside / CLUSTER, target / CLUSTER)  # noqa: PTH104
            sync_folder(target)
        else:
            os.rename(aside, target)  # noqa: PTH104 - refuses a folder that is not empty
    if is_there:
        warn_of_others(target)
    sync_folder(target.parent)


def _restore_shards(source: Path, told: ClusterBackup, aside: Path) -> None:
    def one(shard: ShardBackup) -> None:
        folder = aside / SHARDS / f"{shard.number:04}"
        of_a_collection(source / shard.file, folder)
        with open_collection(folder) as collection:
            if state(collection) != shard.state:
                raise _damaged(source, f"{shard.file} does not hold what it should")

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for _ in threads.map(one, told.shards):
            pass


def _fill(manifest: Manifest, told: ClusterBackup, source: Path) -> None:
    """The manifest's rows, each looked at."""
    wanted = backing_up.tables(manifest.db)
    if told.tables.keys() != wanted.keys():
        raise _damaged(source, "its tables are not those of a cluster")
    try:
        with manifest.writing():
            manifest.db.execute("PRAGMA defer_foreign_keys = ON")
            for name, (columns, _) in wanted.items():
                kept, rows = told.tables[name]
                if kept != columns:
                    raise ValueError(f"columns of {name}")
                manifest.db.execute(f'DELETE FROM "{name}"')
                marks = ", ".join("?" * len(columns))
                manifest.db.conn.executemany(
                    f'INSERT INTO "{name}" VALUES ({marks})', _values(manifest, name, rows)
                )
            for shard in told.shards:
                manifest.put_copy(shard.number, 0, manifest.folder / SHARDS / f"{shard.number:04}")
            numbers = [n for (n,) in manifest.db.execute("SELECT number FROM shards")]
            if sorted(numbers) != sorted(one.number for one in told.shards):
                raise ValueError("other shards than files")
        if manifest.id != told.cluster:
            raise ValueError("another cluster")
        manifest.spaces()
        log.statements(manifest)
    except (ValueError, TypeError, KeyError, OverflowError, sqlite3.Error) as error:
        raise _damaged(source, str(error)) from error


def _values(manifest: Manifest, name: str, rows: Iterable[Any]) -> Iterable[list[Any]]:
    """Rows as the table takes them; raises ValueError for a value of another type."""
    about = manifest.db.execute('SELECT type, "notnull" FROM pragma_table_info(?)', [name])
    types = [(TYPES.get(kind), bool(needed)) for kind, needed in about.fetchall()]
    for row in rows:
        values = [bytes.fromhex(one["hex"]) if isinstance(one, dict) else one for one in row]
        if len(values) != len(types):
            raise ValueError(f"a row of {name}")
        for value, (kinds, needed) in zip(values, types, strict=True):
            # SQLite's own table of last numbers has columns of no type.
            if kinds is None:
                kinds = (int, str)
            if value is None and not needed:
                continue
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f"a value in {name}")
        yield values


def _damaged(source: Path, why: str) -> BadInput:
    return BadInput(f"{source} is not restored: it is damaged, or no backup of ours: {why}")
