"""A small collection, what can happen to its files, and what commands make of it.

Each trial damages a copy in one way and runs commands on it in this process: an answer that
differs has to be refused, or check has to tell; none may end in a traceback, hang or write outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pretend_cli
import small
from PIL import Image

from retrieve.cli import app
from retrieve.indexes.building import workers
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import add_person
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.search import ann

PAGE = 4096
LIMIT_S = 30  # a command takes .1 s
PHOTOS = {
    "album/one.jpg": "ana",
    "album/group.jpg": "ana2 eva luis",
    "album/more.jpg": " ".join(f"face{i}" for i in range(60)),
    "album/again.jpg": "ana luis2 eva2 guest",
    "album/sea.jpg": "",
    "album/bad.jpg": "bad",
    "album/gone.jpg": "away",
    "album/private.jpg": "nobody",
}
TEXTS = {
    "letters/boda.md": "# La boda\n\nUna carta sobre la boda de Rosario y Blas en Zaragoza.",
    "letters/pan.txt": "El pan se hacía en el horno de la plaza cada sábado por la mañana.",
    "letters/rio.md": "# El río\n\nAquel invierno el río se desbordó y llegó hasta la iglesia.",
}
NAMES = {"P1": "ana", "Luís Núñez": "luis"}

Damage = Callable[[Path], None]  # of a collection in a folder
Named = tuple[str, Damage]

# What is asked, and has the same answer as long as nothing is damaged.
READING = (
    ("search", "--face-id", "1", "--threshold", "-1", "-k", "80", "--json"),
    ("search", "boda en Zaragoza", "--json"),
    ("search", "--text", "P1", "--json"),
    ("people", "--all", "--json"),
)
PEOPLE = (
    ("history", "--json"),
    ("together", "P1", "Luís Núñez", "--json"),
    ("graph", "--all", "--json"),
    ("review", "--json"),
)
WRITING = (("index",), ("forget", "--yes"), ("repair",), ("compact",))


@dataclass(slots=True)
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str
    traceback: str = ""
    hung: bool = False


@dataclass(slots=True)
class Trial:
    """What came of one damage.

    changed   commands that answered otherwise
    told      of these, those that said so, and exited with 1
    by_check  check exited with 1
    repaired  repair made all answers as they were, and check has nothing to say any more
    failures  what must not be
    """

    name: str
    changed: int = 0
    told: int = 0
    by_check: bool = False
    repaired: bool | None = None
    failures: list[str] = field(default_factory=list)


class Impossible(Exception):
    """A damage that cannot be made this way."""


class _Late(BaseException):
    """Not an Exception, so that nobody takes it for an error of his."""


class Ground:
    """A whole collection, its answers, and a place where copies of it are damaged."""

    def __init__(
        self, folder: Path, questions: Sequence[tuple[str, ...]] = (*READING, *PEOPLE)
    ) -> None:
        pretend_cli.replace_networks()
        # In this process: what a worker reads is not what is tried here.
        workers.run = _run  # type: ignore[assignment]
        ann.EXACT_BYTES = 4000  # so that there is an index
        self.photos, self.whole = folder / "photos", folder / "whole"
        self.collection, self.outside = folder / "collection", folder / "outside"
        self._make()
        self.reset()
        self.answers = {question: self.run(*question) for question in questions}
        for question, said in self.answers.items():
            assert said.code == 0, (question, said)
        said = self.run("check")
        assert said.code == 0, said

    def _make(self) -> None:
        for name, words in {**PHOTOS, **TEXTS}.items():
            (self.photos / name).parent.mkdir(parents=True, exist_ok=True)
            (self.photos / name).write_text(words)
        made = self.command("index", str(self.photos), "--collection", str(self.whole))
        assert made.code == 0, made
        private = self.photos / "album/private.jpg"
        forgotten = self.command("forget", "--yes", str(private), "--collection", str(self.whole))
        assert forgotten.code == 0, forgotten
        private.unlink()
        (self.photos / "album/gone.jpg").unlink()
        again = self.command("index", str(self.photos), "--collection", str(self.whole))
        assert again.code == 0, again
        with open_collection(self.whole) as opened, writing(opened.db):
            _say(opened)
            for (id,) in opened.db.execute("SELECT face_id FROM crops").fetchall():
                opened.db.execute("UPDATE crops SET jpeg = ? WHERE face_id = ?", [_jpeg(id), id])
            opened.db.execute(
                "UPDATE contents SET taken_at = '2019-07-0' || id, latitude = 41.5 + id, "
                "longitude = -0.9 WHERE kind = 'photo'"
            )

    def reset(self) -> None:
        """The whole collection in its place, and nothing outside but one file."""
        for folder in (self.collection, self.outside):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.whole, self.collection)
        self.outside.mkdir()
        (self.outside / "treasure").write_bytes(b"not ours" * 4096)
        self._before = self._seen()

    def files(self) -> list[Path]:
        """Of a collection, from its folder on."""
        every = sorted(path for path in self.whole.rglob("*") if path.is_file())
        return [path.relative_to(self.whole) for path in every]

    def run(self, name: str, *arguments: str) -> Said:
        """A command at the collection."""
        more: tuple[str, ...] = {
            "index": (str(self.photos),),
            "forget": (str(self.photos / "album/one.jpg"),),
        }.get(name, ())
        return self.command(name, *arguments, *more, "--collection", str(self.collection))

    def trial(self, name: str, damage: Damage, *, write: bool = False) -> Trial:
        """Damage a copy and ask it everything; then mend it, or with write change it."""
        self.reset()
        trial = Trial(name)
        damage(self.collection)
        self._before = self._seen()
        silent = []
        for question, right in self.answers.items():
            said = self._judged(trial, question)
            if (said.code, said.out) == (right.code, right.out):
                continue
            trial.changed += 1
            if said.code and said.err:
                trial.told += 1
            else:
                silent.append(" ".join(question))
        check = self._judged(trial, ("check",))
        trial.by_check = check.code != 0
        if silent and not trial.by_check:
            trial.failures += [f"answered otherwise without a word: {one}" for one in silent]
        for command in WRITING if write else (("repair",),):
            self._judged(trial, command)
        if not write:
            self._look_again(trial)
        if self._seen() != self._before:
            trial.failures.append("wrote outside")
        return trial

    def _look_again(self, trial: Trial) -> None:
        """What was repaired is right, or known to be damaged still."""
        healthy = self._judged(trial, ("check",)).code == 0
        other = []
        for question, right in self.answers.items():
            said = self._judged(trial, question)
            if (said.code, said.out) != (right.code, right.out):
                other.append(f"{' '.join(question)} ({said.err.strip() or 'another answer'})")
        if trial.changed or trial.by_check:
            trial.repaired = healthy and not other
        if healthy:
            trial.failures += [f"repaired to something else without a word: {one}" for one in other]

    def _judged(self, trial: Trial, command: tuple[str, ...]) -> Said:
        said = self.run(*command)
        if said.traceback:
            trial.failures.append(f"{command[0]} ended with {said.traceback}")
        if said.hung:
            trial.failures.append(f"{command[0]} hung")
        return said

    def _seen(self) -> dict[str, bytes]:
        """All that lies outside, in bytes, but what a trial itself put there."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).digest()
            for path in sorted(self.outside.rglob("*"))
            if path.is_file()
        }

    def command(self, *arguments: str) -> Said:
        out, err, before = io.StringIO(), io.StringIO(), sys.argv
        said = Said(0, "", "")

        def late(*_: object) -> None:
            raise _Late

        handler = signal.signal(signal.SIGALRM, late)
        sys.argv = ["retrieve", *arguments]
        signal.alarm(LIMIT_S)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                app.main()
        except SystemExit as end:
            said.code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except _Late:
            said.hung = True
        except Exception as error:
            said.traceback = f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, handler)
            sys.argv = before
        said.out, said.err = out.getvalue(), err.getvalue()
        return said


