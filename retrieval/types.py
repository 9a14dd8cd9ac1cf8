"""The values that flow between the stages: photos, faces, documents, passages, embeddings.

Conventions, everywhere: RGB, `xyxy` boxes, (x, y) points in photo pixels,
(height, width) sizes, cosine scores where higher is closer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB
Crops = NDArray[np.uint8]  # (N, S, S, 3) RGB, aligned faces
Embeddings = NDArray[np.float32]  # (N, D), rows of length 1


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One decoded photograph, upright.

    pixels      (H, W, 3) uint8 RGB; perhaps smaller than the photo (see scale)
    size        (height, width) of the upright photo in full resolution
    sha256      of the file's bytes, hexadecimal: what identifies a photo
    size_bytes  length of the file
    taken_at    local time as in EXIF, ISO 8601 without zone, or None
    place       degrees north and east as in EXIF, or None
    warnings    what was wrong but bearable ("cut short: 80 % decoded")
    """

    path: Path
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


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detected face.

    box        (4,) float32 x1, y1, x2, y2 in photo pixels
    landmarks  (5, 2) float32 x, y in photo pixels: left eye, right eye, nose,
               left and right mouth corner, left as the viewer sees it
    score      detector confidence, 0 to 1
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that is found as one.

    text     as it stands, blanks and line breaks made single blanks
    title    the heading or title it stands under, "" without one
    kind     "text" in a document; for a photograph "caption", "keywords" or "name"
    page     in a paged document, 1 for the first, or None
    line     of the file where it begins, 1 for the first, or None
    record   of a table or a JSONL file, 1 for the first, or None
    time_s   where it begins in a recording, in seconds, or None
    """

    text: str
    title: str = ""
    kind: str = "text"
    page: int | None = None
    line: int | None = None
    record: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file of text, split into passages.

    sha256      of the file's bytes, hexadecimal: what identifies a document
    size_bytes  length of the file
    title       as the file states it, "" without one
    written_at  local time as the file itself states it, ISO 8601, or None
    warnings    what was wrong but bearable ("page 3 holds no text")
    """

    path: Path
    sha256: str
    size_bytes: int
    passages: tuple[Passage, ...]
    title: str = ""
    written_at: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """One stored face that resembles a probe.

    rank         1 is the best
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


@dataclass(frozen=True, slots=True, eq=False)
class TextHit:
    """One stored passage that a query finds.

    rank        1 is the best
    passage_id  of the stored passage in its collection
    path        a file that holds it; a photo where the passage describes one
    kind        photo or text
    document    the title that the file states, "" without one
    score       what the hits of one query are ordered by; says nothing across queries
    bm25        of the words, 0 if none of the query's is in it
    cosine      of the two embeddings, -1 to 1
    marks       (start, end) of the words in the passage's text that the query asks for
    taken_at    when the photo was taken or the text written, ISO 8601, or None
    persons     names that faces in the photo have
    face        the face that was asked for, in the same photo, or None
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


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that a batch left out, and why, in words for its owner."""

    path: Path
    reason: str
