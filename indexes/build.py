"""The loop that brings a collection up to date with folders: files in, report out.

Looking comes before reading, reading before decoding: a file whose size and times are
known is left alone, one whose bytes are known is linked, and only what is new is
decoded and embedded. Embedding happens between transactions, storing inside one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from indexes.catalog import Catalog, KnownPath, NewPhoto
from indexes.spaces import VectorSpace
from indexes.walk import Found, Unlisted, checked_roots, count, walk
from indexes.workers import Extracted
from retrieval import photos
from retrieval.faces.embed import Embedder
from retrieval.types import Embeddings, Skipped

BATCH_FILES = 64  # between two commits: what a crash or Ctrl-C can cost
BATCH_FACES = 256


@dataclass(slots=True)
class Report:
    """What a run did, counted in files.

    new        decoded and embedded
    unchanged  as they were in the run before
    moved      content that is known, from a path that holds it no more
    duplicate  content that another living path holds too
    changed    other content than in the run before (counted as new, moved or duplicate too)
    gone       known files that are no longer there
    faces      stored by this run
    skipped    files and folders that could not be used, with the reason
    warnings   files that were used although something is wrong with them
    """

    new: int = 0
    unchanged: int = 0
    moved: int = 0
    duplicate: int = 0
    changed: int = 0
    gone: int = 0
    faces: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[Skipped] = field(default_factory=list)
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    files  done so far, of about `of`
    new    of those, decoded and embedded
    faces  found in them
    """

    files: int
    of: int
    new: int
    faces: int


OnProgress = Callable[[Progress], None]


class Extractor(Protocol):
    """Turns files into faces, in any order, and closes when it is told to."""

    def __call__(
        self, paths: Iterable[tuple[Found, Path]]
    ) -> Generator[tuple[Found, Extracted | str]]: ...


@dataclass(slots=True)
class _Batch:
    """What waits for the next commit."""

    photos: list[tuple[Found, Extracted]] = field(default_factory=list)
    links: list[tuple[Found, str]] = field(default_factory=list)  # and the content's SHA-256
    skips: list[tuple[Found, str]] = field(default_factory=list)
    seen: list[KnownPath] = field(default_factory=list)
    places: dict[int, tuple[float, float] | None] = field(default_factory=dict)

    @property
    def faces(self) -> int:
        return sum(len(extracted.faces) for _, extracted in self.photos)

    @property
    def full(self) -> bool:
        files = len(self.photos) + len(self.links) + len(self.skips)
        return (
            files >= BATCH_FILES
            or self.faces >= BATCH_FACES
            or len(self.seen) >= 100 * BATCH_FILES  # nothing of theirs is lost
        )


