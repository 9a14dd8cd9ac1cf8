"""The values that flow between the stages: photos, faces, documents, passages, embeddings.

Conventions, everywhere: RGB, `xyxy` boxes, (x, y) points in photo pixels,
(height, width) sizes, cosine scores where higher is closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import notebook
from retrieve.errors import RetrievalError
from retrieve.shares import probability

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB
Crops = NDArray[np.uint8]  # (N, S, S, 3) RGB, aligned faces
Embeddings = NDArray[np.float32]  # (N, D), rows of length 1


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One decoded photograph, upright.

    path        the file, or None of a photo that was given as bytes, image or array
    pixels      (H, W, 3) uint8 RGB; perhaps smaller than the photo (see scale)
    size        (height, width) of the upright photo in full resolution
    sha256      of the file's bytes, hexadecimal: what identifies a photo
    size_bytes  length of the file
    taken_at    local time as its EXIF data state it, ISO 8601 without zone, or None
    place       degrees north and east likewise; describe() asks all sources for both
    warnings    what was wrong but bearable ("cut short: 80 % decoded")
    """

    path: Path | None
    pixels: Pixels
    size: tuple[int, int]
    sha256: str
    size_bytes: int
    taken_at: str | None = None
    place: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """Pixels held for one photo pixel: 1.0 in full resolution, .25 at a quarter."""
        return float(self.pixels.shape[1] / self.size[1])

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "the photo" if self.path is None else str(self.path)

    def __repr__(self) -> str:
        height, width = self.size
        return f"Photo({self.name!r}, {width} x {height})"


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face; `retrieve.detect("group.jpg")[0]` is the largest of a photo.

    box        (4,) float32 x1, y1, x2, y2 in photo pixels
    landmarks  (5, 2) float32 x, y in photo pixels: left eye, right eye, nose,
               left and right mouth corner, left as the viewer sees it
    score      detector confidence, 0 to 1
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float

    def __repr__(self) -> str:
        x1, y1, x2, y2 = (round(float(edge)) for edge in self.box)
        return f"Face(box=({x1}, {y1}, {x2}, {y2}), score={self.score:.3f})"


