"""Words of a query that no passage has, and the nearest spellings among those that passages have.

Every spelling that is one edit away (a letter too many, too few, another, two changed places) is
stemmed, and its stem looked for among those that begin with the same two letters, or one by one
where it does not begin so. Spellings that passages have as they are count before other forms of
the word. Where there is none, stems that begin so are compared, and one that is two edits from a
long word is taken. A word that the language is known to have is no misspelling, though no passage
has it: its meaning is searched for.
Sources: Damerau 1964, "A technique for computer detection and correction of spelling errors"
(four of five are one such edit); Norvig 2007, "How to write a spelling corrector".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, AnyStr, Protocol

from retrieve.indexes.catalog.passages import Passages
from retrieve.indexes.words.stores import shipped
from retrieve.text.ranking.ranking import open_ranker
from retrieve.text.readable import typed
from retrieve.text.stemming import (
    Stem,
    spelt_stems,
    stemmed_words,
    stems_of_word,
    stems_of_words,
)
from retrieve.text.stopwords import STOP_WORDS
from retrieve.text.words.accents import accented

if TYPE_CHECKING:
    from retrieve.text.words.vectors import WordVectors

LEAST_LETTERS = 5  # of shorter words too many others are one edit away
MOST_LETTERS = 40  # what is longer is no word
LONG = 8  # letters from which on two edits leave a word recognisable
BEGINNING = 2  # letters by which stems are fetched at once: fewer than one edit in four is in these
LOOKED_AT = 3000  # passages, those of likely stems first; more where none has such a spelling
AT_ONCE = 64  # texts
OF_MANY = 0.05  # how easily a letter is taken for another, or put in, beside one left out or moved
LEAST_SHARE = 0.3  # of the likeliest word's weight, from which on another may be meant
MOST_WORDS = 32  # unknown ones of a query that are looked for: what has more is a text
SPANISH = "es"  # the language of the shipped word vectors
MAYBE_ACCENTED = re.compile("[aeiounc]")
MOST_ALTERNATIVES = 3
OF_ONE_WORD = 6  # where the query is nothing else: what is rarest of them comes first
TYPED = str.maketrans("áéíóúüñàèìòùâêîôûäëïöç", "aeiouunaeiouaeiouaeioc")  # letter for letter
BYTES = "cp1252"  # a byte a letter: a table of bytes is ten times as fast as one of letters
# The same letters but for 0x80 to 0x9f; of others nothing is left, in a tenth of the time.
ONE_BYTE = "latin-1"
TYPED_BYTES = bytes(
    one.lower().translate(TYPED).encode(BYTES)[0] if one else n
    for n in range(256)
    for one in [bytes([n]).decode(BYTES, "ignore")]
)
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяєіїґ",
)

ACUTE = dict(zip("aeiou", "áéíóú", strict=True))

Known = Callable[[str, str], bool]


class Words(Protocol):
    """What is asked of the words of passages, in however many collections they are."""

    def frequencies(self, stems: Iterable[str]) -> Mapping[str, int]:
        """In how many passages each stem is; those that are in none are left out."""
        ...

    def frequencies_of_edits(self, stems: Iterable[str], beginning: str) -> Mapping[str, int]:
        """The same of very many, of which those that passages have begin so, most of them."""
        ...

    def stems_with(self, beginning: str) -> Mapping[str, int]:
        """Stems of letters that begin so, and how many passages hold each."""
        ...

    def standing(self, forms: Iterable[tuple[str, str]]) -> Container[tuple[str, str]]:
        """Of some stems with a form each, as it is typed without marks: which stand so."""
        ...

    def spelt(self, wanted: Sequence[Spellings]) -> Iterator[Mapping[str, int]]:
        """For each in order, looked for when it is asked for: how often words of the passages that
        hold the stem are spelt in one of the ways, as they stand there.
        """
        ...

    def example(self, stem: str) -> str:
        """What the first passage says that holds a stem; "" if what it says is damaged."""
        ...


@dataclass(frozen=True, slots=True)
class Spellings:
    """Ways to spell a word that have one stem, and how many passages hold that."""

    stem: str
    ways: tuple[str, ...]
    held: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """A query whose misspelt words were replaced.

    words  to be searched for: up to MOST_ALTERNATIVES for each, OF_ONE_WORD where it is all
    shown  the query with the best of them, for people; as it was where they are no other words
           but other forms
    """

    words: str
    shown: str


def corrected(
    query: str,
    passages: Words,
    languages: Sequence[str],
    *,
    known: Known,
    fixed: str = "",
) -> Corrected | None:
    """A query with its unknown words as the collection spells them; None if it has no such word.

    passages   what is asked of their words
    languages  of the passages, that of the query first
    known      whether one of them is known to have a word, given with a stem of it
    fixed      text whose words are meant as they are: phrases, names
    """
    found = stemmed_words(query, languages[0])
    every = [*found, *(one for other in languages[1:] for one in stemmed_words(query, other))]
    held = passages.frequencies({one.stem for one in every})
    meant = {stem for language in languages for _, stem in spelt_stems(fixed, language)}
    vocabulary = languages[0] == SPANISH
    stems_at = defaultdict(set)
    for one in every:
        for place in range(one.start, one.end):
            stems_at[place].add(one.stem)
    alone = len({(one.start, one.end) for one in found}) == 1
    most = OF_ONE_WORD if alone else MOST_ALTERNATIVES
    words, shown, at, unknown = "", "", 0, 0
    doubtful: list[tuple[Stem, str, set[str], set[str]]] = []
    for one in _words(query, found):
        same = {stem for place in range(one.start, one.end) for stem in stems_at[place]}
        word = unicodedata.normalize("NFC", query[one.start : one.end]).lower()
        if not any(stem in meant or known(word, stem) for stem in same):
            doubtful.append((one, word, same, same & held.keys()))
    # Of Spanish much is known: what it has not, and no passage has in this form, shares a stem with
    # another word by chance (conoerlos with cono).
    standing = passages.standing(
        (stem, typed(word)) for _, word, _, forms in doubtful for stem in forms if vocabulary
    )
    for one, word, same, forms in doubtful:
        if forms and (not vocabulary or any((stem, typed(word)) in standing for stem in forms)):
            continue
        unknown += 1
        if unknown > MOST_WORDS:
            break
        nearest = _nearest(word, passages, languages, alone=alone, standing_only=bool(forms))
        nearest = nearest[:most]
        if nearest:
            # Another form of the same word, as cono for conos, is no other word to be told of.
            other = not any(same.intersection(_stems_of(form, languages)) for form in nearest)
            words += query[at : one.start] + " ".join(nearest)
            shown += query[at : one.start] + (nearest[0] if other else query[one.start : one.end])
            at = one.end
    return Corrected(words + query[at:], shown + query[at:]) if words else None


def known_in(languages: Sequence[str]) -> Known:
    """Whether a language has a word: of Spanish the ranking knows its stem, and the shipped word
    vectors its spelling, an accent that is missing aside. Of others nothing is known.
    """
    vectors = open_ranker(language=SPANISH).vectors if SPANISH in languages else None

    def known(word: str, stem: str) -> bool:
        if vectors is None or stem not in vectors:
            return False
        listed = _shipped_words()
        accented = (
            word[:i] + ACUTE[one] + word[i + 1 :] for i, one in enumerate(word) if one in ACUTE
        )
        return word in listed or any(one in listed for one in accented)

    return known


def with_accents(query: str, language: str) -> str:
    """A query with the accents that its words have; as it is in a language other than Spanish."""
    return accented(query, _shipped_words()) if language == SPANISH else query


@cache
def _shipped_words() -> WordVectors:
    from retrieve.text.words.vectors import open_vectors

    return open_vectors(shipped(), check=False)


def _words(query: str, found: list[Stem]) -> Iterator[Stem]:
    """The words long enough to be told from others, each once, in order."""
    places = {(one.start, one.end): one for one in found}
    for (start, end), one in sorted(places.items()):
        if LEAST_LETTERS <= end - start <= MOST_LETTERS and query[start:end].isalpha():
            yield one


def _stems_of(word: str, languages: Sequence[str]) -> set[str]:
    return {stem for one in languages for stem in stems_of_word(word.lower(), one)}


def _nearest(
    word: str,
    passages: Words,
    languages: Sequence[str],
    *,
    alone: bool = False,
    standing_only: bool = False,
) -> list[str]:
    """Words of the collection that a word may have been meant to be, the likeliest first.

    alone          it is the whole query, which no word of grammar is
    standing_only  no other forms of what passages have, and nothing that is two edits away
    """
    marked, word = word, typed(word)
    alphabet = next((one for one in ALPHABETS if word[0] in one), None)
    if alphabet is None:
        return []
    near = edits(word, alphabet)
    small = _small_words(languages[0])
    if not alone and (of_grammar := near.keys() & small.keys()):
        meant = small[max(of_grammar, key=lambda one: (near[one], one))]
        # cuando or cuándo: the one whose accents were typed.
        return [max(meant, key=lambda one: (len({*one} & {*marked}), one))]
    others = {one: near[one] for one in near.keys() - small.keys()}
    spellings = _stemmed(others, languages)
    held = passages.frequencies_of_edits(spellings, word[:BEGINNING])
    likely = {stem: max(near[one] for one in spellings[stem]) for stem in held}
    if standing := _standing(held, likely, spellings, near, passages):
        return standing
    if standing_only:
        return []
    if not held and len(word) >= LONG:
        held = _two_edits(word, passages.stems_with(word[:BEGINNING]), languages)
    if not held:
        return []
    likeliest = max(held, key=lambda stem: (_weight(held[stem], likely.get(stem, 1.0)), stem))
    return _as_it_stands(likeliest, word, passages, languages)


@cache
def _small_words(language: str) -> Mapping[str, frozenset[str]]:
    """Words of grammar, by how they are typed without marks."""
    found = defaultdict(set)
    for one in STOP_WORDS.get(language, ()):
        found[typed(one)].add(one)
    return {word: frozenset(several) for word, several in found.items()}


def _weight(often: float, likely: float) -> float:
    """How probable it is that a word was meant, beside others: how often it stands, and how easily
    it is mistyped so.
    """
    return math.sqrt(often) * likely


def _stemmed(spellings: Iterable[str], languages: Sequence[str]) -> dict[str, set[str]]:
    """Stem → the spellings that have it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    every = list(spellings)
    for language in languages:
        for spelling, its in zip(every, stems_of_words(every, language), strict=True):
            for stem in its:
                found[stem].add(spelling)
    return found


