"""What the manifest keeps of photos, files and persons: taken out of it, looked for in its bytes.

Checksums of contents, paths whose content another shard holds, and statements over several shards,
which name persons. cluster.sqlite overwrites what is deleted (secure_delete), is then written anew,
and its journal is gone when a transaction ends.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.persons import key_of
from retrieve.indexes.cluster.life import agreeing
from retrieve.indexes.cluster.manifest import CLUSTER, Manifest
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep.needles import Needles, find_in_file
from retrieve.indexes.upkeep.proof import Evidence, Proof, Trace

OF_SQLITE = ("", "-journal", "-wal")  # ends of the names of files that may hold it
PERSONS = ("person", "other", "persons", "others")  # keys of what a statement says of whom


def remove(
    manifest: Manifest,
    *,
    sha256s: Sequence[bytes],
    paths: Sequence[bytes],
    persons: Collection[int] = (),
    names: Collection[str] = (),
    evidence: bool = False,
) -> Evidence:
    """Take it out of the manifest; inside coordinating().

    persons   numbers of those of whom no face is left in any shard
    names     that nobody has any more
    evidence  give the bytes that must not be there any more afterwards
    """
    goes = Evidence()
    with manifest.writing():
        said = [
            (id, what)
            for id, what in manifest.db.execute("SELECT id, what FROM statements").fetchall()
            if _is_about(json.loads(what), persons, {key_of(name) for name in names})
        ]
        if evidence:
            for one in sha256s:
                goes.add("SHA-256", f"content {one.hex()[:12]}", one)
            for path in paths:
                goes.add("path", str(Path(path.decode("utf-8", "replace"))), path)
                goes.add("path", "as it was begun", path.hex().encode())
            for name in names:
                goes.add("name", name, name.encode())
                goes.add("name", name, json.dumps(name)[1:-1].encode())
            for id, what in said:
                goes.add("statement", f"statement {id}", what.encode())
        manifest.db.conn.executemany(
            "DELETE FROM contents WHERE sha256 = ?", ([one] for one in sha256s)
        )
        agreeing.drop_links(manifest, paths)
        manifest.blur_ranges(paths)
        undoing = [[id, id] for id, _ in said]
        manifest.db.conn.executemany("DELETE FROM statements WHERE id = ? OR undoes = ?", undoing)
    return goes


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
    living = "\0".join(
        value
        for query in ("SELECT what FROM statements", "SELECT with_what FROM begun")
        for (value,) in manifest.db.execute(query)
    ).encode() + b"\0".join(path for (path,) in manifest.db.execute("SELECT path FROM elsewhere"))
    shared = {i for i, _ in wanted.find(living)} if found else set()
    plain = set(wanted.skipped)
    looked_for = Counter(
        kind for i, (kind, _) in enumerate(evidence.kinds) if i not in shared and i not in plain
    )
    left = [Trace(*evidence.kinds[i], name, at) for i, name, at in found if i not in shared]
    return Proof(dict(looked_for), len(plain), len(shared), files, size_bytes, left)


def _is_about(said: Any, persons: Collection[int], keys: Collection[str]) -> bool:
    """Whether what a statement says names somebody who is forgotten."""
    if isinstance(said, dict):
        return any(
            _is_about(value, persons if key in PERSONS else (), keys) for key, value in said.items()
        )
    if isinstance(said, list):
        return any(_is_about(value, persons, keys) for value in said)
    if isinstance(said, str):
        return key_of(said) in keys
    return said in persons
