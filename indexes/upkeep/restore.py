"""A backup → the collection that it was made of.

Nothing that the file says is believed before it was checked: only plain members with the names
that a backup has are read, into a neighbour of the collection's folder, which takes its place
when every SHA-256 was found to be the one in the manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import open_database
from retrieve.indexes.catalog.migrations import FORMAT as CATALOG_FORMAT
from retrieve.indexes.collection import open_collection
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.search.engine import Engine
from retrieve.indexes.upkeep.backup import BLOCK_BYTES, FORMAT, MANIFEST, Manifest, Member, OnBytes
from retrieve.indexes.vectors.file import sync_folder
from retrieve.indexes.vectors.spaces import every_space, file_name, searched_spaces

NAMES = re.compile(r"[a-z][a-z0-9_-]*(\.\d+)?\.f32")  # of vector files
MANIFEST_BYTES = 1 << 20  # at most


def restore(file: Path, folder: Path, *, on_bytes: OnBytes | None = None) -> Manifest:
    """Make the collection in a folder that is not there yet, or is empty.

    raises  BadInput if the file is not a whole backup of a format that is known,
            CollectionError if something is in the folder, or it cannot be written; nothing is
            left behind then
    """
    target = Path(os.path.realpath(folder))
    _check_empty(target)
    with _in_words(file, target), _opened(file) as tar:
        manifest, infos = _checked(tar, file)
        target.parent.mkdir(0o700, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _extract(tar, infos, manifest, file, aside, on_bytes)
            _check_whole(aside, manifest, file)
            sync_folder(aside)
            _check_empty(target)
            os.rename(aside, target)  # noqa: PTH104 - refuses a folder that is not empty
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        sync_folder(target.parent)
    with open_collection(target) as collection:
        for vectors in searched_spaces(collection.db, target):
            Engine(collection.db, target, vectors).build()
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(file, "r:")  # noqa: SIM115 - closed below
    except FileNotFoundError as error:
        raise BadInput(f"no such file: {file}") from error
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    except tarfile.TarError as error:
        raise BadInput(f"{file} is no backup of a collection: {error}") from error
    with tar:
        try:
            yield tar
        except tarfile.TarError as error:
            raise _cut(file) from error


def _checked(tar: tarfile.TarFile, file: Path) -> tuple[Manifest, dict[str, tarfile.TarInfo]]:
    """What is in the tar, after looking at everything but the contents."""
    infos: dict[str, tarfile.TarInfo] = {}
    for info in tar:
        known = info.name in (MANIFEST, CATALOG) or NAMES.fullmatch(info.name)
        if not known or info.name in infos or info.type != tarfile.REGTYPE or info.issparse():
            raise BadInput(
                f"{file} is not restored: it holds {info.name!r}, as no backup of a collection does"
            )
        infos[info.name] = info
    if MANIFEST not in infos:
        raise _cut(file)
    manifest = _manifest(tar, infos.pop(MANIFEST), file)
    if {name: info.size for name, info in infos.items()} != {
        name: member.size_bytes for name, member in manifest.members.items()
    }:
        raise _damaged(file, "it does not hold what its manifest says")
    return manifest, infos


def _manifest(tar: tarfile.TarFile, info: tarfile.TarInfo, file: Path) -> Manifest:
    if info.size > MANIFEST_BYTES:
        raise _damaged(file, "its manifest is too long")
    text = b"".join(_blocks(tar, info))
    try:
        values = json.loads(text)
        version, catalog_format = int(values["format"]), int(values["catalog_format"])
        members = {
            str(name): Member(int(member["size_bytes"]), str(member["sha256"]))
            for name, member in values["members"].items()
        }
        spaces = {
            str(name): {str(key): str(value) for key, value in made_by.items()}
            for name, made_by in values["spaces"].items()
        }
        made_at = str(values["made_at"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(file, "its manifest cannot be read") from error
    if version > FORMAT or catalog_format > CATALOG_FORMAT:
        raise BadInput(
            f"{file} is a backup of format {version} of a collection of format {catalog_format}; "
            f"this version of retrieve knows {FORMAT} and {CATALOG_FORMAT}. "
            "Upgrade: pip install --upgrade retrieve"
        )
    return Manifest(version, made_at, catalog_format, spaces, members)


def _extract(
    tar: tarfile.TarFile,
    infos: dict[str, tarfile.TarInfo],
    manifest: Manifest,
    file: Path,
    aside: Path,
    on_bytes: OnBytes | None,
) -> None:
    done, of = 0, sum(info.size for info in infos.values())
    for name, info in infos.items():
        checksum = hashlib.sha256()
        fd = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as out:
            for block in _blocks(tar, info):
                out.write(block)
                checksum.update(block)
                done += len(block)
                if on_bytes is not None:
                    on_bytes(done, of)
            out.flush()
            os.fsync(fd)
        if checksum.hexdigest() != manifest.members[name].sha256:
            raise _damaged(file, f"the SHA-256 of its {name} is not the one in its manifest")


def _blocks(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(info)
    assert stream is not None  # of a plain file
    while block := stream.read(BLOCK_BYTES):
        yield block


def _check_whole(aside: Path, manifest: Manifest, file: Path) -> None:
    """The catalog opens, and with it are its vector files and no others.

    A catalog of an older format is brought to the current one here.
    """
    try:
        with closing(open_database(aside / CATALOG).conn) as conn:
            db = Database(conn, execute_plugins=False)
            held = [space.required() for space in every_space(db, aside)]
            for space in every_space(db, aside):
                space.gallery()
    except CollectionError as error:
        raise BadInput(
            f"{file} is not restored: what is in it cannot be opened: {error}"
        ) from error
    wanted = {file_name(s.name, s.generation) for s in held} | {CATALOG}
    if wanted != set(manifest.members):
        raise _damaged(file, "its catalog and its manifest disagree")


def _check_empty(target: Path) -> None:
    try:
        there = os.path.lexists(target)
        if there and (not target.is_dir() or any(target.iterdir())):
            raise BadInput(
                f"{target} is there and not empty, and nothing is replaced. Choose another folder: "
                "--collection NEW"
            )
    except OSError as error:
        raise BadInput(f"cannot look into {target}: {error.strerror}") from error


def _cut(file: Path) -> BadInput:
    return BadInput(
        f"{file} is not a whole backup of a collection: its manifest is missing. It was cut short "
        "or damaged, or is something else"
    )


def _damaged(file: Path, reason: str) -> BadInput:
    return BadInput(f"{file} is damaged and not restored: {reason}. Use another backup")


@contextmanager
def _in_words(file: Path, target: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise CollectionError(
            f"cannot restore {file} to {target}: {(error.strerror or str(error)).lower()}. "
            "Nothing of it was left behind"
        ) from error
