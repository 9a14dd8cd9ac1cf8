"""Search in one space: exact where it is small, through its cached FAISS index where it is large.

The index is a cache. It is made beside the indexing, again when it is stale, and a search
that finds it missing or damaged scores every row instead, and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import is_read_only, open_database, reading, writing
from retrieve.indexes.files import is_plain_folder
from retrieve.indexes.vectors.file import FileMissing
from retrieve.indexes.vectors.mapped import Mapped
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.indexes.vectors.trusted import Verdicts
from retrieve.types import Embeddings

if TYPE_CHECKING:
    from retrieve.indexes.search.ann import CandidateIndex
    from retrieve.indexes.search.cache import CacheFile
    from retrieve.indexes.search.fastscan import FastScan
    from retrieve.indexes.search.gpu import GpuIndex

CACHE_FOLDER = "cache"
BEHIND = 0.25  # share of the rows outside the index from which it is made again meanwhile
BEHIND_AT_END = 0.02  # and from which at the end of a run: 2 % of a million are .4 ms a query


class State(StrEnum):
    """How a space is searched now."""

    EXACT = "exact"  # small enough, or asked to be
    INDEXED = "indexed"
    MISSING = "missing"  # the index is, so that every row is scored
    DAMAGED = "damaged"
    GPU = "gpu"


class Loaded:
    """Indexes in memory and mapped files, which the engines of several threads share.

    files    by space, with what the catalog records of them; they are read and never changed
    gpu      by space, with its generation; for one thread at a time, which holds the lock
    mapped   the files of embeddings
    verdicts about them
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.files: dict[str, tuple[CacheFile, FastScan]] = {}
        self.gpu: dict[str, tuple[int, GpuIndex]] = {}
        self.mapped = Mapped()
        self.verdicts = Verdicts()


