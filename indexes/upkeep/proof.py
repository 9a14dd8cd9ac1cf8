"""Whether deleted content is in any file of a collection: known before, looked for afterwards.

The files are read by another process. SQLite's locks belong to a process and are lost when it
closes any handle of the catalog's file, one of our own too (POSIX advisory locks).
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlite_utils import Database

from retrieve.indexes.catalog.database import VARIABLES, reading
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.people import refs
from retrieve.indexes.reembedding.staged import staged_faces
from retrieve.indexes.upkeep.deletion import Doomed
from retrieve.indexes.upkeep.needles import WINDOW, Needles, find_in_folder
from retrieve.indexes.vectors.spaces import VectorSpace, every_space
from retrieve.unfinished import folders_of

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

PIECE_BYTES = (
    64  # of an embedding or a text: its first, middle and last ones; that finds a whole row too
)
CHUNK_BYTES = 32  # of a crop, short beside SQLite's pages, so that few lie across a border
CHUNK_EVERY = 128  # bytes: what is left of a crop in a page is found from 160 bytes on
CHUNKS_AT_MOST = 1 << 20  # of all crops together, but no fewer than FEWEST_CHUNKS of each
FEWEST_CHUNKS = 3
START_OF_SCAN = b"\xff\xda"  # of a JPEG: what stands before it is alike in all
LIVING_ROWS = 1 << 14  # read at a time


@dataclass(frozen=True, slots=True)
class Trace:
    """Something deleted that is still in a file, from its byte `offset` on."""

    kind: str
    what: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked for and what of it was found.

    looked_for  byte sequences of each kind
    plain       too short or too uniform to tell anything
    shared      that what remains holds as well: another path that goes on from a deleted one,
                another copy of the same picture
    """

    looked_for: dict[str, int]
    plain: int
    shared: int
    files: int
    size_bytes: int
    traces: list[Trace]


@dataclass(slots=True)
class Evidence:
    """Byte sequences that must be in no file once their owners are deleted."""

    needles: list[bytes] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)  # and of what each is

    def add(self, kind: str, what: str, needle: bytes) -> None:
        self.needles.append(needle)
        self.kinds.append((kind, what))


