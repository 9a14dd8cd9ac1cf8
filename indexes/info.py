"""What a collection holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from retrieve.indexes.catalog.database import reading
from retrieve.indexes.files import used_bytes
from retrieve.indexes.opened import Opened
from retrieve.indexes.reembedding.staged import Halfway, halfway
from retrieve.indexes.search.engine import State
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Shards


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection holds and what made it.

    space        of faces; texts of passages, pictures of whole photos; None before there is any
    counts       photos, faces, pictures, texts, passages, files, skipped, gone, persons, dead
    shards       of a cluster: of how many that is told
    halfway      how far it is on its way to other networks; None if it is not
    search       how a search for faces goes about it now; text_search one for words
    """

    path: Path
    format: int
    space: Space | None
    texts: Space | None
    counts: dict[str, int]
    size_bytes: int
    search: State
    text_search: State
    halfway: Halfway | None = None
    pictures: Space | None = None
    shards: Shards | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """What a collection holds, as two numbers that change with it and outlast a restart.

    people  of who is who: names, persons, whose each face is, what was said
    stored  of photos, texts, files and embeddings
    """

    people: str
    stored: str

    def __str__(self) -> str:
        return f"{self.people}-{self.stored}"


# The checksums of rows are there already (catalog/sums.py); each covers the key of its row.
PEOPLE = (
    "SELECT count(*), max(id), total(sum & 0xffffff) FROM sums_statements",
    "SELECT count(*), max(id), total(sum & 0xffffff) FROM sums_persons",
    "SELECT count(*), total((id * 1000003 + person_id * 7919) % 16777213) FROM faces "
    "WHERE person_id IS NOT NULL",
)
STORED = (
    "SELECT name, rows, generation FROM spaces ORDER BY name",
    "SELECT count(*), max(id), total(sum & 0xffffff) FROM sums_contents",
    "SELECT count(*), max(id), total(sum & 0xffffff) FROM sums_paths",
    "SELECT count(*), max(id) FROM passages",
)


def generation(opened: Opened) -> Generation:
    """That of now; it is computed once for each commit."""
    version, known = opened.generation
    if not isinstance(known, Generation) or version != opened.version():
        with reading(opened.db):
            version = opened.version()
            known = Generation(_digest(opened, PEOPLE), _digest(opened, STORED))
        opened.generation = version, known
    return known


def stamp(catalog: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Another one soon after each commit, whoever's, which costs no query: what the file system
    says of an SQLite file and its log, inode, time and size; None of what is not there.

    Two commits within one tick of its clock (4 ms) may have the same.
    """
    found: list[tuple[int, int, int] | None] = []
    for path in (catalog, catalog.with_name(catalog.name + "-wal")):
        try:
            about = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((about.st_ino, about.st_mtime_ns, about.st_size))
    return tuple(found)


def _digest(opened: Opened, queries: tuple[str, ...]) -> str:
    rows = [opened.db.execute(query).fetchall() for query in queries]
    return sha256(repr(rows).encode()).hexdigest()[:12]


def describe(opened: Opened) -> Info:
    """Count, and look at how searches go about it."""
    space, texts = opened.faces.space(), opened.texts.vectors.space()
    if space is not None:
        opened.engine.index()
    if texts is not None:
        opened.texts.engine.index()
    return Info(
        opened.path,
        opened.catalog.format,
        space,
        texts,
        opened.catalog.counts(),
        used_bytes(opened.path),
        opened.engine.state,
        opened.texts.engine.state,
        halfway(opened.db, opened.path),
        opened.pictures.vectors.space(),
    )
