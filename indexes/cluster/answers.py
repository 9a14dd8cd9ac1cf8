"""What the shards of a cluster answered to one question, and which did not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from retrieve.errors import BadInput, CollectionError, RetrievalError
from retrieve.types import Shards

T = TypeVar("T")


class OneCollectionOnly(BadInput):
    """What a cluster cannot be asked, and each of its shards can."""


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """By number of the shard.

    given    what shards answered
    refused  what shards said was wrong with the question
    missing  why others gave no answer: their process ended, their storage is away, they are damaged
    """

    given: Mapping[int, T] = field(default_factory=dict)
    refused: Mapping[int, RetrievalError] = field(default_factory=dict)
    missing: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.given) + len(self.refused) + len(self.missing)

    def __iter__(self) -> Iterator[tuple[int, T]]:
        """The answers in the order of the shards."""
        return iter(sorted(self.given.items(), key=lambda one: one[0]))

    @property
    def told(self) -> str:
        """As people read it: 3 of 4 shards answered."""
        return str(self.shards)

    @property
    def shards(self) -> Shards:
        """The same as numbers."""
        return Shards(len(self) - len(self.missing), len(self))

    def all(self) -> dict[int, T]:
        """Every answer, in the order of the shards.

        raises  CollectionError if a shard gave none; what the first shard refused
        """
        self.require()
        return self.some()

    def some(self) -> dict[int, T]:
        """The answers that there are, in the order of the shards; raises what the first refused,
        and CollectionError where no shard answered.
        """
        for _, error in sorted(self.refused.items(), key=lambda one: one[0]):
            raise error
        if self.missing and not self.given:
            self.require()
        return dict(self)

    def require(self) -> None:
        """Raise CollectionError if a shard gave no answer: it says which, and why."""
        if self.missing:
            number, why = min(self.missing.items())
            raise CollectionError(f"{self.told}; shard {number} did not: {why}")

    def map(self, change: Callable[[int, T], T]) -> Answers[T]:
        """The same with each answer changed."""
        changed = {number: change(number, one) for number, one in self.given.items()}
        return Answers(changed, self.refused, self.missing)

    def without_damaged(self) -> Answers[T]:
        """The same where what is wrong with a shard is no fault of the question, which others have
        answered: it is missing.
        """
        if not self.given:
            return self
        damaged = {n: e for n, e in self.refused.items() if isinstance(e, CollectionError)}
        return Answers(
            self.given,
            {n: error for n, error in self.refused.items() if n not in damaged},
            {**self.missing, **{n: str(error) for n, error in damaged.items()}},
        )

    def instead(self, others: Answers[T]) -> Answers[T]:
        """The same with the answers that others gave to what was not answered here."""
        found = others.given
        return Answers(
            {**self.given, **found},
            {n: error for n, error in self.refused.items() if n not in found},
            {n: why for n, why in self.missing.items() if n not in found},
        )

    def without_missing(self) -> Answers[T]:
        """Of those alone that answered."""
        return Answers(self.given, self.refused)
