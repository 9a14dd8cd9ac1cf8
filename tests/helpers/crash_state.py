"""What a collection holds, read past our own code, in a form that runs can be compared by.

Read with SQLite and from the vector files' bytes, so that a mistake in indexes/ is not
repeated here. Vectors are judged by the word that a pretend photo is made of, and by the text
of a passage; the index of words by the stems of that text.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pretend

from retrieve.indexes.catalog.filters import PASSAGES, findable
from retrieve.indexes.catalog.passages import CALLED
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.upkeep.check import check
from retrieve.text.stemming import stems
from retrieve.types import Embeddings

K = 8  # hits asked for
LEFT_TO_DO = re.compile("no search index|not overwritten yet|traces of what was deleted")
LINE = "line "  # of the log, in State.people
SAME = 1 - 1e-5  # score of a vector with itself, in float32


@dataclass(frozen=True, slots=True)
class State:
    """Everything that has to come out equal, without ids, rows and times.

    photos    SHA-256 → whether it lives, the words of its faces in order; of texts, none
    paths     path → SHA-256 of what it holds or why it was skipped, whether it is gone
    passages  SHA-256 of a text, or path of a photo, → what it says in order: the place, kind
              and title of each passage, and its text
    wrong     faces and passages whose vector is missing or not that of their word or text, and
              passages whose entry in the index of words is
    embedder  of the faces
    people    which face is the first of each face's person, their name and who says so, and each
              line of what was said
    hidden    words of what was said to be no face
    """

    photos: dict[str, tuple[bool, tuple[str, ...]]]
    paths: dict[str, tuple[str, bool]]
    passages: dict[str, tuple[tuple[str, str], ...]]
    wrong: tuple[str, ...] = ()
    embedder: str = ""
    people: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def to_json(self) -> str:
        values = [
            *(self.photos, self.paths, self.passages, self.wrong, self.embedder),
            *(self.people, self.hidden),
        ]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> State:
        photos, paths, passages, wrong, embedder, people, hidden = json.loads(text)
        return cls(
            {sha: (live, tuple(words)) for sha, (live, words) in photos.items()},
            {path: (holds, gone) for path, (holds, gone) in paths.items()},
            {of: tuple((place, text) for place, text in said) for of, said in passages.items()},
            tuple(wrong),
            embedder,
            tuple(people),
            tuple(hidden),
        )

    @property
    def items(self) -> int:
        """How many faces and passages there are."""
        return sum(len(words) for _, words in self.photos.values()) + sum(
            map(len, self.passages.values())
        )

    def words(self) -> list[str]:
        """Of the faces that a search may find."""
        every = [word for live, words in self.photos.values() if live for word in words]
        return sorted(word for word in every if word not in self.hidden)

    def texts(self) -> list[str]:
        """Of the passages that a search may find."""
        return sorted(
            text
            for of, said in self.passages.items()
            if (not self.paths[of][1] if of in self.paths else self.photos[of][0])
            for _, text in said
        )

    def lacks(self, acknowledged: State, end: State) -> list[str]:
        """What was acknowledged and is not here.

        end  what will be held in the end may be so by now: the next commit may have come through
        """
        mine, then = (
            {sha: words for sha, (_, words) in state.photos.items()} for state in (self, end)
        )
        return [
            *(
                f"photo {sha[:8]} of {len(words)} faces"
                for sha, (_, words) in acknowledged.photos.items()
                if mine.get(sha) not in (words, then.get(sha))
            ),
            *(
                f"path {path}"
                for path, holds in acknowledged.paths.items()
                if self.paths.get(path) not in (holds, end.paths.get(path))
            ),
            *(
                f"{len(said)} passages of {of}"
                for of, said in acknowledged.passages.items()
                if self.passages.get(of) not in (said, end.passages.get(of))
            ),
            *(
                f"what was said: {line}"
                for line in acknowledged.people
                if line.startswith(LINE) and line not in self.people and line in end.people
            ),
        ]


EMPTY = State({}, {}, {})


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
        stored = _vectors(ask, folder, "faces")
        embedder = _embedder(ask)
        people, hidden = _people(ask)
        passages, misheld = _passages(ask, folder)
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
        word = pretend.said(jpeg) if jpeg is not None else ""
        photos[sha] = (bool(live), (*words, word))
        if row in used or row >= len(stored) or not _same(stored[row], word, embedder):
            wrong.append(f"{word or sha} in row {row}")
        used.add(row)
    return State(photos, paths, passages, (*wrong, *misheld), embedder, people, hidden)


def _people(ask: Callable[..., sqlite3.Cursor]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """State.people and hidden; formats before 8 knew names alone, which become statements."""
    if not ask("SELECT 1 FROM sqlite_master WHERE name = 'statements'").fetchall():
        return (), ()
    hidden = ask("SELECT jpeg FROM crops JOIN faces ON faces.id = face_id WHERE not_a_face")
    words = tuple(pretend.said(jpeg) for (jpeg,) in hidden.fetchall())
    lines = ask("SELECT id, kind, name, faces, others, undoes FROM statements ORDER BY id")
    faces = ask(
        "SELECT sha256, number, person_id, name, ignored, by, not_a_face FROM faces "
        "JOIN contents ON contents.id = content_id "
        "LEFT JOIN persons ON persons.id = person_id "
        "WHERE person_id IS NOT NULL OR not_a_face ORDER BY sha256, number"
    )
    first: dict[int | None, str] = {None: ""}  # face of each person, which tells them apart
    people = [f"{LINE}{line}" for line in lines.fetchall()]
    for sha, number, person, *place in faces.fetchall():
        face = f"{sha[:12]}:{number}"
        people.append(f"{face} as {first.setdefault(person, face)} {place}")
    return tuple(people), words


def _same(vector: Embeddings, word: str, embedder: str) -> bool:
    return np.array_equal(vector, embedding(word, embedder))


def _embedder(ask: Callable[..., sqlite3.Cursor]) -> str:
    """The embedder behind the faces, whose name is a column in format 1; empty without faces."""
    spaces = ask("SELECT * FROM spaces WHERE name = 'faces'")
    values = spaces.fetchone()
    if values is None:
        return ""
    space = dict(zip((column[0] for column in spaces.description), values, strict=True))
    return space.get("embedder") or json.loads(space["made_by"])["embedder"]


def _passages(
    ask: Callable[..., sqlite3.Cursor], folder: Path
) -> tuple[dict[str, tuple[tuple[str, str], ...]], list[str]]:
    """State.passages, and what is wrong with them."""
    if not ask("SELECT 1 FROM sqlite_master WHERE name = 'passages'").fetchall():
        return {}, []
    stored = _vectors(ask, folder, "passages")
    named = ask("SELECT 1 FROM pragma_table_info('paths') WHERE name = 'names'").fetchall()
    called = CALLED if named else "contents.title"
    said: dict[str, tuple[tuple[str, str], ...]] = {}
    wrong, used = [], set()
    for of, row, document, heading, kind, text, entered, body, *place in ask(
        f"SELECT coalesce(path, sha256), row, {called}, passages.title, passages.kind, text, "
        "stems.title, body, page, line, record, time_s, number FROM passages "
        "JOIN contents ON contents.id = passages.content_id "
        "LEFT JOIN paths ON paths.id = passages.path_id "
        "LEFT JOIN stems ON stems.rowid = passages.id ORDER BY number, passages.id"
    ).fetchall():
        said[str(of)] = (*said.get(str(of), ()), (f"{kind} {place} {heading}", text))
        if row in used or row >= len(stored) or not np.array_equal(stored[row], meaning(text)):
            wrong.append(f"{text[:30]} in row {row}")
        titles = dict.fromkeys(part for part in (document, heading) if part)
        if (entered, body) != (" ".join(stems(" ".join(titles))), " ".join(stems(text))):
            wrong.append(f"words of {text[:30]}")
        used.add(row)
    return said, wrong


def _content_columns(ask: Callable[..., sqlite3.Cursor]) -> tuple[str, str]:
    """What the table of contents and references to it are called: formats 1 and 2 knew photos."""
    old = ask("SELECT 1 FROM sqlite_master WHERE name = 'photos'").fetchall()
    return ("photos", "photo_id") if old else ("contents", "content_id")


def _vectors(ask: Callable[..., sqlite3.Cursor], folder: Path, name: str) -> Embeddings:
    """As many rows of a space as are committed and there."""
    spaces = ask("SELECT * FROM spaces WHERE name = ?", [name])
    values = spaces.fetchone()
    if values is None:
        return np.empty((0, 1), np.float32)
    space = dict(zip((column[0] for column in spaces.description), values, strict=True))
    generation = space.get("generation", 0)
    path = folder / (f"{name}.{generation}.f32" if generation else f"{name}.f32")
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
            for (space,) in ask("SELECT name FROM spaces").fetchall():
                segments = ask(
                    "SELECT first, rows, crc FROM segments WHERE space = ? ORDER BY first", [space]
                ).fetchall()
                dead = ask("SELECT row, wiped FROM dead WHERE space = ?", [space]).fetchall()
                items = [row for (row,) in ask(f"SELECT row FROM {space}")]
                vectors = _vectors(ask, folder, space)
                broken += [
                    f"{space}: {each}"
                    for each in _rows_damage(vectors, segments, dict(dead), items, finished)
                ]
            for name, sha256 in ask("SELECT name, sha256 FROM caches"):
                path = folder / "cache" / name
                held = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none"
                if held != sha256:
                    broken.append(f"index: {name} was recorded and is {held[:8]}")
        if ask("SELECT 1 FROM sqlite_master WHERE name = 'stems'").fetchone():
            broken += _words_damage(ask)
    finally:
        conn.close()
    return broken


def _words_damage(ask: Callable[..., sqlite3.Cursor]) -> Iterator[str]:
    """What FTS5 says of its own tables, and entries of nobody."""
    try:
        ask("INSERT INTO stems (stems) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        yield f"index of words: {error}"
    entries = ask("SELECT rowid FROM stems ORDER BY rowid").fetchall()
    if entries != ask("SELECT id FROM passages ORDER BY id").fetchall():
        yield "the index of words holds other passages than there are"


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
    """What searching for every word and text finds too much, too little or with a wrong score."""
    words, texts = state.words(), state.texts()
    if not words and not texts:
        return []
    gone = {path for path, (_, gone) in state.paths.items() if gone}
    wrong: list[str] = []
    with open_collection(folder) as collection:
        for look, wanted in ((search, words), (search_texts, texts)):
            found, strange = look(collection, sorted(set(wanted)))
            wrong += strange
            for one, paths in found.items():
                there, short = wanted.count(one), one[:30]
                if len(paths) != min(K, there):
                    wrong.append(f"{short} is found {len(paths)} times, not {there}")
                wrong += [f"{short} is found at {path}, which is gone" for path in gone & {*paths}]
    return wrong


def search(collection: Collection, words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Search for words: the paths at which each is found itself, and every wrong score."""
    found: dict[str, list[str]] = {}
    wrong: list[str] = []
    if not words:
        return found, wrong
    embedder = collection.faces.required().made_by["embedder"]
    probes = np.array([embedding(word, embedder) for word in words], np.float32)
    for word, hits in zip(words, collection.nearest(probes, k=K), strict=True):
        found[word] = [str(hit.path) for hit in hits if hit.score >= SAME]
        for hit in hits:
            held = pretend.said(hit.picture())
            if abs(hit.score - embedding(word, embedder) @ embedding(held, embedder)) > 1e-5:
                wrong.append(f"{word} finds {held} with the score {hit.score}")
    return found, wrong


