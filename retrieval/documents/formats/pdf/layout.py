"""Characters with places → lines in reading order: words by gaps, columns one after another.

What a file draws together says little: letters may be drawn one by one, and two columns line
by line. So words, lines and columns come from where the characters stand. A column is told from
a table by its prose: rows of a table have short cells.

Sources: Breuel 2002, "Two geometric algorithms for layout analysis" (columns are where white
stands between texts); the thresholds were set on the files of benchmarks/pdf.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

# All in heights of a character's box, which is some 1.15 of the size of its font.
_WORD_GAP = 0.15  # without a blank drawn in it; a blank has 0.24 and is 0.19 at least in TeX
_DRAWN_GAP = 0.04  # a blank that is drawn but leaves no room is none
_PIECE_GAP = 0.8  # more may be a gutter between columns
_BACK = 0.6  # what goes back farther is not the same word
_SAME_LINE = 0.5  # of the lower one's height: superscripts belong to the line
_TOUCHING = 0.12  # pieces nearer than this are one word
_SPACED = 0.1  # median gap of letters that were spaced out
_GUTTER = 0.3
_COLUMN_ROWS = 3  # on both sides
_COLUMN_LETTERS = 10  # in the median row of a column; cells of tables have less
_COLUMN_FILL = 0.55  # of the column's width by its median row
_EDGE = 3.0  # points within which left edges are one
_MOST_PIECES = 4000  # of a page that is looked at for columns; a page of a newspaper has 1,500
_CJK = 0x2E80


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """Characters of one direction, in the order in which they are drawn, turned upright.

    text   of each: a letter, or a word whose letters stand where they should
    codes  (N,) int64: the first letter of each
    boxes  (N, 4) float32: left, bottom, right, top; y grows upward
    blank  (N,) bool: whether a blank is drawn before it
    """

    text: list[str]
    codes: NDArray[np.int64]
    boxes: NDArray[np.float32]
    blank: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text without a wide gap in it, as `left`, `bottom`, `right`, `top` bound it."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    order: int  # in which it is drawn
    leftward: bool = False  # read from the right

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def blocks(pieces: Sequence[Piece]) -> Iterator[list[str]]:
    """The lines of each column, or of what stands above, between and below columns."""
    for rows in arranged(pieces):
        yield [_joined(row) for row in rows]


def arranged(pieces: Sequence[Piece]) -> Iterator[list[list[Piece]]]:
    """The same, the pieces of each line from the left."""
    waiting = [list(pieces)]
    while waiting:
        part = waiting.pop()
        split = _columns(part) if len(part) <= _MOST_PIECES else None
        if split is None:
            if rows := _rows(part):
                yield rows
        else:
            waiting += reversed([part for part in split if part])


def pieces(glyphs: Glyphs) -> list[Piece]:
    """Characters → pieces of lines with blanks where there is room for them."""
    if not glyphs.text:
        return []
    left, bottom, right, top = glyphs.boxes.T
    height = np.maximum(top - bottom, 0.1)
    low = np.minimum(height[1:], height[:-1])
    wide = np.maximum(height[1:], height[:-1])
    shared = np.minimum(top[1:], top[:-1]) - np.maximum(bottom[1:], bottom[:-1])
    leftward = _are_leftward(glyphs.codes)
    gap = np.where(leftward[1:] & leftward[:-1], left[:-1] - right[1:], left[1:] - right[:-1])
    over = np.abs((left[1:] + right[1:]) - (left[:-1] + right[:-1])) < 0.5 * wide
    far = glyphs.codes >= _CJK
    step = ((top + bottom)[:-1] - (top + bottom)[1:]) / 2
    down = over & far[1:] & far[:-1] & (step > 0.5 * low) & (step < 1.3 * low)  # written downward
    apart = (shared < _SAME_LINE * low) | (gap > _PIECE_GAP * wide) | (gap < -_BACK * wide)
    starts = [0, *(np.flatnonzero(apart & ~down) + 1).tolist(), len(glyphs.text)]
    spaced = (gap > _WORD_GAP * wide) | (glyphs.blank[1:] & (gap > _DRAWN_GAP * wide))
    spaced &= ~down
    single = np.fromiter(
        (len(text) == 1 and text.isalpha() for text in glyphs.text), bool, len(glyphs.text)
    )
    single = single[1:] & single[:-1]
    loose = np.concatenate([[0], np.cumsum((gap > _SPACED * low) & single)])
    first_of = np.array(starts[:-1])
    sides = zip(
        np.minimum.reduceat(left, first_of).tolist(),
        np.minimum.reduceat(bottom, first_of).tolist(),
        np.maximum.reduceat(right, first_of).tolist(),
        np.maximum.reduceat(top, first_of).tolist(),
        strict=True,
    )
    found = []
    for (start, end), bounds in zip(pairwise(starts), sides, strict=True):
        inside = spaced[start : end - 1]
        if end - start > 3 and 2 * (loose[end - 1] - loose[start]) > end - 1 - start:
            part = slice(start, end - 1)
            inside = np.where(
                single[part],
                _unspaced(gap[part], low[part], glyphs.blank[start + 1 : end]),
                inside,
            )
        text = glyphs.text[start]
        if end - start > 1:
            letters = glyphs.text[start:end]
            for at in (np.flatnonzero(inside) + 1).tolist():
                letters[at] = " " + letters[at]
            text = "".join(letters)
        found.append(Piece(text, *bounds, start, bool(leftward[start])))
    return found


def _unspaced(
    gaps: NDArray[np.float32],
    heights: NDArray[np.float32],
    blanks: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Where blanks stand in a piece whose letters were spaced out."""
    usual = float(np.median(gaps / heights))
    return blanks | (gaps > (1.5 * usual + _WORD_GAP) * heights)


