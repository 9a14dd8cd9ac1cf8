"""Templates → pages: what is put in is escaped, hidden characters are written out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from retrieve.cli.showing.render import shown
from retrieve.shares import probability
from retrieve.visible import visible

TEMPLATES = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """Jinja's, with what templates may call: names of files and people as `| visible`."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "visible": visible,
        "shown": lambda path: visible(shown(path)),
        "probability": probability,
    }
    return made


def page(request: Request, template: str, **values: Any) -> str:
    """The text of a page or a fragment; `here` is there in every one."""
    here = getattr(request.app.state, "here", None)
    return environment().get_template(template).render(here=here, request=request, **values)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The same as an answer."""
    return HTMLResponse(page(request, template, **values), status)
