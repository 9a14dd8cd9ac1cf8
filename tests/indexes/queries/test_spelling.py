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
    assert {"oda", "bbda", "obda", "bodas", "bodaa"} <= found.keys()
    assert "boda" not in found
    assert len(found) == 4 * 25 + 3 + 4 + (5 * 26 - 4)
    assert found["bodas"] == found["obda"] > found["oda"] == found["bbda"]  # few slips, and many


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    (folder / "cone.txt").write_text("Un cono de nieve, un cono de barro y otro cono de papel.")
    (folder / "met.txt").write_text("Fueron todos hasta el puente a conocerlos.")
    (folder / "paid.txt").write_text(
        "Paga hoy, paga mañana: pagado está, y pagó bien quien pagaba."
    )
    (folder / "pay.txt").write_text("Al final de la cosecha el dueño de la finca quiso pagarnos.")
    with small.opened(tmp_path_factory.mktemp("c") / "c") as opened:
        small.index(opened, folder)
        yield opened


def test_a_misspelt_word_that_has_the_stem_of_another_by_chance_is_noticed(forms):
    assert forms.corrected("ir a conoerlos") == "ir a conocerlos"
    assert forms.search_texts("conoerlos", mode=Mode.BM25)[0].path.stem == "met"
    assert forms.corrected("conos") is None  # another form of what is there


def test_a_slip_in_a_first_letter_is_looked_for_as_any_other(errors):
    assert errors.corrected("la roganización del pueblo") == "la organización del pueblo"


def test_of_two_spellings_the_one_is_taken_that_is_mistyped_so_in_fewer_ways(errors):
    assert errors.corrected("la paret seca") == "la parte seca"


def test_a_misspelt_word_of_grammar_is_none_that_is_searched_for(errors):
    assert errors.corrected("¿uCándo se hizo?") == "¿cuándo se hizo?"
    assert errors.corrected("quiérn tocaba la trompeta") == "quién tocaba la trompeta"


def test_a_rare_form_is_found_behind_many_passages_that_have_another(errors):
    assert errors.corrected("mandolinisats") == "mandolinistas"


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors")
    lines = [
        "La romanización del valle, y la romanización de la costa.",
        "Fue una organización de vecinos.",
        "La pared, otra pared y la tercera pared; de cada una, una parte.",
        "Los curados usando sal querían tocar.",
        *(f"El mandolinista {n} tocaba por la tarde." for n in range(120)),
        "Los mandolinistas se fueron.",
    ]
    (folder / "said.txt").write_text("\n\n".join(lines))
    with small.opened(tmp_path_factory.mktemp("c") / "c") as opened:
        small.index(opened, folder)
        yield opened


def test_a_query_without_accents_finds_what_one_with_them_finds(forms):
    plain, accented = (
        forms.search_texts(query, mode=Mode.HYBRID)
        for query in ("el dueno de manana", "el dueño de mañana")
    )
    assert [hit.score for hit in plain] == [hit.score for hit in accented]
    assert forms.corrected("el dueno de manana") is None  # nothing to be told of


def test_a_word_alone_finds_first_what_has_it_in_this_form(forms):
    found = forms.search_texts("pagarnos", mode=Mode.BM25)
    assert [hit.path.stem for hit in found if hit.bm25] == ["pay", "paid"]
    assert found[0].bm25 < found[1].bm25
