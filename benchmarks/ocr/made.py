"""Made photos, read by us and by rapidocr as it comes."""

from __future__ import annotations

import io
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from statistics import mean
from typing import Any

import numpy as np
from PIL import Image
from rapidfuzz.distance import Levenshtein

from benchmarks.ocr import drawn
from benchmarks.ocr.drawn import Made
from retrieve.types import Pixels

Read = Callable[[Pixels], Sequence[str]]  # a photo → its lines
Measured = tuple[str, str, float, float]  # what, damage, characters right, CPU s


def report() -> None:
    """Print both, each in a process of its own, for its memory."""
    for name in ("ours", "rapidocr"):
        measured, peak = _in_a_process(name)
        print(f"made, {name}: {len(measured)} photos")
        for column in (0, 1):
            for what in dict.fromkeys(one[column] for one in measured):
                some = [one for one in measured if one[column] == what]
                print(f"  {what:11} {_told(some)}")
        sharp = [one for one in measured if one[1] != "blurred"]
        print(f"  {'not blurred':11} {_told(sharp)}")
        print(f"  {'all':11} {_told(measured)}, peak {peak:,.0f} MB")


def report_notes() -> None:
    """Print how notes are read."""
    read = _ours()
    for name in drawn.hands():
        some = _measure(read, (one for one in drawn.notes() if one.damage == name))
        print(f"notes, {name}: {len(some)} photos, {_told(some)}")
    if not drawn.hands():
        print("notes: not run, for want of typefaces: pip install font-amatic-sc font-intuitive")


def right(found: Sequence[str], wanted: Sequence[str]) -> float:
    """The share of characters that are right; points before list entries are none."""
    read, written = (" ".join(" ".join(one).replace("•", " ").split()) for one in (found, wanted))
    return max(0.0, 1 - Levenshtein.distance(read, written) / len(written))


def _told(some: Sequence[Measured]) -> str:
    least = min(one[2] for one in some)
    return (
        f"characters right {mean(one[2] for one in some):.4f} (least {least:.3f}), "
        f"{mean(one[3] for one in some):.2f} CPU s a photo"
    )


def _in_a_process(name: str) -> tuple[list[Measured], float]:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure_all, (name,))


def _measure_all(name: str) -> tuple[list[Measured], float]:
    read = _ours() if name == "ours" else _as_it_comes()
    measured = _measure(read, drawn.photos())
    return measured, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(read: Read, photos: Iterable[Made]) -> list[Measured]:
    measured = []
    for one in photos:
        pixels = np.asarray(Image.open(io.BytesIO(one.jpeg)).convert("RGB"))
        begun = time.process_time()
        lines = read(pixels)
        spent = time.process_time() - begun
        fold = str.casefold if one.what == "note" else str
        share = right([fold(line) for line in lines], [fold(line) for line in one.lines])
        measured.append((one.what, one.damage, share, spent))
    return measured


def _ours() -> Read:
    from retrieve.pictures.written.read import WordReader

    reader = WordReader()
    return lambda pixels: [line.text for line in reader.read(pixels)]


def _as_it_comes() -> Read:
    import cv2
    from rapidocr import RapidOCR

    threads = "EngineConfig.onnxruntime.{}_op_num_threads"
    one_thread = {threads.format(which): 1 for which in ("intra", "inter")}
    cv2.setNumThreads(1)
    reader: Any = RapidOCR(params={**one_thread, "Global.log_level": "critical"})
    return lambda pixels: list(reader(np.ascontiguousarray(pixels[..., ::-1])).txts or ())
