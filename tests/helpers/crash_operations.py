"""The operations that are stopped at every point: what stands before, and what is done."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretend

from indexes import ann, fastscan
from indexes.collection import open_collection

FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"


@dataclass(frozen=True, slots=True)
class Operation:
    """A change of a collection.

    prepare  (photos, collection) makes what stands before: files, and a collection or none
    run      (photos, collection) does it, from opening to closing
    finish   what a user does after a crash; None is to run it again
    set_up   for the whole process
    threads  change files too, so that the number of calls is not the same each time
    """

    prepare: Callable[[Path, Path], None]
    run: Callable[[Path, Path], None]
    finish: Callable[[Path, Path], None] | None = None
    set_up: Callable[[], None] | None = None
    threads: bool = False


def _index(photos: Path, collection: Path) -> None:
    with open_collection(collection, create=True) as opened:
        opened.index([photos])


def _first_photos(photos: Path, _: Path) -> None:
    photos.mkdir()
    for i in range(11):
        (photos / f"{i:02}.jpg").write_text(" ".join(f"face{i}-{j}" for j in range(i % 4)))
    (photos / "bad.jpg").write_text("bad")


def _changed_photos(photos: Path, collection: Path) -> None:
    """A collection, and files that are new, moved, doubled, changed, gone and back."""
    _first_photos(photos, collection)
    (photos / "away.jpg").write_text("away")
    _index(photos, collection)
    (photos / "away.jpg").rename(photos.parent / "away.jpg")
    _index(photos, collection)
    (photos.parent / "away.jpg").rename(photos / "away.jpg")
    (photos / "01.jpg").rename(photos / "moved.jpg")
    shutil.copy(photos / "02.jpg", photos / "double.jpg")
    (photos / "03.jpg").write_text("other content")
    (photos / "05.jpg").unlink()
    (photos / "bad.jpg").write_text("mended")
    for i in range(6):
        (photos / f"new{i}.jpg").write_text(f"new{i} with{i}")
    (photos / "new-bad.jpg").write_text("bad")


def _many_photos(photos: Path, collection: Path) -> None:
    """A collection with an index, and as many new photos as make it fall behind twice."""
    photos.mkdir()
    _add(photos, range(10))
    _index(photos, collection)
    _add(photos, range(10, 26))


def _add(photos: Path, numbers: range) -> None:
    for i in numbers:
        (photos / f"{i:02}.jpg").write_text(f"face{i} other{i}")


def _index_early() -> None:
    """An index is wanted above 16 rows, the fewest that FAISS can be trained with."""
    ann.EXACT_BYTES = fastscan.FEWEST_ROWS * pretend.Embedder.dim * 4


def _format_1(_: Path, collection: Path) -> None:
    """The kept collection of format 1, its faces made pretend ones."""
    shutil.copytree(FORMAT_1, collection)
    conn = sqlite3.connect(collection / "catalog.sqlite", isolation_level=None)
    ids = [id for (id,) in conn.execute("SELECT id FROM faces ORDER BY id")]
    words = [f"face{id}" for id in ids]
    conn.executemany(
        "UPDATE crops SET jpeg = ? WHERE face_id = ?",
        [(word.encode(), id) for word, id in zip(words, ids, strict=True)],
    )
    conn.execute(
        "UPDATE spaces SET detector = 'pretend', detector_sha256 = '00', "
        "embedder = 'pretend', embedder_sha256 = '00', dim = ?",
        [pretend.Embedder.dim],
    )
    conn.close()
    stored = np.concatenate([pretend.embedding(word) for word in words])
    (collection / "faces.f32").write_bytes(stored.astype("<f4").tobytes())


def _open(_: Path, collection: Path) -> None:
    open_collection(collection).close()


OPERATIONS = {
    "fresh": Operation(_first_photos, _index),
    "grow": Operation(_changed_photos, _index),
    "indexed": Operation(_many_photos, _index, set_up=_index_early, threads=True),
    "migrate": Operation(_format_1, _open),
}
