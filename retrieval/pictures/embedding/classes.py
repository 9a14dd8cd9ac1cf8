"""The classes of things that a photo may show: a thousand synsets of WordNet 3.0.

They are those of ImageNet's contest (Russakovsky et al. 2015, "ImageNet Large Scale Visual
Recognition Challenge"), in the order of their names.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from retrieve.errors import WeightsError

DATA = Path(__file__).parents[1] / "data"
SYNSETS = DATA / "synsets.txt"
COUNT = 1000


@cache
def synsets() -> tuple[str, ...]:
    """The synset of each class, by its number: n02084071 is the offset 02084071 of a noun.

    raises  WeightsError if the file is missing or damaged
    """
    try:
        found = tuple(SYNSETS.read_text(encoding="ascii").split())
    except (OSError, ValueError) as error:
        raise WeightsError(f"{SYNSETS} cannot be read: {error}. Install retrieve again") from error
    if len(found) != COUNT or list(found) != sorted(set(found)):
        raise WeightsError(f"{SYNSETS} is damaged: wanted {COUNT} synsets in their order")
    return found
