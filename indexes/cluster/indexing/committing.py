"""What tasks have made becomes part of the cluster.

A new shard is built in `shards/.0007.part`. What another shard holds is taken out of it, then it is
renamed, then the manifest says that it is there: from then on it is searched. Whoever dies between
two of these steps leaves it to the next coordinator (finish()), which does them again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.cluster.engines.holding import Held
from retrieve.indexes.cluster.indexing.task import LOST_S, Content, Seen, seen
from retrieve.indexes.cluster.manifest import SHARDS, Manifest
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.files import is_plain_folder
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep import deletion
from retrieve.indexes.vectors.file import sync_folder

SHARD = re.compile(r"(\d{4,})(?:\.2)?")  # .2: what took the place of one (life/copies)
PART = re.compile(r"\.(\d{4,})\.part")
BEGUN = "index"  # in the manifest's table, with numbers of shards whose contents may be new

# Called with the folder of a collection that is to be a shard, and the manifest.
OnBuilt = Callable[[Path, Manifest], object]


@dataclass(slots=True)
class LetGo:
    """What a shard stored and another shard holds: it is out of the shard.

    links     the files, by the shard that has them now
    contents, faces, passages
              how many
    """

    links: dict[int, list[Path]] = field(default_factory=dict)
    contents: int = 0
    faces: int = 0
    passages: int = 0


def shard_folder(number: int) -> Path:
    """Where a shard lies below the cluster's folder."""
    return Path(SHARDS, f"{number:04}")


def part_folder(number: int) -> Path:
    """Where it lies until it is whole."""
    return Path(SHARDS, f".{number:04}.part")


def check_there(manifest: Manifest) -> None:
    """Raise CollectionError if a shard is not in its folder: what is indexed would miss it."""
    for one in manifest.shards():
        if not (one.folder / CATALOG).is_file():
            raise CollectionError(
                f"shard {one.number} is not in its folder {one.folder}, and nothing was indexed: "
                "bring it back, or mount its disk"
            )


def finish(manifest: Manifest, on_built: OnBuilt) -> None:
    """Do what a coordinator that is no more has begun; inside coordinating()."""
    shards = {one.number: one.folder for one in manifest.shards()}
    for number, folder in _folders(manifest, SHARD):
        if number not in shards and not (part := manifest.folder / part_folder(number)).exists():
            folder.rename(part)
    for number, _ in _folders(manifest, PART):
        if number not in shards:
            commit_part(manifest, number, on_built)
    for (number,) in manifest.db.execute(
        "SELECT DISTINCT value FROM begun, json_each(with_what) WHERE what = ?", [BEGUN]
    ).fetchall():
        if number in shards:
            commit_shard(manifest, number, on_built)
    end(manifest)


def is_begun(manifest: Manifest) -> bool:
    """Whether finish() has something to do."""
    shards = {one.number for one in manifest.shards()}
    query = "SELECT 1 FROM begun WHERE what = ?"
    return manifest.db.execute(query, [BEGUN]).fetchone() is not None or any(
        number not in shards for name in (SHARD, PART) for number, _ in _folders(manifest, name)
    )


def end(manifest: Manifest) -> None:
    """State that nothing is left of a run that was begun."""
    with manifest.writing():
        manifest.db.execute("DELETE FROM begun WHERE what = ?", [BEGUN])


def commit_part(manifest: Manifest, number: int, on_built: OnBuilt) -> LetGo:
    """Make a shard of what a task has built, if there is anything in it.

    raises  CollectionError if its embeddings are made by other networks than those of the others
    """
    part, folder = manifest.folder / part_folder(number), shard_folder(number)
    if not (part / CATALOG).is_file():
        shutil.rmtree(part, ignore_errors=True)
        return LetGo()
    with _opened(part) as collection:
        found = seen(collection, 0)
        if not found.files:
            collection.close()
            shutil.rmtree(part)
            return LetGo()
        check_spaces(manifest, found)
        gone = _let_go(manifest, number, collection, found)
        found = seen(collection, 0)
    on_built(part, manifest)
    sync_folder(part)
    part.rename(manifest.folder / folder)
    sync_folder(manifest.folder / SHARDS)
    with manifest.writing():
        manifest.add_shard(number, b"", folder)
        _hold(manifest, number, found)
    return gone


