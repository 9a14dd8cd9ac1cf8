"""What XLSX and ODS share: rows of cells as they are shown → records under the sheet's name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from retrieve.documents.formats.records.columns import TITLE_NAMES
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, clean
from retrieve.errors import BadInput
from retrieve.text.tokens import plain

MAX_CELLS = 1_000_000  # of one file that hold something; beyond, the rest is left out
_NAME_CHARACTERS = 40  # of a column's name, at most

Row = tuple[int, dict[int, str]]  # its number in the sheet, from 1; texts by column, from 0


@dataclass(slots=True)
class Sheets:
    """Reads the sheets of one file, up to a number of cells and characters in all.

    column   the one to read alone, by its name or its number from 1; None for all
    remarks  gets a line where a sheet is not read to its end
    """

    column: str | None
    remarks: list[str]
    cells: int = field(default_factory=lambda: MAX_CELLS)
    characters: int = MAX_TEXT_CHARACTERS // 2
    met: bool = False  # the column, in some sheet

    def lines(self, name: str, rows: Iterable[Row]) -> Iterator[Line]:
        """The rows of one sheet, each a record with the number that the sheet gives it.

        The first row names the columns if its cells are different, short and no numbers.
        """
        yield Line(name, heading=True)
        names: dict[int, str] | None = None
        for number, row in rows:
            self.cells -= len(row)
            self.characters -= sum(map(len, row.values()))
            if self.cells < 0 or self.characters < 0:
                self.remarks.append(f"'{name}' is read up to row {number}: the file holds too much")
                return
            if names is None:
                names = _header(row) or {}
                self.met |= bool(names) and self._wanted(names, row) is not None
                if names:
                    if self.column is None:
                        yield Line(" ".join(row.values()), title=name, record=number)
                    continue
            yield from self._row(name, names, number, row)

    def finish(self) -> None:
        """raises  BadInput if no sheet has the column that is wanted"""
        if self.column is not None and not self.met:
            raise BadInput(f"no sheet of it has a column '{self.column}'")

    def _row(
        self, name: str, names: dict[int, str], number: int, row: dict[int, str]
    ) -> Iterator[Line]:
        if self.column is None:
            text = " ".join(row[at] for at in sorted(row))
        else:
            at = self._wanted(names, row)
            self.met |= at is not None
            text = "" if at is None else row.get(at, "")
        titled = next(
            (at for at, each in names.items() if plain(each.casefold()) in TITLE_NAMES), -1
        )
        title = row.get(titled, "") if text != row.get(titled) else ""
        for part in text.splitlines():
            yield Line(part, title=f"{name}: {title}" if title else name, record=number)

    def _wanted(self, names: dict[int, str], row: dict[int, str]) -> int | None:
        wanted = (self.column or "").casefold()
        named = next((at for at, name in names.items() if name.casefold() == wanted), None)
        if named is None and wanted.isdecimal() and 0 < int(wanted) <= 1 + max(row, default=-1):
            return int(wanted) - 1
        return named


def _header(row: dict[int, str]) -> dict[int, str] | None:
    """The names of the columns, if a row holds names."""
    names = {at: clean(text) for at, text in row.items()}
    if len(names) < 2 or len(set(names.values())) < len(names):
        return None
    return names if all(map(_is_name, names.values())) else None


def _is_name(text: str) -> bool:
    short = 0 < len(text) <= _NAME_CHARACTERS and not text.endswith((".", "!", "?"))
    return short and any(map(str.isalpha, text)) and not text[0].isdecimal()
