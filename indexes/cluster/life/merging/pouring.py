"""All rows of a collection and their embeddings put into another one, with ids of their own there.

No file is read and nothing is embedded. The log of what people said is left to the caller: it is
the cluster's (people/log.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.passages import put_stems
from retrieve.indexes.collection import Collection
from retrieve.indexes.vectors.spaces import Space, VectorSpace

AT_ONCE = 5_000  # embeddings

Ids = dict[int, int]  # of one collection → of the other


def pour(part: Collection, whole: Collection) -> Ids:
    """Put all that a collection holds into another, inside a write transaction of that; returns the
    new ids of its faces. A content that is there already stays as it is there.

    raises  CollectionError if their embeddings are made by different networks: scores between them
            would mean nothing, and nobody could tell them apart any more
    """
    contents: Ids = {}
    for old, sha256, *values in _rows(part, "contents", "sha256", *CONTENTS):
        if whole.catalog.content_id(sha256) is None:  # else two shards held it: one is enough
            contents[old] = _put(whole, "contents", ("sha256", *CONTENTS), (sha256, *values))
    paths: Ids = {}
    for old, content_id, path, gone, *values in _rows(
        part, "paths", "content_id", "path", "gone", *PATHS
    ):
        if content_id is not None and content_id not in contents:
            continue
        if not _is_free(whole, path, gone=bool(gone)):
            continue
        now = None if content_id is None else contents[content_id]
        names = ("content_id", "path", "gone", *PATHS)
        paths[old] = _put(whole, "paths", names, (now, path, gone, *values))
    persons = part.db.execute("SELECT id, name, key, ignored FROM persons").fetchall()
    whole.db.conn.executemany(
        "INSERT OR IGNORE INTO persons (id, name, key, ignored) VALUES (?, ?, ?, ?)", persons
    )
    faces = _pour_items(part, whole, part.faces, whole.faces, "faces", FACES, contents, paths)
    for face_id, jpeg, shows in part.db.execute("SELECT face_id, jpeg, shows FROM crops"):
        if face_id in faces:
            whole.catalog.add_crop(faces[face_id], jpeg, shows)
    passages = _pour_items(
        part, whole, part.texts.vectors, whole.texts.vectors, "passages", PASSAGES, contents, paths
    )
    for old, title, body in part.db.execute("SELECT rowid, title, body FROM stems"):
        if old in passages:
            put_stems(whole.db, passages[old], title.split(), body.split())
    _pour_items(
        part, whole, part.pictures.vectors, whole.pictures.vectors, "pictures", (), contents, paths
    )
    for _, content_id, *values in _rows(part, "classes", "content_id", *CLASSES):
        if content_id in contents:
            _put(whole, "classes", ("content_id", *CLASSES), (contents[content_id], *values))
    for content_id, *values in part.db.execute(
        f"SELECT content_id, {', '.join(RECOGNISED)} FROM recognised"
    ):
        if content_id in contents:
            _put(whole, "recognised", ("content_id", *RECOGNISED), (contents[content_id], *values))
    return faces


CONTENTS = (
    "size_bytes", "kind", "height", "width", "title", "taken_at", "warnings", "live", "latitude",
    "longitude", "placed", "turn", "reader",
)  # fmt: skip
PATHS = (
    "reason", "size_bytes", "mtime_ns", "ctime_ns", "described", "readers", "stopped", "names",
)  # fmt: skip
FACES = (
    "number", "x1", "y1", "x2", "y2", "landmarks", "score", "quality", "person_id", "by",
    "not_a_face",
)  # fmt: skip
PASSAGES = ("number", "kind", "title", "text", "page", "line", "record", "time_s", "written")
CLASSES = ("number", "class", "probability")
RECOGNISED = ("reader", "pages", "stopped")


def _pour_items(
    part: Collection,
    whole: Collection,
    source: VectorSpace,
    target: VectorSpace,
    table: str,
    columns: Sequence[str],
    contents: Ids,
    paths: Ids,
) -> Ids:
    """Rows of a table that have embeddings, with these, in their order; returns their new ids."""
    space, there = source.space(), target.space()
    if space is None:
        return {}
    if there is None:
        target.create(Space(space.name, space.items, space.made_by, space.dim, space.metric))
    elif _made(there) != _made(space):
        raise CollectionError(
            f"{whole.path} holds {space.name} of {json.dumps(there.made_by)}, {there.dim}-d; those "
            f"of {part.path} are of {json.dumps(space.made_by)}, {space.dim}-d, and are not put "
            "among them. Embed one of the two again first: retrieve reembed"
        )
    gallery = source.gallery()
    spoken = table == "passages"
    names = ("content_id", *(["path_id"] if spoken else []), *columns)
    rows = iter(
        part.db.execute(f"SELECT id, row, {', '.join(names)} FROM {table} ORDER BY row").fetchall()
    )
    ids: Ids = {}
    while some := list(islice(rows, AT_ONCE)):
        kept = [
            one
            for one in some
            if one[2] in contents and (not spoken or one[3] is None or one[3] in paths)
        ]
        if not kept:
            continue
        first = target.append(np.ascontiguousarray(gallery[[row for _, row, *_ in kept]]))
        for place, (old, _, content_id, *values) in enumerate(kept, first):
            if spoken:
                values[0] = None if values[0] is None else paths[values[0]]
            ids[old] = _put(whole, table, ("row", *names), (place, contents[content_id], *values))
    return ids


def _made(space: Space) -> tuple[dict[str, str], int, str]:
    return space.made_by, space.dim, space.metric


def _is_free(whole: Collection, path: str | bytes, *, gone: bool) -> bool:
    """Whether a path is to be put: none is there yet, or one that is gone makes room for it."""
    row = whole.db.execute(
        "SELECT id, gone, content_id FROM paths WHERE path = ?", [path]
    ).fetchone()
    if row is None:
        return True
    id, was_gone, content_id = row
    if gone or not was_gone:
        return False
    whole.texts.drop(id)
    whole.catalog.remove_path(id)
    if content_id is not None:
        whole.catalog.set_live([content_id])
    return True


def _rows(part: Collection, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table with their ids, in their order."""
    yield from part.db.execute(f"SELECT id, {', '.join(columns)} FROM {table} ORDER BY id")


def _put(whole: Collection, table: str, columns: Sequence[str], values: Sequence[Any]) -> int:
    cursor = whole.db.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        list(values),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid
