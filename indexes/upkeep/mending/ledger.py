"""The damaged rows that are left, why, and what workers read of the files behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.building.describing import Look, Said
from retrieve.indexes.building.jobs import Extracted, Faces, Job
from retrieve.indexes.building.walk import is_text
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.contents import Columns
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.reembedding.reading import holding
from retrieve.indexes.upkeep.mending import rows
from retrieve.indexes.upkeep.mending.rows import Lost
from retrieve.types import Document, Face

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

OTHERWISE = "which its file does not tell as it was"


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A task for a worker: pictures of faces that are known."""

    path: Path
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What is done with a file, or with what names one; pickled to every worker once.

    faces  None where no photo is to be decoded
    """

    faces: Faces | None

    def open(self) -> Callable[[Task], Result]:
        """As Job.open()."""
        read = Job(self.faces).open()

        def work(task: Task) -> Result:
            if isinstance(task, Cut):
                assert self.faces is not None
                return self.faces.cut(task.path, task.faces)
            return read(task)

        return work


Task = Path | Look | Cut
Result = Extracted | Document | Said


class Ledger:
    """The damaged rows of a collection, until they are mended.

    mended  how many are
    """

    def __init__(
        self, collection: Collection, lost: Iterable[Lost], processes: int, time_limit_s: float
    ) -> None:
        """As repair()."""
        self.mended = 0
        self._collection, self._db = collection, collection.db
        self._processes, self._time_limit_s = processes, time_limit_s
        self._left = {(one.table, one.key): one for one in lost}
        self._why: dict[tuple[str, int | str], str] = {}

    def left(self) -> list[Lost]:
        """What stays damaged, with the reason where there is one."""
        return [
            replace(lost, what=f"{lost.what}, {self._why[at]}") if at in self._why else lost
            for at, lost in self._left.items()
        ]

    def holds(self, table: str, key: int) -> bool:
        """Whether a row is damaged still."""
        return (table, key) in self._left

    def explain(self, table: str, key: int, reason: str) -> None:
        """State why a row stays; the first reason counts."""
        self._why.setdefault((table, key), reason)

    def advise(self, table: str, key: int, todo: str) -> None:
        """State what else is to be done about a row that stays."""
        self._left[table, key] = replace(self._left[table, key], todo=todo)
        self._why.pop((table, key), None)

    def keys(self, table: str) -> list[int]:
        """Of the rows of a table that are left."""
        return [key for of, key in self._left if of == table and isinstance(key, int)]

    def done(self, table: str, key: int) -> None:
        """A row is what was written, or was read anew."""
        del self._left[table, key]
        self._why.pop((table, key), None)
        self.mended += 1

    def proven(self, table: str, key: int, derived: Columns, *, in_part: bool = True) -> bool:
        """Whether what was derived of a row has its checksum, and is written: rows.prove()."""
        if rows.prove(self._db, table, key, derived, in_part=in_part):
            self.done(table, key)
            return True
        return False

    def one_of(self, table: str, key: int, every: Sequence[Columns]) -> bool:
        """Whether a row was one of these, its own number first; others are rarely it."""
        if not self.holds(table, key):
            return True
        query = f"SELECT number FROM {table} WHERE id = ?"
        with writing(self._db):
            row = self._db.execute(query, [key]).fetchone()
            own = [one for one in every if row == (one["number"],)]
            found = any(self.proven(table, key, one) for one in own) or any(
                self.proven(table, key, one, in_part=False) for one in every
            )
        if not found:
            self.explain(table, key, OTHERWISE)
        return found

    def by_content(self, table: str, where: str = "1") -> dict[int, list[int]]:
        """Damaged rows by their content, or that of their neighbours where it may be damaged."""
        found: dict[int, list[int]] = {}
        for key in self.keys(table):
            query = f"SELECT DISTINCT content_id FROM {table} WHERE id BETWEEN ? AND ? AND {where}"
            for (content_id,) in self._db.execute(query, [key - 1, key + 1]).fetchall():
                if sums.is_sound(self._db, "contents", content_id):
                    found.setdefault(content_id, []).append(key)
        return found

    def files(self, lost: dict[int, list[int]], table: str) -> list[tuple[int, Path]]:
        """Contents with a file that still has them."""
        found = []
        for content_id, keys in lost.items():
            query = "SELECT sha256 FROM contents WHERE id = ?"
            (sha256,) = self._db.execute(query, [content_id]).fetchone()
            try:
                path = holding(self._collection.catalog.paths_of(content_id), sha256)
            except BadInput as error:
                for key in keys:
                    self.explain(table, key, str(error))
                continue
            found.append((content_id, path))
        return found

    def is_same(self, content_id: int, sha256: str) -> bool:
        """Whether that is the content's, still."""
        query = "SELECT 1 FROM contents WHERE id = ? AND sha256 = ?"
        return self._db.execute(query, [content_id, sha256]).fetchone() is not None

    def read(
        self,
        tasks: Sequence[tuple[int, Task]],
        table: str,
        lost: dict[int, list[int]] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """What workers make of tasks; reasons are kept for the rows that they are of."""
        if not tasks:
            return
        decodes = any(
            isinstance(task, Cut) or (isinstance(task, Path) and not is_text(task))
            for _, task in tasks
        )
        faces = None
        if decodes:
            self._collection.begin()  # refuses other networks
            faces = self._collection.networks.job()
        for of, found in workers.run(
            Reading(faces).open, tasks, workers=self._processes, time_limit_s=self._time_limit_s
        ):
            if isinstance(found, str):
                for key in [of] if lost is None else lost[of]:
                    self.explain(table, key, str(found))
            else:
                yield of, found
