"""A collection of photographs: one directory that is opened, indexed and searched.

catalog.sqlite  what there is (indexes/catalog/contents.py, indexes/vectors/spaces.py)
faces.f32       the embeddings of faces, row after row (indexes/vectors/file.py)
cache/          FAISS's index of them, made again at any time (indexes/search/engine.py)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.faces import calibration
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.walk import checked_roots, count
from retrieve.indexes.catalog.contents import Catalog, StoredFace
from retrieve.indexes.catalog.database import open_database, reading, writing
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter, findable
from retrieve.indexes.queries.probes import Probe, ProbeFace, numbered, probe_face
from retrieve.indexes.search import traces
from retrieve.indexes.search.engine import Engine, State
from retrieve.indexes.search.texts import Texts
from retrieve.indexes.vectors.file import FileMissing, check_embeddings
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.types import Embeddings, Hit, Skipped

if TYPE_CHECKING:
    from retrieve.faces.detector import Detector
    from retrieve.faces.embed import Embedder
    from retrieve.indexes.building.build import Extractor, OnProgress
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.building.workers import Job
    from retrieve.weights import Progress as OnDownload

CATALOG = "catalog.sqlite"
LOOKS = 5  # at a catalog whose vector file was replaced between reading and opening

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection holds and what made it.

    space        of faces; texts of passages; None before there is any
    counts       photos, faces, texts, passages, files, skipped, gone, persons, dead
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


class Collection:
    """An open collection; a context manager. Get one from open_collection().

    db       its SQLite file
    networks that find and embed faces
    catalog  photos, files, faces
    faces    their embeddings
    engine   search in them
    texts    passages, their embeddings and the search in them
    """

    def __init__(
        self,
        path: Path,
        db: Database,
        networks: Networks,
        texts: Texts,
        *,
        device: str = "cpu",
    ) -> None:
        self.path = path
        self.db = db
        self.catalog = Catalog(db)
        self.faces = VectorSpace(db, path, FACES)
        self.engine = Engine(db, path, self.faces, device=device)
        self.networks = networks
        self.texts = texts
        self._kept: tuple[object, NDArray[np.bool_] | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.catalog.close()

    @property
    def detector(self) -> Detector:
        """The detector that finds this collection's faces, opened at first use."""
        return self.networks.detector

    @property
    def embedder(self) -> Embedder:
        """The embedder behind this collection's vectors, opened at first use."""
        return self.networks.embedder

    def prepare(self, roots: Iterable[Path]) -> None:
        """Open now, with the download that this may take, what indexing the roots needs.

        raises  BadInput if a root does not exist
        """
        if self._wants_faces(roots):
            _ = self.detector, self.embedder

    def index(
        self,
        roots: Iterable[Path],
        *,
        processes: int | None = None,
        time_limit_s: float | None = None,
        column: str | None = None,
        retry_skipped: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Bring the collection up to date with folders and files of photos and texts.

        processes      that read, decode, detect and align, each on one core; None is 2
        time_limit_s   for one file; None is 60
        column         of tables and JSON lines, that holds the text
        retry_skipped  read again what was skipped in an earlier run
        raises         BadInput if a root does not exist, CollectionError if the
                       collection was made with other networks
        """
        from retrieve.indexes.building import workers

        roots = checked_roots(roots)
        photos = self._wants_faces(roots)
        extractor = partial(
            workers.run,
            self.job(roots, photos=photos, column=column).open,
            workers=processes or workers.WORKERS,
            time_limit_s=time_limit_s or workers.TIME_LIMIT_S,
        )
        return self.update(
            roots, extractor, photos=photos, retry_skipped=retry_skipped, on_progress=on_progress
        )

    def _wants_faces(self, roots: Iterable[Path]) -> bool:
        """Whether there are photos, or somebody asked for networks by name."""
        return self.networks.asked or count(roots).photos > 0

    def job(self, roots: Iterable[Path], *, photos: bool = True, column: str | None = None) -> Job:
        """What processes have to do that read files below the roots for this collection.

        photos  False where there are none, so that no network is needed
        """
        from retrieve.indexes.building.workers import Job

        faces = self.networks.job() if photos else None
        return Job(faces, tuple(checked_roots(roots)), column)

    def update(
        self,
        roots: Iterable[Path],
        extractor: Extractor,
        *,
        photos: bool = True,
        vanished: Iterable[Path] = (),
        below: Iterable[Path] | None = None,
        retry_skipped: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """index() with processes that are there.

        photos    False leaves photos alone: there are none
        vanished  files and folders that are known to be there no more
        below     folders that are kept up to date, where the roots are only what has changed
        """
        from retrieve.indexes.building.build import Build

        self.begin(photos=photos)
        with (
            self.engine.building(self.path / CATALOG) as on_faces,
            self.texts.engine.building(self.path / CATALOG) as on_passages,
        ):

            def on_commit() -> None:
                on_faces()
                on_passages()

            report = Build(
                self.catalog,
                self.faces,
                self.texts,
                lambda: self.embedder,
                extractor,
                photos=photos,
                retry_skipped=retry_skipped,
                on_progress=on_progress,
                on_commit=on_commit,
            ).run(roots, vanished=vanished, below=below)
        if self.texts.vectors.space() is not None:
            self.texts.vectors.wipe()  # what described photos before
        if not report.interrupted:
            self.engine.build()
            self.texts.engine.build()
        return report

    def search(
        self,
        probes: Sequence[Path],
        *,
        k: int = 10,
        threshold: float | None = None,
        wanted: Filter = EVERYTHING,
        face: int | None = None,
        exact: bool = False,
    ) -> list[Probe]:
        """The stored faces most like the faces in the probe photos, best first.

        k            hits for each face
        threshold    lowest score of a hit; None is the calibrated default
        wanted       what a hit has to satisfy
        face         search only this face of each photo, 1 for the first
        exact        score every stored face, whatever index there is
        returns      one Probe for each photo, one ProbeFace for each face in it
        raises       CollectionError if nothing was indexed or with other networks,
                     BadInput if there is no default threshold for the embedder
        """
        self.networks.check(self._space())
        if threshold is None:
            threshold = self.default_threshold()
        extracted = [self.networks.extract(path) for path in probes]
        numbers_of = [numbered(found, face) for found in extracted]
        crops = [
            found.crops[[n - 1 for n in numbers]]
            for found, numbers in zip(extracted, numbers_of, strict=True)
            if not isinstance(found, Skipped)
        ]
        embeddings = self.embedder.embed(np.concatenate(crops)) if crops else None
        hits: list[list[Hit]] = []
        if embeddings is not None:
            hits = self.nearest(embeddings, k=k, threshold=threshold, wanted=wanted, exact=exact)
        answers = iter(hits)
        return [
            Probe(path, [], found.reason)
            if isinstance(found, Skipped)
            else Probe(path, [probe_face(found, n, next(answers)) for n in numbers])
            for path, found, numbers in zip(probes, extracted, numbers_of, strict=True)
        ]

    def search_stored(
        self,
        face_id: int,
        *,
        k: int = 10,
        threshold: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> Probe:
        """The stored faces most like a stored one, itself left out; no network is needed.

        raises  BadInput if there is no such face
        """
        if threshold is None:
            threshold = self.default_threshold()

        def found() -> tuple[StoredFace, Embeddings]:
            stored = self.catalog.faces([face_id]).get(face_id)
            if stored is None:
                raise BadInput(
                    f"{self.path} has no face with the id {face_id}; "
                    "ids are shown by: retrieve search --json"
                )
            return stored, np.array(self.faces.gallery()[stored.row : stored.row + 1])

        stored, embedding = self.consistently(found)
        hits = self.nearest(embedding, k=k + 1, threshold=threshold, wanted=wanted, exact=exact)[0]
        others = [hit for hit in hits if hit.face_id != face_id][:k]
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(others, 1)]
        from PIL import Image

        crop = np.asarray(Image.open(io.BytesIO(self.catalog.crop(face_id))).convert("RGB"))
        face = ProbeFace(stored.number, stored.face, crop, stored.quality, ranked)
        return Probe(stored.path, [face])

    def nearest(
        self,
        embeddings: Embeddings,
        *,
        k: int = 10,
        threshold: float = -1.0,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """The stored faces nearest to each embedding, best first.

        embeddings  (Q, D) float32 unit rows of this collection's embedder
        wanted      what a hit has to satisfy; k hits come whenever k faces do
        exact       score every stored face, whatever index there is
        returns     for each of the Q no more than k hits, none with a score below threshold
        """
        space = self._space()
        check_embeddings(embeddings, space.dim)
        calibrated = self._calibration()

        def hits() -> list[list[Hit]]:
            keep = self._findable(wanted)
            scores, rows = self.engine.nearest(embeddings, k, keep=keep, exact=exact)
            faces = self.catalog.faces_at(rows[scores >= threshold].tolist())
            return [
                [
                    _hit(rank, faces[row], score, calibrated)
                    for rank, (score, row) in enumerate(zip(*pair, strict=True), 1)
                    if score >= threshold
                ]
                for pair in zip(scores.tolist(), rows.tolist(), strict=True)
            ]

        return self.consistently(hits)

    def default_threshold(self) -> float:
        """The calibrated score; raises BadInput if the embedder has no calibration."""
        space = self._space()
        return calibration.required(self._calibration(), space.made_by["embedder"]).threshold

    def crop(self, hit: Hit) -> bytes:
        """The face of a hit as a small JPEG."""
        return self.catalog.crop(hit.face_id)

    def skipped(self) -> list[Skipped]:
        """Files that are there and could not be used, with their reasons."""
        return self.catalog.skipped()

    def info(self) -> Info:
        """What the collection holds and what made it."""
        space = self.faces.space()
        if space is not None:
            self.engine.index()
        texts = self.texts.vectors.space()
        if texts is not None:
            self.texts.engine.index()
        size = sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        return Info(
            self.path,
            self.catalog.format,
            space,
            texts,
            self.catalog.counts(),
            size,
            self.engine.state,
            self.texts.engine.state,
        )

    def begin(self, *, photos: bool = True) -> None:
        """Make the space of faces if it is new, and finish what a writer that died left over.

        photos  False where no photo will be stored, and no network is needed
        raises  CollectionError if the collection was made with other networks
        """
        if photos:
            made_by = self.networks.made_by()
            with writing(self.db):
                if self.faces.space() is None:
                    self.faces.create(Space(FACES, FACES, made_by, self.embedder.dim))
            self.networks.check(self.faces.required())
        self.texts.check()
        traces.finish(self.db, self.path)

    def consistently(self, look: Callable[[], T]) -> T:
        """What `look` returns for one view of the catalog and the vector file that it names."""
        for _ in range(LOOKS - 1):
            try:
                with reading(self.db):
                    return look()
            except FileMissing:  # another process compacted: look at its catalog
                continue
        with reading(self.db):
            return look()

    def _findable(self, wanted: Filter) -> NDArray[np.bool_] | None:
        """findable(), kept until something is committed or asked for otherwise."""
        space = self._space()
        version = self.db.execute("PRAGMA data_version").fetchone()[0]
        key = (version, self.db.conn.total_changes, space.rows, wanted)
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, findable(self.db, space.rows, wanted))
        return self._kept[1]

    def _calibration(self) -> calibration.Calibration | None:
        made_by = self._space().made_by
        return calibration.find(made_by["embedder_sha256"], made_by["detector"])

    def _space(self) -> Space:
        space = self.faces.space()
        if space is None:
            raise CollectionError(
                f"nothing was indexed into {self.path} yet: retrieve index FOLDER"
            )
        return space


def open_collection(
    path: Path,
    *,
    create: bool = False,
    detector: str | None = None,
    embedder: str | None = None,
    encoder: str | None = None,
    language: str | None = None,
    device: str = "cpu",
    read_only: bool = False,
    on_download: OnDownload | None = None,
) -> Collection:
    """The collection in a directory.

    create    make the directory, private to its owner, if it is absent
    detector  name; None takes the one it was made with, mtcnn for a new one
    embedder  name or weights file; None takes the one it was made with, dlib-resnet for
              a new one
    encoder   of texts: name or file; None takes the one it was made with, lstm for a new one
    language  of texts, ISO 639-1, for the stems of words; None likewise, es for a new one
    device    where networks and search run, cpu or cuda
    read_only change nothing; so it is anyway where the folder cannot be written
    on_download
              called with bytes so far and bytes in all while weights are downloaded
    raises    CollectionError if there is none, or it is damaged, newer or not ours
    """
    if create:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CollectionError(
                f"cannot make a collection at {path}: {error.strerror}"
            ) from error
    db = open_database(path / CATALOG, create=create, read_only=read_only)
    space = VectorSpace(db, path, FACES).space()
    made_by = space.made_by if space else {}
    networks = Networks(
        path,
        detector or made_by.get("detector"),
        embedder or made_by.get("embedder"),
        device=device,
        asked=detector is not None or embedder is not None or device != "cpu",
        on_download=on_download,
    )
    texts = Texts(db, path, encoder, language, device=device)
    return Collection(path, db, networks, texts, device=device)


def _hit(
    rank: int, stored: StoredFace, score: float, calibrated: calibration.Calibration | None
) -> Hit:
    return Hit(
        rank=rank,
        face_id=stored.id,
        path=stored.path,
        number=stored.number,
        face=stored.face,
        score=score,
        probability=calibrated.probability(score) if calibrated else None,
        quality=stored.quality,
        taken_at=stored.taken_at,
        person=stored.person,
    )
