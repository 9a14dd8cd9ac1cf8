"""Queries in words → passages: by their words, by their meaning, by both.

Both is the default: the best by BM25 and the best by the cosine of embeddings are candidates,
and a fitted ranking orders them (retrieval/text/ranking/ranking.py). Names of persons in a
query count as persons: what is said of photos with their faces comes first, and a query that is
nothing but names lists these photos.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PASSAGES, Filter, findable
from retrieve.indexes.catalog.passages import K1, NO_PASSAGE, StoredPassage
from retrieve.indexes.catalog.persons import named_in, names_on
from retrieve.indexes.catalog.sums import check_items, torn
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.asked import (
    checked_filter,
    checked_k,
    checked_mode,
    checked_query,
)
from retrieve.indexes.queries.listed import listed, names_things, shown_for
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.near import near_from
from retrieve.indexes.queries.operators import Asked, taken_apart
from retrieve.indexes.queries.spelling import (
    Corrected,
    corrected,
    known_in,
    rows_in_form,
    whole_words,
    with_accents,
    without_marks,
)
from retrieve.text.phrases import places
from retrieve.text.ranking.ranking import MULTILINGUAL, Candidate, Ranker, Statistics, open_ranker
from retrieve.text.readable import typed
from retrieve.text.stemming import asked_across, spelt_stems, stemmed_words
from retrieve.types import Embeddings, Hit, TextHit

DEEP = 100  # candidates from each of the two searches
PASSAGES_OF_A_PHOTO = 4  # looked at where hits are photos: caption, keywords, name and one more

MOST_OF_A_STEM = 3000  # passages of one stem that are looked through for a form of it
LEAST_DOUBT = 1e-4  # of a face's probability: no fit on some thousand pairs is surer

Keep = NDArray[np.bool_] | None


def search_texts(
    opened: Opened,
    query: str,
    *,
    k: int = 10,
    mode: Mode | str = Mode.HYBRID,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
    exact_words: bool = False,
    grouped: bool = False,
) -> list[TextHit]:
    """The stored passages that a query asks for, best first.

    k        hits
    mode     what the order goes by
    wanted   what a hit has to satisfy
    exact    score every stored embedding, whatever index there is
    exact_words  take words that no passage has as they are, not as misspelt
    grouped  of each document only the best passage; `more` says of how many others
    raises   BadInput for a query without a word, CollectionError if no text was indexed, or
             with another encoder
    """
    query, k, mode = checked_query(query), checked_k(k), checked_mode(mode)
    wanted = checked_filter(wanted)

    asked = taken_apart(query)

    def look() -> list[TextHit]:
        looks = mode != Mode.BM25 and not asked.phrases and names_things(opened, asked.words)
        shown = _shown(opened, asked, k, wanted) if looks else []
        if looks and opened.texts.vectors.space() is None:
            return _ranked(shown, k)  # none, where no photo shows it
        search = _Search(opened, mode, exact=exact)
        keep = search.said(asked, search.findable(wanted))
        words = asked.words if exact_words else search.spelt(asked)
        if (names := search.names_alone(words)) and not (asked.phrases or asked.without):
            conditions = [Filter(persons=(name,)) for name in names]
            return listed(opened, [*conditions, wanted], k)
        of_persons = search.named(words, k, keep)
        by_words = search.run(words, k, keep, grouped=grouped)
        if shown:  # weaker than what is said, and surer than what is merely the nearest
            near, rest = ([hit for hit in by_words if hit.near == which] for which in (True, False))
            by_words = [*near, *shown, *rest]
        found = _once([*of_persons, *by_words])
        return search.checked(search.marked(asked, _ranked(found, k)))

    return opened.consistently(look)


def _shown(
    opened: Opened,
    asked: Asked,
    k: int,
    wanted: Filter,
    within: Callable[[int], bool] | None = None,
) -> list[TextHit]:
    """Photos that show what the words name, though nobody said so."""
    return shown_for(opened, asked.words, k=k, wanted=wanted, without=asked.without, within=within)


def search_both(
    opened: Opened,
    faces: Iterable[Hit],
    query: str,
    *,
    k: int = 10,
    mode: Mode | str = Mode.HYBRID,
    wanted: Filter = EVERYTHING,
    exact: bool = False,
    exact_words: bool = False,
) -> list[TextHit]:
    """Photos that hold one of some faces and satisfy a query, one hit a photo, best first.

    faces    what a search for faces has found
    A photo satisfies the query if it has a word of it or means something near it. The ranking's
    scores are logarithms of odds, and so is what a face's probability says: they are added.
    raises   as search_texts()
    """
    query, k, mode = checked_query(query), checked_k(k), checked_mode(mode)
    wanted = checked_filter(wanted)
    asked = taken_apart(query)
    best: dict[int, Hit] = {}
    for hit in sorted(faces, key=lambda hit: -hit.score):
        best.setdefault(hit.face_id, hit)

    def look() -> list[TextHit]:
        search = _Search(opened, mode, exact=exact)
        content_of = dict(among(opened.db, "SELECT id, content_id FROM faces WHERE id", best))
        face_in: dict[int, Hit] = {}
        for face_id, content_id in content_of.items():
            if content_id not in face_in or face_in[content_id].score < best[face_id].score:
                face_in[content_id] = best[face_id]
        keep = search.said(asked, search.within(face_in, search.findable(wanted)))
        deep = max(PASSAGES_OF_A_PHOTO * k, DEEP)
        words = asked.words if exact_words else search.spelt(asked)
        named, others = search.named(words, deep, keep), search.run(words, deep, keep)
        found = [*named, *(hit for hit in others if hit.near)]
        found = [replace(hit, face=face_in[hit.group]) for hit in found]
        if mode == Mode.HYBRID:
            of_persons = len(named)
            found[of_persons:] = sorted(found[of_persons:], key=_both_odds, reverse=True)
        if mode != Mode.BM25 and not asked.phrases:
            shown = _shown(opened, asked, deep, wanted, within=face_in.__contains__)
            found += [replace(hit, face=face_in[hit.group]) for hit in shown if hit.near]
        seen: dict[int, TextHit] = {}
        for hit in found:
            seen.setdefault(hit.group, hit)
        return search.checked(search.marked(asked, _ranked(list(seen.values()), k)))

    return opened.consistently(look)


def photos_of(opened: Opened, wanted: Filter, *, k: int = 10) -> list[TextHit]:
    """Photos with a face that satisfies the conditions, the newest first, of score 0.

    raises  CollectionError if no photo was indexed, BadInput for a person whom nobody named
    """
    k, wanted = checked_k(k), checked_filter(wanted)
    return opened.consistently(lambda: listed(opened, [wanted], k))


def corrected_query(opened: Opened, query: str) -> str | None:
    """A query as its misspelt words were probably meant; None where every word is known."""
    asked = taken_apart(checked_query(query))

    def look() -> str | None:
        words, found = _corrected(opened, asked)
        return None if found is None or found.shown == words else found.shown

    return opened.consistently(look)


def _corrected(opened: Opened, asked: Asked) -> tuple[str, Corrected | None]:
    """What a query asks for with its accents, and, if there are any, with words that no passage
    has as the collection spells them.
    """
    languages = opened.texts.spoken(asked.words)
    words = with_accents(asked.words, languages[0])
    names, _ = named_in(opened.db, words)
    fixed = " ".join([*asked.phrases, *names])
    passages = opened.texts.passages
    known = known_in(languages)
    return words, corrected(words, passages, languages, known=known, fixed=fixed)


class _Search:
    """One query's look at the collection, in one view of it."""

    def __init__(self, opened: Opened, mode: Mode, *, exact: bool) -> None:
        self._opened = opened
        self._texts = opened.texts
        self._db = opened.db
        self._mode = mode
        self._exact = exact
        self._probes: dict[str, Embeddings | None] = {}
        self._typed: dict[
            str, str
        ] = {}  # queries as they were typed, by those with other spellings
        space = self._texts.vectors.space()
        if space is None:
            raise CollectionError(
                f"no text was indexed into {opened.path} yet: retrieve index FOLDER"
            )
        self._rows = space.rows
        self._encoder = space.made_by["encoder"]
        if mode != Mode.BM25:
            self._texts.check()
        self._spoken: dict[str, tuple[str, ...]] = {}  # languages by query
        self._alone = False  # whether the query is one word

    def _languages(self, query: str) -> tuple[str, ...]:
        """The languages by whose stems a query is cut, its own first."""
        if query not in self._spoken:
            self._spoken[query] = self._texts.spoken(query)
        return self._spoken[query]

    def _ranker(self, query: str) -> Ranker:
        return open_ranker(language=self._languages(query)[0], encoder=self._encoder)

    def checked(self, hits: list[TextHit]) -> list[TextHit]:
        """The hits, all that is said in them being what was written; raises CollectionError."""
        said = [hit.passage_id for hit in hits if hit.passage_id != NO_PASSAGE]
        check_items(self._db, PASSAGES, "id", said)
        faces = [hit.face.face_id for hit in hits if hit.face is not None]
        check_items(self._db, FACES, "id", faces)
        return hits

    def findable(self, wanted: Filter) -> Keep:
        """(rows,) which passages may be found; None if all of them."""
        return findable(self._db, self._rows, wanted, items=PASSAGES)

    def spelt(self, asked: Asked) -> str:
        """The words to be searched for: those that no passage has as passages spell them."""
        words, found = _corrected(self._opened, asked)
        if found is None:
            return words
        if self._encoder in MULTILINGUAL:  # they know most misspelt words, too
            self._typed[found.words] = words
        return found.words

    def said(self, asked: Asked, keep: Keep) -> Keep:
        """Those that hold a query's phrases, and nothing that it excludes."""
        self._alone = len(asked_across(asked.words, self._languages(asked.words))) == 1
        for phrase in asked.phrases:
            inside = np.zeros(self._rows, np.bool_)
            inside[self._holding(phrase)] = True
            keep = inside if keep is None else inside & keep
        for excluded in asked.without:
            keep = np.ones(self._rows, np.bool_) if keep is None else keep.copy()
            several = " " in excluded
            keep[self._holding(excluded) if several else self._with_word(excluded)] = False
        return keep

    def _with_word(self, word: str) -> list[int]:
        """Rows of the passages that hold a word, or where it is a stop word, stand so."""
        found = asked_across(word, self._languages(word), everywhere=True)
        if not found:
            return self._holding(word)
        return [row for row in self._texts.passages.holding(found) if row < self._rows]

    def _holding(self, phrase: str) -> list[int]:
        """Rows of the passages in whose text or titles a phrase stands."""
        passages = self._texts.passages
        rows = passages.holding(asked_across(phrase, self._languages(phrase), everywhere=True))
        return [
            row
            for row, one in passages.at(row for row in rows if row < self._rows).items()
            if places(phrase, one.passage.text) or places(phrase, one.titles)
        ]

    def marked(self, asked: Asked, hits: Sequence[TextHit]) -> list[TextHit]:
        """The hits with their phrases marked from end to end."""
        if not asked.phrases:
            return list(hits)
        return [
            replace(
                hit,
                marks=_apart(
                    [
                        *hit.marks,
                        *(at for one in asked.phrases for at in places(one, hit.passage.text)),
                    ]
                ),
            )
            for hit in hits
        ]

    def within(self, contents: Iterable[int], keep: Keep) -> NDArray[np.bool_]:
        """Those of some contents only."""
        inside = np.zeros(self._rows, np.bool_)
        found = among(self._db, "SELECT row FROM passages WHERE content_id", contents)
        rows = np.array(found, np.int64).reshape(-1)
        inside[rows[rows < self._rows]] = True
        return inside if keep is None else inside & keep

    def of_persons(self, names: Sequence[str], keep: Keep) -> NDArray[np.bool_]:
        """Those of photos with faces of all these persons only."""
        inside = np.ones(self._rows, np.bool_) if keep is None else keep
        for name in names:
            named = self.findable(Filter(persons=(name,)))
            inside = inside if named is None else inside & named
        return inside

    def photos_of(self, names: Sequence[str], k: int, keep: Keep) -> list[TextHit]:
        """One passage of each photo with faces of all these persons, newest first."""
        rows = np.flatnonzero(self.of_persons(names, keep)).tolist()
        first: dict[int, StoredPassage] = {}
        for _, one in sorted(self._texts.passages.at(rows).items()):
            first.setdefault(one.content_id, one)
        newest = sorted(first.values(), key=lambda one: one.taken_at or "", reverse=True)[:k]
        persons = names_on(self._db, (one.content_id for one in newest))
        return [
            self._hit(rank, one, 0.0, 0.0, 0.0, set(), persons, self._texts.language)
            for rank, one in enumerate(newest, 1)
        ]

    def names_alone(self, query: str) -> list[str]:
        """The persons whom a query names, where it says nothing else."""
        names, rest = named_in(self._db, query)
        return [] if self._says(rest) else names

    def _says(self, query: str) -> bool:
        """Whether a query has a word that can be searched for."""
        return bool(query.strip()) and bool(asked_across(query, self._languages(query)))

    def named(self, query: str, k: int, keep: Keep) -> list[TextHit]:
        """What is said of photos with faces of the persons in a query and satisfies its rest."""
        names, rest = named_in(self._db, query)
        if not names:
            return []
        if self._says(rest):
            found = self.run(rest, k, self.of_persons(names, keep))
            return [hit for hit in found if hit.near]
        return self.photos_of(names, k, keep)

    def run(self, query: str, k: int, keep: Keep, *, grouped: bool = False) -> list[TextHit]:
        """The best passages for a query."""
        texts = self._texts
        across = asked_across(query, self._languages(query))
        asked = list(across)
        same = {other: stem for stem, others in across.items() for other in others}
        deep = max(k, DEEP)
        matched = (
            {}
            if self._mode == Mode.MEANING
            else dict(texts.passages.matches(asked, deep, keep=keep, same=same))
        )
        forms = self._forms(query)
        also = self._in_these_forms(forms, keep, deep)
        by_words = matched | dict.fromkeys(also - matched.keys(), 0.0)
        phrased: dict[int, float] = {}
        if not asked and keep is not None:  # a phrase of small words alone
            phrased = dict.fromkeys(np.flatnonzero(keep)[:deep].tolist(), 0.0)
            by_words = phrased
        by_meaning = {} if self._mode == Mode.BM25 else self._nearest(query, deep, keep)
        stored = texts.passages.at({*by_words, *by_meaning})
        if stored.keys() != {*by_words, *by_meaning}:
            raise torn(PASSAGES)
        ids = [one.id for one in stored.values()]
        bm25 = {one.id: matched[row] for row, one in stored.items() if row in matched}
        bm25 |= texts.passages.bm25(asked, [id for id in ids if id not in bm25], same)
        in_another = texts.passages.language_of(ids) if len(self._languages(query)) > 1 else {}
        own = texts.language
        said_in = {id: in_another.get(id, own) for id in ids}
        cosine = by_meaning | self._cosines(query, [row for row in stored if row not in by_meaning])
        some = list(stored.values())
        of_forms = self._of_forms(forms, some)
        lexical = {one.id: bm25.get(one.id, 0.0) + of_forms.get(one.id, 0.0) for one in some}
        scores = self._scores(query, some, lexical, cosine, said_in, same)
        least = self._near_from(query, keep)
        near = [
            bm25.get(one.id, 0.0) > 0 or one.row in phrased or cosine.get(one.row, -1.0) >= least
            for one in some
        ]
        order = _one_of_each_photo(some, np.argsort(-scores, kind="stable"))
        more: Counter[int] = Counter()
        if grouped:
            order, more = _one_of_each_document(some, order, near)
        order = order[:k]
        persons = names_on(self._db, (some[i].content_id for i in order))
        return [
            replace(
                self._hit(
                    rank,
                    some[i],
                    float(scores[i]),
                    bm25.get(some[i].id, 0.0),
                    cosine.get(some[i].row, 0.0),
                    {*asked, *same},
                    persons,
                    said_in[some[i].id],
                ),
                near=near[i],
                more=more[some[i].content_id],
            )
            for rank, i in enumerate(order, 1)
        ]

    def _forms(self, query: str) -> dict[str, str]:
        """Of a query of one word its spellings as they are typed, and the stem of each; of several
        words it is more that all of them stand in a passage, in whatever form.
        """
        if self._mode == Mode.MEANING or not self._alone:
            return {}
        own = self._languages(query)[0]
        spelt = spelt_stems(query, own, asked=True)
        return {typed(word.lower()): stem for word, stem in spelt if word.isalpha()}

    def _in_these_forms(self, forms: Mapping[str, str], keep: Keep, deep: int) -> set[int]:
        """Rows of passages with a word in the form in which it is asked for, where its stem stands
        in more than BM25 gives: the stem alone would not tell them from those of other forms.
        """
        passages = self._texts.passages
        held = passages.frequencies(forms.values())
        found: set[int] = set()
        for form, stem in forms.items():
            if deep < held.get(stem, 0) <= MOST_OF_A_STEM:
                found.update(islice(rows_in_form(passages, stem, form), deep))
        return {row for row in found if row < self._rows and (keep is None or keep[row])}

    def _of_forms(
        self, forms: Mapping[str, str], some: Sequence[StoredPassage]
    ) -> dict[int, float]:
        """What words weigh that stand in the form in which they are asked for, by passage: as much
        as other forms of them could add by being repeated without end.
        """
        if not forms:
            return {}
        rarity = {form: self._texts.passages.rarity(stem) for form, stem in forms.items()}
        wanted = whole_words(forms)
        stands = {
            one.id: set(wanted.findall(without_marks(f"{one.titles} {one.passage.text}")))
            for one in some
        }
        return {
            id: K1 * sum(rarity[form] for form in found) for id, found in stands.items() if found
        }

    def _hit(
        self,
        rank: int,
        stored: StoredPassage,
        score: float,
        bm25: float,
        cosine: float,
        asked: set[str],
        persons: Mapping[int, tuple[str, ...]],
        language: str,
    ) -> TextHit:
        words = stemmed_words(stored.passage.text, language)
        return TextHit(
            rank=rank,
            passage_id=stored.id,
            path=stored.path,
            kind=stored.kind,
            document=stored.document,
            passage=stored.passage,
            score=score,
            bm25=bm25,
            cosine=cosine,
            marks=_apart([(start, end) for stem, start, end in words if stem in asked]),
            taken_at=stored.taken_at,
            persons=persons.get(stored.content_id, ()),
            group=stored.content_id,
        )

    def _scores(
        self,
        query: str,
        some: Sequence[StoredPassage],
        bm25: Mapping[int, float],
        cosine: Mapping[int, float],
        said_in: Mapping[int, str],
        same: Mapping[str, str],
    ) -> NDArray[np.float32]:
        if self._mode == Mode.BM25:
            return np.array([bm25.get(one.id, 0.0) for one in some], np.float32)
        if self._mode == Mode.MEANING:
            return np.array([cosine.get(one.row, 0.0) for one in some], np.float32)
        passages = self._texts.passages
        candidates = [
            Candidate(
                one.passage.text,
                one.titles,
                one.content_id,
                bm25.get(one.id, 0.0),
                cosine.get(one.row, 0.0),
                said_in[one.id],
            )
            for one in some
        ]

        def holders(asked: Sequence[str]) -> list[int]:
            found = Counter(passages.frequencies([*asked, *same]))
            for other, stem in same.items():
                found[stem] += found[other]
            return [found[stem] for stem in asked]

        statistics = Statistics(passages.count(), passages.mean_stems(), holders)
        return self._ranker(query).scores(query, candidates, statistics, same)

    def _near_from(self, query: str, keep: Keep) -> float:
        """The cosine from which on a passage means what is asked; no cosine counts in BM25."""
        if self._mode == Mode.BM25 or not self._rows or (probe := self._probe(query)) is None:
            return math.inf
        searched = self._rows if keep is None else int(keep.sum())
        few = self._ranker(query).encoder.meant
        return near_from(self._texts.engine, probe, self._rows, searched, few=few)

    def _nearest(self, query: str, k: int, keep: Keep) -> dict[int, float]:
        """Rows and cosines of the passages nearest in meaning."""
        if (probe := self._probe(query)) is None:
            return {}
        scores, rows = self._texts.engine.nearest(probe, k, keep=keep, exact=self._exact)
        found = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        return {row: score for row, score in found if row >= 0}

    def _cosines(self, query: str, rows: Sequence[int]) -> dict[int, float]:
        if self._mode == Mode.BM25 or not rows or (probe := self._probe(query)) is None:
            return {}
        stored = self._texts.engine.embeddings(rows)
        return dict(zip(rows, (stored @ probe[0]).tolist(), strict=True))

    def _probe(self, query: str) -> Embeddings | None:
        """(1, D) the query's embedding; None if there is nothing in it to embed."""
        if query not in self._probes:
            from retrieve.text.encoders.encode import embed_queries

            encoder, typed = self._texts.encoder, self._typed.get(query, query)
            covers = encoder.covers(typed)
            self._probes[query] = embed_queries(encoder, [typed]) if covers else None
        return self._probes[query]


