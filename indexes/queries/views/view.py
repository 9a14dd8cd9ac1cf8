"""What a search for words asks of passages, wherever they lie.

A search goes by what is known of all passages (how many there are, how rare each word is) and by
what few of them say. So a view is asked for numbers first, then for candidates with the weights
that follow from these, then for what the best of them say: three questions, however many
collections answer them. Rows and ids mean what the view says, and are in the order of its passages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.passages import StoredPassage, Weights
from retrieve.indexes.queries.spelling import Words
from retrieve.types import Embeddings, TextHit

T = TypeVar("T")
Stems = tuple[tuple[str, tuple[str, ...]], ...]  # each with others that may stand in its place


@dataclass(frozen=True, slots=True)
class Held:
    """A word, or several in a row, that passages hold.

    stems   of it that are looked for; none where all its words are stop words
    phrase  whether the text, or a title, has to hold it word for word
    """

    text: str
    stems: Stems
    phrase: bool


@dataclass(frozen=True, slots=True)
class Within:
    """Which passages may be found.

    wanted    what a hit has to satisfy
    holding   what all of them hold
    without   what none of them holds
    contents  of these alone; None for any
    persons   names: each is of somebody with a face in the photo
    """

    wanted: Filter = EVERYTHING
    holding: tuple[Held, ...] = ()
    without: tuple[Held, ...] = ()
    contents: frozenset[int] | None = None
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Searched:
    """How many passages may be found, and whether that is what rules others out."""

    many: int
    ruled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """What candidates are wanted.

    deep      the best by words, and the best by meaning
    within    which may be found
    weights   of the stems
    by_words  whether words count
    choosing  stems of which a passage has one, each with its weight alone; None where each passage
              that may be found is scored
    most      of those that are the best by these, which are then scored
    forms     of words as they are typed, with their stems, in which a passage may hold them
    first     the first passages that may be found, whatever they say
    probe     (1, D) the query's embedding; None where meaning does not count
    exact     score every embedding
    """

    deep: int
    within: Within
    weights: Weights
    by_words: bool = True
    choosing: Mapping[str, float] | None = None
    most: int = 0
    forms: tuple[tuple[str, str], ...] = ()
    first: bool = False
    probe: Embeddings | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates, by their rows.

    matched  BM25 of the best by words
    formed   those that hold a word in the form in which it is asked for
    first    those that are first
    nearest  cosines of the best by meaning
    """

    matched: Mapping[int, float] = field(default_factory=dict)
    formed: Collection[int] = ()
    first: Sequence[int] = ()
    nearest: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What candidates say, in the order of their rows.

    bm25      by id, of those that hold one of the stems
    cosine    by row; none where there is no probe
    language  by id, of those that are in another than the collection's
    """

    stored: Sequence[StoredPassage]
    bm25: Mapping[int, float]
    cosine: Mapping[int, float]
    language: Mapping[int, str]


class View(Protocol):
    """Passages as they are at one time."""

    @property
    def path(self) -> Path:
        """Of the collection."""
        ...

    @property
    def encoder(self) -> str | None:
        """The name of the one behind the embeddings; None if no text was indexed."""
        ...

    @property
    def language(self) -> str:
        """Of passages that do not tell their own."""
        ...

    @property
    def has_looks(self) -> bool:
        """Whether photos were looked at as a whole."""
        ...

    @property
    def words(self) -> Words:
        """What is asked of the words of all passages."""
        ...

    def check(self) -> None:
        """Raise CollectionError where another encoder, or another language, was asked for."""
        ...

    def embedded(self, query: str) -> Embeddings | None:
        """(1, D) a query's embedding; None if there is nothing in it to embed."""
        ...

    def spoken(self, query: str) -> tuple[str, ...]:
        """The languages that passages are in, that of a query first."""
        ...

    def named_in(self, text: str) -> tuple[list[str], str]:
        """Names of persons that stand in a text, the longest first, and the text without them."""
        ...

    def foresee(self, text: str, stems: Callable[[], Iterable[str]], within: Within) -> None:
        """Say what will be asked: names in a text, frequencies of stems, how many passages may be
        found. What is far away is then asked for all of it at once.
        """
        ...

    def totals(self) -> tuple[int, int, int]:
        """How many passages there are, and stems in their titles and in their texts."""
        ...

    def searched(self, within: Within) -> Searched:
        """How many passages may be found; raises BadInput for a person whom nobody named."""
        ...

    def candidates(self, sought: Sought) -> Found:
        """The best passages by words, and by meaning."""
        ...

    def near_from(self, sought: Sought, few: float) -> float:
        """The lowest cosine of what means the query of candidates(); few: where there are few."""
        ...

    def read(self, found: Found, sought: Sought) -> Candidates:
        """What candidates say; raises CollectionError if one is not there."""
        ...

    def persons_on(self, contents: Iterable[int]) -> Mapping[int, tuple[str, ...]]:
        """The names of the faces in some photos, in order; photos without one are left out."""
        ...

    def newest(self, within: Within, k: int) -> list[StoredPassage]:
        """One passage of each photo or text, the newest first."""
        ...

    def contents_of(self, face_ids: Iterable[int]) -> Mapping[int, int]:
        """The photos that hold faces, by the faces' ids."""
        ...

    def listed(self, conditions: Sequence[Filter], k: int) -> list[TextHit]:
        """As queries.listed.listed()."""
        ...

    def shown(
        self,
        query: str,
        k: int,
        wanted: Filter,
        without: Sequence[str],
        contents: Collection[int] | None,
    ) -> list[TextHit]:
        """As queries.listed.shown_for(); contents: which photos may be found, None for any."""
        ...

    def checked(self, hits: list[TextHit]) -> list[TextHit]:
        """The hits, all that is said in them being what was written; raises CollectionError."""
        ...


class Searchable(Protocol):
    """What can be searched for words."""

    def consistently(self, look: Callable[[View], T]) -> T:
        """What `look` returns for one view."""
        ...
