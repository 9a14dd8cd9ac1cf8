"""Which column of a table, or field of a record, holds the text and which the title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from retrieve.documents.lines import Line
from retrieve.errors import BadInput
from retrieve.text.tokens import plain

TEXT_NAMES = ("text", "texto", "content", "contenido", "body", "cuerpo", "passage", "pasaje")
TITLE_NAMES = ("title", "titulo", "titular", "headline")
SAMPLE_RECORDS = 200  # from which the longest column is told
_SHOWN_NAMES = 12


def text_column(records: Sequence[Mapping[str, str]], wanted: str | None) -> str:
    """The name of the column that holds the text.

    records  the first ones; column names to texts
    wanted   by the user; capitals do not count
    raises   BadInput if no column has that name, or none holds text

    Without a wish: the first of TEXT_NAMES that is there, capitals and accents aside; else
    the column that is longest on average.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    if wanted is not None:
        if wanted in names:
            return wanted
        for name in names:
            if name.casefold() == wanted.casefold():
                return name
        shown = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
        raise BadInput(f"it has no column '{wanted}', but {shown or 'none'}")
    named = _first_named(names, TEXT_NAMES)
    if named is not None:
        return named
    lengths = {name: sum(len(record.get(name, "")) for record in records) for name in names}
    if not any(lengths.values()):
        raise BadInput("none of its columns holds text")
    return max(names, key=lambda name: lengths[name])


def title_column(names: Sequence[str], text: str) -> str | None:
    """The name of the column that holds the title, if one is called so."""
    return _first_named([name for name in names if name != text], TITLE_NAMES)


def record_lines(text: str, title: str, record: int, line: int, *, spans: bool) -> Iterator[Line]:
    """The text of one record, line by line.

    line   of the file where the record begins
    spans  whether line breaks of the text are lines of the file
    """
    begins = True
    for offset, part in enumerate(text.splitlines()):
        if part.strip():
            at = line + offset * spans
            yield Line(part, begins=begins, title=title, record=record, line=at)
        begins = not part.strip()


def _first_named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    simple = {plain(name.strip().casefold()): name for name in reversed(names)}
    return next((simple[name] for name in wanted if name in simple), None)
