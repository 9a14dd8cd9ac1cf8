"""The loop that brings a collection up to date with folders: files in, report out.

Looking comes before reading, reading before decoding: a file whose size and times are
known is left alone, one whose bytes are known is linked, and only what is new is
decoded and embedded (indexes/building/storing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from retrieve import photos
from retrieve.documents.versions import have_tried, is_current
from retrieve.errors import UNFORESEEN
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.indexes.building.describing import Look, Said, Task, Undescribed, seen_beside
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.storing import TRIES, Batch, OnDrawn, Report, Storing
from retrieve.indexes.building.walk import (
    Unlisted,
    checked_roots,
    count,
    is_text,
    look_at,
    reaches,
    root_of,
    walk,
)
from retrieve.indexes.building.workers import Stopped
from retrieve.indexes.catalog.contents import PHOTO, Catalog, KnownPath
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.pictures.space import Pictures
from retrieve.indexes.search.texts import Texts
from retrieve.indexes.vectors.spaces import VectorSpace
from retrieve.metadata.names import name_words
from retrieve.types import Document, Skipped


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    files  done so far, of about `of`
    new    of those, read and embedded
    faces, passages  found in them
    waiting  of the passages, how many are being embedded before the run goes on
    """

    files: int
    of: int
    new: int
    faces: int
    passages: int = 0
    waiting: int = 0


OnProgress = Callable[[Progress], None]


