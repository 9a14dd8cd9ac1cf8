"""Processes that turn files into faces and texts, where a file that crashes or hangs does no harm.

Decoders are C code that reads what strangers wrote. Each runs in a process of its own
with a time limit a file; a process that dies or is stopped is replaced, and the file
is skipped with that reason.
"""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from retrieve import photos
from retrieve.documents.read import read_document
from retrieve.errors import BadInput, RetrievalError
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.detector import Detector
from retrieve.faces.detection.recipe import DEFAULT, Recipe
from retrieve.faces.embedding.views import View
from retrieve.faces.extract import PhotoFaces, extract, extract_known
from retrieve.faces.pictured import crop_of_picture
from retrieve.indexes.building.describing import Said, said_of
from retrieve.indexes.building.processes import Context
from retrieve.indexes.building.walk import is_text, root_of
from retrieve.metadata.names import name_words
from retrieve.sources import file_reader
from retrieve.types import Crops, Document, Face, Pixels

Key = TypeVar("Key")
Result = TypeVar("Result")

WORKERS = 2
TIME_LIMIT_S = 60.0  # a 100-megapixel PNG takes 6 s here
AHEAD = 8  # tasks a worker that are handed out at once: bounds what waits in memory
PICTURE_QUALITY = 80  # 5 kB a face
NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What comes back from a worker: PhotoFaces without the photo's pixels.

    crops       for each view (N, size_px, size_px, 3)
    thumbnails  one JPEG a face, of PICTURE
    said        what the photo says about itself in words
    turn        degrees clockwise by which the photo was turned to find its faces
    """

    sha256: str
    size_bytes: int
    size: tuple[int, int]
    taken_at: str | None
    warnings: tuple[str, ...]
    faces: list[Face]
    crops: tuple[Crops, ...]
    quality: NDArray[np.float32]
    thumbnails: list[bytes]
    place: tuple[float, float] | None = None
    said: Said = NOTHING_SAID
    turn: int = 0


# What is done with a file, or with what names one; raises BadInput for one that cannot be used.
Work = Callable[[Any], Result]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """How faces are extracted.

    detector  its name, or one of the caller's own
    device    where the detector runs, cpu or cuda
    views     what the embedder wants to see of each face
    recipe    how photos are searched
    """

    detector: str | Detector
    device: str
    views: tuple[View, ...]
    recipe: Recipe = DEFAULT

    def open(self) -> Callable[[Path], Extracted]:
        """Open the detector."""
        own, edition = self.detector, self.recipe.edition
        detector = (
            open_detector(own, device=self.device, edition=edition) if isinstance(own, str) else own
        )

        def work(path: Path) -> Extracted:
            return packed(extract(file_reader(path), detector, self.views, self.recipe))

        return work

    def cut(self, path: Path, faces: Sequence[Face]) -> Extracted:
        """The same of faces that are known; no detector is asked."""
        name = self.detector if isinstance(self.detector, str) else self.detector.name
        return packed(extract_known(file_reader(path), faces, name, self.views))

    def of_picture(self, jpeg: bytes, face: Face, shown: View) -> tuple[tuple[Crops, ...], bool]:
        """A known face's crops, one a view, out of its stored picture, and whether one of them
        reaches beyond that.

        shown   what the picture shows
        raises  BadInput for a picture or landmarks of no use
        """
        picture = photos.decode(jpeg, long_side_px=None).pixels
        cut = [crop_of_picture(picture, face.landmarks, shown, view) for view in self.views]
        return tuple(crop[None] for crop, _ in cut), any(filled for _, filled in cut)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be done with files; pickled to every worker once.

    faces   None where no photo is to be looked at
    roots   below which the names of folders describe a photo
    column  of tables, to read alone
    """

    faces: Faces | None
    roots: tuple[Path, ...] = ()
    column: str | None = None

    def open(self) -> Work[Extracted | Document]:
        """What is done with a file; the detector is opened once, for the first photo.

        A text without a title of its own has its names, and those of its folders, for one.
        """
        extracting: Callable[[Path], Extracted] | None = None

        def work(path: Path) -> Extracted | Document:
            nonlocal extracting
            if is_text(path):
                document = read_document(path, column=self.column)
                named = name_words(path, root_of(path, self.roots))
                return replace(document, title=document.title or named)
            if extracting is None:
                assert self.faces is not None
                extracting = self.faces.open()
            return replace(extracting(path), said=said_of(path, root_of(path, self.roots)))

        return work