def search_texts(
    collection: Collection, texts: list[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """The same for texts: found by their meaning, and by their words as well."""
    if not texts:
        return {}, []
    passages, vectors = collection.texts.passages, collection.texts.vectors

    def look() -> tuple[dict[str, list[str]], list[str]]:
        keep = findable(collection.db, vectors.required().rows, items=PASSAGES)
        probes = np.array([meaning(text) for text in texts])
        scores, rows = collection.texts.engine.nearest(probes, K, keep=keep)
        found, wrong = {}, []
        for i, text in enumerate(texts):
            held = {row: float(score) for row, score in zip(rows[i], scores[i], strict=True)}
            stored = passages.at(int(row) for row in held if row >= 0)
            for row, one in stored.items():
                if abs(held[row] - float(meaning(text) @ meaning(one.passage.text))) > 1e-5:
                    wrong.append(f"{text[:30]} finds {one.passage.text[:30]} with {held[row]}")
            same = {row for row, one in stored.items() if one.passage.text == text}
            found[text] = [str(stored[row].path) for row in same]
            by_words = {row for row, _ in passages.matches(stems(text), 1000, keep=keep)}
            if not same <= by_words:
                wrong.append(f"{text[:30]} is not found by its words")
        return found, wrong

    return collection.opened.consistently(look)


@cache
def meaning(text: str) -> Embeddings:
    """(D,) of a passage's text."""
    return pretend.TextEncoder().embed([text])[0]


@cache
def embedding(word: str, embedder: str = pretend.Embedder.name) -> Embeddings:
    """(D,) of one word."""
    return pretend.embedding(word, pretend.EMBEDDERS[embedder]())[0]
