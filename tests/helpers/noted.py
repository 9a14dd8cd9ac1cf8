"""A collection of ten short texts and nothing else, one of them with words that no other has."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pretend
from numpy.testing import assert_array_equal

from retrieve.indexes.building.storing import Report
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.upkeep import deletion
from retrieve.indexes.upkeep.check import check
from retrieve.text.stemming import stems

DIM_BYTES = pretend.TextEncoder.dim * 4
SECRET = "La clínica de Xilofonte guarda el historial de Wenceslada Quijórnez desde el año pasado."


def write_notes(folder: Path) -> Path:
    """The texts: 0.txt to 8.txt of a wedding, and secret.txt."""
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.txt").write_text(f"La boda número {i} fue en Zaragoza.")
    (folder / "secret.txt").write_text(SECRET)
    return folder


@contextmanager
def opened(path: Path, notes: Path) -> Iterator[Collection]:
    """A new collection of them."""
    with open_collection(path, create=True) as collection:
        collection.texts.use(pretend.TextEncoder())
        index(collection, notes)
        yield collection


def index(collection: Collection, folder: Path) -> Report:
    """As Collection.index() does where no photo is there, in this process."""
    return collection.update([folder], pretend.extractor, photos=False)


def all_bytes(folder: Path) -> bytes:
    """Of all files; read by another process for SQLite's locks."""
    return subprocess.run(
        ["find", str(folder), "-type", "f", "-exec", "cat", "{}", "+"],
        capture_output=True,
        check=True,
    ).stdout


def parts(text: str) -> list[bytes]:
    """Of a text, its stems and its embedding; of rare words what no other one begins with."""
    row = pretend.TextEncoder().embed([text])[0].tobytes()
    rare = [stem.encode() for stem in stems(text) if len(stem) > 7]
    assert len(rare) == 3
    said = [text.encode()[:40], " ".join(stems(text)).encode(), row, row[:32]]
    return said + [stem[3:] for stem in rare]


def vectors_right(collection: Collection) -> int:
    """How many passages there are, after comparing each with its embedding."""
    gallery = collection.texts.vectors.gallery()
    stored = collection.texts.passages.at(range(len(gallery)))
    for row, one in stored.items():
        assert_array_equal(gallery[row], pretend.TextEncoder().embed([one.passage.text])[0])
    return len(stored)


def found(collection: Collection, query: str, mode: Mode = Mode.BM25) -> list[str]:
    """Names of the files that a search finds."""
    return sorted(hit.path.name for hit in collection.search_texts(query, mode=mode))


def told(collection: Collection) -> list[str]:
    """What checking finds."""
    return [finding.what for finding in check(collection)]


def forget_and_die(collection: Collection, path: Path) -> None:
    """What a process does that is killed when its transaction is committed."""
    with writing(collection.db):
        deletion.remove(collection, deletion.chosen(collection.db, paths=[path]))