class Extractor(Protocol):
    """Turns files into faces or passages, and looks at photos for what they say, in any order;
    closes when it is told to.
    """

    def __call__(
        self, paths: Iterable[tuple[Found, Task]]
    ) -> Generator[tuple[Found, Extracted | Document | Said | str]]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Files that somebody else has found below the roots, to be looked at in place of a walk.

    paths     gives them
    count     how many they are
    unlisted  folders that could not be read: nothing is known about what they hold
    """

    paths: Callable[[], Iterable[Path]]
    count: int
    unlisted: Sequence[Path] = ()


class Elsewhere(Protocol):
    """What other collections hold, of which this one is a part."""

    def holds_size(self, size_bytes: int) -> bool:
        """Whether one of them has a content of that many bytes."""
        ...

    def takes(self, found: Found, sha256: str) -> bool:
        """Whether one of them holds a content; if so it will have the file, too."""
        ...


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
        reread: bool = True,
        exclude: Sequence[str] = (),
        on_progress: OnProgress | None = None,
        on_commit: Callable[[], None] | None = None,
        on_drawn: OnDrawn | None = None,
        pictures: Pictures | None = None,
        ocr: bool = False,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """photos=False leaves photos alone: none were there when it was decided.

        made_by  the networks of the extractor and the embedder, for Storing
        reread   read again, but for its faces, what an older reader read
        exclude  patterns of what is left out, for Leaving
        on_drawn for Storing: called inside the transaction that stores what regions are drawn on
        pictures for Storing: takes what whole photos show
        ocr      words in pictures will be read: a PDF of nothing else is of use
        elsewhere
                 takes files whose content another collection holds: they are not read, and this
                 one does not know them
        """
        self._elsewhere = elsewhere
        self._catalog = catalog
        self._storing = Storing(
            catalog,
            faces,
            texts,
            open_embedder,
            made_by,
            self._names_of,
            on_drawn,
            self._tell_of_embedding,
            pictures,
            ocr=ocr,
        )
        self._photos, self._ocr = photos, ocr
        self._extractor = extractor
        self._retry_skipped = retry_skipped
        self._reread = reread
        self._exclude = exclude
        self._on_progress = on_progress
        self._on_commit = on_commit
        self._report = Report()
        self._batch = self._storing_now = Batch()
        self._named_below: list[Path] = []
        self._unlisted: list[Path] = []
        self._files = self._of = 0
        self._stored: set[Path] = set()  # of the files that are asked for, those that are known

    def run(
        self,
        roots: Iterable[Path],
        *,
        vanished: Iterable[Path] = (),
        below: Iterable[Path] | None = None,
        listed: Listed | None = None,
    ) -> Report:
        """Index everything under the roots; what is gone from there is no longer found.

        vanished  files and folders that are known to be there no more
        below     absolute folders below which the names of folders describe a photo, where
                  the roots are only what has changed in them; None is the roots
        listed    what is under the roots, so that they are not walked
        raises    BadInput if a root does not exist

        KeyboardInterrupt ends the run early: everything up to the last whole batch is
        kept, and the report says `interrupted`.
        """
        absolute = checked_roots(roots)
        self._named_below = absolute if below is None else list(below)
        leaving = Leaving(self._named_below, self._exclude)
        if listed is None:
            counted = count(absolute, leaving)
            self._of = counted.texts + (counted.photos if self._photos else 0)
        else:
            self._of = listed.count
            self._unlisted += listed.unlisted
        self._catalog.start_run()
        try:
            self._extract(
                walk(absolute, photos=self._photos, leaving=leaving)
                if listed is None
                else map(look_at, listed.paths())
            )
            if named := self._named_before(absolute, leaving):
                self._extract(walk(named, photos=self._photos, leaving=leaving))
            with self._catalog.writing():
                for root in [*absolute, *vanished]:
                    lost = self._catalog.mark_gone(root, unlisted=self._unlisted)
                    # What moved is not gone, though nothing is at its old path.
                    moved = self._storing.moved
                    self._report.gone += sum(content_id not in moved for content_id in lost)
                    self._storing.called({one for one in lost if one is not None})
        except KeyboardInterrupt:
            self._report.interrupted = True
        # Workers finish in any order; people look for a file by its path.
        self._report.skipped.sort(key=lambda item: item.path)
        self._report.warnings.sort(key=lambda item: item.path)
        self._report.left_out = dict(sorted(leaving.met.items()))
        return self._report

    def _extract(self, items: Iterable[Found | Skipped]) -> None:
        """Store what is new of some files."""
        extracting = self._extractor(self._to_extract(items))
        try:
            for found, outcome in extracting:
                if isinstance(outcome, str):
                    self._fail(found, outcome)
                elif isinstance(outcome, Document) and not self._is_of_use(outcome):
                    self._fail(found, "; ".join(outcome.warnings))
                elif isinstance(outcome, Document):
                    if not outcome.passages:  # it says so itself when its pictures are read
                        outcome = replace(outcome, warnings=())
                    self._batch.texts.append((found, outcome))
                elif isinstance(outcome, Said):
                    self._batch.said.append((found, outcome))
                    self._warn(found, outcome.warnings)
                else:
                    self._batch.photos.append((found, outcome))
                self._advance()
            self._commit()
        finally:
            extracting.close()

    def _named_before(self, roots: Sequence[Path], leaving: Leaving) -> list[Path]:
        """Files under the roots that are there still and that no walk comes by: an earlier run
        was given them by name.
        """
        return [
            path
            for root in roots
            if root.is_dir()
            for path in self._catalog.unseen(root)
            if path.is_file()
            and not reaches(root, path)
            and not leaving.leaves_out(path, is_folder=False)
            and not any(path.is_relative_to(folder) for folder in self._unlisted)
        ]

    def _to_extract(self, items: Iterable[Found | Skipped]) -> Iterator[tuple[Found, Task]]:
        """What is to be done with files; those with which nothing is are dealt with on the way."""
        for item in items:
            if isinstance(item, Unlisted):
                self._unlisted.append(item.path)
                self._report.skipped.append(item)
            elif isinstance(item, Skipped):
                self._skip(Found(item.path, 0, 0, 0), item.reason)
                self._advance()
            elif (task := self._task(item)) is not None:
                yield item, task
            else:
                self._advance()

    def _task(self, found: Found) -> Task | None:
        """None if the file is known as it is, or cannot be read."""
        known = self._catalog.path(found.path)
        if known is not None and known.found == found:
            return self._again(known)
        elsewhere = self._elsewhere
        if not self._catalog.holds_size(found.size_bytes) and (
            elsewhere is None or not elsewhere.holds_size(found.size_bytes)
        ):
            return found.path
        try:
            sha256 = photos.content_hash(found.path)
        except photos.BadPhoto as error:
            self._skip(found, str(error))
            return None
        content_id = self._catalog.content_id(sha256)
        if content_id is None:
            if elsewhere is not None and elsewhere.takes(found, sha256):
                self._batch.given.append(found)
                return None
            return found.path
        kind, read_by = self._catalog.read_by(content_id)
        if kind == PHOTO:
            self._batch.links.append((found, sha256))
            return self._look(found)
        if self._reread and not is_current(read_by):
            return found.path
        self._batch.links.append((found, sha256))
        return None

    def _again(self, known: KnownPath) -> Task | None:
        """What is to be done with a file that is as it was when it was seen last."""
        path = known.found.path
        if known.reason is not None and self._retries(known):
            return Undescribed(path) if known.stopped and not is_text(path) else path
        is_due = self._reread and known.stopped < TRIES and not is_current(known.reader)
        if known.reason is None and known.kind != PHOTO and is_due:
            self._stored.add(path)
            return path
        self._batch.seen.append(known)
        if known.reason is not None:
            self._report.skipped.append(Skipped(path, known.reason))
            return None
        self._report.unchanged += 1
        is_placed = known.placed or known.stopped >= TRIES
        if known.kind == PHOTO and (
            is_due or not is_placed or known.described != seen_beside(path)
        ):
            return self._look(known.found)
        return None

    def _is_of_use(self, document: Document) -> bool:
        """Whether a text says something, or its pictures do or will."""
        if document.passages or self._ocr:
            return True
        content_id = self._catalog.content_id(document.sha256)
        return content_id is not None and self._catalog.was_recognised(content_id)

    def _retries(self, known: KnownPath) -> bool:
        """Whether a file that was skipped is read once more."""
        tried = have_tried(known.readers, photo=not is_text(known.found.path), ocr=self._ocr)
        return self._retry_skipped or 0 < known.stopped < TRIES or (self._reread and not tried)

    def _look(self, found: Found) -> Look:
        self._stored.add(found.path)
        return Look(found.path, root_of(found.path, self._named_below))

    def _names_of(self, path: Path) -> str:
        return name_words(path, root_of(path, self._named_below))

    def _fail(self, found: Found, reason: str) -> None:
        """Leave a file out; what is known of it stays where reading it again was stopped, or
        failed by a fault of ours.
        """
        known = found.path in self._stored
        if known and (isinstance(reason, Stopped) or reason.startswith(UNFORESEEN)):
            self._batch.kept.append((found, reason))
        else:
            self._skip(found, reason)

    def _skip(self, found: Found, reason: str) -> None:
        self._report.skipped.append(Skipped(found.path, reason))
        self._batch.skips.append((found, reason))

    def _warn(self, found: Found, warnings: Iterable[str]) -> None:
        if text := "; ".join(warnings):
            self._report.warnings.append(Skipped(found.path, text))

    def _advance(self) -> None:
        self._files += 1
        if self._batch.full:
            self._commit()
        self._tell(self._batch)

    def _tell(self, batch: Batch, waiting: int = 0) -> None:
        if self._on_progress is not None:
            self._on_progress(
                Progress(
                    self._files,
                    max(self._of, self._files),
                    self._report.new + len(batch.photos) + len(batch.texts),
                    self._report.faces + batch.faces,
                    self._report.passages + batch.passages,
                    waiting,
                )
            )

    def _tell_of_embedding(self, waiting: int) -> None:
        self._tell(self._storing_now, waiting)

    def _commit(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._storing_now = batch
        self._report = self._storing.store(batch, self._report)
        if self._on_commit is not None:
            self._on_commit()
