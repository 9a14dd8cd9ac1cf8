"""A process that works on a collection without networks and says aloud what it has committed.

Importing this replaces the networks in this process; import it before retrieve.indexes.collection.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import faults
import pretend

import retrieve.faces.detection.detect
import retrieve.faces.embedding.embed
import retrieve.text.encoders.encode
from retrieve.errors import BadInput, RetrievalError
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.building.workers import Work
from retrieve.indexes.catalog.database import Connection

LIMIT_S = 600  # of one process, by the clock; most take .05 s
CHECKPOINT_PAGES = 8  # so that checkpoints come between commits too, and not only at the end
BATCH_FILES = 4  # so that a few files make several commits


class _Detector:
    name, weights_sha256 = "pretend", "00"


# Modules that are imported from here on take these names over.
retrieve.faces.detection.detect.open_detector = lambda *_, **__: _Detector()  # type: ignore[assignment]
retrieve.faces.embedding.embed.open_embedder = lambda name, **_: pretend.EMBEDDERS.get(  # type: ignore[assignment]
    name, pretend.Embedder
)()
retrieve.text.encoders.encode.open_text_encoder = lambda *_: pretend.TextEncoder()  # type: ignore[assignment]
retrieve.faces.detection.detect.DETECTORS += (_Detector.name,)  # type: ignore[assignment]
retrieve.faces.embedding.embed.is_embedder = lambda _: True
retrieve.text.encoders.encode.is_encoder = lambda _: True
jobs.Faces = pretend.Faces  # type: ignore[assignment,misc]


def _in_this_process(
    open_work: Callable[[], Work[Any]], paths: Iterable[tuple[Any, Path]], **_: object
) -> Iterator[tuple[Any, Any]]:
    """workers.run(): texts are read as they always are, photos are pretended."""
    work = open_work()
    for found, path in paths:
        try:
            yield found, work(path)
        except BadInput as error:
            yield found, str(error)


workers.run = _in_this_process  # type: ignore[assignment]

from crash_state import State, committed_state  # noqa: E402

from retrieve.indexes.building import storing  # noqa: E402
from retrieve.indexes.vectors.file import VectorFile  # noqa: E402


class Watched(Connection):
    """A connection that acknowledges each commit: the new state in one line of a file.

    log     its file descriptor; None says nothing
    folder  the collection
    late    what a broken store does after its commit
    """

    log: int | None = None
    folder: Path
    late: list[Callable[[], None]] = []  # noqa: RUF012 - one for the process

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        super().execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        self._acknowledged = 0
        self._name = str(args[0])

    def execute(self, *args: Any) -> sqlite3.Cursor:
        return self._watched(super().execute(*args))

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        return self._watched(super().executemany(*args))

    def executescript(self, *args: Any) -> sqlite3.Cursor:
        return self._watched(super().executescript(*args))

    def commit(self) -> None:
        super().commit()
        self._watched(None)

    def __exit__(self, *args: Any) -> Any:
        return self._watched(super().__exit__(*args))

    def _watched(self, result: Any) -> Any:
        while self.late and not self.in_transaction:
            self.late.pop(0)()
        if self.log is None or self.in_transaction or self.total_changes == self._acknowledged:
            return result
        if f"{self.folder}/catalog.sqlite" not in unquote(self._name):
            return result  # a copy of the catalog that is looked at elsewhere
        self._acknowledged = self.total_changes
        kept, self.text_factory = self.text_factory, str  # whoever is just reading wants others
        try:
            line = committed_state(self, self.folder).to_json().encode() + b"\n"
        finally:
            self.text_factory = kept
        with _unlimited():
            os.write(self.log, line)
        return result


def watch() -> None:
    """Small batches, and acknowledging connections, in this process and its children."""
    storing.BATCH_FILES = BATCH_FILES
    connect: Any = sqlite3.connect
    sqlite3.connect = lambda *args, **more: connect(*args, **{**more, "factory": Watched})  # type: ignore[assignment]


def acknowledge_to(path: Path, collection: Path) -> None:
    """Where this process acknowledges."""
    Watched.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    Watched.folder = collection


def acknowledged(path: Path) -> list[State]:
    """Whole lines only: what a killed process was just saying, nobody heard."""
    if not path.exists():
        return []
    return [State.from_json(line) for line in path.read_text().split("\n")[:-1]]


@dataclass(slots=True)
class Outcome:
    """How a child process ended: killed by a signal, with an error, or with a value."""

    signal: int = 0
    value: Any = None
    error: str | None = None
    is_ours: bool = False

    @property
    def complaint(self) -> str | None:
        """What went wrong, or None."""
        return f"died of {signal.Signals(self.signal).name}" if self.signal else self.error


def start(work: Callable[[], Any], result: Path) -> int:
    """Begin it in a child process; `result` is the file through which it answers."""
    result.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        signal.alarm(LIMIT_S)
        outcome = Outcome()
        try:
            outcome.value = work()
        except BaseException as error:
            outcome.error = f"{type(error).__name__}: {error}"
            outcome.is_ours = isinstance(error, RetrievalError)
        faults.disarm()
        with _unlimited():
            result.write_text(json.dumps(asdict(outcome)))
        os._exit(0)
    return pid


def wait(pid: int, result: Path) -> Outcome:
    """How that child ended."""
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return Outcome(signal=os.WTERMSIG(status))
    return Outcome(**json.loads(result.read_text()))


def forked(work: Callable[[], Any], result: Path) -> Outcome:
    """Do it in a child process."""
    return wait(start(work, result), result)


def limit_files(size_bytes: int) -> None:
    """Let no file of this process grow longer, but for the harness's own."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@contextmanager
def _unlimited() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Broken stores, by which the harness shows that it would notice.


def _never_flush() -> None:
    os.fsync = os.fdatasync = lambda fd: None  # type: ignore[assignment]


def _write_vectors_late() -> None:
    write: Any = VectorFile.write

    def late(*args: Any) -> None:
        Watched.late.append(lambda: write(*args))

    VectorFile.write = late  # type: ignore[method-assign]


MUTANTS = {"unflushed": _never_flush, "late": _write_vectors_late}
