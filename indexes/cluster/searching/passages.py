"""What each shard is asked of its passages in a search for words: questions (engines/engine.py).

Rows and ids are the shard's own. Numbers of all shards come with the question, so that a passage
gets the score here that it would get in one collection of all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes import collection as collections
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import FACES, PASSAGES, Filter
from retrieve.indexes.catalog.passages import StoredPassage, Weights
from retrieve.indexes.catalog.persons import ids_called, standing_in
from retrieve.indexes.catalog.sums import check_items
from retrieve.indexes.cluster.searching import conditions
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.listed import listed, shown_scored
from retrieve.indexes.queries.spelling import Spellings
from retrieve.indexes.queries.views.one import OneView
from retrieve.indexes.queries.views.view import Candidates, Found, Searched, Sought, Within
from retrieve.indexes.search.places import chosen
from retrieve.types import TextHit

T = TypeVar("T")
Shard = collections.Collection
NOWHERE = Within(contents=frozenset())


@dataclass(frozen=True, slots=True)
class About:
    """What a shard is to a search for words.

    made_by    what its passages were made by; None where it has none
    passages   how many are stored
    totals     how many the index of words has, and stems in their titles and in their texts
    languages  how many passages are in each that is not `language`
    has_looks  whether photos were looked at as a whole
    """

    made_by: Mapping[str, str] | None
    language: str
    passages: int
    totals: tuple[int, int, int]
    languages: tuple[tuple[str, int], ...]
    has_looks: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a shard counts.

    frequencies  in how many passages each stem is
    names        of persons, with their keys, that stand in a text
    searched     how many passages may be found
    known        which persons it knows of those that a condition names
    """

    about: About
    frequencies: Mapping[str, int]
    names: Sequence[tuple[str, str]]
    searched: Searched
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Candidates of a shard.

    matched  rows and scores of the best by words, best first
    forms    rows of the first that hold a word in each form, and whether they may be found
    sample   cosines of those that were asked for
    """

    matched: Sequence[tuple[int, float]]
    forms: Sequence[Sequence[tuple[int, bool]]]
    first: Sequence[int]
    nearest: Mapping[int, float]
    sample: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """What candidates of a shard say, and who is on photos."""

    said: Candidates
    persons: Mapping[int, tuple[str, ...]]


def numbers_here(shard: Shard, stems: Sequence[str], text: str, within: Within | None) -> Numbers:
    """What a shard counts.

    text    in which names are looked for
    within  None where nobody asks how many passages may be found
    """

    def look(opened: Opened, view: OneView) -> Numbers:
        passages = opened.texts.passages
        about = About(
            space.made_by if (space := opened.texts.vectors.space()) else None,
            opened.texts.language,
            passages.count(),
            passages.totals(),
            tuple(sorted(passages.languages().items())),
            view.has_looks,
        )
        names = standing_in(opened.db, text) if text else []
        held = passages.frequencies(stems)
        if within is None:
            return Numbers(about, held, names, Searched(0, ruled=False), ())
        here, known = _within(opened, within)
        searched = Searched(0, ruled=False) if space is None else view.searched(here)
        return Numbers(about, held, names, searched, known)

    return _consistently(shard, look)


def candidates_here(shard: Shard, sought: Sought, sample: Sequence[int]) -> Chosen:
    """The best passages of a shard.

    sample  passages, counted in the order of their rows, whose cosines are wanted
    """

    def look(opened: Opened, view: OneView) -> Chosen:
        if view.encoder is None:
            return Chosen((), [() for _ in sought.forms], (), {}, np.zeros(0, np.float32))
        within, _ = _within(opened, sought.within)
        here = replace(sought, within=within)
        cosines = np.zeros(0, np.float32)
        if sought.probe is not None and len(sample):
            rows = _living(opened, view.rows, sample)
            cosines = opened.texts.engine.embeddings(rows) @ sought.probe[0]
        return Chosen(
            _matched(opened, view, here) if sought.by_words else (),
            [view.in_forms(replace(here, forms=(form,))) for form in sought.forms],
            view.first(here),
            {} if sought.probe is None else view.nearest(sought.probe, here),
            cosines,
        )

    return _consistently(shard, look)


def read_here(
    shard: Shard, rows: Sequence[int], nearest: Mapping[int, float], sought: Sought
) -> Told | None:
    """What passages of a shard say; None where one of them is not there any more.

    nearest  cosines of some, which are known already
    """

    def look(opened: Opened, view: OneView) -> Told | None:
        said = view.said(Found(first=rows, nearest=nearest), sought)
        if len(said.stored) != len(rows):
            return None
        check_items(opened.db, PASSAGES, "id", [one.id for one in said.stored])
        return Told(said, view.persons_on({one.content_id for one in said.stored}))

    return _consistently(shard, look)


def newest_here(
    shard: Shard, within: Within, k: int
) -> tuple[list[StoredPassage], Mapping[int, tuple[str, ...]]]:
    """One passage of each photo or text of a shard, the newest first, and who is on them."""

    def look(
        opened: Opened, view: OneView
    ) -> tuple[list[StoredPassage], Mapping[int, tuple[str, ...]]]:
        if view.encoder is None:
            return [], {}
        within_here, _ = _within(opened, within)
        found = view.newest(within_here, k)
        check_items(opened.db, PASSAGES, "id", [one.id for one in found])
        return found, view.persons_on(one.content_id for one in found)

    return _consistently(shard, look)


def contents_here(shard: Shard, face_ids: Sequence[int]) -> Mapping[int, int]:
    """The photos of a shard that hold faces, by the faces' ids."""

    def look(opened: Opened, view: OneView) -> Mapping[int, int]:
        check_items(opened.db, FACES, "id", face_ids)
        return view.contents_of(face_ids)

    return _consistently(shard, look)


