"""Repair: damaged embeddings made again from photographs and passages, indexes from them.

A checksum covers a segment of rows, so that all faces or passages in a damaged segment are
embedded again. It is signed anew when each of its living rows is; until then it counts as damaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.embedding.views import chosen, embed
from retrieve.indexes.building import workers
from retrieve.indexes.building.jobs import Looking, Whole
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import FACES
from retrieve.indexes.people import statements
from retrieve.indexes.reembedding import staged
from retrieve.indexes.reembedding.reading import holding
from retrieve.indexes.search import cache, traces
from retrieve.indexes.search.engine import CACHE_FOLDER, Engine
from retrieve.indexes.upkeep import check
from retrieve.indexes.upkeep.mending import rows
from retrieve.indexes.upkeep.mending.derive import Derivation
from retrieve.indexes.upkeep.mending.rows import Lost
from retrieve.indexes.vectors import segments
from retrieve.indexes.vectors.segments import SEGMENT_ROWS, Segment
from retrieve.indexes.vectors.spaces import Moved, VectorSpace, searched_spaces
from retrieve.pictures.embedding import embed as picture_network
from retrieve.types import Embeddings, Skipped

if TYPE_CHECKING:
    from retrieve.indexes.building.jobs import Extracted
    from retrieve.indexes.collection import Collection

SAME_BOX = 0.9  # IoU: the same detector finds the same box, but for the decoder's version
OnProgress = Callable[[int, int], None]


@dataclass(slots=True)
class Repaired:
    """What was repaired and what was not.

    segments  of embeddings that hold the right ones again
    faces     embedded again
    passages  embedded again
    pictures  whole photos looked at again
    words     passages whose words were entered again
    indexes   made again
    staged    segments of the space that a collection moves to, taken out of it: the next
              retrieve reembed embeds them again
    rows      of the catalog that are again what was written
    damaged   segments that stay damaged
    left      files of photos that, or whose faces, could not be embedded again, and why
    lost      rows of the catalog that stay damaged
    """

    segments: int = 0
    faces: int = 0
    passages: int = 0
    pictures: int = 0
    words: int = 0
    indexes: int = 0
    staged: int = 0
    rows: int = 0
    damaged: int = 0
    left: list[Skipped] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Lost:
    """A face, or a whole photo, whose embedding is in a damaged segment.

    box  of the face, zeros of a whole photo; not a number where the catalog is damaged there
    """

    id: int
    row: int
    number: int
    box: NDArray[np.float32]


def repair(
    collection: Collection,
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: OnProgress | None = None,
) -> Repaired:
    """Make whole what can be made whole, and finish what writers that died began.

    processes     that decode, detect and align
    time_limit_s  for one file
    on_progress   called with the photos that are done, and their number
    raises        CollectionError if the networks are not those that made the collection
    """
    db, folder = collection.db, collection.path
    mended = rows.mend(db)
    again = Derivation(collection, mended.left, processes, time_limit_s)
    again.in_place()
    report = Repaired(words=_enter_words(collection))  # which deleting needs to be whole
    _refuse_broken(db)
    again.anew()
    if not any(one.table in ("statements", "faces", "persons") for one in again.left):
        statements.settle(db)
    report.rows, report.lost = mended.rows + again.rows, again.left
    traces.finish_or_raise(db, folder)
    report.staged = staged.heal(db, folder)
    for vectors in searched_spaces(db, folder):
        _lengthen(collection, vectors)
        report.segments += _order_segments(collection, vectors)
        report.segments += _sign_right_ones(collection, vectors)
        suspect = check.suspects(db, vectors).segments()
        if suspect and vectors.name == collection.faces.name:
            collection.begin()  # refuses other networks
            job = collection.networks.job()
            run = _Repair(collection, vectors, suspect, _faces_of, on_progress)
            run.run(job.open, processes, time_limit_s)
            collection.engine.drop()
            still = check.suspects(db, vectors).segments()
            report.segments += len(suspect - still)
            report.faces += run.embedded
            report.left += run.left(still)
            suspect = still
        elif suspect and vectors.name == collection.pictures.vectors.name:
            collection.pictures.check(picture_network.made_by())
            run = _Repair(collection, vectors, suspect, _picture_of, on_progress)
            run.run(Looking().open, processes, time_limit_s)
            collection.pictures.engine.drop()
            still = check.suspects(db, vectors).segments()
            report.segments += len(suspect - still)
            report.pictures += run.embedded
            report.left += run.left(still)
            suspect = still
        elif suspect and vectors.name == collection.texts.vectors.name:
            report.passages += _embed_passages(collection, suspect)
            collection.texts.engine.drop()
            still = check.suspects(db, vectors).segments()
            report.segments += len(suspect - still)
            suspect = still
        report.damaged += len(suspect)
        report.indexes += _index(collection, vectors)
    report.left.sort(key=lambda item: item.path)
    return report


def _embed_passages(collection: Collection, suspect: set[int]) -> int:
    """Embed the living passages of some segments again, and sign the segments; returns how many.

    raises  CollectionError if the encoder is not the one that made them
    """
    texts, vectors = collection.texts, collection.texts.vectors
    texts.check()
    again = 0
    for first in sorted(suspect):
        with writing(collection.db):
            space = vectors.required()
            for segment in vectors.segments([first]):
                rows = range(segment.first, segment.first + segment.rows)
                if not _are_sound(collection, segment):
                    continue  # the embedding of another text would count as right
                stored = texts.passages.texts_at(rows)
                values = np.zeros((segment.rows, space.dim), np.float32)  # as dead rows are
                if stored:
                    places = [row - segment.first for row in sorted(stored)]
                    values[places] = texts.encoder.embed([stored[row] for row in sorted(stored)])
                vectors.overwrite(rows, values)
                vectors.sign(segment)
                again += len(stored)
    return again


def _are_sound(collection: Collection, segment: Segment) -> bool:
    """Whether the passages of a segment are what was written."""
    query = "SELECT id FROM passages WHERE row BETWEEN ? AND ?"
    last = segment.first + segment.rows - 1
    found = collection.db.execute(query, [segment.first, last]).fetchall()
    return all(sums.is_sound(collection.db, "passages", id) for (id,) in found)


def _refuse_broken(db: Database) -> None:
    """Embeddings are put where the catalog says: it has to be readable."""
    for (answer,) in db.execute("PRAGMA integrity_check").fetchall():
        if answer != "ok" and not (rows.is_of_an_index(answer) or rows.is_of_a_row(answer)):
            raise CollectionError(
                f"catalog.sqlite is damaged: {' '.join(answer.split())}. {check.CATALOG_LOST}"
            )


def _enter_words(collection: Collection) -> int:
    """Enter the words of all passages again if the index of words is not theirs."""
    with writing(collection.db):
        if check.words_agree(collection.db) and collection.texts.has_current_words():
            return 0
        return collection.texts.enter_words()


# What was lost of one photo, and what a worker found of it → what can be put back, with its
# embedding, and what was not found again.
Again = Callable[["Collection", list[_Lost], Any], tuple[list[_Lost], Embeddings, list[_Lost]]]


def _faces_of(
    collection: Collection, lost: list[_Lost], found: Extracted
) -> tuple[list[_Lost], Embeddings, list[_Lost]]:
    """The faces that are at the same places."""
    again = [(face, _place(face, found)) for face in lost]
    pairs = [(face, place) for face, place in again if place is not None]
    missing = [face for face, place in again if place is None]
    if not pairs:
        return [], np.empty((0, 0), np.float32), missing
    crops = chosen(found.crops, [place for _, place in pairs])
    return [face for face, _ in pairs], embed(collection.embedder, crops), missing


def _picture_of(
    _: Collection, lost: list[_Lost], found: Whole
) -> tuple[list[_Lost], Embeddings, list[_Lost]]:
    """The photo itself, where the catalog is sure which one it is."""
    again = [one for one in lost if np.isfinite(one.box).all()]
    missing = [one for one in lost if not np.isfinite(one.box).all()]
    rows = np.repeat(found.shown.embedding[None], len(again), axis=0)
    return again, rows, missing


class _Repair:
    """One run over the segments of a space of photos that are damaged: of faces, or whole ones."""

    def __init__(
        self,
        collection: Collection,
        vectors: VectorSpace,
        suspect: set[int],
        again: Again,
        on_progress: OnProgress | None,
    ) -> None:
        self.embedded = 0
        self._collection = collection
        self._vectors = vectors
        self._items = vectors.required().items
        self._made_by = vectors.required().made_by
        self._again = again
        self._on_progress = on_progress
        self._lost = _lost(collection, self._items, suspect)
        self._photos = 0
        self._left: list[tuple[set[int], Skipped]] = []
        self._waiting: dict[int, set[int]] = {first: set() for first in suspect}
        for lost in self._lost.values():
            for face in lost:
                self._waiting[face.row - face.row % SEGMENT_ROWS].add(face.id)

    def run(
        self,
        open_work: Callable[[], workers.Work[Any]],
        processes: int,
        time_limit_s: float,
    ) -> None:
        """Photo by photo; a segment is signed when the last of its items is there."""
        self._sign()
        for content_id, found in workers.run(
            open_work, self._sources(), workers=processes, time_limit_s=time_limit_s
        ):
            if isinstance(found, str):
                self._leave(content_id, found)
            else:
                self._take(content_id, found)
            self._advance()

    def left(self, damaged: set[int]) -> list[Skipped]:
        """What could not be embedded again, in segments that are damaged for want of it."""
        return [item for firsts, item in self._left if firsts & damaged]

    def _sources(self) -> Iterator[tuple[int, Path]]:
        """Photos with a file that still has their content."""
        for content_id in self._lost:
            if not self._stored(content_id):
                continue
            paths = self._collection.catalog.paths_of(content_id)
            try:
                yield content_id, holding(paths, self._sha256(content_id))
            except BadInput as error:
                self._leave(content_id, str(error))
                self._advance()

    def _take(self, content_id: int, found: Extracted | Whole) -> None:
        """Store what is found again of one photo."""
        lost = self._stored(content_id)
        if lost and found.sha256 != self._sha256(content_id):
            self._leave(content_id, "its file changed while it was read")
            return
        if not lost:
            return
        again, embeddings, missing = self._again(self._collection, lost, found)
        for one in missing:
            is_face = self._items == FACES
            what = f"its face {one.number} was" if is_face else "what the catalog says of it is"
            self._leave(content_id, f"{what} not {'found again' if is_face else 'sure'}", one)
        if not again:
            return
        with writing(self._collection.db):
            self._check_mine()
            # Whoever was forgotten meanwhile stays forgotten.
            stored = self._kept(again)
            there = [i for i, one in enumerate(again) if one.id in stored]
            # Ascending, as the faces of a photo were stored.
            self._vectors.overwrite([again[i].row for i in there], embeddings[there])
        self.embedded += len(there)
        self._done(again)

    def _done(self, faces: list[_Lost]) -> None:
        for face in faces:
            self._waiting[face.row - face.row % SEGMENT_ROWS].discard(face.id)
        self._sign()

    def _sign(self) -> None:
        """Sign the segments of which every living row is right."""
        ready = [first for first, faces in self._waiting.items() if not faces]
        if not ready:
            return
        vectors = self._vectors
        with writing(self._collection.db):
            self._check_mine()
            space, dead = vectors.required(), vectors.dead()
            for segment in vectors.segments(ready):
                inside = (dead >= segment.first) & (dead < segment.first + segment.rows)
                rows = dead[inside].tolist()
                zeros = np.zeros((len(rows), space.dim), np.float32)
                vectors.overwrite(rows, zeros)
                vectors.sign(segment)
        for first in ready:
            del self._waiting[first]

    def _check_mine(self) -> None:
        """Nobody has moved the collection to other networks; raises Moved."""
        space = self._vectors.required()
        if space.made_by != self._made_by:
            raise Moved(self._collection.path, space)

    def _advance(self) -> None:
        self._photos += 1
        if self._on_progress is not None:
            self._on_progress(self._photos, len(self._lost))

    def _leave(self, content_id: int, reason: str, face: _Lost | None = None) -> None:
        known = self._collection.catalog.paths_of(content_id)
        path = known[0] if known else Path("a file that was replaced")
        rows = [one.row for one in ([face] if face else self._lost[content_id])]
        self._left.append(({row - row % SEGMENT_ROWS for row in rows}, Skipped(path, reason)))

    def _stored(self, content_id: int) -> list[_Lost]:
        """The photo's faces that nobody has forgotten meanwhile."""
        lost = self._lost[content_id]
        stored = self._kept(lost)
        self._done([face for face in lost if face.id not in stored])
        return [face for face in lost if face.id in stored]

    def _kept(self, faces: Iterable[_Lost]) -> set[int]:
        """The ids of those items that are still in the catalog."""
        query = f"SELECT 1 FROM {self._items} WHERE id = ?"
        db = self._collection.db
        return {face.id for face in faces if db.execute(query, [face.id]).fetchone()}

    def _sha256(self, content_id: int) -> str:
        query = "SELECT sha256 FROM contents WHERE id = ?"
        return str(self._collection.db.execute(query, [content_id]).fetchone()[0])