def _run(
    open_work: Callable[[], Callable[[Path], object]],
    sources: Iterator[tuple[object, Path]],
    **_: object,
) -> Iterator[tuple[object, object]]:
    work = open_work()
    for key, path in sources:
        yield key, workers.attempted(work, path)


def _jpeg(seed: int) -> bytes:
    """A small picture, another one for each face."""
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _say(opened: Collection) -> None:
    """Names, and every other kind of thing that people say; two that may be one."""
    db = opened.db
    for name, word in NAMES.items():
        statements.say_name(db, name, [small.face_of(opened, word)])
    one, other, another, nobody = (small.face_of(opened, f"face{i}") for i in range(4))
    persons = [add_person(db) for _ in range(3)]
    for person, face in zip(persons, (one, other, another), strict=True):
        db.execute("UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?", [person, face])
    statements.say_not_same(db, *persons[:2])
    statements.say_ignore(db, person_ids=persons[2:])
    statements.say_not_a_face(db, [nobody])
    statements.say_regions(db, {small.face_of(opened, "guest"): "Max"})
    statements.say_name(db, "Zoe", [small.face_of(opened, "face4")])
    statements.undo(db)
    db.execute(
        "INSERT INTO suggestions (person_id, other_id, score) VALUES (1, ?, 0.7)", persons[:1]
    )
    db.execute(
        "INSERT INTO suggestions (person_id, other_id, score) VALUES (2, ?, 0.6)", persons[:1]
    )


