"""The first page: one box for words, and what they find."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from retrieve.cli.web.here import HereNow
from retrieve.cli.web.rendering import render
from retrieve.errors import RetrievalError
from retrieve.types import TextHit

SHOWN = 30  # hits

router = APIRouter()


@router.get("/")
async def search(request: Request, here: HereNow, q: str = "") -> HTMLResponse:
    """The box alone, or with what was found; htmx takes the list alone."""
    hits: list[TextHit] = []
    reason = ""
    if q.strip():
        try:
            hits = await here.read(
                lambda collection: collection.search_texts(q, k=SHOWN, grouped=True)
            )
        except RetrievalError as error:
            reason = str(error)
    alone = "hx-request" in request.headers
    template = "_hits.html" if alone else "search.html"
    return render(request, template, query=q, hits=hits, reason=reason)
