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
from retrieve.faces.embedding.align import Points
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
THUMBNAIL_PX, THUMBNAIL_QUALITY = 112, 80  # 4 kB a face
NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What comes back from a worker: PhotoFaces without the photo's pixels.

    thumbnails  one JPEG a face
    said        what the photo says about itself in words
    """

    sha256: str
    size_bytes: int
    size: tuple[int, int]
    taken_at: str | None
    warnings: tuple[str, ...]
    faces: list[Face]
    crops: Crops
    quality: NDArray[np.float32]
    thumbnails: list[bytes]
    place: tuple[float, float] | None = None
    said: Said = NOTHING_SAID


# What is done with a file, or with what names one; raises BadInput for one that cannot be used.
Work = Callable[[Any], Result]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """How faces are extracted.

    detector  its name, or one of the caller's own
    device    where the detector runs, cpu or cuda
    """

    detector: str | Detector
    device: str
    template: NDArray[np.float32]
    crop_px: int

    def open(self) -> Callable[[Path], Extracted]:
        """Open the detector."""
        own = self.detector
        detector = open_detector(own, device=self.device) if isinstance(own, str) else own

        def work(path: Path) -> Extracted:
            return packed(extract(file_reader(path), detector, self.template, self.crop_px))

        return work

    def cut(self, path: Path, faces: Sequence[Face]) -> Extracted:
        """The same of faces that are known; no detector is asked."""
        name = self.detector if isinstance(self.detector, str) else self.detector.name
        again = extract_known(file_reader(path), faces, name, self.template, self.crop_px)
        return packed(again)

    def of_picture(self, jpeg: bytes, face: Face, drawn: Points) -> tuple[Pixels, bool]:
        """A known face's crop out of its stored picture, and whether it reaches beyond that.

        drawn   (5, 2) x, y where its landmarks lie in a picture of side THUMBNAIL_PX
        raises  BadInput for a picture or landmarks of no use
        """
        picture = photos.decode(jpeg, long_side_px=None).pixels
        if picture.shape[:2] != (THUMBNAIL_PX, THUMBNAIL_PX):
            raise BadInput("its stored picture is none of ours")
        return crop_of_picture(picture, face.landmarks, drawn, self.template, self.crop_px)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be done with files; pickled to every worker once.

    faces   None where no photo is to be looked at
    roots   below which the names of folders describe a photo
    column  of tables, that holds the text
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
        [thumbnail(crop) for crop in found.crops],
        photo.place,
    )


def thumbnail(crop: NDArray[np.uint8]) -> bytes:
    """A crop of any size as a small JPEG."""
    small = Image.fromarray(crop).resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()
