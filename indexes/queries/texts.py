"""Queries in words → passages: by their words, by their meaning, by both.

Both is the default: the best by BM25 and the best by the cosine of embeddings are candidates,
and a fitted ranking orders them (retrieval/text/ranking/ranking.py). Names of persons in a
query count as persons: what is said of photos with their faces comes first, and a query that is
nothing but names lists these photos.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.passages import (
    DEEPER,
    FEW,
    K1,
    StoredPassage,
    choosers,
    rarity,
    weights_of,
)
from retrieve.indexes.queries.asked import (
    checked_filter,
    checked_k,
    checked_mode,
    checked_query,
)
from retrieve.indexes.queries.listed import names_things
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.operators import Asked, taken_apart
from retrieve.indexes.queries.spelling import (
    Corrected,
    corrected,
    known_in,
    whole_words,
    with_accents,
    without_marks,
)
from retrieve.indexes.queries.views.view import Held, Searchable, Sought, View, Within
from retrieve.text.phrases import places
from retrieve.text.ranking.ranking import MULTILINGUAL, Candidate, Ranker, Statistics, open_ranker
from retrieve.text.readable import typed
from retrieve.text.stemming import asked_across, spelt_stems, stemmed_words
from retrieve.types import Embeddings, Hit, TextHit

DEEP = 100  # candidates from each of the two searches
PASSAGES_OF_A_PHOTO = 4  # looked at where hits are photos: caption, keywords, name and one more

MOST_OF_A_STEM = 3000  # passages of one stem that are looked through for a form of it
LEAST_DOUBT = 1e-4  # of a face's probability: no fit on some thousand pairs is surer


def search_texts(
    passages: Searchable,
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

    def look(view: View) -> list[TextHit]:
        looks = mode != Mode.BM25 and not asked.phrases and _names_things(view, asked)
        shown = _shown(view, asked, k, wanted) if looks else []
        if looks and view.encoder is None:
            return _ranked(shown, k)  # none, where no photo shows it
        search = _Search(view, mode, exact=exact)
        within = search.said(asked, Within(wanted))
        search.foresee(asked.words, within)
        words = asked.words if exact_words else search.spelt(asked, within)
        if (names := search.names_alone(words)) and not (asked.phrases or asked.without):
            conditions = [Filter(persons=(name,)) for name in names]
            return view.listed([*conditions, wanted], k)
        of_persons = search.named(words, k, within)
        by_words = search.run(words, k, within, grouped=grouped)
        if shown:  # weaker than what is said, and surer than what is merely the nearest
            near, rest = ([hit for hit in by_words if hit.near == which] for which in (True, False))
            by_words = [*near, *shown, *rest]
        found = _once([*of_persons, *by_words])
        return view.checked(search.marked(asked, _ranked(found, k)))

    return passages.consistently(look)


def _names_things(view: View, asked: Asked) -> bool:
    """Whether a query names what photos may show, where they were looked at for it."""
    return view.has_looks and names_things(asked.words)


def _shown(
    view: View,
    asked: Asked,
    k: int,
    wanted: Filter,
    contents: Collection[int] | None = None,
) -> list[TextHit]:
    """Photos that show what the words name, though nobody said so."""
    return view.shown(asked.words, k, wanted, asked.without, contents)


def search_both(
    passages: Searchable,
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

    def look(view: View) -> list[TextHit]:
        search = _Search(view, mode, exact=exact)
        face_in: dict[int, Hit] = {}
        for face_id, content_id in view.contents_of(best).items():
            if content_id not in face_in or face_in[content_id].score < best[face_id].score:
                face_in[content_id] = best[face_id]
        within = search.said(asked, Within(wanted, contents=frozenset(face_in)))
        search.foresee(asked.words, within)
        deep = max(PASSAGES_OF_A_PHOTO * k, DEEP)
        words = asked.words if exact_words else search.spelt(asked, within)
        named, others = search.named(words, deep, within), search.run(words, deep, within)
        found = [*named, *(hit for hit in others if hit.near)]
        found = [replace(hit, face=face_in[hit.group]) for hit in found]
        if mode == Mode.HYBRID:
            of_persons = len(named)
            found[of_persons:] = sorted(found[of_persons:], key=_both_odds, reverse=True)
        if mode != Mode.BM25 and not asked.phrases and _names_things(view, asked):
            shown = _shown(view, asked, deep, wanted, contents=face_in.keys())
            found += [replace(hit, face=face_in[hit.group]) for hit in shown if hit.near]
        seen: dict[int, TextHit] = {}
        for hit in found:
            seen.setdefault(hit.group, hit)
        return view.checked(search.marked(asked, _ranked(list(seen.values()), k)))

    return passages.consistently(look)


def photos_of(passages: Searchable, wanted: Filter, *, k: int = 10) -> list[TextHit]:
    """Photos with a face that satisfies the conditions, the newest first, of score 0.

    raises  CollectionError if no photo was indexed, BadInput for a person whom nobody named
    """
    k, wanted = checked_k(k), checked_filter(wanted)
    return passages.consistently(lambda view: view.listed([wanted], k))


def corrected_query(passages: Searchable, query: str) -> str | None:
    """A query as its misspelt words were probably meant; None where every word is known."""
    asked = taken_apart(checked_query(query))

    def look(view: View) -> str | None:
        words, found = _corrected(view, asked)
        return None if found is None or found.shown == words else found.shown

    return passages.consistently(look)


def _corrected(view: View, asked: Asked) -> tuple[str, Corrected | None]:
    """What a query asks for with its accents, and, if there are any, with words that no passage
    has as the collection spells them.
    """
    languages = view.spoken(asked.words)
    words = with_accents(asked.words, languages[0])
    names, _ = view.named_in(words)
    fixed = " ".join([*asked.phrases, *names])
    known = known_in(languages)
    return words, corrected(words, view.words, languages, known=known, fixed=fixed)


class _Search:
    """One query's look at passages, in one view of them."""

    def __init__(self, view: View, mode: Mode, *, exact: bool) -> None:
        self._view = view
        self._mode = mode
        self._exact = exact
        self._probes: dict[str, Embeddings | None] = {}
        # Queries as they were typed, by those with other spellings.
        self._typed: dict[str, str] = {}
        encoder = view.encoder
        if encoder is None:
            raise CollectionError(
                f"no text was indexed into {view.path} yet: retrieve index FOLDER"
            )
        self._encoder = encoder
        if mode != Mode.BM25:
            view.check()
        self._spoken: dict[str, tuple[str, ...]] = {}  # languages by query
        self._frequency: dict[str, int] = {}
        self._alone = False  # whether the query is one word

    def _languages(self, query: str) -> tuple[str, ...]:
        """The languages by whose stems a query is cut, its own first."""
        if query not in self._spoken:
            self._spoken[query] = self._view.spoken(query)
        return self._spoken[query]

    def _ranker(self, query: str) -> Ranker:
        return open_ranker(language=self._languages(query)[0], encoder=self._encoder)

    def foresee(self, query: str, within: Within) -> None:
        """Have the view ask for what the query will ask it for."""

        def stems() -> set[str]:
            languages = self._languages(query)
            spelt = (one.stem for language in languages for one in stemmed_words(query, language))
            across = asked_across(query, languages)
            return {*spelt, *across, *(one for others in across.values() for one in others)}

        self._view.foresee(query, stems, within)

    def spelt(self, asked: Asked, within: Within) -> str:
        """The words to be searched for: those that no passage has as passages spell them."""
        words, found = _corrected(self._view, asked)
        if found is None:
            return words
        if self._encoder in MULTILINGUAL:  # they know most misspelt words, too
            self._typed[found.words] = words
        self.foresee(found.words, within)
        return found.words

    def said(self, asked: Asked, within: Within) -> Within:
        """Those that hold a query's phrases, and nothing that it excludes."""
        self._alone = len(asked_across(asked.words, self._languages(asked.words))) == 1
        return replace(
            within,
            holding=tuple(self._held(one, phrase=True) for one in asked.phrases),
            without=tuple(self._held(one, phrase=" " in one) for one in asked.without),
        )

    def _held(self, text: str, *, phrase: bool) -> Held:
        """A phrase, or a word, which counts as one where it is a stop word."""
        found = asked_across(text, self._languages(text), everywhere=True)
        return Held(text, tuple(found.items()), phrase or not found)

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

    def names_alone(self, query: str) -> list[str]:
        """The persons whom a query names, where it says nothing else."""
        names, rest = self._view.named_in(query)
        return [] if self._says(rest) else names

    def _says(self, query: str) -> bool:
        """Whether a query has a word that can be searched for."""
        return bool(query.strip()) and bool(asked_across(query, self._languages(query)))

    def named(self, query: str, k: int, within: Within) -> list[TextHit]:
        """What is said of photos with faces of the persons in a query and satisfies its rest."""
        names, rest = self._view.named_in(query)
        if not names:
            return []
        of_persons = replace(within, persons=tuple(names))
        if self._says(rest):
            return [hit for hit in self.run(rest, k, of_persons) if hit.near]
        newest = self._view.newest(of_persons, k)
        persons = self._view.persons_on(one.content_id for one in newest)
        return [
            self._hit(rank, one, 0.0, 0.0, 0.0, set(), persons, self._view.language)
            for rank, one in enumerate(newest, 1)
        ]

    def run(self, query: str, k: int, within: Within, *, grouped: bool = False) -> list[TextHit]:
        """The best passages for a query."""
        view = self._view
        across = asked_across(query, self._languages(query))
        same = {other: stem for stem, others in across.items() for other in others}
        forms = self._forms(query)
        sought = self._sought(query, list(across), same, forms, max(k, DEEP), within)
        found = view.candidates(sought)
        some = view.read(found, sought)
        stored, bm25, cosine, own = some.stored, some.bm25, some.cosine, view.language
        said_in = {one.id: some.language.get(one.id, own) for one in stored}
        of_forms = self._of_forms(forms, stored)
        lexical = {one.id: bm25.get(one.id, 0.0) + of_forms.get(one.id, 0.0) for one in stored}
        scores = self._scores(query, stored, lexical, cosine, said_in, same)
        least = self._near_from(query, sought)
        near = [
            bm25.get(one.id, 0.0) > 0
            or one.row in found.first
            or cosine.get(one.row, -1.0) >= least
            for one in stored
        ]
        order = _one_of_each_photo(stored, np.argsort(-scores, kind="stable"))
        more: Counter[int] = Counter()
        if grouped:
            order, more = _one_of_each_document(stored, order, near)
        order = order[:k]
        persons = view.persons_on(stored[i].content_id for i in order)
        return [
            replace(
                self._hit(
                    rank,
                    stored[i],
                    float(scores[i]),
                    bm25.get(stored[i].id, 0.0),
                    cosine.get(stored[i].row, 0.0),
                    {*across, *same},
                    persons,
                    said_in[stored[i].id],
                ),
                near=near[i],
                more=more[stored[i].content_id],
            )
            for rank, i in enumerate(order, 1)
        ]

    def _sought(
        self,
        query: str,
        asked: Sequence[str],
        same: Mapping[str, str],
        forms: Mapping[str, str],
        deep: int,
        within: Within,
    ) -> Sought:
        """What candidates a query has."""
        view, every = self._view, [*asked, *same]
        held = self._frequencies([*every, *forms.values()])
        searched = view.searched(within)
        choosing, all_choose = choosers({one: held[one] for one in every if held.get(one)}, every)
        few = searched.ruled and searched.many <= FEW
        totals = view.totals()
        return Sought(
            deep=deep,
            within=within,
            weights=weights_of(asked, same, totals, held),
            choosing=None if few else {one: rarity(totals[0], held[one]) for one in choosing},
            most=deep if all_choose else DEEPER * deep,
            by_words=self._mode != Mode.MEANING and bool(asked),
            # Of a word whose stem stands in more passages than BM25 gives: the stem alone would not
            # tell them from those with other forms.
            forms=tuple(
                (form, stem)
                for form, stem in forms.items()
                if deep < held.get(stem, 0) <= MOST_OF_A_STEM
            ),
            first=not asked and searched.ruled,  # a phrase of small words alone
            probe=None if self._mode == Mode.BM25 else self._probe(query),
            exact=self._exact,
        )

    def _frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem is, asked once."""
        wanted = list(dict.fromkeys(stems))
        if new := [one for one in wanted if one not in self._frequency]:
            self._frequency |= dict.fromkeys(new, 0) | dict(self._view.words.frequencies(new))
        return {one: self._frequency[one] for one in wanted}

    def _forms(self, query: str) -> dict[str, str]:
        """Of a query of one word its spellings as they are typed, and the stem of each; of several
        words it is more that all of them stand in a passage, in whatever form.
        """
        if self._mode == Mode.MEANING or not self._alone:
            return {}
        own = self._languages(query)[0]
        spelt = spelt_stems(query, own, asked=True)
        return {typed(word.lower()): stem for word, stem in spelt if word.isalpha()}

    def _of_forms(
        self, forms: Mapping[str, str], some: Sequence[StoredPassage]
    ) -> dict[int, float]:
        """What words weigh that stand in the form in which they are asked for, by passage: as much
        as other forms of them could add by being repeated without end.
        """
        if not forms:
            return {}
        held, (passages, *_) = self._frequencies(forms.values()), self._view.totals()
        weight = {form: rarity(passages, held[stem]) for form, stem in forms.items()}
        wanted = whole_words(forms)
        stands = {
            one.id: set(wanted.findall(without_marks(f"{one.titles} {one.passage.text}")))
            for one in some
        }
        return {
            id: K1 * sum(weight[form] for form in found) for id, found in stands.items() if found
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
            found = Counter(self._frequencies([*asked, *same]))
            for other, stem in same.items():
                found[stem] += found[other]
            return [found[stem] for stem in asked]

        passages, _, stems = self._view.totals()
        mean = max(1.0, stems / passages) if passages else 1.0
        statistics = Statistics(passages, mean, holders)
        return self._ranker(query).scores(query, candidates, statistics, same)

    def _near_from(self, query: str, sought: Sought) -> float:
        """The cosine from which on a passage means what is asked; no cosine counts in BM25."""
        if sought.probe is None:
            return math.inf
        return self._view.near_from(sought, self._ranker(query).encoder.meant)

    def _probe(self, query: str) -> Embeddings | None:
        """(1, D) the query's embedding; None if there is nothing in it to embed."""
        if query not in self._probes:
            self._probes[query] = self._view.embedded(self._typed.get(query, query))
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
