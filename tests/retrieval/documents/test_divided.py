from __future__ import annotations

import pytest

from retrieve.documents.divided import join_divided
from retrieve.documents.formats.plain import read_plain
from retrieve.documents.passages import split


@pytest.mark.parametrize(
    ("divided", "whole"),
    [
        ("la ace-\nquia mayor", "la acequia\nmayor"),
        ("la ace- \r\n  quia, mayor", "la acequia,\r\n  mayor"),
        ("la ace\u00ad\nquia", "la acequia\n\u200b"),
        ("la ace\u00ac\nquia roja", "la acequia\nroja"),  # as readers of scans write it
        ("ADMINIS-\nTRACIÓN local", "ADMINISTRACIÓN\nlocal"),
        ("> la ace-\n> quia mayor", "> la acequia\n> mayor"),
        ("pacto franco-\nespañol de paz", "pacto franco-español\nde paz"),
        ("un curso teórico-\npráctico y", "un curso teórico-práctico\ny"),
        ("Castilla-\nLa Mancha", "Castilla-La\nMancha"),
        ("el vice-\npresidente y", "el vicepresidente\ny"),
        ("el xurdi-\nmendo gris", "el xurdimendo\ngris"),
    ],
)
def test_divided_words_are_joined_and_compounds_keep_their_hyphen(divided, whole):
    assert join_divided(divided) == whole


@pytest.mark.parametrize(
    "text",
    [
        "pre-\ny posguerra",
        "de 1936-\n1939",
        "http://casa.es/una-\nvieja",
        "la casa--\nno la choza",
        "lista:\n- uno-\n- dos",
        "la ace-\n\nquia",
    ],
)
def test_what_is_no_divided_word_stays(text):
    assert join_divided(text) == text


def test_a_line_that_loses_its_only_word_does_not_end_the_paragraph():
    (passage,) = split(read_plain("en los veci-\nnos\ndel pueblo").lines)
    assert (passage.text, passage.line) == ("en los vecinos del pueblo", 1)
