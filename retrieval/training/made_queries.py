"""Queries made from text that has none: what people type who half remember a passage.

They keep a ranking from learning the manners of one set of questions alone. Of each passage:

    name    a capitalised word that stands in no other passage
    words   two to five words of one sentence in any order, one in five of them under another
            form of its stem
    cloze   a whole sentence, which is cut out of the passage that has to be found
    gist    such a sentence without most of the words that the passage has, too
    other   as `words`, most of them as other words that are near by their vectors

Of the last two a tenth to a half of the words stay as they were, so that a ranking doesn't learn
that what has the words of the query is wrong.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from retrieve.evaluation.retrieval import Document, Query
from retrieve.text.ranking.evidence import SENTENCE_END
from retrieve.text.stemming import stemmed_words, stems
from retrieve.text.words.vectors import WordVectors
from retrieve.types import Embeddings

Kind = Literal["name", "words", "cloze", "gist", "other"]
PASSAGE_LETTERS = 600  # a passage ends with the line in which it grows as long
SECTION = 30  # passages that count as one document
OTHER_FORM = 0.2
CLOZE_WORDS = 5  # a shorter sentence says too little to be a query
LEFT_SENTENCES = 2  # in a passage from which one was cut
OTHER_LEAST = 0.5  # of the words of a query in other words, up to all of them
OTHER_WORDS = 3  # a query in other words has as many or more
FREQUENT = 40_000  # words that stand in for others
NEAREST, CHOSEN = 24, 3  # of those near a word the first of another stem


class Near:
    """Words that stand in for others.

    vectors  most frequent words first
    """

    def __init__(self, vectors: WordVectors) -> None:
        self._words = vectors.words[:FREQUENT]
        self._vectors = vectors
        self._found: dict[str, list[str]] = {}

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self._words)}

    @cached_property
    def _matrix(self) -> Embeddings:
        return self._vectors.vectors(np.arange(len(self._words)))

    def nearest(self, word: str) -> list[str]:
        """The nearest words, nearest first; none of one without a vector."""
        row = self._rows.get(word.lower())
        if row is None:
            return []
        if word not in self._found:
            order = np.argsort(-(self._matrix @ self._matrix[row]), kind="stable")
            self._found[word] = [self._words[i] for i in order[: NEAREST + 1] if i != row]
        return self._found[word]

    def other(self, word: str, avoid: frozenset[str], rng: random.Random) -> str:
        """A near word without a stem of these; "" if there is none."""
        fit = [
            one for one in self.nearest(word) if (found := stems(one)) and avoid.isdisjoint(found)
        ]
        return rng.choice(fit[:CHOSEN]) if fit else ""


def passages(lines: Iterable[str], name: str, limit: int) -> list[Document]:
    """The first `limit` passages of a running text; before the # in a key stands its document."""
    found: list[Document] = []
    text = ""
    for line in lines:
        text = f"{text} {line.strip()}".strip()
        if len(text) >= PASSAGE_LETTERS:
            place = len(found)
            key = f"{name}/{place // SECTION}#{place % SECTION}"
            found.append(Document(key, "", text[: 3 * PASSAGE_LETTERS]))
            text = ""
        if len(found) == limit:
            break
    return found


def made(
    documents: Sequence[Document], seed: int = 0, near: Near | None = None
) -> tuple[list[Document], dict[Kind, list[Query]]]:
    """The documents, some with a sentence less, and queries of each kind about them.

    near  for those in other words; without it there are none
    """
    rng = random.Random(seed)
    cut, clozes = [], []
    for document in documents:
        rest, sentence = _cut(document.text, rng)
        cut.append(Document(document.key, document.title, rest))
        if sentence:
            clozes.append(Query(sentence, frozenset({document.key})))
    forms, holders = _index(cut)
    names, words = [], []
    for document in cut:
        rare = sorted(
            document.text[word.start : word.end]
            for word in stemmed_words(document.text)
            if holders[word.stem] == 1 and document.text[word.start].isupper()
        )
        if rare:
            names.append(Query(rng.choice(rare), frozenset({document.key})))
        sentence = rng.choice(list(sentences(document.text)) or [""])
        here = stemmed_words(sentence)
        if len(here) >= 2:
            some = rng.sample(here, min(len(here), rng.randint(2, 5)))
            asked = [
                rng.choice(forms[word.stem])
                if rng.random() < OTHER_FORM
                else sentence[word.start : word.end]
                for word in some
            ]
            words.append(Query(" ".join(asked), frozenset({document.key})))
    found: dict[Kind, list[Query]] = {"name": names, "words": words, "cloze": clozes}
    if near is not None:
        # Drawn apart: the kinds above stay as they are, whatever is made beside them.
        rng = random.Random(seed)
        found["gist"] = gists(clozes, cut, rng)
        found["other"] = in_other_words(words, cut, near, rng)
    return cut, found


def gists(
    queries: Iterable[Query], documents: Iterable[Document], rng: random.Random
) -> list[Query]:
    """The queries without most of the words that their passages have, if some are left."""
    has = _stems_of(documents)
    found = []
    for query in queries:
        avoid, least = has(query), rng.uniform(OTHER_LEAST, 1)
        kept = [
            query.text[word.start : word.end]
            for word in stemmed_words(query.text)
            if word.stem not in avoid or rng.random() > least
        ]
        if len(kept) >= OTHER_WORDS:
            found.append(Query(" ".join(kept), query.relevant))
    return found


def in_other_words(
    queries: Iterable[Query], documents: Iterable[Document], near: Near, rng: random.Random
) -> list[Query]:
    """The queries with near words that their passages don't have for most of theirs."""
    has = _stems_of(documents)
    found = []
    for query in queries:
        avoid, least = has(query), rng.uniform(OTHER_LEAST, 1)
        words = [query.text[word.start : word.end] for word in stemmed_words(query.text)]
        said = [near.other(one, avoid, rng) if rng.random() < least else one for one in words]
        if len(kept := [one for one in said if one]) >= OTHER_WORDS:
            found.append(Query(" ".join(kept), query.relevant))
    return found


def _stems_of(documents: Iterable[Document]) -> Callable[[Query], frozenset[str]]:
    texts = {one.key: f"{one.title} {one.text}" for one in documents}

    def has(query: Query) -> frozenset[str]:
        return frozenset(stem for key in query.relevant for stem in stems(texts[key]))

    return has


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, also those that a semicolon or a colon ends."""
    return (part.strip() for part in SENTENCE_END.split(text) if part and part.strip())


def _cut(text: str, rng: random.Random) -> tuple[str, str]:
    parts = list(sentences(text))
    long = [i for i, part in enumerate(parts) if len(stemmed_words(part)) >= CLOZE_WORDS]
    if len(parts) <= LEFT_SENTENCES or not long:
        return text, ""
    chosen = rng.choice(long)
    return ". ".join(parts[:chosen] + parts[chosen + 1 :]), parts[chosen]


def _index(documents: Sequence[Document]) -> tuple[dict[str, list[str]], Counter[str]]:
    forms: dict[str, set[str]] = defaultdict(set)
    holders: Counter[str] = Counter()
    for document in documents:
        words = stemmed_words(document.text)
        for word in words:
            forms[word.stem].add(document.text[word.start : word.end])
        holders.update({word.stem for word in words})
    return {stem: sorted(spellings) for stem, spellings in forms.items()}, holders
