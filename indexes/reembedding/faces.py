"""The faces of a collection, embedded anew by other networks, round after round.

Photos are read where they are, and where they are not the stored pictures of their faces. Each
batch is committed to the staged space; a run that dies is gone on with by the next one. What
others index or forget meanwhile is seen in the next round, the last one with every writer made
to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import CollectionError
from retrieve.faces.embedding.views import embed, together
from retrieve.faces.pictured import shown_by
from retrieve.indexes.building import storing, workers
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.opened import Opened
from retrieve.indexes.reembedding import staged
from retrieve.indexes.reembedding.reading import (
    PICTURE,
    Known,
    Made,
    Read,
    Reading,
    Task,
)
from retrieve.indexes.reembedding.switching import Switched, switch
from retrieve.indexes.search import traces
from retrieve.types import Face, Skipped

if TYPE_CHECKING:
    from retrieve.faces.detection.detector import Detector
    from retrieve.faces.embedding.embedder import Embedder

LISTED = 256  # photos asked of the catalog at once


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: photos of about `of`, those of earlier runs left out; faces embedded."""

    photos: int
    of: int
    faces: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What became of a collection that was to move to other networks.

    before, after  the networks: detector, embedder, each with its SHA-256
    done           it holds the vectors of `after`; else those of `before`, and what is staged
                   is kept for the next run
    already        it did before: nothing was to be done
    resumed        faces that an earlier run had staged
    started_over   the networks whose half-made vectors were let go
    switched       what became of the faces; None unless done
    unread         files of photos that could not be read, and why: the pictures of their faces
                   were taken
    left           faces of which there is nothing to embed: their file and why
    interrupted    by Ctrl-C
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    done: bool = False
    already: bool = False
    resumed: int = 0
    started_over: Mapping[str, str] | None = None
    switched: Switched | None = None
    unread: list[Skipped] = field(default_factory=list)
    left: list[Skipped] = field(default_factory=list)
    interrupted: bool = False


def reembed(
    opened: Opened,
    networks: Networks,
    detector: str | Detector | None,
    embedder: str | Embedder | None,
    *,
    leave_out: bool = False,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: OnProgress | None = None,
) -> tuple[Reembedded, Networks]:
    """Move the faces of a collection to other networks; returns the report, and the networks that
    are behind the collection then.

    networks   those that are behind it now
    detector   looks at the photos anew: boxes and landmarks become its own. A face that it finds
               again (IoU over .5) keeps its id and its name; one that it does not is kept as it
               is if a person named it, and goes if not. None lets all of that be
    embedder   None is that of a run that was cut off if there is no detector either, else the
               product's default
    leave_out  let faces go of which neither the photo nor a picture can be read; else the
               collection stays as it is where there are such faces
    raises     CollectionError if nothing was indexed, or another process moves the collection
               elsewhere meanwhile
    """
    db, folder = opened.db, opened.path
    held = opened.space().made_by
    traces.finish(db, folder)
    wanted, anew = networks.others(detector, embedder), detector is not None
    there = staged.halfway(db, folder)
    if there is not None and embedder is None and detector is None:
        wanted.held, anew = there.made_by, there.anew
    made_by = held | (wanted.made_by() if anew else wanted.embedder_made_by())
    report = _begun(opened, wanted, Reembedded(held, made_by))
    if report.already:
        opened.engine.build()  # which a run that died behind the switch has not done
        return report, networks
    run = _Run(opened, wanted, report, on_progress)
    report = run.run(leave_out=leave_out, processes=processes, time_limit_s=time_limit_s)
    if not report.done:
        return report, networks
    wanted.held = opened.space().made_by
    return report, wanted


def _begun(opened: Opened, wanted: Networks, report: Reembedded) -> Reembedded:
    """The report with what was there before; afterwards the staged space is of the wanted
    networks, or there is none if the collection is of them.
    """
    db, folder = opened.db, opened.path
    already = report.after == report.before
    with writing(db):
        there = staged.halfway(db, folder)
        if there is not None and there.made_by == report.after:
            return replace(report, resumed=there.faces)
        if already:
            staged.drop(db)
        else:
            staged.begin(db, folder, dict(report.after), wanted.embedder.dim)
    if there is None:
        return replace(report, already=already, done=already)
    traces.overwrite(db, folder)
    return replace(report, started_over=there.made_by, already=already, done=already)


