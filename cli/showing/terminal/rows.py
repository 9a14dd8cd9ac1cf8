"""A table that a narrow terminal shows row under row instead of squeezing its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult

NARROW = 60  # columns up to which nothing is folded: what does not fit is stacked
FOLDED = 24  # columns that a folded text keeps at least; paths in less are hard to read
GAP = 2  # between columns
INDENT = 2  # of what stands below the head of a stacked row


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    right    a number, at the right
    folds    a text that may be long: it gets what room is left
    picture  of a fixed number of characters; beside the text where the row is stacked
    """

    name: str
    right: bool = False
    folds: bool = False
    picture: int = 0


@dataclass(slots=True)
class Rows:
    """Cells under columns, as Rich draws them; a cell is a text, or a picture in a picture column.

    A table, if its columns fit with folded ones not too narrow; else each row is stacked: names
    and values one after another, as many as a line holds, blank ones left out.
    """

    columns: Sequence[Column]
    title: Text | None = None
    rows: list[Sequence[RenderableType]] = field(default_factory=list)

    def add(self, *cells: RenderableType) -> None:
        """One more row, a cell for each column; a str is no markup."""
        assert len(cells) == len(self.columns)
        self.rows.append([Text(cell) if isinstance(cell, str) else cell for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A table, or its rows stacked."""
        if self._fits(console, options):
            yield self._table()
            return
        if self.title is not None:
            yield Text(self.title.plain, "italic", overflow="fold")
        for row in self.rows:
            yield self._stacked(row, console, options.max_width)

    def _fits(self, console: Console, options: ConsoleOptions) -> bool:
        if not self.rows:
            return True
        wide = options.update(max_width=10_000)
        whole, least = [], []
        for number, column in enumerate(self.columns):
            cells = [Text(column.name), *(row[number] for row in self.rows)]
            most = column.picture or max(
                Measurement.get(console, wide, cell).maximum for cell in cells
            )
            whole.append(most)
            least.append(min(most, FOLDED) if column.folds else most)
        gaps = GAP * (len(self.columns) - 1)
        if sum(whole) + gaps <= options.max_width:
            return True
        return options.max_width > NARROW and sum(least) + gaps <= options.max_width

    def _table(self) -> Table:
        made = Table(title=self.title, title_justify="left", box=None, pad_edge=False)
        for column in self.columns:
            side: JustifyMethod = "right" if column.right else "left"
            made.add_column(
                Text(column.name),
                justify=side,
                no_wrap=not column.folds,
                overflow="fold",
                width=column.picture or None,
            )
        for row in self.rows:
            made.add_row(*row)
        return made

    def _stacked(
        self, row: Sequence[RenderableType], console: Console, width: int
    ) -> RenderableType:
        """Names and values of one row, beside its picture if it has one."""
        pieces: list[Text] = []
        beside: tuple[RenderableType, int] | None = None
        for column, cell in zip(self.columns, row, strict=True):
            if column.picture:
                beside = cell, column.picture
                continue
            assert isinstance(cell, Text)
            value = Text("").join(cell.split("\n"))
            if not value.plain:
                continue
            name = "" if column.name in ("", "#") else f"{column.name}: "
            piece = Text.assemble((name, "dim"), value)
            if not pieces:
                piece.stylize("bold")
            pieces.append(piece)
        if beside is None:
            return _packed(pieces, console, width)
        picture, taken = beside
        both = Table.grid(padding=(0, GAP, 0, 0))
        both.add_column(width=taken)
        both.add_column()
        both.add_row(picture, _packed(pieces, console, width - taken - GAP))
        return both


def _packed(pieces: Sequence[Text], console: Console, width: int) -> Text:
    """Pieces one after another, two blanks between, no line longer than the width."""
    lines = [Text()]
    for piece in pieces:
        last = lines[-1]
        begun = bool(last.plain.strip())
        if begun and last.cell_len + 2 + piece.cell_len <= width:
            last.append("  ").append_text(piece)
            continue
        indent = INDENT if begun or len(lines) > 1 else 0
        for part in _folded(piece, console, width - INDENT):
            line = Text(" " * indent).append_text(part)
            if last.plain:
                lines.append(line)
            else:
                lines[-1] = line
            last, indent = lines[-1], INDENT
    return Text("\n", no_wrap=True).join(lines)


def _folded(piece: Text, console: Console, width: int) -> list[Text]:
    """Lines of a piece: broken at blanks, or anywhere if a word, like a path, is longer."""
    if max(map(cell_len, piece.plain.split())) <= width:
        lines = [*piece.wrap(console, width, overflow="fold")]
        for line in lines:
            line.rstrip()
        return lines
    ends, room = [], width
    for at, letter in enumerate(piece.plain):
        if cell_len(letter) > room:
            ends.append(at)
            room = width
        room -= cell_len(letter)
    return [*piece.divide(ends)]
