"""One batch of files → the collection: embedded between transactions, stored inside one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import embed, together
from retrieve.indexes.building.describing import Said
from retrieve.indexes.building.workers import Extracted
from retrieve.indexes.catalog.contents import PICTURE, Catalog, KnownPath, NewPhoto
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.search.texts import Embedded, Placed, Texts
from retrieve.indexes.vectors.spaces import VectorSpace
from retrieve.types import Document, Embeddings, Skipped

BATCH_FILES = 64  # between two commits: what a crash or Ctrl-C can cost
BATCH_FACES = 256
BATCH_PASSAGES = 1024


@dataclass(slots=True)
class Report:
    """What a run did, counted in files.

    new        read and embedded
    unchanged  as they were in the run before
    moved      content that is known, from a path that holds it no more
    duplicate  content that another living path holds too
    changed    other content than in the run before (counted as new, moved or duplicate too)
    gone       known files that are no longer there
    faces      stored by this run
    passages   stored by this run, of texts and of what describes photos
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
    faces: int = 0
    passages: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[Skipped] = field(default_factory=list)
    interrupted: bool = False
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """What waits for the next commit.

    links   files whose content is known, with its SHA-256
    seen    paths that are as they were
    places  of photos that were stored before places were
    said    what photos say about themselves, where that was looked for without decoding them
    """

    photos: list[tuple[Found, Extracted]] = field(default_factory=list)
    texts: list[tuple[Found, Document]] = field(default_factory=list)
    links: list[tuple[Found, str]] = field(default_factory=list)
    skips: list[tuple[Found, str]] = field(default_factory=list)
    seen: list[KnownPath] = field(default_factory=list)
    places: dict[int, tuple[float, float] | None] = field(default_factory=dict)
    said: list[tuple[Found, Said]] = field(default_factory=list)

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
            files + len(self.said) >= BATCH_FILES
            or self.faces >= BATCH_FACES
            or self.passages >= BATCH_PASSAGES
            or len(self.seen) >= 100 * BATCH_FILES  # nothing of theirs is lost
        )


class Storing:
    """Stores batches; not for use by several threads.

    open_embedder  called for the first batch with faces
    made_by        the networks that it stores for: another process may move the collection to
                   others. None is whatever it holds
    moved          ids of contents that a path took over from one that is there no more
    """

    def __init__(
        self,
        catalog: Catalog,
        faces: VectorSpace,
        texts: Texts,
        open_embedder: Callable[[], AnyEmbedder],
        made_by: Mapping[str, str] | None = None,
    ) -> None:
        self.moved: set[int] = set()
        self._catalog = catalog
        self._faces = faces
        self._texts = texts
        self._open_embedder = open_embedder
        self._made_by = made_by

    def store(self, batch: Batch, before: Report) -> Report:
        """Embed what waits, then store all of it in one transaction; returns the new report."""
        embeddings = self._embed([extracted for _, extracted in batch.photos])
        passages = self._texts.embed([document.passages for _, document in batch.texts])
        said = [(found, one.said) for found, one in batch.photos] + batch.said
        descriptions = self._texts.embed([one.passages for _, one in said])
        report = replace(before, skipped=list(before.skipped), warnings=list(before.warnings))
        with self._catalog.writing():
            touched: set[int] = set()
            for known in batch.seen:
                if known.content_id is not None and known.gone:
                    touched.add(known.content_id)
            self._catalog.bring_back(known.id for known in batch.seen if known.gone)
            seen = [known.id for known in batch.seen]
            stored = self._store_photos(batch.photos, embeddings, report)
            stored += self._store_texts(batch.texts, passages, report)
            held: dict[Path, tuple[int, int]] = {}
            for found, content_id in self._still_there(batch.links) + stored:
                seen.append(self._link(found, content_id, touched, report))
                held[found.path] = seen[-1], content_id
            for content_id, place in batch.places.items():
                self._catalog.place(content_id, place)
            for found, reason in batch.skips:
                seen.append(self._put(found, None, reason, touched))
            self._describe(said, descriptions, held, report)
            self._catalog.mark_seen(seen)
            self._catalog.set_live(touched)
        return report

    def _embed(self, photos: list[Extracted]) -> list[Embeddings]:
        counts = [len(one.faces) for one in photos]
        if not sum(counts):
            return [np.empty((0, 0), np.float32) for _ in photos]
        crops = together(one.crops for one in photos)
        return np.split(embed(self._open_embedder(), crops), np.cumsum(counts)[:-1])

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
        for (found, extracted), embeddings in zip(new, parts, strict=True):
            _warn(found, [*extracted.warnings, *extracted.said.warnings], report)
            content_id = self._catalog.content_id(extracted.sha256)
            if content_id is None:
                content_id = self._catalog.add_photo(_photo(extracted))
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
        if row > first:
            self._faces.append(np.concatenate(rows), made_by=self._made_by)
        return left

    def _store_texts(
        self, new: list[tuple[Found, Document]], parts: list[Embedded], report: Report
    ) -> list[tuple[Found, int]]:
        """The same of texts and their passages."""
        left: list[tuple[Found, int]] = []
        placed: list[Placed] = []
        for (found, document), embedded in zip(new, parts, strict=True):
            _warn(found, document.warnings, report)
            content_id = self._catalog.content_id(document.sha256)
            if content_id is None:
                content_id = self._catalog.add_text(document)
                report.new += 1
                placed.append(Placed(content_id, None, document.title, embedded))
            left.append((found, content_id))
        report.passages += self._texts.store(placed)
        return left

    def _describe(
        self,
        said: list[tuple[Found, Said]],
        parts: list[Embedded],
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
            self._texts.drop(path_id)
            self._catalog.describe(path_id, what.seen)
            if what.whole:
                self._catalog.renew_photo(content_id, what.taken_at, what.place)
            placed.append(Placed(content_id, path_id, "", embedded))
        report.passages += self._texts.store(placed)

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
        return self._catalog.put_path(found, content_id=content_id, reason=reason)


def _warn(found: Found, warnings: Iterable[str], report: Report) -> None:
    if text := "; ".join(warnings):
        report.warnings.append(Skipped(found.path, text))


def _photo(extracted: Extracted) -> NewPhoto:
    return NewPhoto(
        extracted.sha256,
        extracted.size_bytes,
        extracted.size,
        extracted.taken_at,
        extracted.warnings,
        extracted.place,
        extracted.turn,
    )
