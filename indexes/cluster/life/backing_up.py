"""A cluster as a folder: a backup of each shard, and what the manifest alone knows.

    backup.json               the manifest without what the shards tell, and which files count
    0003-8c1f….tar            shard 3, by the beginning of its state() (copies/state.py)

A second backup into the same folder copies those shards alone that have changed. Files have other
names then, and backup.json takes its place when all are there: a backup that ends in the middle
leaves the one before.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.files import open_regular
from retrieve.indexes.upkeep.backup import backup as of_a_collection
from retrieve.indexes.vectors.file import sync_folder

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection

FORMAT = 1
TOLD = "backup.json"
NEW = "backup.json.new"
SHARD = re.compile(r"\d{4,}-[0-9a-f]{16}\.tar")
# Of the manifest's tables: what the shards tell, where copies lie here, what is not done yet, and
# what follows from statements.
LEFT_OUT = ("contents", "copies", "begun", "named")

Row = list[Any]


@dataclass(frozen=True, slots=True)
class ShardBackup:
    """One shard in a backup.

    state  64 hexadecimal digits
    file   beside backup.json
    """

    number: int
    state: str
    file: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ClusterBackup:
    """What a backup holds.

    made_at  ISO 8601, UTC
    cluster  its id
    tables   of the manifest: by name the columns, and rows; bytes as {"hex": …}
    """

    format: int
    made_at: str
    cluster: str
    shards: list[ShardBackup]
    tables: dict[str, tuple[list[str], list[Row]]]


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup did.

    copied  shards
    kept    shards that have not changed since the backup that was there
    """

    folder: Path
    copied: list[int]
    kept: list[int]
    size_bytes: int


def backup(cluster: Asking, folder: Path, *, force: bool = False) -> BackedUp:
    """Back up all shards, at the same time, and what the manifest knows; inside coordinating().

    folder  is made, private to its owner; or holds a backup of this cluster, which is brought up
            to date
    force   replace the backup of another cluster, too
    raises  BadInput if something else is in the folder; CollectionError if a shard does not
            answer or the folder cannot be written: the backup before stays whole
    """
    manifest = cluster.manifest
    folder = folder.absolute()  # servers of shards may lie elsewhere
    before = _before(cluster, folder, force=force)
    states = cluster.servers.ask(state).all()
    files = {number: f"{number:04}-{holds[:16]}.tar" for number, holds in states.items()}
    there = {one.file: one.size_bytes for one in (before.shards if before else ())}
    kept = [
        number
        for number, file in files.items()
        if file in there and _size(folder / file) == there[file]
    ]
    each = {n: (str(folder / file),) for n, file in files.items() if n not in kept}
    made = cluster.servers.ask(backed_up, each=each).all()
    states |= made
    for number, holds in made.items():  # what it holds may have changed since it was asked
        name = f"{number:04}-{holds[:16]}.tar"
        if name != files[number]:
            os.replace(folder / files[number], folder / name)  # noqa: PTH105
            files[number] = name
    told = ClusterBackup(
        FORMAT,
        datetime.now(UTC).isoformat(timespec="seconds"),
        manifest.id,
        [
            ShardBackup(n, states[n], file, _size(folder / file) or 0)
            for n, file in sorted(files.items())
        ],
        tables(manifest.db),
    )
    try:
        _write(folder, told)
        for path in folder.iterdir():
            if SHARD.fullmatch(path.name) and path.name not in files.values():
                path.unlink()
    except OSError as error:
        raise _unwritten(folder, error) from error
    return BackedUp(folder, sorted(made), sorted(kept), sum(one.size_bytes for one in told.shards))


def backed_up(collection: Collection, file: str) -> str:
    """A question to a shard: back it up; returns the state() of what is in the file."""
    before = state(collection)
    of_a_collection(collection, Path(file), force=True)
    after = state(collection)
    if before != after:
        raise CollectionError(
            f"{collection.path} was changed by somebody while it was backed up. The backup before "
            "stays whole: run again"
        )
    return after


