"""What strangers say can be printed: it is seen, and does nothing."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieve.visible import cell, cell_text, json_visible, visible

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_control_and_direction_are_written_out_and_nothing_else_is():
    assert visible("a\n b\t\x1b[31m\x9b\u202e") == r"a\n b\t\x1b[31m\x9b\u202e"
    every = "".join(map(chr, range(0x110000)))
    left = set(visible(every))
    assert not left & set(BIDI)
    assert not {one for one in left if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")}
    for said in ("Zaragoza, café", "👩‍👧", "می‌خواهم", "नमस्ते", "[b]x[/b]", r"C:\new"):
        assert visible(said) == said


def test_json_stays_the_same_json():
    said = {"path": "a\n\x1b[2J\x9b\u202e\u2028 é"}
    text = json_visible(json.dumps(said, ensure_ascii=False))
    assert visible(text) == text
    assert json.loads(text) == said


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_begins_a_formula(start):
    text = f'{start}HYPERLINK("http://a")'
    assert cell(text)[0] == "'"
    assert cell_text(cell(text)) == text


def test_what_is_no_formula_stays_as_it_is():
    for text in ("Ana Núñez", "'t Hooft", "a=b", "", r"C:\data", "1-2", "-0.25"):
        assert cell(text) == text == cell_text(text)


@given(st.text(st.sampled_from("'=\\nxu041b\n\x1b\u202eA-.")))
def test_every_cell_can_be_taken_back(text):
    assert visible(cell(text)) == cell(text)
    assert cell_text(cell(text)) == text
