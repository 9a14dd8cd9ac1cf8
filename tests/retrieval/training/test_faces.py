"""Training embedders of faces: losses to brute force, runs that go on, people held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn import functional

from retrieve.errors import BadInput
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, network_spec, open_embedder
from retrieve.faces.embedding.trained import file, graphs
from retrieve.faces.embedding.trained.headed import turned
from retrieve.faces.embedding.views import embed
from retrieve.models.small_face import SmallFaceNet, folded
from retrieve.training.faces import loop as loop_of
from retrieve.training.faces import losses
from retrieve.training.faces.augment import augmented
from retrieve.training.faces.batches import Batches, held_out
from retrieve.training.faces.graphs import MODULES, arrays_of
from retrieve.training.faces.loop import Head, Run
from retrieve.training.faces.recipe import SETTINGS, Faces, Recipe, train, wanted_views
from retrieve.training.faces.verified import change, verified

PEOPLE = np.repeat(np.arange(6), 3)
TINY = replace(SETTINGS["head"], steps=6, people=3, photos=2, threads=1)


def _rows(seed=0, dim=8):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, dim))[PEOPLE] + 0.5 * rng.normal(size=(len(PEOPLE), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _triplets_one_by_one(rows, people, margin):
    distance = ((rows[:, None] - rows[None]) ** 2).sum(2)
    costs = []
    for a in range(len(rows)):
        for p in range(len(rows)):
            if a == p or people[a] != people[p]:
                continue
            further = [
                distance[a, n]
                for n in range(len(rows))
                if people[n] != people[a] and distance[a, n] > distance[a, p]
            ]
            if further and min(further) < distance[a, p] + margin:
                costs.append(distance[a, p] - min(further) + margin)
    return np.mean(costs) if costs else 0.0


@pytest.mark.parametrize("margin", [0.05, 0.2, 1.0])
def test_triplets_are_those_of_a_loop_over_all_of_them(margin):
    rows = _rows()
    wanted = _triplets_one_by_one(rows.astype(np.float64), PEOPLE, margin)
    found = losses.triplets(torch.from_numpy(rows), torch.from_numpy(PEOPLE), margin)
    assert wanted > 0
    assert_allclose(float(found), wanted, rtol=1e-4)


def test_triplets_whose_strangers_are_far_away_cost_nothing_and_have_a_gradient():
    rows = torch.eye(4).repeat_interleave(2, 0).requires_grad_()
    cost = losses.triplets(rows, torch.arange(4).repeat_interleave(2), 0.2)
    cost.backward()
    assert float(cost.detach()) == 0
    assert rows.grad.abs().sum() == 0


def test_cross_entropy_is_lowest_where_each_face_points_to_its_person():
    classes, people = torch.eye(3), torch.tensor([0, 1, 2])
    right = losses.cross_entropy(torch.eye(3), people, 5 * classes, 16)
    wrong = losses.cross_entropy(torch.eye(3), people.roll(1), 5 * classes, 16)
    assert float(right) < 1e-6
    assert_allclose(float(wrong), 16, atol=1e-5)


def test_augmented_crops_keep_shape_and_range_and_change():
    torch.manual_seed(0)
    crops = torch.rand(8, 3, 64, 64) * 255
    seen = augmented(crops)
    assert seen.shape == crops.shape
    assert float(seen.min()) >= 0
    assert float(seen.max()) <= 255
    assert float((seen - crops).abs().mean()) > 1


def test_nobody_is_on_both_sides():
    people = np.concatenate([PEOPLE, [6, 7, 8, 9]])
    out = held_out(people, 0.5, seed=1)
    assert not set(people[out]) & set(people[~out])
    assert len(set(people[out])) == 5
    assert_array_equal(out, held_out(people, 0.5, seed=1))


def test_too_few_people_are_an_error_that_counts_them():
    with pytest.raises(BadInput, match="3 to train on, 0 held out"):
        held_out(np.repeat(np.arange(3), 2), 0.1, seed=1)


def test_a_batch_depends_on_its_step_and_has_several_faces_of_each():
    batches = Batches(np.concatenate([PEOPLE, [6, 7]]), 3, 2, seed=1)
    faces = batches.faces(5)
    assert_array_equal(faces, batches.faces(5))
    assert not np.array_equal(faces, batches.faces(6))
    assert np.bincount(PEOPLE[faces[:6]]).max() == 2
    assert set(faces[6:]) == {18, 19}


def _head(steps=6):
    torch.manual_seed(1)
    rows = np.stack([_rows(), _rows(1)], 1)
    return Run(Head(8, 0.2), rows, PEOPLE, replace(TINY, steps=steps, loss="both"), 8)


def _small():
    crops = np.random.default_rng(0).integers(0, 256, (len(PEOPLE), 64, 64, 3)).astype(np.uint8)
    torch.manual_seed(1)
    settings = replace(SETTINGS["small-face"], steps=3, people=2, photos=2, threads=1)
    return Run(SmallFaceNet(0.2), crops, PEOPLE, settings, 128)


@pytest.mark.parametrize("made", [_head, _small])
def test_a_run_that_was_killed_goes_on_to_the_same_weights(made, tmp_path, monkeypatch):
    monkeypatch.setattr(loop_of, "CHECKPOINT_S", 0.0)
    whole = made()
    whole.train(tmp_path / "whole.pt")

    def kill(step, _):
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made().train(tmp_path / "cut.pt", kill)
    again, steps = made(), []
    again.train(tmp_path / "cut.pt", lambda step, _: steps.append(step))
    assert steps[0] == 3
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_a_checkpoint_of_other_settings_is_not_taken(tmp_path):
    _head().train(tmp_path / "head.pt")
    other, steps = _head(steps=7), []
    other.train(tmp_path / "head.pt", lambda step, _: steps.append(step))
    assert steps[0] == 1


def test_a_checkpoint_that_is_none_is_said_to_be_none(tmp_path):
    (tmp_path / "head.pt").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        _head().train(tmp_path / "head.pt")


def test_a_head_learns_which_dimensions_are_noise(tmp_path):
    """Four of the dimensions tell people apart, the others are loud and say nothing."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 4)
    own = rng.normal(size=(40, 4))[people]
    rows = np.concatenate([own, 1.5 * rng.normal(size=(160, 4))], 1).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    out = held_out(people, 0.4, seed=1)
    settings = replace(TINY, steps=150, people=12, photos=4, rate=1e-2, near=0.0)
    run = Run(Head(8, 0.0), rows[~out][:, None], people[~out], settings, 8)
    run.train(tmp_path / "head.pt")
    who = np.unique(people[out], return_inverse=True)[1]
    before = verified(rows[out], who)
    after = verified(turned(rows[out], run.network.matrix()), who)
    gain = change(before, after)
    assert gain.better
    assert gain.value < -0.1
    assert not change(before, before).better
    assert not change(after, before).better


