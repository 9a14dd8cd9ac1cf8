"""Makes the table of Spanish words whose stem is not what Snowball gives.

    python -m retrieve.training.stems KNOWLEDGE [OUT]

KNOWLEDGE is a folder with the lemmas of the Spanish WordNet (wn-data-spa.tab, wn-wikt-spa.tab),
OUT is retrieval/text/data/es.stems.txt by default. Three kinds of words are in the table:

- forms of verbs that Snowball does not bring to the stem of their infinitive (hizo, busqué, leen),
  for the MOST_VERBS commonest verbs of the shipped word vectors, in every person of every tense;
- plurals that it does not bring to the stem of their singular (luces, imágenes);
- words that it takes for the imperative of a verb that there is none of (Madrid, verdad), and nouns
  that are a form of a verb that they have nothing to do with (parte).

Forms come from our rules of inflection. What they propose is taken where no text has another word
spelt so; a word that is a form of a verb and a noun besides (vino) gets both stems.
Sources: Real Academia Española 2009, "Nueva gramática de la lengua española", chapter 4;
Gonzalez-Agirre et al. 2012, "Multilingual Central Repository 3.0" (which words are nouns).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from retrieve.cache import replacing
from retrieve.text.irregular import TABLE, WITH_PRONOUNS, by_rule
from retrieve.text.stopwords import STOP_WORDS
from retrieve.text.tokens import normal, plain, unaccented
from retrieve.text.words import inflection
from retrieve.text.words.verbs import SUPPLETIVE, conjugate

LEMMAS = ("wn-data-spa.tab", "wn-wikt-spa.tab")
MOST_VERBS = 6000
RARER = 10  # a verb so much rarer than a word is not what the word is a form of
IMPERATIVES = ("ad", "ed", "id")  # of the second person plural, as Snowball takes them off
# Nouns that are spelt as a form of a verb, and mean something else.
APART = ("parte",)
SHORT = ("ir", "ser", "dar", "ver", "oír")  # other verbs have four letters and more
# Of irregular verbs, the imperatives that pronouns are put behind: dime, hazlo, ponte.
IMPERATIVE = {
    "decir": "di", "hacer": "haz", "poner": "pon", "tener": "ten", "venir": "ven", "salir": "sal",
    "oir": "oye", "ver": "ve", "dar": "da", "ser": "se", "traer": "trae", "leer": "lee",
    "creer": "cree", "oler": "huele", "volver": "vuelve", "mover": "mueve", "contar": "cuenta",
    "mostrar": "muestra", "encontrar": "encuentra", "recordar": "recuerda", "pensar": "piensa",
    "sentar": "sienta", "despertar": "despierta", "cerrar": "cierra", "pedir": "pide",
    "seguir": "sigue", "servir": "sirve", "repetir": "repite", "vestir": "viste",
}  # fmt: skip
PRONOUNS = (  # noqa: SIM905
    "me te se lo la le los las les nos melo mela melos melas selo sela selos selas noslo nosla"
).split()


def paradigm(verb: str) -> set[str]:
    """Every simple form of a verb without its accents, and what irregular ones replace."""
    found = {unaccented(verb), unaccented(verb)[:-1] + "d"}
    of: defaultdict[str, list[str]] = defaultdict(list)
    for rule, form in conjugate(verb):
        if not rule.startswith("enclítico"):
            of[rule].append(unaccented(form))
    found.update(*of.values())
    for rule, cut, tails in PERSONS:
        for form in of[rule]:
            if form.endswith(cut):
                found.update(form[: len(form) - len(cut)] + tail for tail in tails)
    stem, ending = unaccented(verb)[:-2], unaccented(verb)[-2:]
    if ending == "ar":
        found |= {stem + tail for tail in ("ais", "amos")}
    else:
        found |= {stem + tail for tail in ("eis", "is", "emos", "imos", "amos", "ais")}
    return found


# Persons that the rules leave out: of which form, its ending, and the others.
PERSONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("presente 3", "", ("s",)),
    ("imperfecto 3", "ba", ("bas", "bamos", "bais")),
    ("imperfecto 3", "ia", ("ias", "iamos", "iais")),
    ("imperfecto 3", "ra", ("ras", "ramos", "rais")),
    ("pretérito 1", "e", ("emos", "eis", "iste", "imos", "isteis")),
    ("pretérito 1", "i", ("iste", "imos", "isteis")),
    ("pretérito 2", "ste", ("steis", "mos")),
    (
        "pretérito 3 pl",
        "ron",
        ("ra", "ras", "ramos", "rais", "ran", "se", "ses", "semos", "seis", "sen", "res", "ren"),
    ),
    ("futuro 3", "", ("s", "n")),
    ("futuro 1", "e", ("eis", "emos")),
    ("condicional 3", "", ("s", "mos", "is", "n")),
    ("subjuntivo 3", "", ("s", "mos", "n")),
    ("subjuntivo 3", "a", ("ais",)),
    ("subjuntivo 3", "e", ("eis",)),
    ("gerundio", "iendo", ("amos", "ais")),
    ("participio", "o", ("a", "os", "as")),
)


class Table:
    """The stems of words, as Snowball gives them and where they are to be others."""

    def __init__(
        self,
        counts: Mapping[str, int],
        base_of: Mapping[str, str],
        nominal: frozenset[str],
        verbs: frozenset[str],
    ) -> None:
        """counts and bases of a vocabulary; words known as nouns, adjectives, adverbs; as verbs."""
        from Stemmer import Stemmer

        snowball = Stemmer("spanish")
        self._snowball: Callable[[str], str] = snowball.stemWord
        self._counts = counts
        self._base_of = base_of
        self._nominal = nominal
        self._listed = verbs
        self._plain = {unaccented(word) for word in nominal}
        self._verbs = self._commonest()
        self._own: dict[str, str] = {}
        self._participles: dict[str, set[str]] = {}
        self._suppletive = {
            unaccented(form): verb
            for verb in ("ver", "dar", "ir")  # va is of ir, before any other
            for form in SUPPLETIVE[verb].split()
        }

    def entries(self) -> dict[str, tuple[str, ...]]:
        """Word without accents → its stems: infinitives, and what no rule and Snowball give."""
        self._own = dict(self._whole_words())
        found: dict[str, dict[str, None]] = {word: {stem: None} for word, stem in self._own.items()}
        for word, stem in self._plurals():
            found.setdefault(word, {})[stem] = None
        for word, stem in self._forms():
            stems = found.setdefault(word, {})
            if word in self._plain and word not in self._own and not stems:
                stems[self._snowball(word)] = None
            stems[stem] = None
        wanted = {word: tuple(stems) for word, stems in found.items()}
        infinitives = {unaccented(verb): self._stem(verb) for verb in self._verbs}
        known = {unaccented(word) for word in self._counts} | self._plain
        kept = {word: wanted.pop(word, (stem,)) for word, stem in infinitives.items()}
        known = {word for word in known if not WITH_PRONOUNS.fullmatch(word)}
        for word in sorted(wanted.keys() | known - kept.keys() - STOP_WORDS["es"]):
            right = wanted.get(word, (self._snowball(word),))
            if right != self._without_entry(word, infinitives):
                kept[word] = right
        return dict(sorted(kept.items()))

    def _without_entry(self, word: str, infinitives: Mapping[str, str]) -> tuple[str, ...]:
        """The stems of a word that the table does not hold."""
        if match := WITH_PRONOUNS.fullmatch(word):
            found = infinitives.get(match[1])
        else:
            found = by_rule(word, infinitives)
        return (found or self._snowball(word),)

    def _stem(self, word: str) -> str:
        word = unaccented(word)
        return self._own.get(word) or self._snowball(word)

    def _commonest(self) -> list[str]:
        """Infinitives, the most frequent first; then those that only the dictionary has."""
        long = (verb for verb in inflection.infinitives(self._counts) if len(verb) > 3)
        seen = dict.fromkeys([*SHORT, *long])
        more = sorted(self._listed - seen.keys(), key=lambda verb: (-self._often(verb), verb))
        return [*seen, *more][:MOST_VERBS]

    def _often(self, word: str) -> int:
        return self._counts.get(word, 0)

    def _whole_words(self) -> Iterator[tuple[str, str]]:
        infinitives = {unaccented(verb) for verb in self._verbs}
        for word in sorted(self._plain | {unaccented(word) for word in self._counts}):
            imperative = word.endswith(IMPERATIVES) and self._snowball(word) == word[:-2]
            if imperative and len(word) > 3 and f"{word[:-1]}r" not in infinitives:
                yield word, word
        for noun in APART:
            for word in (noun, *inflection.plurals(noun)):
                yield word, noun

    def _plurals(self) -> Iterator[tuple[str, str]]:
        words = {word for word in self._counts if self._is_noun(word)} | self._nominal
        for word in sorted(words):
            if word.endswith("mente"):
                continue
            for plural in inflection.plurals(word):
                spelt = unaccented(plural)
                own = self._base_of.get(plural, plural)
                lists = (word, plural, self._base(word))
                other = plural in self._counts and own not in lists
                sure = plural in self._counts or word in self._nominal
                apart = spelt not in self._own and self._snowball(spelt) != self._stem(word)
                if sure and apart and not other:
                    yield spelt, self._stem(word)

    def _is_noun(self, word: str) -> bool:
        return self._base_of.get(word, word) == word and not word.endswith(("ar", "er", "ir"))

    def _forms(self) -> Iterator[tuple[str, str]]:
        spellings: defaultdict[str, list[str]] = defaultdict(list)
        for word in self._counts:
            spellings[unaccented(word)].append(word)
        proposals: defaultdict[str, list[str]] = defaultdict(list)  # commonest verb first
        for verb in self._verbs:
            proposed = paradigm(verb)
            length = len(verb) - 2
            begins = {
                form[:length] for form in proposed if verb in map(self._base, spellings[form])
            }
            begins |= {unaccented(verb)[:length]}
            for form in sorted(proposed):
                if form[:length] in begins:  # no text has abanduena
                    proposals[form].append(verb)
            if unaccented(verb) in IMPERATIVE:
                for tail in PRONOUNS:
                    proposals[IMPERATIVE[unaccented(verb)] + tail].append(verb)
        for form, verbs in sorted(proposals.items()):
            owner = self._whose(spellings.get(form, []), form, verbs)
            if owner and form not in self._own and self._snowball(form) != self._stem(owner):
                yield form, self._stem(owner)

    def _adjectival(self, verb: str) -> set[str]:
        """The participle, which many dictionaries list as an adjective, and the gerund."""
        if verb not in self._participles:
            found = {
                unaccented(form)
                for rule, form in conjugate(verb)
                if rule.endswith(("participio", "gerundio"))
            }
            endings = ("a", "os", "as")
            found |= {form[:-1] + end for form in found if form[-1] == "o" for end in endings}
            self._participles[verb] = found
        return self._participles[verb]

    def _base(self, word: str) -> str:
        return self._base_of.get(word, word)

    def _whose(self, spellings: Iterable[str], form: str, verbs: list[str]) -> str | None:
        """The verb that a spelling is a form of; None where it is rather a word of its own."""
        seen = list(spellings)
        if form in self._suppletive:
            return self._suppletive[form]
        for word in seen:
            if (base := self._base_of.get(word, word)) in verbs:
                return base
        commonest = verbs[0]
        if form in self._adjectival(commonest):
            return commonest
        if form in self._plain or form in STOP_WORDS["es"]:
            return None
        often = max((self._counts[word] for word in seen), default=0)
        return commonest if often <= RARER * self._often(commonest) else None


def lemmas(folder: Path, parts_of_speech: str) -> frozenset[str]:
    """The one-word lemmas of WordNet of some parts of speech: n, v, a, r."""
    found = set()
    for name in LEMMAS:
        for line in (folder / name).read_text("utf-8").splitlines():
            fields = line.split("\t")
            if (
                len(fields) >= 3
                and fields[1].endswith("lemma")
                and fields[0][-1] in parts_of_speech
            ):
                word = normal(fields[2])
                if word.isalpha():
                    found.add(word)
    return frozenset(found)


def infinitives(words: Iterable[str]) -> frozenset[str]:
    """Verbs without their pronoun: arrepentirse is arrepentir."""
    bare = (word.removesuffix("se") if word.endswith("rse") else word for word in words)
    return frozenset(
        verb for verb in bare if len(verb) > 3 and verb.endswith(("ar", "er", "ir", "ír"))
    )


def write(path: Path, entries: Mapping[str, tuple[str, ...]]) -> None:
    """A line a word: it, a blank, its stems with blanks between them."""
    with replacing(path) as temporary:
        lines = (" ".join((word, *map(plain, stems))) for word, stems in entries.items())
        temporary.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def main() -> None:
    """Make the table of the shipped word vectors."""
    from retrieve.text.words.vectors import open_vectors

    vectors = open_vectors(TABLE.with_name("es.safetensors"))
    words = [vectors.word(row) for row in range(len(vectors))]
    counts = dict(zip(words, map(int, vectors.counts), strict=True))
    base_of = {word: words[base] for word, base in zip(words, vectors.bases, strict=True)}
    knowledge = Path(sys.argv[1])
    verbs = infinitives(lemmas(knowledge, "v"))
    table = Table(counts, base_of, lemmas(knowledge, "nar"), verbs)
    write(Path(sys.argv[2]) if len(sys.argv) > 2 else TABLE, table.entries())


if __name__ == "__main__":
    main()
