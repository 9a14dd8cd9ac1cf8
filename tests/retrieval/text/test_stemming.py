from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.text.stemming import (
    LANGUAGES,
    spelt_stems,
    stemmed_words,
    stems,
    stems_of_word,
    stems_of_words,
)


def test_stop_words_go_and_inflections_meet():
    assert stems("Las universidades de los jugadores") == ["univers", "jugador"]
    assert stems("la universidad y el jugador") == ["univers", "jugador"]


def test_case_accents_and_composition_make_no_difference():
    asked = stems("ENERGIA de Espana, pinguinos")
    assert stems("Energía de España, pingüinos") == asked
    assert stems(unicodedata.normalize("NFD", "energía de españa, pingüinos")) == asked


def test_a_noun_is_told_from_the_pronoun_that_differs_by_its_accent():
    assert stems("te doy té") == ["dar", "te"]


def test_numbers_stay_and_marks_between_thousands_go():
    assert stems("1.250.000 y 1,250,000 y 1250000") == ["1250000"] * 3
    assert stems("24-10 en 2015, 3,5 %") == ["24", "10", "24-10", "2015", "3", "5", "3.5"]


def test_an_ordinal_meets_its_number():
    assert stems("el 50º") == stems("el 50o") == ["50", "50o"]


def test_a_text_of_marks_or_stop_words_has_no_stem():
    assert stems("¿…? — _") == stems("") == stems("¿Qué es lo que es?") == []


@given(st.text(alphabet=st.sampled_from("aáñeéiou´\u0301bcs 1,.ÁÑº-"), max_size=30))
def test_places_cut_the_words_out_of_the_text(text):
    found = stemmed_words(text)
    assert [word.stem for word in found] == stems(text)
    assert [stem for _, stem in spelt_stems(text)] == stems(text)
    for word in found:
        assert word.stem in stems(text[word.start : word.end])


def test_an_unknown_language_is_folded_only():
    assert stems("Ær þú ÉG hestarnir", "is") == ["aer", "thu", "eg", "hestarnir"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_snowball_knows_each_language(language):
    assert stems("Universum 7", language)


def test_another_language_keeps_its_own_endings():
    assert stems("running horses", "en") == ["run", "hors"]


def test_words_of_english_grammar_go_and_what_may_be_a_noun_stays():
    assert stems("What was the will of his mother in May?", "en") == ["will", "mother", "may"]


@pytest.mark.parametrize(
    "words",
    [
        "luz luces",
        "imagen imágenes imagenes",
        "pez peces",
        "buscar busqué busquemos busco",
        "leer leen leyó leyendo leído leerlo",
        "poder pueden puede pudo podría pudiéramos",
        "hacer hizo hice hago haré hagamos haciéndolo",
        "deshacer deshizo deshago",
        "decir dijeron digo diciéndoselo dímelo diría",
        "ir iban vamos vaya yendo",
        "conducir conduzco condujimos condujera",
        "oír oigo oyeron oía",
        "caber quepo cupo cabría",
        "recoger recojo recogía",
        "empezar empecé empiezo empezaríamos",
        "jugar juegan jugué",
        "abandonar abandonaría abandonásemos abandonarais",
        "dormir duermen durmió durmamos",
        "ciudad ciudades",
    ],
)
def test_forms_of_a_word_meet(words):
    first, *others = words.split()
    assert all(set(stems(first)) & set(stems(other)) for other in others)


@pytest.mark.parametrize(
    "words", ["madre Madrid", "verdad verde", "partido parte", "suelo sol", "Madrid madres"]
)
def test_words_that_begin_alike_do_not_meet(words):
    one, other = words.split()
    assert not set(stems(one)) & set(stems(other))


def test_a_word_that_is_two_has_both_stems():
    assert set(stems("vino")) == set(stems("vinos")) | set(stems("vinieron"))


def test_stemming_imports_no_torch():
    code = (
        "import sys, retrieve.text.stemming as stemming\n"
        "stemming.stems('casa')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("language", ["es", "en", "de", "xx"])
def test_words_stemmed_together_have_the_stems_that_each_has_alone(language):
    plain = ["hizo", "vino", "leerlo", "cantaremos", "casas", "dying", "xqzi"]
    for some in (plain, [*plain, "canción", "straße", "dueño"]):
        assert stems_of_words(some, language) == [stems_of_word(one, language) for one in some]
    assert stems_of_words(["hizo", "canción"], "es")[0] == ("hac",)
