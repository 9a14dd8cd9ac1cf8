"""The recipe of the shipped classifier of twelve languages: catalogues → examples → classifier.

Messages are short and a sentence is not, so several are joined until a length drawn by chance. A
question or a title has a few words, so each language has more of such pieces than of sentences.
Of nine languages more than half of both are sentences of novels, news and textbooks, translated by
rule. A few words drawn by how often they are said, without an order, tell what words there are.
Messages in other languages are examples of none of the twelve.
Some sources are held out in turn: texts of one source are alike in all languages, and what is
fitted after the network has to hold for text of another kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from retrieve.text.encoders.ngrams import Grams
from retrieve.training.classifier.catalogues import SOURCES, TRANSLATED
from retrieve.training.classifier.examples import Examples
from retrieve.training.classifier.frequent import WORDS
from retrieve.training.classifier.linear import Settings
from retrieve.training.classifier.recipe import Recipe

SHORTEST, LONGEST = 20, 180  # characters between which the length of an example is drawn
PIECES = 10  # of a few words for each example of a sentence
PIECES_OF_TRANSLATED = 15
PIECES_OF_OTHERS = 3
FEWEST_WORDS, MOST_WORDS = 2, 8  # of such a piece
DRAWN = 6_000  # examples of words of a language without an order
MOST_DRAWN = 3  # words of one
LICENCE = "CC BY-SA 4.0"  # what the sources' share-alike licence allows
MOST = 600  # examples of a sentence of a language, of messages and of translated text
MOST_OF_OTHERS = 65  # of each of the other languages
MESSAGES = tuple(source for source in SOURCES if source != TRANSLATED)
NONE, OTHERS = "none", "others"  # what these are called, and their group
# Messages but those of Firefox are held out together: text of other kinds, by other people.
DEALT = {
    "gnome": 0, "rights": 0, "libreoffice": 0, "firefox": 1, TRANSLATED: 1, OTHERS: 1, WORDS: 1,
}  # fmt: skip
RECIPE = Recipe(
    grams=Grams(longest=5, words=2, letters=True, bits=19),
    linear=Settings(balanced=True, passes=2),
    folds=2,
    rounds=1,
    passes=0.99,
    none=NONE,
)


def examples(
    sentences: Mapping[str, Mapping[str, Sequence[str]]],
    others: Mapping[str, Sequence[str]] | None = None,
    words: Mapping[str, Mapping[str, float]] | None = None,
    *,
    most: int = MOST,
    seed: int = 1,
) -> Examples:
    """Examples of about a sentence each, at most so many of each language, and pieces of such.

    sentences  language → source → sentences, as `catalogues.sentences` gives them
    others     locale → sentences, as `catalogues.others` gives them
    words      language → word → how often it is said, as `frequent.read` gives them
    returns    examples whose group is their source, in the order of the sources; those of other
               languages are called NONE
    """
    found = Examples()
    for language in sorted(sentences):
        # A generator of its own: another language's text changes nothing here.
        generator = np.random.default_rng([seed, *language.encode()])
        for sources, pieces in ((MESSAGES, PIECES), ((TRANSLATED,), PIECES_OF_TRANSLATED)):
            made = [
                (source, text)
                for source in sources
                for text in _joined(sentences[language].get(source, ()), generator)
            ]
            for i in sorted(generator.permutation(len(made))[:most]):
                found.add(made[i][1], language, made[i][0])
            for i in sorted(_spread(len(made), most * pieces, pieces, generator)):
                found.add(_cut(made[i][1], generator), language, made[i][0])
        for text in _drawn((words or {}).get(language, {}), generator):
            found.add(text, language, WORDS)
    for locale in sorted(others or {}):
        generator = np.random.default_rng([seed, *locale.encode()])
        whole = [*_joined((others or {})[locale], generator)]
        for i in sorted(generator.permutation(len(whole))[:MOST_OF_OTHERS]):
            found.add(whole[i], NONE, OTHERS)
        of_a_few = MOST_OF_OTHERS * PIECES_OF_OTHERS
        for i in sorted(_spread(len(whole), of_a_few, PIECES_OF_OTHERS, generator)):
            found.add(_cut(whole[i], generator), NONE, OTHERS)
    return found


def _spread(count: int, most: int, each: int, generator: np.random.Generator) -> list[int]:
    """At most so many of the numbers below a count, each up to so many times before one is left."""
    times = min(each, -(-most // count)) if count else 0
    every = [int(i) for _ in range(times) for i in generator.permutation(count)]
    return every[:most]


def _cut(text: str, generator: np.random.Generator) -> str:
    """A few words in a row of a text."""
    words = text.split()
    many = int(generator.integers(FEWEST_WORDS, MOST_WORDS + 1))
    first = int(generator.integers(max(1, len(words) - many + 1)))
    return " ".join(words[first : first + many])


def _drawn(words: Mapping[str, float], generator: np.random.Generator) -> Iterator[str]:
    """Some words of a list, each as probable as it is frequent."""
    if not words:
        return
    spelled = list(words)
    shares = np.array(list(words.values()))
    many = generator.integers(1, MOST_DRAWN + 1, DRAWN)
    drawn = iter(generator.choice(len(spelled), many.sum(), p=shares / shares.sum()))
    for count in many:
        yield " ".join(spelled[next(drawn)] for _ in range(count))


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