class _Run:
    """One run, up to the switch."""

    def __init__(
        self,
        opened: Opened,
        wanted: Networks,
        report: Reembedded,
        on_progress: OnProgress | None,
    ) -> None:
        self._opened = opened
        self._db = opened.db
        self._staged = staged.staged_faces(opened.db, opened.path)
        self._networks = wanted
        self._report = report
        self._landmarks = wanted.landmarks_of(report.before)
        self._anew = staged.is_anew(dict(report.before), dict(report.after))
        self._todo = staged.todo(self._anew)
        self._on_progress = on_progress
        self._batch: list[tuple[int, Read]] = []
        # By photo: the last of its faces when it was tried, so that none is tried for ever.
        self._tried: dict[int, int] = {}
        self._crashed: dict[int, str] = {}
        self._unread: dict[int, str] = {}
        self._left: dict[int, tuple[int, str]] = {}  # by face: its photo and why
        self._photos = self._of = self._faces = 0

    def run(self, *, leave_out: bool, processes: int, time_limit_s: float) -> Reembedded:
        """Read and embed until nothing is left, then switch."""
        opened = self._opened
        work = self._reading().open
        switched: Switched | None = None
        try:
            while switched is None:
                staged.heal(self._db, opened.path)
                self._of = self._photos + self._count()
                # Again those that crashed or held up a worker: the pictures of their faces.
                for tasks in (self._tasks(), self._tasks(after=self._crashed)):
                    reading = workers.run(
                        work, tasks, workers=processes, time_limit_s=time_limit_s, here=self._stays
                    )
                    try:
                        for task, outcome in reading:
                            self._take(task, outcome)
                        self._store()
                    finally:
                        reading.close()
                with writing(self._db):
                    self._check_mine()
                    if self._is_behind() or self._staged.damaged():
                        continue
                    if self._left and not leave_out:
                        return self._finished(None)
                    switched = switch(opened)
        except KeyboardInterrupt:
            return replace(self._finished(None), interrupted=True)
        finally:
            with suppress(CollectionError):  # the disk is full or gone, which is said already
                opened.faces.remove_leftovers()  # what was, or a switch that was refused
        traces.finish_or_raise(self._db, opened.path)
        opened.engine.build()
        return self._finished(switched)

    def _reading(self) -> Reading:
        """What workers do; opens the networks that this takes."""
        embedder = self._networks.embedder
        known = self._networks.faces_of(self._landmarks, instead=self._anew)
        anew = self._networks.job() if self._anew else None
        assert embedder.dim == self._staged.required().dim
        return Reading(known, anew)

    @property
    def _stays(self) -> bool:
        return self._anew and self._networks.stays

    # What is to be read

    def _count(self) -> int:
        query = f"SELECT count(*) FROM contents WHERE {self._todo}"
        stuck = {content_id for content_id, _ in self._left.values()}
        return int(self._db.execute(query).fetchone()[0]) - len(stuck)

    def _waiting(self) -> Iterator[tuple[int, str]]:
        """Photos that are to be read and were not tried: ids and SHA-256, by id."""
        last = -1
        query = (
            f"SELECT id, sha256 FROM contents WHERE id > ? AND {self._todo} "
            f"ORDER BY id LIMIT {LISTED}"
        )
        while found := self._db.execute(query, [last]).fetchall():
            for content_id, sha256 in found:
                if self._tried.get(content_id, -1) < self._last_face(content_id):
                    yield content_id, sha256
            last = found[-1][0]

    def _last_face(self, content_id: int) -> int:
        query = "SELECT coalesce(max(id), 0) FROM faces WHERE content_id = ?"
        return int(self._db.execute(query, [content_id]).fetchone()[0])

    def _is_behind(self) -> bool:
        """Whether something came since the round began."""
        return next(self._waiting(), None) is not None

    def _tasks(self, *, after: Mapping[int, str] | None = None) -> Iterator[tuple[Task, Task]]:
        """Photos to be read.

        after  only these, which were tried, with what went wrong
        """
        for content_id, sha256 in self._waiting():
            if after is None or content_id in after:
                paths = tuple(self._opened.catalog.paths_of(content_id))
                unread = "" if after is None else after[content_id]
                task = Task(content_id, sha256, paths, self._known(content_id), unread)
                yield task, task

    def _known(self, content_id: int) -> tuple[Known, ...]:
        rows = self._db.execute(
            "SELECT faces.id, number, x1, y1, x2, y2, landmarks, score, jpeg, shows FROM faces "
            "LEFT JOIN crops ON face_id = faces.id WHERE content_id = ? ORDER BY faces.id",
            [content_id],
        )
        return tuple(
            Known(
                id,
                number,
                Face(
                    np.array(box, np.float32), np.frombuffer(landmarks, "<f4").reshape(5, 2), score
                ),
                None if jpeg is None else bytes(jpeg),
                shown_by(shows, self._landmarks),
            )
            for id, number, *box, landmarks, score, jpeg, shows in rows.fetchall()
        )

    # What was read

    def _take(self, task: Task, outcome: Read | str) -> None:
        if isinstance(outcome, str) and not task.unread:
            self._crashed[task.content_id] = outcome
            return
        if isinstance(outcome, str):
            left = [(one.id, outcome) for one in task.faces]
            outcome = Read(PICTURE, [], (), left, unread=task.unread)
        if outcome.unread:
            self._unread[task.content_id] = outcome.unread
        self._tried[task.content_id] = max([0, *(one.id for one in task.faces)])
        for face_id, reason in outcome.left:
            self._left[face_id] = task.content_id, reason
        self._batch.append((task.content_id, outcome))
        faces = sum(len(read.made) for _, read in self._batch)
        self._photos += 1
        if len(self._batch) >= storing.BATCH_FILES or faces >= storing.BATCH_FACES:
            self._store()
            faces = 0
        if self._on_progress is not None:
            of = max(self._of, self._photos)
            self._on_progress(Progress(self._photos, of, self._faces + faces))

    def _store(self) -> None:
        """Embed what waits and stage it, in one transaction."""
        batch, self._batch = self._batch, []
        crops = [read.crops for _, read in batch if read.made]
        if not batch:
            return
        embeddings = embed(self._networks.embedder, together(crops)) if crops else None
        with writing(self._db):
            self._check_mine()
            start = 0
            rows: list[int] = []
            items: list[list[object]] = []
            first = self._staged.required().rows
            for content_id, read in batch:
                there = self._still_there(content_id)
                for made in read.made:
                    if there is not None and (made.face_id is None or made.face_id in there):
                        items.append(_item(first + len(rows), content_id, read.source, made))
                        rows.append(start)
                    start += 1
                if there is not None:
                    self._db.execute(
                        "INSERT OR REPLACE INTO staged_photos VALUES (?, ?, ?)",
                        [content_id, read.source, read.turn],
                    )
            if rows:
                assert embeddings is not None
                self._staged.append(embeddings[rows])
            self._db.conn.executemany(_INSERT, items)
        self._faces += len(items)

    def _still_there(self, content_id: int) -> set[int] | None:
        """The faces of a photo, from which what was staged before is taken out; None if it was
        forgotten meanwhile.
        """
        if not self._db.execute("SELECT 1 FROM contents WHERE id = ?", [content_id]).fetchone():
            return None
        items = staged.items_of(self._db, contents=[content_id])
        staged.remove(self._db, self._opened.path, items)
        query = "SELECT id FROM faces WHERE content_id = ?"
        return {id for (id,) in self._db.execute(query, [content_id])}

    def _check_mine(self) -> None:
        """Nobody has moved the collection, or begun to move it elsewhere."""
        space, held = self._staged.space(), self._opened.space().made_by
        if held != self._report.before or space is None or space.made_by != self._report.after:
            raise CollectionError(
                f"{self._opened.path} is moved to other networks by another process, too. What it "
                "holds is whole; see where it stands with: retrieve info"
            )

    def _finished(self, switched: Switched | None) -> Reembedded:
        unread = [self._skipped(id, reason) for id, reason in self._unread.items()]
        left = [self._skipped(id, reason) for id, reason in self._left.values()]
        return replace(
            self._report,
            done=switched is not None,
            switched=switched,
            unread=sorted(unread, key=lambda item: item.path),
            left=sorted(left, key=lambda item: item.path),
        )

    def _skipped(self, content_id: int, reason: str) -> Skipped:
        paths = self._opened.catalog.paths_of(content_id)
        return Skipped(paths[0] if paths else Path("a file that was replaced"), reason)


_INSERT = (
    "INSERT INTO staged_faces (row, content_id, face_id, source, filled, lost, number, "
    "x1, y1, x2, y2, landmarks, score, quality, jpeg) "
    f"VALUES ({', '.join('?' * 15)})"
)


def _item(row: int, content_id: int, source: str, made: Made) -> list[object]:
    """The values of _INSERT."""
    face = made.face
    box = [None] * 4 if face is None else face.box.tolist()
    landmarks = None if face is None else face.landmarks.astype("<f4").tobytes()
    score = None if face is None else face.score
    about = [made.face_id, source, made.filled, made.lost, made.number]
    return [row, content_id, *about, *box, landmarks, score, made.quality, made.jpeg]
