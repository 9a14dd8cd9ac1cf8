"""Pairs become groups, the closest kind first, the best photo first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.duplicates.best import Worth, finer, of_same_pixels, ordered
from retrieve.indexes.duplicates.candidates import (
    BURST_S,
    VAIN_PAIRS,
    candidates,
    chance_of_vain,
    seconds_of,
)
from retrieve.indexes.duplicates.find import checked_kinds
from retrieve.indexes.duplicates.grouping import Same, grouped
from retrieve.indexes.duplicates.kinds import Kind


def _worth(
    at, size=(300, 400), size_bytes=1000, dated=True, unframed=1.0, sharp=10.0, quality=None,
    coloured=True,
):  # fmt: skip
    path = Path(f"{at}.jpg")
    return Worth(size, size_bytes, dated, unframed, sharp, quality, path, coloured)


def test_a_grey_copy_is_not_better_for_being_sharper():
    worth = {1: _worth(1, sharp=12.0, coloured=False), 2: _worth(2, sharp=10.0)}
    assert ordered([1, 2], worth) == [2, 1]


def _grouped(same, several=(), **others):
    worth = {at: _worth(at) for at in range(1, 9)} | others.get("worth", {})
    return grouped(sorted(worth), same, worth, several)


def test_of_each_group_the_best_alone_stands_in_wider_ones():
    worth = {2: _worth(2, size_bytes=900), 4: _worth(4, sharp=20.0), 5: _worth(5, sharp=30.0)}
    same = Same(
        pixels=[(1, 2)],
        edited={(2, 3): 1.0, (1, 3): 1.0},
        burst=[(3, 4)],
        scene={(4, 5): 0.8, (1, 4): 0.8, (6, 7): 0.9},
    )
    assert _grouped(same, worth=worth) == [
        (Kind.PIXELS, [2, 1]),
        (Kind.EDITED, [3, 2]),
        (Kind.BURST, [4, 3]),
        (Kind.SCENE, [5, 4]),
        (Kind.SCENE, [6, 7]),
    ]


def test_a_photo_in_several_files_is_a_group_of_its_own():
    none = Same([], {}, [], {})
    assert _grouped(none, several={3}) == [(Kind.PIXELS, [3])]
    joined = Same([(3, 5)], {}, [], {})
    assert _grouped(joined, several={3}) == [(Kind.PIXELS, [3, 5])]


def test_a_chain_joins_edited_pictures_and_cuts_scenes():
    chain = Same([], {(1, 2): 1.0, (2, 3): 1.0}, [], {})
    assert _grouped(chain) == [(Kind.EDITED, [1, 2, 3])]
    # Two scenes, four photos each, and one pair between them.
    one = {(a, b): 0.9 for a in range(1, 5) for b in range(a + 1, 5)}
    other = {(a, b): 0.9 for a in range(5, 9) for b in range(a + 1, 9)}
    found = _grouped(Same([], {}, [], {**one, **other, (4, 5): 0.7}))
    assert [sorted(part) for _, part in found] == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_the_best_has_the_most_pixels_on_what_all_show():
    """A cut-out from a large scan shows more of the face than the small whole picture."""
    worth = {1: _worth(1, (300, 400)), 2: _worth(2, (900, 1200)), 3: _worth(3, (320, 430))}
    assert ordered([1, 2, 3], worth) == [2, 3, 1]
    # The sketch of 2 shows nine pixels for one of 1: 2 is a third each way of what 1 shows.
    areas = {(1, 2): 9.0, (1, 3): 1.0}
    share = finer([1, 2, 3], areas, {at: one.size for at, one in worth.items()})
    assert share[2] == pytest.approx(9 * 9)
    assert share[3] == pytest.approx((430 / 400) ** 2)
    # A page around it has more pixels, and none more of the picture.
    page = {1: _worth(1, (300, 400)), 2: _worth(2, (600, 800), unframed=0.2)}
    assert ordered([1, 2], page, {1: 1.0, 2: 0.9}) == [1, 2]


def test_then_comes_a_date_then_what_is_sharp_and_of_whom_the_face_is_good():
    assert ordered([1, 2], {1: _worth(1, dated=False), 2: _worth(2, sharp=1.0)}) == [2, 1]
    assert ordered([1, 2], {1: _worth(1, sharp=9.0), 2: _worth(2, sharp=10.0)}) == [2, 1]
    blinks = {1: _worth(1, sharp=10.0, quality=0.3), 2: _worth(2, sharp=9.0, quality=0.9)}
    assert ordered([1, 2], blinks) == [2, 1]
    assert ordered([1, 2], {1: _worth(1, size_bytes=5), 2: _worth(2, size_bytes=9)}) == [2, 1]
    assert of_same_pixels([1, 2], {1: _worth(1, size_bytes=9), 2: _worth(2, size_bytes=5)}) == [
        2,
        1,
    ]


def test_times_are_known_to_the_second_or_not_at_all():
    found = seconds_of(
        ["1970-01-01T00:01:00", "2019-07", None, "2019-07-09T18:30", "nonsense of a"]
    )
    np.testing.assert_array_equal(found, [60, np.nan, np.nan, np.nan, np.nan])


def test_candidates_are_what_all_pairs_give():
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((60, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = candidates(rows, np.full(60, np.nan), 0.6)
    a, b = np.nonzero(np.triu(rows @ rows.T, 1) >= 0.6)
    assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == sorted(
        zip(a.tolist(), b.tolist(), strict=True)
    )
    assert len(found) > 5
    assert np.isnan(found.apart_s).all()


def test_shots_within_seconds_are_candidates_at_a_lower_score():
    rows = np.array([[1, 0], [0.6, 0.8], [0.55, 0.83], [0, 1]], np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    times = np.array([100.0, 100 + BURST_S, 200.0, 101.0])
    found = candidates(rows, times, 0.99)
    pairs = dict(
        zip(zip(found.a.tolist(), found.b.tolist(), strict=True), found.apart_s, strict=True)
    )
    assert pairs == {(0, 1): BURST_S, (1, 2): 100 - BURST_S, (1, 3): BURST_S - 1}


def test_pairs_that_are_compared_in_vain_do_not_grow_with_the_collection():
    assert chance_of_vain(1000) == chance_of_vain(1) == 0.63
    assert chance_of_vain(1_000_000) * 1_000_000 / 2 == VAIN_PAIRS


@pytest.mark.parametrize("kinds", [(), ["copies"], 3, ["pixels", None]])
def test_other_kinds_are_refused(kinds):
    with pytest.raises(BadInput, match="pixels, edited, burst, scene"):
        checked_kinds(kinds)
    assert checked_kinds("burst") == {Kind.BURST}