def collect(collection: Collection, doomed: Doomed) -> Evidence:
    """The bytes of what is going to be deleted; call inside the transaction that does it."""
    db, evidence = collection.db, Evidence()
    for id in doomed.contents:
        query = "SELECT kind, sha256, title FROM contents WHERE id = ?"
        kind, sha256, title = db.execute(query, [id]).fetchone()
        evidence.add("SHA-256", f"{kind} {sha256[:12]}", sha256.encode())
        if len(title.encode()) >= WINDOW:
            evidence.add("title", f"{kind} {sha256[:12]}", title.encode()[:PIECE_BYTES])
    for _, path in doomed.paths:
        raw = path.encode() if isinstance(path, str) else path
        evidence.add("path", str(path_of(path)), raw)
    for id, name, key in doomed.persons:
        if name is not None and key is not None:
            query = "SELECT ignored FROM persons WHERE id = ?"
            (ignored,) = db.execute(query, [id]).fetchone()
            evidence.add("name", name, _person_record(name, key, ignored))
    for name in doomed.names:
        if len(name.encode()) >= WINDOW:
            evidence.add("name", name, name.encode())
    _add_said(evidence, doomed)
    chunks = max(FEWEST_CHUNKS, CHUNKS_AT_MOST // max(1, len(doomed.faces)))
    query = "SELECT landmarks, jpeg FROM faces LEFT JOIN crops ON face_id = faces.id WHERE id = ?"
    for id, _ in doomed.faces:
        landmarks, jpeg = db.execute(query, [id]).fetchone()
        evidence.add("landmarks", f"face {id}", bytes(landmarks))
        for chunk in _chunks(bytes(jpeg or b""), chunks):
            evidence.add("crop", f"face {id}", chunk)
    _add_embeddings(evidence, collection.faces, "face", doomed.faces)
    query = "SELECT landmarks, jpeg FROM staged_faces WHERE id = ?"
    for id, _ in doomed.staged:
        landmarks, jpeg = db.execute(query, [id]).fetchone()
        evidence.add("landmarks", f"staged face {id}", bytes(landmarks or b""))
        for chunk in _chunks(bytes(jpeg or b""), chunks):
            evidence.add("crop", f"staged face {id}", chunk)
    staged = staged_faces(db, collection.path)
    _add_embeddings(evidence, staged, "staged face", doomed.staged)
    for id, _ in doomed.passages:
        said = [("text", *db.execute("SELECT text FROM passages WHERE id = ?", [id]).fetchone())]
        said += [
            ("words", body)  # none where the index of words is not that of the passages
            for (body,) in db.execute("SELECT body FROM stems WHERE rowid = ?", [id])
        ]
        for kind, words in said:
            for piece in _pieces(words.encode()):
                evidence.add(kind, f"passage {id}", piece)
    _add_embeddings(evidence, collection.texts.vectors, "passage", doomed.passages)
    _add_embeddings(evidence, collection.pictures.vectors, "photo", doomed.pictures)
    return evidence


def _add_said(evidence: Evidence, doomed: Doomed) -> None:
    """The faces that the log of what people said names no more, each as it stands there, and in
    front of the first of a line the name, which may be short.
    """
    for ref in dict.fromkeys(doomed.said.refs()):
        evidence.add("statement", f"photo {ref.sha256[:12]}", refs.written([ref])[1:-1].encode())
    for line in doomed.said.gone:
        if line.name is not None:
            stands = f"{line.name}{refs.written(line.faces)}".encode()
            evidence.add("statement", f"line {line.id}", stands[: len(line.name.encode()) + 32])


def _add_embeddings(
    evidence: Evidence, vectors: VectorSpace, what: str, items: list[tuple[int, int]]
) -> None:
    if not items:
        return
    gallery = vectors.there()
    for id, row in items:
        if row < len(gallery):
            for piece in _pieces(gallery[row].astype("<f4").tobytes()):
                evidence.add("embedding", f"{what} {id}", piece)


def _pieces(data: bytes) -> list[bytes]:
    """The first, a middle and the last piece of it."""
    middle = len(data) // 2 // PIECE_BYTES * PIECE_BYTES
    starts = sorted({0, middle, max(0, len(data) - PIECE_BYTES)})
    return [data[start : start + PIECE_BYTES] for start in starts]


def prove(collection: Collection, evidence: Evidence) -> Proof:
    """Look for what must not be there in all files below the folder, and in what is being written
    of the collection elsewhere and is not whole yet.
    """
    db, folder = collection.db, collection.path
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        search = process.submit(find_in_folder, folder, evidence.needles, folders_of(folder))
        found, files, size_bytes = search.result()
    wanted = sorted({one.needle for one in found})
    shared = _living(db, folder, [evidence.needles[i] for i in wanted])
    excused = {wanted[i] for i in shared}
    plain = set(Needles(evidence.needles).skipped)
    looked_for = Counter(
        kind for i, (kind, _) in enumerate(evidence.kinds) if i not in excused and i not in plain
    )
    traces = [
        Trace(*evidence.kinds[one.needle], one.file, one.offset)
        for one in found
        if one.needle not in excused
    ]
    return Proof(dict(looked_for), len(plain), len(excused), files, size_bytes, traces)


def _living(db: Database, folder: Path, needles: list[bytes]) -> set[int]:
    """The numbers of those sequences that what remains holds too."""
    if not needles:
        return set()
    wanted = Needles(needles)
    with reading(db):
        return {i for data in _remaining(db, folder) for i, _ in wanted.find(data)}


def _remaining(db: Database, folder: Path) -> Iterator[bytes]:
    """All that the collection still holds, in blocks."""
    texts = (
        "SELECT path FROM paths UNION ALL SELECT reason FROM paths WHERE reason IS NOT NULL "
        "UNION ALL SELECT name || char(0) || key FROM persons WHERE name IS NOT NULL "
        "UNION ALL SELECT text FROM passages UNION ALL SELECT others FROM statements "
        "UNION ALL SELECT coalesce(name, '') || faces FROM statements "
        "UNION ALL SELECT title FROM passages UNION ALL SELECT body FROM stems "
        "UNION ALL SELECT title FROM contents"
    )
    blobs = (
        "SELECT landmarks FROM faces UNION ALL SELECT jpeg FROM crops "
        "UNION ALL SELECT landmarks FROM staged_faces WHERE landmarks IS NOT NULL "
        "UNION ALL SELECT jpeg FROM staged_faces WHERE jpeg IS NOT NULL"
    )
    for query in (texts, blobs):
        cursor = db.execute(query)
        while rows := cursor.fetchmany(VARIABLES):
            values = (row[0] for row in rows)
            yield b"\0".join(v.encode() if isinstance(v, str) else bytes(v) for v in values)
    for vectors in every_space(db, folder):
        gallery, dead = vectors.there(), vectors.dead()
        for start in range(0, len(gallery), LIVING_ROWS):
            block = np.array(gallery[start : start + LIVING_ROWS])
            inside = dead[(dead >= start) & (dead < start + len(block))]
            block[inside - start] = 0
            yield block.astype("<f4").tobytes()


def _chunks(jpeg: bytes, most: int) -> list[bytes]:
    """Short pieces from all over a crop, its end too; all of it where it is short."""
    begin, end = max(0, jpeg.find(START_OF_SCAN)), max(0, len(jpeg) - CHUNK_BYTES)
    starts = [*range(begin, end, CHUNK_EVERY), end]
    if len(starts) > most:
        starts = [starts[i * (len(starts) - 1) // (most - 1)] for i in range(most)]
    return [jpeg[start : start + CHUNK_BYTES] for start in starts]


def _person_record(name: str, key: str, ignored: int) -> bytes:
    """A person as SQLite's file format writes the row: a name alone may be short.

    Header: its length, a type for each column (NULL for the rowid, 13 + 2n for n bytes of
    text, 8 and 9 for 0 and 1, which take no byte); then the columns. https://www.sqlite.org/fileformat2.html#record_format
    """
    texts = [name.encode(), key.encode()]
    types = (
        bytes(1) + b"".join(_varint(13 + 2 * len(text)) for text in texts) + bytes([8 + ignored])
    )
    return bytes([len(types) + 1]) + types + b"".join(texts)


def _varint(number: int) -> bytes:
    """SQLite's variable-length integer: seven bits a byte, the highest first."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))