class Workers(Generic[Result]):
    """Processes that read files, open from one run to the next; a context manager."""

    def __init__(
        self,
        open_work: Callable[[], Work[Result]],
        *,
        workers: int = WORKERS,
        time_limit_s: float = TIME_LIMIT_S,
        here: bool = False,
    ) -> None:
        """They start with the first file.

        open_work  called in each worker: Job.open
        here       work in this process, without limits of time: for a detector of the caller's
                   own that cannot be given to another one
        raises     BadInput for fewer than one worker or no time
        """
        if workers < 1:
            raise BadInput(f"wanted one process or more; got {workers}")
        if not time_limit_s > 0:
            raise BadInput(f"wanted a time limit above 0 seconds; got {time_limit_s}")
        self._ahead = workers * AHEAD
        self._time_limit_s = time_limit_s
        self._work: Work[Result] | None = None
        self._pool: ProcessPool | None = None
        if not here:
            context = Context(__name__, "onnxruntime")
            self._pool = ProcessPool(
                workers, initializer=_start, initargs=(open_work,), context=context
            )
        else:
            self._work = open_work()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them; files in their hands are dropped."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    def run(self, paths: Iterable[tuple[Key, Any]]) -> Generator[tuple[Key, Result | str]]:
        """Extract the faces or passages of every file, in the order in which they are done.

        paths    (key, path or whatever the work is on); taken only as fast as results are
        returns  (key, what was found or why the file is skipped)

        Closing the iterator drops the files that are not done.
        raises   RetrievalError if no process can be started or kept
        """
        if self._work is not None:
            for key, path in paths:
                yield key, _attempted(self._work, path)
            return
        assert self._pool is not None
        waiting: dict[Future[Result | str], Key] = {}
        source = iter(paths)
        try:
            more = True
            while more or waiting:
                while more and len(waiting) < self._ahead:
                    item = next(source, None)
                    if item is None:
                        more = False
                        break
                    key, path = item
                    task = self._pool.schedule(_work_on, (path,), timeout=self._time_limit_s)
                    waiting[task] = key
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), _outcome(future, self._time_limit_s)
        finally:
            for future in waiting:
                future.cancel()


def run(
    open_work: Callable[[], Work[Result]],
    paths: Iterable[tuple[Key, Any]],
    *,
    workers: int = WORKERS,
    time_limit_s: float = TIME_LIMIT_S,
    here: bool = False,
) -> Generator[tuple[Key, Result | str]]:
    """Workers.run() with processes that are stopped at its end."""
    with Workers(open_work, workers=workers, time_limit_s=time_limit_s, here=here) as pool:
        yield from pool.run(paths)


def _outcome(future: Future[Result | str], time_limit_s: float) -> Result | str:
    try:
        return future.result()
    except TimeoutError:
        return f"decoding took longer than {time_limit_s:g} s and was stopped"
    except ProcessExpired as error:
        return f"decoding crashed its process ({_ending(error.exitcode)})"
    except BrokenProcessPool as error:
        raise RetrievalError(
            "the processes that read files could not be started or kept: too little memory, or a "
            "limit on processes. What was stored is kept; try again with fewer processes"
        ) from error


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"


_work: Work[Any]


def _start(open_work: Callable[[], Work[Any]]) -> None:
    """In a new worker."""
    global _work
    # Ctrl-C goes to every process of the terminal; the parent stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _work = open_work()


def _work_on(item: Any) -> Any:
    return _attempted(_work, item)


def _attempted(work: Work[Result], item: Any) -> Result | str:
    """What was found, or why the file cannot be used."""
    try:
        return work(item)
    except BadInput as error:
        return str(error)
    except MemoryError:
        return "decoding needs more memory than there is"


def packed(found: PhotoFaces) -> Extracted:
    """What is kept of a photo's faces when its pixels are let go."""
    photo = found.photo
    return Extracted(
        photo.sha256,
        photo.size_bytes,
        photo.size,
        photo.taken_at,
        photo.warnings,
        found.faces,
        found.crops,
        found.quality,
        [jpeg(picture) for picture in found.pictures],
        photo.place,
        turn=found.turn,
    )


def jpeg(picture: Pixels) -> bytes:
    """A small picture as it is kept."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=PICTURE_QUALITY)
    return buffer.getvalue()
