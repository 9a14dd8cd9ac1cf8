"""Statements in words, for people: whom and which faces they are about."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlite_utils import Database

from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import shown_as
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef, Finder

SHOWN = 3  # faces of a line


def said(db: Database, line: Statement) -> str:
    """What a line says, to go on from "said that"."""
    who = _who(db, line.person_id, line.name)
    other = _who(db, line.other_id, None)
    faces, others = (faces_in_words(db, some) for some in (line.faces, line.others))
    match line.kind:
        case "name" | "whose" | "same" | "ignore" if not (line.faces or line.others):
            return _of_persons(line, who)
        case "name" if line.name is None:
            return f"{_of(line.person_id)} has no name"
        case "name" | "whose" if line.others:
            return f"{faces} is {who}, not {other}"
        case "name" | "whose" if line.other_id is not None:
            return f"{faces} is {who}, with {_of(line.other_id)}"
        case "name" | "whose":
            return f"{faces} is {who}"
        case "same":
            return f"{other} ({others}) is {who} ({faces})"
        case "not-same":
            return f"{other} ({others}) is not {who} ({faces})"
        case "split":
            return f"{faces} is not {who} but {_of(line.other_id)}"
        case "not-a-face":
            return f"{faces} is no face"
        case "ignore":
            return f"{who} ({faces}) is nobody to ask about"
        case "undo":
            return f"{line.undoes} was said in error"


def _of_persons(line: Statement, who: str) -> str:
    """What a line says of persons alone, as a cluster says it to its shards."""
    if line.kind == "ignore":
        return f"{who} is nobody to ask about"
    if line.other_id is not None:
        return f"{_of(line.other_id)} is {who}"
    return f"{_of(line.person_id)} is {'without a name' if line.name is None else line.name}"


def faces_in_words(db: Database, refs: Sequence[FaceRef]) -> str:
    """Some faces by file and number, and how many more."""
    finder = Finder(db, refs[:SHOWN])
    told = ", ".join(_face(db, finder.find(ref), ref) for ref in refs[:SHOWN])
    return f"{told} and {len(refs) - SHOWN} more" if len(refs) > SHOWN else told


def _face(db: Database, id: int, ref: FaceRef) -> str:
    row = db.execute(
        "SELECT path, number FROM faces JOIN paths USING (content_id) WHERE faces.id = ? "
        "ORDER BY gone, paths.id LIMIT 1",
        [id],
    ).fetchone()
    if row is None:
        return f"a face of a photo that is not stored ({ref.sha256[:12]})"
    name = os.fsencode(path_of(row[0]).name).decode("utf-8", "backslashreplace")
    return f"{name}:{row[1]}"


def _who(db: Database, id: int | None, name: str | None) -> str:
    if id is None or name is not None:
        return name or "nobody"
    row = db.execute("SELECT name FROM persons WHERE id = ?", [id]).fetchone()
    return shown_as(id, row[0] if row else None)


def _of(id: int | None) -> str:
    return f"#{id}"
