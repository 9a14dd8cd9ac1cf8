"""Queries without accents get those that their words have."""

from __future__ import annotations

import pytest

from retrieve.indexes.words.stores import shipped
from retrieve.text.words.accents import accented
from retrieve.text.words.vectors import open_vectors


@pytest.fixture(scope="module")
def vectors():
    return open_vectors(shipped(), check=False)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("energia cinetica", "energía cinética"),
        ("la compania espanola", "la compañía española"),
        ("MEXICO y Espana", "MÉXICO y España"),
        ("ano", "año"),
        ("¿A quien vio?", "¿A quién vio?"),
        ("Cuando llega el tren?", "Cuándo llega el tren?"),
    ],
)
def test_a_word_gets_the_accent_with_which_it_is_far_more_common(vectors, typed, meant):
    assert accented(typed, vectors) == meant


@pytest.mark.parametrize(
    "query",
    [
        "sabana africana",  # sábana is not much more common
        "papa con chorizo",
        "¿Qué ano?",  # who types accents means what has none
        "solo el te de las cinco",
        "que nadie duerma",
        "Zaragoza 1956, km 12",
        "",
        "こんにちは",
    ],
)
def test_a_word_that_is_one_as_it_stands_stays(vectors, query):
    assert accented(query, vectors) == query
