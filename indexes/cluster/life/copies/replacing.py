"""The folder of a copy of a shard: another one in its place, a new one, or none any more.

A copy is a backup of the copy that is written, restored. It is known to be equal before the
manifest names it; then the folder that it takes the place of is overwritten and removed, for what
will be forgotten must not lie there. Whenever a coordinator dies, the next one knows by the
manifest which of the two folders counts, and removes the other.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.engines.holding import lock_of
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.begun import REPLACING, Begun
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.cluster.places import marker_of
from retrieve.indexes.collection import open_collection
from retrieve.indexes.files import is_plain_folder, open_regular
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.restore import restore
from retrieve.unfinished import remove_left

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection

BLOCK_BYTES = 1 << 20


def replace(cluster: Asking, copy: int, to: Mapping[int, Path], *, source: int = 0) -> None:
    """Make that copy of some shards in new folders, all at the same time; inside coordinating().

    to      absolute, and not there
    source  the copy that it is made of
    raises  CollectionError if a shard cannot be copied, or changed meanwhile: with nothing changed
            of that one. Those that could be are in place
    """
    manifest = cluster.manifest
    numbers: dict[int, int] = {}
    for shard, folder in to.items():
        manifest.acknowledge(shard, folder)
        with manifest.writing():
            numbers[shard] = begun.begin(
                manifest,
                REPLACING,
                {
                    "shard": shard,
                    "copy": copy,
                    "from": text_of(manifest, _folder(manifest, shard, copy)),
                    "to": text_of(manifest, folder),
                },
            )
    servers = cluster.servers_of(source)
    made = servers.ask(copied, each={shard: (str(folder),) for shard, folder in to.items()})
    now = servers.ask(state, of=made.given)
    for shard, copy_holds in made:
        if now.given.get(shard) == copy_holds:
            with manifest.writing():
                manifest.put_copy(shard, copy, to[shard])
    cluster.forget_servers()
    for one in begun.all_begun(manifest, REPLACING):
        if one.id in numbers.values():
            finish(manifest, one)
    made.require()
    made.some()
    changed = sorted(n for n, holds in made if now.given.get(n) != holds)
    if changed:
        raise CollectionError(
            f"shard {changed[0]} was changed by somebody while it was copied. Nothing of it was "
            "moved: end who writes to it, and run again"
        )


def remove(cluster: Asking, shard: int, copy: int) -> None:
    """Let a copy go; inside coordinating()."""
    manifest = cluster.manifest
    folder = _folder(manifest, shard, copy)
    with manifest.writing():
        of = {"shard": shard, "copy": copy, "from": text_of(manifest, folder), "to": None}
        begun.begin(manifest, REPLACING, of)
        manifest.drop_copy(shard, copy)
    cluster.forget_servers()
    for one in begun.all_begun(manifest, REPLACING):
        finish(manifest, one)


def finish(manifest: Manifest, one: Begun) -> None:
    """End what is begun: remove the folder that the manifest does not name; inside coordinating().

    raises  CollectionError if it cannot be overwritten: it stays begun then
    """
    now = text_of(manifest, _folder(manifest, one.of["shard"], one.of["copy"]))
    goes = one.of["from"] if now == one.of["to"] else one.of["to"]
    named = {text_of(manifest, each) for each in _every_folder(manifest)}
    folders = {
        text: manifest.placed(one.of["shard"], os.fsdecode(bytes.fromhex(text)))
        for text in (one.of["from"], one.of["to"])
        if text is not None
    }
    goer = folders[goes] if goes is not None and goes not in named else None
    if goer is not None and goes == one.of["from"] and not goer.parent.is_dir():
        raise CollectionError(
            f"{goer}, whose place another folder has taken, cannot be reached. When its disk "
            "is there again the next command that changes the cluster removes it"
        )
    # What lies beside a folder that nobody acknowledged is not ours; the file that does goes last.
    ours = [path for path in folders.values() if manifest.is_acknowledged(one.of["shard"], path)]
    for path in ours:  # what a copying that died had half made
        tar_of(path).unlink(missing_ok=True)
        remove_left(path.parent)
    if goer in ours:
        wipe(goer)
    with manifest.writing():
        begun.end(manifest, one.id)


def copied(collection: Collection, folder: str) -> str:
    """A question to a shard: make a copy in a folder that is not there; returns its state()."""
    target = Path(folder)
    for parent in (target.parent.parent, target.parent):  # mkdir() gives a mode to the last alone
        parent.mkdir(0o700, exist_ok=True)
    tar = tar_of(target)
    try:
        backup(collection, tar, force=True)  # which is noted in the shard until it is whole
        restore(tar, target)
    finally:
        tar.unlink(missing_ok=True)
    with open_collection(target) as made:
        return state(made)


def tar_of(folder: Path) -> Path:
    """The backup that a copy in that folder is restored of."""
    return folder.with_name(f".{folder.name}.tar")


def wipe(folder: Path) -> None:
    """Overwrite all files below a folder, and remove it; nothing if it is not there.

    raises  CollectionError if it cannot be done, or a link lies in its place
    """
    try:
        if is_plain_folder(folder):
            for path in sorted(folder.rglob("*")):  # which follows no links
                about = path.lstat()
                if path.is_file() and not path.is_symlink() and about.st_nlink == 1:
                    _overwrite(path, about.st_size)
            shutil.rmtree(folder)
            lock_of(folder).unlink(missing_ok=True)
        marker_of(folder).unlink(missing_ok=True)
    except OSError as error:
        raise CollectionError(
            f"cannot overwrite and remove {folder}, which was copied elsewhere: "
            f"{error.strerror or error}. It is tried again by the next command that changes the "
            "cluster"
        ) from error


def _overwrite(path: Path, size_bytes: int) -> None:
    fd = open_regular(path, os.O_WRONLY)
    try:
        for start in range(0, size_bytes, BLOCK_BYTES):
            os.pwrite(fd, bytes(min(BLOCK_BYTES, size_bytes - start)), start)
        os.fsync(fd)
    finally:
        os.close(fd)


def _folder(manifest: Manifest, shard: int, copy: int) -> Path | None:
    row = manifest.db.execute(
        "SELECT folder FROM copies WHERE shard = ? AND copy = ?", [shard, copy]
    ).fetchone()
    return None if row is None else manifest.folder / os.fsdecode(row[0])


def _every_folder(manifest: Manifest) -> list[Path]:
    return [folder for one in manifest.shards() for folder in one.folders]


def text_of(manifest: Manifest, folder: Path | None) -> str | None:
    """A folder as JSON can hold it, whatever bytes its name has."""
    if folder is None:
        return None
    with suppress(ValueError):
        folder = folder.relative_to(manifest.folder)
    return os.fsencode(folder).hex()
