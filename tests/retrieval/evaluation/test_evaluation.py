from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.evaluation import identification, verification


def _scores(seed: int, n: int, mean: float) -> np.ndarray:
    # Rounded, so that ties abound.
    return np.random.default_rng(seed).normal(mean, 1, n).round(1).astype(np.float32)


def test_a_threshold_meets_its_false_match_rate_and_no_lower_one_does():
    impostor = _scores(0, 997, 0)
    for fmr in (0, 0.001, 0.01, 0.0731, 0.5, 1):
        threshold = verification.threshold_at(impostor, fmr)
        assert (impostor >= threshold).mean() <= fmr
        just_below = np.nextafter(np.float32(threshold), np.float32(-np.inf))
        assert fmr == 1 or (impostor >= just_below).mean() > fmr


def test_no_impostor_passes_the_threshold_of_rate_zero():
    impostor = np.array([0.1, 0.9, 0.9, 0.2], np.float32)
    assert verification.false_match_rate(impostor, verification.threshold_at(impostor, 0)).hits == 0


def test_the_curve_agrees_with_counting():
    genuine, impostor = _scores(1, 40, 1.5), _scores(2, 300, 0)
    curve = verification.roc(genuine, impostor)
    assert_allclose(curve.fmr, [(impostor >= t).mean() for t in curve.threshold])
    assert_allclose(curve.fnmr, [(genuine < t).mean() for t in curve.threshold])
    assert curve.fmr[0] == 1
    assert curve.fmr[-1] == 0
    assert curve.fnmr[-1] == 1


def test_pairs_told_apart_perfectly_have_no_equal_error():
    error, threshold = verification.equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
    assert error == 0
    assert 0.2 < threshold <= 0.8


def test_pairs_that_cannot_be_told_apart_err_half_the_time():
    scores = _scores(3, 2000, 0)
    error, _ = verification.equal_error_rate(scores, scores)
    assert_allclose(error, 0.5, atol=0.02)


def test_the_equal_error_rate_of_two_normals_is_the_textbook_one():
    rng = np.random.default_rng(4)
    error, threshold = verification.equal_error_rate(
        rng.normal(3, 1, 40_000), rng.normal(0, 1, 40_000)
    )
    assert_allclose(error, 0.5 * math.erfc(1.5 / math.sqrt(2)), atol=0.002)
    assert_allclose(threshold, 1.5, atol=0.03)


def test_wilson_intervals_are_the_published_ones():
    # Newcombe 1998, table I, method 3.
    for hits, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        rate = verification.rate(hits, trials)
        assert_allclose((rate.low, rate.high), (low, high), atol=5e-5)
    assert verification.rate(7, 7).high == 1.0


def test_rates_without_trials_are_refused():
    with pytest.raises(BadInput):
        verification.rate(0, 0)
    with pytest.raises(BadInput):
        verification.roc(np.empty(0), np.array([1.0]))
    with pytest.raises(BadInput):
        verification.threshold_at(np.array([0.5, np.nan]), 0.1)


GALLERY = ["ada", "bob", "ada", "cid"]
PROBES = ["ada", "cid", "eve", "bob"]
SCORES = np.array(
    [
        [0.2, 0.5, 0.9, 0.1],  # ada: her second entry is best
        [0.8, 0.7, 0.3, 0.6],  # cid: third, behind ada and bob
        [0.4, 0.75, 0.1, 0.2],  # eve is a stranger
        [0.7, 0.7, 0.1, 0.1],  # bob ties with ada
    ],
    np.float32,
)


def test_ranks_count_people_and_not_entries():
    assert identification.ranks(SCORES, PROBES, GALLERY).tolist() == [1, 3, 0, 2]


def test_the_match_characteristic_leaves_strangers_out():
    place = identification.ranks(SCORES, PROBES, GALLERY)
    assert_allclose(identification.cmc(place, up_to=4), [1 / 3, 2 / 3, 1, 1])


def test_open_set_counts_the_right_person_above_the_threshold_only():
    low = identification.open_set(SCORES, PROBES, GALLERY, 0.7)
    assert (low.identified.hits, low.identified.trials) == (1, 3)
    assert (low.accepted.hits, low.accepted.trials) == (1, 1)
    threshold = identification.stranger_threshold(SCORES, PROBES, GALLERY)
    assert 0.75 < threshold < 0.7501
    assert identification.open_set(SCORES, PROBES, GALLERY, threshold).accepted.hits == 0


def test_ranks_agree_with_sorting_by_hand():
    rng = np.random.default_rng(5)
    gallery = [str(i) for i in rng.integers(0, 12, 30)]
    probes = [str(i) for i in rng.integers(0, 15, 50)]
    scores = rng.normal(size=(50, 30))
    expected = []
    for row, probe in zip(scores, probes, strict=True):
        seen: list[str] = []
        for column in np.argsort(-row):
            if gallery[column] not in seen:
                seen.append(gallery[column])
        expected.append(seen.index(probe) + 1 if probe in seen else 0)
    assert identification.ranks(scores, probes, gallery).tolist() == expected


def test_scores_of_another_shape_are_refused():
    with pytest.raises(BadInput, match="gallery"):
        identification.ranks(SCORES[:, :2], PROBES, GALLERY)


def test_probabilities_that_tell_the_truth_have_no_calibration_error():
    """Of ten pairs at .9 nine are of one person, of ten at .1 one."""
    genuine, impostor = np.array([0.9] * 9 + [0.1]), np.array([0.1] * 9 + [0.9])
    assert verification.expected_error(genuine, impostor) == pytest.approx(0)
    # All are .9 sure: half of the pairs are called one person .4 too often.
    assert verification.expected_error(np.full(5, 0.9), np.full(8, 0.9)) == pytest.approx(0.4)
