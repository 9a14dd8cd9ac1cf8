from __future__ import annotations

import pytest

from retrieve.errors import BadInput
from retrieve.text.words.analogy import Term, expression, parse


@pytest.mark.parametrize(
    "arguments",
    [["rey", "hombre", "mujer"], ["rey", "-", "hombre", "+", "mujer"], ["rey −hombre + mujer"]],
)
def test_three_words_and_signed_sums_mean_the_same(arguments):
    terms = parse(arguments)
    assert terms == [Term(1, "rey"), Term(-1, "hombre"), Term(1, "mujer")]
    assert expression(terms) == "rey - hombre + mujer"


@pytest.mark.parametrize(
    "arguments", [["rey"], ["rey", "hombre"], ["rey", "-"], ["a - - b"], ["a b + c"], ["- a"], []]
)
def test_what_is_no_sum_is_refused(arguments):
    with pytest.raises(BadInput, match=r"sum|sign"):
        parse(arguments)
