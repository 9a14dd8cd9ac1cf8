"""One thread's connection to a collection, and what is read and written through it.

SQLite's connections belong to one thread each, and so does everything that holds one. What
threads may share (networks, an encoder, indexes in memory) is handed in.
"""

from __future__ import annotations

import stat
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.faces import calibration
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.catalog.contents import Catalog, StoredFace
from retrieve.indexes.catalog.database import is_read_only, reading, writing
from retrieve.indexes.catalog.filters import FACES, Filter, findable
from retrieve.indexes.catalog.searched import among
from retrieve.indexes.pictures.space import Pictures
from retrieve.indexes.search import traces
from retrieve.indexes.search.engine import Engine, Loaded
from retrieve.indexes.search.texts import Encoding, Texts
from retrieve.indexes.vectors.file import FileMissing
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.indexes.vectors.trusted import Damaged

CATALOG = "catalog.sqlite"
MOST_KEPT = 5_000  # faces, a kB each, that were read for answers and are kept
LOOKS = 5  # at a catalog whose vector file was replaced between reading and opening

T = TypeVar("T")


def warn_of_others(folder: Path) -> None:
    """Warn if others may look into a folder that was there before the collection in it.

    It is somebody's, and may be shared with a purpose: its mode is not ours to change.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        warnings.warn(
            f"others may look into {folder}, which was there already (mode {mode:o}); the "
            "collection's files in it are private, their names and sizes are not. To close it: "
            f"chmod go-rwx '{folder}'",
            stacklevel=3,
        )


class Opened:
    """A collection as one thread sees it.

    db       its SQLite file
    catalog  photos, files, faces
    faces    their embeddings
    engine   search in them
    texts    passages, their embeddings and the search in them
    pictures whole photos, likewise
    picture  gives the picture of a stored face by its id, to any thread
    """

    def __init__(
        self,
        path: Path,
        db: Database,
        encoding: Encoding,
        loaded: Loaded,
        *,
        device: str,
        picture: Callable[[int], bytes],
    ) -> None:
        self.path = path
        self.db = db
        self.catalog = Catalog(db)
        self.faces = VectorSpace(db, path, FACES)
        self.engine = Engine(db, path, self.faces, device=device, loaded=loaded)
        self.texts = Texts(db, path, encoding, device=device, loaded=loaded)
        self.pictures = Pictures(db, path, device=device, loaded=loaded)
        self.picture = picture
        self._kept: dict[str, tuple[object, Any]] = {}
        self._looked_at: tuple[object, dict[int, StoredFace]] = None, {}
        self.generation: tuple[object, Any] = None, None  # by the version of which it is: info.py

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Search in each space there may be."""
        return self.engine, self.texts.engine, self.pictures.engine

    def notes(self) -> Path | None:
        """The folder that keeps notes of what is written of the collection elsewhere, until it is
        whole; None where nothing may be written into it.
        """
        return None if is_read_only(self.db) else self.path

    def space(self) -> Space:
        """What the catalog says of the faces; raises CollectionError if there are none yet."""
        space = self.faces.space()
        if space is None:
            raise CollectionError(
                f"no photo was indexed into {self.path} yet: retrieve index FOLDER"
            )
        return space

    def calibration(self, space: Space | None = None) -> calibration.Calibration | None:
        """What scores of these faces mean; None if nobody measured that.

        space  what the catalog says of them, where the caller has just read it
        """
        made_by = (space or self.space()).made_by
        return calibration.find(
            made_by["embedder_sha256"], made_by["detector"], made_by["detector_sha256"]
        )

    def findable(self, wanted: Filter) -> NDArray[np.bool_] | None:
        """(rows,) which faces a search may find, None if all; kept until something is committed
        or asked for otherwise.
        """
        return self.kept("findable", wanted, lambda rows: findable(self.db, rows, wanted))

    def among(self, wanted: Filter) -> float:
        """As how many strangers the faces count that a search may find; kept likewise."""
        return self.kept(
            "among", wanted, lambda rows: among(self.db, rows, self.findable(wanted), wanted)
        )

    def kept(
        self, what: str, wanted: object, make: Callable[[int], T], *, rows: int | None = None
    ) -> T:
        """Something that follows from the catalog, made again when it has changed.

        wanted  what it was made for: another one takes its place
        make    gives it, for so many rows
        rows    of what is searched; None for those of faces
        """
        rows = self.space().rows if rows is None else rows
        key = (*self.version(), rows, wanted)
        if what not in self._kept or self._kept[what][0] != key:
            self._kept[what] = (key, make(rows))
        found: T = self._kept[what][1]
        return found

    def faces_at(self, rows: Iterable[int]) -> dict[int, StoredFace]:
        """The faces whose embeddings lie in these rows, by row, as Catalog.faces_at() reads and
        checks them; some of them are kept until something is committed.
        """
        version, wanted = self.version(), set(rows)
        if self._looked_at[0] != version:
            self._looked_at = version, {}
        kept = self._looked_at[1]
        found = {row: kept[row] for row in wanted & kept.keys()}
        new = self.catalog.faces_at(wanted - found.keys()) if len(found) < len(wanted) else {}
        if len(kept) + len(new) > MOST_KEPT:
            kept.clear()
        if len(new) <= MOST_KEPT:
            kept.update(new)
        return found | new

    def version(self) -> tuple[int, int]:
        """Another one after each commit, of this connection's or of another's."""
        version = self.db.execute("PRAGMA data_version").fetchone()[0]
        return version, self.db.conn.total_changes

    def begin(self, networks: Networks | None) -> None:
        """Make the space of faces if it is new, and finish what a writer that died left over.

        networks  None where no photo will be stored, and no network is needed
        raises    CollectionError if the collection was made with other networks
        """
        if networks is not None:
            made_by = networks.made_by()
            with writing(self.db):
                if self.faces.space() is None:
                    self.faces.create(Space(FACES, FACES, made_by, networks.embedder.dim))
            networks.check(self.faces.required())
        self.texts.check()
        self.texts.renew_words()
        traces.finish(self.db, self.path)

    @contextmanager
    def indexes_kept_up(self) -> Iterator[Callable[[], None]]:
        """Gives what is to be called after each commit: an index that falls behind is made anew
        in a thread meanwhile.
        """
        with ExitStack() as stack:
            catalog = self.path / CATALOG
            looks = [stack.enter_context(engine.building(catalog)) for engine in self.engines]

            def on_commit() -> None:
                for look in looks:
                    look()

            yield on_commit
        if self.texts.vectors.space() is not None:
            self.texts.vectors.wipe()  # what described photos before

    def make_indexes(self) -> None:
        """Bring all indexes up to what is stored."""
        for engine in self.engines:
            engine.build()

    def consistently(self, look: Callable[[], T]) -> T:
        """What `look` returns for one view of the catalog and the vector file that it names."""
        for _ in range(LOOKS - 1):
            try:
                with reading(self.db):
                    return look()
            except (FileMissing, Damaged):  # or compacted, or deleted: look at its catalog
                continue
        with reading(self.db):
            return look()


