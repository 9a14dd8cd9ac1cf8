from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.faces.detection.boxes import nms, overlap


def _greedy(boxes, scores, threshold, over):
    left, kept = list(np.argsort(-scores, kind="stable")), []
    while left:
        best = left.pop(0)
        kept.append(best)
        shares = overlap(boxes[[best]], boxes[left], over=over)[0] if left else []
        left = [i for i, share in zip(left, shares, strict=True) if share <= threshold]
    return kept


@pytest.mark.parametrize("over", ["union", "smaller"])
@pytest.mark.parametrize("n", [0, 1, 60, 700])
def test_suppression_keeps_what_the_greedy_loop_keeps(n, over):
    rng = np.random.default_rng(n)
    low = rng.uniform(0, 60, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (n, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(size=n).round(2).astype(np.float32)
    for threshold in (0.2, 0.5, 0.7):
        expected = _greedy(boxes, scores, threshold, over)
        assert_array_equal(nms(boxes, scores, threshold, over=over), expected)


def test_overlap_is_measured_over_the_union_or_the_smaller_box():
    a = np.array([[0, 0, 4, 4]], np.float32)
    b = np.array([[2, 0, 4, 4], [4, 4, 9, 9]], np.float32)
    assert_allclose(overlap(a, b), [[0.5, 0]])
    assert_allclose(overlap(a, b, over="smaller"), [[1, 0]])
