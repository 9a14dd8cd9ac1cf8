"""Training the language model: the fast layer, the streams, and runs that are cut off."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import toy_language
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput
from retrieve.evaluation import language as evaluation
from retrieve.models.language_model import Dimensions, LanguageModel
from retrieve.text.language.model import Origin, open_language
from retrieve.text.language.pieces import Pieces
from retrieve.training import lstm
from retrieve.training.language_model import Recipe, Run, train, write
from retrieve.training.pieces import Recipe as PiecesRecipe
from retrieve.training.pieces import train as train_pieces
from retrieve.training.split import split
from retrieve.training.streams import Encoded, Streams, encode, training_text


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a model is slower with two
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pieces():
    return Pieces(toy_language.pieces_model())


@pytest.fixture(scope="module")
def text(pieces):
    blocks = list(encode(toy_language.lines(2500), pieces))
    starts = np.cumsum([0, *map(len, blocks)])
    return Encoded(np.concatenate(blocks), starts)


@pytest.fixture(scope="module")
def recipe(pieces):
    dims = Dimensions(len(pieces), 2, 32, (268, 280), (16, 8, 4))
    return Recipe(dims, batch=4, steps=16, epochs=0.5, rate=1e-2, seed=3)


def test_the_fast_layer_is_torchs_lstm():
    torch.manual_seed(1)
    module = torch.nn.LSTM(5, 7, 2)
    x = torch.randn(6, 3, 5, requires_grad=True)
    state = (torch.randn(2, 3, 7), torch.randn(2, 3, 7))
    onto = torch.randn(6, 3, 7)

    def gradients(found):
        found.backward(onto)
        taken = [p.grad.clone() for p in (x, *module.parameters())]
        module.zero_grad()
        x.grad = None
        return taken

    want, (h, c) = module(x, state)
    got, (h_got, c_got) = lstm.run(module, x, state)
    assert_allclose(got.detach(), want.detach(), atol=1e-6)
    assert_allclose(h_got, h.detach(), atol=1e-6)
    assert_allclose(c_got, c.detach(), atol=1e-6)
    for a, b in zip(gradients(got), gradients(want), strict=True):
        assert_allclose(a, b, atol=2e-6)


def test_the_loss_is_the_log_probability_of_the_whole_vocabulary():
    torch.manual_seed(1)
    model = LanguageModel(Dimensions(50, 1, 6, (10, 30), (8, 4, 2)))
    ids, targets = torch.randint(0, 50, (5, 4)), torch.randint(0, 50, (20,))
    logs, _ = model(ids)
    assert_allclose(logs.exp().sum(-1).detach(), 1, rtol=1e-5)
    x = model.out(model.lstm(model.embed(ids))[0]).flatten(0, 1)
    want = -logs.flatten(0, 1)[torch.arange(20), targets]
    assert_allclose(model.loss(x, targets).detach(), want.detach(), rtol=1e-5)


def test_a_file_is_cut_into_training_gap_and_held_out_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"línea {i:05}" for i in range(10_000)) + "\n", "utf-8")
    cut = split(path)
    training, measured = list(cut.training()), list(cut.measured())
    assert (len(training), len(measured)) == (cut.lines, 1500)
    assert training[0].strip() == "línea 00000"
    assert measured[-1].strip() == "línea 09999"
    assert 10_000 - len(training) - len(measured) == pytest.approx(500, abs=2)


def test_blocks_begin_with_start_and_lines_end_with_end(pieces):
    blocks = list(encode(["el pan", "", "  ", "la casa"] * 600, pieces))
    assert len(blocks) > 2
    for block in blocks:
        assert block[0] == pieces.start
        assert block[-1] == pieces.end
        assert np.count_nonzero(block == pieces.start) == 1
    lines = sum(np.count_nonzero(block == pieces.end) for block in blocks)
    assert lines == 1200


def test_streams_read_each_block_once_and_windows_join(text):
    streams = Streams(text, 3, seed=5)
    length = streams.epoch_length(0)
    windows = [streams.window(0, at, 50) for at in range(0, length - 50, 50)]
    assert all((a[-1] == b[0]).all() for a, b in pairwise(windows))
    blocks = {text.ids[a:b].tobytes() for a, b in pairwise(text.starts.tolist())}
    stream = np.concatenate([windows[0][:1], *(w[1:] for w in windows)])[:, 1].astype(np.uint16)
    starts = np.flatnonzero(stream == 1)
    for a, b in pairwise(starts.tolist()):
        assert stream[a:b].tobytes() in blocks
    assert not (streams.window(0, 0, 50) == streams.window(1, 0, 50)).all()


def test_a_text_too_short_for_its_streams_is_refused(text):
    with pytest.raises(BadInput, match="wanted at least 5000 blocks"):
        Streams(text, 5000, seed=1)


def test_shares_keep_blocks_by_chance_and_the_text_is_kept_for_the_next_time(tmp_path, pieces):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(toy_language.lines(9000)), "utf-8")
    whole = training_text([path], pieces, tmp_path / "whole")
    half = training_text([path], pieces, tmp_path / "half", shares={"a.txt": 0.5}, seed=4)
    assert 0.2 < len(half.ids) / len(whole.ids) < 0.8
    path.write_bytes(b"x" * path.stat().st_size)
    again = training_text([path], pieces, tmp_path / "whole")
    assert_array_equal(again.ids, whole.ids)
    with pytest.raises(BadInput, match=r"a share is given for b\.txt"):
        training_text([path], pieces, tmp_path / "w", shares={"b.txt": 0.5})


def test_a_run_cut_off_goes_on_exactly(text, recipe, tmp_path):
    recipe = replace(recipe, dropout=0.2)
    whole = Run(text, recipe)
    losses = [whole.advance(60) for _ in range(12)]
    first = Run(text, recipe)
    cut = [first.advance(60) for _ in range(5)]
    first.save(tmp_path / "run.pt")
    second = Run(text, recipe)
    assert second.restore(tmp_path / "run.pt")
    cut += [second.advance(60) for _ in range(7)]
    assert cut == losses
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert_array_equal(a.detach(), b.detach())


def test_another_recipe_does_not_go_on_but_other_epochs_do(text, recipe, tmp_path):
    run = Run(text, recipe)
    run.advance(10)
    run.save(tmp_path / "run.pt")
    assert not Run(text, replace(recipe, rate=1.0)).restore(tmp_path / "run.pt")
    assert Run(text, replace(recipe, epochs=0.7)).restore(tmp_path / "run.pt")


def test_the_rate_rises_stays_and_falls_to_nothing(text, recipe):
    run = Run(text, recipe)
    rates = [run.rate(step, 1000) for step in range(1000)]
    assert rates[0] < rates[50] < rates[99] == rates[499] == recipe.rate
    assert rates[-1] == pytest.approx(recipe.rate / 500)


def test_until_a_run_falls_a_shorter_plan_changes_nothing(text, recipe):
    run = Run(text, recipe)
    long, short = ([run.rate(step, steps) for step in range(1500)] for steps in (6000, 3000))
    assert long == short
    assert run.rate(1600, 6000) > run.rate(1600, 3000)


def test_a_minute_limit_stops_a_run_that_the_next_call_ends(text, recipe, tmp_path):
    stopped = train(text, tmp_path / "run.pt", recipe=recipe, minutes=0)
    assert stopped.step == 0
    recipe = replace(recipe, epochs=0.05)
    told = []
    ended = train(text, tmp_path / "run.pt", recipe=recipe, progress=told.append)
    assert ended.step == ended.steps == len(told)
    assert told[-1].pieces == told[-1].total
    assert told[-1].seconds_left == 0


def test_a_trained_model_foretells_better_than_n_grams_of_one_and_two(
    text, recipe, pieces, tmp_path
):
    run = train(text, tmp_path / "run.pt", recipe=replace(recipe, epochs=0.4))
    write(run, tmp_path / "toy.safetensors", toy_language.pieces_model(), Origin("toy"))
    model = open_language(str(tmp_path / "toy.safetensors"))
    assert model.about["recipe"]["pieces_read"] == run.pieces_read
    on = evaluation.text(toy_language.lines(300, seed=9), pieces)
    (rows,) = evaluation.baselines(text.ids, pieces, [on])
    found = evaluation.measure(model, on)
    unigram, bigram, five = (row.per_word for row in rows)
    assert five < bigram < unigram
    assert found.per_word < bigram
    # Of 6 subjects, 5 verbs, 6 objects; a line is 5 words and its end.
    assert math.log(found.per_word) * on.words / 300 > math.log(6 * 5 * 6)


def test_pieces_are_the_same_from_the_same_seed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(toy_language.lines(2000)), "utf-8")
    recipe = PiecesRecipe(size=290, sentences=500)
    seen = [train_pieces([path], tmp_path / f"{i}.model", recipe=recipe) for i in range(2)]
    assert 350 < seen[0] == seen[1] < 650
    assert (tmp_path / "0.model").read_bytes() == (tmp_path / "1.model").read_bytes()
    with pytest.raises(BadInput, match="too little"):
        train_pieces([path], tmp_path / "x.model", recipe=PiecesRecipe(size=9000))


def test_a_wider_model_begins_with_what_a_narrower_one_foretells(text, pieces, tmp_path):
    toy_language.write_random(tmp_path / "small.safetensors")
    small = open_language(str(tmp_path / "small.safetensors"))
    dims = Dimensions(len(pieces), 2, 20, (265, 280), (8, 4, 2))
    run = Run(text, Recipe(dims, batch=4, steps=16, rate=1e-2, start=small.digest), small)
    ids = np.random.default_rng(4).integers(0, len(pieces), (12, 3))
    start = np.array([[pieces.end] * 3, [pieces.start] * 3])
    stream = torch.from_numpy(np.concatenate([start, ids]))
    with torch.no_grad():
        logs, _ = run.model(stream)
    state = small.read(small.start(3), ids)
    assert_allclose(logs[-1].exp(), small.next_pieces(state), rtol=2e-4, atol=1e-7)
    new = run.model.out.weight[:, 12:].detach().clone()
    run.advance(60)
    assert not torch.equal(run.model.out.weight[:, 12:], new)  # new units are listened to


def test_a_start_of_another_shape_is_refused(text, pieces, tmp_path):
    toy_language.write_random(tmp_path / "small.safetensors")
    small = open_language(str(tmp_path / "small.safetensors"))
    narrow = Dimensions(len(pieces), 2, 11, (265, 280), (8, 4, 2))
    deep = Dimensions(len(pieces), 3, 12, (265, 280), (8, 4, 2))
    for dims, wrong in ((narrow, "hidden 12, this one 11"), (deep, "layers 2, this one 3")):
        with pytest.raises(BadInput, match=wrong):
            Run(text, Recipe(dims, batch=4, start=small.digest), small)
    with pytest.raises(BadInput, match="not the one of the recipe"):
        Run(text, Recipe(narrow, batch=4), small)
