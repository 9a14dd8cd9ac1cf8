"""The file behind a photo or a text, for whoever asks for it by id.

It is looked at again when it is opened: what lies at its path now and is not what was indexed (a
link to somewhere else, say) is not given away. A browser keeps it and does not show it, so that
nothing in it runs as a page of ours.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from retrieve.cli.web.errors import Refused
from retrieve.cli.web.here import Here
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import Collection

CHUNK_BYTES = 1 << 16
GONE = "its file is not what it was when it was indexed, or is not there: retrieve index FOLDER"


async def content_of(here: Here, id: int, kind: str) -> Response:
    """The bytes of the file; raises Refused where they are not those that were indexed."""

    def look(collection: Collection) -> tuple[Found, BinaryIO]:
        known = collection.stored.file_of(id, kind)
        return known, opened(known)

    known, file = await here.read(look)
    name = quote(os.fsencode(known.path.name), safe="")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
        "content-length": str(known.size_bytes),
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(
        _chunks(file, known.size_bytes), media_type="application/octet-stream", headers=headers
    )


def opened(known: Found) -> BinaryIO:
    """The file, if it looks as it did; raises Refused where it does not."""
    try:
        # Not to wait for a pipe that lies there now.
        handle = os.open(known.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(410, GONE) from error
    now = os.fstat(handle)
    # Of another file whoever owns it can set length and date, and not when it was changed.
    looks = (now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    same = looks == (known.size_bytes, known.mtime_ns, known.ctime_ns)
    if not (stat.S_ISREG(now.st_mode) and same):
        os.close(handle)
        raise Refused(410, GONE)
    return os.fdopen(handle, "rb")


def _chunks(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    with file:
        left = size_bytes
        while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
