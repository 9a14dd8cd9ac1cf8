"""Embedders in torch: the same vectors, true gradients, dropout; and averages of several looks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from torch import nn

from retrieve.errors import BadInput
from retrieve.faces.embedding import averaging, gradients, views
from retrieve.faces.embedding.embed import FACENET_PACKAGED, MOBILEFACENET, open_embedder
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.sample_data.album import draw_portrait

NAMES = ("mobilefacenet", "dlib-resnet+mobilefacenet")


@pytest.fixture(scope="module", params=NAMES)
def both(request):
    embedder = open_embedder(request.param, precision="float32")
    return embedder, gradients.open_differentiable(request.param)


def crops_of(embedder) -> tuple[np.ndarray, ...]:
    """Two people whose faces lie in the middle of their pictures, in the size of each view."""
    people = [draw_portrait(2000 + i, i)[120:420, 90:390] for i in range(2)]
    sides = [part.crop_px for part in views.parts(embedder)]
    return tuple(np.stack([_resized(person, px) for person in people]) for px in sides)


def _resized(pixels, px):
    return np.asarray(Image.fromarray(pixels).resize((px, px)))


def test_torch_gives_the_vectors_of_the_embedder(both):
    embedder, network = both
    crops = crops_of(embedder)
    assert_allclose(network.embed(crops), views.embed(embedder, crops), atol=2e-4)


def test_a_step_along_the_signs_brings_a_face_to_its_target_and_one_back_away(both):
    embedder, network = both
    crops = crops_of(embedder)
    targets = np.ascontiguousarray(views.embed(embedder, crops)[::-1])
    signs = network.toward(crops, targets)
    scores = [
        np.einsum(
            "nd,nd->n", views.embed(embedder, gradients.attacked(crops, signs, step)), targets
        )
        for step in (-4, -1, 0, 1, 4)
    ]
    assert np.all(np.diff(np.stack(scores), axis=0) > 0)


def test_no_value_changes_by_more_than_the_step():
    crops = (np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3),)
    signs = (np.where(crops[0] % 2, 1, -1).astype(np.int8),)
    (changed,) = gradients.attacked(crops, signs, 8)
    away = changed.astype(int) - crops[0]
    assert np.abs(away).max() == 8
    assert_array_equal(np.sign(away[0, 1:-1]), signs[0][0, 1:-1])


class Linear(nn.Module):
    """(N, 3, 4, 4) → (N, 5)."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.dropout = nn.Linear(48, 5), nn.Dropout(dropout)

    def forward(self, x):
        return self.fc(self.dropout(x.flatten(1) / 255))


def _toy(dropout: float = 0.0, *, mirror: bool = False) -> gradients.Differentiable:
    return gradients.Differentiable("toy", [(MOBILEFACENET, Linear(dropout).eval(), mirror)])


@pytest.mark.parametrize("mirror", [False, True])
def test_the_signs_are_those_of_finite_differences(mirror):
    rng = np.random.default_rng(1)
    crops = rng.integers(40, 200, (1, 4, 4, 3), np.uint8)
    target = unit_rows(rng.standard_normal((1, 5)).astype(np.float32))
    network = _toy(mirror=mirror)
    (signs,) = network.toward((crops,), target)
    before = float((network.embed((crops,)) @ target.T)[0, 0])
    for y, x, c in np.ndindex(4, 4, 3):
        more = crops.copy()
        more[0, y, x, c] += 30
        change = float((network.embed((more,)) @ target.T)[0, 0]) - before
        if abs(change) > 2e-3:  # else the step is too long to tell
            assert np.sign(change) == signs[0, y, x, c]


def test_dropout_is_averaged_over_and_gone_afterwards():
    crops = (np.random.default_rng(2).integers(0, 256, (3, 4, 4, 3), np.uint8),)
    network = _toy(0.3)
    plain = network.embed(crops)
    one, other, third = (network.embed_dropping(crops, seed=seed) for seed in (1, 1, 2))
    assert_array_equal(one, other)
    assert np.abs(one - third).max() > 1e-3
    many = network.embed_dropping(crops, passes=400)
    assert_allclose(np.einsum("nd,nd->n", many, plain), 1, atol=0.01)
    assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-6)
    assert_array_equal(network.embed(crops), plain)


def test_a_network_without_dropout_says_so():
    assert not _toy().drops
    with pytest.raises(BadInput, match="no dropout layer"):
        _toy().embed_dropping((np.zeros((1, 4, 4, 3), np.uint8),))


def test_the_window_of_facenet_is_seen_as_pillow_shows_it():
    side = FACENET_PACKAGED.crop_px
    crops = np.stack([_resized(draw_portrait(1, 1)[100:400, 100:400], side)])
    seen = gradients._seen(FACENET_PACKAGED, gradients._tensor(crops)).numpy()
    assert_allclose(
        seen.transpose(0, 2, 3, 1), FACENET_PACKAGED.window.seen(crops), atol=1.6
    )  # it rounds twice


def test_a_zoom_shows_less_around_the_middle():
    view = views.View(np.array([[40, 40], [80, 40], [60, 60], [45, 80], [75, 80]], np.float32), 120)
    closer = averaging.zoomed(view, 2.0)
    assert_allclose(closer.template[:3], [[20, 20], [100, 20], [60, 60]])
    assert [one.size_px for one in averaging.with_zooms([view, view])] == [120] * 6


def test_averages_are_means_of_unit_rows(both):
    embedder, _ = both
    crops = crops_of(embedder)
    plain = views.embed(embedder, crops)
    flipped = views.embed(embedder, tuple(view[:, :, ::-1] for view in crops))
    assert_allclose(
        averaging.mirrored(embedder, crops, plain), unit_rows(plain + flipped), atol=1e-6
    )
    assert_allclose(
        averaging.over_zooms(embedder, crops * 3, plain), plain, atol=1e-5
    )  # thrice the same
    assert_allclose(
        averaging.over_zooms(embedder, (*crops, *crops, *(v[:, :, ::-1] for v in crops)), plain),
        unit_rows(2 * plain + flipped),
        atol=1e-5,
    )