def edits(word: str, alphabet: str) -> dict[str, float]:
    """Every spelling that one edit makes of a word, and how easily the word is typed instead of it.

    A letter is left out, or changes places with the next, in as many ways as a word has letters;
    another letter, or one too many, is any of the alphabet.
    """
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {a + b[1:]: OF_MANY for a, b in halves if b}
    found |= {a + letter + b[1:]: OF_MANY for a, b in halves if b for letter in alphabet}
    found |= {a + b[1] + b[0] + b[2:]: 1.0 for a, b in halves if len(b) > 1}
    found |= {a + letter + b: 1.0 for a, b in halves for letter in alphabet}
    found.pop(word, None)
    return found


def _standing(
    held: Mapping[str, int],
    likely: Mapping[str, float],
    spellings: Mapping[str, Collection[str]],
    near: Mapping[str, float],
    passages: Words,
) -> list[str]:
    """Spellings that stand in passages as they are, the likeliest first.

    Only some LOOKED_AT passages are asked, first those of stems that are easily mistyped so, and
    of these first the rare ones.

    held       stems, and how many passages have each
    likely     how easily the easiest of each stem's spellings is mistyped so
    spellings  by stem
    near       how easily each is
    """
    found: Counter[str] = Counter()
    looked_at = 0
    order = sorted(held, key=lambda one: (-likely[one], held[one], one))
    spelt = passages.spelt(
        [Spellings(one, tuple(sorted(spellings[one])), held[one]) for one in order]
    )
    for stem in order:
        looked_at += held[stem]
        if looked_at > LOOKED_AT and found:
            break
        found.update(next(spelt))
    weights = {one: _weight(n, near.get(without_marks(one), OF_MANY)) for one, n in found.items()}
    known: dict[str, str] = {}  # once, whatever the capitals
    for form, _ in sorted(weights.items(), key=lambda one: (-one[1], one[0])):
        known.setdefault(form.lower(), form)
    best = max(weights.values(), default=0.0)
    return [form for form in known.values() if weights[form] >= best * LEAST_SHARE]


