"""One photo, or the stored pictures of its faces → crops for other networks, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from retrieve import photos
from retrieve.errors import BadInput
from retrieve.faces.detection.boxes import overlap
from retrieve.faces.embedding.views import View, together
from retrieve.indexes.building.jobs import Extracted, Faces
from retrieve.types import Crops, Face

SAME_BOX = 0.5  # IoU above which two detectors mean the same face
PHOTO, PICTURE = "photo", "picture"  # what a face was embedded from


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A face that the collection has.

    jpeg   its stored picture, if there is one
    shown  what that shows, if it is known
    """

    id: int
    number: int
    face: Face
    jpeg: bytes | None = None
    shown: View | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A photo and its faces.

    paths   of files that may hold it
    unread  why the photo cannot be read, if that is known: it is not tried
    """

    content_id: int
    sha256: str
    paths: tuple[Path, ...]
    faces: tuple[Known, ...]
    unread: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One face as it is to be.

    face_id  None for one that nobody had found before
    number, face, quality, jpeg
             None where they stay what they are
    lost     the detector that looked anew did not find it
    filled   its crop reaches beyond its stored picture
    """

    face_id: int | None
    number: int | None = None
    face: Face | None = None
    quality: float | None = None
    jpeg: bytes | None = None
    lost: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What became of a task.

    made, crops  row i of the crops of each view is of made[i]
    left         faces of which there is nothing to embed: id and reason
    turn         degrees clockwise by which the photo was turned to find its faces; None where
                 they were known
    unread       why the photo could not be read; empty if it was
    """

    source: str
    made: list[Made]
    crops: tuple[Crops, ...]
    left: list[tuple[int, str]] = field(default_factory=list)
    turn: int | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What is to be done with photos; pickled to every worker once.

    known  crops of faces by the landmarks that are stored
    anew   crops of what another detector finds; None where boxes and landmarks stay
    """

    known: Faces
    anew: Faces | None

    def open(self) -> Callable[[Task], Read]:
        """Open the detector, if one is needed."""
        detect = None if self.anew is None else self.anew.open()

        def from_photo(task: Task) -> Read:
            path = holding(task.paths, task.sha256)
            if detect is None:
                return self._again(task, path)
            return self._anew(task, path, detect(path))

        def work(task: Task) -> Read:
            unread = task.unread
            if not unread:
                try:
                    return from_photo(task)
                except BadInput as error:
                    unread = str(error)
            return self._pictures(task, unread)

        return work

    def _again(self, task: Task, path: Path) -> Read:
        usable, left = _usable(task.faces)
        crops, made = self._cut(task, path, usable)
        return Read(PHOTO, made, crops, left)

    def _anew(self, task: Task, path: Path, found: Extracted) -> Read:
        _check_same(task, path, found)
        whose = matched([one.face for one in task.faces], found.faces)
        made = [
            Made(
                None if i is None else task.faces[i].id,
                number,
                face,
                float(found.quality[number - 1]),
                found.thumbnails[number - 1],
            )
            for number, (i, face) in enumerate(zip(whose, found.faces, strict=True), 1)
        ]
        lost, left = _usable([one for i, one in enumerate(task.faces) if i not in whose])
        crops, again = self._cut(task, path, lost, lost_after=len(made))
        parts = [part for part, its in ((found.crops, made), (crops, again)) if its]
        return Read(PHOTO, made + again, together(parts), left, found.turn)

    def _cut(
        self, task: Task, path: Path, faces: Sequence[Known], *, lost_after: int | None = None
    ) -> tuple[tuple[Crops, ...], list[Made]]:
        """Known faces out of their photo.

        lost_after  where another detector did not find them, how many it found: theirs are
                    the numbers behind those
        """
        if not faces:
            return (), []
        cut = self.known.cut(path, [one.face for one in faces])
        _check_same(task, path, cut)
        return cut.crops, [
            Made(
                one.id,
                None if lost_after is None else lost_after + i + 1,
                quality=float(cut.quality[i]),
                jpeg=cut.thumbnails[i],
                lost=lost_after is not None,
            )
            for i, one in enumerate(faces)
        ]

    def _pictures(self, task: Task, unread: str) -> Read:
        made: list[Made] = []
        crops: list[tuple[Crops, ...]] = []
        left: list[tuple[int, str]] = []
        for one in task.faces:
            try:
                if one.jpeg is None:
                    raise BadInput("no picture of it is stored")
                if one.shown is None:
                    raise BadInput("where its landmarks lie in its stored picture is not known")
                crop, filled = self.known.of_picture(one.jpeg, one.face, one.shown)
            except BadInput as error:
                left.append((one.id, str(error)))
                continue
            crops.append(crop)
            made.append(Made(one.id, filled=filled))
        return Read(PICTURE, made, together(crops), left, unread=unread)


def matched(known: Sequence[Face], found: Sequence[Face]) -> list[int | None]:
    """For each face that was found which of the known ones it is, one to one, best first."""
    whose: list[int | None] = [None] * len(found)
    if not known or not found:
        return whose
    same = overlap(
        np.array([face.box for face in known], np.float32),
        np.array([face.box for face in found], np.float32),
    )
    taken: set[int] = set()
    for place in np.argsort(-same, axis=None, kind="stable").tolist():
        i, j = divmod(place, len(found))
        if same[i, j] <= SAME_BOX:
            break
        if i not in taken and whose[j] is None:
            whose[j] = i
            taken.add(i)
    return whose


def holding(paths: Sequence[Path], sha256: str) -> Path:
    """The first of some files that still has a content; raises BadInput if there is none."""
    reason = "" if paths else "no file of it is known"
    for path in paths:
        try:
            if photos.content_hash(path) == sha256:
                return path
            reason = reason or "its file has other content now"
        except photos.BadPhoto as error:
            reason = reason or str(error)
    raise BadInput(reason)


def _check_same(task: Task, path: Path, found: Extracted) -> None:
    if found.sha256 != task.sha256:
        raise BadInput("its file changed while it was read")


def _usable(faces: Sequence[Known]) -> tuple[list[Known], list[tuple[int, str]]]:
    """Faces whose landmarks are known, and the others: those of other programs have none."""
    known = [bool(np.isfinite(one.face.landmarks).all()) for one in faces]
    return (
        [one for one, is_known in zip(faces, known, strict=True) if is_known],
        [
            (one.id, "its landmarks are not known")
            for one, is_known in zip(faces, known, strict=True)
            if not is_known
        ],
    )
