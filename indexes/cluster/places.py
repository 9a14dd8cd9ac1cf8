"""Which folders a manifest may name as a shard's.

A cluster is data, and may come from somebody else: a manifest that names any folder of this machine
would have us read, change or overwrite a collection that was never part of it. So a folder below
the cluster's own has no link on the way to it; and one outside, on another disk, is acknowledged by
a file beside it, written when the shard was put there, that carries the cluster's id and the
shard's number:

    /mnt/disk2/0003          the shard
    /mnt/disk2/.0003.shard   8f0e… 3

Whoever cannot write beside a folder cannot have it opened, and who only sends a cluster cannot.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from retrieve.errors import CollectionError
from retrieve.indexes.files import Strange, is_plain_folder, open_regular

MOST_BYTES = 200  # of what acknowledges a folder


def marker_of(folder: Path) -> Path:
    """What acknowledges a shard's folder outside the cluster's."""
    return folder.parent / f".{folder.name}.shard"


def check_place(cluster: Path, id: str, shard: int, folder: Path) -> None:
    """Raise Strange if a folder must not be used as that of a shard; one that is not there may.

    cluster  its folder
    id       of the cluster
    """
    is_inside = folder.is_relative_to(cluster)
    parts = folder.relative_to(cluster).parts if is_inside else folder.parts
    if ".." in parts:
        raise _strange(cluster, shard, folder, "with .. in it")
    if not parts:
        raise _strange(cluster, shard, folder, "the cluster's own")
    if not is_inside:
        _check_outside(cluster, id, shard, folder)
        return
    with suppress(NotADirectoryError, PermissionError):  # told by who opens it
        for part in accumulate(parts, Path.__truediv__, initial=cluster):
            if part != cluster:  # links to which are its owner's
                is_plain_folder(part)


def acknowledge(cluster: Path, id: str, shard: int, folder: Path) -> None:
    """State that a shard is to lie in a folder outside the cluster's, which need not be there yet;
    one below it is only looked at. Folders above it are made, private to their owner.

    raises  CollectionError if nothing can be written there, or check_place() would refuse it
    """
    if folder.is_relative_to(cluster):
        check_place(cluster, id, shard, folder)
        return
    try:
        for parent in (folder.parent.parent, folder.parent):
            parent.mkdir(0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(open_regular(marker_of(folder), flags), "w") as file:
            file.write(_said(id, shard))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CollectionError(
            f"cannot put shard {shard} at {folder}: {(error.strerror or str(error)).lower()}. "
            "Nothing was changed"
        ) from error


def is_acknowledged(cluster: Path, id: str, shard: int, folder: Path) -> bool:
    """Whether what lies beside a folder is that shard's too: it is below the cluster's own, or was
    acknowledged, and need not be there.
    """
    return folder.is_relative_to(cluster) or _read(folder)[0].strip() == _said(id, shard).strip()


def _check_outside(cluster: Path, id: str, shard: int, folder: Path) -> None:
    try:
        if not is_plain_folder(folder):
            return  # its disk is away
    except (NotADirectoryError, PermissionError):
        return  # told by who opens it
    said, by = _read(folder)
    if said.strip() != _said(id, shard).strip() or by != folder.lstat().st_uid:
        wanted, marker = _said(id, shard).strip(), str(marker_of(folder))
        raise Strange(
            f"{cluster} says that shard {shard} lies in {folder}, outside of it, and nothing there "
            "says so. If the cluster came from somebody else, it wants a folder of yours: do not "
            "use it. If you put the shard there yourself, acknowledge it: "
            f"echo {wanted} > {shlex.quote(marker)}"
        )


def _read(folder: Path) -> tuple[str, int | None]:
    """What acknowledges a folder, and whose it is; "" where nothing does."""
    with (
        suppress(OSError),
        os.fdopen(open_regular(marker_of(folder)), "r", errors="replace") as file,
    ):
        return file.read(MOST_BYTES), os.fstat(file.fileno()).st_uid
    return "", None


def _said(id: str, shard: int) -> str:
    return f"{id} {shard}\n"


def _strange(cluster: Path, shard: int, folder: Path, what: str) -> Strange:
    return Strange(
        f"{cluster} names a folder as that of shard {shard} that is {what}: {folder}. No cluster "
        "of ours does: see who changed it. It can be made again from its shards: retrieve cluster "
        f"create --again {cluster}"
    )