class Build:
    """One run over some folders."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorSpace,
        embedder: Embedder,
        extractor: Extractor,
        *,
        retry_skipped: bool = False,
        on_progress: OnProgress | None = None,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._embedder = embedder
        self._extractor = extractor
        self._retry_skipped = retry_skipped
        self._on_progress = on_progress
        self._on_commit = on_commit
        self._report = Report()
        self._batch = _Batch()
        self._unlisted: list[Path] = []
        self._moved: set[int] = set()
        self._files = self._of = 0

    def run(self, roots: Iterable[Path], *, vanished: Iterable[Path] = ()) -> Report:
        """Index everything under the roots; what is gone from there is no longer found.

        vanished  files and folders that are known to be there no more
        raises    BadInput if a root does not exist

        KeyboardInterrupt ends the run early: everything up to the last whole batch is
        kept, and the report says `interrupted`.
        """
        absolute = checked_roots(roots)
        self._of = count(absolute)
        self._catalog.start_run()
        extracting = self._extractor(self._to_extract(absolute))
        try:
            for found, outcome in extracting:
                if isinstance(outcome, str):
                    self._skip(found, outcome)
                else:
                    self._batch.photos.append((found, outcome))
                self._advance()
            self._commit()
            with self._catalog.writing():
                for root in [*absolute, *vanished]:
                    lost = self._catalog.mark_gone(root, unlisted=self._unlisted)
                    # What moved is not gone, though nothing is at its old path.
                    self._report.gone += sum(photo_id not in self._moved for photo_id in lost)
        except KeyboardInterrupt:
            self._report.interrupted = True
        finally:
            extracting.close()
        # Workers finish in any order; people look for a file by its path.
        self._report.skipped.sort(key=lambda item: item.path)
        self._report.warnings.sort(key=lambda item: item.path)
        return self._report

    def _to_extract(self, roots: list[Path]) -> Iterator[tuple[Found, Path]]:
        """The files that nothing is known about; the others are dealt with on the way."""
        for item in walk(roots):
            if isinstance(item, Unlisted):
                self._unlisted.append(item.path)
                self._report.skipped.append(item)
            elif isinstance(item, Skipped):
                self._skip(Found(item.path, 0, 0, 0), item.reason)
                self._advance()
            elif not self._settled(item):
                yield item, item.path

    def _settled(self, found: Found) -> bool:
        """Whether the file needs no decoding: known as it is, or its content is known."""
        known = self._catalog.path(found.path)
        if known is not None and known.found == found and not self._retry(known):
            self._batch.seen.append(known)
            if known.reason is not None:
                self._report.skipped.append(Skipped(found.path, known.reason))
            else:
                self._report.unchanged += 1
                self._look_for_place(known)
            self._advance()
            return True
        if not self._catalog.holds_size(found.size_bytes):
            return False
        try:
            sha256 = photos.content_hash(found.path)
        except photos.BadPhoto as error:
            self._skip(found, str(error))
            self._advance()
            return True
        if self._catalog.photo_id(sha256) is None:
            return False
        self._batch.links.append((found, sha256))
        self._advance()
        return True

    def _look_for_place(self, known: KnownPath) -> None:
        """Once for a photo that was stored before places were."""
        if known.photo_id is not None and not known.placed:
            # A file that turned bad meanwhile says so when it is read for its faces.
            with suppress(photos.BadPhoto):
                self._batch.places[known.photo_id] = photos.read_place(known.found.path)

    def _retry(self, known: KnownPath) -> bool:
        return self._retry_skipped and known.reason is not None

    def _skip(self, found: Found, reason: str) -> None:
        self._report.skipped.append(Skipped(found.path, reason))
        self._batch.skips.append((found, reason))

    def _advance(self) -> None:
        self._files += 1
        if self._batch.full:
            self._commit()
        if self._on_progress is not None:
            waiting = len(self._batch.photos)
            self._on_progress(
                Progress(
                    self._files,
                    max(self._of, self._files),
                    self._report.new + waiting,
                    self._report.faces + self._batch.faces,
                )
            )

    def _commit(self) -> None:
        """Embed what waits, then store all of it in one transaction."""
        batch, self._batch = self._batch, _Batch()
        crops = [extracted.crops for _, extracted in batch.photos]
        embeddings = (
            self._embedder.embed(np.concatenate(crops))
            if crops
            else np.empty((0, self._embedder.dim), np.float32)
        )
        ends = np.cumsum([len(part) for part in crops])
        parts = np.split(embeddings, ends[:-1]) if crops else []
        report = replace(self._report)
        with self._catalog.writing():
            touched: set[int] = set()
            for known in batch.seen:
                if known.photo_id is not None and known.gone:
                    touched.add(known.photo_id)
            self._catalog.bring_back(known.id for known in batch.seen if known.gone)
            seen = [known.id for known in batch.seen]
            stored = self._store(batch.photos, parts, report)
            for found, photo_id in self._still_there(batch.links) + stored:
                seen.append(self._link(found, photo_id, touched, report))
            for photo_id, place in batch.places.items():
                self._catalog.place(photo_id, place)
            for found, reason in batch.skips:
                seen.append(self._put(found, None, reason, touched))
            self._catalog.mark_seen(seen)
            self._catalog.set_live(touched)
        self._report = report
        if self._on_commit is not None:
            self._on_commit()

    def _still_there(self, links: list[tuple[Found, str]]) -> list[tuple[Found, int]]:
        """Files with the photos that they hold; what was forgotten meanwhile stays forgotten."""
        every = [(found, self._catalog.photo_id(sha256)) for found, sha256 in links]
        return [(found, photo_id) for found, photo_id in every if photo_id is not None]

    def _store(
        self, new: list[tuple[Found, Extracted]], parts: list[Embeddings], report: Report
    ) -> list[tuple[Found, int]]:
        """Photos, faces and vectors of one batch; returns what is left to be linked.

        Another process, or another file of this batch, may have brought the same photo.
        """
        first = row = self._vectors.required().rows
        rows: list[Embeddings] = []
        left: list[tuple[Found, int]] = []
        for (found, extracted), embeddings in zip(new, parts, strict=True):
            if extracted.warnings:
                report.warnings.append(Skipped(found.path, "; ".join(extracted.warnings)))
            photo_id = self._catalog.photo_id(extracted.sha256)
            if photo_id is None:
                photo_id = self._catalog.add_photo(_photo(extracted))
                report.new += 1
                report.faces += len(extracted.faces)
                for number, face in enumerate(extracted.faces, start=1):
                    i = number - 1
                    quality = float(extracted.quality[i])
                    face_id = self._catalog.add_face(row, photo_id, number, face, quality)
                    self._catalog.add_crop(face_id, extracted.thumbnails[i])
                    row += 1
                rows.append(embeddings)
            left.append((found, photo_id))
        if row > first:
            self._vectors.append(np.concatenate(rows))
        return left

    def _link(self, found: Found, photo_id: int, touched: set[int], report: Report) -> int:
        """Let a path hold a photo, and count what that means."""
        known = self._catalog.path(found.path)
        others = [path for path in self._catalog.paths_of(photo_id) if path != found.path]
        if known is not None and known.photo_id == photo_id:
            report.unchanged += 1  # touched, or rewritten with the same bytes
        elif others:
            still_there = any(os.path.lexists(path) for path in others)
            report.duplicate += still_there
            if not still_there:
                report.moved += 1
                self._moved.add(photo_id)
        if known is not None and known.photo_id != photo_id:
            report.changed += 1
        return self._put(found, photo_id, None, touched)

    def _put(
        self, found: Found, photo_id: int | None, reason: str | None, touched: set[int]
    ) -> int:
        known = self._catalog.path(found.path)
        touched.update(id for id in (photo_id, known.photo_id if known else None) if id is not None)
        return self._catalog.put_path(found, photo_id=photo_id, reason=reason)


def _photo(extracted: Extracted) -> NewPhoto:
    return NewPhoto(
        extracted.sha256,
        extracted.size_bytes,
        extracted.size,
        extracted.taken_at,
        extracted.warnings,
        extracted.place,
    )
