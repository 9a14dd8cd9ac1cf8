"""Answers of the API: the generation as their ETag, lists in parts with a cursor."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from retrieve.cli.showing.facehits import shards_json
from retrieve.cli.web.api.shapes import Problem
from retrieve.cli.web.errors import Json, Refused
from retrieve.cli.web.here import Here
from retrieve.indexes.collection import Collection
from retrieve.indexes.queries.asked import LARGEST_ID

LARGEST_CURSOR = 10_000  # characters, in an address
LARGEST_UNPACKED = 2_000_000  # characters of what a cursor says: more than any search that is sent
MOST = 500  # things of a part of a list

TAG = re.compile(r'(?:W/)?("[^"]*")')

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Most = Annotated[int, Query(ge=1, le=MOST, description="How many of a part.")]
Cursor = Annotated[
    str | None, Query(max_length=LARGEST_CURSOR, description="`next` of the part before.")
]

# Of every operation, beside its own answer.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        400: "what was asked cannot be answered",
        401: "no token",
        403: "another site, another name of the host, or a server that only reads",
        404: "there is none with that id",
        408: "what was to be sent did not come",
        409: "the collection holds nothing of that kind yet, or has changed since",
        410: "a file or a search that is not what it was",
        413: "more bytes than are allowed",
        422: "what was asked is not in the right form",
        503: "the disk or the database refuses",
    }.items()
}

BYTES = {"schema": {"type": "string", "format": "binary"}}
JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": BYTES}}}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": BYTES}}}


async def told(
    request: Request, here: Here, look: Callable[[Collection], dict[str, Any]]
) -> Response:
    """What `look` returns of one view of the catalog, or 304 where the asker has just that; of a
    cluster with how many shards answered.

    The generation is that of all the collection: whoever has an answer of it has every other.
    """

    def both(collection: Collection) -> tuple[str, Any]:
        tag = etag(collection)
        shards = collection.shards
        known = tags(request.headers.get("if-none-match", ""))
        if tag in known or "*" in known:
            return tag, None
        return tag, {**shards_json(shards), **look(collection)}

    tag, found = await here.view(both)
    if found is None:
        return Response(status_code=304, headers={"etag": tag})
    return Json(found, headers={"etag": tag})


def etag(collection: Collection) -> str:
    """The generation of a collection, as HTTP writes it."""
    return f'"{collection.generation()}"'


def tags(header: str) -> list[str]:
    """The ETags that stand in If-Match or If-None-Match, "*" as it is; one that a server on the way
    has called weak (it has compressed the answer) is of the same generation.
    """
    return ["*"] if header.strip() == "*" else TAG.findall(header)


def part(name: str, rows: Sequence[Any], most: int, cursor: Callable[[Any], Any]) -> dict[str, Any]:
    """The first `most` of some rows, of which one more was asked for, and where to go on.

    cursor  of a row, what the next part begins behind
    """
    more = len(rows) > most
    return {name: rows[:most], "next": to_cursor(cursor(rows[most - 1])) if more else None}


def to_cursor(value: Any) -> str:
    """Text for an address, which from_cursor() reads."""
    said = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    content = zlib.compress(said.encode())
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def from_cursor(text: str) -> Any:
    """The value; raises Refused for what is no cursor."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacked = zlib.decompressobj()
        found = json.loads(unpacked.decompress(content, LARGEST_UNPACKED))
        json.dumps(found, ensure_ascii=False).encode()  # no half of a character, which is no text
    except (ValueError, zlib.error, RecursionError) as error:
        raise no_cursor() from error
    return found


def after(cursor: str | None, *kinds: type | tuple[type, ...]) -> list[Any] | None:
    """The values of a cursor, one of each kind; None without one; raises Refused for another."""
    if cursor is None:
        return None
    found = from_cursor(cursor)
    if not isinstance(found, list) or len(found) != len(kinds):
        raise no_cursor()
    for value, kind in zip(found, kinds, strict=True):
        # A truth value is an int to Python, and a number beyond SQLite's is none of ours.
        if not isinstance(value, kind) or isinstance(value, bool):
            raise no_cursor()
        if isinstance(value, int) and not 0 <= value <= LARGEST_ID:
            raise no_cursor()
    return found


def no_cursor() -> Refused:
    """What is said of a cursor that is none of ours."""
    return Refused(400, "wanted the cursor that `next` of an answer gave; got another text")


def example(value: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as the OpenAPI document shows it."""
    return {"content": {"application/json": {"example": value}}}