class WordsOfPassages:
    """The words of one collection's passages."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages
        self.frequencies = passages.frequencies
        self.stems_with = passages.stems_with

    def frequencies_of_edits(self, stems: Iterable[str], beginning: str) -> dict[str, int]:
        """As Words has it; those that begin so are fetched at once."""
        every = set(stems)
        begins = {stem for stem in every if stem.startswith(beginning)}
        held = {stem: n for stem, n in self.stems_with(beginning).items() if stem in begins}
        return held | self.frequencies(every - begins)

    def standing(self, forms: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """As Words has it."""
        return {
            (stem, form)
            for stem, form in forms
            if next(rows_in_form(self._passages, stem, form), None) is not None
        }

    def spelt(self, wanted: Sequence[Spellings]) -> Iterator[Counter[str]]:
        """As Words has it."""
        for one in wanted:
            said, found = self._passages.saying(one.stem), Counter[str]()
            while text := "\n".join(islice(said, AT_ONCE)):
                found.update(_words_in(text, one.ways))
            yield found

    def example(self, stem: str) -> str:
        """As Words has it."""
        return next(self._passages.saying(stem), "")


def _words_in(text: str, spellings: Sequence[str]) -> Iterator[str]:
    """The words of a text that are spelt in one of some ways, but for marks and capitals."""
    if all(map(str.isascii, spellings)):  # of other alphabets there need be nothing left
        typed_so = text.encode(ONE_BYTE, "replace").translate(TYPED_BYTES)
        return _standing_in(text, typed_so, [one.encode() for one in spellings])
    return _standing_in(text, without_marks(text), spellings)


def _standing_in(text: str, plain: AnyStr, wanted: Sequence[AnyStr]) -> Iterator[str]:
    """Of a text what stands there as a word where its plain form has what is wanted."""
    for spelling in wanted:
        at = plain.find(spelling)
        while at >= 0:
            end = at + len(spelling)
            if not (text[at - 1 : at].isalpha() or text[end : end + 1].isalpha()):
                yield text[at:end]
            at = plain.find(spelling, end)


def rows_in_form(passages: Passages, stem: str, form: str) -> Iterator[int]:
    """Rows of passages that hold a stem in one form, as it is typed without marks."""
    wanted = whole_words([form])
    for row, text in passages.said_at(stem, [_anyhow_accented(form)]):
        if wanted.search(without_marks(text)):
            yield row


def whole_words(forms: Iterable[str]) -> re.Pattern[str]:
    """Matches each of some words in a text of without_marks()."""
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, forms))})\b")


def without_marks(text: str) -> str:
    """A text in lower case as it is typed without accents, letter for letter."""
    try:
        return text.encode(BYTES).translate(TYPED_BYTES).decode(BYTES)
    except UnicodeError:  # letters that are not of the west of Europe
        lower = text.lower()
        if len(lower) != len(text):  # İ
            lower = "".join(was.lower()[0] for was in text)
        return lower.translate(TYPED)


def _anyhow_accented(word: str) -> str:
    """A pattern of SQL's LIKE for texts with a word, however it is accented there."""
    return f"%{MAYBE_ACCENTED.sub('_', word)}%"


def _two_edits(word: str, begins: Mapping[str, int], languages: Sequence[str]) -> dict[str, int]:
    """Of some stems those that are two edits from a word's."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    near = [
        found
        for stem in {stems_of_word(word, language)[0] for language in languages}
        for found in process.extract(
            stem, list(begins), scorer=OSA.distance, score_cutoff=2, limit=None
        )
    ]
    least = min((distance for _, distance, _ in near), default=0)
    return {one: begins[one] for one, distance, _ in near if distance == least}


def _as_it_stands(stem: str, word: str, passages: Words, languages: Sequence[str]) -> list[str]:
    """How passages spell a stem, the nearest to a word; [] if what they say is damaged."""
    from rapidfuzz.distance import OSA

    text = passages.example(stem)
    spelt = {
        one for language in languages for one, its in spelt_stems(text, language) if its == stem
    }
    return sorted(spelt, key=lambda one: (OSA.distance(typed(one.lower()), word), one))[:1]
