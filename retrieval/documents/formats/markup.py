"""HTML → text: headings become titles; scripts, styles and navigation are dropped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.lines import Line, Source, clean

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_DECLARED = re.compile(
    rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?([\w:.-]+)|<\?xml\b[^>]{0,100}?encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096  # bytes from the start; browsers look at 1,024

# What a reader of the page does not read as its text.
_DROPPED = frozenset(
    """
    head script style noscript template nav svg math iframe object embed canvas audio video
    select datalist button textarea
    """.split()  # noqa: SIM905
)
_DROPPED_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "menu", "menubar"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCKS = _HEADINGS | frozenset(
    """
    address article aside blockquote body caption dd details dialog div dl dt fieldset
    figcaption figure footer form header hr html legend li main ol p pre section summary
    table tbody tfoot thead tr ul
    """.split()  # noqa: SIM905
)
_CELLS = frozenset(("td", "th", "br", "option"))  # blanks stand around them
_DATES = ("article:published_time", "dc.date", "dcterms.created", "dcterms.date", "date")
_LAST_KNOWN_LINE = 65_535  # libxml2 counts lines no further

# Up to the next opening at most, lest many openings without an end take for ever.
_INVISIBLE = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<(script|style)\b(?:(?!<\1\b).)*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def declared_encoding(content: bytes) -> str | None:
    """The encoding that a page states in a meta element or an XML declaration."""
    found = _DECLARED.search(content, 0, _DECLARED_WITHIN)
    return (found[1] or found[2]).decode("ascii", "replace") if found else None


def read_html(text: str, remarks: list[str]) -> Source:
    """The text of a page with the line where each paragraph begins.

    remarks  gets a line if a part of it is left out because it is nested too deep
    """
    from lxml import etree

    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    # Bytes, because a declaration inside a str would be believed; zeros end a C string.
    root = etree.fromstring(clean_bytes(text), parser)
    if root is None:
        return Source(iter(()))
    if any("depth" in error.message.lower() for error in parser.error_log):
        remarks.append("its elements are nested so deep that some are left out")
    named = _meta(root)
    title = clean("".join(root.findtext(".//head/title") or "")) or clean(named.get("og:title", ""))
    date = next((iso(named[name]) for name in _DATES if name in named), None)
    return Source(_lines(root), title, date)


def strip_tags(fragment: str) -> str:
    """The text of a small piece of HTML, with as many line breaks as before."""
    text = _INVISIBLE.sub(lambda found: "\n" * found[0].count("\n"), fragment)
    return html.unescape(_TAG.sub(lambda found: " " + "\n" * found[0].count("\n"), text))


def clean_bytes(text: str) -> bytes:
    """Text as UTF-8 for libxml2, which stops at zeros and takes no half pairs."""
    return text.replace("\0", "").encode("utf-8", "replace")


def _meta(root: Element) -> dict[str, str]:
    named: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("name") or element.get("property") or ""
        named.setdefault(name.lower(), element.get("content") or "")
    return named


def _is_dropped(element: Element) -> bool:
    return (
        element.tag in _DROPPED
        or element.get("role") in _DROPPED_ROLES
        or element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or _HIDDEN.search(element.get("style") or "") is not None
    )


def _lines(root: Element) -> Iterator[Line]:
    from lxml import etree

    parts: list[str] = []
    begin: int | None = None  # the line of the first part that is not blank
    walk = etree.iterwalk(root, events=("start", "end"))
    dropped: Element | None = None
    for event, element in walk:
        tag, starts = element.tag, event == "start"
        if tag in _BLOCKS:
            text = "".join(parts)
            if text.strip():
                yield Line(text, heading=tag in _HEADINGS and not starts, line=begin)
                parts, begin = [], None
        elif tag in _CELLS:
            parts.append(" ")
        if starts and _is_dropped(element):
            walk.skip_subtree()
            dropped = element
            continue
        if dropped is not None and element is dropped:
            added = element.tail
        elif starts:
            added = element.get("alt") if tag == "img" else element.text
        else:
            added = element.tail
        if added and added.strip() and begin is None:
            line = element.sourceline
            begin = line if line and line < _LAST_KNOWN_LINE else None
        if added:
            parts.append(added)
    text = "".join(parts)
    if text.strip():
        yield Line(text, line=begin)
