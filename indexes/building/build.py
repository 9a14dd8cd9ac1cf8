"""The loop that brings a collection up to date with folders: files in, report out.

Looking comes before reading, reading before decoding: a file whose size and times are
known is left alone, one whose bytes are known is linked, and only what is new is
decoded and embedded (indexes/building/storing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retrieve import photos
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.indexes.building.describing import said_of, seen_beside
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.storing import Batch, Report, Storing
from retrieve.indexes.building.walk import (
    Unlisted,
    checked_roots,
    count,
    is_text,
    root_of,
    walk,
)
from retrieve.indexes.building.workers import Extracted
from retrieve.indexes.catalog.contents import PHOTO, Catalog, KnownPath
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.search.texts import Texts
from retrieve.indexes.vectors.spaces import VectorSpace
from retrieve.types import Document, Skipped


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    files  done so far, of about `of`
    new    of those, read and embedded
    faces, passages  found in them
    """

    files: int
    of: int
    new: int
    faces: int
    passages: int = 0


OnProgress = Callable[[Progress], None]


class Extractor(Protocol):
    """Turns files into faces or passages, in any order, and closes when it is told to."""

    def __call__(
        self, paths: Iterable[tuple[Found, Path]]
    ) -> Generator[tuple[Found, Extracted | Document | str]]: ...


class Build:
    """One run over some folders."""

    def __init__(
        self,
        catalog: Catalog,
        faces: VectorSpace,
        texts: Texts,
        open_embedder: Callable[[], AnyEmbedder],
        extractor: Extractor,
        *,
        photos: bool = True,
        made_by: Mapping[str, str] | None = None,
        retry_skipped: bool = False,
        exclude: Sequence[str] = (),
        on_progress: OnProgress | None = None,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        """photos=False leaves photos alone: none were there when it was decided.

        made_by  the networks of the extractor and the embedder, for Storing
        exclude  patterns of what is left out, for Leaving
        """
        self._catalog = catalog
        self._storing = Storing(catalog, faces, texts, open_embedder, made_by)
        self._photos = photos
        self._extractor = extractor
        self._retry_skipped = retry_skipped
        self._exclude = exclude
        self._on_progress = on_progress
        self._on_commit = on_commit
        self._report = Report()
        self._batch = Batch()
        self._named_below: list[Path] = []
        self._unlisted: list[Path] = []
        self._files = self._of = 0

    def run(
        self,
        roots: Iterable[Path],
        *,
        vanished: Iterable[Path] = (),
        below: Iterable[Path] | None = None,
    ) -> Report:
        """Index everything under the roots; what is gone from there is no longer found.

        vanished  files and folders that are known to be there no more
        below     absolute folders below which the names of folders describe a photo, where
                  the roots are only what has changed in them; None is the roots
        raises    BadInput if a root does not exist

        KeyboardInterrupt ends the run early: everything up to the last whole batch is
        kept, and the report says `interrupted`.
        """
        absolute = checked_roots(roots)
        self._named_below = absolute if below is None else list(below)
        leaving = Leaving(self._named_below, self._exclude)
        counted = count(absolute, leaving)
        self._of = counted.texts + (counted.photos if self._photos else 0)
        self._catalog.start_run()
        extracting = self._extractor(self._to_extract(absolute, leaving))
        try:
            for found, outcome in extracting:
                if isinstance(outcome, str):
                    self._skip(found, outcome)
                elif isinstance(outcome, Document):
                    self._batch.texts.append((found, outcome))
                else:
                    self._batch.photos.append((found, outcome))
                self._advance()
            self._commit()
            with self._catalog.writing():
                for root in [*absolute, *vanished]:
                    lost = self._catalog.mark_gone(root, unlisted=self._unlisted)
                    # What moved is not gone, though nothing is at its old path.
                    moved = self._storing.moved
                    self._report.gone += sum(content_id not in moved for content_id in lost)
        except KeyboardInterrupt:
            self._report.interrupted = True
        finally:
            extracting.close()
        # Workers finish in any order; people look for a file by its path.
        self._report.skipped.sort(key=lambda item: item.path)
        self._report.warnings.sort(key=lambda item: item.path)
        self._report.left_out = dict(sorted(leaving.met.items()))
        return self._report

    def _to_extract(self, roots: list[Path], leaving: Leaving) -> Iterator[tuple[Found, Path]]:
        """The files that nothing is known about; the others are dealt with on the way."""
        for item in walk(roots, photos=self._photos, leaving=leaving):
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
                self._look_again(known)
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
        if self._catalog.content_id(sha256) is None:
            return False
        self._batch.links.append((found, sha256))
        if not is_text(found.path):
            self._describe(found)
        self._advance()
        return True

    def _look_again(self, known: KnownPath) -> None:
        """At a photo whose file is as it was: for its place, once, and for what describes it."""
        if known.content_id is None or known.kind != PHOTO:
            return
        if not known.placed:
            # A file that turned bad meanwhile says so when it is read for its faces.
            with suppress(photos.BadPhoto):
                self._batch.places[known.content_id] = photos.read_place(known.found.path)
        if known.described != seen_beside(known.found.path):
            self._describe(known.found)

    def _describe(self, found: Found) -> None:
        said = said_of(found.path, root_of(found.path, self._named_below))
        self._batch.said.append((found, said))

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
            waiting = len(self._batch.photos) + len(self._batch.texts)
            self._on_progress(
                Progress(
                    self._files,
                    max(self._of, self._files),
                    self._report.new + waiting,
                    self._report.faces + self._batch.faces,
                    self._report.passages + self._batch.passages,
                )
            )

    def _commit(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._report = self._storing.store(batch, self._report)
        if self._on_commit is not None:
            self._on_commit()
