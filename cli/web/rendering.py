"""Templates → pages: what is put in is escaped, hidden characters are written out."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from retrieve.cli.showing.render import shown
from retrieve.cli.web import language
from retrieve.cli.web.parts.answered import lacking
from retrieve.shares import probability
from retrieve.visible import visible

TEMPLATES = Path(__file__).with_name("templates")
FIRST = ("search.html", "_found.html", "_hits.html", "_macros.html", "base.html")

_spoken = ContextVar("_spoken", default=language.WRITTEN)


@cache
def environment() -> Environment:
    """Jinja's, with what templates may call: names of files and people as `| visible`.

    One for all languages, for compiling a template takes longer than anything else of a page.
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension brings it
        lambda text: language.translations(_spoken.get()).gettext(text),
        lambda one, more, n: language.translations(_spoken.get()).ngettext(one, more, n),
        newstyle=True,
    )
    made.filters |= {
        "visible": visible,
        "shown": lambda path: visible(shown(path)),
        "called": lambda path: visible(shown(Path(path.name))),
        "probability": probability,
        "marked": marked,
        "query": query_of,
    }
    return made


def compile_first() -> None:
    """Compile what the first page is made of, before somebody asks for it."""
    for name in FIRST:
        environment().get_template(name)


def marked(text: str, marks: tuple[tuple[int, int], ...]) -> Markup:
    """A passage with the words that were asked for in <mark>."""
    parts, end = [Markup()], 0
    for start, stop in marks:
        parts += [escape(visible(text[end:start])), _MARK.format(visible(text[start:stop]))]
        end = stop
    return Markup().join([*parts, escape(visible(text[end:]))])


_MARK = Markup("<mark>{}</mark>")


def query_of(values: dict[str, Any], **changed: Any) -> str:
    """The part of an address behind ?, without what is empty; `changed` stands in place of it."""
    wanted = {name: value for name, value in {**values, **changed}.items() if value}
    return urlencode(wanted, doseq=True)


def is_part(request: Request) -> bool:
    """Whether htmx asks, which puts what it gets into a page that is there."""
    return "hx-request" in request.headers


def page(request: Request, template: str, **values: Any) -> str:
    """The text of a page or a fragment; `here` is there in every one."""
    here = getattr(request.app.state, "here", None)
    spoken = language.wanted(request.headers.get("accept-language", ""))
    common = {"here": here, "request": request, "spoken": spoken, "part": is_part(request)}
    common["lacking"] = lacking()
    before = _spoken.set(spoken)
    try:
        return environment().get_template(template).render(**common | values)
    finally:
        _spoken.reset(before)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The same as an answer."""
    headers = {"vary": "Accept-Language, HX-Request"}
    return HTMLResponse(page(request, template, **values), status, headers)
