"""The members of a tar and its manifest, without believing what they say of themselves.

Only plain files with the names that a backup has are taken, in the one form of header that a
backup is written in: long names, links, holes and extended headers are of other programs, and
reading them is what takes memory and writes elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from retrieve.errors import BadInput
from retrieve.indexes.catalog.migrations import FORMAT as CATALOG_FORMAT
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.upkeep.backup import BLOCK_BYTES, FORMAT, MANIFEST, Manifest, Member

NAMES = re.compile(r"[a-z][a-z0-9_-]*(\.\d{1,18})?\.f32")  # of vector files
DIGEST = re.compile("[0-9a-f]{64}")
MANIFEST_BYTES = 1 << 20  # at most
MOST_MEMBERS = 64  # a collection has a vector file for each kind of embedding
BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the content of a member lies."""

    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup, open, after looking at everything but the contents.

    entries  by name, without the manifest's
    """

    stream: BinaryIO
    manifest: Manifest
    entries: dict[str, Entry]


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """The backup in a file; raises BadInput for what is no whole backup of a known format."""
    with _regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        entries = _entries(stream, size, file)
        found = entries.pop(MANIFEST, None)
        if found is None:
            raise cut(file)
        manifest = _manifest(stream, found, file)
        if {name: entry.size_bytes for name, entry in entries.items()} != {
            name: member.size_bytes for name, member in manifest.members.items()
        }:
            raise damaged(file, "it does not hold what its manifest says")
        yield Archive(stream, manifest, entries)


def extract(
    archive: Archive, file: Path, folder: Path, on_bytes: Callable[[int, int], None] | None
) -> None:
    """Write all members into a folder; raises BadInput if one has not the SHA-256 it should."""
    done, of = 0, sum(entry.size_bytes for entry in archive.entries.values())
    for name, entry in archive.entries.items():
        checksum = hashlib.sha256()
        fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as out:
            for block in _blocks(archive.stream, entry, file):
                out.write(block)
                checksum.update(block)
                done += len(block)
                if on_bytes is not None:
                    on_bytes(done, of)
            out.flush()
            os.fsync(fd)
        if checksum.hexdigest() != archive.manifest.members[name].sha256:
            raise damaged(file, f"the SHA-256 of its {name} is not the one in its manifest")


@contextmanager
def _regular(file: Path) -> Iterator[BinaryIO]:
    """The file, if it is one: a pipe would be waited for."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise BadInput(f"no such file: {file}") from error
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BadInput(f"cannot read {file}: wanted the file that retrieve backup wrote")
    with os.fdopen(fd, "rb") as stream:
        yield stream


def _entries(stream: BinaryIO, size_bytes: int, file: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    offset = 0
    while True:
        stream.seek(offset)
        head = stream.read(BLOCK)
        if len(head) < BLOCK or head == bytes(BLOCK):
            return entries
        try:
            info = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except (tarfile.TarError, ValueError) as error:
            if entries:
                raise cut(file) from error
            raise BadInput(f"{file} is no backup of a collection: {error}") from error
        known = info.name in (MANIFEST, CATALOG) or NAMES.fullmatch(info.name)
        plain = info.type == tarfile.REGTYPE and not info.issparse() and info.size >= 0
        if not known or not plain or info.name in entries or len(entries) == MOST_MEMBERS:
            raise BadInput(
                f"{file} is not restored: it holds {info.name!r}, as no backup of a collection does"
            )
        entries[info.name] = Entry(offset + BLOCK, info.size)
        offset += BLOCK + info.size + -info.size % BLOCK
        if entries[info.name].offset + info.size > size_bytes:
            raise cut(file)


def _manifest(stream: BinaryIO, entry: Entry, file: Path) -> Manifest:
    if entry.size_bytes > MANIFEST_BYTES:
        raise damaged(file, "its manifest is too long")
    text = b"".join(_blocks(stream, entry, file))
    try:
        values = json.loads(text)
        version, catalog_format = _whole(values["format"]), _whole(values["catalog_format"])
        if version > FORMAT or catalog_format > CATALOG_FORMAT:
            raise BadInput(
                f"{file} is a backup of format {version} of a collection of format "
                f"{catalog_format}; this version of retrieve knows {FORMAT} and {CATALOG_FORMAT}. "
                "Upgrade: pip install --upgrade retrieve"
            )
        members = {
            name: Member(_whole(member["size_bytes"], 0), _digest(member["sha256"]))
            for name, member in values["members"].items()
        }
        spaces = {
            name: {key: _text(value) for key, value in made_by.items()}
            for name, made_by in values["spaces"].items()
        }
        made_at = _text(values["made_at"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(file, "its manifest cannot be read") from error
    return Manifest(version, made_at, catalog_format, spaces, members)


def _whole(value: Any, lowest: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value < 1 << 62:
        raise ValueError(value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 4096 or not value.isprintable():
        raise ValueError(value)
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise ValueError(value)
    return value


def _blocks(stream: BinaryIO, entry: Entry, file: Path) -> Iterator[bytes]:
    stream.seek(entry.offset)
    left = entry.size_bytes
    while left:
        block = stream.read(min(BLOCK_BYTES, left))
        if not block:
            raise cut(file)
        left -= len(block)
        yield block


def cut(file: Path) -> BadInput:
    """What is said of a file that ends too early."""
    return BadInput(
        f"{file} is not a whole backup of a collection: its manifest is missing. It was cut short "
        "or damaged, or is something else"
    )


def damaged(file: Path, reason: str) -> BadInput:
    """What is said of a file that contradicts itself."""
    return BadInput(f"{file} is damaged and not restored: {reason}. Use another backup")
