"""Spellings of one word, number, code or date that meet, and others that do not."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.text.cutting import MOST_PARTS, chunks
from retrieve.text.phrases import places
from retrieve.text.readable import readable
from retrieve.text.stemming import asked_stems, stemmed_words, stems

SAME = [  # all spellings of a line have a stem in common that no other line has
    ("9,90", "9.90"),
    ("19,90",),
    ("1.250.000,50", "1,250,000.50", "1250000,50"),
    ("3.11.2",),
    ("A-113/B", "A113B", "a113/b", "A.113.B"),
    ("B-113/A", "B113A"),
    ("m²", "m2", "㎡", "850m²", "850m2"),
    ("CO₂", "CO2", "co2"),
    ("Straße", "Strasse", "STRASSE"),
    ("Łukasz", "Lukasz"),
    ("Søren", "Soren"),
    ("ex-alumnos", "exalumno", "EX–ALUMNOS".replace("–", "‑")),
    ("wi-fi", "WiFi", "Wi.Fi"),
    ("EE.UU.", "EEUU", "EE. UU.", "E.E.U.U."),
    ("R.E.N.F.E.", "RENFE", "R. E. N. F. E."),
    ("node.js", "nodejs"),
    ("ES91 2100 0418 4502 0005 1332", "ES9121000418450200051332", "es91-2100-0418-4502-0005-1332"),
    ("GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
    ("+34 976 12 34 56", "976123456", "976 123 456", "(976) 12-34-56", "0034976123456"),
    ("05/03/1957", "5/3/1957", "5.3.1957", "1957-03-05", "5 de marzo de 1957", "March 5, 1957"),
    ("05/03/1958", "5-3-1958", "el 5 de marzo de 1958", "5/3/58"),
    ("juan.perez@example.com", "JUAN.PEREZ@EXAMPLE.COM"),
    ("12.345.678-Z", "12345678Z", "12345678-z"),
    ("col·legi", "collegi"),
    ("O'Brien", "O’Brien", "obrien"),
    ("שָׁלוֹם", "שלום"),
    ("مُحَمَّد", "محمد"),
    ("কলি",),
    ("কলা",),
    ("pala\u00adbra", "palabra"),
    ("ﬁnca", "finca"),
    ("８５１", "851"),
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[0])
def test_spellings_meet_each_other_and_nothing_else(spellings):
    common = set.intersection(*(set(stems(f"La {one} de la.")) for one in spellings))
    others = {stem for line in SAME if line != spellings for one in line for stem in stems(one)}
    assert common - others


@pytest.mark.parametrize(
    ("one", "other"), [("007", "7"), ("1 000", "1.000"), ("1,5", "1.5"), ("8:30", "08:30")]
)
def test_zeros_and_marks_of_a_number_make_no_difference(one, other):
    assert set(stems(one)) & set(stems(other))


def test_a_year_without_its_century_does_not_meet_another_day():
    assert "'57-03-05" in stems("5/3/57")
    assert not set(stems("5/3/57")) & {"1957-03-06", "1958-03-05"}
    assert not any("-" in stem for stem in stems("el 45 de marzo de 1957"))


def test_scripts_without_blanks_are_found_by_the_words_in_them():
    text = stems("昨天晚上我们去海边吃鱼，太阳落在岛的后面。東京タワー สวัสดีครับ 학교에서")
    for word in ("海边", "太阳", "鱼", "東京", "タワー", "สวัสดี", "학교"):
        assert asked_stems(word)
        assert set(asked_stems(word)) <= set(text)
    assert not set(asked_stems("边海")) & set(text)  # both letters, in another order


def test_a_chunk_of_many_parts_is_its_parts_only():
    text = "/".join("abcdefghijklmnop")
    assert max(map(len, stems(text))) < MOST_PARTS


@pytest.mark.parametrize("code", range(0, sys.maxunicode, 0x8000))
def test_a_mark_of_any_script_never_cuts_a_word(code):
    for mark in map(chr, range(code, code + 0x8000)):
        if unicodedata.category(mark)[0] == "M":
            assert chunks(f"b{mark}c") == [f"b{mark}c"]


@given(st.text(max_size=40))
def test_plain_letters_say_where_they_stood(text):
    plain_text, at = readable(text)
    if at is None:
        assert plain_text == text
    else:
        assert len(at) == len(plain_text)
        assert list(at) == sorted(at)
    for one in stemmed_words(text):
        assert 0 <= one.start < one.end <= len(text)


@given(st.text(alphabet="0123456789 ()-+.,/ESes'", max_size=400))
def test_numbers_of_any_length_are_cut_at_once(text):
    assert all(len(stem) < 200 for stem in stems(text) if not stem.isdigit())


def test_a_phrase_stands_word_for_word():
    text = "En la boda, en Zaragoza, se pagaron 9,90 euros (A-113/B)."
    assert [text[slice(*at)] for at in places("BODA EN zaragoza", text)] == ["boda, en Zaragoza"]
    assert places("bodas en zaragoza", text) == []
    assert places("boda zaragoza", text) == []
    assert len(places("a 113 b", text)) == len(places("9.90", text)) == 1
    assert places("…", text) == []
    assert places("海边", "我们去海边吃鱼") == [(3, 5)]
    assert list(places("m2", "850 m² y 2 m")) == [(4, 6)]
