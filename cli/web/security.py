"""What every request passes before anything is done for it, from the outermost on.

Headed   every answer says what a browser may do with it (headers.py)
Hosts    the name that was asked for is one of ours, or an attacker's that was rebound to this host
Sites    another site's page neither writes here nor reads
Door     whoever asks has a token, a cookie or the password (access.py)
Bodies   what is sent is no larger than is allowed, counted while it comes

Sources: Jupyter's allow-list of hosts; Datasette 1.0, which refuses by Sec-Fetch-Site and Origin
without tokens in forms; W3C, "Fetch Metadata Request Headers"; RFC 9110 of the Host header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import quote, urlencode, urlsplit

from anyio import fail_after
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrieve.cli.web.access import Access
from retrieve.cli.web.errors import REASONS, answer

LARGEST_UPLOAD = 25_000_000  # bytes of a request that brings a photo
AROUND = 100_000  # bytes of the form around it
LARGEST_BODY = 1_000_000  # bytes of any other
LARGEST_OF_STRANGERS = 10_000  # bytes of what is sent without a token: a password
PATIENCE_S = 30  # for the next bytes: who has left the network would take a place for ever
DIGITS = 18  # of a length, at most: Python refuses to read thousands of them
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s@/?#\\:\[\]]+)(:[0-9]{0,5})?", re.ASCII | re.I)
SAFE = ("GET", "HEAD", "OPTIONS")
OURSELVES = ("localhost", "127.0.0.1", "::1")
ENTRANCE = "/login"
OPEN = "/static/"  # begins paths that show nothing of a collection


class Hosts:
    """Only names of ours; an address in numbers too where others may come in, for no name can be
    rebound to one.

    allowed  names and addresses, without a port
    numbers  whether any address in numbers will do
    """

    def __init__(self, app: ASGIApp, *, allowed: Iterable[str], numbers: bool) -> None:
        self.app = app
        self._allowed = {name.lower() for name in allowed if name}
        self._numbers = numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # there is none here, and what follows asks of http alone
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.getlist("host")
        name = named(given[0]) if len(given) == 1 else ""
        if name in self._allowed or (self._numbers and _is_address(name)):
            await self.app(scope, receive, send)
            return
        reason = (
            f"this server is not called {name!r}. Whoever may ask for it by that name is allowed "
            "by: retrieve serve --allow-host NAME"
        )
        await answer(request, 403, reason)(scope, receive, send)


class Sites:
    """Pages of other sites are refused, and other ports of this host are other sites.

    A link that is followed may come from anywhere: what it opens changes nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_foreign(request := Request(scope)):
            reason = "a page of another site asked for this; nothing was done"
            await answer(request, 403, reason)(scope, receive, send)
            return
        await self.app(scope, receive, send)


class Door:
    """Whoever has no token is told where to find one."""

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self.app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        token = request.query_params.get("token")
        reads = request.method in ("GET", "HEAD")
        if token is not None and reads and self._access.opens_page(token):
            await _inside(request, self._access)(scope, receive, send)
        elif self._is_known(request):
            await self.app(scope, receive, send)
        else:
            await self._refused(request)(scope, receive, send)

    def _is_known(self, request: Request) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._access.is_token(given.strip()):
            return True
        return self._access.is_session(request.cookies.get(self._access.cookie, ""))

    def _refused(self, request: Request) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        if self._access.password is not None and wants_page and request.method == "GET":
            return RedirectResponse("/login", 303)
        refused = answer(request, 401, REASONS[401])
        refused.headers["www-authenticate"] = 'Bearer realm="retrieve"'
        return refused


class Bodies:
    """What is sent is counted while it comes, whatever its length was said to be."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        most, shown = LARGEST_BODY, f"{LARGEST_BODY // 1_000_000} MB"
        if is_open(scope["path"]):
            most, shown = LARGEST_OF_STRANGERS, f"{LARGEST_OF_STRANGERS // 1000} kB"
        elif is_form:
            most, shown = LARGEST_UPLOAD + AROUND, f"{LARGEST_UPLOAD // 1_000_000} MB"
        reason = f"wanted {shown} at most; got more"
        said = request.headers.get("content-length", "0")
        if not (said.isascii() and said.isdecimal()):
            wrong = f"wanted a length in digits; got {said[:DIGITS]!r}"
            await answer(request, 400, wrong)(scope, receive, send)
            return
        if len(said) > DIGITS or int(said) > most:
            await answer(request, 413, reason)(scope, receive, send)
            return
        came, whole = 0, False

        async def counted() -> Message:
            nonlocal came, whole
            if whole:  # what follows is that whoever asked has gone, whenever that is
                return await receive()
            try:
                with fail_after(PATIENCE_S):
                    message = await receive()
            except TimeoutError:
                late = f"waited {PATIENCE_S} s for the rest of what was to be sent; nothing came"
                raise HTTPException(408, late) from None
            whole = not message.get("more_body", False)
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(413, reason)
            return message

        await self.app(scope, counted, send)


def is_open(path: str) -> bool:
    """Whether it shows nothing of a collection, so that anybody may ask for it."""
    return path == ENTRANCE or path.startswith(OPEN)


def named(host: str) -> str:
    """The name in a Host header, in small letters, without its port; of an IPv6 address without
    brackets; "" for what is no name.
    """
    found = HOST.fullmatch(host)
    return found["name"].strip("[]").removesuffix(".").lower() if found else ""


def let_in(response: Response, request: Request, access: Access) -> Response:
    """The same answer with the cookie that opens every page."""
    response.set_cookie(
        access.cookie,
        access.session,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


def _inside(request: Request, access: Access) -> Response:
    """The same page without the token in its address."""
    given = request.query_params.multi_items()
    rest = [(name, value) for name, value in given if name != "token"]
    # One slash: two would begin the name of another host.
    path = "/" + quote(request.scope["path"].lstrip("/\\"), safe="/")
    query = f"?{urlencode(rest)}" if rest else ""
    return let_in(RedirectResponse(path + query, 303), request, access)


def _is_foreign(request: Request) -> bool:
    """Whether a browser says that another site's page asks."""
    site = request.headers.get("sec-fetch-site", "none")
    followed = (
        request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
    reads = request.method in SAFE
    if site not in ("same-origin", "none") and not (reads and followed):
        return True
    origin = request.headers.get("origin")
    if reads or origin is None:
        return False
    return urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
