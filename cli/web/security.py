"""What every request passes before anything is done for it, from the outermost on.

Headed   every answer says what a browser may do with it
Hosts    the name that was asked for is one of ours, or an attacker's that was rebound to this host
Sites    another site's page neither writes here nor reads
Door     whoever asks has a token, a cookie or the password (access.py)
Bodies   what is sent is no larger than is allowed, counted while it comes

Sources: Jupyter's allow-list of hosts; Datasette 1.0, which refuses by Sec-Fetch-Site and Origin
without tokens in forms; W3C, "Fetch Metadata Request Headers"; Content Security Policy 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrieve.cli.web.access import Access
from retrieve.cli.web.errors import REASONS, answer

LARGEST_UPLOAD = 25_000_000  # bytes of a request that brings a photo
AROUND = 100_000  # bytes of the form around it
LARGEST_BODY = 1_000_000  # bytes of any other
SAFE = ("GET", "HEAD", "OPTIONS")
OURSELVES = ("localhost", "127.0.0.1", "::1")
OPEN = ("/static/", "/login")  # paths that show nothing of a collection
POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": with it browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Headed:
    """Nothing that shows faces or names is kept by a browser or on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, headed)


class Hosts:
    """Only names of ours; an address in numbers too where others may come in, for no name can be
    rebound to one.

    allowed  names and addresses, without a port
    numbers  whether any address in numbers will do
    """

    def __init__(self, app: ASGIApp, *, allowed: Iterable[str], numbers: bool) -> None:
        self.app = app
        self._allowed = {name.lower() for name in allowed}
        self._numbers = numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        name = named(request.headers.get("host", ""))
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
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
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
        most = LARGEST_UPLOAD + AROUND if is_form else LARGEST_BODY
        shown = (LARGEST_UPLOAD if is_form else LARGEST_BODY) // 1_000_000
        reason = f"wanted {shown} MB at most; got more"
        said = request.headers.get("content-length", "0")
        if not said.isascii() or not said.isdecimal() or int(said) > most:
            await answer(request, 413, reason)(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                raise HTTPException(413, reason)
            return message

        await self.app(scope, counted, send)


def named(host: str) -> str:
    """The name in a Host header, without its port; of an IPv6 address without brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


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
    rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != "token"]
    # One slash: two would begin the name of another host.
    path = "/" + quote(request.url.path.lstrip("/\\"), safe="/")
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
