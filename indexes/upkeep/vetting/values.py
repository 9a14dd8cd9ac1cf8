"""The values of a catalog's tables: each of its type and in its range.

What a column may hold is said as SQL, so that a table is read once; what SQL cannot say (paths,
lists, dates, pictures) is looked at value by value. A column that is not named here, of a later
migration, has to be of the type that it is declared with.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import numpy as np
from sqlite_utils import Database

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.filters import FACES, PASSAGES, PICTURES
from retrieve.indexes.catalog.persons import checked_name
from retrieve.indexes.catalog.pictures import picture_fault
from retrieve.indexes.people import log, refs
from retrieve.indexes.people.log import KINDS, SOURCES
from retrieve.indexes.pictures.space import MADE_BY
from retrieve.indexes.reembedding.staged import STAGED_FACES
from retrieve.indexes.search.traces import CATALOG_ROWS
from retrieve.indexes.upkeep.vetting.doubt import Unbelievable, clipped
from retrieve.indexes.vectors.spaces import MAX_DIM

NETWORKS = ("detector", "detector_sha256", "embedder", "embedder_sha256")
ENCODER = ("encoder", "encoder_sha256", "language")
# A space → what has to be said of the networks that made it; its items' table is called as it is.
SPACES = {FACES: NETWORKS, STAGED_FACES: NETWORKS, PASSAGES: ENCODER, PICTURES: MADE_BY}
MOST_ROWS = 1 << 40
MOST_CLASSES = 1 << 16
COORDINATE = 1e9  # as imports allow
DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
LANDMARKS_BYTES = 40
REF = re.compile("(unread:)?[0-9a-f]{64}")  # a photo, as a statement names it
INNER = re.compile("sqlite_.*|stems_.*")  # SQLite's own tables
BLOCK_ROWS = 1000


def _whole(lowest: int, highest: int = (1 << 63) - 1) -> str:
    return f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN {lowest} AND {highest}"


def _number(lowest: float, highest: float) -> str:
    return f"typeof({{0}}) IN ('integer', 'real') AND {{0}} BETWEEN {lowest!r} AND {highest!r}"


def _one_of(*values: str) -> str:
    return f"typeof({{0}}) = 'text' AND {{0}} IN ({', '.join(map(repr, values))})"


def _or_null(condition: str) -> str:
    return f"({{0}} IS NULL OR ({condition}))"


DIGEST = (
    "typeof({0}) = 'text' AND replace({0}, 'unread:', '') NOT GLOB '*[^0-9a-f]*' "
    "AND length({0}) IN (64, 71) AND (length({0}) = 64 OR {0} LIKE 'unread:%')"
)
FLAG = _whole(0, 1)
BOX = {corner: _number(-COORDINATE, COORDINATE) for corner in ("x1", "y1", "x2", "y2")}
LANDMARKS = f"typeof({{0}}) = 'blob' AND length({{0}}) = {LANDMARKS_BYTES}"
FACE = {
    "row": _whole(0, MOST_ROWS),
    "number": _whole(1),
    **BOX,
    "landmarks": LANDMARKS,
    "score": _number(-COORDINATE, COORDINATE),
    "quality": _number(-COORDINATE, COORDINATE),
}
# Lists of six numbers each: where a line begins, its box, its confidence.
WRITTEN = (
    "json_valid({0}) AND json_type({0}) = 'array' AND NOT EXISTS (SELECT 1 FROM json_each({0}) "
    "AS line WHERE line.type <> 'array' OR json_array_length(line.value) <> 6 OR EXISTS "
    "(SELECT 1 FROM json_each(line.value) AS one WHERE one.type NOT IN ('integer', 'real')))"
)
PAGES = (
    "json_valid({0}) AND json_type({0}) = 'array' AND NOT EXISTS (SELECT 1 FROM json_each({0}) "
    "AS page WHERE page.type <> 'integer' OR page.value < 1)"
)
RULES: dict[str, dict[str, str]] = {
    "spaces": {
        "name": _one_of(*SPACES),
        "items": f"{_one_of(*SPACES)} AND {{0}} = name",
        "dim": _whole(1, MAX_DIM),
        "metric": _one_of("cosine"),
        "rows": _whole(0, MOST_ROWS),
        "generation": _whole(0, 1 << 53),
    },
    "segments": {
        "space": "{0} IN (SELECT name FROM spaces)",
        "first": _whole(0, MOST_ROWS),
        "rows": _whole(1, MOST_ROWS),
        "crc": _whole(0, (1 << 32) - 1),
    },
    "dead": {
        "space": f"({{0}} IN (SELECT name FROM spaces) OR {{0}} = {CATALOG_ROWS!r})",
        "row": f"{_whole(0)} AND (space = {CATALOG_ROWS!r} OR {{0}} < "
        "(SELECT rows FROM spaces WHERE spaces.name = dead.space))",
        "wiped": FLAG,
    },
    "contents": {
        "id": _whole(1),
        "sha256": DIGEST,
        "size_bytes": _whole(0),
        "kind": _one_of("photo", "text"),
        "height": f"({{0}} IS NOT NULL OR kind = 'text') AND {_or_null(_whole(0))}",
        "width": f"({{0}} IS NOT NULL OR kind = 'text') AND {_or_null(_whole(0))}",
        "live": FLAG,
        "latitude": _or_null(_number(-90, 90)),
        "longitude": _or_null(_number(-180, 180)),
        "placed": FLAG,
        "turn": _whole(0, 270) + " AND {0} % 90 = 0",
    },
    "paths": {
        "id": _whole(1),
        "path": "typeof({0}) IN ('text', 'blob')",
        "size_bytes": _whole(0),
        "gone": FLAG,
    },
    "faces": {
        "id": _whole(1),
        **FACE,
        "by": "({0} IS NULL) = (person_id IS NULL) AND "
        + _or_null(_one_of("human", "group", "attached")),
        "not_a_face": f"{FLAG} AND NOT ({{0}} AND person_id IS NOT NULL)",
    },
    "crops": {"jpeg": "typeof({0}) = 'blob'"},
    "passages": {
        "id": _whole(1),
        "row": _whole(0, MOST_ROWS),
        "number": _whole(1, 1 << 31),
        **dict.fromkeys(("page", "line", "record"), _or_null(_whole(0))),
        "time_s": _or_null(_number(-COORDINATE, COORDINATE)),
        "written": _or_null(WRITTEN),
    },
    "persons": {
        "id": _whole(1),
        "key": "({0} IS NULL) = (name IS NULL) AND "
        + _or_null("typeof({0}) = 'text' AND length({0}) > 0"),
        "ignored": FLAG,
    },
    "statements": {
        "id": _whole(1),
        "kind": _one_of(*KINDS),
        "person_id": f"({{0}} IS NOT NULL OR kind IN ('not-a-face', 'undo')) "
        f"AND {_or_null(_whole(1))}",
        "other_id": f"({{0}} IS NOT NULL OR kind NOT IN ('same', 'not-same', 'split')) "
        f"AND {_or_null(_whole(1))}",
        # A cluster tells its shards without faces what persons are called.
        "faces": "json_array_length({0}) > 0 OR kind NOT IN ('not-same', 'split', 'not-a-face')",
        "undoes": f"({{0}} IS NOT NULL) = (kind = 'undo') AND {_or_null(_whole(1))}",
        "source": _one_of(*SOURCES),
    },
    "suggestions": {
        "id": _whole(1),
        "person_id": _whole(1),
        "other_id": _whole(1),
        "score": _number(-2, 2),
    },
    "staged_faces": {
        "id": _whole(1),
        **{column: _or_null(rule) for column, rule in FACE.items() if column != "row"},
        "row": _whole(0, MOST_ROWS),
        "source": "typeof({0}) = 'text'",
        "filled": FLAG,
        "lost": FLAG,
    },
    "pictures": {"id": _whole(1), "row": _whole(0, MOST_ROWS)},
    "classes": {
        "id": _whole(1),
        "number": _whole(1, MOST_CLASSES),
        "class": _whole(0, MOST_CLASSES - 1),
        "probability": _number(0, 1),
    },
    "recognised": {"content_id": _whole(1), "pages": PAGES, "stopped": _whole(0)},
    "words": {"id": _whole(1, 1), "version": _whole(0)},
    "staged_photos": {"turn": _or_null(_whole(0, 270) + " AND {0} % 90 = 0")},
}
DECLARED = {
    "INTEGER": "typeof({0}) IN ('integer', 'null')",
    "REAL": "typeof({0}) IN ('real', 'integer', 'null')",
    "TEXT": "typeof({0}) IN ('text', 'null')",
    "BLOB": "typeof({0}) IN ('blob', 'null')",
}


def check_spaces(db: Database) -> None:
    """Look at the spaces of a catalog of any format: bringing it to the current one reads them.

    raises  Unbelievable for the first value that cannot be
    """
    for name, dim, rows in db.execute("SELECT name, dim, rows FROM spaces").fetchall():
        if name not in SPACES:
            raise Unbelievable(f"its catalog has a space {clipped(name)}")
        for what, value, highest in (("dim", dim, MAX_DIM), ("rows", rows, MOST_ROWS)):
            lowest = what == "dim"
            if type(value) is not int or not lowest <= value <= highest:
                raise Unbelievable(f"its catalog states the {what} {clipped(value)} of {name}")
    if any(row[1] == "made_by" for row in db.execute("PRAGMA table_info(spaces)")):
        _check_each(db, "spaces.made_by")


def check_values(db: Database) -> None:
    """Look at all values of a catalog of the current format, whose schema is ours.

    raises  Unbelievable for the first one that cannot be
    """
    tables = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    for (table,) in tables:
        if not INNER.fullmatch(table):
            _check_table(db, table)
    for column in CHECKS:
        _check_each(db, column)


def _check_table(db: Database, table: str) -> None:
    columns = [(row[1], row[2].upper()) for row in db.execute(f"PRAGMA table_info({table})")]
    rules = RULES.get(table, {})
    cases = "".join(
        f"WHEN NOT ifnull({rule.format(name)}, 0) THEN '{name}' "
        for name, declared in columns
        if (rule := rules.get(name, DECLARED.get(declared, "")))
    )
    query = f"SELECT wrong FROM (SELECT CASE {cases} END AS wrong FROM {table}) WHERE wrong NOTNULL"
    wrong = db.execute(f"{query} LIMIT 1").fetchone()
    if wrong is not None:
        raise Unbelievable(f"a value of {table}.{wrong[0]} in its catalog cannot be")
    texts = [name for name, declared in columns if declared in ("TEXT", "")]
    if texts:  # SQLite looks whether they are UTF-8 when they are fetched
        cursor = db.execute(f"SELECT {', '.join(texts)} FROM {table}")
        while cursor.fetchmany(BLOCK_ROWS):
            pass


def _check_each(db: Database, column: str) -> None:
    check = CHECKS[column]
    for value in _values(db, *column.split(".")):
        fault = check(value)
        if fault is not None:
            raise Unbelievable(f"{column} of its catalog {fault}")


def _values(db: Database, table: str, column: str) -> Iterator[Any]:
    cursor = db.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
    while rows := cursor.fetchmany(BLOCK_ROWS):
        yield from (value for (value,) in rows)


def _path(value: str | bytes) -> str | None:
    raw = os.fsencode(value)
    if not raw.startswith(b"/") or b"\0" in raw:
        return f"has {clipped(value)}, which is no path from / on"
    return None


def _lines(value: str) -> str | None:
    try:
        lines = json.loads(value)
    except (ValueError, RecursionError):
        lines = None
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        return f"has {clipped(value)}, which is no list of lines"
    return None


def _networks(value: str) -> str | None:
    try:
        made_by = json.loads(value)
    except (ValueError, RecursionError):
        made_by = None
    if not isinstance(made_by, dict) or not all(isinstance(one, str) for one in made_by.values()):
        return f"has {clipped(value)}, which names no networks"
    if not any(made_by.keys() >= set(keys) for keys in SPACES.values()):
        return f"has {clipped(value)}, which does not say what made the embeddings"
    return None


def _date(value: str) -> str | None:
    try:
        if not DATE.fullmatch(value):
            datetime.fromisoformat(value)
        elif len(value) > 4 and not 1 <= int(value[5:7]) <= 12:
            raise ValueError(value)
    except ValueError:
        return f"has {clipped(value)}, which is no date"
    return None


def _name(value: str) -> str | None:
    try:
        if checked_name(value) == value:
            return None
    except BadInput:
        pass
    return f"has {clipped(value)}, which is no name"


def _time(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return f"has {clipped(value)}, which is no time"
    return None


def _refs(value: str) -> str | None:
    try:
        if all(
            REF.fullmatch(ref.sha256) and all(abs(corner) <= COORDINATE for corner in ref.box)
            for ref in refs.read(value)
        ):
            return None
    except (CollectionError, RecursionError):
        pass
    return f"has {clipped(value)}, which names no faces"


def _moves(value: str) -> str | None:
    try:
        if all(
            (one is None or type(one) is int)
            and by in (None, "human", "group", "attached")
            and (other is None or type(other) is int)
            and all(type(id) is int for id in ids)
            for one, by, other, ids in log.read_moves(value)
        ):
            return None
    except (CollectionError, RecursionError):
        pass
    return f"has {clipped(value)}, which does not say what was moved"


def _landmarks(value: bytes) -> str | None:
    points = np.frombuffer(value, "<f4")
    known = ~np.isnan(points)  # an import may not know them
    return None if np.isfinite(points[known]).all() else "has points that are in no photo"


CHECKS: dict[str, Callable[[Any], str | None]] = {
    "spaces.made_by": _networks,
    "paths.path": _path,
    "contents.warnings": _lines,
    "contents.taken_at": _date,
    "persons.name": _name,
    "statements.name": _name,
    "statements.said_at": _time,
    "statements.faces": _refs,
    "statements.others": _refs,
    "statements.moved": _moves,
    "faces.landmarks": _landmarks,
    "staged_faces.landmarks": _landmarks,
    "crops.jpeg": picture_fault,
    "staged_faces.jpeg": picture_fault,
}
