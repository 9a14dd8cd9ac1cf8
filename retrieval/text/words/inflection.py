"""Rules of Spanish inflection: which words of a vocabulary are forms of which other ones.

Each rule proposes spellings, and only what the vocabulary holds counts. Names and words of
grammar are forms of nothing: Viena is not of venir, algo not of estar, Jesús no plural.
Source: Real Academia Española 2009, "Nueva gramática de la lengua española", chapters 2, 3; verbs
are in verbs.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from retrieve.text.stopwords import STOP_WORDS
from retrieve.text.words.verbs import ACUTE, SUPPLETIVE, conjugate, forms_of, kind_of


class Form(NamedTuple):
    """`form` is made from `base` by `rule`: Form("casa", "casas", "plural")."""

    base: str
    form: str
    rule: str


NUMBER = "plural"
VERB = "verbo"  # every rule of conjugation begins so
ADVERB = "adverbio"  # in -mente, which looks like nothing else
FEMININE = "femenino"
ADJECTIVE = f"{FEMININE} adjetivo"
PERSON = f"{FEMININE} persona"
EVIDENCE = 3  # forms that make an infinitive of a word in -ar, -er, -ir: `mar` has none

BOTH_SPELLINGS = frozenset(("subjuntivo pasado 3", "participio"))  # tuviera, tuviese; frito, freído
FAR_OFTENER = 100  # `pues` is 20,000 times as frequent as `pue`, of which it is no plural
# Words of grammar beside the stop words, small adverbs, numbers: never a form of anything.
_GRAMMAR = """
    algo nada nadie alguien alguno alguna algunos algunas ninguno ninguna cada todo toda todos todas
    mucho mucha muchos muchas poco poca pocos pocas tanto tanta tantos tantas otro otra otros otras
    mismo misma mismos mismas tal tales ambos ambas demás bajo sobre mediante excepto salvo así aquí
    ahí allí allá acá ahora entonces luego después antes siempre nunca jamás menos bien mal casi tan
    cerca lejos fuera dentro arriba abajo delante detrás encima debajo enfrente hoy ayer mañana aún
    todavía quizá quizás acaso pronto apenas solo sólo además dos tres cuatro cinco seis siete ocho
    nueve diez once doce trece catorce quince veinte treinta cien ciento mil cuales mas uno
    vía pro apud vos contigo connigo oh ah ay eh
"""
_VERBAL = frozenset(form for verb in ("ser", "haber", "estar") for _, form in conjugate(verb)) | {
    "ser",
    "haber",
    "estar",
    "hay",
    "fué",
}
GRAMMAR = frozenset(_GRAMMAR.split()) | (STOP_WORDS["es"] - _VERBAL)
# Masculine and feminine of one thing that no rule makes from each other, or that shuts out what
# the rule makes: emperadora.
_GENDERS = """
    emperador emperatriz rey reina príncipe princesa duque duquesa conde condesa barón baronesa
    marqués marquesa actor actriz héroe heroína poeta poetisa profeta profetisa sacerdote
    sacerdotisa abad abadesa papa papisa alcalde alcaldesa vampiro vampiresa zar zarina hombre
    mujer padre madre papá mamá yerno nuera padrino madrina padrastro madrastra macho hembra
    varón mujer caballero dama marido mujer fraile monja don doña toro vaca caballo yegua
    carnero oveja gallo gallina tigre tigresa jabalí jabalina embajador embajatriz institutor
    institutriz juez jueza jefe jefa monje monja compadre comadre chivo cabra señorito señorita
    diablo diablesa dios diosa
