"""Which rows of the catalog are to go, and their deletion in one transaction.

A photo or text is a content: it goes with every path that holds it, with all its faces and
passages. What only a path says of a photo goes with the path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.paths import stored, under
from retrieve.indexes.catalog.persons import key_of, person_id
from retrieve.indexes.people import forgetting
from retrieve.indexes.people.forgetting import Rewriting
from retrieve.indexes.recognising import done
from retrieve.indexes.reembedding import staged
from retrieve.indexes.search import traces
from retrieve.indexes.vectors import resumed

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection

UNHELD = "NOT EXISTS (SELECT 1 FROM paths WHERE paths.content_id = contents.id)"
ALL_GONE = (
    "NOT EXISTS (SELECT 1 FROM paths WHERE paths.content_id = contents.id AND NOT paths.gone)"
)


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be deleted.

    contents  ids
    texts     how many of them are texts and no photos
    unheld    how many of them no path holds: what was in files that were replaced
    paths     (id, path as it is stored), of skipped files too
    copies    those of the paths that nobody named: they hold a content that goes
    faces     (id, row)
    passages  (id, row)
    pictures  (id of the content, row) of whole photos
    staged    (id, row) of the same faces where the collection moves to other networks
    persons   (id, name, key) of those of whom no face is left; without a name both are None
    said      what becomes of the log of what people said; compacting leaves it as it is
    once      names that nobody has any more, and the log knew
    """

    contents: list[int]
    texts: int
    unheld: int
    paths: list[tuple[int, str | bytes]]
    copies: list[str | bytes]
    faces: list[tuple[int, int]]
    passages: list[tuple[int, int]]
    pictures: list[tuple[int, int]]
    staged: list[tuple[int, int]]
    persons: list[tuple[int, str | None, str | None]]
    said: Rewriting
    once: list[str]

    def __bool__(self) -> bool:
        return bool(self.contents or self.paths or self.faces or self.persons or self.said)

    @property
    def names(self) -> list[str]:
        """Of the persons, and those that nobody had any more."""
        return [name for _, name, _ in self.persons if name is not None] + self.once


def chosen(
    db: Database,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
    replaced: bool = False,
) -> Doomed:
    """What goes with some paths, with all below some folders, and with the faces of persons.

    persons   names, or numbers as #7; of a name that nobody has any more what the log says of it
    replaced  what files held before they were replaced goes even if no path does; else it goes
              with paths alone, for it cannot be named any more
    raises    BadInput for a path or person that is not stored, or a folder of which nothing is;
              SharedName for a name that several have
    """
    named: dict[int, int | None] = {}
    for path in paths:
        named |= _at(db, path)
    for folder in folders:
        named |= _below(db, folder)
    contents = {content_id for content_id in named.values() if content_id is not None}
    if named or replaced:
        contents |= _ids(db, f"SELECT id FROM contents WHERE {UNHELD}")
    people: set[int] = set()
    once: list[str] = []
    for name in persons:
        if _is_nobodys(db, name) and forgetting.once_called(db, name):
            once.append(name)
        else:
            people.add(person_id(db, name))
    return _doomed(db, contents, set(named), people, once, log=True)


def unheld(db: Database, *, gone: bool = False) -> Doomed:
    """Contents that no path holds; with gone also those of whose files none is there."""
    contents = _ids(db, f"SELECT id FROM contents WHERE {ALL_GONE if gone else UNHELD}")
    paths = _ids(db, "SELECT id FROM paths WHERE gone") if gone else set()
    return _doomed(db, contents, paths, set())


def held(db: Database, sha256s: Iterable[str]) -> Doomed:
    """Contents by their checksums, with all paths that hold or held them."""
    contents = {id for (id,) in among(db, "SELECT id FROM contents WHERE sha256", sha256s)}
    return _doomed(db, contents, set(), set(), log=True)


