"""Stand-ins for the slow parts, importable in worker processes too."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import time
import zlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from retrieve.documents.read import read_document
from retrieve.errors import BadInput, WeightsError
from retrieve.indexes.building.describing import Look, Said, Task, Undescribed, called_only, said_of
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.walk import is_text
from retrieve.indexes.building.workers import Work
from retrieve.indexes.catalog.paths import Found
from retrieve.pictures.embedding.shown import Class, Shown
from retrieve.types import Crops, Document, Embeddings, Face

CROP_PX = 4
# What readers of other people's libraries have raised.
RAISED: dict[str, BaseException] = {
    "zlib": zlib.error("Error -3: incorrect header check."),
    "lzma": lzma.LZMAError("Corrupt input data"),
    "value": ValueError("Comments\nare no elements"),
    "recursion": RecursionError("maximum recursion depth exceeded"),
    "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    "panic": BaseException("a Rust library's"),
    "memory": MemoryError(),
    "exit": SystemExit(3),
    "weights": WeightsError("weights are damaged"),
}


def _grey() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 128).save(buffer, "JPEG", optimize=True)
    return buffer.getvalue()


JPEG = _grey()


def picture(word: str) -> bytes:
    """The picture of a face: a grey square that can be decoded, and behind it the word."""
    return JPEG + word.encode()


def said(jpeg: bytes) -> str:
    """The word of such a picture."""
    return jpeg.removeprefix(JPEG).decode()


def work(path: Task) -> Extracted | Document | Said:
    """A photo is text: its first word says what happens, any other text is faces."""
    if isinstance(path, Look):
        return said_of(path.path, path.root)
    if isinstance(path, Undescribed):
        return replace(extracted(path.path.read_bytes()), said=called_only(path.path, None))
    words = path.read_text().split()
    match words:
        case ["crash", *_]:
            os.abort()
        case ["hang", *_]:
            time.sleep(3600)
        case ["nap"]:
            time.sleep(0.3)
        case ["who"]:
            return replace(extracted(b""), said=Said(seen=str(os.getppid())))
        case ["burn", *_]:
            3 ** (1 << 34)  # C code that holds the interpreter's lock for hours
        case ["bad", *_]:
            raise BadInput("is bad")
        case ["raise", name]:
            raise RAISED[name]
    return read_document(path) if is_text(path) else extracted(path.read_bytes())


def open_work() -> Work[Extracted | Document | Said]:
    return work


def open_nothing() -> Work[Extracted | Document]:
    raise RAISED["weights"]


def open_echo() -> Work[str]:
    return str


class Faces:
    """In place of jobs.Faces; a detector called "other" sees otherwise, as other_extracted()."""

    def __init__(self, detector: object = None, *more: object) -> None:
        self._is_other = detector == "other" or getattr(detector, "name", "") == "other"
        self._whole = more[3:] == (True,)

    def open(self) -> Work[Extracted]:
        if self._is_other:
            return other_work
        return whole_work if self._whole else work  # type: ignore[return-value]

    def cut(self, path: Path, faces: Sequence[Face]) -> Extracted:
        found = work(path)
        assert isinstance(found, Extracted)
        which = [int(face.box[0]) for face in faces]
        return replace(
            found,
            faces=list(faces),
            crops=(found.crops[0][which],),
            quality=found.quality[which],
            thumbnails=[found.thumbnails[i] for i in which],
        )

    def of_picture(
        self, jpeg: bytes, face: Face, drawn: object
    ) -> tuple[tuple[np.ndarray, ...], bool]:
        if not jpeg:
            raise BadInput("its picture is empty")
        return (_crop(said(jpeg))[None],), said(jpeg).startswith("wide")


def whole_work(path: Path) -> Extracted:
    """work() that looks at the photo as a whole, too: at all of its words as one."""
    found = work(path)
    assert isinstance(found, Extracted)
    words = path.read_text().strip() or "nothing"
    (row,) = embedding(words)
    return replace(found, shown=Shown(row, (Class(len(words), 0.5), Class(0, 0.25))))


def other_work(path: Path) -> Extracted:
    return other_extracted(path.read_bytes())


def other_extracted(content: bytes) -> Extracted:
    """A detector that starts from the right, draws larger boxes, does not see words that begin
    with "shy" and sees one more face behind all.
    """
    found = extracted(content)
    seen = [i for i in reversed(range(len(found.faces))) if said(found.thumbnails[i])[:3] != "shy"]
    boxes = [found.faces[i].box + np.array([-0.1, 0, 0.1, 0.1], np.float32) for i in seen]
    words = [said(found.thumbnails[i]) for i in seen]
    if found.faces:
        boxes.append(np.array([50, 0, 51, 1], np.float32))
        words.append("behind-" + said(found.thumbnails[0]))
    return replace(
        found,
        faces=[Face(box, np.full((5, 2), box[0], np.float32), 0.8) for box in boxes],
        crops=(_crops(words),),
        quality=np.linspace(0.2, 0.4, len(words)).astype(np.float32),
        thumbnails=[picture(word) for word in words],
    )


def extracted(content: bytes) -> Extracted:
    """One face a word; the word decides the crop."""
    words = content.decode().split()
    faces = [
        Face(np.array([i, 0, i + 1, 1], np.float32), np.full((5, 2), i, np.float32), 0.9)
        for i in range(len(words))
    ]
    return Extracted(
        hashlib.sha256(content).hexdigest(),
        len(content),
        (10, 20),
        None,
        (),
        faces,
        (_crops(words),),
        np.linspace(0.5, 1, len(words)).astype(np.float32),
        [picture(word) for word in words],
    )


def extractor(
    paths: Iterable[tuple[Found, Task]],
) -> Generator[tuple[Found, Extracted | Document | Said | str]]:
    """workers.run() in this process."""
    for found, path in paths:
        try:
            yield found, work(path)
        except BadInput as error:
            yield found, str(error)


class Embedder:
    """Equal crops have equal embeddings, others nearly orthogonal ones."""

    name, dim, crop_px, weights_sha256 = "pretend", 32, CROP_PX, "00"

    def template(self, detector: str) -> np.ndarray:
        return np.zeros((5, 2), np.float32)

    def embed(self, crops: Crops) -> Embeddings:
        rows = np.empty((len(crops), self.dim), np.float32)
        for i, crop in enumerate(crops):
            rng = np.random.default_rng(list(crop.tobytes()))
            rows[i] = rng.normal(size=self.dim)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class OtherEmbedder(Embedder):
    """The same in other dimensions, another vector for each crop."""

    name, dim, weights_sha256 = "other", 48, "22"


EMBEDDERS = {one.name: one for one in (Embedder, OtherEmbedder)}


class TextEncoder:
    """Texts of the same words have equal embeddings, others nearly orthogonal ones."""

    name, dim, weights_sha256 = "pretend", 16, "11"

    def covers(self, text: str) -> bool:
        return any(letter.isalnum() for letter in text)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        rows = np.empty((len(texts), self.dim), np.float32)
        for i, text in enumerate(texts):
            digest = hashlib.sha256(" ".join(text.split()).encode()).digest()
            rows[i] = np.random.default_rng(list(digest)).normal(size=self.dim)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def embedding(word: str, embedder: Embedder | None = None) -> Embeddings:
    """(1, D) of one word."""
    return (embedder or Embedder()).embed(_crop(word)[None])


def _crops(words: Sequence[str]) -> np.ndarray:
    return np.array([_crop(word) for word in words], np.uint8).reshape(-1, CROP_PX, CROP_PX, 3)


def _crop(word: str) -> np.ndarray:
    digest = hashlib.sha384(word.encode()).digest()
    return np.frombuffer(digest, np.uint8).reshape(CROP_PX, CROP_PX, 3)
