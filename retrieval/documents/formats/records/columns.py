"""Which cells of a record are its text and its title, for tables and JSON alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from retrieve.documents.divided import join_divided
from retrieve.documents.lines import Line
from retrieve.errors import BadInput
from retrieve.text.tokens import plain

TEXT_NAMES = ("text", "texto", "content", "contenido", "body", "cuerpo", "passage", "pasaje")
TITLE_NAMES = ("title", "titulo", "titular", "headline")
SAMPLE_RECORDS = 200  # from which the columns are told
_SHOWN_NAMES = 12
_OPAQUE_FROM = 32  # characters
_OPAQUE = re.compile(r"[0-9a-fA-F-]{32,}|(?:data:|[A-Za-z0-9+/=_-]{200})\S*")


@dataclass(frozen=True, slots=True)
class Columns:
    """How the cells of a record are read.

    text   the name of the column that holds the text, None where all of them do
    title  the name of the one that holds the title, or None
    alone  the text's column was asked for by name: no other is read
    left   names of columns that are left out
    """

    text: str | None
    title: str | None
    alone: bool = False
    left: frozenset[str] = frozenset()


def columns(records: Sequence[Mapping[str, str]], wanted: str | None) -> Columns:
    """How to read records like the first ones.

    records  column names to texts
    wanted   by the user: the one column to read; capitals do not count
    raises   BadInput if no column has that name, or none holds text

    Without a wish every column is read, the first of TEXT_NAMES that is there before the
    others, but for one that only counts the records.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    if wanted is not None:
        return _one(names, wanted)
    if not any(cell for record in records for cell in record.values()):
        raise BadInput("none of its columns holds text")
    title = first_named(names, TITLE_NAMES)
    others = [name for name in names if name != title]
    left = frozenset(name for name in others if _counts(records, name))
    return Columns(first_named(others, TEXT_NAMES), title, left=left)


def record_lines(
    cells: Mapping[str, str], how: Columns, record: int | None, line: int, *, spans: bool
) -> Iterator[Line]:
    """The text of one record, line by line: its text, then its other cells.

    line   of the file where the record begins
    spans  whether line breaks of the text are lines of the file
    """
    title = cells.get(how.title, "") if how.title else ""
    texts = [] if how.text is None else [cells.get(how.text, "")]
    if not how.alone:
        beside = (how.text, how.title, *how.left)
        texts += [cell for name, cell in cells.items() if name not in beside]
        texts = [cell for cell in texts if cell.strip() and not is_opaque(cell)]
        if not texts:
            texts, title = [title], ""  # lest it be lost
    for text in _together(texts):
        begins = True
        if "\n" in text or "\r" in text:
            text = join_divided(text)
        for offset, part in enumerate(text.splitlines()):
            if part.strip():
                at = line + offset * spans
                yield Line(part, begins=begins, title=title, record=record, line=at)
            begins = not part.strip()


def _together(cells: Sequence[str]) -> Iterator[str]:
    """The cells, those of one line joined with their neighbours: a row is read as one."""
    waiting: list[str] = []
    for cell in cells:
        if "\n" not in cell:
            waiting.append(cell.strip())
            continue
        if waiting:
            yield " ".join(waiting)
            waiting = []
        yield cell
    if waiting:
        yield " ".join(waiting)


def is_opaque(text: str) -> bool:
    """Whether a text is a hash, a UUID or data in letters, which nobody reads."""
    return len(text) >= _OPAQUE_FROM and _OPAQUE.fullmatch(text.strip()) is not None


def _one(names: list[str], wanted: str) -> Columns:
    for name in (wanted, *names):
        if name in names and name.casefold() == wanted.casefold():
            titled = first_named([other for other in names if other != name], TITLE_NAMES)
            return Columns(name, titled, alone=True)
    shown = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
    raise BadInput(f"it has no column '{wanted}', but {shown or 'none'}")


def _counts(records: Sequence[Mapping[str, str]], name: str) -> bool:
    """Whether the cells of a column are numbers from 0 or 1 on: they say nothing."""
    cells = [record.get(name, "").strip() for record in records]
    if len(cells) < 2 or cells[0] not in ("0", "1"):
        return False
    return all(cell == str(int(cells[0]) + at) for at, cell in enumerate(cells))


def first_named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    simple = {plain(name.strip().casefold()): name for name in reversed(names)}
    return next((simple[name] for name in wanted if name in simple), None)