OCR = "ocr"  # kind of a passage that was read off a picture
Box = tuple[float, float, float, float]  # x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class Written:
    """A line of a passage that was read off a picture.

    start       where it begins in the passage's text
    box         in photo pixels; on a page in points from its upper left corner, as it is shown
    confidence  mean of its characters', 0 to 1
    """

    start: int
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that is found as one.

    text     as it stands, blanks and line breaks made single blanks
    title    the heading or title it stands under, "" without one
    kind     "text" in a document; for a photograph "caption", "keywords" or "name"; "ocr" for
             what is written in a photograph or on a page that is a picture
    page     in a paged document, 1 for the first, or None
    line     of the file where it begins, 1 for the first, or None
    record   of a table or a JSONL file, row of a sheet, mail of a mailbox, 1 for the first, or None
    time_s   where it begins in a recording, in seconds, or None
    written  its lines in the picture, where it was read off one
    """

    text: str
    title: str = ""
    kind: str = "text"
    page: int | None = None
    line: int | None = None
    record: int | None = None
    time_s: float | None = None
    written: tuple[Written, ...] = ()

    def written_at(self, marks: Sequence[tuple[int, int]]) -> tuple[Written, ...]:
        """The lines in which some (start, end) of the text stand; all of them for none."""
        if not marks:
            return self.written
        ends = [*(line.start for line in self.written[1:]), len(self.text) + 1]
        return tuple(
            line
            for line, end in zip(self.written, ends, strict=False)
            if any(first < end and line.start < last for first, last in marks)
        )


@dataclass(frozen=True, slots=True)
class Document:
    """One file of text, split into passages.

    sha256      of the file's bytes, hexadecimal: what identifies a document
    size_bytes  length of the file
    title       as the file states it, "" without one
    written_at  local time as the file itself states it, ISO 8601, or None
    warnings    what was wrong but bearable ("page 3 holds no text")
    reader      the format's name and the version of our reader ("pdf 2")
    """

    path: Path
    sha256: str
    size_bytes: int
    passages: tuple[Passage, ...]
    title: str = ""
    written_at: str | None = None
    warnings: tuple[str, ...] = ()
    reader: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """One stored face that resembles a probe.

        for hit in collection.search_faces("ana.jpg"):
            print(hit.path, hit.score, hit.probability)

    rank         1 is the best; 0 is the probe itself
    face_id      of the stored face in its collection
    path         a file that holds its photo
    number       which face of the photo it is, 1 for the first
    face         in photo pixels
    score        cosine of the two embeddings, -1 to 1
    probability  that both faces are one person, at even odds beforehand; None without
                 a calibration
    quality      of the stored face, 0 to 1
    taken_at     when the photo was taken, ISO 8601, or None
    person       the name that somebody gave to the stored face, or None
    itself       it is the very face that was asked for: its photo is stored
    picture      gives the stored face as a small JPEG, while the collection is open
    """

    rank: int
    face_id: int
    path: Path
    number: int
    face: Face
    score: float
    probability: float | None
    quality: float
    taken_at: str | None
    person: str | None = None
    itself: bool = False
    picture: Callable[[], bytes] | None = None

    def __repr__(self) -> str:
        sure = "" if self.probability is None else f", probability={self.probability:.3f}"
        who = "" if self.person is None else f", person={self.person!r}"
        place = f"{str(self.path)!r}, face {self.number}"
        return f"Hit({self.rank}: {place}, score={self.score:.4f}{sure}{who})"

    def __reduce__(self) -> tuple[type[Hit], tuple[object, ...]]:
        """Pickled without its picture, which only the open collection can give."""
        values = (getattr(self, one.name) for one in fields(self) if one.name != "picture")
        return type(self), tuple(values)

    def _repr_html_(self) -> str:
        return notebook.page("", [self.card()])

    def card(self) -> str:
        """The stored face for a notebook; without its picture once the collection is closed."""
        picture = None
        if self.picture is not None:
            with suppress(RetrievalError):
                picture = self.picture()
        sure = "" if self.probability is None else f" · {probability(self.probability)}"
        place = "the photo itself" if self.itself else f"{self.rank}."
        lines = [f"{place} {self.score:.4f}{sure}", self.path.name, self.person or ""]
        return notebook.card(picture, [line for line in lines if line])


@dataclass(frozen=True, slots=True)
class PictureHit:
    """One stored photo that looks like another.

        for hit in collection.search_pictures("beach.jpg"):
            print(hit.path, hit.score, hit.probability)

    rank         1 is the best; 0 is the photo itself
    photo_id     of the photo in its collection
    path         a file that holds it
    size         (height, width) of the upright photo in full resolution
    score        cosine of the two embeddings, -1 to 1
    probability  that both are one picture, perhaps changed, at even odds beforehand; None without
                 a calibration
    taken_at     when it was taken, ISO 8601, or None
    itself       it is the very photo that was asked for
    """

    rank: int
    photo_id: int
    path: Path
    size: tuple[int, int]
    score: float
    probability: float | None
    taken_at: str | None
    itself: bool = False

    def __repr__(self) -> str:
        sure = "" if self.probability is None else f", probability={self.probability:.3f}"
        return f"PictureHit({self.rank}: {str(self.path)!r}, score={self.score:.4f}{sure})"


@dataclass(frozen=True, slots=True)
class Label:
    """What a photo shows, in a word, as a network sees it; nobody said so.

    word         as people use it
    probability  that it is to be seen, 0 to 1
    """

    word: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class TextHit:
    """One stored passage that a query finds.

        for hit in collection.search_texts("una boda en Zaragoza"):
            print(hit.path, hit.passage.text)

    rank        1 is the best
    passage_id  of the stored passage in its collection
    path        a file that holds it; a photo where the passage describes one
    kind        photo or text
    document    the title that the file states; what its files are called without one
    score       what the hits of one query are ordered by; says nothing across queries
    bm25        of the words, 0 if none of the query's is in it
    cosine      of the two embeddings, -1 to 1
    marks       (start, end) of the words in the passage's text that the query asks for
    taken_at    when the photo was taken or the text written, ISO 8601, or None
    persons     names that faces in the photo have
    face        the face that was asked for, in the same photo, or None
    group       hits of one document, or of what is said of one photo, have the same
    near        whether it has a word of the query, means it, or shows a person whom it names; of
                others, none is nearer
    more        other passages of the group that are near, where hits are grouped; else 0
    labels      what the query names and the photo shows, where it is found for that alone: its
                passage is empty then
    """

    rank: int
    passage_id: int
    path: Path
    kind: str
    document: str
    passage: Passage
    score: float
    bm25: float
    cosine: float
    marks: tuple[tuple[int, int], ...]
    taken_at: str | None
    persons: tuple[str, ...] = ()
    face: Hit | None = None
    group: int = 0
    near: bool = True
    more: int = 0
    labels: tuple[Label, ...] = ()

    def __repr__(self) -> str:
        text = self.passage.text if len(self.passage.text) <= 60 else self.passage.text[:59] + "…"
        return f"TextHit({self.rank}: {str(self.path)!r}, {text!r}, score={self.score:.4f})"


@dataclass(frozen=True, slots=True)
class Shards:
    """From how many shards of a cluster an answer comes, and of how many it should."""

    answered: int
    of: int

    def __str__(self) -> str:
        return f"{self.answered} of {self.of} shards answered"

    @property
    def missing(self) -> int:
        """How many did not answer."""
        return self.of - self.answered


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that a batch left out, and why, in words for its owner."""

    path: Path
    reason: str


def around(lines: Iterable[Written]) -> Box | None:
    """The box around some lines; None around none."""
    boxes = [line.box for line in lines]
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
