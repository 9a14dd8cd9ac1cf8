"""Curated facts as offsets: capitals, demonyms, currencies, families, tools.

A table says that París is to Francia what Madrid is to España. Its words are pulled toward
each other's place plus the table's mean offset, as inflections are. This is a lookup table
in the form of vectors: it carries over to no fact that is not in it, and so it can be
switched off, and half of each table can be withheld to show that.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.extras import optional
from retrieve.text.tokens import normal, words
from retrieve.text.words.inflection import Form
from retrieve.training.words.compose import Matrix, normalized

STRENGTH = 0.5
SOLVED = 100  # rounds after which lengths change no more


def read(folder: Path) -> list[Form]:
    """Every fact whose both sides are one word, by table."""
    lists = folder / "todosloscorpus" / "data"
    facts = [*_capitals(lists), *_families(lists), *_currencies(folder), *_shipped()]
    single = [fact for fact in facts if words(fact.base) == [fact.base]]
    return sorted({fact for fact in single if words(fact.form) == [fact.form]})


def half(facts: Sequence[Form], seed: int) -> list[Form]:
    """A random half of each table, for measuring that facts do not carry over."""
    generator = np.random.default_rng(seed)
    by_table: defaultdict[str, list[Form]] = defaultdict(list)
    for fact in facts:
        by_table[fact.rule].append(fact)
    kept = []
    for table in by_table.values():
        order = generator.permutation(len(table))[: len(table) // 2]
        kept += [table[i] for i in sorted(order)]
    return kept


def pull(vectors: Matrix, vocabulary: list[str], facts: Sequence[Form]) -> Matrix:
    """(N, D) unit vectors with both sides of each fact moved toward the table's offset."""
    return normalized(_moved(vectors, _tables(vocabulary, facts)))


def undone(vectors: Matrix, vocabulary: list[str], facts: Sequence[Form]) -> Matrix:
    """The (N, D) unit vectors from which `pull` made these.

    Before it makes its rows unit, `pull` is linear in the rows that have facts: the system is
    solved for the rows before, whose lengths are 1, and so the lengths after are found.
    """
    tables = _tables(vocabulary, facts)
    rows = np.unique(np.concatenate([np.array(pairs).ravel() for pairs in tables.values()]))
    place = {int(row): i for i, row in enumerate(rows)}
    own = {rule: [(place[a], place[b]) for a, b in of] for rule, of in tables.items()}
    back = np.linalg.inv(_moved(np.eye(len(rows), dtype=np.float64), own))
    after = vectors[rows].astype(np.float64)
    lengths = np.ones((len(rows), 1))
    for _ in range(SOLVED):
        before = back @ (lengths * after)
        before /= np.linalg.norm(before, axis=1, keepdims=True)
        lengths = np.linalg.norm(_moved(before, own), axis=1, keepdims=True)
    found = vectors.copy()
    found[rows] = before
    return found


def _tables(vocabulary: list[str], facts: Sequence[Form]) -> dict[str, list[tuple[int, int]]]:
    row_of = {word: row for row, word in enumerate(vocabulary)}
    tables: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for fact in facts:
        if fact.base in row_of and fact.form in row_of:
            tables[fact.rule].append((row_of[fact.base], row_of[fact.form]))
    return tables


def _moved(vectors: Any, tables: Mapping[str, list[tuple[int, int]]]) -> Any:
    moved = vectors.copy()
    share = np.float32(STRENGTH)
    for pairs in tables.values():
        base, form = np.array(pairs).T
        offset = (vectors[form] - vectors[base]).mean(axis=0)
        middle = (vectors[form] - offset + vectors[base]) / 2
        _toward(moved, base, middle, share)
        _toward(moved, form, middle + offset, share)
    return moved


def _toward(moved: Any, rows: NDArray[np.int64], targets: Any, share: np.float32) -> None:
    moved[rows] += share * (targets - moved[rows])


def _capitals(lists: Path) -> list[Form]:
    table = _json(lists / "geography" / "countries_with_capitals.json")["countries"]
    return [Form(normal(row["name"]), normal(row["capital"]), "capital") for row in table]


def _families(lists: Path) -> list[Form]:
    found = []
    for relation in _json(lists / "humans" / "familyRelations.json")["familyRelations"]:
        for side in ("member", "inverse"):
            names = relation.get(side, {})
            if names.get("m") and names.get("f") and names["m"] != names["f"]:
                found.append(Form(normal(names["m"]), normal(names["f"]), "familia"))
    return found


def _currencies(folder: Path) -> list[Form]:
    """Country and the first word of its currency's Spanish name (CLDR)."""
    with optional("the tables of facts"):
        from babel import Locale

    spanish = Locale("es")
    found = []
    for country in _json(folder / "countries.json"):
        name = spanish.territories.get(country["cca2"])
        for code in list(country.get("currencies", {}))[:1]:
            currency = words(spanish.currencies.get(code, ""))
            if name and currency:
                found.append(Form(normal(name), currency[0], "moneda"))
    return found


def _shipped() -> list[Form]:
    """Tables written for this project: what a thing is used or driven with."""
    text = resources.files(__package__).joinpath("facts.json").read_text("utf-8")
    return [
        Form(base, form, table) for table, pairs in json.loads(text).items() for base, form in pairs
    ]


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
