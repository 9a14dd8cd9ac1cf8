"""Photos → faces, by one of two detectors behind one Protocol (detector.py)."""

from __future__ import annotations

from pathlib import Path

from retrieve.errors import BadInput
from retrieve.faces.detection.detector import Detector
from retrieve.faces.detection.recipe import DEFAULT

DEFAULT_DETECTOR = "centerface"
DETECTORS = ("mtcnn", "centerface")


def open_detector(
    name: str = DEFAULT_DETECTOR,
    *,
    device: str = "cpu",
    edition: int = DEFAULT.edition,
    cache: Path | None = None,
) -> Detector:
    """The detector with that name.

    device   "cpu" or "cuda"
    edition  of its settings, as a recipe states it; 1 are those of collections without one
    cache    where exported networks lie; None is the user's cache
    raises   BadInput for another name or device; MissingExtra or WeightsError if its
             weights are not there
    """
    match name:
        case "mtcnn":
            from retrieve.faces.detection.mtcnn import open_mtcnn

            return open_mtcnn(device=device, cache=cache)
        case "centerface":
            from retrieve.faces.detection import centerface

            settings = centerface.FIRST if edition == 1 else centerface.DEFAULT
            return centerface.open_centerface(device=device, settings=settings, cache=cache)
    raise BadInput(f"no detector named {name!r}; names are {', '.join(DETECTORS)}")
