"""Every face of the labelled photos, once: found, judged and embedded, then kept as arrays.

All that the tables need is arithmetic on these; a run after the first opens no photo.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.augmented import PATCH
from benchmarks.quality import DAMAGES, MOST, cut, sized
from benchmarks.verification import congress, labelled, people_dev
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
from retrieve.faces.embedding.views import PICTURE, embed, views
from retrieve.faces.extract import extract
from retrieve.faces.quality import measure
from retrieve.sources import file_reader
from retrieve.training.calibrate import labelled_face
from retrieve.types import Embeddings, Face

KEPT = Path("build/scores")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """All faces of a set of photos; row i of every array is one face.

    files       of the P photos, as labelled
    people      of the P photos: who the labelled face of each is
    photo       (F,) int64, the photo that a face is in
    embeddings  (F, D) unit rows
    boxes       (F, 4) x1, y1, x2, y2 in photo pixels
    landmarks   (F, 5, 2) x, y in photo pixels
    quality     (F,) 0 to 1
    sizes       (P, 2) height, width of the photos
    """

    files: list[str]
    people: list[str]
    photo: NDArray[np.int64]
    embeddings: Embeddings
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    quality: NDArray[np.float32]
    sizes: NDArray[np.int64]

    def labelled(self) -> tuple[Embeddings, list[str]]:
        """(N, D) of the labelled faces, and who they are."""
        rows = self.labelled_rows()
        return self.embeddings[rows], [self.people[i] for i in self.photo[rows]]

    def labelled_quality(self) -> NDArray[np.float32]:
        """(N,) of the same."""
        return self.quality[self.labelled_rows()]

    def labelled_files(self) -> list[str]:
        """The photos that they are in."""
        return [self.files[i] for i in self.photo[self.labelled_rows()]]

    def labelled_rows(self) -> NDArray[np.int64]:
        """The face nearest the middle of each photo that has one."""
        rows = []
        for place in np.unique(self.photo):
            own = np.flatnonzero(self.photo == place)
            faces = [Face(self.boxes[i], self.landmarks[i], 1.0) for i in own]
            height, width = self.sizes[place].tolist()
            rows.append(own[labelled_face(faces, (height, width))])
        return np.array(rows, np.int64)


def found(folder: Path, which: str, kept: Path = KEPT) -> Found:
    """The faces of `people_dev` or `congress` below a folder, from the last run where it stands."""
    photos = {"people_dev": people_dev, "congress": congress}[which](folder / which)
    embedder, detector = open_embedder(DEFAULT_EMBEDDER), open_detector(DEFAULT_DETECTOR)
    made_by = f"{embedder.weights_sha256} {detector.name} {DEFAULT} {list(photos.values())}"
    path = kept / f"{which}-{hashlib.sha256(made_by.encode()).hexdigest()[:12]}.npz"
    if not path.is_file():
        wanted = views(embedder, landmarks_of(detector))
        place, sizes, embeddings, quality = [], [], [], []
        faces: list[Face] = []
        for i, photo in enumerate(photos):
            one = extract(file_reader(photo), detector, wanted)
            sizes.append(one.photo.size)
            if one.faces:
                place += [i] * len(one.faces)
                faces += one.faces
                quality.append(one.quality)
                embeddings.append(embed(embedder, one.crops))
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            allow_pickle=False,
            photo=np.array(place),
            embeddings=np.concatenate(embeddings),
            boxes=np.stack([face.box for face in faces]),
            landmarks=np.stack([face.landmarks for face in faces]),
            quality=np.concatenate(quality),
            sizes=np.array(sizes),
        )
    with np.load(path) as arrays:
        names = [str(photo.relative_to(folder / which)) for photo in photos]
        return Found(names, list(photos.values()), **{name: arrays[name] for name in arrays.files})


@dataclass(frozen=True, slots=True, eq=False)
class Damaged:
    """Labelled faces of people with two photos or more, damaged; row i of every array is one.

    labelled    (T,) int64, which of the labelled faces it was made of
    damage      (T,) int64, place in benchmarks.quality.DAMAGES
    embeddings  (T, D) unit rows
    quality     (T,) 0 to 1, of the damaged face
    """

    labelled: NDArray[np.int64]
    damage: NDArray[np.int64]
    embeddings: Embeddings
    quality: NDArray[np.float32]


def damaged(folder: Path, kept: Path = KEPT) -> tuple[list[str], Damaged]:
    """People of the labelled faces of people_dev, and those faces damaged in every way."""
    embedder = open_embedder(DEFAULT_EMBEDDER)
    faces = labelled(people_dev(folder / "people_dev"), DEFAULT_DETECTOR, [PATCH])
    key = f"{embedder.weights_sha256} {DEFAULT} {list(DAMAGES)} {faces.people}"
    path = kept / f"damaged-{hashlib.sha256(key.encode()).hexdigest()[:12]}.npz"
    if not path.is_file():
        names = np.array(faces.people)
        several = [
            int(i)
            for name in np.unique(names)
            if np.sum(names == name) > 1
            for i in np.flatnonzero(names == name)[:MOST]
        ]
        wanted = views(embedder, landmarks_of(open_detector(DEFAULT_DETECTOR)))
        rows, qualities = [], []
        for how, eyes_px in DAMAGES.values():
            patches = [np.asarray(how(Image.fromarray(faces.crops[0][i]))) for i in several]
            rows.append(embed(embedder, cut(patches, wanted)))
            for i, patch in zip(several, patches, strict=True):
                picture = align(patch, PATCH.template, PICTURE.template, PICTURE.size_px)
                qualities.append(measure(sized(faces.landmarks[i], eyes_px), picture).total)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            allow_pickle=False,
            labelled=np.tile(several, len(DAMAGES)),
            damage=np.repeat(np.arange(len(DAMAGES)), len(several)),
            embeddings=np.concatenate(rows),
            quality=np.array(qualities, np.float32),
        )
    with np.load(path) as arrays:
        return faces.people, Damaged(**{name: arrays[name] for name in arrays.files})
