"""PDFium's view of a document: its pages, their characters with places, fields and notes.

Everything here runs in the process of apart.py, which may die of a hostile page.
Source: the public headers fpdfview.h, fpdf_text.h, fpdf_annot.h of PDFium.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from retrieve.documents.formats.pdf.layout import Glyphs, Piece, blocks, pieces
from retrieve.documents.lines import clean
from retrieve.errors import BadInput

_HYPHENS = (2, 0xFFFE)  # what PDFium makes of a hyphen at the end of a line
_UNKNOWN = "\ufffd"  # a character whose font says not which one it is
_BLANKS = frozenset((9, 10, 13, 32, 0xA0, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000))
_CODES = 0x110000  # characters of Unicode
_QUADRANT = 90  # degrees
_EVEN = 0.1  # of the height: letters differ less on one line
_WIDEST, _NARROWEST = 1.3, 0.1  # heights a letter of a word
_STRAIGHT = 3  # degrees from upright, or from a quarter turn, within which text is
_MOST_NOTES = 5000  # of a page
_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_UNSHOWN = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP)
_VALUED = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
)
_PASSWORD = 1 << 13  # flag of a field whose value no viewer shows

# The same functions, but an address is enough, and no lock is let go for each character.
_BOX = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)
_FLAG = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_CODE, _GENERATED, _UNMAPPED = (
    _FLAG(ctypes.cast(function, ctypes.c_void_p).value or 0)
    for function in (
        pdfium.FPDFText_GetUnicode,
        pdfium.FPDFText_IsGenerated,
        pdfium.FPDFText_HasUnicodeMapError,
    )
)
_ANGLE = ctypes.PYFUNCTYPE(ctypes.c_float, ctypes.c_void_p, ctypes.c_int)(
    ctypes.cast(pdfium.FPDFText_GetCharAngle, ctypes.c_void_p).value or 0
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds.

    columns   lines of each column
    seen      characters that are drawn
    unmapped  of them, those whose font does not say what they are
    """

    columns: list[list[str]] = field(default_factory=list)
    seen: int = 0
    unmapped: int = 0


@dataclass(frozen=True, slots=True)
class _Note:
    """What a field or a note of a page says, and where."""

    text: str
    box: tuple[float, float, float, float]  # left, bottom, right, top
    on_page: bool  # or opened by a click


class Pdf:
    """An open document; a context manager is not needed, since its process ends with it.

    raises  BadInput if it is encrypted or cannot be opened
    """

    def __init__(self, content: bytes) -> None:
        self._content = content  # PDFium reads from it as long as the document is open
        self._document = pdfium.FPDF_LoadMemDocument64(content, len(content), b"")
        if not self._document:
            error = pdfium.FPDF_GetLastError()
            if error == pdfium.FPDF_ERR_PASSWORD:
                raise BadInput("encrypted: it opens only with a password")
            if error == pdfium.FPDF_ERR_SECURITY:
                raise BadInput("encrypted in a way that cannot be read")
            raise BadInput("not a PDF, or damaged")
        self.pages = max(0, pdfium.FPDF_GetPageCount(self._document))
        self._filling: Any = None

    @property
    def handle(self) -> Any:
        """PDFium's own."""
        return self._document

    def stated(self, key: str) -> str:
        """An entry of its information: Title, CreationDate; "" without one."""
        name = key.encode()
        return _utf16(
            lambda buffer, size: pdfium.FPDF_GetMetaText(self._document, name, buffer, size)
        )

    def page(self, number: int) -> Page | None:
        """A page, from 0; None if it cannot be opened."""
        page = pdfium.FPDF_LoadPage(self._document, number)
        if not page:
            return None
        notes: list[_Note] = []
        count = pdfium.FPDFPage_GetAnnotCount(page)
        if count > 0:
            notes = list(self._notes(page, min(count, _MOST_NOTES)))
        if notes:
            # What fields and notes look like becomes a part of the page.
            pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)
            pdfium.FPDF_ClosePage(page)
            page = pdfium.FPDF_LoadPage(self._document, number)
            if not page:
                return None
        drawn = pdfium.FPDFText_LoadPage(page)
        if not drawn:
            pdfium.FPDF_ClosePage(page)
            return None
        try:
            return _read(drawn, notes)
        finally:
            pdfium.FPDFText_ClosePage(drawn)
            pdfium.FPDF_ClosePage(page)

    def _notes(self, page: Any, count: int) -> Iterator[_Note]:
        filling = self._form()
        for number in range(count):
            note = pdfium.FPDFPage_GetAnnot(page, number)
            if not note:
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(note)
            if kind not in _UNSHOWN and not pdfium.FPDFAnnot_GetFlags(note) & _HIDDEN:
                on_page = kind in (pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT)
                is_field = kind == pdfium.FPDF_ANNOT_WIDGET
                text = _value(filling, note) if is_field else _contents(note)
                rect = pdfium.FS_RECTF()
                pdfium.FPDFAnnot_GetRect(note, rect)
                yield _Note(text, (rect.left, rect.bottom, rect.right, rect.top), on_page)
            pdfium.FPDFPage_CloseAnnot(note)

    def _form(self) -> Any:
        if self._filling is None:
            self._form_info = pdfium.FPDF_FORMFILLINFO(version=2, xfa_disabled=True)
            self._filling = pdfium.FPDFDOC_InitFormFillEnvironment(self._document, self._form_info)
        return self._filling


