"""One batch of files → the collection: embedded between transactions, stored inside one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from retrieve.documents.versions import PHOTO, is_current, reader, readers
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import embed, together
from retrieve.indexes.building.describing import Said, seen_beside
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.walk import is_text
from retrieve.indexes.building.workers import Stopped
from retrieve.indexes.catalog.contents import PICTURE, TEXT, Catalog, KnownPath, NewPhoto
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.pictures.space import Pictures
from retrieve.indexes.search.texts import Embedded, Placed, Texts
from retrieve.indexes.vectors.spaces import VectorSpace
from retrieve.metadata.names import name_words
from retrieve.pictures.embedding import embed as embed_pictures
from retrieve.pictures.embedding.shown import Shown
from retrieve.types import Document, Embeddings, Passage, Skipped

BATCH_FILES = 64  # between two commits: what a crash or Ctrl-C can cost
BATCH_FACES = 256
BATCH_PASSAGES = 1024
TRIES = 2  # in turn of a file at which reading was stopped


OnDrawn = Callable[[Database, Iterable[tuple[int, Said]]], object]


@dataclass(slots=True)
class Report:
    """What a run did, counted in files.

    new        read and embedded
    unchanged  as they were in the run before
    moved      content that is known, from a path that holds it no more
    duplicate  content that another living path holds too
    changed    other content than in the run before (counted as new, moved or duplicate too)
    gone       known files that are no longer there
    reread     known files that an older reader had read (counted as unchanged too)
    faces      stored by this run
    attached   faces that were found to be of people there were
    people     new ones, of whom other faces are
    passages   stored by this run, of texts and of what describes photos
    read       photos, and pages of PDFs, that were looked at for words
    skipped    files and folders that could not be used, with the reason
    warnings   files that were used although something is wrong with them
    left_out   how many folders, with all in them, and files were left out for a name that other
               programs keep, for a pattern or for a .retrieveignore: by name or pattern
    """

    new: int = 0
    unchanged: int = 0
    moved: int = 0
    duplicate: int = 0
    changed: int = 0
    gone: int = 0
    reread: int = 0
    faces: int = 0
    attached: int = 0
    people: int = 0
    passages: int = 0
    read: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[Skipped] = field(default_factory=list)
    interrupted: bool = False
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """What waits for the next commit.

    links   files whose content is known, with its SHA-256
    seen    paths that are as they were
    said    what photos say about themselves, where that was looked for without decoding them
    kept    files of which what is stored stays, since reading them again failed, and why
    given   files that another collection has now
    """

    photos: list[tuple[Found, Extracted]] = field(default_factory=list)
    texts: list[tuple[Found, Document]] = field(default_factory=list)
    links: list[tuple[Found, str]] = field(default_factory=list)
    skips: list[tuple[Found, str]] = field(default_factory=list)
    seen: list[KnownPath] = field(default_factory=list)
    said: list[tuple[Found, Said]] = field(default_factory=list)
    kept: list[tuple[Found, str]] = field(default_factory=list)
    given: list[Found] = field(default_factory=list)

    @property
    def faces(self) -> int:
        return sum(len(extracted.faces) for _, extracted in self.photos)

    @property
    def passages(self) -> int:
        return sum(len(document.passages) for _, document in self.texts)

    @property
    def full(self) -> bool:
        files = len(self.photos) + len(self.texts) + len(self.links) + len(self.skips)
        return (
            files + len(self.said) + len(self.kept) + len(self.given) >= BATCH_FILES
            or self.faces >= BATCH_FACES
            or self.passages >= BATCH_PASSAGES
            or len(self.seen) >= 100 * BATCH_FILES  # nothing of theirs is lost
        )


class Storing:
    """Stores batches; not for use by several threads.

    open_embedder  called for the first batch with faces
    names_of       what a path calls a text
    on_drawn       called with contents on which regions are drawn, and what is said of each
    made_by        the networks that it stores for: another process may move the collection to
                   others. None is whatever it holds
    pictures       takes what whole photos show, where workers have looked
    moved          ids of contents that a path took over from one that is there no more
    ocr            words in pictures will be read, too
    on_embedding   called with how many passages of the batch are still to be embedded
    """

    def __init__(
        self,
        catalog: Catalog,
        faces: VectorSpace,
        texts: Texts,
        open_embedder: Callable[[], AnyEmbedder],
        made_by: Mapping[str, str] | None = None,
        names_of: Callable[[Path], str] = lambda path: name_words(path, None),
        on_drawn: OnDrawn | None = None,
        on_embedding: Callable[[int], object] | None = None,
        pictures: Pictures | None = None,
        *,
        ocr: bool = False,
    ) -> None:
        self._pictures = pictures
        self._ocr = ocr
        self.moved: set[int] = set()
        self._catalog = catalog
        self._faces = faces
        self._texts = texts
        self._open_embedder = open_embedder
        self._made_by = made_by
        self._names_of = names_of
        self._on_drawn = on_drawn
        self._on_embedding = on_embedding

    def store(self, batch: Batch, before: Report) -> Report:
        """Embed what waits, then store all of it in one transaction; returns the new report."""
        embeddings = self._embed([extracted for _, extracted in batch.photos])
        texts = self._embed_texts(batch.texts)
        said = [(found, one.said) for found, one in batch.photos] + batch.said
        descriptions = self._embed_said(said)
        report = replace(before, skipped=list(before.skipped), warnings=list(before.warnings))
        with self._catalog.writing():
            touched: set[int] = set()
            for known in batch.seen:
                if known.content_id is not None and known.gone:
                    touched.add(known.content_id)
            fresh: set[int] = set()
            self._catalog.bring_back(known.id for known in batch.seen if known.gone)
            seen = [known.id for known in batch.seen]
            stored = self._store_photos(batch.photos, embeddings, report)
            stored += self._store_texts(batch.texts, texts, fresh, report)
            held: dict[Path, tuple[int, int]] = {}
            for found, content_id in self._still_there(batch.links) + stored:
                seen.append(self._link(found, content_id, touched, report))
                held[found.path] = seen[-1], content_id
            for found, reason in batch.skips:
                seen.append(self._put(found, None, reason, touched))
            for found, reason in batch.kept:
                self._keep(found, reason, report)
            for found in batch.given:
                self._give(found, touched, report)
            self._describe(said, descriptions, held, report)
            if self._on_drawn is not None:
                self._on_drawn(self._catalog.db, self._drawn(said, held))
            self._catalog.mark_seen(seen)
            self._catalog.set_live(touched)
            self._texts.call(touched - fresh)
        return report

    def called(self, content_ids: Iterable[int]) -> None:
        """Let texts go by the names of the files that are left; inside a transaction."""
        self._texts.call(content_ids)

    def _embed(self, photos: list[Extracted]) -> list[Embeddings]:
        counts = [len(one.faces) for one in photos]
        if not sum(counts):
            return [np.empty((0, 0), np.float32) for _ in photos]
        crops = together(one.crops for one in photos)
        return np.split(embed(self._open_embedder(), crops), np.cumsum(counts)[:-1])

    def _embed_texts(self, new: list[tuple[Found, Document]]) -> list[Embedded | None]:
        """None where a text is known and says just these passages."""
        known = [self._catalog.content_id(document.sha256) for _, document in new]
        same = [
            content_id is not None and self._texts.content_says(content_id, document.passages)
            for content_id, (_, document) in zip(known, new, strict=True)
        ]
        return self._embed_others([document.passages for _, document in new], same)

    def _embed_said(self, said: list[tuple[Found, Said]]) -> list[Embedded | None]:
        """None where a file that is as it was says just what it said."""
        same = []
        for found, what in said:
            known = self._catalog.path(found.path)
            is_as_it_was = known is not None and known.found == found and not known.reason
            same.append(
                known is not None
                and is_as_it_was
                and self._texts.path_says(known.id, what.passages)
            )
        return self._embed_others([what.passages for _, what in said], same)

    def _embed_others(
        self, every: Sequence[Sequence[Passage]], same: Sequence[bool]
    ) -> list[Embedded | None]:
        wanted = [() if is_same else some for some, is_same in zip(every, same, strict=True)]
        embedded = self._texts.embed(wanted, self._on_embedding)
        return [None if is_same else one for one, is_same in zip(embedded, same, strict=True)]

    def _still_there(self, links: list[tuple[Found, str]]) -> list[tuple[Found, int]]:
        """Files with what they hold; what was forgotten meanwhile stays forgotten."""
        every = [(found, self._catalog.content_id(sha256)) for found, sha256 in links]
        return [(found, content_id) for found, content_id in every if content_id is not None]

    def _store_photos(
        self, new: list[tuple[Found, Extracted]], parts: list[Embeddings], report: Report
    ) -> list[tuple[Found, int]]:
        """Photos, faces and vectors of one batch; returns what is left to be linked.

        Another process, or another file of this batch, may have brought the same photo.
        """
        if not new:
            return []
        first = row = self._faces.required().rows
        rows: list[Embeddings] = []
        left: list[tuple[Found, int]] = []
        looked: list[tuple[int, Shown]] = []
        for (found, extracted), embeddings in zip(new, parts, strict=True):
            _warn(found, [*extracted.warnings, *extracted.said.warnings], report)
            content_id = self._catalog.content_id(extracted.sha256)
            if content_id is None:
                content_id = self._catalog.add_photo(new_photo(extracted))
                report.new += 1
                report.faces += len(extracted.faces)
                for number, face in enumerate(extracted.faces, start=1):
                    i = number - 1
                    quality = float(extracted.quality[i])
                    face_id = self._catalog.add_face(row, content_id, number, face, quality)
                    self._catalog.add_crop(face_id, extracted.thumbnails[i], PICTURE)
                    row += 1
                if extracted.faces:
                    rows.append(embeddings)
            left.append((found, content_id))
            if extracted.shown is not None:
                looked.append((content_id, extracted.shown))
        if row > first:
            self._faces.append(np.concatenate(rows), made_by=self._made_by)
        if self._pictures is not None:
            self._pictures.store(looked, embed_pictures.made_by())
        return left

    def _store_texts(
        self,
        new: list[tuple[Found, Document]],
        parts: list[Embedded | None],
        fresh: set[int],
        report: Report,
    ) -> list[tuple[Found, int]]:
        """The same of texts and their passages; those that an older reader read are renewed.

        fresh  takes the contents that are new and of one file
        """
        left: list[tuple[Found, int]] = []
        placed: list[Placed] = []
        for (found, document), embedded in zip(new, parts, strict=True):
            _warn(found, document.warnings, report)
            content_id = self._catalog.content_id(document.sha256)
            called = document.title or self._names_of(found.path)
            if content_id is None:
                if embedded is None:
                    continue  # it was known and is forgotten since
                content_id = self._catalog.add_text(document)
                report.new += 1
                fresh.add(content_id)
                placed.append(Placed(content_id, None, called, embedded))
            else:
                fresh.discard(content_id)
                if self._catalog.read_by(content_id)[1] != document.reader:
                    report.reread += 1
                    self._catalog.renew_text(content_id, document)
                    if embedded is not None:
                        self._texts.drop_content(content_id)
                        placed.append(Placed(content_id, None, called, embedded))
            left.append((found, content_id))
        report.passages += self._texts.store(placed)
        return left

    def _describe(
        self,
        said: list[tuple[Found, Said]],
        parts: list[Embedded | None],
        held: dict[Path, tuple[int, int]],
        report: Report,
    ) -> None:
        """Put what photos say about themselves in the place of what they said before."""
        placed = []
        for (found, what), embedded in zip(said, parts, strict=True):
            if found.path not in held and (known := self._catalog.path(found.path)) is not None:
                if known.content_id is None:
                    continue
                held[found.path] = known.id, known.content_id
            if found.path not in held:
                continue  # forgotten meanwhile
            path_id, content_id = held[found.path]
            self._catalog.describe(path_id, what.seen)
            if what.whole:
                self._catalog.renew_photo(content_id, what.taken_at, what.place)
            if not is_current(self._catalog.read_by(content_id)[1]):
                self._catalog.set_reader(content_id, reader(PHOTO))
                report.reread += 1
            if embedded is not None:
                self._texts.drop(path_id)
                placed.append(Placed(content_id, path_id, "", embedded))
        report.passages += self._texts.store(placed)

    def _drawn(
        self, said: list[tuple[Found, Said]], held: Mapping[Path, tuple[int, int]]
    ) -> Iterator[tuple[int, Said]]:
        """What is drawn on contents."""
        for found, what in said:
            if what.regions and found.path in held:
                yield held[found.path][1], what

    def _keep(self, found: Found, reason: str, report: Report) -> None:
        """Leave what is stored of a file that could not be read again, and count the attempt."""
        known = self._catalog.path(found.path)
        if known is None or known.content_id is None:
            return  # forgotten meanwhile
        stays = f"could not be read again ({reason}); what is stored of it stays"
        report.warnings.append(Skipped(found.path, stays))
        if known.stopped + 1 >= TRIES and known.kind == PHOTO:
            self._catalog.describe(known.id, seen_beside(found.path))
        self._catalog.set_stopped(known.id, known.stopped + 1)

    def _give(self, found: Found, touched: set[int], report: Report) -> None:
        """Forget that a file was here; what it held stays, as when another content replaces it."""
        known = self._catalog.path(found.path)
        if known is None:
            return
        report.changed += 1
        self._texts.drop(known.id)
        if known.content_id is not None:
            touched.add(known.content_id)
        self._catalog.remove_path(known.id)

    def _link(self, found: Found, content_id: int, touched: set[int], report: Report) -> int:
        """Let a path hold a content, and count what that means."""
        known = self._catalog.path(found.path)
        others = [path for path in self._catalog.paths_of(content_id) if path != found.path]
        if known is not None and known.content_id == content_id:
            report.unchanged += 1  # touched, or rewritten with the same bytes
        elif others:
            still_there = any(os.path.lexists(path) for path in others)
            report.duplicate += still_there
            if not still_there:
                report.moved += 1
                self.moved.add(content_id)
        if known is not None and known.content_id != content_id:
            report.changed += 1
        return self._put(found, content_id, None, touched)

    def _put(
        self, found: Found, content_id: int | None, reason: str | None, touched: set[int]
    ) -> int:
        known = self._catalog.path(found.path)
        touched.update(
            id for id in (content_id, known.content_id if known else None) if id is not None
        )
        if known is not None and known.content_id != content_id:
            self._texts.drop(known.id)
        if content_id is not None:
            kind, _ = self._catalog.read_by(content_id)
            names = self._names_of(found.path) if kind == TEXT else None
            return self._catalog.put_path(found, content_id=content_id, reason=None, names=names)
        before = known.stopped if known is not None and known.found == found else 0
        return self._catalog.put_path(
            found,
            content_id=None,
            reason=reason,
            readers=readers(photo=not is_text(found.path), ocr=self._ocr),
            stopped=before + 1 if isinstance(reason, Stopped) else 0,
        )


def _warn(found: Found, warnings: Iterable[str], report: Report) -> None:
    if text := "; ".join(warnings):
        report.warnings.append(Skipped(found.path, text))


def new_photo(extracted: Extracted) -> NewPhoto:
    """What is stored of a photo, but for its faces."""
    return NewPhoto(
        extracted.sha256,
        extracted.size_bytes,
        extracted.size,
        extracted.said.taken_at or extracted.taken_at,
        extracted.warnings,
        extracted.said.place or extracted.place,
        extracted.turn,
        reader(PHOTO),
    )