def _lost(collection: Collection, items: str, suspect: set[int]) -> dict[int, list[_Lost]]:
    """The living items in some segments, by photo, photos in the order of their rows."""
    lost: dict[int, list[_Lost]] = {}
    place = "number, x1, y1, x2, y2" if items == FACES else "1, 0, 0, 0, 0"
    query = (
        f"SELECT content_id, id, row, {place} FROM {items} WHERE row BETWEEN ? AND ? ORDER BY row"
    )
    for first in sorted(suspect):
        for content_id, id, row, number, *box in collection.db.execute(
            query, [first, first + SEGMENT_ROWS - 1]
        ).fetchall():
            if not sums.is_sound(collection.db, items, id):
                box = [math.nan] * 4  # which is nowhere: another face may be at the one it has now
            face = _Lost(id, row, number, np.array(box, np.float32))
            lost.setdefault(content_id, []).append(face)
    return lost


def _place(face: _Lost, found: Extracted) -> int | None:
    """Which of the faces that were found is that face; the one of its number if it can be."""
    if not found.faces:
        return None
    boxes = np.array([one.box for one in found.faces], np.float32)
    same = overlap(face.box[None], boxes)[0]
    if face.number <= len(same) and same[face.number - 1] >= SAME_BOX:
        return face.number - 1
    best = int(same.argmax())
    return best if same[best] >= SAME_BOX else None


