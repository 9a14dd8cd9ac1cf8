"""A cluster made: empty, of one collection, or its manifest anew from the shards that there are."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.cluster.ids import OWN_PERSONS
from retrieve.indexes.cluster.indexing import committing, work
from retrieve.indexes.cluster.indexing.task import seen
from retrieve.indexes.cluster.manifest import (
    CLUSTER,
    REPLICAS,
    SHARDS,
    Manifest,
    create_manifest,
    is_cluster,
    open_manifest,
    replaced_manifest,
)
from retrieve.indexes.cluster.people import log, numbering
from retrieve.indexes.collection import open_collection
from retrieve.indexes.files import is_plain_folder
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.restore import restore

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Remade:
    """A manifest that was made anew.

    shards   that were found
    missing  numbers between them of which none was: they lay elsewhere, or are lost
    """

    shards: list[int]
    missing: list[int]


def create(folder: Path, source: Path | None = None, *, on_bytes: OnBytes | None = None) -> None:
    """Make a cluster in a folder that is not there yet, or is empty.

    source    a collection that becomes its first shard: it is copied, while others may write to it,
              and stays; ids and numbers of persons are what they were
    on_bytes  called meanwhile with bytes done and bytes in all
    raises    CollectionError if something is in the folder; BadInput if the source is a cluster
    """
    if source is not None and is_cluster(source):
        raise BadInput(f"{source} is a cluster already; wanted a collection to make one of")
    with ExitStack() as stack:
        collection = None if source is None else stack.enter_context(open_collection(source))
        manifest = stack.enter_context(closing(_begun(folder, goes_on=collection is not None)))
        if collection is None:
            return
        with manifest.coordinating():
            if manifest.shards():
                raise CollectionError(f"{folder} is a cluster already")
            part = folder / committing.part_folder(0)
            if not part.exists():
                file = work.begin(folder) / "first.tar"
                try:
                    backup(collection, file, on_bytes=on_bytes)
                    restore(file, part)
                finally:
                    work.remove(folder)
            committing.commit_part(manifest, 0, numbering.adopt)
            for shard in manifest.shards():
                with open_collection(shard.folder) as first:  # what was said of its people
                    log.hear(manifest, {shard.number: log.said_since(first, 0)})


def _begun(folder: Path, *, goes_on: bool) -> Manifest:
    """An empty cluster; one that is there and has no shards yet where it is to get its first."""
    if goes_on and is_cluster(folder):
        return open_manifest(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        strange = [
            path.name
            for path in folder.iterdir()
            if path.name not in (SHARDS, "lost+found", f"{CLUSTER}.new") and not is_cluster(folder)
        ]
    except OSError as error:
        raise CollectionError(f"cannot make a cluster at {folder}: {error.strerror}") from error
    if strange and not (folder / CATALOG).exists():
        raise CollectionError(
            f"{folder} is there and not empty: choose another folder for the cluster"
        )
    return create_manifest(folder)


def create_again(folder: Path) -> Remade:
    """Make a manifest that is lost or damaged anew, of the shards below the folder.

    Which shard has which paths and contents, networks, copies and numbers of persons are
    read there; what people said is heard of again from their logs. Contents that two of them hold
    are let go by one when something is indexed next.
    raises  BadInput if the manifest is sound, or there is no shard; CollectionError if one cannot
            be opened, or they are of different networks
    """
    if _is_sound(folder):
        raise BadInput(
            f"the manifest of {folder} is sound. Where shards say otherwise is told by: "
            f"retrieve check -c {folder}"
        )
    numbers = {
        int(found[1]): path
        for path in sorted((folder / SHARDS).glob("*"))
        if (found := committing.SHARD.fullmatch(path.name))
        and is_plain_folder(path)
        and (path / CATALOG).is_file()
    }
    if not numbers:
        raise BadInput(f"wanted a cluster; {folder / SHARDS} holds no shard")
    with replaced_manifest(folder) as manifest, manifest.coordinating():
        manifest.db.execute("CREATE TEMP TABLE known (path BLOB, gone INTEGER, shard INTEGER)")
        for number, path in numbers.items():
            _enter(manifest, number, path)
        _enter_paths(manifest)
        with manifest.writing():
            manifest.db.execute(
                "INSERT INTO begun (what, with_what) VALUES (?, ?)",
                [committing.BEGUN, json.dumps(list(numbers))],
            )
    missing = sorted(set(range(max(numbers))) - numbers.keys())
    return Remade(sorted(numbers), missing)


def _is_sound(folder: Path) -> bool:
    try:
        with closing(open_manifest(folder)) as manifest:
            return bool(manifest.db.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except (CollectionError, sqlite3.DatabaseError):
        return False


def _enter(manifest: Manifest, number: int, folder: Path) -> None:
    """What the manifest says of one shard."""
    with open_collection(folder) as collection:
        found = seen(collection, 0)
        (last,) = collection.db.execute(
            "SELECT coalesce(max(id), 0) FROM (SELECT id FROM persons UNION SELECT person_id "
            "FROM statements UNION SELECT other_id FROM statements) WHERE id < ?",
            [OWN_PERSONS],
        ).fetchone()
        manifest.db.conn.executemany(
            "INSERT INTO known VALUES (?, ?, ?)",
            (
                (os.fsencode(path_of(path)), gone, number)
                for path, gone in collection.db.execute("SELECT path, gone FROM paths")
            ),
        )
    copies = [
        copy
        for copy in sorted((manifest.folder / REPLICAS).glob(f"*/{number:04}*"))
        if copy.parent.name.isdigit() and is_plain_folder(copy) and (copy / CATALOG).is_file()
    ]
    with manifest.writing():
        manifest.db.execute(
            "INSERT INTO shards (number, files, last) VALUES (?, ?, ?)",
            [number, found.files, found.last],
        )
        folders = {0: folder} | {int(copy.parent.name): copy for copy in copies}
        manifest.db.conn.executemany(
            "INSERT INTO copies (shard, copy, folder) VALUES (?, ?, ?)",
            (
                [number, copy, os.fsencode(path.relative_to(manifest.folder))]
                for copy, path in folders.items()
            ),
        )
        for name, (made_by, dim) in found.spaces.items():
            manifest.hold_space(name, made_by, dim)
        manifest.hold(number, found.contents)
        manifest.db.execute("UPDATE cluster SET next_person = max(next_person, ?)", [last + 1])


def _enter_paths(manifest: Manifest) -> None:
    """Let each path fall to a shard that knows it: to one where it is there, before others."""
    first, before = b"", None
    with manifest.writing():
        for path, shard in manifest.db.execute(
            "SELECT path, shard FROM (SELECT path, shard, row_number() OVER "
            "(PARTITION BY path ORDER BY gone, shard) AS place FROM known) WHERE place = 1 "
            "ORDER BY path"
        ):
            if shard != before:
                manifest.db.execute(
                    "INSERT INTO ranges (first, shard) VALUES (?, ?)",
                    [path if before is not None else first, shard],
                )
                before = shard
