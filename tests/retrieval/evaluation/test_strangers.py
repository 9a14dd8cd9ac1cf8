"""What the best of many strangers scores, on people drawn from distributions that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.evaluation import strangers


def _normal(people: int, seed: int = 0) -> strangers.Curve:
    count = people * (people - 1) // 2
    scores = np.random.default_rng(seed).normal(0.5, 0.06, count)
    return strangers.fit(scores, np.ones(count))


def _normal_score(rate: float) -> float:
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        passing = math.erfc(middle / math.sqrt(2)) / 2
        low, high = (middle, high) if passing > rate else (low, middle)
    return 0.5 + 0.06 * low


def test_the_curve_of_normal_scores_is_the_textbook_one():
    curve = _normal(500)
    for rate in (0.2, 0.05, 0.01, 1e-3, 1e-4):
        # A tenth of the spread: twelve pairs are above the last.
        assert_allclose(curve.score(rate), _normal_score(rate), atol=0.006)


def test_beyond_what_was_seen_it_lets_nobody_in_more_often_than_it_says():
    """Tails of normal scores end sooner than the exponential that is assumed there."""
    curve = _normal(200)
    for rate in (1e-6, 1e-8, 1e-10):
        assert rate < curve.seen
        assert curve.score(rate) >= _normal_score(rate) - 1e-3
    assert np.isfinite(curve.score(1e-300))


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_a_rate_and_its_score_undo_each_other(shape):
    curve = strangers.Curve((1.0, 0.1, 0.01), (0.0, 0.5, 0.7), 0.02, shape, 1e-4, 1e5)
    for rate in (1.0, 0.3, 0.1, 0.02, 0.01, 1e-3, 1e-4, 1e-5, 1e-9):
        assert_allclose(curve.rate(curve.score(rate)), rate, rtol=1e-6)
    scores = np.linspace(-1, 1, 400)
    assert np.all(np.diff([curve.rate(score) for score in scores]) <= 0)


def test_strangers_pass_a_drawn_gallery_as_often_as_is_stated():
    """The best of N independent scores, drawn anew, over the threshold of a fitted curve."""
    curve, rng = _normal(600), np.random.default_rng(1)
    for N in (1, 40, 400):
        least = curve.score(strangers.rate_for(0.05, N))
        best = rng.normal(0.5, 0.06, (4000, N)).max(axis=1)
        assert_allclose(np.mean(best >= least), 0.05, atol=0.015)


def test_chance_and_rate_undo_each_other():
    for N in (1, 3.5, 1e3, 1e9):
        for chance in (1e-6, 0.01, 0.5):
            assert_allclose(strangers.chance_of(strangers.rate_for(chance, N), N), chance)
    assert strangers.rate_for(0.01, 1) == pytest.approx(0.01)
    assert strangers.chance_of(0.5, 2) == pytest.approx(0.75)
    assert strangers.chance_of(1.0, 5) == 1
    assert strangers.chance_of(0.2, 0) == 0


def test_photos_of_two_people_are_one_pair_however_many_there_are():
    people = ["ana", "ana", "ana", "blas", "eva"]
    weights = strangers.pair_weights(people, people)
    rows, columns = np.triu_indices(5, k=1)
    assert weights[rows, columns].sum() == pytest.approx(3)
    assert weights[0, 1] == 0
    assert weights[0, 3] == pytest.approx(1 / 3)


def test_two_people_in_many_photos_do_not_move_the_curve():
    """The pair that is most alike, photographed so often that it is a third of all pairs."""
    scores = np.arange(100) / 100
    again = np.concatenate([scores[:-1], np.linspace(0.9, 0.99, 50)])
    weights = np.concatenate([np.ones(99), np.full(50, 1 / 50)])
    told = strangers.fit(scores, np.ones(100)).score(0.5)
    assert strangers.fit(again, weights).score(0.5) == pytest.approx(told)
    assert strangers.fit(again, np.ones(149)).score(0.5) > told + 0.1


def test_faces_of_one_person_count_for_more_than_one_and_less_than_all():
    assert strangers.independent([1, 1, 1]) == 3
    assert 1 < strangers.independent([8]) < 8
    assert strangers.independent([]) == 0


def test_what_has_no_answer_is_refused():
    with pytest.raises(BadInput, match="60 pairs of people"):
        strangers.fit(np.arange(45.0), np.ones(45))
    with pytest.raises(BadInput, match="differ"):
        strangers.fit(np.ones(100), np.ones(100))
    with pytest.raises(BadInput, match="weight for each"):
        strangers.fit(np.ones(100), np.ones(99))
    for chance, N in ((0, 5), (1, 5), (-0.1, 5), (0.01, 0), (0.01, math.inf), (math.nan, 5)):
        with pytest.raises(BadInput):
            strangers.rate_for(chance, N)
    with pytest.raises(BadInput, match="false-match rate"):
        _normal(50).score(0)
    with pytest.raises(BadInput, match="a face at least"):
        strangers.independent([2, 0])


def test_a_curve_moves_to_where_the_pairs_of_some_people_lie():
    curve = strangers.Curve(
        [1.0, 0.5, 0.2, 0.1, 0.05, 0.01], [0, 0.5, 0.6, 0.65, 0.7, 0.75], 0.02, -0.1, 1e-4, 1e5
    )
    rates = np.linspace(1, 0.001, 5000)
    theirs = 0.2 + 0.8 * np.array([curve.score(rate) for rate in rates])
    moved = strangers.of_people(curve, theirs)
    for rate in (0.5, 0.05, 1e-3, 1e-6):
        assert moved.score(rate) == pytest.approx(0.2 + 0.8 * curve.score(rate), abs=2e-3)
        assert moved.rate(moved.score(rate)) == pytest.approx(rate)
    # Pairs that hardly differ do not pretend to know the tail.
    narrow = strangers.of_people(curve, 0.7 + 0.001 * theirs)
    assert narrow.scale == pytest.approx(strangers.STRETCHED[0] * curve.scale)
    with pytest.raises(BadInput, match="60 pairs of people"):
        strangers.of_people(curve, theirs[:59])


def test_nobody_passes_where_nobody_is_though_every_stranger_would():
    assert strangers.chance_of(1.0, 0.0) == 0
    assert strangers.chance_of(1.0, 1.0) == 1