def _are_leftward(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which characters are Hebrew, Arabic or another script that is read from the right."""
    return (
        ((codes >= 0x590) & (codes < 0x900))
        | ((codes >= 0xFB1D) & (codes < 0xFE00))
        | ((codes >= 0xFE70) & (codes < 0xFF00))
    )


def _rows(part: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces side by side, from the top; each row from its left."""
    rows: list[list[Piece]] = []
    for piece in sorted(part, key=lambda piece: -piece.middle):
        if rows:
            known = rows[-1][0]
            shared = min(piece.top, known.top) - max(piece.bottom, known.bottom)
            if shared >= _SAME_LINE * max(min(piece.height, known.height), 0.1):
                rows[-1].append(piece)
                continue
        rows.append([piece])
    for row in rows:
        row.sort(key=lambda piece: piece.left)
    return rows


def _joined(row: list[Piece]) -> str:
    """The text of a row; Arabic and Hebrew ones are read from the right."""
    if sum(piece.leftward for piece in row) * 2 > len(row):
        return " ".join(piece.text for piece in reversed(row))
    text = row[0].text
    for before, piece in pairwise(row):
        gap = piece.left - before.right
        if (
            gap < 0
            and piece.text == before.text
            and before.right - piece.left > 0.5 * (piece.right - piece.left)
        ):
            continue  # drawn twice to look bold
        near = gap < _TOUCHING * max(min(piece.height, before.height), 0.1)
        text += piece.text if near else " " + piece.text
    return text


def _columns(part: list[Piece]) -> list[list[Piece]] | None:
    """What stands above two columns, the left one, the right one, what stands below; or None."""
    if len(part) < 2 * _COLUMN_ROWS:
        return None
    left = np.array([piece.left for piece in part])
    right = np.array([piece.right for piece in part])
    middle = np.array([piece.middle for piece in part])
    best: tuple[int, float, float, float] | None = None
    for edge in _edges(left):
        before, after = right <= edge, left >= edge - 0.1
        if min(np.count_nonzero(before), np.count_nonzero(after)) < _COLUMN_ROWS:
            continue
        between = np.sort(middle[~before & ~after])
        bounds = [-np.inf, *between.tolist(), np.inf]
        place = np.searchsorted(between, middle)
        counts = np.minimum(
            np.bincount(place[before], minlength=len(bounds)),
            np.bincount(place[after], minlength=len(bounds)),
        )
        for at in np.flatnonzero(counts >= _COLUMN_ROWS).tolist():
            inside = place == at
            one, other = (
                [part[n] for n in np.flatnonzero(inside & side).tolist()]
                for side in (before, after)
            )
            rows = _rows_of_columns(one, other, edge)
            if rows and (best is None or rows > best[0]):
                best = rows, edge, bounds[at], bounds[at + 1]
    if best is None:
        return None
    _, edge, low, high = best
    above, below, one, other = list[Piece](), list[Piece](), list[Piece](), list[Piece]()
    for piece in part:
        if piece.middle >= high:
            above.append(piece)
        elif piece.middle <= low:
            below.append(piece)
        elif piece.right <= edge:
            one.append(piece)
        elif piece.left >= edge - 0.1:
            other.append(piece)
        else:  # as high as what crosses the gutter
            below.append(piece)
    if not one or not other:
        return None
    return [above, one, other, below]


def _edges(left: NDArray[np.float64]) -> list[float]:
    """Left edges that several pieces share."""
    found, known = [], np.sort(left)
    groups = np.split(known, np.flatnonzero(np.diff(known) > _EDGE) + 1)
    for group in groups[1:]:  # nothing stands left of the first
        if len(group) >= _COLUMN_ROWS:
            found.append(float(group[0]))
    return found


def _rows_of_columns(one: list[Piece], other: list[Piece], edge: float) -> int:
    """How many rows two columns have side by side; 0 if they are none."""
    gutter = edge - max(piece.right for piece in one)
    if gutter < _GUTTER * median(piece.height for piece in one):
        return 0
    sides = [_rows(one), _rows(other)]
    low = max(side[-1][0].middle for side in sides)
    high = min(side[0][0].middle for side in sides)
    slack = 0.6 * median(piece.height for piece in one)
    count = min(sum(low - slack <= row[0].middle <= high + slack for row in side) for side in sides)
    if count < _COLUMN_ROWS:
        return 0
    drawn_apart = max(piece.order for piece in one) < min(piece.order for piece in other) or max(
        piece.order for piece in other
    ) < min(piece.order for piece in one)
    return count if all(_is_prose(side, drawn_apart) for side in sides) else 0


def _is_prose(rows: list[list[Piece]], drawn_apart: bool) -> bool:
    letters = median(sum(sum(map(str.isalpha, piece.text)) for piece in row) for row in rows)
    if drawn_apart:
        return letters >= 3
    widths = [max(piece.right for piece in row) - row[0].left for row in rows]
    span = max(piece.right for row in rows for piece in row) - min(row[0].left for row in rows)
    return letters >= _COLUMN_LETTERS and median(widths) >= _COLUMN_FILL * span
