"""A collection of photographs: one directory that is opened, indexed and searched.

catalog.sqlite  what there is (indexes/catalog.py)
faces.f32       the embedding of face i in row i (indexes/vectors.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from indexes import workers
from indexes.ann import nearest
from indexes.build import Build, OnProgress, Report
from indexes.catalog import Catalog, Space, open_catalog
from indexes.vectors import VectorFile
from retrieval.errors import BadInput, CollectionError
from retrieval.faces import calibration
from retrieval.faces.detect import DEFAULT_DETECTOR, Detector, open_detector
from retrieval.faces.embed import DEFAULT_EMBEDDER, Embedder, open_embedder
from retrieval.faces.extract import PhotoFaces, extract
from retrieval.photos import BadPhoto
from retrieval.types import Crops, Embeddings, Face, Hit, Skipped
from retrieval.weights import Progress as OnDownload

FACES = "faces"  # the space that photos' faces lie in


@dataclass(frozen=True, slots=True, eq=False)
class ProbeFace:
    """One face of a probe photo and what resembles it, best first.

    number  1 for the first face of the photo
    crop    (S, S, 3) uint8 RGB, as the embedder saw it
    """

    number: int
    face: Face
    crop: Crops
    quality: float
    hits: list[Hit]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One probe photo; `reason` says why it could not be used, else it is None."""

    path: Path
    faces: list[ProbeFace]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection holds and what made it.

    counts  photos, faces, files, skipped, gone
    """

    path: Path
    format: int
    space: Space | None
    counts: dict[str, int]
    size_bytes: int


class Collection:
    """An open collection; a context manager. Get one from open_collection()."""

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        *,
        detector: str,
        embedder: str,
        device: str,
        on_download: OnDownload | None = None,
    ) -> None:
        self.path = path
        self._catalog = catalog
        self._detector_name = detector
        self._embedder_name = embedder
        self._device = device
        self._on_download = on_download
        self._detector: Detector | None = None
        self._embedder: Embedder | None = None

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
        self._catalog.close()

    @property
    def detector(self) -> Detector:
        """The detector that finds this collection's faces, opened at first use."""
        if self._detector is None:
            self._detector = open_detector(self._detector_name, device=self._device)
        return self._detector

    @property
    def embedder(self) -> Embedder:
        """The embedder behind this collection's vectors, opened at first use."""
        if self._embedder is None:
            self._embedder = open_embedder(
                self._embedder_name, device=self._device, progress=self._on_download
            )
        return self._embedder

    def prepare(self) -> None:
        """Open both networks now, with the download that this may take, and not at first use."""
        _ = self.detector, self.embedder

    def index(
        self,
        roots: Iterable[Path],
        *,
        processes: int = workers.WORKERS,
        time_limit_s: float = workers.TIME_LIMIT_S,
        retry_skipped: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Bring the collection up to date with folders and files.

        processes      that decode, detect and align, each on one core
        time_limit_s   for one file
        retry_skipped  decode again what was skipped in an earlier run
        raises         BadInput if a root does not exist, CollectionError if the
                       collection was made with other networks
        """
        space = self._space_for_writing()
        job = workers.Job(
            self._detector_name, self._device, self._template(), self.embedder.crop_px
        )
        extractor = partial(workers.run, job.open, workers=processes, time_limit_s=time_limit_s)
        return Build(
            self._catalog,
            FACES,
            self._vectors(space),
            self.embedder,
            extractor,
            retry_skipped=retry_skipped,
            on_progress=on_progress,
        ).run(roots)

    def search(
        self,
        probes: Sequence[Path],
        *,
        k: int = 10,
        threshold: float | None = None,
        min_quality: float = 0.0,
        face: int | None = None,
    ) -> list[Probe]:
        """The stored faces most like the faces in the probe photos, best first.

        k            hits for each face
        threshold    lowest score of a hit; None is the calibrated default
        min_quality  of a stored face, 0 to 1
        face         search only this face of each photo, 1 for the first
        returns      one Probe for each photo, one ProbeFace for each face in it
        raises       CollectionError if nothing was indexed or with other networks,
                     BadInput if there is no default threshold for the embedder
        """
        space = self._space_for_reading()
        if threshold is None:
            calibrated = calibration.find(space.embedder_sha256, space.detector)
            threshold = calibration.required(calibrated, space.embedder).threshold
        extracted = [self._extract(path) for path in probes]
        wanted = [_numbered(found, face) for found in extracted]
        crops = [
            found.crops[[n - 1 for n in numbers]]
            for found, numbers in zip(extracted, wanted, strict=True)
            if isinstance(found, PhotoFaces)
        ]
        embeddings = self.embedder.embed(np.concatenate(crops)) if crops else None
        hits: list[list[Hit]] = []
        if embeddings is not None:
            hits = self.nearest(embeddings, k=k, threshold=threshold, min_quality=min_quality)
        answers = iter(hits)
        return [
            Probe(path, [], found.reason)
            if isinstance(found, Skipped)
            else Probe(path, [_probe_face(found, n, next(answers)) for n in numbers])
            for path, found, numbers in zip(probes, extracted, wanted, strict=True)
        ]

    def nearest(
        self,
        embeddings: Embeddings,
        *,
        k: int = 10,
        threshold: float = -1.0,
        min_quality: float = 0.0,
    ) -> list[list[Hit]]:
        """The stored faces nearest to each embedding, best first.

        embeddings  (Q, D) float32 unit rows of this collection's embedder
        returns     for each of the Q no more than k hits, none with a score below threshold
        """
        space = self._space_for_reading()
        calibrated = calibration.find(space.embedder_sha256, space.detector)
        gallery = self._vectors(space).read(space.rows)
        keep = self._catalog.findable(space.rows, min_quality=min_quality)
        scores, rows = nearest(gallery, embeddings, k, keep=keep)
        faces = self._catalog.faces(rows[scores >= threshold].tolist())
        results: list[list[Hit]] = []
        for probe_scores, probe_rows in zip(scores, rows, strict=True):
            passing = probe_scores >= threshold
            results.append([])
            for score, row in zip(probe_scores[passing], probe_rows[passing], strict=True):
                stored = faces[int(row)]
                hit = Hit(
                    rank=len(results[-1]) + 1,
                    face_id=stored.id,
                    path=stored.path,
                    number=stored.number,
                    face=stored.face,
                    score=float(score),
                    probability=calibrated.probability(float(score)) if calibrated else None,
                    quality=stored.quality,
                    taken_at=stored.taken_at,
                )
                results[-1].append(hit)
        return results

    def crop(self, hit: Hit) -> bytes:
        """The face of a hit as a small JPEG."""
        return self._catalog.crop(hit.face_id)

    def skipped(self) -> list[Skipped]:
        """Files that are there and could not be used, with their reasons."""
        return self._catalog.skipped()

    def info(self) -> Info:
        """What the collection holds and what made it."""
        size = sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())
        return Info(
            self.path,
            self._catalog.format,
            self._catalog.space(FACES),
            self._catalog.counts(),
            size,
        )

    def _extract(self, path: Path) -> PhotoFaces | Skipped:
        try:
            return extract(path, self.detector, self._template(), self.embedder.crop_px)
        except BadPhoto as error:
            return Skipped(path, str(error))

    def _template(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return self.embedder.template(self._detector_name)

    def _vectors(self, space: Space) -> VectorFile:
        return VectorFile(self.path / f"{space.name}.f32", space.dim)

    def _space_for_reading(self) -> Space:
        space = self._catalog.space(FACES)
        if space is None:
            raise CollectionError(
                f"nothing was indexed into {self.path} yet: retrieve index FOLDER"
            )
        self._check(space)
        return space

    def _space_for_writing(self) -> Space:
        with self._catalog.writing():
            space = self._catalog.space(FACES)
            if space is None:
                space = Space(
                    name=FACES,
                    detector=self.detector.name,
                    detector_sha256=self.detector.weights_sha256,
                    embedder=self.embedder.name,
                    embedder_sha256=self.embedder.weights_sha256,
                    dim=self.embedder.dim,
                    metric="cosine",
                    rows=0,
                )
                self._catalog.add_space(space)
        self._check(space)
        return space

    def _check(self, space: Space) -> None:
        """Other networks give vectors that cannot be compared with the stored ones."""
        opened = replace(
            space,
            detector=self.detector.name,
            detector_sha256=self.detector.weights_sha256,
            embedder=self.embedder.name,
            embedder_sha256=self.embedder.weights_sha256,
            dim=self.embedder.dim,
        )
        if opened != space:
            raise CollectionError(
                f"{self.path} holds {space.dim}-d faces of {space.detector} and {space.embedder} "
                f"(weights {space.embedder_sha256[:8]}); you asked with {opened.detector} and "
                f"{opened.embedder} ({opened.dim}-d, weights {opened.embedder_sha256[:8]}). Leave "
                f"--model and --detector out to use what made it, or choose another --collection"
            )


def open_collection(
    path: Path,
    *,
    create: bool = False,
    detector: str | None = None,
    embedder: str | None = None,
    device: str = "cpu",
    on_download: OnDownload | None = None,
) -> Collection:
    """The collection in a directory.

    create    make the directory, private to its owner, if it is absent
    detector  name; None takes the one it was made with, mtcnn for a new one
    embedder  name or weights file; None takes the one it was made with, dlib-resnet for
              a new one
    device    where networks run, cpu or cuda
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
    catalog = open_catalog(path / "catalog.sqlite", create=create)
    space = catalog.space(FACES)
    return Collection(
        path,
        catalog,
        detector=detector or (space.detector if space else DEFAULT_DETECTOR),
        embedder=embedder or (space.embedder if space else DEFAULT_EMBEDDER),
        device=device,
        on_download=on_download,
    )


def _numbered(found: PhotoFaces | Skipped, face: int | None) -> list[int]:
    """Which faces of a photo are searched for, by number."""
    if isinstance(found, Skipped):
        return []
    if face is None:
        return list(range(1, len(found.faces) + 1))
    if not 1 <= face <= len(found.faces):
        raise BadInput(f"{found.photo.path} has {len(found.faces)} faces; there is no face {face}")
    return [face]


def _probe_face(found: PhotoFaces, number: int, hits: list[Hit]) -> ProbeFace:
    i = number - 1
    return ProbeFace(number, found.faces[i], found.crops[i], float(found.quality[i]), hits)