def listed_here(
    shard: Shard, asked: Sequence[Filter], k: int
) -> tuple[list[TextHit] | None, tuple[str, ...]]:
    """The newest photos of a shard that have, for each condition, a face that fulfils it, and whom
    it knows of the persons asked for; None where no photo was indexed.
    """

    def look(opened: Opened, view: OneView) -> tuple[list[TextHit] | None, tuple[str, ...]]:
        every = [conditions.here(opened.db, one) for one in asked]
        known = tuple(name for _, names in every for name in names)
        if opened.faces.space() is None:
            return None, known
        here = [one for one, _ in every if one is not None]
        return (listed(opened, here, k) if len(here) == len(asked) else []), known

    return _consistently(shard, look)


def shown_here(
    shard: Shard,
    query: str,
    k: int,
    wanted: Filter,
    without: Sequence[str],
    contents: Collection[int] | None,
) -> list[tuple[float, TextHit]]:
    """The photos of a shard that show what a query names, each with what it is ordered by."""

    def look(opened: Opened, view: OneView) -> list[tuple[float, TextHit]]:
        here, _ = conditions.here(opened.db, wanted)
        if here is None:
            return []
        within = None if contents is None else contents.__contains__
        return shown_scored(opened, query, k=k, wanted=here, without=without, within=within)

    return _consistently(shard, look)


def stems_with_here(shard: Shard, beginning: str) -> Mapping[str, int]:
    """Stems of a shard that begin so, and how many passages hold each."""
    return _consistently(shard, lambda opened, view: view.words.stems_with(beginning))


def standing_here(shard: Shard, forms: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which stems stand in a form in a shard."""
    return _consistently(shard, lambda opened, view: view.words.standing(forms))


def spelt_here(shard: Shard, wanted: Sequence[Spellings]) -> list[Counter[str]]:
    """How often words of a shard are spelt in one of some ways, for each."""
    return _consistently(shard, lambda opened, view: list(view.words.spelt(wanted)))


def example_here(shard: Shard, stem: str) -> str | None:
    """What the first passage of a shard says that holds a stem; None if there is none."""

    def look(opened: Opened, view: OneView) -> str | None:
        held = view.words.frequencies([stem])
        return view.words.example(stem) if held else None

    return _consistently(shard, look)


def _consistently(shard: Shard, look: Callable[[Opened, OneView], T]) -> T:
    opened = shard.opened
    return opened.consistently(lambda: look(opened, OneView(opened)))


def _within(opened: Opened, within: Within) -> tuple[Within, tuple[str, ...]]:
    """What may be found in a shard, which may not know a person; and whom of `wanted` it knows."""
    wanted, known = conditions.here(opened.db, within.wanted)
    if wanted is None or not all(ids_called(opened.db, name) for name in within.persons):
        return NOWHERE, known
    return replace(within, wanted=wanted), known


def _matched(opened: Opened, view: OneView, sought: Sought) -> list[tuple[int, float]]:
    """Rows and scores of the best by words: by the stems that choose, or, where few passages may be
    found, by all.
    """
    keep, weights = view.keep(sought.within), sought.weights
    assert isinstance(weights, Weights)
    if sought.choosing is None:
        # None that may be found here, or few: those of all shards together are.
        passages = opened.texts.passages
        rows = np.arange(view.rows) if keep is None else np.flatnonzero(keep)
        found = among(opened.db, "SELECT id FROM passages WHERE row", rows.tolist())
        return passages.best(weights, [id for (id,) in found], sought.deep)
    some = chosen(opened.db, sought.choosing, weights.mean, sought.most, keep)
    return [(row, score) for _, row, score in some]


def _living(opened: Opened, rows: int, places: Sequence[int]) -> list[int]:
    """The rows of passages, by their places among those that are stored."""
    if rows == opened.texts.passages.count():
        return list(places)
    every = opened.db.execute("SELECT row FROM passages ORDER BY row")
    wanted, found = sorted(places), list[int]()
    at = 0
    for place in wanted:
        found += [row for (row,) in islice(every, place - at, place - at + 1)]
        at = place + 1
    return found
