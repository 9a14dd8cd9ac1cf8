"""Photos that are sent: a form, kept in memory, whose bytes go to the process that decodes photos.

Nothing is written to a disk, and no address is fetched: a photo is the content of a file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from retrieve.cli.web.errors import Refused
from retrieve.cli.web.security import AROUND, LARGEST_UPLOAD

MOST_FILES = 2  # verify compares two
MOST_FIELDS = 200
LARGEST_FIELD = 10_000  # bytes


class InMemory(MultiPartParser):
    """Starlette's, which would put what is larger than a megabyte into a file of all users' tmp."""

    spool_max_size = LARGEST_UPLOAD + AROUND


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form of a request, let go at the end; raises Refused for what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Refused(422, f"wanted a form with a photo, multipart/form-data; got {kind or 'none'}")
    parser = InMemory(
        request.headers,
        request.stream(),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=LARGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:  # without a boundary
        reason = getattr(error, "message", "its boundary is not told")
        raise Refused(422, f"wanted a form: {reason}") from error
    try:
        yield form
    finally:
        await form.close()


async def photo_in(form: FormData, name: str) -> bytes:
    """The bytes of a photo; raises Refused where there is no file of that name in the form."""
    given = form.get(name)
    if not isinstance(given, UploadFile):
        raise Refused(422, f"wanted a photo as a file in the field {name!r}; got {_what(given)}")
    content = await given.read()
    if not content:
        raise Refused(422, f"wanted a photo in the field {name!r}; got an empty file")
    return content


def _what(given: object) -> str:
    return "none" if given is None else "a text"