"""
GENDERS = dict(zip(_GENDERS.split()[::2], _GENDERS.split()[1::2], strict=True))
SELDOM_PLURAL = 20  # `trajes` stands a fifth as often as `traje`, `dijes` hardly ever
OFTENER = 10  # `quiere` is five times as frequent as `querer`, `casa` thirty times as `casar`

GRAVE = str.maketrans("aeiou", "áéíóú")


def plurals(word: str) -> Iterator[str]:
    """casa → casas, flor → flores, luz → luces, canción → canciones, joven → jóvenes."""
    if word[-1:] in tuple("aeiouáéó"):
        yield word + "s"
    elif word[-1:] in tuple("íú"):
        yield from (word + "es", word + "s")
    elif word.endswith("z"):
        yield word[:-1] + "ces"
    elif word[-1:] in tuple("dlnrsyj") and len(word) > 2:
        hiatus = word[-3:-2] in tuple("aeo") and word[-2:-1] in tuple("íú")
        yield (word if hiatus else word[:-2] + word[-2:].translate(ACUTE)) + "es"
        if word[-2:] in ("en", "an"):
            for at in range(len(word) - 3, -1, -1):
                if word[at] in "aeiou":
                    yield word[:at] + word[at].translate(GRAVE) + word[at + 1 :] + "es"
                    break


def feminines(word: str) -> Iterator[str]:
    """bueno → buena, señor → señora, inglés → inglesa, actor → actriz, jefe → jefa."""
    if word.endswith("o"):
        yield word[:-1] + "a"
    elif word.endswith("tor"):
        yield from (word + "a", word[:-2] + "riz")
    elif word[-2:] in ("és", "ón", "án", "ín"):
        yield word[:-2] + word[-2:].translate(ACUTE) + "a"
    elif word[-2:] in ("or", "ol") or word.endswith("ete"):
        yield word + "a"
    elif word.endswith("e"):
        yield from (word[:-1] + "a", word[:-1] + "esa")


def demonyms(country: str) -> Iterator[str]:
    """china → chino, rusia → ruso, turquía → turco, alemania → alemán, egipto → egipcio.

    Other endings (francés, chileno) are derivations that UniMorph lists.
    """
    yield country + "o"
    yield country[:-1] + "o"
    if country.endswith(("ia", "ía")):
        yield country[:-2] + "o"
        yield country[:-2].removesuffix("qu") + "co"
    if country.endswith("ania"):
        yield country[:-4] + "án"
    if country.endswith("to"):
        yield country[:-2] + "cio"


def adverb(word: str) -> str:
    """rápido → rápidamente, feliz → felizmente."""
    return (word[:-1] + "a" if word.endswith("o") else word) + "mente"


def diminutives(word: str) -> Iterator[str]:
    """casa → casita, hombre → hombrecito, pueblo → pueblecito, boca → boquita."""
    stem = word[:-1] if word[-1:] in tuple("aoe") else word
    for old, new in (("c", "qu"), ("g", "gu"), ("z", "c")):
        if stem.endswith(old):
            stem = stem[: -len(old)] + new
            break
    ends = ("a",) if word.endswith("a") else ("o",) if word.endswith("o") else ("o", "a")
    for end in ends:
        yield stem + "it" + end
        yield stem + "ecit" + end
        yield word.translate(ACUTE) + "cit" + end


def forms(
    counts: Mapping[str, int],
    nouns: frozenset[str] = frozenset(),
    names: frozenset[str] = frozenset(),
    verbs: frozenset[str] = frozenset(),
) -> list[Form]:
    """The inflected words of a vocabulary with their bases, each word once at most.

    counts   how often each word occurs
    nouns    words known to be nouns or adjectives, which are then no verb's form: `casa` is
             not of `casar`. But `busca` is of `buscar`, as `buscan` is seen more than `buscas`.
             Without it a word OFTENER times as frequent as the verb counts as its own base
    names    words that texts mostly write with a capital: no verb's forms, and plurals of known
             nouns only
    verbs    infinitives that a dictionary lists: less of them has to be in the vocabulary
    returns  bases before what is made from them
    """
    found: dict[str, Form] = {}

    def claim(base: str, form: str, rule: str) -> None:
        apart = form == base or form in GRAMMAR or form not in counts
        if not apart and form not in found:
            found[form] = Form(base, form, rule)

    named = nouns | {form for noun in nouns for form in plurals(noun)}
    rarely: set[str] = set()
    # What a table says of a verb goes before a guess at another: muele is of moler, not of molar.
    conjugated = infinitives(counts, names, verbs)
    for verb in sorted(conjugated, key=lambda one: kind_of(one) is None and one not in SUPPLETIVE):
        rare = verb not in SUPPLETIVE and len(_evidence(verb, counts)) < EVIDENCE
        if rare:
            rarely.add(verb)
        for rule, form in _seen(verb, counts, guess=not rare):
            nominal = form in named and not _verbal(form, counts)
            free = not nominal if nouns else counts.get(form, 0) <= OFTENER * counts[verb]
            sure = rule.startswith(("gerundio", "participio", "pretérito 3"))
            sure = sure or (rule == "pretérito 1" and _strong(form, counts))
            if rare:  # soldado is of no soldar then, and cateo, which has a plural, of no catear
                sure, free = False, free and not (form.endswith("o") and form + "s" in counts)
            if form not in names and (free or sure or verb in SUPPLETIVE):
                claim(verb, form, f"{VERB} {rule}")
    for form, (verb, _, rule) in list(found.items()):
        if rule == f"{VERB} participio":  # it inflects as an adjective
            for feminine in feminines(form):
                if verb not in rarely or feminine not in nouns:
                    claim(form, feminine, ADJECTIVE)
    verbal = frozenset(found)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    for word in ordered:
        if word in GRAMMAR or (word in verbal and not _nominal(found[word]) and word not in nouns):
            continue
        for form in plurals(word):
            known = word in nouns
            of_another = form in names or counts.get(form, 0) > FAR_OFTENER * counts[word]
            if known or not of_another:
                claim(word, form, NUMBER)
    for word in ordered:
        if word not in found or _nominal(found[word]):
            for form in diminutives(word):
                if len(word) > 3:
                    claim(word, form, "diminutivo")
            if word[-1:] in tuple("oelrz") and adverb(word) in counts:
                claim(word, adverb(word), ADVERB)
    return _bases_first(found)


def _seen(verb: str, counts: Mapping[str, int], guess: bool = True) -> list[tuple[str, str]]:
    """The forms of a verb that a vocabulary has.

    Where no table tells whether its vowel changes (superan or supieran), the spelling of which
    the vocabulary has more forms is right, the regular one among equals, or that without guessing;
    -ra and -se are both.
    """
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for rule, form in forms_of(verb):
        spellings[rule].append(form)
    several = {rule for rule, of in spellings.items() if len(of) > 1} - BOTH_SPELLINGS
    seen = [sum(spellings[rule][i] in counts for rule in several) for i in (0, -1)]
    changed = guess and kind_of(verb) is None and seen[1] > seen[0]
    found = []
    for rule, of in spellings.items():
        if rule in several and kind_of(verb) is None:
            of = of[1:] if changed else of[:1]
        found += [(rule, form) for form in of if form in counts]
    return found


def _verbal(form: str, counts: Mapping[str, int]) -> bool:
    """Whether the plural of a word in -a or -e is more often a verb's (-n) than a noun's (-s)."""
    plural_of_verb, plural_of_noun = counts.get(form + "n", 0), counts.get(form + "s", 0)
    return form[-1:] in ("a", "e") and plural_of_verb > plural_of_noun


def _strong(form: str, counts: Mapping[str, int]) -> bool:
    """Whether a first person in -e (dije) is rather a verb's than a noun with a plural (traje)."""
    return form.endswith("e") and counts[form] > SELDOM_PLURAL * counts.get(form + "s", 0)


