from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.documents.lines import Line, clean
from retrieve.documents.passages import LONGEST_WORDS, MAX_WORDS, MIN_WORDS, count_words, split

_WORDS = st.sampled_from(["casa", "Árbol.", "río,", "¿Qué?", "Sr.", "3.14", "…", "niño", "Fin."])
_TEXT = st.one_of(
    st.lists(_WORDS, max_size=90).map(" ".join),
    st.text(max_size=80),
    st.text(alphabet="ab\u0301\u200d👩🏽🇪🇸 ", max_size=40),
    st.integers(0, 3000).map(lambda n: "x" * n),
)
_LINES = st.lists(st.tuples(_TEXT, st.booleans(), st.booleans()), max_size=12).map(
    lambda rows: [
        Line(text, heading=heading and begins, begins=begins, line=number)
        for number, (text, begins, heading) in enumerate(rows, start=1)
    ]
)


def _letters(text):
    return "".join(clean(text).split())


@given(_LINES)
def test_no_text_is_lost_and_order_is_kept(lines):
    passages = list(split(lines))
    body = "".join(_letters(line.text) for line in lines if not line.heading)
    found = [passage for passage in passages if _is_body(passage, lines)]
    assert "".join(_letters(passage.text) for passage in found) == body
    titles = {passage.title for passage in passages} | {passage.text for passage in passages}
    for line in lines:
        if line.heading:
            assert clean(line.text) in titles | {""}


def _is_body(passage, lines):
    return not lines[passage.line - 1].heading


@given(_LINES)
def test_places_rise_and_passages_are_clean_and_bounded(lines):
    passages = list(split(lines))
    places = [passage.line for passage in passages]
    assert places == sorted(places)
    for passage in passages:
        assert passage.text
        assert passage.text == clean(passage.text)
        if _is_body(passage, lines):
            assert count_words(passage.text) <= LONGEST_WORDS + 1


@given(st.lists(st.integers(1, 58), min_size=1, max_size=30))
def test_passages_of_ordinary_sentences_are_long_enough(lengths):
    text = " ".join("Hola " + "y " * n + "fin." for n in lengths)
    words = [count_words(passage.text) for passage in split([Line(text)])]
    assert all(MIN_WORDS <= count <= MAX_WORDS for count in words[:-2])
    if len(words) > 1:  # the last two are evened out
        assert min(words[-2:]) >= MIN_WORDS // 2


@pytest.mark.parametrize("cluster", ["e\u0323\u0301", "👩\u200d🚀", "👍🏽", "🇪🇸", "क्षि", "❤\ufe0f"])
def test_a_cut_falls_between_letters_as_a_reader_sees_them(cluster):
    cluster = clean(cluster)
    passages = list(split([Line("x" * 7 + cluster * 600)]))
    assert len(passages) > 1
    for passage in passages[1:]:
        assert passage.text.startswith(cluster)


def test_a_giant_sentence_is_cut_at_the_end_of_words():
    words = [f"palabra{number}" for number in range(1000)]
    passages = list(split([Line(" ".join(words))]))
    assert " ".join(passage.text for passage in passages).split() == words
    assert all(MIN_WORDS <= count_words(passage.text) <= MAX_WORDS for passage in passages)


def test_a_cut_prefers_a_comma():
    passages = list(split([Line("uno dos tres cuatro cinco seis, " * 30)]))
    assert len(passages) == 2
    assert passages[0].text.endswith("seis,")


def test_passages_stand_under_their_heading_and_never_cross_one():
    lines = [
        Line("Antes.", line=1),
        Line("La boda", heading=True, line=2),
        Line("Llovió.", line=3),
        Line("El banquete", heading=True, line=4),
        Line("Comimos.", line=5),
    ]
    found = [(passage.title, passage.text, passage.line) for passage in split(lines, "Diario")]
    assert found == [
        ("Diario", "Antes.", 1),
        ("La boda", "Llovió.", 3),
        ("El banquete", "Comimos.", 5),
    ]


def test_a_heading_with_nothing_below_it_is_found_too():
    lines = [Line("La boda", heading=True, line=1), Line("El mar", heading=True, line=2)]
    assert [passage.text for passage in split(lines, "")] == ["La boda", "El mar"]


def test_records_are_never_joined():
    lines = [Line("Sol.", record=1), Line("Lluvia.", record=1), Line("Nieve.", record=2)]
    found = [(passage.text, passage.record) for passage in split(lines)]
    assert found == [("Sol. Lluvia.", 1), ("Nieve.", 2)]


def test_a_sentence_over_two_pages_stands_on_the_first():
    lines = [Line("Era una noche", page=3), Line("oscura. Fin.", begins=False, page=4)]
    (passage,) = split(lines)
    assert (passage.text, passage.page) == ("Era una noche oscura. Fin.", 3)


def test_a_passage_begins_at_the_line_of_its_first_word():
    lines = [Line("Hola " + "y " * 70 + "fin.", line=1), Line("resto de", line=9)]
    lines += [Line("otra " * 80 + "cosa.", begins=False, line=10)]
    assert [passage.line for passage in split(lines)] == [1, 9]


def test_text_comes_out_composed_and_without_what_nobody_sees():
    text = unicodedata.normalize("NFD", "Corazón\u00ad de\u200b  León\ufeff\x00\ud800")
    (passage,) = split([Line(text)])
    assert passage.text == "Corazón de León\ufffd"
