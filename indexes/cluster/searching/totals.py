"""What shards hold of what may be found, added up; it is kept until one says that it has changed.

A threshold follows from the faces of all shards, and the search in each goes by it. So that one
round of questions is enough, a shard is asked with the mark of what it said last, and says it anew
only where that is another one now.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.queries.thresholds import Threshold

T = TypeVar("T")

KEPT = 16  # questions of which it is kept what shards said
FEW = 100  # hits that a shard is asked for without a threshold: reading them costs some ms


@dataclass(frozen=True, slots=True)
class Said(Generic[T]):
    """What a shard says of what it holds.

    mark   another one when that is another
    value  None where it was asked with that mark
    """

    mark: str
    value: T | None


def said(mark: str, value: T, known: str) -> Said[T]:
    """The value, if the asker does not know it by its mark."""
    return Said(mark, None if mark == known else value)


class Totals:
    """What shards said last, by what they were asked; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, dict[int, Said[Any]]] = OrderedDict()
        self._made: OrderedDict[Hashable, tuple[dict[int, str], Any]] = OrderedDict()

    def held(self, what: Hashable) -> dict[int, Said[Any]]:
        """By number of the shard."""
        with self._lock:
            return dict(self._kept.get(what, {}))

    def take(
        self, what: Hashable, held: Mapping[int, Said[T]], new: Mapping[int, Said[T]]
    ) -> dict[int, Said[T]]:
        """What shards say now.

        held     what they were asked with the marks of
        returns  of those that have said something now
        """
        now = {number: held[number] if one.value is None else one for number, one in new.items()}
        with self._lock:
            self._kept[what] = {**self._kept.get(what, {}), **now}
            self._kept.move_to_end(what)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return now

    def following(self, what: Hashable, now: Mapping[int, Said[Any]], make: Callable[[], T]) -> T:
        """Something that follows from what shards say, made again when one of them says another.

        what  it is
        """
        marks = {number: one.mark for number, one in now.items()}
        with self._lock:
            known = self._made.get(what)
        if known is not None and known[0] == marks:
            found: T = known[1]
            return found
        made = make()
        with self._lock:
            self._made[what] = marks, made
            self._made.move_to_end(what)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        return made


class Counted(Protocol[T]):
    """An answer that says what it was found among."""

    @property
    def searched(self) -> Said[T]: ...


Part = TypeVar("Part", bound=Counted[Any])


def above(
    ask: Callable[[float | None, Mapping[int, tuple[str]]], Answers[Part]],
    totals: Totals,
    what: Hashable,
    numbers: Sequence[int],
    among: Callable[[list[Any]], float],
    least: Callable[[float], Threshold],
    *,
    threshold: float | None,
    k: int,
) -> tuple[Answers[Part], Threshold]:
    """What shards find above the threshold that follows from all of them together.

    ask        asks each for what has a score or a higher one, with the mark that it is known by;
               for None it is asked only what it searches
    what       is kept of what they search
    among      as how many strangers that counts
    least      the threshold among so many
    threshold  that was asked for, None where it follows
    k          hits
    returns    the answers, in which hits may be below the threshold
    """
    held = {number: one for number, one in totals.held(what).items() if number in numbers}
    score = threshold
    known = set(numbers) <= held.keys()
    if score is None and not known and k > FEW:
        answers = ask(None, dict.fromkeys(numbers, ("",)))
        new = {number: one.searched for number, one in answers.some().items()}
        held, known = totals.take(what, {}, new), True
    if score is None and known:
        score = least(among([one.value for one in held.values()])).score
    while True:
        marks = {number: (held[number].mark if number in held else "",) for number in numbers}
        answers = ask(-1.0 if score is None else score, marks)
        new = {number: one.searched for number, one in answers.some().items()}
        now = totals.take(what, held, new)
        passes = least(among([one.value for one in now.values()]))
        if score is None or passes.score >= score:
            return answers, passes
        # There is less than there was, and what lies between was not given.
        held, score = now, passes.score
