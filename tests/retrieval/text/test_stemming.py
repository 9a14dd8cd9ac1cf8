from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.text.stemming import LANGUAGES, spelt_stems, stemmed_words, stems


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


def test_stemming_imports_no_torch():
    code = (
        "import sys, retrieve.text.stemming as stemming\n"
        "stemming.stems('casa')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