def _contents(note: Any) -> str:
    return _utf16(
        lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(
            note, b"Contents", _words(buffer), size
        )
    )


def _value(filling: Any, note: Any) -> str:
    """The text of a form's field, "" of buttons, signatures and passwords."""
    if not filling or pdfium.FPDFAnnot_GetFormFieldType(filling, note) not in _VALUED:
        return ""
    if pdfium.FPDFAnnot_GetFormFieldFlags(filling, note) & _PASSWORD:
        return ""
    return _utf16(
        lambda buffer, size: pdfium.FPDFAnnot_GetFormFieldValue(filling, note, _words(buffer), size)
    )


def _words(buffer: Any) -> Any:
    return ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))


def _utf16(ask: Callable[[Any, int], int]) -> str:
    """A text as PDFium gives it: first its size, then itself."""
    size = ask(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    ask(buffer, size)
    return buffer.raw[:size].decode("utf-16-le", "replace").rstrip("\0")


def _read(drawn: Any, notes: list[_Note]) -> Page:
    count = max(0, pdfium.FPDFText_CountChars(drawn))
    address = ctypes.cast(drawn, ctypes.c_void_p).value or 0
    every = range(count)
    codes = _codes(drawn, count)
    unmapped = np.fromiter(map(_UNMAPPED, repeat(address, count), every), np.int8, count) == 1
    blank = np.isin(codes, list(_BLANKS)) & ~unmapped
    hyphen = np.isin(codes, _HYPHENS) & ~unmapped
    doubtful = np.flatnonzero(blank | hyphen).tolist()
    generated = np.zeros(count, bool)
    generated[doubtful] = [_GENERATED(address, at) == 1 for at in doubtful]
    codes[hyphen] = ord("-")
    shown = ~blank & ~generated & (unmapped | (codes >= 32))
    seen = int(np.count_nonzero(shown))
    unreadable = unmapped | _private(codes)
    codes[(codes < 0) | (codes >= _CODES) | (unmapped & (codes == 0))] = ord(_UNKNOWN)
    shown &= codes > 0
    seen_as = np.where(unreadable, ord(_UNKNOWN), codes).astype("<u4")
    text: list[str] = seen_as.view("<U1").tolist()
    _join_pairs(codes, text)
    before = np.zeros(count, bool)  # whether a blank is drawn before a character
    before[1:] = (blank & ~generated)[:-1]
    starts, ends, boxes = _units(address, shown)
    turns = _turns(address, starts, boxes)
    columns: list[list[str]] = []
    for turn in sorted(set(turns.tolist())):
        which = np.flatnonzero(turns == turn)
        first, last = starts[which], ends[which]
        texts = [
            text[start] if end - start == 1 else "".join(text[start:end])
            for start, end in zip(first.tolist(), last.tolist(), strict=True)
        ]
        if turn % _QUADRANT:  # aslant: as it is drawn
            gaps = (np.add.reduceat(blank, first) > 0).tolist()
            gaps[-1] = False
            letters = (unit + " " * gap for unit, gap in zip(texts, gaps, strict=True))
            columns.append(["".join(letters)])
            continue
        found = pieces(Glyphs(texts, codes[first], _upright(boxes[which], turn), before[first]))
        if turn == 0:
            found += _unseen(notes, text, found)
        columns += blocks(found)
    if notes and not (turns == 0).any():
        columns += blocks(_unseen(notes, text, []))
    if notes:
        known = {word for column in columns for line in column for word in clean(line).split()}
        for note in notes:
            if not note.on_page and not set(clean(note.text).split()) <= known:
                columns.append(note.text.replace("\r", "\n").split("\n"))
    lost = int(np.count_nonzero(unmapped & shown & ~_is_symbol(codes)))
    return Page([_readable(column) for column in columns], seen, lost)


def _units(
    address: int, shown: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Where what stands together begins and ends, and its boxes (N, 4): left, bottom, right, top.

    What PDFium took for one word is one, if its first and last letter stand as they should in
    one that is written upright; the letters of others are looked at one by one.
    """
    first = shown & ~np.concatenate([[False], shown[:-1]])
    last = shown & ~np.concatenate([shown[1:], [False]])
    begin, end = np.flatnonzero(first), np.flatnonzero(last)
    one, other = _boxes(address, begin), _boxes(address, end)
    count = end - begin + 1
    height = np.maximum(one[:, 3] - one[:, 1], 0.1)
    width = other[:, 2] - one[:, 0]
    whole = (
        (np.abs(other[:, [1, 3]] - one[:, [1, 3]]) < _EVEN * height[:, None]).all(axis=1)
        & (other[:, 0] > one[:, 0])
        & (width < _WIDEST * height * count)
        & (width > _NARROWEST * height * count)
    )
    word = np.cumsum(first) - 1
    singly = np.flatnonzero(shown & ~whole[word]) if len(whole) else begin
    joined = one[whole]
    joined[:, 2] = other[whole, 2]
    starts = np.concatenate([begin[whole], singly])
    ends = np.concatenate([end[whole], singly]) + 1
    boxes = np.concatenate([joined, _boxes(address, singly)])
    order = np.argsort(starts)
    order = order[np.isfinite(boxes[order]).all(axis=1)]
    return starts[order], ends[order], boxes[order]


def _boxes(address: int, which: NDArray[np.int64]) -> NDArray[np.float32]:
    """(N, 4) left, bottom, right, top of characters; NaN where PDFium knows none."""
    rects = np.zeros((len(which), 4), np.float32)  # left, top, right, bottom
    start = rects.ctypes.data
    every = range(start, start + 16 * len(which), 16)
    placed = np.fromiter(map(_BOX, repeat(address), which.tolist(), every), np.int8, len(which))
    rects[placed != 1] = np.nan
    return rects[:, [0, 3, 2, 1]]


def _codes(drawn: Any, count: int) -> NDArray[np.int64]:
    """The characters of a page: all at once where PDFium gives them so, else one by one."""
    buffer = np.zeros(count + 1, np.uint16)
    given = pdfium.FPDFText_GetText(
        drawn, 0, count, buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
    )
    if given == count + 1 and buffer[:count].all():
        return buffer[:count].astype(np.int64)
    address = ctypes.cast(drawn, ctypes.c_void_p).value or 0
    return np.fromiter(map(_CODE, repeat(address, count), range(count)), np.int64, count)


def _unseen(notes: list[_Note], text: list[str], known: list[Piece]) -> list[Piece]:
    """What fields and notes hold that is not drawn: no program has made them look like it."""
    drawn = "".join(text)
    packed = {"".join(drawn.split())}
    found = []
    for note in notes:
        if not note.on_page or not note.text.strip():
            continue
        if any("".join(note.text.split()) in known_text for known_text in packed):
            continue
        left, bottom, right, top = note.box
        lines = [line for line in note.text.replace("\r", "\n").split("\n") if line.strip()]
        height = (top - bottom) / len(lines)
        for at, line in enumerate(lines):
            high = top - at * height
            found.append(Piece(line, left, high - height, right, high, len(known) + at))
    return found


def _private(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Codes that mean something in one font alone."""
    return ((codes >= 0xE000) & (codes < 0xF900)) | (codes >= 0xF0000)


def _is_symbol(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (codes >= 0xF000) & (codes < 0xF100)  # bullets and arrows of symbol fonts


def _join_pairs(codes: NDArray[np.int64], text: list[str]) -> None:
    """Two halves of a character beyond 16 bits, as PDFium may give them, become one."""
    for at in np.flatnonzero((codes >= 0xD800) & (codes < 0xDC00)).tolist():
        if at + 1 < len(text) and 0xDC00 <= codes[at + 1] < 0xE000:
            text[at] = chr(
                0x10000 + ((int(codes[at]) & 0x3FF) << 10) + (int(codes[at + 1]) & 0x3FF)
            )


def _turns(
    address: int, starts: NDArray[np.int64], boxes: NDArray[np.float32]
) -> NDArray[np.int16]:
    """Degrees anticlockwise at which each character stands, quarters exactly.

    Only those are asked that do not stand right of the one before: others share its turn.
    """
    if not len(starts):
        return np.zeros(0, np.int16)
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 0.1)
    follows = (
        (np.abs(np.diff(middle)) < _EVEN * height[1:])
        & (np.diff(boxes[:, 0]) > 0)
        & (np.abs(boxes[1:, 0] - boxes[:-1, 2]) < height[1:])
    )
    asked = np.concatenate([[True], ~follows])
    known = [_turn(_ANGLE(address, number)) for number in starts[asked].tolist()]
    return np.repeat(np.array(known, np.int16), np.diff(np.flatnonzero([*asked, True])))


def _turn(radians: float) -> int:
    if not math.isfinite(radians) or radians < 0:
        return 0
    degrees = -round(math.degrees(radians)) % 360  # PDFium's go clockwise
    near = round(degrees / _QUADRANT) * _QUADRANT
    return near % 360 if abs(degrees - near) <= _STRAIGHT else degrees


def _upright(boxes: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    left, bottom, right, top = boxes.T
    sides = {
        0: (left, bottom, right, top),
        90: (bottom, -right, top, -left),
        180: (-right, -top, -left, -bottom),
        270: (-top, left, -bottom, right),
    }[turn]
    return np.stack(sides, axis=1)


def _readable(column: list[str]) -> list[str]:
    """Lines without the words of which most letters are unknown."""
    if not any(_UNKNOWN in line for line in column):
        return column
    return [
        " ".join(word for word in line.split(" ") if 2 * word.count(_UNKNOWN) <= len(word))
        for line in column
    ]
