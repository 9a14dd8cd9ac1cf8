"""The words of the passages of all shards, as the spelling of a query is looked up in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from retrieve.indexes.cluster.searching import passages
from retrieve.indexes.queries.spelling import LOOKED_AT, Spellings

T = TypeVar("T")


class Asked(Protocol):
    """Who asks the shards of one view, each the same, and gives their answers in order."""

    def each(self, question: Callable[..., T], *args: Any) -> list[T]: ...

    def frequencies(self, stems: Iterable[str]) -> Mapping[str, int]: ...


class WordsOfShards:
    """As Words has it."""

    def __init__(self, shards: Asked) -> None:
        self._shards = shards

    def frequencies(self, stems: Iterable[str]) -> Mapping[str, int]:
        return self._shards.frequencies(stems)

    def frequencies_of_edits(self, stems: Iterable[str], beginning: str) -> Mapping[str, int]:
        found = self.frequencies(stems)
        return {
            stem: many
            for stem, many in found.items()
            if stem.isalpha() or not stem.startswith(beginning)
        }

    def stems_with(self, beginning: str) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for some in self._shards.each(passages.stems_with_here, beginning):
            found.update(some)
        return found

    def standing(self, forms: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        wanted = list(forms)
        if not wanted:
            return set()
        return set().union(*self._shards.each(passages.standing_here, wanted))

    def spelt(self, wanted: Sequence[Spellings]) -> Iterator[Counter[str]]:
        """Asked for by as many at once as are looked at in any case, then by twice as many."""
        start, most = 0, LOOKED_AT
        while start < len(wanted):
            end, held = start, 0
            while end < len(wanted) and (end == start or held + wanted[end].held <= most):
                held += wanted[end].held
                end += 1
            parts = self._shards.each(passages.spelt_here, wanted[start:end])
            for some in zip(*parts, strict=True):
                yield sum(some, Counter())
            start, most = end, 2 * most

    def example(self, stem: str) -> str:
        found = self._shards.each(passages.example_here, stem)
        return next((text for text in found if text is not None), "")
