"""HTML → text: headings become titles; scripts, styles and navigation are dropped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieve.documents.dates import iso
from retrieve.documents.divided import join_divided
from retrieve.documents.lines import Line, Source, clean

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_DECLARED = re.compile(
    rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?([\w:.-]+)|<\?xml\b[^>]{0,100}?encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096  # bytes from the start; browsers look at 1,024

# What never is text of the page for who reads it.
_DROPPED = frozenset(
    """
    head script style math iframe object embed canvas audio video select datalist textarea svg
    """.split()  # noqa: SIM905
)
_SPEAKING = frozenset(("svg", "iframe"))  # of those: they say something by the way
# What leads elsewhere, and what is not shown: dropped while enough of the page stays.
_ELSEWHERE = frozenset(("navigation", "banner", "contentinfo", "search", "menu", "menubar"))
_UNSHOWN = frozenset(("noscript", "template"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# Programs that save a page save what a script had hidden at that moment: the whole page behind
# a dialog. What is dropped as hidden may hold as much text as what stays, not more.
_MOST_HIDDEN = 1.0
_MOST_ELSEWHERE = 10.0
# What a click opens is text: the button of a question, the panel of its answer.
_OPENS = ("aria-expanded", "aria-controls", "data-toggle", "data-bs-toggle", "data-target")
_NAMING = ("aria-controls", "data-target", "data-bs-target", "href")
_PANEL_ROLES = frozenset(("tabpanel", "region"))
_PANEL = re.compile(
    r"accordion|collaps|expand|panel|toggle|faq|answer|question|tab-?content|spoiler"
    r"|respuesta|pregunta",
    re.IGNORECASE,
)
_SPEAKING_WORDS = 4  # a button of so many words says something; others say "Send"
_INNER_PAGES = 3  # pages within pages (srcdoc) that are read
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCKS = _HEADINGS | frozenset(
    """
    address article aside blockquote body caption dd details dialog div dl dt fieldset
    figcaption figure footer form header hr html legend li main ol p pre section summary
    table tbody tfoot thead tr ul
    """.split()  # noqa: SIM905
)
_SPACED = frozenset(("td", "th", "option", "img", "svg", "button"))  # blanks stand around them
_DATES = ("article:published_time", "dc.date", "dcterms.created", "dcterms.date", "date")
_LAST_KNOWN_LINE = 65_535  # libxml2 counts lines no further

_FEEDS = re.compile(r"[\r\n]")  # in the source they are blanks

# Up to the next opening at most, lest many openings without an end take for ever.
_INVISIBLE = re.compile(
    r"<!--(?:(?!<!--).)*?-->|<(script|style)\b(?:(?!<\1\b).)*?</\1\s*>", re.DOTALL | re.IGNORECASE
)
_XHTML = "http://www.w3.org/1999/xhtml"
_CLOSED = re.compile(r"<([a-zA-Z][\w:.-]*)((?:\s[^<>]*)?)/>")
_VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905
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
    root = _parsed(text, remarks)
    if root is None:
        return Source(iter(()))
    named = _meta(root)
    title = clean("".join(root.findtext(".//head/title") or "")) or clean(named.get("og:title", ""))
    date = next((iso(named[name]) for name in _DATES if name in named), None)
    return Source(iter(_lines(root)), title, date)


def _written_out(text: str) -> str:
    """XHTML as HTML: `<title/>` would be a title that takes in the whole page."""
    start = text[:_DECLARED_WITHIN]
    if not start.lstrip("\ufeff \t\r\n").startswith("<?xml") and _XHTML not in start:
        return text
    return _CLOSED.sub(
        lambda found: (
            found[0] if found[1].lower() in _VOID else f"<{found[1]}{found[2]}></{found[1]}>"
        ),
        text,
    )


def _parsed(text: str, remarks: list[str] | None = None) -> Element | None:
    from lxml import etree

    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True
    )
    # Bytes, because a declaration inside a str would be believed; zeros end a C string.
    root = etree.fromstring(clean_bytes(_written_out(text)), parser)
    if remarks is not None and any("depth" in error.message.lower() for error in parser.error_log):
        remarks.append("its elements are nested so deep that some are left out")
    return root


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


def _lines(root: Element, depth: int = 0) -> list[Line]:
    """The text of a page, line by line; what is hidden only where it is most of the page."""
    opened = _opened(root)
    page = _Page(opened, hidden=False, elsewhere=False, depth=depth)
    lines = list(page.lines(root))
    shown = sum(len(line.text.strip()) for line in lines)
    hidden = page.hidden_characters > _MOST_HIDDEN * shown
    shown += page.hidden_characters if hidden else 0
    elsewhere = page.elsewhere_characters > _MOST_ELSEWHERE * shown
    if hidden or elsewhere:
        lines = list(_Page(opened, hidden=hidden, elsewhere=elsewhere, depth=depth).lines(root))
    return lines


def _whole(parts: list[str]) -> str:
    """A paragraph in one line: line feeds are those of `br`, at which words may be divided."""
    return join_divided("".join(parts)).replace("\n", " ")


class _Page:
    """One walk over a page.

    opened     identifiers of what a click opens
    hidden     whether what is hidden is read
    elsewhere  whether navigation is read
    depth      of pages within pages
    """

    def __init__(
        self, opened: frozenset[str], *, hidden: bool, elsewhere: bool, depth: int
    ) -> None:
        self._opened, self._hidden, self._elsewhere = opened, hidden, elsewhere
        self._depth = depth
        self.hidden_characters = self.elsewhere_characters = 0  # of what was left out

    def lines(self, root: Element) -> Iterator[Line]:
        from lxml import etree

        parts: list[str] = []
        begin: int | None = None  # the line of the first part that is not blank
        after: list[Line] = []  # descriptions of pictures in the paragraph, and inner pages
        walk = etree.iterwalk(root, events=("start", "end"))
        dropped: Element | None = None
        for event, element in walk:
            tag, starts = element.tag, event == "start"
            if tag in _BLOCKS or (tag == "button" and not _within_heading(element)):
                text = _whole(parts)
                if text.strip():
                    heading = tag in _HEADINGS and not starts
                    yield Line(text, heading=heading, line=begin)
                parts, begin = [], None
                yield from after
                after = []
            elif tag == "br":
                parts.append("\n" if starts else "")
            elif tag in _SPACED:
                parts.append(" ")
            leaves_out = starts and self._is_dropped(element)
            if starts and (not leaves_out or (tag in _SPEAKING and not _is_hidden(element))):
                after += self._beside(element)
            if leaves_out:
                walk.skip_subtree()
                dropped = element
                continue
            if (dropped is not None and element is dropped) or not starts:
                added = element.tail
            else:
                added = element.text
            if added and added.strip() and begin is None:
                begin = _line_of(element)
            if added:
                parts.append(_FEEDS.sub(" ", added))
        text = _whole(parts)
        if text.strip():
            yield Line(text, line=begin)
        yield from after

    def _beside(self, element: Element) -> list[Line]:
        """What an element says beside its text: the description of a picture, a page within."""
        if element.tag == "iframe" and element.get("srcdoc") and self._depth < _INNER_PAGES:
            inner = _parsed(element.get("srcdoc"))
            return [] if inner is None else _lines(inner, self._depth + 1)
        return [Line(text, line=_line_of(element)) for text in _descriptions(element)]

    def _is_dropped(self, element: Element) -> bool:
        tag = element.tag
        if tag in _DROPPED or (tag == "button" and not _speaks(element)):
            return True
        if tag == "nav" or element.get("role") in _ELSEWHERE:
            if not self._elsewhere:
                self.elsewhere_characters += _characters(element)
            return not self._elsewhere
        if self._hidden or not _is_hidden(element) or self._opens(element):
            return False
        self.hidden_characters += _characters(element)
        return True

    def _opens(self, element: Element) -> bool:
        """Whether a click on the page opens what is hidden."""
        if element.tag in _UNSHOWN:
            return False
        if element.get("role") in _PANEL_ROLES or element.get("id", "") in self._opened:
            return True
        above = element.getparent()
        if above is not None and above.tag == "details":
            return True
        before = element.getprevious()
        return bool(_PANEL.search(element.get("class", ""))) or (
            before is not None and _is_opener(before)
        )


def _opened(root: Element) -> frozenset[str]:
    """Identifiers of what buttons and links of a page open."""
    found: set[str] = set()
    for element in root.iter():
        for name in _NAMING:
            stated = element.get(name)
            if stated and (stated.startswith("#") or name == "aria-controls"):
                found.update(part.lstrip("#") for part in stated.split())
    return frozenset(found - {""})


def _is_opener(element: Element) -> bool:
    """Whether it is there to be clicked, or its heading is."""
    if any(element.get(name) is not None for name in (*_OPENS, "onclick")):
        return True
    first = next(element.iter("button", "summary"), None)
    return first is not None and (first.tag == "summary" or _speaks(first))


def _speaks(button: Element) -> bool:
    """Whether a button holds text of the page, not the name of a command."""
    if any(button.get(name) is not None for name in _OPENS) or _within_heading(button):
        return True
    if _PANEL.search(button.get("class", "")):
        return True
    if next(button.iter(*_HEADINGS), None) is not None:
        return True
    return len("".join(map(str, button.itertext())).split()) >= _SPEAKING_WORDS


def _within_heading(element: Element) -> bool:
    return next(element.iterancestors(*_HEADINGS, "summary", "dt"), None) is not None


def _is_hidden(element: Element) -> bool:
    if element.tag == "template" and element.get("shadowrootmode") is not None:
        return False  # it is shown in the place of its parent
    return (
        element.tag in _UNSHOWN
        or element.get("hidden", "until-found") != "until-found"
        or element.get("aria-hidden") == "true"
        or _HIDDEN.search(element.get("style") or "") is not None
    )


def _descriptions(element: Element) -> list[str]:
    """What a picture is said to show, each text by itself."""
    tag = element.tag
    if tag == "svg":
        stated = [element.get("aria-label") or ""]
        stated += ["".join(map(str, part.itertext())) for part in element.iter("title", "desc")]
    elif tag in ("img", "area") or (tag == "input" and element.get("type") == "image"):
        stated = [element.get("alt") or ""]
    elif element.get("role") == "img":
        stated = [element.get("aria-label") or ""]
    else:
        return []
    return list(dict.fromkeys(text for text in stated if text.strip()))


def _characters(element: Element) -> int:
    """How much text stands in an element."""
    return sum(
        len((part.text or "").strip() if part.tag not in _DROPPED else "")
        + len((part.tail or "").strip() if part is not element else "")
        for part in element.iter()
    )


def _line_of(element: Element) -> int | None:
    line = element.sourceline
    return line if line and line < _LAST_KNOWN_LINE else None
