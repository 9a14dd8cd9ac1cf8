"""Which directions are coded, and how many codes they get."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.indexes.search.ann import nearest
from retrieve.indexes.search.directions import (
    LEFT,
    MOST_CODES,
    NOISE,
    Codes,
    fewest_codes,
    noise,
    spread,
    turn,
)
from retrieve.indexes.search.fastscan import train


def strangers(n: int, dim: int, fills: int, mean: float, seed: int = 0) -> np.ndarray:
    """Unit rows that differ in a few directions, and share a mean in another one."""
    generator = np.random.default_rng(seed)
    axes = np.linalg.qr(np.random.default_rng(99).standard_normal((dim, dim)))[0]
    rows = generator.standard_normal((n, fills)) @ axes[:, :fills].T
    rows = rows / np.sqrt(fills) + mean * axes[:, -1]
    rows += 0.01 * generator.standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_mean_has_the_first_code_and_the_widest_direction_the_next():
    lie = spread(strangers(3000, 20, 1, 3.0))
    rows = strangers(50, 20, 1, 3.0, seed=1).astype(np.float64)
    assert lie.length == pytest.approx(0.95, abs=0.01)
    assert_allclose(rows @ lie.toward, lie.length, atol=0.3)
    assert lie.variances[0] > 100 * lie.variances[1]
    assert_allclose(lie.directions.T @ lie.directions, np.eye(19), atol=1e-9)
    assert_allclose(lie.directions.T @ lie.toward, 0, atol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 7, 66, 130])
@pytest.mark.parametrize("width", LEFT)
def test_a_turn_with_room_for_all_keeps_scores(dim, width):
    rows = np.random.default_rng(0).standard_normal((40, dim)).astype(np.float32)
    codes = Codes(1 - (-(dim - 1) // width), width)
    turned = rows @ turn(spread(rows), codes, seed=1)
    assert turned.shape == (40, codes.dim)
    assert_allclose(turned @ turned.T, rows @ rows.T, rtol=1e-4, atol=1e-4)


def test_what_is_not_filled_gets_no_code():
    lie = spread(strangers(3000, 192, 39, 1.0))
    assert fewest_codes(lie) == Codes(40, 1)
    assert noise(lie, Codes(40, 1)) <= NOISE < noise(lie, Codes(32, 1))


@pytest.mark.parametrize("dim", [1, 7, 66, 130, 384])
def test_rows_that_are_everywhere_get_as_many_codes_as_there_may_be(dim):
    codes = fewest_codes(spread(strangers(3000, dim, dim, 0.0)))
    assert codes.count <= min(dim, MOST_CODES)
    assert codes.dim >= min(dim, MOST_CODES)


def test_rows_that_fill_more_than_codes_have_room_for_are_left_out_least():
    # Many directions, the later ones narrower, as the embeddings of passages.
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4096, 480)) / (1 + np.arange(480) / 60)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    lie = spread(rows)
    codes = fewest_codes(lie)
    assert noise(lie, codes) > NOISE
    assert codes == Codes(MOST_CODES, 2)


def test_rows_that_are_all_the_same_have_codes_too():
    same = np.repeat(strangers(1, 20, 3, 0.0), 50, axis=0)
    assert fewest_codes(spread(same)).count > 0
    assert fewest_codes(spread(np.zeros((50, 20), np.float32))).count > 0


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("mean", [0.0, 2.0])
def test_the_noise_is_what_codes_get_wrong(width, mean):
    rows, probes = strangers(4000, 66, 40, mean), strangers(500, 66, 40, mean, seed=1)
    codes = Codes(33, width)
    index = train(rows, codes=codes)
    quantizer = index.index.pq
    known = quantizer.decode(quantizer.compute_codes(index._coded(rows)))
    exact, coded = probes @ rows.T, index._coded(probes) @ known.T
    wrong, scores = (one - one.mean(axis=1, keepdims=True) for one in (coded - exact, exact))
    assert wrong.std() / scores.std() == pytest.approx(noise(spread(rows), codes), rel=0.15)


@pytest.mark.parametrize("dim", [66, 130])
def test_a_large_common_mean_hides_no_neighbour(dim):
    gallery, probes = strangers(30_000, dim, 40, 2.0), strangers(100, dim, 40, 2.0, seed=1)
    assert (probes @ gallery.T).mean() > 0.7
    index = train(gallery)
    assert index.index.pq.M <= 48
    exact = nearest(gallery, probes, 10)[1]
    assert _recall(index.candidates(probes, 100), exact) > 0.99
    assert _recall(nearest(gallery, probes, 10, index=index)[1], exact) > 0.999


def _recall(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.mean([np.isin(*pair).mean() for pair in zip(exact, found, strict=True)]))
