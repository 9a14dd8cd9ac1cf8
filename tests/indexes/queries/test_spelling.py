"""Misspelt words of a query, answered by the nearest that a collection has."""

from __future__ import annotations

import pytest
import small

from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.spelling import ALPHABETS, MOST_WORDS, edits

TEXTS = {
    "well": "El pocero Wenceslado Quijórnez limpió el aljibe de Xilofonte.",
    "mill": "El molinero guardaba el grano en la tolva; ex-alumnos y RENFE.",
    "bud": "কলি ফুটেছে বাগানে।",
}


@pytest.fixture
def collection(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    with small.opened(tmp_path / "c") as opened:
        small.index(opened, folder)
        yield opened


@pytest.mark.parametrize("mode", [Mode.BM25, Mode.HYBRID])
@pytest.mark.parametrize(
    "asked", ["Quijornes", "quijórnz", "Quijórnezz", "Qiujórnez", "uijórnez", "Xilophonte"]
)
def test_a_misspelt_word_finds_what_has_its_nearest_spelling(collection, asked, mode):
    best = collection.search_texts(asked, mode=mode)[0]
    assert (best.path.stem, bool(best.marks)) == ("well", True)


def test_what_was_probably_meant_is_said_and_the_rest_left_as_it_was(collection):
    assert collection.corrected("¿El aljibe de Quijornes?") == "¿El aljibe de Quijórnez?"
    assert collection.corrected("aljibe de Quijórnez") is None


@pytest.mark.parametrize(
    "query",
    [
        "molinera",  # another form of a word that is there
        "perro",  # a word that the language has, and no passage
        "grno",  # too short to be told from others
        '"Quijornes"',  # meant as it stands
        "ex-alumnos exalumnos",
        "113 2015 A-113/B",
        "কলা",  # a letter of a script of which nothing is known here
        "zzzzzzzzzz",
        "z" * 100_000,
    ],
)
def test_words_that_are_no_misspellings_stay(collection, query):
    assert collection.corrected(query) is None


def test_of_a_whole_text_only_the_first_unknown_words_are_looked_for(collection):
    unknown = "kjhgfd " * (MOST_WORDS - 1)
    assert collection.corrected(f"{unknown}Quijornes Quijornes") == f"{unknown}Quijórnez Quijornes"


def test_exact_words_are_taken_as_they_are(collection):
    found = collection.search_texts("Quijornes", mode=Mode.BM25, exact_words=True)
    assert not any(hit.bm25 for hit in found)
    assert collection.search_texts("Quijornes", mode=Mode.BM25)[0].bm25 > 0


def test_edits_are_those_of_damerau():
    found = edits("boda", ALPHABETS[0])
    assert {"oda", "bbda", "obda", "bodas", "bodaa"} <= found
    assert "boda" not in found
    assert len(found) == 4 * 25 + 3 + 4 + (5 * 26 - 4)
