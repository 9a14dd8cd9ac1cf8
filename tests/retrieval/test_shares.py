"""No share is rounded to all or to nothing."""

import pytest

from retrieve.shares import percent, probability, share


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.996, 0, ">99%"),
        (0.996, 1, "99.6%"),
        (0.99951, 1, ">99.9%"),
        (1 - 1e-12, 1, ">99.9%"),
        (0.004, 0, "<1%"),
        (0.004, 1, "0.4%"),
        (1e-9, 1, "<0.1%"),
        (1.0, 1, "100.0%"),
        (0.0, 1, "0.0%"),
        (0.5, 0, "50%"),
        (0.99999, 2, ">99.99%"),
    ],
)
def test_a_percentage_is_all_or_nothing_only_where_it_is(value, digits, text):
    assert percent(value, digits) == text


def test_a_rate_likewise():
    assert [share(one) for one in (1, 0.99996, 0.5, 0.00004, 0)] == [
        *("1.0000", ">0.9999", "0.5000", "<0.0001", "0.0000")
    ]
    assert share(0.9996, 3) == ">0.999"


def test_a_probability_is_never_a_certainty():
    """A logistic of a large score is 1.0 as a float."""
    assert probability(1.0) == ">99.9%"
    assert probability(0.0) == "<0.1%"
    assert probability(0.87654) == "87.7%"
