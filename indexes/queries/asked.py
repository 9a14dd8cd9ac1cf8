"""What may be asked of a collection: each function gives the value, or says what was wanted."""

from __future__ import annotations

import math
import operator
from typing import Any

from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.queries.modes import Mode

MOST = 1_000_000_000  # hits: more than any collection has
LARGEST_ID = 2**63 - 1  # of SQLite


def checked_k(k: Any) -> int:
    """How many hits, from 1 on."""
    return _whole(k, "k, a whole number of hits", MOST)


def checked_face(face: Any) -> int:
    """Which face of a photo, from 1 on."""
    return _whole(face, "the number of a face of the photo", MOST)


def checked_id(id: Any, of: str = "face") -> int:
    """The id of something that is stored."""
    return _whole(id, f"the id of a stored {of}", LARGEST_ID)


def checked_threshold(threshold: Any) -> float:
    """The lowest score, a cosine."""
    least = _number(threshold)
    if not -1 <= least <= 1:
        raise BadInput(f"wanted a threshold from -1 to 1, a cosine; got {threshold!r}")
    return least


def checked_strangers(chance: Any) -> float:
    """The chance that the best of a gallery of strangers passes."""
    told = _number(chance)
    if not 0 < told < 1:
        raise BadInput(f"wanted strangers above 0 and below 1, a chance; got {chance!r}")
    return told


def checked_query(query: Any) -> str:
    """A query with a word in it."""
    if not isinstance(query, str) or not any(letter.isalnum() for letter in query):
        raise BadInput(f"wanted a query of words; got {query!r}")
    return query


def checked_mode(mode: Any) -> Mode:
    """What a search for words goes by."""
    try:
        return Mode(mode)
    except ValueError:
        raise BadInput(f"wanted the mode {', '.join(Mode)}; got {mode!r}") from None


def checked_filter(wanted: Any) -> Filter:
    """The conditions of a search."""
    if not isinstance(wanted, Filter):
        raise BadInput(f"wanted conditions as retrieve.Filter(since=…, …); got {wanted!r}")
    return wanted


def _number(value: Any) -> float:
    """Of what is a number; else not one."""
    try:
        return math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _whole(value: Any, what: str, most: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if isinstance(value, bool) or not 1 <= number <= most:
        raise BadInput(f"wanted {what} from 1 on; got {value!r}")
    return number