def remove(collection: Collection, doomed: Doomed) -> None:
    """Delete it; call inside a write transaction, then traces.finish()."""
    db = collection.db
    for vectors, engine, dying in (
        (collection.faces, collection.engine, doomed.faces),
        (collection.texts.vectors, collection.texts.engine, doomed.passages),
    ):
        if dying:
            vectors.kill(row for _, row in dying)
            engine.disown()
    collection.pictures.remove(doomed.pictures)
    staged.remove(db, collection.path, doomed.staged, doomed.contents)
    if doomed.passages:
        resumed.drop(collection.path)
    forgetting.rewrite(db, doomed.said)
    collection.texts.passages.remove([id for id, _ in doomed.passages])
    done.forget(db, doomed.contents)
    faces = [[id] for id, _ in doomed.faces]
    db.conn.executemany("DELETE FROM crops WHERE face_id = ?", faces)
    db.conn.executemany("DELETE FROM faces WHERE id = ?", faces)
    gone = [[id] for id, *_ in doomed.persons]
    db.conn.executemany("DELETE FROM persons WHERE id = ?", gone)
    db.conn.executemany("DELETE FROM suggestions WHERE ? IN (person_id, other_id)", gone)
    db.conn.executemany("DELETE FROM paths WHERE id = ?", ([id] for id, _ in doomed.paths))
    db.conn.executemany("DELETE FROM contents WHERE id = ?", ([id] for id in doomed.contents))
    traces.mark(db)


def _at(db: Database, path: Path) -> dict[int, int | None]:
    absolute = _absolute(path)
    row = db.execute(
        "SELECT id, content_id FROM paths WHERE path = ?", [stored(absolute)]
    ).fetchone()
    if row is not None:
        return {row[0]: row[1]}
    hint = "Paths are shown by: retrieve search"
    where, values = under(absolute)
    if db.execute(f"SELECT 1 FROM paths WHERE {where} LIMIT 1", values).fetchone():
        hint = f"It is a folder; for all that is stored of it: retrieve forget --all-of {path}"
    raise BadInput(f"{absolute} is not in the collection. {hint}")


def _below(db: Database, folder: Path) -> dict[int, int | None]:
    absolute = _absolute(folder)
    where, values = under(absolute)
    found = db.execute(f"SELECT id, content_id FROM paths WHERE {where}", values).fetchall()
    if not found:
        raise BadInput(f"the collection holds nothing of {absolute}")
    return dict(found)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - as in walk.checked_roots()


def _is_nobodys(db: Database, name: str) -> bool:
    return db.execute("SELECT 1 FROM persons WHERE key = ?", [key_of(name)]).fetchone() is None


def _doomed(
    db: Database,
    contents: set[int],
    paths: set[int],
    persons: set[int],
    once: Sequence[str] = (),
    *,
    log: bool = False,
) -> Doomed:
    held = among(db, "SELECT id, path, content_id FROM paths WHERE content_id", contents)
    rest = among(db, "SELECT id, path, content_id FROM paths WHERE id", paths)
    every = {id: path for id, path, _ in [*held, *rest]}
    faces = dict(among(db, "SELECT id, row FROM faces WHERE content_id", contents))
    faces |= dict(among(db, "SELECT id, row FROM faces WHERE person_id", persons))
    passages = dict(among(db, "SELECT id, row FROM passages WHERE content_id", contents))
    passages |= dict(among(db, "SELECT id, row FROM passages WHERE path_id", every))
    left = {id: name for id, *name in _nameless(db, faces)}
    left |= {
        id: name for id, *name in among(db, "SELECT id, name, key FROM persons WHERE id", persons)
    }
    said = Rewriting()
    if log:
        sha256s = {one for (one,) in among(db, "SELECT sha256 FROM contents WHERE id", contents)}
        said = forgetting.rewriting(
            db, sha256s=sha256s, faces=faces.keys(), persons=left.keys(), names=once
        )
    return Doomed(
        sorted(contents),
        len(among(db, "SELECT id FROM contents WHERE kind = 'text' AND id", contents)),
        len(contents) - len({content_id for *_, content_id in held}),
        sorted(every.items()),
        [path for id, path, _ in sorted(held) if id not in paths],
        sorted(faces.items()),
        sorted(passages.items()),
        sorted(among(db, "SELECT content_id, row FROM pictures WHERE content_id", contents)),
        staged.items_of(db, contents=contents, faces=faces),
        [(id, name, key) for id, (name, key) in sorted(left.items())],
        said,
        list(once),
    )


def _nameless(db: Database, faces: Iterable[int]) -> Iterator[tuple[int, str | None, str | None]]:
    """Persons all of whose faces are among these."""
    going: dict[int, int] = {}
    query = "SELECT person_id FROM faces WHERE person_id IS NOT NULL AND id"
    for (id,) in among(db, query, faces):
        going[id] = going.get(id, 0) + 1
    query = (
        "SELECT id, name, key, (SELECT count(*) FROM faces WHERE person_id = persons.id) "
        "FROM persons WHERE id"
    )
    for id, name, key, faces_of in among(db, query, going):
        if faces_of == going[id]:
            yield id, name, key


def _ids(db: Database, query: str) -> set[int]:
    return {id for (id,) in db.execute(query)}