# Damages: each takes the collection's folder


def flip(file: Path, offset: int, bit: int) -> Damage:
    """One bit of a file."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / file).read_bytes())
        data[offset] ^= 1 << bit
        (folder / file).write_bytes(data)

    return damage


def overwrite(file: Path, page: int, filling: bytes) -> Damage:
    """A page of 4 kB of a file."""

    def damage(folder: Path) -> None:
        size = (folder / file).stat().st_size
        with (folder / file).open("r+b") as opened:
            opened.seek(page * PAGE)
            opened.write(filling[: size - page * PAGE])

    return damage


def cell(table: str, column: str, key: object, value: object, rows: str = "rowid") -> Damage:
    """A value of the catalog, changed behind our back, of the row whose column `rows` is `key`."""

    def damage(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)) as conn:
            conn.create_function("row_sum", -1, lambda *_: 1, deterministic=True)  # signs nothing
            try:
                conn.execute(f"UPDATE {table} SET {column} = ? WHERE {rows} = ?", [value, key])
            except sqlite3.IntegrityError as error:  # SQL does not do it, a disk may
                raise Impossible from error
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    return damage


def bits_of_cells(ground: Ground, rng: random.Random) -> Iterator[Named]:
    """One bit in each column of each table, of some row: by SQL, its indexes following."""
    with closing(sqlite3.connect(ground.whole / "catalog.sqlite")) as conn:
        others = ("segments", "caches", "dead", *(f"sums_{table}" for table in sums.SIGNED))
        for table in (*sums.SIGNED, *others):
            rows = {"segments": "first", "dead": "row"}.get(table, "rowid")
            for _, column, *_ in conn.execute(f"PRAGMA table_info({table})").fetchall():
                found = conn.execute(
                    f"SELECT {rows}, {column} FROM {table} WHERE {column} IS NOT NULL"
                ).fetchall()
                if not found:
                    continue
                key, value = rng.choice(found)
                changed = _turned(value, rng)
                yield f"bit of {table}.{column}", cell(table, column, key, changed, rows)


def _turned(value: object, rng: random.Random) -> object:
    """A value with another bit; text stays text."""
    if isinstance(value, int):
        return value ^ (1 << rng.randrange(3))
    if isinstance(value, float):
        data = bytearray(np.float64(value).tobytes())
        data[rng.randrange(5, 8)] ^= 1 << rng.randrange(4)
        return float(np.frombuffer(bytes(data), np.float64)[0])
    data = bytearray(value.encode() if isinstance(value, str) else bytes(value))  # type: ignore[call-overload]
    if not data:
        return "x"
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(2)
    return data.decode("utf-8", "replace") if isinstance(value, str) else bytes(data)


def bits_of_content(ground: Ground, rng: random.Random) -> Iterator[Named]:
    """One bit of a text or blob where it lies in the catalog's file."""
    data = (ground.whole / "catalog.sqlite").read_bytes()
    with closing(sqlite3.connect(ground.whole / "catalog.sqlite")) as conn:
        for table in (*sums.SIGNED, "segments", "caches", "stems_content", "stems_data"):
            for _, column, *_ in conn.execute(f"PRAGMA table_info({table})").fetchall():
                values = [v for (v,) in conn.execute(f"SELECT {column} FROM {table}")]
                raw = [v.encode() if isinstance(v, str) else v for v in values]
                known = [v for v in raw if isinstance(v, bytes) and 4 <= len(v) < PAGE // 2]
                for value in rng.sample(known, min(2, len(known))):
                    place = data.find(value)
                    if place >= 0:
                        at = place + rng.randrange(len(value))
                        yield (
                            f"bit in the file of {table}.{column}",
                            flip(Path("catalog.sqlite"), at, rng.randrange(8)),
                        )


def bits_anywhere(ground: Ground, rng: random.Random, each: int) -> Iterator[Named]:
    """Single bits anywhere in each file."""
    for file in ground.files():
        size = (ground.whole / file).stat().st_size
        for _ in range(each * 3 if file.name == "catalog.sqlite" else each):
            at = rng.randrange(size)
            yield f"bit {at} of {file}", flip(file, at, rng.randrange(8))


def pages(ground: Ground, rng: random.Random) -> Iterator[Named]:
    """Every page of each file: other bytes, zeros, another page of the same file."""
    for file in ground.files():
        data = (ground.whole / file).read_bytes()
        for page in range(-(-len(data) // PAGE)):
            other = rng.randrange(-(-len(data) // PAGE)) * PAGE
            for name, filling in (
                ("noise", rng.randbytes(PAGE)),
                ("zeros", bytes(PAGE)),
                ("another", data[other : other + PAGE].ljust(PAGE, b"\0")),
            ):
                yield f"page {page} of {file}: {name}", overwrite(file, page, filling)


def places(ground: Ground) -> Iterator[Named]:
    """Links, pipes, folders, sockets, cut and missing files, in the place of every file."""
    every = [*ground.files(), Path("cache"), *(Path(f"catalog.sqlite{e}") for e in ENDS)]
    for file in every:
        for name, put in PUT.items():
            yield f"{name} as {file}", partial(_put, put, file, ground.outside)


ENDS = ("-wal", "-shm", "-journal")


def _put(put: Callable[[Path, Path], None], file: Path, outside: Path, folder: Path) -> None:
    put(folder / file, outside)


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link_to_copy(path: Path, outside: Path) -> None:
    aim = outside / "copy"
    if path.is_dir():
        shutil.copytree(path, aim)
    else:
        aim.write_bytes(path.read_bytes() if path.exists() else b"")
    _clear(path)
    path.symlink_to(aim)


def _link_to_treasure(path: Path, outside: Path) -> None:
    _clear(path)
    path.symlink_to(outside / "treasure")


def _link_to_nothing(path: Path, outside: Path) -> None:
    _clear(path)
    path.symlink_to(outside / "nothing")


def _hard_link(path: Path, outside: Path) -> None:
    if not path.is_dir():
        data = path.read_bytes() if path.exists() else b""
        (outside / "other name").write_bytes(data)
        _clear(path)
        path.hardlink_to(outside / "other name")


def _pipe(path: Path, outside: Path) -> None:
    _clear(path)
    os.mkfifo(path, 0o600)


def _folder(path: Path, outside: Path) -> None:
    _clear(path)
    path.mkdir(0o700)


def _socket(path: Path, outside: Path) -> None:
    _clear(path)
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _half(path: Path, outside: Path) -> None:
    if path.is_file():
        os.truncate(path, path.stat().st_size // 2)


def _odd(path: Path, outside: Path) -> None:
    if path.is_file():
        os.truncate(path, max(0, path.stat().st_size - 3))


def _empty(path: Path, outside: Path) -> None:
    if path.is_file():
        os.truncate(path, 0)


def _missing(path: Path, outside: Path) -> None:
    _clear(path)


PUT: dict[str, Callable[[Path, Path], None]] = {
    "link to a copy": _link_to_copy,
    "link to another file": _link_to_treasure,
    "link to nothing": _link_to_nothing,
    "hard link": _hard_link,
    "pipe": _pipe,
    "folder": _folder,
    "socket": _socket,
    "half": _half,
    "three bytes less": _odd,
    "nothing in it": _empty,
    "missing": _missing,
}
