"""What is done with files: the faces of photos, the passages of texts, what photos say.

A job is pickled to every worker once and opened there (workers.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve import photos
from retrieve.documents.read import read_document
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.detection.detector import Detector
from retrieve.faces.detection.recipe import DEFAULT, Recipe
from retrieve.faces.embedding.views import View
from retrieve.faces.extract import PhotoFaces, extract, extract_known
from retrieve.faces.pictured import crop_of_picture
from retrieve.indexes.building.describing import Look, Said, Task, Undescribed, called_only, said_of
from retrieve.indexes.building.walk import is_text, root_of
from retrieve.indexes.building.workers import Work
from retrieve.pictures.embedding.embed import open_picture_embedder
from retrieve.pictures.embedding.shown import Shown
from retrieve.sources import file_reader
from retrieve.types import Crops, Document, Face, Pixels

PICTURE_QUALITY = 80  # 5 kB a face
LONG_SIDE_PX = DEFAULT.photo_px  # of a photo that is looked at as a whole, as for its faces
NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """What comes back from a worker: PhotoFaces without the photo's pixels.

    crops       for each view (N, size_px, size_px, 3)
    thumbnails  one JPEG a face, of PICTURE
    said        what the photo says about itself in words
    turn        degrees clockwise by which the photo was turned to find its faces
    shown       what it shows as a whole; None where nobody looked
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
    shown: Shown | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A photo as a whole, alone: what comes back from a worker that looks for no faces."""

    sha256: str
    shown: Shown


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """How faces are extracted.

    detector  its name, or one of the caller's own
    device    where the detector runs, cpu or cuda
    views     what the embedder wants to see of each face
    recipe    how photos are searched
    whole     look at each photo as a whole, too
    """

    detector: str | Detector
    device: str
    views: tuple[View, ...]
    recipe: Recipe = DEFAULT
    whole: bool = False

    def opened(self) -> Detector:
        """The detector, in this process."""
        own, edition = self.detector, self.recipe.edition
        if isinstance(own, str):
            return open_detector(own, device=self.device, edition=edition)
        return own

    def open(self) -> Callable[[Path], Extracted]:
        """Open the detector, and what looks at whole photos."""
        detector = self.opened()
        look = open_picture_embedder().look if self.whole else None

        def work(path: Path) -> Extracted:
            found = extract(file_reader(path), detector, self.views, self.recipe)
            shown = None if look is None else look([found.photo.pixels])[0]
            return packed(found, shown)

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


@dataclass(frozen=True, slots=True)
class Looking:
    """How photos are looked at as a whole alone; pickled to every worker once."""

    def open(self) -> Callable[[Path], Whole]:
        """Open the embedder."""
        look = open_picture_embedder().look

        def work(path: Path) -> Whole:
            photo = photos.read(path, long_side_px=LONG_SIDE_PX)
            return Whole(photo.sha256, look([photo.pixels])[0])

        return work


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

    def open(self) -> Work[Extracted | Document | Said]:
        """What is done with a task; the detector is opened once, for the first photo."""
        extracting: Callable[[Path], Extracted] | None = None

        def work(task: Task) -> Extracted | Document | Said:
            nonlocal extracting
            if isinstance(task, Look):
                return said_of(task.path, task.root)
            path = task.path if isinstance(task, Undescribed) else task
            if is_text(path):
                return read_document(path, column=self.column, pictured=True)
            if extracting is None:
                assert self.faces is not None
                extracting = self.faces.open()
            root = root_of(path, self.roots)
            if isinstance(task, Undescribed):
                return replace(extracting(path), said=called_only(path, root))
            said = said_of(path, root)
            return replace(extracting(path), said=said, taken_at=said.taken_at, place=said.place)

        return work


def packed(found: PhotoFaces, shown: Shown | None = None) -> Extracted:
    """What is kept of a photo's faces when its pixels are let go.

    shown  what it shows as a whole
    """
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
        shown=shown,
    )


def jpeg(picture: Pixels) -> bytes:
    """A small picture as it is kept."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=PICTURE_QUALITY)
    return buffer.getvalue()