def read(folder: Path) -> ClusterBackup:
    """What a backup says of itself; raises BadInput if that is nothing that we could have written.

    Rows are compared with the tables that they go into where they are restored.
    """
    try:
        fd = open_regular(folder / TOLD)
        with os.fdopen(fd, "rb") as file:
            said = json.load(file)
        if said["format"] > FORMAT:
            raise BadInput(
                f"{folder} is a backup of format {said['format']}; this version of retrieve knows "
                f"formats up to {FORMAT}. Upgrade: pip install --upgrade retrieve"
            )
        shards = [ShardBackup(**one) for one in said["shards"]]
        if not all(_is_right(one) for one in shards) or not isinstance(said["tables"], dict):
            raise ValueError("shards")
        return ClusterBackup(
            int(said["format"]), str(said["made_at"]), str(said["cluster"]), shards, said["tables"]
        )
    except FileNotFoundError as error:
        raise BadInput(
            f"{folder} is no backup of a cluster: it has no {TOLD}. Make one with: retrieve backup "
            "FOLDER -c CLUSTER"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{folder / TOLD} is damaged, or no backup of a cluster: {error}") from error
    except OSError as error:
        raise BadInput(f"cannot read {folder / TOLD}: {error.strerror}") from error


def tables(db: Database) -> dict[str, tuple[list[str], list[Row]]]:
    """All rows that a backup holds of the manifest."""
    found: dict[str, tuple[list[str], list[Row]]] = {}
    for (name,) in db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_stat%' "
        "ESCAPE '!' ORDER BY name"
    ).fetchall():
        if name not in LEFT_OUT:
            cursor = db.execute(f'SELECT * FROM "{name}"')
            columns = [one[0] for one in cursor.description]
            found[name] = columns, [[_kept(value) for value in row] for row in cursor]
    return found


def _before(cluster: Asking, folder: Path, *, force: bool) -> ClusterBackup | None:
    """The backup that is in the folder, which is made if it is not there."""
    if folder.resolve().is_relative_to(cluster.path.resolve()):
        raise BadInput(f"{folder} is in the cluster itself: give a folder on another disk")
    if os.path.lexists(folder) and not folder.is_dir():
        raise BadInput(f"a cluster is backed up into a folder, and {folder} is none")
    try:
        folder.mkdir(0o700, exist_ok=True)
        if not any(folder.iterdir()):
            return None
    except OSError as error:
        raise _unwritten(folder, error) from error
    if not (folder / TOLD).is_file():
        if all(SHARD.fullmatch(one.name) or one.name == NEW for one in folder.iterdir()):
            return None  # of a first backup that ended in the middle
        raise BadInput(f"{folder} is there and holds no backup of a cluster: give another name")
    before = read(folder)
    if before.cluster != cluster.manifest.id and not force:
        raise BadInput(
            f"{folder} holds the backup of another cluster: give another name, or replace it with "
            "--force"
        )
    return before if before.cluster == cluster.manifest.id else None


def _write(folder: Path, told: ClusterBackup) -> None:
    (folder / NEW).unlink(missing_ok=True)
    fd = open_regular(folder / NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(fd, "w") as file:
        json.dump(asdict(told), file)
        file.flush()
        os.fsync(fd)
    os.replace(folder / NEW, folder / TOLD)  # noqa: PTH105
    sync_folder(folder)


def _kept(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _is_right(one: ShardBackup) -> bool:
    return (
        type(one.number) is int
        and one.number >= 0
        and isinstance(one.file, str)
        and SHARD.fullmatch(one.file) is not None
        and isinstance(one.state, str)
        and re.fullmatch("[0-9a-f]{64}", one.state) is not None
        and type(one.size_bytes) is int
    )


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _unwritten(folder: Path, error: OSError) -> CollectionError:
    return CollectionError(
        f"cannot make the backup {folder}: {(error.strerror or str(error)).lower()}. The one "
        "before stays whole"
    )
