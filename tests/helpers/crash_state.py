"""What a collection holds, read past our own code, in a form that runs can be compared by.

Read with SQLite and from the vector file's bytes, so that a mistake in indexes/ is not
repeated here. Vectors are judged by the word that a pretend photo is made of.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pretend

from indexes.check import check
from indexes.collection import Collection, open_collection
from retrieval.types import Embeddings

K = 8  # hits asked for
LEFT_TO_DO = re.compile("no search index|not overwritten yet|traces of what was deleted")
SAME = 1 - 1e-5  # score of a vector with itself, in float32


@dataclass(frozen=True, slots=True)
class State:
    """Everything that has to come out equal, without ids, rows and times.

    photos  SHA-256 → whether it lives, the words of its faces in order
    paths   path → SHA-256 of the photo or why it was skipped, whether it is gone
    wrong   faces whose vector is missing or not that of their word
    """

    photos: dict[str, tuple[bool, tuple[str, ...]]]
    paths: dict[str, tuple[str, bool]]
    wrong: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps([self.photos, self.paths, self.wrong], sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> State:
        photos, paths, wrong = json.loads(text)
        return cls(
            {sha: (live, tuple(words)) for sha, (live, words) in photos.items()},
            {path: (holds, gone) for path, (holds, gone) in paths.items()},
            tuple(wrong),
        )

    @property
    def faces(self) -> int:
        return sum(len(words) for _, words in self.photos.values())

    def words(self) -> list[str]:
        """Of the faces that a search may find."""
        return sorted(word for live, words in self.photos.values() if live for word in words)

    def lacks(self, acknowledged: State, end: State) -> list[str]:
        """What was acknowledged and is not here.

        end  what will be held in the end may be so by now: the next commit may have come through
        """
        mine, then = (
            {sha: words for sha, (_, words) in state.photos.items()} for state in (self, end)
        )
        return [
            f"photo {sha[:8]} of {len(words)} faces"
            for sha, (_, words) in acknowledged.photos.items()
            if mine.get(sha) not in (words, then.get(sha))
        ] + [
            f"path {path}"
            for path, holds in acknowledged.paths.items()
            if self.paths.get(path) not in (holds, end.paths.get(path))
        ]


EMPTY = State({}, {})


def read_state(folder: Path) -> State:
    """The state of a collection that nobody writes to."""
    if not (folder / "catalog.sqlite").is_file():
        return EMPTY
    conn = sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)
    try:
        return committed_state(conn, folder)
    finally:
        conn.close()


def committed_state(conn: sqlite3.Connection, folder: Path) -> State:
    """The state that a connection sees, outside any transaction of its own."""
    ask = conn.cursor().execute  # not conn.execute, which may be watched
    ask("BEGIN")
    try:
        if not ask("SELECT 1 FROM sqlite_master WHERE name = 'faces'").fetchall():
            return EMPTY
        contents, content_id = _content_columns(ask)
        paths = {
            str(path): (sha or f"skipped: {reason}", bool(gone))
            for path, sha, reason, gone in ask(
                f"SELECT path, sha256, reason, gone FROM paths LEFT JOIN {contents} "
                f"ON {contents}.id = paths.{content_id}"
            ).fetchall()
        }
        numbered = {name for _, name, *_ in ask("PRAGMA table_info(faces)").fetchall()}
        row = "row" if "row" in numbered else "faces.id"
        rows = ask(
            f"SELECT sha256, live, number, jpeg, {row} FROM {contents} "
            f"LEFT JOIN faces ON faces.{content_id} = {contents}.id "
            "LEFT JOIN crops ON crops.face_id = faces.id ORDER BY sha256, number"
        ).fetchall()
        stored = _vectors(ask("SELECT * FROM spaces WHERE name = 'faces'"), folder)
    finally:
        ask("COMMIT")
    photos: dict[str, tuple[bool, tuple[str, ...]]] = {}
    wrong = []
    used: set[int] = set()
    for sha, live, number, jpeg, row in rows:
        _, words = photos.get(sha, (True, ()))
        if number is None:
            photos[sha] = (bool(live), words)
            continue
        word = jpeg.decode() if jpeg is not None else ""
        photos[sha] = (bool(live), (*words, word))
        if row in used or row >= len(stored) or not np.array_equal(stored[row], embedding(word)):
            wrong.append(f"{word or sha} in row {row}")
        used.add(row)
    return State(photos, paths, tuple(wrong))


def _content_columns(ask: Callable[..., sqlite3.Cursor]) -> tuple[str, str]:
    """What the table of contents and references to it are called: formats 1 and 2 knew photos."""
    old = ask("SELECT 1 FROM sqlite_master WHERE name = 'photos'").fetchall()
    return ("photos", "photo_id") if old else ("contents", "content_id")


def _vectors(spaces: sqlite3.Cursor, folder: Path) -> Embeddings:
    """As many rows as are committed and there."""
    values = spaces.fetchone()
    if values is None:
        return np.empty((0, 1), np.float32)
    space = dict(zip((column[0] for column in spaces.description), values, strict=True))
    generation = space.get("generation", 0)
    path = folder / (f"faces.{generation}.f32" if generation else "faces.f32")
    data = path.read_bytes() if path.exists() else b""
    whole = min(space["rows"], len(data) // (4 * space["dim"]))
    return np.frombuffer(data, "<f4", whole * space["dim"]).reshape(whole, space["dim"])


def damage(folder: Path, *, finished: bool = True) -> list[str]:
    """What is broken in itself: the catalog, checksums, the cached index, rows of nobody.

    finished  dead rows are overwritten; else the overwriting may have been stopped midway
    """
    conn = sqlite3.connect(folder / "catalog.sqlite")
    ask = conn.execute
    try:
        broken = [f"integrity: {row[0]}" for row in ask("PRAGMA integrity_check")]
        broken.remove("integrity: ok")
        broken += [f"reference: {row}" for row in ask("PRAGMA foreign_key_check")]
        if ask("SELECT 1 FROM sqlite_master WHERE name = 'segments'").fetchone():
            vectors = _vectors(ask("SELECT * FROM spaces WHERE name = 'faces'"), folder)
            segments = ask(
                "SELECT first, rows, crc FROM segments WHERE space = 'faces' ORDER BY first"
            ).fetchall()
            dead = dict(ask("SELECT row, wiped FROM dead WHERE space = 'faces'").fetchall())
            items = [row for (row,) in ask("SELECT row FROM faces")]
            broken += _rows_damage(vectors, segments, dead, items, finished)
            for name, sha256 in ask("SELECT name, sha256 FROM caches"):
                path = folder / "cache" / name
                held = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"
                if held != sha256:
                    broken.append(f"index: {name} was recorded and is {held[:8]}")
    finally:
        conn.close()
    return broken


def findings(folder: Path, *, finished: bool = True) -> list[str]:
    """What our own check says; unless finished, without what the next writer does or removes."""
    with open_collection(folder) as collection:
        found = check(collection)
    if not finished:
        found = [each for each in found if each.wrong and not LEFT_TO_DO.search(each.what)]
    return [f"check: {each.what}" for each in found]


def _rows_damage(
    vectors: Embeddings,
    segments: list[tuple[int, int, int]],
    dead: dict[int, int],
    items: list[int],
    finished: bool,
) -> list[str]:
    signed = sum(rows for _, rows, _ in segments)
    broken = [] if signed == len(vectors) else [f"{signed} of {len(vectors)} rows are signed"]
    dying = [row for row, wiped in dead.items() if not wiped and not finished]
    for first, rows, crc in segments:
        if any(first <= row < first + rows for row in dying):
            continue  # signed anew when that is done
        if zlib.crc32(vectors[first : first + rows].tobytes()) != crc:
            broken.append(f"checksum of rows {first} to {first + rows}")
    if sorted([*dead, *items]) != list(range(len(vectors))):
        broken.append(f"{len(vectors)} rows, {len(items)} items and {len(dead)} dead")
    for row in dead.keys() - dying:
        if vectors[row].any():
            broken.append(f"dead row {row} is not overwritten")
    return broken


def misfound(folder: Path, state: State) -> list[str]:
    """What searching for every word finds too much, too little or with a wrong score."""
    words = state.words()
    if not words:
        return []
    gone = {path for path, (_, gone) in state.paths.items() if gone}
    with open_collection(folder) as collection:
        found, wrong = search(collection, sorted(set(words)))
    for word, paths in found.items():
        if len(paths) != min(K, words.count(word)):
            wrong.append(f"{word} is found {len(paths)} times, not {words.count(word)}")
        wrong += [f"{word} is found at {path}, which is gone" for path in gone.intersection(paths)]
    return wrong


def search(collection: Collection, words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Search for words: the paths at which each is found itself, and every wrong score."""
    found: dict[str, list[str]] = {}
    wrong = []
    for word, hits in zip(words, collection.nearest(embeddings(words), k=K), strict=True):
        found[word] = [str(hit.path) for hit in hits if hit.score >= SAME]
        for hit in hits:
            held = collection.crop(hit).decode()
            if abs(hit.score - float(embedding(word) @ embedding(held))) > 1e-5:
                wrong.append(f"{word} finds {held} with the score {hit.score}")
    return found, wrong


@cache
def embedding(word: str) -> Embeddings:
    """(D,) of one word."""
    return pretend.embedding(word)[0]


def embeddings(words: Iterable[str]) -> Embeddings:
    """(N, D), a row a word."""
    return np.array([embedding(word) for word in words], np.float32)