@pytest.mark.parametrize("network", list(MODULES))
def test_a_filled_graph_gives_what_torch_gives(network, tmp_path):
    torch.manual_seed(3)
    module = MODULES[network]().eval()
    with torch.no_grad():
        for one in module.parameters():
            one.normal_(0, 0.05)
    path = tmp_path / "own.safetensors"
    file.save(path, file.About("own", network), arrays_of(module))
    embedder = open_embedder(str(path))
    crops = np.random.default_rng(0).integers(0, 256, (2, embedder.crop_px, embedder.crop_px, 3))
    crops = crops.astype(np.uint8)
    with torch.no_grad():
        wanted = functional.normalize(module(torch.from_numpy(crops).permute(0, 3, 1, 2).float()))
        built = network_spec(str(path)).build().eval()
        again = functional.normalize(built(torch.from_numpy(crops).permute(0, 3, 1, 2).float()))
    assert_allclose(embedder.embed(crops), wanted.numpy(), atol=1e-4)
    assert_allclose(again.numpy(), wanted.numpy(), atol=1e-6)


def test_normalisation_folds_into_the_convolutions():
    torch.manual_seed(0)
    network, crops = SmallFaceNet(), torch.rand(4, 3, 64, 64) * 255
    network(crops)  # its statistics are not those of the start any more
    wanted = network.eval()(crops)
    assert_allclose(folded(network)(crops).detach(), wanted.detach(), atol=1e-4)


def _faces(recipe):
    rng = np.random.default_rng(0)
    views = wanted_views(recipe, "centerface")
    people = [f"p{who}" for who in np.repeat(np.arange(4), 2)]
    crops = tuple(
        rng.integers(0, 256, (8, view.size_px, view.size_px, 3)).astype(np.uint8) for view in views
    )
    return Faces(crops, people)


@pytest.mark.parametrize("network", ["head", "small-face", "mobilefacenet"])
def test_what_is_not_better_is_written_only_on_demand_and_marked(network, tmp_path):
    settings = replace(SETTINGS[network], steps=1, people=2, photos=2, threads=1)
    recipe = Recipe(network, "mobilefacenet", held=0.5, settings=settings)
    faces, out = _faces(recipe), tmp_path / "own.safetensors"
    report = train(faces, out, recipe=recipe, work=tmp_path)
    assert not report.written
    assert not out.exists()
    assert report.trained_on == report.held_out == (2, 4)
    train(faces, out, recipe=recipe, work=tmp_path, keep=True)
    about, arrays, sha256 = file.read(out)
    assert not about.better
    assert about.figures["gain"]["better"] is False
    embedder = open_embedder(str(out))
    assert embedder.weights_sha256 == sha256
    found = embed(embedder, faces.crops[:1])
    if network == "head":
        below = embed(open_embedder("mobilefacenet"), faces.crops[:1])
        assert_allclose(found, turned(below, arrays["head"]))
    else:
        assert graphs.graphs()[network].shapes.keys() == arrays.keys()
    assert open_embedder().name == DEFAULT_EMBEDDER
