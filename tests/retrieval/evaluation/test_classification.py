"""Measures of classifiers, beside scipy and sums that are written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from retrieve.errors import BadInput
from retrieve.evaluation.classification import auroc, calibration_error, quality


def test_accuracy_precision_recall_and_confusion_of_six_texts():
    truth = np.array([0, 0, 0, 1, 1, 2])
    odds = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 0, 0]]
    found = quality(["a", "b", "c"], truth, odds, ["g", "g", "g", "h", "h", "i"])
    assert (found.accuracy.hits, found.accuracy.trials) == (3, 6)
    assert found.confusion.tolist() == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    first, second, third = found.classes
    assert (first.precision.value, first.recall.value) == (2 / 4, 2 / 3)
    assert (second.precision.value, second.recall.value) == (1 / 2, 1 / 2)
    assert third.precision is None
    assert third.recall.value == 0
    low, high = found.by_group
    assert 0 <= low < 0.5 < high <= 1


def test_texts_that_are_their_own_group_have_no_interval_by_group():
    found = quality(["a", "b"], np.array([0, 1]), np.eye(2, dtype=np.float32), ["x", "y"])
    assert found.by_group is None
    assert found.accuracy.low == pytest.approx(0.342, abs=1e-3)  # Wilson, 2 of 2


def test_calibration_error_is_the_gap_weighed_by_its_texts():
    odds = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 6, np.float32)
    truth = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
    wanted = 0.4 * abs(0.9 - 0.75) + 0.6 * abs(0.6 - 0.5)
    assert calibration_error(truth, odds) == pytest.approx(wanted, abs=1e-6)
    assert calibration_error(np.array([0, 1]), np.eye(2, dtype=np.float32)) == 0


def test_auroc_agrees_with_scipy_ties_included():
    generator = np.random.default_rng(0)
    known = generator.integers(2, 9, 50).astype(np.float32)
    unknown = generator.integers(0, 7, 70).astype(np.float32)
    wanted = mannwhitneyu(known, unknown).statistic / (50 * 70)
    assert auroc(known, unknown) == pytest.approx(float(wanted), abs=1e-6)
    with pytest.raises(BadInput, match="got 50, 0"):
        auroc(known, unknown[:0])
