from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.embedding import sums
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, families, is_embedder, open_embedder
from retrieve.faces.embedding.sums import Sum
from retrieve.faces.embedding.views import PICTURE, View, embed, parts, together, views

BOTH = "dlib-resnet+mobilefacenet"


@pytest.fixture(scope="module")
def both() -> Sum:
    return open_embedder(BOTH)


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (5, side, side, 3), np.uint8) for side in (150, 112))


def test_the_default_is_the_sum_of_what_ships(both):
    assert DEFAULT_EMBEDDER == BOTH == both.name
    assert both.dim == 128
    assert [part.name for part in both.parts] == ["dlib-resnet", "mobilefacenet"]
    assert all(part.weights_sha256 in both.weights_sha256 for part in both.parts)


def test_its_cosine_is_the_weighted_mean_of_the_scores(both, crops):
    alone = [part.embed(own) for part, own in zip(both.parts, crops, strict=True)]
    known = [sums.constants()[part.name] for part in both.parts]
    weights = np.array([one.weight / one.spread for one in known])
    scores = np.stack([rows @ rows.T for rows in alone])
    mean = np.tensordot(weights / weights.sum(), scores, 1)
    found = both.embed(crops)
    assert found.shape == (5, 128)
    assert found.dtype == np.float32
    assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    # Noise lies outside of the dimensions that faces fill a little more than faces do.
    assert_allclose(found @ found.T, mean, atol=0.01)


def test_the_parts_of_a_sum_see_no_mirror_image(both, crops):
    alone = [
        open_embedder(part.name, mirror=False).embed(own)
        for part, own in zip(both.parts, crops, strict=True)
    ]
    assert_allclose(both.combine(alone), both.embed(crops), atol=1e-6)


def test_the_bases_are_orthonormal_and_hold_no_more_than_they_need():
    for one in sums.constants().values():
        d, k = one.basis.shape
        assert k < d
        assert_allclose(one.basis.T @ one.basis, np.eye(k), atol=1e-5)


def test_the_order_of_the_names_does_not_matter(both, crops):
    other = open_embedder("mobilefacenet+dlib-resnet")
    assert (other.name, other.weights_sha256) == (both.name, both.weights_sha256)
    assert [one.name for one in families("mobilefacenet+dlib-resnet")] == BOTH.split("+")
    assert_allclose(other.embed(crops), both.embed(crops), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dlib-resnet+dlib-resnet", "two embedders or more, each once; got dlib-resnet"),
        ("dlib-resnet+arcface", "no embedder named 'arcface'"),
        ("dlib-resnet+", "no embedder named ''"),
    ],
)
def test_other_sums_are_bad_input(name, message):
    assert not is_embedder(name)
    with pytest.raises(BadInput, match=message):
        open_embedder(name)
    with pytest.raises(BadInput, match=message):
        views(name, "mtcnn")


def test_an_embedder_of_which_no_scores_are_known_is_no_part():
    own = SimpleNamespace(name="own", weights_sha256="00")
    shipped = open_embedder("mobilefacenet")
    with pytest.raises(BadInput, match="nothing is known of how own scores strangers"):
        Sum([own, shipped])


def test_a_file_with_a_plus_in_its_name_is_no_sum(tmp_path):
    path = tmp_path / "a+b.pt"
    path.touch()
    assert sums.parted(str(path)) == ()
    assert sums.parted(BOTH) == ("dlib-resnet", "mobilefacenet")


def test_damaged_constants_are_told(tmp_path):
    path = tmp_path / "sums.safetensors"
    path.write_bytes(sums.CONSTANTS.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is damaged"):
        sums.constants(path)


def test_each_network_has_a_view_of_its_own(both):
    wanted = views(both, "centerface")
    assert [view.size_px for view in wanted] == [150, 112]
    assert [view.size_px for view in views("mobilefacenet+dlib-resnet", "centerface")] == [150, 112]
    for view, part in zip(wanted, parts(both), strict=True):
        assert_allclose(view.template, part.template("centerface"))


def test_one_network_takes_the_crops_of_one_view(crops):
    alone = open_embedder("mobilefacenet")
    assert_allclose(embed(alone, crops[1:]), alone.embed(crops[1]), atol=1e-6)
    with pytest.raises(ValueError, match="too many values"):
        embed(alone, crops)


def test_crops_of_several_photos_stand_behind_one_another_in_each_view(crops):
    first = tuple(view[:2] for view in crops)
    second = tuple(view[2:] for view in crops)
    for got, want in zip(together([first, second]), crops, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("detector", ["mtcnn", "centerface"])
@pytest.mark.parametrize("name", ["dlib-resnet", "mobilefacenet", "facenet-vggface2"])
def test_the_picture_shows_all_that_an_embedder_wants(name, detector):
    from retrieve.faces.embedding.align import similarity

    (view,) = views(name, detector)
    matrix = similarity(view.template, PICTURE.template)
    side = view.size_px
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]])
    seen = corners @ matrix[:, :2].T + matrix[:, 2]
    assert seen.min() > 2
    assert seen.max() < PICTURE.size_px - 2
    assert isinstance(view, View)
