"""What the manifest keeps of photos and files: taken out of it, and looked for in its bytes.

Checksums of contents, paths whose content another shard holds, statements. cluster.sqlite
overwrites what is deleted (secure_delete), is written anew afterwards, and its journal is gone when
a transaction ends.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import VARIABLES
from retrieve.indexes.cluster.manifest import CLUSTER, NEW, Manifest
from retrieve.indexes.cluster.people import connected
from retrieve.indexes.people import refs
from retrieve.indexes.people.forgetting import Rewriting
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep.needles import WINDOW, Needles, find_in_file
from retrieve.indexes.upkeep.proof import Evidence, Proof, Trace

# Ends of the names of files that may hold it; .new is a manifest that is made again.
OF_SQLITE = ("", "-journal", "-wal", NEW.removeprefix(CLUSTER))
LIVING = (
    "SELECT path FROM elsewhere",
    "SELECT first FROM ranges",
    "SELECT CAST(what AS BLOB) FROM statements",
    "SELECT CAST(with_what AS BLOB) FROM begun",
)
DERIVED = "SELECT CAST(key AS BLOB) FROM named"  # of statements, where it is there


def collect(
    sha256s: Iterable[str], paths: Iterable[Path], names: Iterable[str], said: Rewriting
) -> Evidence:
    """The bytes that must not be in the manifest once it is done."""
    goes = Evidence()
    for sha256 in sha256s:
        goes.add("SHA-256", f"content {sha256[:12]}", bytes.fromhex(sha256))
        goes.add("SHA-256", f"content {sha256[:12]}", sha256.encode())
    for path in paths:
        goes.add("path", str(path), os.fsencode(path))
        goes.add("path", str(path), os.fsencode(path).hex().encode())  # as it was begun
    for name in names:
        for written in dict.fromkeys((name, json.dumps(name)[1:-1])):
            if len(written.encode()) >= WINDOW:
                goes.add("name", name, written.encode())
    for ref in dict.fromkeys(said.refs()):
        goes.add("statement", f"photo {ref.sha256[:12]}", refs.written([ref])[1:-1].encode())
    return goes


def remove(manifest: Manifest, sha256s: Iterable[str], paths: Iterable[Path]) -> None:
    """Take contents and paths out of the manifest; inside writing()."""
    manifest.db.conn.executemany(
        "DELETE FROM contents WHERE sha256 = ?", ([bytes.fromhex(one)] for one in sha256s)
    )
    manifest.db.conn.executemany(
        "DELETE FROM elsewhere WHERE path = ?", ([os.fsencode(path)] for path in paths)
    )


def boundaries(manifest: Manifest, paths: Set[bytes]) -> list[bytes]:
    """Where ranges of paths begin that one of these is named by, or the place behind it."""
    return [
        first
        for (first,) in manifest.db.execute("SELECT first FROM ranges ORDER BY first").fetchall()
        if first in paths or (first.endswith(b"\0") and first[:-1] in paths)
    ]


def shift(manifest: Manifest, firsts: Sequence[bytes], before: Sequence[bytes]) -> None:
    """Let ranges begin behind another path, the last that is left before them; inside writing()."""
    for first, last in zip(firsts, before, strict=True):
        (shard,) = manifest.db.execute(
            "SELECT shard FROM ranges WHERE first = ?", [first]
        ).fetchone()
        manifest.db.execute("DELETE FROM ranges WHERE first = ?", [first])
        begins = last + b"\0" if last else b""
        manifest.db.execute(
            "INSERT OR REPLACE INTO ranges (first, shard) VALUES (?, ?)", [begins, shard]
        )


def write_anew(manifest: Manifest) -> None:
    """Leave nothing in cluster.sqlite but what the manifest says."""
    try:
        traces.vacuum(manifest.db, manifest.folder)
    except sqlite3.OperationalError as error:
        raise CollectionError(
            f"what was forgotten is out of {CLUSTER}, but traces of it are left in the file, which "
            f"could not be written anew: {error}. It takes twice its size in free space; then run: "
            "retrieve repair"
        ) from error


def prove(manifest: Manifest, evidence: Evidence) -> Proof:
    """Look for what must not be there in the bytes of cluster.sqlite; outside writing()."""
    wanted = Needles(evidence.needles)
    files = size_bytes = 0
    found: list[tuple[int, str, int]] = []
    for end in OF_SQLITE:
        file = manifest.folder / (CLUSTER + end)
        if file.is_file():
            files += 1
            size_bytes += file.stat().st_size
            found += [(i, file.name, offset) for i, offset in find_in_file(file, wanted)]
    shared = _living(manifest, wanted) if found else set()
    plain = set(wanted.skipped)
    looked_for = Counter(
        kind for i, (kind, _) in enumerate(evidence.kinds) if i not in shared and i not in plain
    )
    left = [Trace(*evidence.kinds[i], name, at) for i, name, at in found if i not in shared]
    return Proof(dict(looked_for), len(plain), len(shared), files, size_bytes, left)


def _living(manifest: Manifest, wanted: Needles) -> set[int]:
    """The numbers of what the manifest still says elsewhere."""
    found: set[int] = set()
    for query in (*LIVING, *([DERIVED] if connected.is_there(manifest) else [])):
        cursor = manifest.db.execute(query)
        while rows := cursor.fetchmany(VARIABLES):
            found |= {i for i, _ in wanted.find(b"\0".join(one for (one,) in rows))}
    return found
