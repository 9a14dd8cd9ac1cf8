"""Where a password is asked for, if the server has one."""

from __future__ import annotations

from anyio import Lock, sleep
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from retrieve.cli.web.access import Access
from retrieve.cli.web.rendering import render
from retrieve.cli.web.security import let_in

PAUSE_S = 1.0  # after a wrong password, for everybody: so fast can all of them be tried

router = APIRouter()
_one_at_a_time = Lock()


@router.get("/login")
async def login(request: Request) -> Response:
    """The page that asks."""
    return render(request, "login.html", wrong=False)


@router.post("/login")
async def enter(request: Request) -> Response:
    """The first page with a cookie, or the same page again."""
    access: Access = request.app.state.access
    async with request.form() as form:
        given = form.get("password")
    async with _one_at_a_time:
        if isinstance(given, str) and access.is_password(given):
            return let_in(RedirectResponse("/", 303), request, access)
        await sleep(PAUSE_S)
    return render(request, "login.html", 401, wrong=True)
