"""Which language each passage of a document is in, and which one a query: by whose stems it is cut.

The shipped classifier of languages is asked, where it is sure; a caption of three words, a table,
a language that it does not know go with the document that they stand in, else with the language
that was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieve.text.classifiers.classify import Classifier, Ranked

# Class of the classifier → the language whose stems are taken. Snowball has none for three of them:
# they go with the neighbour that has their endings, for which few words are mistaken, too.
STEMMED_AS = {
    "ast": "es", "cat": "ca", "deu": "de", "eng": "en", "fra": "fr", "glg": "es", "ita": "it",
    "nld": "nl", "oci": "ca", "por": "pt", "ron": "ro", "spa": "es",
}  # fmt: skip
TOLD = tuple(sorted(set(STEMMED_AS.values())))
SURE = 0.95  # probability from which a passage is of a language
FEWEST_WORDS = 4  # of a passage that is asked: fewer are a name as often as not
LOOKED_AT = 160  # characters of a passage, some 25 words: more tell hardly more, and cost time


def languages_of(documents: Sequence[Sequence[str]], language: str) -> list[list[str]]:
    """The language of each passage of some documents, ISO 639-1.

    language  of what does not tell its own. If it is none that can be told from the others, it is
              that of every passage: they would be taken for a neighbour of it
    """
    if language not in TOLD:
        return [[language] * len(passages) for passages in documents]
    beginnings = [_beginning(text) for passages in documents for text in passages]
    classifier = _classifier()
    asked = [
        n
        for n, text in enumerate(beginnings)
        if len(text.split()) >= FEWEST_WORDS and classifier.covers(text)
    ]
    found: list[str | None] = [None] * len(beginnings)
    if asked:
        verdicts = classifier.classify([beginnings[n] for n in asked])
        for n, verdict in zip(asked, verdicts, strict=True):
            best, share = _best(_by_stems(verdict.ranked))
            if verdict.label is not None and share >= SURE:
                found[n] = best
    ended, first = [], 0
    for passages in documents:
        some = found[first : first + len(passages)]
        first += len(passages)
        sure = Counter(one for one in some if one is not None)
        usual = sure.most_common(1)[0][0] if sure else language
        ended.append([one or usual for one in some])
    return ended


def language_of_query(query: str, held: Mapping[str, int]) -> str:
    """The most probable language of a query among those that a collection holds.

    held  language → how many passages are in it, one language at least; of two that a query may be
          in, it is rather in the one in which there is more to find
    """
    likely = dict.fromkeys(held, 1.0)
    classifier = _classifier()
    if len(held) > 1 and classifier.covers(query):
        (verdict,) = classifier.classify([query])
        likely |= _by_stems(verdict.ranked)
    return max(held, key=lambda one: (likely[one] * (held[one] + 1), one))


def _beginning(text: str) -> str:
    """Whole words at the beginning of a text."""
    return text if len(text) <= LOOKED_AT else text[:LOOKED_AT].rpartition(" ")[0] or text


def _by_stems(ranked: Sequence[Ranked]) -> dict[str, float]:
    found = dict.fromkeys(TOLD, 0.0)
    for one in ranked:
        found[STEMMED_AS[one.label]] += one.probability
    return found


def _best(shares: Mapping[str, float]) -> tuple[str, float]:
    return max(shares.items(), key=lambda one: (one[1], one[0]))


@cache
def _classifier() -> Classifier:
    from retrieve.text.classifiers.classify import LANGUAGES, open_classifier

    return open_classifier(LANGUAGES)
