"""Two dimensions: PCA against numpy's SVD, trustworthiness against scikit-learn's."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, MissingExtra
from retrieve.projection.methods import Method
from retrieve.projection.project import kept, lines, project, sample


@pytest.fixture(scope="module")
def embeddings():
    """Four groups of 30 points in 16 dimensions."""
    rng = np.random.default_rng(3)
    rows = 3 * rng.normal(size=(4, 16))[np.arange(120) % 4] + rng.normal(size=(120, 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_pca_agrees_with_the_singular_vectors(embeddings):
    found = project(embeddings)
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    assert_allclose(np.abs(found.places), np.abs(left[:, :2] * values[:2]), atol=1e-5)
    assert_allclose(found.explained, (values**2 / (values**2).sum())[:2], rtol=1e-5)


def test_one_point_lies_in_the_middle_and_two_on_a_line():
    one = project(np.eye(3, dtype=np.float32)[:1])
    assert_allclose(one.places, [[0, 0]], atol=1e-6)
    assert one.kept is None
    two = project(np.eye(3, dtype=np.float32)[:2])
    assert_allclose(np.abs(two.places[:, 0]), np.sqrt(0.5), rtol=1e-5)
    assert_allclose(two.explained, (1, 0), atol=1e-6)


def test_one_dimension_gets_a_second_of_zeros():
    found = project(np.array([[1], [-1], [1]], np.float32))
    assert found.places.shape == (3, 2)
    assert_allclose(found.places[:, 1], 0)


def test_trustworthiness_agrees_with_scikit_learn(embeddings):
    manifold = pytest.importorskip("sklearn.manifold", reason="the extra map is not installed")
    places = project(embeddings).places
    wanted = manifold.trustworthiness(embeddings, places, n_neighbors=10, metric="cosine")
    assert kept(embeddings, places).trustworthiness == pytest.approx(wanted, abs=1e-6)


def test_a_picture_that_changes_nothing_keeps_every_neighbour():
    angles = np.random.default_rng(0).uniform(0, 1, 50)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = kept(circle, angles[:, None] * [1, 0], k=5)
    assert (found.share, found.trustworthiness) == (1, 1)


def test_points_strewn_at_random_keep_what_chance_keeps(embeddings):
    strewn = np.random.default_rng(1).normal(size=(120, 2))
    found = kept(embeddings, strewn)
    assert found.by_chance == pytest.approx(10 / 119)
    assert found.share == pytest.approx(found.by_chance, abs=0.03)
    assert found.trustworthiness == pytest.approx(0.5, abs=0.06)


def test_measuring_some_points_estimates_the_measure_of_all(embeddings):
    places = project(embeddings).places
    every, some = kept(embeddings, places), kept(embeddings, places, measured=60, seed=2)
    assert (every.points, some.points) == (120, 60)
    assert some.trustworthiness == pytest.approx(every.trustworthiness, abs=0.02)


@pytest.mark.parametrize(("method", "library"), [("tsne", "openTSNE"), ("umap", "umap")])
def test_without_the_library_the_line_says_what_to_install(
    embeddings, monkeypatch, method, library
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"pip install 'retrieve\[map\]'"):
        project(embeddings, Method(method))


def test_tsne_repeats_and_keeps_more_neighbours_than_pca(embeddings):
    pytest.importorskip("openTSNE", reason="the extra map is not installed")
    first, again = (project(embeddings, Method.TSNE, seed=1) for _ in range(2))
    assert_allclose(first.places, again.places, rtol=0)
    assert first.explained is None
    assert first.kept.share > project(embeddings).kept.share


def test_tsne_is_openTSNEs_own_and_compiles_nothing(embeddings, monkeypatch):
    library = pytest.importorskip("openTSNE", reason="the extra map is not installed")
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    found = project(embeddings, Method.TSNE, seed=1)
    wanted = library.TSNE(
        metric="cosine", initialization="pca", random_state=1, n_jobs=1, neighbors="exact"
    ).fit(embeddings)
    assert_allclose(found.places, wanted, atol=1e-4)


@pytest.mark.parametrize(("method", "points"), [("pca", 0), ("tsne", 4), ("umap", 4)])
def test_too_few_points_are_refused(embeddings, method, points):
    with pytest.raises(BadInput, match=f"got {points}"):
        project(embeddings[:points], Method(method))


def test_the_lines_state_variance_and_neighbours(embeddings):
    said = lines(project(embeddings))
    assert len(said) == 3
    assert "of the variance" in said[0]
    assert "of the 10 nearest neighbours kept (by chance 8.4%)" in said[1]


def test_a_sample_is_ascending_without_repeats_and_all_where_all_fit():
    assert sample(5, 5, 0).tolist() == [0, 1, 2, 3, 4]
    drawn = sample(1000, 50, 7)
    assert len(set(drawn.tolist())) == 50
    assert (np.diff(drawn) > 0).all()
    assert drawn.tolist() == sample(1000, 50, 7).tolist()
