"""Queries made from text that has none: what people type who half remember a passage.

They keep a ranking from learning the manners of one set of questions alone. Of each passage:

    name    a capitalised word that stands in no other passage
    words   two to five words of one sentence in any order, one in five of them under another
            form of its stem
    cloze   a whole sentence, which is cut out of the passage that has to be found
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from retrieve.evaluation.retrieval import Document, Query
from retrieve.text.ranking.evidence import SENTENCE_END
from retrieve.text.stemming import stemmed_words

Kind = Literal["name", "words", "cloze"]
PASSAGE_LETTERS = 600  # a passage ends with the line in which it grows as long
SECTION = 30  # passages that count as one document
OTHER_FORM = 0.2
CLOZE_WORDS = 5  # a shorter sentence says too little to be a query
LEFT_SENTENCES = 2  # in a passage from which one was cut


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
    documents: Sequence[Document], seed: int = 0
) -> tuple[list[Document], dict[Kind, list[Query]]]:
    """The documents, some with a sentence less, and queries of each kind about them."""
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
    return cut, {"name": names, "words": words, "cloze": clozes}


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