def _lengthen(collection: Collection, vectors: VectorSpace) -> None:
    """A file that was cut short, or is missing, gets zeros: damage that can be repaired."""
    with writing(collection.db):
        space = vectors.required()
        vectors.file(space).lengthen(space.rows)


def _order_segments(collection: Collection, vectors: VectorSpace) -> int:
    """Put segments right of which the catalog does not know any more where they begin or end.

    returns  how many
    raises   CollectionError if there is one whose checksums fit nowhere
    """
    db, again = collection.db, 0
    with writing(db):
        space, gallery, dying = vectors.required(), vectors.there(), vectors.dying()
        wanted = {
            first: min(SEGMENT_ROWS, space.rows - first)
            for first in range(0, space.rows, SEGMENT_ROWS)
        }
        every = segments.segments(db, vectors.name)
        strays = [one for one in every if wanted.get(one.first) != one.rows]
        for first in wanted.keys() - {one.first for one in every if one not in strays}:
            for stray in strays:
                right = replace(stray, first=first, rows=wanted[first])
                if segments.sound(gallery, right, dying):
                    segments.drop(db, vectors.name, stray.first)
                    segments.put(db, vectors.name, right)
                    strays.remove(stray)
                    again += 1
                    break
            else:
                raise CollectionError(
                    f"the catalog lacks checksums of the embeddings of {vectors.name} from row "
                    f"{first} on, and without them none is known to be right. {check.CATALOG_LOST}"
                )
    return again


def _sign_right_ones(collection: Collection, vectors: VectorSpace) -> int:
    """Sign segments whose embeddings one kind of checksum proves right and the other does not."""
    with writing(collection.db):
        gallery, dying = vectors.there(), vectors.dying()
        right = [
            one
            for one in segments.segments(collection.db, vectors.name)
            if sum(segments.agrees(gallery, one, dying)) == 1
        ]
        for segment in right:
            vectors.sign(segment)
    return len(right)


def _index(collection: Collection, vectors: VectorSpace) -> int:
    """Make an index that is damaged, missing or stale again; returns how many: 0 or 1."""
    engine = Engine(collection.db, collection.path, vectors)
    file = engine.recorded()
    if file is not None:
        try:
            held = cache.read(collection.path / CACHE_FOLDER, file, vectors.required().dim)
        except CollectionError:
            held = None
        if held is None:
            engine.drop()
    return int(engine.build())
