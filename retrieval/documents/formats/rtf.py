"""RTF → text (Rich Text Format specification 1.9.1).

striprtf, the library for it, gives one string: without headings, title and date, with hidden
and deleted text, and it takes the bytes of pictures in binary form for words.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace
from datetime import datetime

from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, Source, clean
from retrieve.errors import BadInput

MAX_DEPTH = 1000  # of groups; programs nest some twenty
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)",
    re.DOTALL,
)
# \fcharset of a font → code page. 2 is Symbol: its signs are no letters of any page.
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 78: "shift_jis", 79: "johab", 80: "gb2312", 81: "big5",
    83: "mac_greek", 84: "mac_turkish", 87: "mac_latin2", 89: "mac_cyrillic", 128: "cp932",
    129: "cp949", 130: "johab", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_PAGES = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_CHARACTERS = {
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "bullet": "•", "tab": " ", "line": " ", "cell": " ", "nestcell": " ",
    "emspace": " ", "enspace": " ", "qmspace": " ", "lbr": " ", "column": " ",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\"}
_BREAKS = {"par", "sect", "row", "nestrow", "page"}
# Groups that nobody reads, or that say again what another one says.
_SKIPPED = frozenset(
    """
    colortbl pict nonshppict objdata objclass objname fldinst themedata colorschememapping
    datastore latentstyles listtable listoverridetable rsidtbl generator xmlnstbl listtext
    pntext pntxta pntxtb private xe tc txe rxe bkmkstart bkmkend filetbl revtbl mmathPr shprslt
    ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn author operator company manager category
    keywords comment doccomm hlinkbase template formfield datafield blipuid picprop fontemb
    fontfile falt panose password passwordhash oldcprops oldpprops oldtprops oldsprops htmltag
    """.split()  # noqa: SIM905
)
_HEADS = {"header", "headerl", "headerr", "headerf"}
_FEET = {"footer", "footerl", "footerr", "footerf"}
_INNER = {"footnote", "annotation", "shptxt"}
# Groups that begin with \* and are read; all others that do are skipped, as the format asks.
_STARRED = frozenset(("annotation", "shpinst", "ud"))
_DATE_WORDS = ("yr", "mo", "dy", "hr", "min")
_HEADING_STYLES = ("heading", "title", "subtitle")
_DESCRIPTION = "wzDescription"  # of a picture or shape


@dataclass(slots=True)
class _Sink:
    """Where text goes: the body, or what lies inside it. `parts` are of the open paragraph."""

    kind: str
    parts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    """What a group inherits from the one around it and forgets at its end."""

    sink: _Sink
    page: str = "cp1252"  # code page of its bytes
    skipped: bool = False
    hidden: bool = False
    deleted: bool = False
    fallback: int = 1  # characters after \u for programs that do not know it
    style: int = -1
    outline: int = 9


def read_rtf(content: bytes, remarks: list[str]) -> Source:
    """The text of an RTF file: heads, body with boxes, notes and comments, feet.

    What headers and footers say stands there once. Hidden and deleted text, pictures and
    the code of fields are not read.

    remarks  gets a line if the file breaks off
    raises   BadInput if it is nested without end, or holds too much text
    """
    reader = _Reader(content)
    reader.read()
    if not reader.complete:
        remarks.append("damaged: it breaks off, and is read up to there")
    return Source(iter(reader.all_lines()), reader.title, reader.date)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._body = _Sink("body")
        self._state = _State(self._body)
        self._stack: list[_State] = []
        self._bytes = bytearray()  # in the code page of the state, not decoded yet
        self._ignore = 0  # characters that only old programs read
        self._starred = self._begins_group = False
        self._page = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = self._default_font = 0
        self._headings: set[int] = set()
        self._inner: list[Line] = []  # follows the open paragraph
        self._heads: list[Line] = []
        self._feet: list[Line] = []
        self._property = ""  # the name of a shape's property
        self._created: dict[str, int] = {}
        self._left = MAX_TEXT_CHARACTERS
        self.title = ""
        self.complete = False

    @property
    def date(self) -> str | None:
        try:
            parts = [self._created.get(word, 0) for word in _DATE_WORDS]
            return datetime(*parts).isoformat()  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            return None

    def all_lines(self) -> list[Line]:
        """Heads, body, feet; each text of a head or foot once."""
        heads = dict.fromkeys(clean(line.text) for line in self._heads)
        feet = dict.fromkeys(clean(line.text) for line in self._feet)
        return [*map(Line, heads), *self._body.lines, *map(Line, feet)]

    def read(self) -> None:
        """Go through the whole file; to be called once."""
        at = 0
        while found := _TOKEN.search(self._content, at):
            at = found.end()
            word, number, code, symbol, brace, text = found.groups()
            begins_group, self._begins_group = self._begins_group, brace == b"{"
            if brace == b"{":
                self._open()
            elif brace:
                self._close()
                if not self._stack:
                    self.complete = True
                    break  # what follows the last brace is no RTF
            elif word is not None:
                name = word.decode("ascii")
                value = int(number) if number else None
                if name == "bin":
                    at += max(0, value or 0)  # bytes of a picture
                elif not (self._ignore and name not in ("u", "uc") and self._ignored(1)):
                    self._word(name, value, begins_group or self._starred)
                self._starred = False
            elif symbol == b"*":
                self._starred = begins_group
            elif symbol is not None:
                if not (self._ignore and self._ignored(1)):
                    self._symbol(symbol)
            elif code is not None:
                if not (self._ignore and self._ignored(1)):
                    self._add_bytes(bytes([int(code, 16)]))
            elif text:
                self._add_bytes(text[self._ignored(len(text)) :] if self._ignore else text)
        while self._stack:
            self._close()
        self._end_paragraph(self._body)

    def _ignored(self, count: int) -> int:
        taken = min(count, self._ignore)
        self._ignore -= taken
        return taken

    def _open(self) -> None:
        self._flush()
        self._ignore = 0
        if len(self._stack) >= MAX_DEPTH:
            raise BadInput(f"its groups are nested more than {MAX_DEPTH} deep")
        self._stack.append(self._state)
        self._state = replace(self._state)

    def _close(self) -> None:
        self._flush()
        self._ignore = 0
        if not self._stack:
            return
        closed, self._state = self._state, self._stack.pop()
        if closed.sink is not self._state.sink:
            self._finish(closed)

    def _finish(self, closed: _State) -> None:
        """Puts what stood in a group of its own where it belongs."""
        sink = closed.sink
        text = clean("".join(sink.parts))
        if sink.kind == "title":
            self.title = text
        elif sink.kind == "style":
            named = text.lower().startswith(_HEADING_STYLES)
            if closed.style >= 0 and (named or closed.outline < 9):
                self._headings.add(closed.style)
        elif sink.kind == "sn":
            self._property = text
        elif sink.kind == "sv":
            if self._property == _DESCRIPTION and text:
                self._inner.append(Line(text))
        elif sink.kind in ("head", "foot", "inner"):
            self._end_paragraph(sink)
            target = {"head": self._heads, "foot": self._feet}.get(sink.kind, self._inner)
            target += sink.lines

    def _word(self, name: str, value: int | None, begins: bool) -> None:
        state = self._state
        if begins and self._destination(name):
            return
        if name == "u" and value is not None:
            self._flush()
            self._add(chr(value % 0x10000))
            self._ignore = state.fallback
        elif name == "uc":
            state.fallback = max(0, value or 0)
        elif name in _BREAKS:
            self._end_paragraph(state.sink)
        elif name in _CHARACTERS:
            self._flush()
            self._add(_CHARACTERS[name])
        elif name in ("v", "deleted"):
            self._flush()
            setattr(state, "hidden" if name == "v" else "deleted", value != 0)
        elif name == "plain":
            self._flush()
            state.hidden = state.deleted = False
            state.page = self._fonts.get(self._default_font, self._page)
        elif name == "pard":
            state.style, state.outline = -1, 9
        elif name == "s" and value is not None:
            state.style = value
        elif name == "outlinelevel" and value is not None:
            state.outline = value
        elif state.sink.kind == "date" and name in _DATE_WORDS:
            self._created[name] = value or 0
        else:
            self._encoding(name, value)

    def _encoding(self, name: str, value: int | None) -> None:
        state = self._state
        if name in ("f", "af") and value is not None:
            if state.sink.kind == "fonts":
                self._font = value
            elif name == "f":
                self._flush()
                state.page = self._fonts.get(value, self._page)
        elif name in ("fcharset", "cpg") and value is not None:
            page = _CHARSETS.get(value) if name == "fcharset" else _known(value)
            if state.sink.kind == "fonts" and page:
                # Western fonts are those of the file's own code page.
                self._fonts[self._font] = self._page if value == 0 else page
        elif name == "deff" and value is not None:
            self._default_font = value
        elif name in _PAGES or name == "ansicpg":
            self._flush()
            self._page = state.page = _PAGES.get(name) or _known(value or 0) or self._page

    def _destination(self, name: str) -> bool:
        """Whether a group of its own begins with that word."""
        state = self._state
        kind = {
            "title": "title", "creatim": "date", "fonttbl": "fonts", "sn": "sn", "sv": "sv",
            "info": "info", "stylesheet": "styles",
        }.get(name)  # fmt: skip
        if name in _HEADS | _FEET:
            kind = "head" if name in _HEADS else "foot"
        elif name in _INNER:
            kind = "inner"
        if name in _SKIPPED or (self._starred and name not in _STARRED):
            state.skipped = True
            # A style of characters begins with a star, too; none of them is a heading.
            return True
        if name == "upr":
            state.skipped = True  # up to its second half, which says the same in Unicode
            return True
        if name == "ud":
            state.skipped = False
            return True
        if state.sink.kind == "styles" and name == "s":
            state.sink = _Sink("style")
            return False
        if kind is None:
            return False
        state.sink = _Sink(kind)
        state.hidden = state.deleted = False
        return True

    def _symbol(self, symbol: bytes) -> None:
        if symbol in b"\r\n":
            self._end_paragraph(self._state.sink)
        elif symbol in _SYMBOLS:
            self._flush()
            self._add(_SYMBOLS[symbol])

    def _add_bytes(self, added: bytes) -> None:
        state = self._state
        if not (state.skipped or state.hidden or state.deleted):
            self._bytes += added

    def _flush(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._state.page, "replace")
            self._bytes.clear()
            self._add(text)

    def _add(self, text: str) -> None:
        state = self._state
        if state.skipped or state.hidden or state.deleted:
            return
        self._left -= len(text)
        if self._left < 0:
            raise BadInput(f"it holds more than {MAX_TEXT_CHARACTERS >> 20} million characters")
        state.sink.parts.append(text)

    def _end_paragraph(self, sink: _Sink) -> None:
        self._flush()
        text = _paired("".join(sink.parts))
        if sink.kind in ("body", "head", "foot", "inner"):
            sink.parts = []
            state = self._state
            heading = state.outline < 9 or state.style in self._headings
            if text.strip():
                sink.lines.append(Line(text, heading=heading and sink.kind == "body"))
            if sink.kind == "body":
                sink.lines += self._inner
                self._inner = []


def _known(number: int) -> str | None:
    """The codec of a code page."""
    name = {65001: "utf-8", 10000: "mac_roman"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _paired(text: str) -> str:
    """Text in which halves of pairs, as \\u writes them, are characters."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
