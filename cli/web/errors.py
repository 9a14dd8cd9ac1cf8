"""One shape of every error: its status and the sentence that the command line would say.

    {"status": 404, "error": "there is no stored face with the id 7"}

A page gets the same sentence as a page.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from retrieve.cli.web.headers import HEADERS
from retrieve.cli.web.rendering import page
from retrieve.errors import BadInput, CollectionError, MissingExtra, RetrievalError, WeightsError
from retrieve.indexes.browsing import NotStored
from retrieve.indexes.catalog.database import CannotWrite
from retrieve.indexes.cluster.answers import OneCollectionOnly
from retrieve.visible import json_visible

API = "/api/"
FAULT = "this is a fault of the server; what went wrong stands where it was started"
REASONS = {
    401: "This page is for whoever has its link: open the one that `retrieve serve` has printed",
    404: "there is nothing at this address",
    405: "wanted another method at this address",
}


class Refused(Exception):
    """A request that ends in an error of its own status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Json(JSONResponse):
    """JSON as the command line prints it: every hidden character written out."""

    def render(self, content: Any) -> bytes:
        return json_visible(json.dumps(content, ensure_ascii=False, allow_nan=False)).encode()


def status_of(error: Exception) -> int:
    """What HTTP calls an error of ours."""
    if isinstance(error, Refused):
        return error.status
    kinds: tuple[tuple[type[Exception], int], ...] = (
        (NotStored, 404),
        (OneCollectionOnly, 501),
        (CannotWrite, 503),
        (BadInput, 400),
        (CollectionError, 409),
        (WeightsError, 503),
        (MissingExtra, 501),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def answer(request: Request, status: int, reason: str) -> Response:
    """An error as JSON to programs and as a page to people."""
    if request.url.path.startswith(API) or "text/html" not in request.headers.get("accept", ""):
        return Json({"status": status, "error": reason}, status)
    return HTMLResponse(page(request, "error.html", status=status, reason=reason), status)


def install(app: FastAPI) -> None:
    """Let the application answer so."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return answer(request, error.status, error.reason)

    @app.exception_handler(RetrievalError)
    async def ours(request: Request, error: RetrievalError) -> Response:
        return answer(request, status_of(error), str(error))

    @app.exception_handler(sqlite3.Error)
    async def of_sqlite(request: Request, error: sqlite3.Error) -> Response:
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
            raise error  # what we do wrong with it is a bug
        reason = f"the collection could not be read or written: {error}. Run: retrieve check"
        return answer(request, 503, reason)

    @app.exception_handler(Exception)
    async def of_ours(request: Request, error: Exception) -> Response:
        """A bug: Starlette lets it go on up behind this answer, to where the server was started.

        No middleware of ours sees the answer.
        """
        return Json({"status": 500, "error": FAULT}, 500, HEADERS)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, told(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        answered = answer(request, error.status_code, REASONS.get(error.status_code, error.detail))
        answered.headers.update(error.headers or {})
        return answered


def told(error: RequestValidationError) -> str:
    """What a request has wrong, in one line."""
    said = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"] if part != "body") or "the body"
        message = str(one["msg"])
        said.append(f"{where}: {message[:1].lower()}{message[1:]}")
    return "; ".join(said)
