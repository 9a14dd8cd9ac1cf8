"""The recipe of the shipped classifier of twelve languages: catalogues → examples → classifier.

Messages are short and a sentence is not, so several are joined until a length drawn by chance. A
question or a title has a few words, so some of these are cut to so many as well.
Each source is held out in turn: texts of one source are alike in all languages, and what is
fitted after the network has to hold for text of another kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from retrieve.text.encoders.ngrams import Grams
from retrieve.training.classifier.catalogues import SOURCES
from retrieve.training.classifier.examples import Examples
from retrieve.training.classifier.linear import Settings
from retrieve.training.classifier.recipe import Recipe

SHORTEST, LONGEST = 20, 180  # characters between which the length of an example is drawn
CUT = 0.7  # for how many of the examples a piece of a few words is one, too
FEWEST_WORDS, MOST_WORDS = 2, 7  # of such a piece
LICENCE = "CC BY-SA 4.0"  # what the sources' share-alike licence allows
MOST = 8_000  # examples of a language
RECIPE = Recipe(
    grams=Grams(longest=5, words=2, letters=True, bits=17),
    linear=Settings(penalty=1e-7, iterations=60, balanced=True),
    folds=len(SOURCES),
    rounds=len(SOURCES),
    passes=0.98,
)


def examples(
    sentences: Mapping[str, Mapping[str, Sequence[str]]], *, most: int = MOST, seed: int = 1
) -> Examples:
    """Examples of about a sentence each, at most so many of each language, and pieces of them.

    sentences  language → source → sentences, as `catalogues.sentences` gives them
    returns    examples whose group is their source, in the order of the sources
    """
    found = Examples()
    for language in sorted(sentences):
        # A generator of its own: another language's text changes nothing here.
        generator = np.random.default_rng([seed, *language.encode()])
        made = [
            (source, text)
            for source in SOURCES
            for text in _joined(sentences[language].get(source, ()), generator)
        ]
        for i in sorted(generator.permutation(len(made))[:most]):
            found.add(made[i][1], language, made[i][0])
            if generator.random() < CUT:
                found.add(_cut(made[i][1], generator), language, made[i][0])
    return found


def _cut(text: str, generator: np.random.Generator) -> str:
    """A few words in a row of a text."""
    words = text.split()
    many = int(generator.integers(FEWEST_WORDS, MOST_WORDS + 1))
    first = int(generator.integers(max(1, len(words) - many + 1)))
    return " ".join(words[first : first + many])


def _joined(sentences: Sequence[str], generator: np.random.Generator) -> Iterator[str]:
    """Sentences in an order by chance, joined to a length by chance."""
    joined: list[str] = []
    wanted = length = 0
    for i in generator.permutation(len(sentences)):
        if not joined:
            wanted, length = int(generator.integers(SHORTEST, LONGEST)), 0
        joined.append(sentences[i])
        length += len(joined[-1])
        if length >= wanted:
            yield " ".join(joined)
            joined = []