class Connections:
    """A collection's connections, one for each thread that uses it.

    No thread ends the connection that another one may be using: it is let go, and ends when
    nothing uses it any more.

    path      of the collection
    connect   opens the catalog once more
    encoding  what texts are embedded with
    first     the connection of the thread that opens the collection
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[], Database],
        encoding: Encoding,
        *,
        device: str,
        first: Database,
    ) -> None:
        self.closed = False
        self._path = path
        self._connect = connect
        self._encoding = encoding
        self._device = device
        self._loaded = Loaded()
        self._own = threading.local()
        self._lock = threading.Lock()
        self._keep(first)

    @property
    def here(self) -> Opened:
        """This thread's; raises BadInput if the collection was closed."""
        if self.closed:
            raise self._was_closed()
        found: Opened | None = getattr(self._own, "opened", None)
        return found or self._keep(self._connect())

    def close(self) -> None:
        """End this thread's and let the others go."""
        with self._lock:
            self.closed = True
            mine: Opened | None = getattr(self._own, "opened", None)
            self._own = threading.local()
        self._loaded.mapped.let_go()
        if mine is not None:
            mine.db.conn.close()

    def _keep(self, db: Database) -> Opened:
        opened = Opened(
            self._path,
            db,
            self._encoding,
            self._loaded,
            device=self._device,
            picture=lambda face_id: self.here.catalog.picture(face_id),
        )
        with self._lock:
            if not self.closed:
                # When its thread has ended, or close() has let it go and nothing uses it.
                weakref.finalize(db, db.conn.close).atexit = False
                self._own.opened = opened
                return opened
        db.conn.close()
        raise self._was_closed()

    def _was_closed(self) -> BadInput:
        return BadInput(f"the collection {self._path} was closed: open it again")