def _nominal(form: Form) -> bool:
    """Whether a form of a verb takes the endings of nouns: participles do."""
    return form.rule in (f"{VERB} participio", ADJECTIVE)


def genders(
    counts: Mapping[str, int], adjectives: frozenset[str], persons: frozenset[str]
) -> list[Form]:
    """Feminine forms, adjectives and persons under rules of their own: `puerta` is of no `puerto`.

    The feminine's plural is made from it by the rule of number.
    """
    found = []
    for word in sorted(counts):
        of_adjective = word in adjectives
        if of_adjective or word in persons:
            rule = ADJECTIVE if of_adjective else PERSON
            if of_adjective and word.endswith("e"):
                continue  # firme has one form for both; firma is another word
            if word not in GENDERS:
                found += [Form(word, form, rule) for form in feminines(word) if form in counts]
    both = ((word, form) for word, form in GENDERS.items() if word in counts and form in counts)
    return found + [Form(word, form, PERSON) for word, form in both]


def infinitives(
    counts: Mapping[str, int],
    names: frozenset[str] = frozenset(),
    listed: frozenset[str] = frozenset(),
) -> list[str]:
    """The words that conjugate: enough of their forms are in the vocabulary; frequent first.

    Of a verb that a dictionary lists, or whose vowel the tables know, less is enough (`_enough`).
    Of three letters and fewer those in the tables alone: `lar` has lo and la, and is no verb.
    """
    found = []
    for word in counts:
        if not word.endswith(("ar", "er", "ir", "ír")) or word in names:
            continue
        if word in SUPPLETIVE or (len(word) > 3 and not word.endswith(("eir", "oir"))):
            seen = _evidence(word, counts)
            sure = bool(listed) and (word in listed or bool(kind_of(word)))
            if len(seen) >= EVIDENCE or word in SUPPLETIVE or (sure and _enough(seen)):
                found.append(word)
    return sorted((word for word in found), key=lambda word: (-counts[word], word))


def _evidence(verb: str, counts: Mapping[str, int]) -> dict[str, str]:
    """Rule → form of a verb in the vocabulary, without what is ever written with an infinitive."""
    return {
        rule: form
        for rule, form in forms_of(verb)
        if form in counts and form not in GRAMMAR and not rule.startswith("enclítico")
    }


def _enough(seen: Mapping[str, str]) -> bool:
    """Whether a few forms are a listed verb's: a gerund is, and so are two that are not a noun and
    its plural (diluye and diluido, but flete and fletes)."""
    verbal = any(rule.startswith(("gerundio", "pretérito 3")) for rule in seen)
    return verbal or len({form.removesuffix("s") for form in seen.values()}) > 1


def _bases_first(found: dict[str, Form]) -> list[Form]:
    ordered: list[Form] = []
    placed: set[str] = set()

    def place(form: Form, depth: int = 0) -> None:
        if form.form in placed:
            return
        placed.add(form.form)  # before its base: a circle of forms ends here
        if form.base in found and depth < 8:
            place(found[form.base], depth + 1)
        ordered.append(form)

    for form in found.values():
        place(form)
    return ordered


def bases(inflected: list[Form]) -> dict[str, str]:
    """Form → the word it is listed under, through number and conjugation only.

    Gender, adverbs and diminutives stand for themselves: `hermana` is an answer of its own.
    """
    base_of: dict[str, str] = {}
    for form in inflected:
        if form.rule == NUMBER or form.rule.startswith(VERB):
            base_of[form.form] = base_of.get(form.base, form.base)
    return base_of
