"""Rules of Spanish inflection: which words of a vocabulary are forms of which other ones.

Each rule proposes spellings; only what the vocabulary holds counts, so a rule may propose
too much (`pensa` beside `piensa`) and needs no list of irregular stems. The few verbs that
no rule reaches are tables of grammar. Source: Real Academia Española 2009, "Nueva
gramática de la lengua española", chapters 2, 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from retrieve.text.tokens import plain


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

OFTENER = 10  # `quiere` is five times as frequent as `querer`, `casa` thirty times as `casar`

# Endings by conjugation: (rule, endings in -ar, in -er, in -ir, kind of stem).
WEAK, STRONG, BEFORE_I, BEFORE_A, WHOLE = "weak", "strong", "before i", "before a", "whole"
ENDINGS: tuple[tuple[str, str, str, str, str], ...] = (
    ("gerundio", "ando", "iendo", "iendo", BEFORE_I),
    ("participio", "ado", "ido", "ido", WEAK),
    ("presente 1", "o", "o", "o", BEFORE_A),
    ("presente 2", "as", "es", "es", STRONG),
    ("presente 3", "a", "e", "e", STRONG),
    ("presente 1 pl", "amos", "emos", "imos", WEAK),
    ("presente 3 pl", "an", "en", "en", STRONG),
    ("pretérito 1", "é", "í", "í", WEAK),
    ("pretérito 2", "aste", "iste", "iste", WEAK),
    ("pretérito 3", "ó", "ió", "ió", BEFORE_I),
    ("pretérito 3 pl", "aron", "ieron", "ieron", BEFORE_I),
    ("imperfecto 3", "aba", "ía", "ía", WEAK),
    ("imperfecto 3 pl", "aban", "ían", "ían", WEAK),
    ("futuro 1", "é", "é", "é", WHOLE),
    ("futuro 2", "ás", "ás", "ás", WHOLE),
    ("futuro 3", "á", "á", "á", WHOLE),
    ("futuro 1 pl", "emos", "emos", "emos", WHOLE),
    ("futuro 3 pl", "án", "án", "án", WHOLE),
    ("condicional 3", "ía", "ía", "ía", WHOLE),
    ("condicional 3 pl", "ían", "ían", "ían", WHOLE),
    ("subjuntivo 3", "e", "a", "a", BEFORE_A),
    ("subjuntivo 3 pl", "en", "an", "an", BEFORE_A),
    ("subjuntivo pasado 3", "ara", "iera", "iera", BEFORE_I),
    ("subjuntivo pasado 3 pl", "aran", "ieran", "ieran", BEFORE_I),
    ("subjuntivo pasado 3", "ase", "iese", "iese", BEFORE_I),
    ("enclítico se", "se", "se", "se", WHOLE),
    ("enclítico lo", "lo", "lo", "lo", WHOLE),
    ("enclítico la", "la", "la", "la", WHOLE),
    ("enclítico le", "le", "le", "le", WHOLE),
    ("enclítico me", "me", "me", "me", WHOLE),
    ("enclítico te", "te", "te", "te", WHOLE),
)
# The strong preterites: stem, then -e -iste -o -imos -ieron; compounds follow (contener).
STRONG_PRETERITES = {
    "tener": "tuv", "estar": "estuv", "poder": "pud", "poner": "pus", "saber": "sup",
    "hacer": "hic", "querer": "quis", "venir": "vin", "decir": "dij", "traer": "traj",
    "andar": "anduv", "haber": "hub", "caber": "cup", "ducir": "duj",
}  # fmt: skip
FUTURE_STEMS = {
    "tener": "tendr", "poder": "podr", "poner": "pondr", "saber": "sabr", "hacer": "har",
    "querer": "querr", "venir": "vendr", "decir": "dir", "haber": "habr", "salir": "saldr",
    "valer": "valdr", "caber": "cabr",
}  # fmt: skip
PARTICIPLES = {
    "abrir": "abiert", "cubrir": "cubiert", "decir": "dich", "escribir": "escrit",
    "hacer": "hech", "morir": "muert", "poner": "puest", "solver": "suelt", "volver": "vuelt",
    "romper": "rot", "ver": "vist", "scribir": "scrit", "freír": "frit", "imprimir": "impres",
}  # fmt: skip
FIRST_PERSONS = {
    "tener": "tengo", "poner": "pongo", "hacer": "hago", "venir": "vengo", "decir": "digo",
    "traer": "traigo", "caer": "caigo", "oír": "oigo", "salir": "salgo", "valer": "valgo",
    "saber": "sé", "caber": "quepo", "ver": "veo", "dar": "doy", "estar": "estoy",
}  # fmt: skip
# Verbs beyond every rule: the forms in the order of SUPPLETIVE_RULES.
SUPPLETIVE_RULES = (
    "gerundio", "participio", "presente 1", "presente 2", "presente 3", "presente 1 pl",
    "presente 3 pl", "pretérito 1", "pretérito 3", "pretérito 3 pl", "imperfecto 3",
    "imperfecto 3 pl", "subjuntivo 3", "subjuntivo 3 pl", "subjuntivo pasado 3",
)  # fmt: skip
SUPPLETIVE = {
    "ser": "siendo sido soy eres es somos son fui fue fueron era eran sea sean fuera",
    "ir": "yendo ido voy vas va vamos van fui fue fueron iba iban vaya vayan fuera",
    "haber": "habiendo habido he has ha hemos han hube hubo hubieron había habían haya hayan "
    "hubiera",
    "estar": "estando estado estoy estás está estamos están estuve estuvo estuvieron estaba "
    "estaban esté estén estuviera",
    "dar": "dando dado doy das da damos dan di dio dieron daba daban dé den diera",
    "ver": "viendo visto veo ves ve vemos ven vi vio vieron veía veían vea vean viera",
    "oír": "oyendo oído oigo oyes oye oímos oyen oí oyó oyeron oía oían oiga oigan oyera",
    "reír": "riendo reído río ríes ríe reímos ríen reí rió rieron reía reían ría rían riera",
}
VOWEL = "aeiouáéíóúü"
ACUTE = str.maketrans("áéíóú", "aeiou")
GRAVE = str.maketrans("aeiou", "áéíóú")


def conjugate(verb: str) -> Iterator[tuple[str, str]]:
    """Rule and proposed form of an infinitive, the standard spelling among the proposals."""
    if verb in SUPPLETIVE:
        yield from zip(SUPPLETIVE_RULES, SUPPLETIVE[verb].split(), strict=True)
    ending = plain(verb[-2:])
    if ending not in ("ar", "er", "ir") or len(verb) < 3:
        return
    column = 1 + ("ar", "er", "ir").index(ending)
    stem = verb[:-2]
    future = _compound(verb, FUTURE_STEMS) or stem + ending
    participle = _compound(verb, PARTICIPLES)
    preterite = _compound(verb, STRONG_PRETERITES)
    for row in ENDINGS:
        rule, tail, kind = row[0], row[column], row[4]
        if kind == WHOLE:
            whole = verb if rule.startswith("enclítico") else future
            yield rule, whole + tail
        elif rule.startswith("participio") and participle:
            yield rule, participle + tail[-1]
        else:
            if rule.startswith("participio") and stem[-1:] in tuple("aeo") and column > 1:
                tail = tail.replace("i", "í", 1)
            yield from ((rule, form) for form in _joined(stem, tail, kind, column))
    if preterite:
        soft = "ieron" if not preterite.endswith("j") else "eron"
        yield "pretérito 1", preterite + "e"
        yield "pretérito 3", preterite[:-1] + "zo" if preterite.endswith("c") else preterite + "o"
        yield "pretérito 3 pl", preterite + soft
        yield "subjuntivo pasado 3", preterite + soft.replace("eron", "era")
    if first := _compound(verb, FIRST_PERSONS):
        yield "presente 1", first
        yield "subjuntivo 3", first[:-1] + "a"
        yield "subjuntivo 3 pl", first[:-1] + "an"


def _compound(verb: str, table: dict[str, str]) -> str | None:
    """What the table says of the verb or of the verb that it is composed of (contener)."""
    for base, stem in table.items():
        if verb.endswith(base) and (verb == base or len(base) > 3 or verb in ("prever",)):
            return verb[: -len(base)] + stem
    return None


def _joined(stem: str, tail: str, kind: str, column: int) -> Iterator[str]:
    stems = [stem]
    if kind in (STRONG, BEFORE_A):
        stems += _diphthongs(stem)
    if kind in (BEFORE_I, BEFORE_A) and column == 3:
        stems += _raised(stem)
    if column == 3 and kind == STRONG:
        stems += _raised(stem)
    for one in stems:
        if kind == BEFORE_I and column > 1 and one[-1:] in tuple("aeou") and one[-2:] != "gu":
            yield one + "y" + tail[1:]  # leyó, huyendo
        elif kind == BEFORE_I and column > 1 and one[-1:] in ("ñ", "l"):
            yield one + tail[1:]  # bulló, riñendo
            yield one + tail
        else:
            yield one + tail
        if one.endswith("u") and column == 3 and kind in (STRONG, BEFORE_A):
            yield one + "y" + tail  # huye, huyo
        yield from (spelt + tail for spelt in _respelt(one, tail, column))


def _diphthongs(stem: str) -> list[str]:
    """pens → piens, cont → cuent, jug → jueg, err → yerr, ol → huel."""
    found = re.match(r"(.*)([eou])([^aeiou]+)$", stem)
    if not found:
        return []
    head, vowel, rest = found.groups()
    diphthong = {"e": "ie", "o": "ue", "u": "ue"}[vowel]
    at_start = {"e": "ye", "o": "hue", "u": "ue"}[vowel]
    return [head + (diphthong if head else at_start) + rest]


def _raised(stem: str) -> list[str]:
    """ped → pid, dorm → durm, before i and in the strong forms of -ir."""
    found = re.match(r"(.*)([eo])([^aeiou]+|gu|qu)$", stem)
    return [found[1] + {"e": "i", "o": "u"}[found[2]] + found[3]] if found else []


def _respelt(stem: str, tail: str, column: int) -> Iterator[str]:
    """The same sound before another vowel: saqu-e, llegu-e, empiec-e; venz-o, conozc-o, coj-o."""
    soft = plain(tail[:1]) in ("e", "i")
    changes: tuple[tuple[str, str], ...] = ()
    if column == 1 and soft:
        changes = (("gu", "gü"), ("c", "qu"), ("g", "gu"), ("z", "c"))
    elif column > 1 and not soft:
        changes = (("gu", "g"), ("qu", "c"), ("c", "zc"), ("c", "z"), ("g", "j"), ("n", "ng"))
    for old, new in changes:
        if stem.endswith(old):
            yield stem[: -len(old)] + new


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


def forms(counts: Mapping[str, int], nouns: frozenset[str] = frozenset()) -> list[Form]:
    """The inflected words of a vocabulary with their bases, each word once at most.

    counts   how often each word occurs
    nouns    words known to be nouns or adjectives, which are then no verb's form: `casa` is
             not of `casar`. But `busca` is of `buscar`, as `buscan` is seen more than `buscas`.
             Without it a word OFTENER times as frequent as the verb counts as its own base
    returns  bases before what is made from them
    """
    found: dict[str, Form] = {}

    def claim(base: str, form: str, rule: str) -> None:
        if form != base and form in counts and form not in found:
            found[form] = Form(base, form, rule)

    named = nouns | {form for noun in nouns for form in plurals(noun)}
    for verb in infinitives(counts):
        for rule, form in conjugate(verb):
            nominal = form in named and not _verbal(form, counts)
            free = not nominal if nouns else counts.get(form, 0) <= OFTENER * counts[verb]
            sure = rule.startswith(("gerundio", "participio", "pretérito 3"))
            if free or sure or verb in SUPPLETIVE:
                claim(verb, form, f"{VERB} {rule}")
    for form, (_, _, rule) in list(found.items()):
        if rule == f"{VERB} participio":  # it inflects as an adjective
            for feminine in feminines(form):
                claim(form, feminine, ADJECTIVE)
    verbal = frozenset(found)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    for word in ordered:
        if word in verbal and not _nominal(found[word]) and word not in nouns:
            continue
        for form in plurals(word):
            claim(word, form, NUMBER)
    for word in ordered:
        if word not in found or _nominal(found[word]):
            for form in diminutives(word):
                if len(word) > 3:
                    claim(word, form, "diminutivo")
            if word[-1:] in tuple("oelrz") and adverb(word) in counts:
                claim(word, adverb(word), ADVERB)
    return _bases_first(found)


def _verbal(form: str, counts: Mapping[str, int]) -> bool:
    """Whether the plural of a word in -a or -e is more often a verb's (-n) than a noun's (-s)."""
    plural_of_verb, plural_of_noun = counts.get(form + "n", 0), counts.get(form + "s", 0)
    return form[-1:] in ("a", "e") and plural_of_verb > plural_of_noun


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
            found += [Form(word, form, rule) for form in feminines(word) if form in counts]
    return found


def infinitives(counts: Mapping[str, int]) -> list[str]:
    """The words that conjugate: enough of their forms are in the vocabulary; frequent first."""
    found = []
    for word in counts:
        if word[-2:] in ("ar", "er", "ir", "ír") and len(word) > 2:
            seen = {
                rule
                for rule, form in conjugate(word)
                if form in counts and not rule.startswith("enclítico")
            }
            if len(seen) >= EVIDENCE or word in SUPPLETIVE:
                found.append(word)
    return sorted((word for word in found), key=lambda word: (-counts[word], word))


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
