from __future__ import annotations

from retrieve.text.tokens import normal, plain, words


def test_words_are_lower_case_letters_with_accents():
    assert words("¿Qué DÍA, 3 de niño?") == ["qué", "día", "de", "niño"]


def test_unicode_form_does_not_matter():
    assert normal("Parı\u0301s".replace("ı", "i")) == "parís"


def test_plain_drops_diacritics_alone():
    assert plain("pingüino parís año") == "pinguino paris ano"
