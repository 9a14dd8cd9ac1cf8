from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from retrieve.metadata.distinct import distinct

LETTERS = st.text("ab", min_size=1, max_size=1)


def _plainly(texts):
    """The same by comparing each text with each."""
    spaced = [f" {' '.join(text.split())} " for text in texts]
    return [
        text
        for at, (text, own) in enumerate(zip(texts, spaced, strict=True))
        if own.strip()
        and not any(
            own in other and (len(own) < len(other) or before < at)
            for before, other in enumerate(spaced)
            if before != at
        )
    ]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.lists(LETTERS, max_size=6).map(" ".join), max_size=8))
def test_what_others_contain_is_left_out_and_the_first_of_equals_stays(texts):
    assert distinct(texts) == _plainly(texts)


def test_case_and_signs_make_no_difference():
    assert distinct(["¡La boda!", "la boda", "en la Boda, ayer"]) == ["en la Boda, ayer"]


def test_time_grows_with_the_length_alone():
    # Comparing each with each would take 10^8 steps and more: minutes.
    letters = "abcdefghij"
    many = [f"{a}{b} {c}{d}" for a in letters for b in letters for c in letters for d in letters]
    assert len(distinct(many)) == 10_000
    assert distinct(["a " * length for length in range(1, 500)]) == ["a " * 499]
