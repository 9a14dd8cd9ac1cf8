"""The passages of one collection, as a search for words sees them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import FACES, PASSAGES, Filter, findable
from retrieve.indexes.catalog.passages import NO_PASSAGE, StoredPassage
from retrieve.indexes.catalog.persons import named_in, names_on
from retrieve.indexes.catalog.sums import check_items, torn
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.listed import listed, shown_for
from retrieve.indexes.queries.near import near_from
from retrieve.indexes.queries.spelling import WordsOfPassages, rows_in_form
from retrieve.indexes.queries.views.view import (
    Candidates,
    Found,
    Held,
    Searched,
    Sought,
    View,
    Within,
)
from retrieve.indexes.search.texts import spoken
from retrieve.text.phrases import places
from retrieve.types import Embeddings, TextHit

T = TypeVar("T")
Keep = NDArray[np.bool_] | None  # (rows,) which passages may be found; None for all


class OfOpened:
    """An open collection, to be searched for words."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def consistently(self, look: Callable[[View], T]) -> T:
        """As Searchable has it."""
        return self._opened.consistently(lambda: look(OneView(self._opened)))


class OneView:
    """As View has it; used inside Opened.consistently()."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._texts = opened.texts
        self._db = opened.db
        self._kept: dict[Within, Keep] = {}
        self._spoken: dict[str, tuple[str, ...]] = {}
        self.words = WordsOfPassages(opened.texts.passages)

    @property
    def path(self) -> Path:
        return self._opened.path

    @cached_property
    def encoder(self) -> str | None:
        space = self._texts.vectors.space()
        return space.made_by["encoder"] if space else None

    @cached_property
    def rows(self) -> int:
        """Committed embeddings, those of dead rows too."""
        return self._texts.vectors.required().rows

    @cached_property
    def language(self) -> str:
        return self._texts.language

    @property
    def has_looks(self) -> bool:
        return self._opened.pictures.vectors.space() is not None

    def check(self) -> None:
        self._texts.check()

    def embedded(self, query: str) -> Embeddings | None:
        return self._texts.embedded(query)

    def spoken(self, query: str) -> tuple[str, ...]:
        if query not in self._spoken:
            many = self._texts.passages.count() if self._languages else 0
            self._spoken[query] = spoken(query, self._languages, many, self.language)
        return self._spoken[query]

    @cached_property
    def _languages(self) -> dict[str, int]:
        return self._texts.passages.languages()

    def named_in(self, text: str) -> tuple[list[str], str]:
        return named_in(self._db, text)

    def foresee(self, text: str, stems: Callable[[], Iterable[str]], within: Within) -> None:
        """Nothing is far away."""

    def totals(self) -> tuple[int, int, int]:
        return self._totals

    @cached_property
    def _totals(self) -> tuple[int, int, int]:
        return self._texts.passages.totals()

    def searched(self, within: Within) -> Searched:
        keep = self.keep(within)
        if keep is None:
            return Searched(self.rows, ruled=False)
        return Searched(int(np.count_nonzero(keep)), ruled=True)

    def keep(self, within: Within) -> Keep:
        """Which passages may be found; kept for the next question, too."""
        if within not in self._kept:
            self._kept[within] = self._opened.kept(
                "passages", within, lambda _: self._keep(within), rows=self.rows
            )
        return self._kept[within]

    def _keep(self, within: Within) -> Keep:
        keep = findable(self._db, self.rows, within.wanted, items=PASSAGES)
        if within.contents is not None:
            inside = np.zeros(self.rows, np.bool_)
            found = among(self._db, "SELECT row FROM passages WHERE content_id", within.contents)
            rows = np.array(found, np.int64).reshape(-1)
            inside[rows[rows < self.rows]] = True
            keep = inside if keep is None else inside & keep
        for phrase in within.holding:
            inside = np.zeros(self.rows, np.bool_)
            inside[self._holding(phrase)] = True
            keep = inside if keep is None else inside & keep
        for excluded in within.without:
            keep = np.ones(self.rows, np.bool_) if keep is None else keep.copy()
            keep[self._holding(excluded)] = False
        for name in within.persons:
            named = findable(self._db, self.rows, Filter(persons=(name,)), items=PASSAGES)
            keep = named if keep is None or named is None else keep & named
        return keep

    def _holding(self, held: Held) -> list[int]:
        """Rows of the passages that hold something; of a phrase in their text or titles."""
        passages = self._texts.passages
        rows = [row for row in passages.holding(dict(held.stems)) if row < self.rows]
        if not held.phrase:
            return rows
        return [
            row
            for row, one in passages.at(rows).items()
            if places(held.text, one.passage.text) or places(held.text, one.titles)
        ]

    def candidates(self, sought: Sought) -> Found:
        keep, passages = self.keep(sought.within), self._texts.passages
        matched: dict[int, float] = {}
        if sought.by_words:
            if sought.choosing is None:
                assert keep is not None
                ids = passages.ids_of(keep)
            else:
                ids = passages.candidates(list(sought.choosing), sought.most, keep)
            matched = dict(passages.best(sought.weights, ids, sought.deep))
        formed = {row for row, may in self.in_forms(sought) if may}
        first = self.first(sought)
        nearest: dict[int, float] = {}
        if sought.probe is not None:
            nearest = self.nearest(sought.probe, sought)
        return Found(matched, formed, first, nearest)

    def in_forms(self, sought: Sought) -> list[tuple[int, bool]]:
        """Rows of the first passages with a word in each form, and whether they may be found."""
        keep, found = self.keep(sought.within), list[tuple[int, bool]]()
        for form, stem in sought.forms:
            some = islice(rows_in_form(self._texts.passages, stem, form), sought.deep)
            found += [(row, row < self.rows and (keep is None or bool(keep[row]))) for row in some]
        return found

    def first(self, sought: Sought) -> list[int]:
        """Rows of the first passages that may be found, where they are sought."""
        keep = self.keep(sought.within)
        if not sought.first:
            return []
        rows = np.arange(self.rows) if keep is None else np.flatnonzero(keep)
        found: list[int] = rows[: sought.deep].tolist()
        return found

    def nearest(self, probe: Embeddings, sought: Sought) -> dict[int, float]:
        """Rows and cosines of the passages nearest in meaning."""
        scores, rows = self._texts.engine.nearest(
            probe, sought.deep, keep=self.keep(sought.within), exact=sought.exact
        )
        found = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        return {row: score for row, score in found if row >= 0}

    def near_from(self, sought: Sought, few: float) -> float:
        assert sought.probe is not None
        searched = self.searched(sought.within).many
        return near_from(self._texts.engine, sought.probe, self.rows, searched, few=few)

    def read(self, found: Found, sought: Sought) -> Candidates:
        said = self.said(found, sought)
        wanted = {*found.matched, *found.formed, *found.first, *found.nearest}
        if len(said.stored) != len(wanted):
            raise torn(PASSAGES)
        return said

    def said(self, found: Found, sought: Sought) -> Candidates:
        """What candidates say that are there."""
        passages = self._texts.passages
        stored = passages.at({*found.matched, *found.formed, *found.first, *found.nearest})
        bm25 = {one.id: found.matched[row] for row, one in stored.items() if row in found.matched}
        others = [one.id for one in stored.values() if one.id not in bm25]
        bm25 |= passages.scored(sought.weights, others)
        cosine = dict(found.nearest)
        if sought.probe is not None and (rest := [row for row in stored if row not in cosine]):
            embeddings = self._texts.engine.embeddings(rest)
            cosine |= zip(rest, (embeddings @ sought.probe[0]).tolist(), strict=True)
        ids = [one.id for one in stored.values()]
        language = passages.language_of(ids) if self._languages else {}
        return Candidates(list(stored.values()), bm25, cosine, language)

    def persons_on(self, contents: Iterable[int]) -> Mapping[int, tuple[str, ...]]:
        return names_on(self._db, contents)

    def newest(self, within: Within, k: int) -> list[StoredPassage]:
        keep = self.keep(within)
        rows = np.arange(self.rows) if keep is None else np.flatnonzero(keep)
        first: dict[int, StoredPassage] = {}
        for _, one in sorted(self._texts.passages.at(rows.tolist()).items()):
            first.setdefault(one.content_id, one)
        return sorted(first.values(), key=lambda one: one.taken_at or "", reverse=True)[:k]

    def contents_of(self, face_ids: Iterable[int]) -> Mapping[int, int]:
        return dict(among(self._db, "SELECT id, content_id FROM faces WHERE id", face_ids))

    def listed(self, conditions: Sequence[Filter], k: int) -> list[TextHit]:
        return listed(self._opened, conditions, k)

    def shown(
        self,
        query: str,
        k: int,
        wanted: Filter,
        without: Sequence[str],
        contents: Collection[int] | None,
    ) -> list[TextHit]:
        within = None if contents is None else contents.__contains__
        return shown_for(self._opened, query, k=k, wanted=wanted, without=without, within=within)

    def checked(self, hits: list[TextHit]) -> list[TextHit]:
        said = [hit.passage_id for hit in hits if hit.passage_id != NO_PASSAGE]
        check_items(self._db, PASSAGES, "id", said)
        faces = [hit.face.face_id for hit in hits if hit.face is not None]
        check_items(self._db, FACES, "id", faces)
        return hits
