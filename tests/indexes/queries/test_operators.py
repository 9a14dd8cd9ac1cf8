"""Quoted phrases and words with a minus: what is asked for, and what a search finds."""

from __future__ import annotations

import pytest
import small

from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.operators import Asked, taken_apart


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("boda en Zaragoza", Asked("boda en Zaragoza")),
        ('"boda en Zaragoza" 1931', Asked("boda en Zaragoza 1931", ("boda en Zaragoza",))),
        ("«la casa» “de Ana”", Asked("la casa de Ana", ("la casa", "de Ana"))),
        ("boda -Zaragoza -ayer", Asked("boda", (), ("Zaragoza", "ayer"))),
        ('boda -"en Zaragoza"', Asked("boda", (), ("en Zaragoza",))),
        ('"boda -alegre" triste', Asked("boda -alegre triste", ("boda -alegre",))),
        ("-lluvia boda", Asked("boda", (), ("lluvia",))),
        ("temperatura -5 grados", Asked("temperatura -5 grados")),
        ("Canfranc - Pau", Asked("Canfranc - Pau")),
        ("ex-alumnos wi-fi", Asked("ex-alumnos wi-fi")),
        ("-boda", Asked("-boda")),
        ('la "boda', Asked('la "boda')),
        ('"" boda', Asked('"" boda')),
    ],
)
def test_a_query_is_taken_apart(query, asked):
    assert taken_apart(query) == asked


@pytest.fixture
def collection(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    texts = {
        "phrase": "La boda en Zaragoza fue alegre.",
        "apart": "En Zaragoza llovió el día de la boda.",
        "bodas": "Las bodas en Zaragoza cuestan mucho.",
        "cold": "Hubo -5 grados en Canfranc el día de la boda.",
        "stop": "Y por si no lo es, ahí está.",
    }
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    with small.opened(tmp_path / "c") as opened:
        small.index(opened, folder)
        yield opened


def _found(collection, query, mode=Mode.HYBRID):
    return {hit.path.stem for hit in collection.search_texts(query, mode=mode)}


@pytest.mark.parametrize("mode", Mode)
def test_only_what_holds_the_phrase_is_found(collection, mode):
    assert _found(collection, '"boda en Zaragoza"', mode) == {"phrase"}
    assert _found(collection, '"bodas en Zaragoza" 1931', mode) == {"bodas"}
    assert _found(collection, '"boda en Canfranc"', mode) == set()


def test_a_phrase_is_marked_from_end_to_end(collection):
    (hit,) = collection.search_texts('"boda en Zaragoza"')
    assert [hit.passage.text[slice(*mark)] for mark in hit.marks] == ["boda en Zaragoza"]


@pytest.mark.parametrize("mode", Mode)
def test_a_word_with_a_minus_excludes_in_all_its_forms(collection, mode):
    assert _found(collection, "boda -Zaragoza", mode) >= {"cold"}
    assert not _found(collection, "boda -Zaragoza", mode) & {"phrase", "apart", "bodas"}
    assert "cold" in _found(collection, "boda -5 grados", mode)
    assert "phrase" not in _found(collection, 'boda -"boda en Zaragoza"', mode)


def test_a_phrase_of_small_words_alone_is_found(collection):
    assert _found(collection, '"si no lo es"') == {"stop"}
    assert _found(collection, '"si no lo es"', Mode.BM25) == {"stop"}