def _apart(marks: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """In order, those that overlap made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def _both_odds(hit: TextHit) -> float:
    """The score of the words and the logarithm of the face's odds; 0 where these are unknown."""
    if hit.face is None or hit.face.probability is None:
        return hit.score
    likely = min(max(hit.face.probability, LEAST_DOUBT), 1 - LEAST_DOUBT)
    return hit.score + math.log(likely / (1 - likely))


def _one_of_each_photo(some: Sequence[StoredPassage], order: NDArray[np.intp]) -> list[int]:
    """The order, of what is said of one photo, or of its copies, only the best."""
    seen: set[int] = set()
    kept = []
    for i in order.tolist():
        if some[i].kind == PHOTO:
            if some[i].content_id in seen:
                continue
            seen.add(some[i].content_id)
        kept.append(i)
    return kept


def _one_of_each_document(
    some: Sequence[StoredPassage], order: Sequence[int], near: Sequence[bool]
) -> tuple[list[int], Counter[int]]:
    """The order with only the best of each document, and how many others of it are near."""
    best: dict[int, int] = {}
    more: Counter[int] = Counter()
    for i in order:
        if best.setdefault(some[i].content_id, i) != i and near[i]:
            more[some[i].content_id] += 1
    return list(best.values()), more


def _once(hits: Iterable[TextHit]) -> list[TextHit]:
    """Each passage, and each photo, where it stands first."""
    seen: dict[int | Path, TextHit] = {}
    for hit in hits:
        seen.setdefault(hit.path if hit.kind == PHOTO else hit.passage_id, hit)
    return list(seen.values())


def _ranked(hits: Sequence[TextHit], k: int) -> list[TextHit]:
    return [replace(hit, rank=rank) for rank, hit in enumerate(hits[:k], 1)]
