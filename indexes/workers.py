"""Processes that turn files into faces, where a file that crashes or hangs does no harm.

Decoders are C code that reads what strangers wrote. Each runs in a process of its own
with a time limit a file; a process that dies or is stopped is replaced, and the file
is skipped with that reason.
"""

from __future__ import annotations

import io
import multiprocessing
import signal
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, TimeoutError, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired, ProcessPool
from PIL import Image

from retrieval.errors import BadInput
from retrieval.faces.detect import Detector, open_detector
from retrieval.faces.extract import PhotoFaces, extract
from retrieval.types import Crops, Face

WORKERS = 2
TIME_LIMIT_S = 60.0  # a 100-megapixel PNG takes 6 s here
AHEAD = 8  # tasks a worker that are handed out at once: bounds what waits in memory
THUMBNAIL_PX, THUMBNAIL_QUALITY = 112, 80  # 4 kB a face


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What comes back from a worker: PhotoFaces without the photo's pixels.

    thumbnails  one JPEG a face
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


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What every worker does with its files; pickled to it once.

    device  where the detector runs, cpu or cuda
    """

    detector: str
    device: str
    template: NDArray[np.float32]
    crop_px: int


def run(
    job: Job,
    paths: Iterable[tuple[Any, Path]],
    *,
    workers: int = WORKERS,
    time_limit_s: float = TIME_LIMIT_S,
) -> Generator[tuple[Any, Extracted | str]]:
    """Extract the faces of every file, in the order in which they are done.

    paths    (key, path); taken only as fast as results are
    returns  (key, what was found or why the file is skipped)

    Closing the iterator stops the workers; files in their hands are dropped.
    """
    context = multiprocessing.get_context("spawn")  # fork copies locks held by threads
    pool = ProcessPool(workers, initializer=_start, initargs=(job,), context=context)
    waiting: dict[Future[Any], tuple[Any, Path]] = {}
    source = iter(paths)
    try:
        more = True
        while more or waiting:
            while more and len(waiting) < workers * AHEAD:
                item = next(source, None)
                if item is None:
                    more = False
                    break
                waiting[pool.schedule(_extract, (item[1],), timeout=time_limit_s)] = item
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                key, _ = waiting.pop(future)
                yield key, _outcome(future, time_limit_s)
    finally:
        pool.stop()
        pool.join()


def _outcome(future: Future[Any], time_limit_s: float) -> Extracted | str:
    try:
        outcome: Extracted | str = future.result()
    except TimeoutError:
        return f"decoding took longer than {time_limit_s:g} s and was stopped"
    except ProcessExpired as error:
        return f"decoding crashed its process ({_ending(error.exitcode)})"
    return outcome


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"


_detector: Detector
_job: Job


def _start(job: Job) -> None:
    """In a new worker: open the detector once for all its files."""
    global _detector, _job
    # Ctrl-C goes to every process of the terminal; the parent stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _detector, _job = open_detector(job.detector, device=job.device), job


def _extract(path: Path) -> Extracted | str:
    try:
        return packed(extract(path, _detector, _job.template, _job.crop_px))
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
        [_thumbnail(crop) for crop in found.crops],
    )


def _thumbnail(crop: NDArray[np.uint8]) -> bytes:
    small = Image.fromarray(crop).resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()
