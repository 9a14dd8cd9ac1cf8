"""Words in the pictures of photos and PDFs that were not read yet, read now.

Each batch is committed, passages with the state of what they are of; a run that dies is gone on
with by the next one, which asks the catalog what is left. What was read is known by its content:
files that move, or are there twice, are not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.building.storing import TRIES, Report
from retrieve.indexes.building.workers import Stopped
from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import stored, under
from retrieve.indexes.opened import Opened
from retrieve.indexes.recognising import done
from retrieve.indexes.recognising.reading import PAGES_AT_ONCE, Found, Reading, Task
from retrieve.indexes.reembedding.reading import holding
from retrieve.indexes.search.texts import Placed
from retrieve.pictures.written.networks import check_installed
from retrieve.types import Skipped

OnProgress = Callable[[int, int], None]  # pictures done, of how many that are known
BATCH_PICTURES = 32
BATCH_S = 30.0  # and what a kill may cost, at most: a picture takes a second


@dataclass(slots=True)
class Recognised:
    """What a run read.

    pictures     photos, and pages of PDFs, that were looked at
    passages     of what is written in them
    already      photos and PDFs that had been read before
    left         files that could not be read, and why
    interrupted  by Ctrl-C; what was read is kept
    """

    pictures: int = 0
    passages: int = 0
    already: int = 0
    left: list[Skipped] = field(default_factory=list)
    interrupted: bool = False

    def enter(self, report: Report) -> None:
        """Let the report of the run that had them read tell of it, too."""
        report.read, report.interrupted = self.pictures, self.interrupted
        report.passages += self.passages
        report.warnings += [
            Skipped(one.path, f"words in it could not be read: {one.reason}") for one in self.left
        ]


@dataclass(slots=True)
class _Wanted:
    """A content of which something is left to be read."""

    content_id: int
    sha256: str
    paths: tuple[Path, ...]
    is_photo: bool
    pages: tuple[int, ...] | None

    def tasks(self, path: Path) -> Iterator[Task]:
        if self.is_photo or self.pages is None:
            yield Task(path, self.is_photo)
            return
        for at in range(0, len(self.pages), PAGES_AT_ONCE):
            yield Task(path, False, self.pages[at : at + PAGES_AT_ONCE])


def recognise(
    opened: Opened,
    roots: Iterable[Path],
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: OnProgress | None = None,
) -> Recognised:
    """Read the words in all photos and PDFs below some folders that nobody has read.

    roots   absolute folders and files
    raises  MissingExtra without the package that reads
    """
    check_installed()
    return _Run(opened, processes, time_limit_s, on_progress).run(list(roots))


class _Run:
    def __init__(
        self,
        opened: Opened,
        processes: int,
        time_limit_s: float,
        on_progress: OnProgress | None,
    ) -> None:
        self._opened, self._db = opened, opened.db
        self._processes, self._time_limit_s = processes, time_limit_s
        self._on_progress = on_progress
        self._report = Recognised()
        self._batch: list[tuple[_Wanted, Task, Found]] = []
        self._since = monotonic()
        self._done = self._of = 0

    def run(self, roots: list[Path]) -> Recognised:
        _let_damaged_go(self._opened)
        round_of = self._wanted(roots)
        self._of = len(round_of)
        try:
            with self._opened.indexes_kept_up() as on_commit:
                while round_of:
                    round_of = self._read(round_of, on_commit)
        except KeyboardInterrupt:
            self._report.interrupted = True
            return self._report
        self._opened.texts.engine.build()
        self._report.left.sort(key=lambda item: item.path)
        return self._report

    def _wanted(self, roots: list[Path]) -> list[_Wanted]:
        """Contents with a file below the roots of which something is left."""
        conditions, values = ["0"], list[str | bytes]()
        for root in roots:
            below, bounds = under(root)
            conditions += ["path = ?", below]
            values += [stored(root), *bounds]
        found = self._db.execute(
            "SELECT DISTINCT contents.id, sha256, kind FROM contents "
            "JOIN paths ON content_id = contents.id WHERE NOT gone "
            "AND (kind = 'photo' OR reader LIKE 'pdf %') "
            f"AND ({' OR '.join(conditions)}) ORDER BY contents.id",
            values,
        ).fetchall()
        wanted = []
        for content_id, sha256, kind in found:
            left = done.left(self._db, content_id)
            if left is None or left.stopped >= TRIES:
                self._report.already += left is None
                continue
            paths = tuple(self._opened.catalog.paths_of(content_id))
            wanted.append(_Wanted(content_id, sha256, paths, kind == PHOTO, left.pages))
        return wanted

    def _read(self, some: list[_Wanted], on_commit: Callable[[], None]) -> list[_Wanted]:
        """One round: photos, pages that are known, and which pages are to be read of other PDFs;
        these are returned.
        """
        next_round: list[_Wanted] = []
        reading = workers.run(
            Reading().open,
            self._tasks(some),
            workers=self._processes,
            time_limit_s=self._time_limit_s,
        )
        for (wanted, task), outcome in reading:
            if isinstance(outcome, str):
                self._leave(wanted, outcome)
            else:
                self._batch.append((wanted, task, outcome))
                if outcome.pages:
                    wanted.pages = outcome.pages
                    next_round.append(wanted)
                    self._of += len(outcome.pages) - 1
                    self._done -= 1
            self._done += len(task.pages or (0,))
            if len(self._batch) >= BATCH_PICTURES or monotonic() - self._since > BATCH_S:
                self._store()
                on_commit()
            if self._on_progress is not None:
                self._on_progress(self._done, self._of)
        self._store()
        on_commit()
        return next_round

    def _tasks(self, some: list[_Wanted]) -> Iterator[tuple[tuple[_Wanted, Task], Task]]:
        """What is to be done with contents that some file still has."""
        for wanted in some:
            try:
                path = holding(wanted.paths, wanted.sha256)
            except BadInput as error:
                self._leave(wanted, str(error))
                self._done += 1
                continue
            for task in wanted.tasks(path):
                yield (wanted, task), task

    def _store(self) -> None:
        """Keep what was read, of contents that are still there."""
        batch, self._batch = self._batch, []
        self._since = monotonic()
        texts = self._opened.texts
        embedded = texts.embed([found.passages for _, _, found in batch])
        with writing(self._db):
            placed = []
            for (wanted, task, found), one in zip(batch, embedded, strict=True):
                id = wanted.content_id
                if found.sha256 != wanted.sha256:
                    self._leave(wanted, "its file changed while it was read")
                    continue
                if self._opened.catalog.content_id(wanted.sha256) != id:
                    continue  # forgotten meanwhile
                left = done.left(self._db, id)
                if left is None:
                    continue  # another process has read it
                if task.is_photo or task.pages is None:
                    texts.drop_pictured(id)
                    done.put(self._db, id, found.pages)
                else:
                    rest = [page for page in left.pages or () if page not in task.pages]
                    if len(rest) == len(left.pages or ()):
                        continue
                    done.put(self._db, id, rest)
                self._report.pictures += len(task.pages or ()) or task.is_photo
                placed.append(Placed(id, None, texts.passages.called(id), one))
            self._report.passages += texts.store(placed)

    def _leave(self, wanted: _Wanted, reason: str) -> None:
        path = wanted.paths[0] if wanted.paths else Path("a file that was replaced")
        self._report.left.append(Skipped(path, reason))
        if isinstance(reason, Stopped):
            with writing(self._db):
                if self._opened.catalog.content_id(wanted.sha256) == wanted.content_id:
                    done.put_stopped(self._db, wanted.content_id)


def _let_damaged_go(opened: Opened) -> None:
    """Take out what was read of contents of which some of that is damaged: they are read again."""
    with writing(opened.db):
        contents = done.damaged(opened.db)
        for content_id in contents:
            opened.texts.drop_pictured(content_id)
        done.forget(opened.db, contents)
        for key in contents:
            opened.db.execute("DELETE FROM sums_recognised WHERE id = ?", [key])