class Engine:
    """Nearest rows of one space, as one thread sees it."""

    def __init__(
        self,
        db: Database,
        folder: Path,
        vectors: VectorSpace,
        *,
        device: str = "cpu",
        loaded: Loaded | None = None,
    ) -> None:
        self._db = db
        self._folder = folder
        self._vectors = vectors
        self._device = device
        self._loaded = loaded or Loaded()
        self.state = State.EXACT

    def nearest(
        self,
        probes: Embeddings,
        k: int,
        *,
        keep: NDArray[np.bool_] | None = None,
        exact: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows (Q, k') of the committed rows nearest to each probe, best first.

        keep   (rows,) which may be found, all when None
        exact  score every row, whatever there is
        raises FileMissing if another process began a new generation since the catalog was read,
               Damaged if what would be scored is not what was written
        """
        from retrieve.indexes.search.ann import nearest

        space = self._vectors.required()
        gallery, scattered = self._loaded.mapped.galleries(self._vectors, space)
        check = partial(self._loaded.verdicts.check, self._vectors, space, gallery)
        if exact:
            self.state = State.EXACT
            return nearest(gallery, probes, k, keep=keep, check=check)
        with self._alone():
            index = self._index(space, gallery)
            return nearest(
                gallery, probes, k, keep=keep, index=index, check=check, scattered=scattered
            )

    def embeddings(self, rows: Sequence[int] | NDArray[np.int64]) -> Embeddings:
        """(len(rows), D) float32, a copy of committed rows.

        raises  as nearest()
        """
        gallery = self.gallery(rows)
        return np.array(gallery[np.asarray(rows, np.int64)])

    def gallery(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> Embeddings:
        """Every committed row, mapped, of which these, or all, are what was written.

        raises  as nearest()
        """
        space = self._vectors.required()
        gallery, _ = self._loaded.mapped.galleries(self._vectors, space)
        wanted = None if rows is None else np.asarray(rows, np.int64)
        self._loaded.verdicts.check(self._vectors, space, gallery, wanted)
        return gallery

    def index(self) -> CandidateIndex | None:
        """What a search goes through now; None where every row is scored."""
        with self._alone():
            space = self._vectors.required()
            return self._index(space, self._loaded.mapped.galleries(self._vectors, space)[0])

    def sound(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(len(rows),) which of some committed rows are what was written."""
        space = self._vectors.required()
        gallery, _ = self._loaded.mapped.galleries(self._vectors, space)
        return self._loaded.verdicts.sound(self._vectors, space, gallery, rows)

    def _alone(self) -> AbstractContextManager[object]:
        """One thread at a time uses a GPU's index; any number those in memory."""
        return self._loaded.lock if self._device == "cuda" else nullcontext()

    def build(self, *, behind: float = BEHIND_AT_END) -> bool:
        """Make or extend the index, if there should be one and too many rows are outside it.

        behind   share of all rows that may stay outside
        returns  whether it was made
        """
        if not self._is_behind(behind):
            return False
        self._vectors.wipe()  # what was deleted has to be in no index
        try:
            with reading(self._db):
                space, dead = self._vectors.required(), len(self._vectors.dead())
                gallery = self.gallery()  # an index of damaged rows would hide them
        except FileMissing:  # compacted meanwhile: whoever did that makes its own
            return False
        made = self._made(space, gallery)
        from retrieve.indexes.search import cache

        with writing(self._db):
            if self._vectors.required().generation != space.generation:
                return False
            if len(self._vectors.dead()) != dead:
                return False  # so does whoever deleted something
            file = cache.write(self._folder / CACHE_FOLDER, space.name, space.generation, made)
            self._db.execute(
                "INSERT OR REPLACE INTO caches VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    space.name,
                    space.generation,
                    file.name,
                    file.sha256,
                    file.covered,
                    file.trained_rows,
                    file.size_bytes,
                ],
            )
        self._loaded.files[space.name] = (file, made)
        remove_unowned(self._db, self._folder)
        return True

    @contextmanager
    def building(self, path: Path) -> Iterator[Callable[[], None]]:
        """Gives a function that makes the index in a thread when it has fallen behind.

        path  of the SQLite file: the thread has a connection of its own. What goes wrong in it
              is raised when the block ends
        """
        threads: list[threading.Thread] = []
        errors: list[CollectionError] = []

        def work() -> None:
            db = open_database(path)
            try:
                own = VectorSpace(db, self._folder, self._vectors.name)
                Engine(db, self._folder, own).build(behind=BEHIND)
            except CollectionError as error:
                errors.append(error)
            finally:
                db.conn.close()

        def look() -> None:
            busy = any(thread.is_alive() for thread in threads)
            if not errors and not busy and self._is_behind(BEHIND):
                threads.append(threading.Thread(target=work, name="index"))
                threads[-1].start()

        try:
            yield look
        finally:
            for thread in threads:
                thread.join()
        if errors:
            raise errors[0]

    def drop(self) -> None:
        """Forget the index and its file: what it was made of has changed."""
        with writing(self._db):
            self.disown()
        remove_unowned(self._db, self._folder)

    def disown(self) -> None:
        """The same inside a write transaction, after which remove_unowned() is to be called."""
        self._loaded.files.pop(self._vectors.name, None)
        self._loaded.gpu.pop(self._vectors.name, None)
        self._db.execute("DELETE FROM caches WHERE space = ?", [self._vectors.name])

    def recorded(self) -> CacheFile | None:
        """The index file of the current generation, as the catalog has it."""
        row = self._db.execute(
            "SELECT caches.name, sha256, covered, trained_rows, size_bytes FROM caches JOIN spaces "
            "ON spaces.name = caches.space AND spaces.generation = caches.generation "
            "WHERE space = ?",
            [self._vectors.name],
        ).fetchone()
        if row is None:
            return None
        from retrieve.indexes.search.cache import CacheFile

        return CacheFile(*row)

    def _index(self, space: Space, gallery: Embeddings) -> CandidateIndex | None:
        if self._device == "cuda":
            return self._on_gpu(space, gallery)
        from retrieve.indexes.search.ann import wants_index

        if not wants_index(space.rows, space.dim):
            self.state = State.EXACT
            return None
        return self._from_cache(space)

    def _from_cache(self, space: Space) -> FastScan | None:
        """The recorded index, which other threads may be searching: not to be changed."""
        file = self.recorded()
        with self._loaded.lock:
            held = self._loaded.files.get(space.name)
            if held is None or held[0] != file:
                read = self._read(file, space)
                if file is None or read is None:
                    return None
                held = self._loaded.files[space.name] = (file, read)
        self.state = State.INDEXED
        return held[1]

    def _read(self, file: CacheFile | None, space: Space) -> FastScan | None:
        """An index of one's own from its file; None, and the state says why, if that fails."""
        from retrieve.indexes.search import cache

        try:
            folder = self._folder / CACHE_FOLDER
            read = None if file is None else cache.read(folder, file, space.dim)
        except (CollectionError, OSError):  # of a disk, or of rights
            self.state = State.DAMAGED
            return None
        if read is None:
            self.state = State.MISSING
        return read

    def _is_behind(self, share: float) -> bool:
        from retrieve.indexes.search.ann import wants_index

        space = self._vectors.space()
        if space is None or is_read_only(self._db) or not wants_index(space.rows, space.dim):
            return False
        index = self._from_cache(space)
        covered = index.covered if index is not None else 0
        stale = index is None or index.stale(space.rows, len(self._vectors.dead()))
        return stale or space.rows - covered > share * space.rows

    def _made(self, space: Space, gallery: Embeddings) -> FastScan:
        from retrieve.indexes.search import fastscan

        index = self._read(self.recorded(), space)
        if index is None or index.stale(space.rows, len(self._vectors.dead())):
            return fastscan.train(gallery, device=self._device)
        index.extend(gallery)
        return index

    def _on_gpu(self, space: Space, gallery: Embeddings) -> CandidateIndex:
        from retrieve.indexes.search.gpu import GpuIndex

        self._loaded.verdicts.check(self._vectors, space, gallery)
        held = self._loaded.gpu.get(space.name)
        if held is None or held[0] != space.generation:
            held = self._loaded.gpu[space.name] = (space.generation, GpuIndex(space.dim))
        index = held[1]
        index.extend(gallery)
        self.state = State.GPU
        return index


def unowned(db: Database, folder: Path) -> list[Path]:
    """The index files of a collection that its catalog does not record."""
    from retrieve.indexes.search.cache import OURS

    recorded = {name for (name,) in db.execute("SELECT name FROM caches")}
    within = folder / CACHE_FOLDER
    files = sorted(within.iterdir()) if is_plain_folder(within) else []
    return [one for one in files if OURS.fullmatch(one.name) and one.name not in recorded]


def remove_unowned(db: Database, folder: Path) -> None:
    """Unlink them."""
    with writing(db):  # nobody is writing one now
        for path in unowned(db, folder):
            path.unlink(missing_ok=True)
