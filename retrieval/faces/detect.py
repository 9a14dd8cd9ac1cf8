"""Photos → faces, by one of two detectors behind one Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from retrieval.errors import BadInput
from retrieval.types import Face, Pixels

DEFAULT_DETECTOR = "mtcnn"
DETECTORS = ("mtcnn", "centerface")


class Detector(Protocol):
    """Finds the faces in photos.

    name            as a collection records it
    weights_sha256  of the weights behind it, hexadecimal
    """

    @property
    def name(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    def detect(self, batch: Sequence[Pixels]) -> list[list[Face]]:
        """The faces in each photo, largest first, in the coordinates of the pixels given.

        batch   photos of any size, (H, W, 3) uint8 RGB each
        raises  BadInput for an array of another shape or type
        """
        ...


def open_detector(
    name: str = DEFAULT_DETECTOR, *, device: str = "cpu", cache: Path | None = None
) -> Detector:
    """The detector with that name.

    device  "cpu" or "cuda"
    cache   where exported networks lie; None is the user's cache
    raises  BadInput for another name or device; MissingExtra or WeightsError if its
            weights are not there
    """
    match name:
        case "mtcnn":
            from retrieval.faces.mtcnn import open_mtcnn

            return open_mtcnn(device=device, cache=cache)
        case "centerface":
            from retrieval.faces.centerface import open_centerface

            return open_centerface(device=device, cache=cache)
    raise BadInput(f"no detector named {name!r}; names are {', '.join(DETECTORS)}")


def checked(batch: Sequence[Pixels]) -> Sequence[Pixels]:
    """The batch, if every photo in it is (H, W, 3) uint8; else BadInput."""
    for pixels in batch:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise BadInput(
                f"a detector takes pixels (H, W, 3) uint8 RGB; got {pixels.shape} {pixels.dtype}"
            )
    return batch
