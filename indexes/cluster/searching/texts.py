"""The passages of all shards, as a search for words sees them (queries/views/view.py).

A query asks the shards three times: for numbers, which added up are those of all; for candidates by
the weights that follow; for what the best of these say. What passages are in and how many there are
is kept from one query to the next, and each says it again with its numbers: where it has changed,
the query begins anew. So it does without a shard that stops answering in between, whose passages
then count in nothing.

Rows and ids are the cluster's (ids.py). Their order is that of the shards' paths, which is the
order in which one collection would have taken the files in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import PASSAGES, Filter
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.indexes.catalog.persons import key_of, taken_out
from retrieve.indexes.catalog.sums import torn
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.ids import of_cluster, of_shard
from retrieve.indexes.cluster.searching import conditions, passages
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.listing import text_of_shard
from retrieve.indexes.cluster.searching.passages import About, Chosen, Numbers, Told
from retrieve.indexes.cluster.searching.words import WordsOfShards
from retrieve.indexes.queries.near import LEAST_SAMPLE, reached_by_chance, sample
from retrieve.indexes.queries.views.view import (
    Candidates,
    Found,
    Searched,
    Sought,
    View,
    Within,
)
from retrieve.indexes.search.texts import LANGUAGE, check_made_by, spoken
from retrieve.types import Embeddings, TextHit

T = TypeVar("T")

LOOKS = 5  # at shards that change meanwhile, as at a catalog that does (opened.py)


class OfShards:
    """A cluster, to be searched for words; for all threads.

    about  what each shard was, when it was last asked
    """

    def __init__(self, shards: Asking) -> None:
        self._shards = shards
        self.about: Mapping[int, About] = {}

    def consistently(self, look: Callable[[View], T]) -> T:
        """As Searchable has it."""
        every = self._shards.numbers
        missing: dict[int, str] = {}
        changes = 0
        while True:
            asked = [number for number in every if number not in missing]
            view = ShardsView(self._shards, self, asked)
            try:
                found = look(view)
            except _Missing as error:
                missing |= error.args[0]
                if len(missing) == len(every):
                    self._told(every, missing).require()
            except _Changed:
                changes += 1
                if changes == LOOKS:
                    raise torn(PASSAGES) from None
            else:
                self._shards.answered = self._told(every, missing)
                return found

    @staticmethod
    def _told(every: Iterable[int], missing: Mapping[int, str]) -> Answers[Any]:
        return Answers(dict.fromkeys(set(every) - missing.keys()), {}, missing)


class _Missing(Exception):
    """Shards gave no answer: why, by number."""


class _Changed(Exception):
    """A shard says something else than what the query has gone by."""


class ShardsView:
    """As View has it."""

    def __init__(self, shards: Asking, kept: OfShards, numbers: Sequence[int]) -> None:
        self._shards = shards
        self._kept = kept
        first = {one.number: one.first for one in shards.manifest.shards()}
        self._numbers = sorted(numbers, key=lambda number: (first.get(number, b""), number))
        self._place = {number: place for place, number in enumerate(self._numbers)}
        self._frequency: dict[str, int] = {}
        self._names: dict[str, list[tuple[str, str]]] = {}
        self._searched: dict[Within, Searched] = {}
        self._sample: NDArray[np.float32] = np.zeros(0, np.float32)
        self._persons: dict[int, tuple[str, ...]] = {}
        self._spoken: dict[str, tuple[str, ...]] = {}
        self._said: dict[int, About] = {}
        self.words = WordsOfShards(self)

    # Asking

    def each(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Mapping[int, Sequence[Any]] | None = None,
    ) -> list[T]:
        """What every shard, or these, each with more, says, in order."""
        return [*self._ask(question, *args, of=of).values()]

    def _ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Mapping[int, Sequence[Any]] | None = None,
    ) -> dict[int, T]:
        numbers = self._numbers if of is None else sorted(of, key=self._place.__getitem__)
        if not numbers:
            return {}
        answers = self._shards.ask(question, *args, of=numbers, each=of)
        if answers.missing:
            raise _Missing(answers.missing)
        found = answers.some()
        return {number: found[number] for number in numbers}

    def _ask_numbers(
        self, stems: Sequence[str] = (), text: str = "", within: Within | None = None
    ) -> dict[int, Numbers]:
        """What shards count; keeps it, and what they are."""
        of = None if within is None else self._local(within)
        if of is None:
            found = self._ask(passages.numbers_here, stems, text, None)
        else:
            found = self._ask(
                passages.numbers_here, stems, text, of={n: (w,) for n, w in of.items()}
            )
        about = {number: one.about for number, one in found.items()}
        if any(self._kept.about.get(number) != one for number, one in about.items()):
            self._kept.about = {**self._kept.about, **about}
        # What is kept another thread may have brought up to date: it is no sign of change to this.
        if any(self._said.get(number, one) != one for number, one in about.items()):
            raise _Changed
        self._said |= about
        held: Counter[str] = Counter()
        for one in found.values():
            held.update(one.frequencies)
        self._frequency |= {stem: held[stem] for stem in stems}
        if text:
            by_key: dict[str, list[str]] = {}
            for name, key in (pair for one in found.values() for pair in one.names):
                by_key.setdefault(key, []).append(name)
            self._names[_key(text)] = [(min(names), key) for key, names in by_key.items()]
        if within is not None:
            conditions.check(self._shards, within.wanted, [one.known for one in found.values()])
            self._searched[within] = Searched(
                sum(one.searched.many for one in found.values()),
                ruled=any(one.searched.ruled for one in found.values()),
            )
        return found

    def _local(self, within: Within) -> dict[int, Within]:
        """What may be found, as each shard is asked for it."""
        within = replace(within, wanted=conditions.sent(within.wanted))
        if within.contents is None:
            return dict.fromkeys(self._numbers, within)
        contents: dict[int, set[int]] = {}
        for content in within.contents:
            number, id = of_shard(content)
            contents.setdefault(number, set()).add(id)
        return {
            number: replace(within, contents=frozenset(contents.get(number, ())))
            for number in self._numbers
        }

    @cached_property
    def _about(self) -> dict[int, About]:
        """What shards are, as they last said."""
        kept = self._kept.about
        self._said = {n: kept[n] for n in self._numbers if n in kept} | self._said
        if not self._said.keys() >= {*self._numbers}:
            self._ask_numbers()
        return {number: self._said[number] for number in self._numbers}

    # What passages there are

    @property
    def path(self) -> Path:
        return self._shards.path

    @property
    def _made_by(self) -> Mapping[str, str] | None:
        return next((one.made_by for one in self._about.values() if one.made_by), None)

    @property
    def encoder(self) -> str | None:
        held = self._made_by
        return held["encoder"] if held else None

    @property
    def language(self) -> str:
        held = self._made_by
        return self._shards.encoding.language or (held["language"] if held else LANGUAGE)

    @property
    def has_looks(self) -> bool:
        return any(one.has_looks for one in self._about.values())

    def check(self) -> None:
        for held in (one.made_by for one in self._about.values() if one.made_by):
            asked = self._shards.encoding.made_by(held["encoder"], self.language)
            check_made_by(self.path, asked, held)

    def embedded(self, query: str) -> Embeddings | None:
        return self._shards.encoding.embedded(query, self.encoder)

    def spoken(self, query: str) -> tuple[str, ...]:
        if query not in self._spoken:
            held: Counter[str] = Counter()
            for one in self._about.values():
                held.update(dict(one.languages))
            # In the order in which one collection has them.
            languages = {language: held[language] for language in sorted(held)}
            count = sum(one.passages for one in self._about.values())
            self._spoken[query] = spoken(query, languages, count, self.language)
        return self._spoken[query]

    def totals(self) -> tuple[int, int, int]:
        several = [one.totals for one in self._about.values()]
        passages, titles, bodies = (sum(some) for some in zip(*several, strict=True))
        return passages, titles, bodies

    def foresee(self, text: str, stems: Callable[[], Iterable[str]], within: Within) -> None:
        new = [stem for stem in dict.fromkeys(stems()) if stem not in self._frequency]
        asks = "" if _key(text) in self._names else text
        if new or asks or within not in self._searched:
            self._ask_numbers(new, asks, None if within in self._searched else within)

    def frequencies(self, stems: Iterable[str]) -> Mapping[str, int]:
        """In how many passages each stem is; those that are in none are left out."""
        wanted = list(dict.fromkeys(stems))
        if new := [stem for stem in wanted if stem not in self._frequency]:
            self._ask_numbers(new)
        return {stem: many for stem in wanted if (many := self._frequency[stem])}

    def named_in(self, text: str) -> tuple[list[str], str]:
        if not text.strip():
            return [], ""
        if _key(text) not in self._names:
            self._ask_numbers((), text)
        return taken_out(text, self._names[_key(text)])

    def searched(self, within: Within) -> Searched:
        if within not in self._searched:
            self._ask_numbers((), "", within)
        return self._searched[within]

    # Candidates

    def candidates(self, sought: Sought) -> Found:
        wanted = self._sampled(sought)
        found = self._ask(
            passages.candidates_here,
            of={
                number: (replace(sought, within=within), wanted[number])
                for number, within in self._local(sought.within).items()
            },
        )
        self._sample = np.concatenate(
            [np.zeros(0, np.float32), *(c.sample for c in found.values())]
        )
        matched = self._best(
            ((number, row, score) for number, one in found.items() for row, score in one.matched),
            sought.deep if sought.choosing is None else sought.most,
        )
        nearest = self._best(
            (
                (number, row, cosine)
                for number, one in found.items()
                for row, cosine in one.nearest.items()
            ),
            sought.deep,
        )
        first = [of_cluster(number, row) for number, one in found.items() for row in one.first]
        return Found(matched, self._formed(sought, found), first[: sought.deep], nearest)

    def _best(self, scored: Iterable[tuple[int, int, float]], most: int) -> dict[int, float]:
        """The best of the rows of shards, best first; of equal ones the first."""
        order = sorted(scored, key=lambda one: (-one[2], self._place[one[0]], one[1]))
        return {of_cluster(number, row): score for number, row, score in order[:most]}

    def _formed(self, sought: Sought, found: Mapping[int, Chosen]) -> set[int]:
        """Of the first that hold a word in each form those that may be found."""
        formed: set[int] = set()
        for n in range(len(sought.forms)):
            every = [(number, *one) for number, part in found.items() for one in part.forms[n]]
            formed |= {of_cluster(number, row) for number, row, may in every[: sought.deep] if may}
        return formed

    def _sampled(self, sought: Sought) -> dict[int, list[int]]:
        """The sample of all passages that near_from() goes by, as places within each shard."""
        passages = [one.passages for one in self._about.values()]
        total = sum(passages)
        wanted = sought.probe is not None and total >= LEAST_SAMPLE
        places = sample(total) if wanted else np.zeros(0, np.int64)
        ends = np.cumsum(passages)
        parts = np.split(places, np.searchsorted(places, ends[:-1]))
        return {
            number: (part - end + many).tolist()
            for number, part, end, many in zip(self._about, parts, ends, passages, strict=True)
        }

    def near_from(self, sought: Sought, few: float) -> float:
        if not len(self._sample):
            return few
        return reached_by_chance(self._sample, self.searched(sought.within).many)

    def read(self, found: Found, sought: Sought) -> Candidates:
        every = {*found.matched, *found.formed, *found.first, *found.nearest}
        rows: dict[int, list[int]] = {}
        nearest: dict[int, dict[int, float]] = {}
        for one in sorted(every):
            number, row = of_shard(one)
            rows.setdefault(number, []).append(row)
            if one in found.nearest:
                nearest.setdefault(number, {})[row] = found.nearest[one]
        told = self._ask(
            passages.read_here,
            of={number: (some, nearest.get(number, {}), sought) for number, some in rows.items()},
        )
        parts = []
        for number, part in told.items():
            if part is None:
                raise _Changed
            parts.append(self._of_shard(number, part))
        return self._best_matched(
            Candidates(
                [one for part in parts for one in part.stored],
                {id: score for part in parts for id, score in part.bm25.items()},
                {row: cosine for part in parts for row, cosine in part.cosine.items()},
                {id: language for part in parts for id, language in part.language.items()},
            ),
            found,
            sought,
        )

    def _of_shard(self, number: int, told: Told) -> Candidates:
        """What a shard told, by ids of the cluster; who is on its photos is kept."""
        said = told.said
        self._persons |= {of_cluster(number, id): some for id, some in told.persons.items()}
        return Candidates(
            [_stored(number, one) for one in said.stored],
            {of_cluster(number, id): score for id, score in said.bm25.items()},
            {of_cluster(number, row): cosine for row, cosine in said.cosine.items()},
            {of_cluster(number, id): language for id, language in said.language.items()},
        )

    def _best_matched(self, said: Candidates, found: Found, sought: Sought) -> Candidates:
        """Without those that the rarer stems chose and that are not the best by all of them."""
        if len(found.matched) <= sought.deep:
            return said
        order = sorted(
            (one for one in said.stored if one.row in found.matched),
            key=lambda one: (-said.bm25.get(one.id, 0.0), self._order(one.id)),
        )
        dropped = {one.row for one in order[sought.deep :]}
        dropped -= {*found.formed, *found.first, *found.nearest}
        return replace(said, stored=[one for one in said.stored if one.row not in dropped])

    def _order(self, id: int) -> tuple[int, int]:
        number, here = of_shard(id)
        return self._place[number], here

    def persons_on(self, contents: Iterable[int]) -> Mapping[int, tuple[str, ...]]:
        return {one: self._persons[one] for one in contents if one in self._persons}

    def newest(self, within: Within, k: int) -> list[StoredPassage]:
        local = self._local(within)
        parts = self._ask(
            passages.newest_here, of={number: (one, k) for number, one in local.items()}
        )
        found = []
        for number, (some, persons) in parts.items():
            self._persons |= {of_cluster(number, id): names for id, names in persons.items()}
            found += [_stored(number, one) for one in some]
        return sorted(found, key=lambda one: one.taken_at or "", reverse=True)[:k]

    # Photos

    def contents_of(self, face_ids: Iterable[int]) -> Mapping[int, int]:
        asked: dict[int, list[int]] = {}
        for face in face_ids:
            number, id = of_shard(face)
            if number in self._place:
                asked.setdefault(number, []).append(id)
        parts = self._ask(
            passages.contents_here, of={number: (some,) for number, some in asked.items()}
        )
        return {
            of_cluster(number, face): of_cluster(number, content)
            for number, some in parts.items()
            for face, content in some.items()
        }

    def listed(self, conditions: Sequence[Filter], k: int) -> list[TextHit]:
        return _listed(self._shards, self._ask, conditions, k)

    def shown(
        self,
        query: str,
        k: int,
        wanted: Filter,
        without: Sequence[str],
        contents: Collection[int] | None,
    ) -> list[TextHit]:
        local = self._local(
            Within(wanted, contents=None if contents is None else frozenset(contents))
        )
        parts = self._ask(
            passages.shown_here,
            query,
            k,
            of={n: (one.wanted, tuple(without), one.contents) for n, one in local.items()},
        )
        found = [
            (score, text_of_shard(number, hit))
            for number, some in parts.items()
            for score, hit in some
        ]
        found.sort(key=lambda one: -one[0])
        return [replace(hit, rank=rank) for rank, (_, hit) in enumerate(found[:k], 1)]

    def checked(self, hits: list[TextHit]) -> list[TextHit]:
        """Shards looked at what they told when they told it."""
        return hits


def _listed(
    shards: Asking, ask: Callable[..., dict[int, Any]], asked: Sequence[Filter], k: int
) -> list[TextHit]:
    """Photos of all shards by who is on them, the newest first."""
    wanted = [conditions.sent(one) for one in asked]
    parts = ask(passages.listed_here, wanted, k)
    known = [names for _, names in parts.values()]
    for one in wanted:
        conditions.check(shards, one, known)
    if all(some is None for some, _ in parts.values()):
        raise CollectionError(f"no photo was indexed into {shards.path} yet: retrieve index FOLDER")
    found = [
        text_of_shard(number, hit) for number, (some, _) in parts.items() for hit in some or ()
    ]
    found.sort(key=lambda hit: hit.taken_at or "", reverse=True)
    return [replace(hit, rank=rank) for rank, hit in enumerate(found[:k], 1)]


def _stored(shard: int, one: StoredPassage) -> StoredPassage:
    """A passage of a shard by ids of the cluster."""
    return replace(
        one,
        id=of_cluster(shard, one.id),
        row=of_cluster(shard, one.row),
        content_id=of_cluster(shard, one.content_id),
    )


def _key(text: str) -> str:
    """Of what is the same to persons' names."""
    return key_of(" ".join(text.split()))
