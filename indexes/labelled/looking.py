"""One labelled photo → its labelled face, as it is and in the photo damaged, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.evaluation.faces.damages import Damage, damaged
from retrieve.faces.embedding.views import PICTURE, together
from retrieve.faces.extract import detect
from retrieve.faces.quality import measure
from retrieve.indexes.building.jobs import Faces
from retrieve.sources import file_reader, reader_of
from retrieve.training.calibrate import labelled_face
from retrieve.types import Crops, Face

# Long side in which a photo is damaged: larger ones are shrunk to it first.
DAMAGED_PX = 1600
NEAR = 0.5  # of its width, that a face's middle may lie elsewhere in the damaged photo
NO_FACE = "no face found in it"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """The labelled face of one photo.

    found    places, rising: 0 is the photo as it is, i + 1 the i-th damage; those are left out in
             which the face is not found any more
    crops    of these, for each view (K, S, S, 3)
    quality  of the face as it is, 0 to 1
    """

    found: tuple[int, ...]
    crops: tuple[Crops, ...]
    quality: float


@dataclass(frozen=True, slots=True, eq=False)
class Looking:
    """What is to be done with labelled photos; pickled to every worker once.

    faces    how they are found, and the views of them
    damages  of a photo that is to be damaged, each in turn; its face is looked for anew
    largest  the labelled face is the largest, not the one nearest the middle
    seed     of what damages leave to chance
    """

    faces: Faces
    damages: tuple[Damage, ...] = ()
    largest: bool = False
    seed: int = 0

    def open(self) -> Callable[[tuple[Path, bool]], Looked]:
        """Open the detector: a photo, and whether it is damaged, → its labelled face.

        What it gives raises BadInput for a photo of no use.
        """
        detector, recipe, views = self.faces.opened(), self.faces.recipe, self.faces.views

        def work(task: tuple[Path, bool]) -> Looked:
            path, is_damaged = task
            faces = detect(file_reader(path), detector, recipe)
            if not faces:
                raise BadInput(NO_FACE)
            which = labelled_face(faces, faces.photo.size, largest=self.largest)
            *shown, picture = faces[which : which + 1].crops([*views, PICTURE])
            quality = measure(faces[which], picture[0]).total
            places, crops = [0], [tuple(shown)]
            if not is_damaged:
                return Looked((0,), crops[0], quality)
            photo = photos.read(path, long_side_px=DAMAGED_PX)
            image = Image.fromarray(photo.pixels)
            labelled = _scaled(faces[which], photo.scale)
            seed = self.seed ^ int(photo.sha256[:8], 16)  # whatever else is measured with it
            for place, damage in enumerate(self.damages, 1):
                changed = damaged(image, labelled, damage, seed)
                again = detect(reader_of(changed), detector, recipe)
                wanted = _scaled(labelled, changed.width / image.width)
                if (near := _same(again, wanted)) is not None:
                    places.append(place)
                    crops.append(again[near : near + 1].crops(views))
            return Looked(tuple(places), together(crops), quality)

        return work


def _scaled(face: Face, share: float) -> Face:
    return Face(face.box * np.float32(share), face.landmarks * np.float32(share), face.score)


def _same(faces: Sequence[Face], wanted: Face) -> int | None:
    """Which face is where that one was; None if there is none."""
    middle, width = wanted.landmarks.mean(axis=0), float(wanted.box[2] - wanted.box[0])
    away = [float(np.linalg.norm(face.landmarks.mean(axis=0) - middle)) for face in faces]
    nearest = min(range(len(away)), key=away.__getitem__, default=None)
    return nearest if nearest is not None and away[nearest] <= NEAR * width else None