def commit_shard(
    manifest: Manifest, number: int, on_built: OnBuilt, found: Seen | None = None
) -> LetGo:
    """State what a shard holds that was brought up to date, and take out what another one does.

    found  what its task has seen; None looks
    """
    (folder,) = (one.folder for one in manifest.shards() if one.number == number)
    gone = LetGo()
    if found is None or _held(manifest, number) + len(found.contents) != found.held:
        with _opened(folder) as collection:
            found = seen(collection, 0)  # ids of contents that were forgotten are given again
        _unhold(manifest, number, found.contents)
    check_spaces(manifest, found)
    with manifest.writing():
        manifest.hold(number, found.contents)
    if _doubles(manifest, number, found):
        with _opened(folder) as collection:
            gone = _let_go(manifest, number, collection, found)
            found = seen(collection, 0)
    on_built(folder, manifest)
    with manifest.writing():
        _hold(manifest, number, found)
    return gone


def check_spaces(manifest: Manifest, found: Seen) -> None:
    """Fix what the embeddings of all shards are made by.

    raises  CollectionError if those of this one are made by something else
    """
    if not found.spaces.keys() - manifest.spaces().keys() and all(
        manifest.spaces()[name] == space for name, space in found.spaces.items()
    ):
        return
    with manifest.writing():
        for name, (made_by, dim) in found.spaces.items():
            manifest.hold_space(name, made_by, dim)


def _hold(manifest: Manifest, number: int, found: Seen) -> None:
    manifest.hold(number, found.contents)
    manifest.db.execute(
        "UPDATE shards SET files = ?, last = max(last, ?) WHERE number = ?",
        [found.files, found.last, number],
    )


def _held(manifest: Manifest, number: int) -> int:
    query = "SELECT count(*) FROM contents WHERE shard = ?"
    return int(manifest.db.execute(query, [number]).fetchone()[0])


def _unhold(manifest: Manifest, number: int, there: Iterable[Content]) -> None:
    """Take out of the manifest what a shard holds no more."""
    held = {sha256 for sha256, _ in there}
    every = manifest.db.execute("SELECT sha256 FROM contents WHERE shard = ?", [number]).fetchall()
    with manifest.writing():
        manifest.db.conn.executemany(
            "DELETE FROM contents WHERE sha256 = ?", ([one] for (one,) in every if one not in held)
        )


def _doubles(manifest: Manifest, number: int, found: Seen) -> dict[bytes, int]:
    """What other shards hold, and which."""
    holders = manifest.holders(sha256 for sha256, _ in found.contents)
    return {sha256: one for sha256, one in holders.items() if one != number}


def _let_go(manifest: Manifest, number: int, collection: Collection, found: Seen) -> LetGo:
    """Take out of a shard what others hold, and let those have its files."""
    doubles = {sha256.hex(): one for sha256, one in _doubles(manifest, number, found).items()}
    gone = LetGo()
    if not doubles:
        return gone
    db = collection.db
    paths = [
        (row[0], doubles[sha256])
        for sha256 in doubles
        for row in db.execute(
            "SELECT path FROM paths JOIN contents ON contents.id = content_id "
            "WHERE sha256 = ? AND NOT gone",
            [sha256],
        )
    ]
    move(manifest, ((path_of(path), holder) for path, holder in paths))
    with writing(db):
        doomed = deletion.held(db, doubles)
        deletion.remove(collection, doomed)
    traces.finish(db, collection.path)
    for path, holder in paths:
        gone.links.setdefault(holder, []).append(path_of(path))
    gone.contents, gone.faces = len(doomed.contents), len(doomed.faces)
    gone.passages = len(doomed.passages)
    return gone


def move(manifest: Manifest, files: Iterable[tuple[Path, int]]) -> None:
    """State which files other shards have than their range says."""
    with manifest.writing():
        manifest.db.conn.executemany(
            "INSERT OR REPLACE INTO elsewhere (path, shard) VALUES (?, ?)",
            ([os.fsencode(path), holder] for path, holder in files),
        )


@contextmanager
def _opened(folder: Path) -> Iterator[Collection]:
    with Held(folder, wait_s=LOST_S), open_collection(folder) as collection:
        yield collection


def _folders(manifest: Manifest, name: re.Pattern[str]) -> Iterator[tuple[int, Path]]:
    """Those of a name, but for what is to be removed (life/copies/replacing.py); raises Strange for
    a link, through which a collection elsewhere would be taken for a shard, and be written.
    """
    going = {
        manifest.folder / os.fsdecode(bytes.fromhex(folder))
        for (folder,) in manifest.db.execute(
            "SELECT value FROM begun, json_each(with_what) WHERE what = 'replace' "
            "AND key IN ('from', 'to') AND value IS NOT NULL"
        )
    }
    for folder in sorted((manifest.folder / SHARDS).iterdir()):
        if folder in going:
            continue
        if (found := name.fullmatch(folder.name)) and is_plain_folder(folder):
            yield int(found[1]), folder
