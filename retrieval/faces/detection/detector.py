"""What every detector is: photos in, faces out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.types import Face, Pixels

SHIPPED = Path(__file__).parents[1] / "data"  # where the networks lie that ship converted


OF_A_DETECTOR = ("name", "detect")  # what an object has to have to stand for one


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


def landmarks_of(detector: Detector) -> str:
    """The detector whose landmarks these are: embedders know by it where they belong.

    It is the detector itself, unless it says otherwise in `landmarks_of`.
    """
    return str(getattr(detector, "landmarks_of", detector.name))


@runtime_checkable
class Doubting(Detector, Protocol):
    """A detector that also says where smaller faces may be, so that not all of a large photo
    has to be searched in more pixels.
    """

    def look(
        self, pixels: Pixels, *, share: float = 0.0, strict: bool = False
    ) -> tuple[list[Face], NDArray[np.float32]]:
        """The faces of one photo as detect(), and doubts (K, 2): x, y of what may be a face.

        share   of the pixels' sides that the network has to see at least
        strict  look twice at every face, as at doubtful ones
        """
        ...


def checked(batch: Sequence[Pixels]) -> Sequence[Pixels]:
    """The batch, if every photo in it is (H, W, 3) uint8; else BadInput."""
    for pixels in batch:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise BadInput(
                f"a detector takes pixels (H, W, 3) uint8 RGB; got {pixels.shape} {pixels.dtype}"
            )
    return batch
