"""Training of text encoders: pairs, losses, optimiser, resuming, and what it may read."""

from __future__ import annotations

import builtins
import io
import lzma
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_words
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput
from retrieve.models.text_encoder import TextEncoder
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders.encode import open_text_encoder
from retrieve.text.words.vectors import Origin, open_vectors
from retrieve.text.words.vocabulary import Vocabulary
from retrieve.training.encoder import corpus, graded, loop
from retrieve.training.encoder.loop import Run, Settings
from retrieve.training.encoder.losses import contrastive, cosent
from retrieve.training.encoder.optimise import RowAdam
from retrieve.training.encoder.pairs import Pairs, PairSettings
from retrieve.training.encoder.recipe import Recipe, average, grown, start, train

EVALUATION = Path(__file__).parents[3].parent / "shared" / "text" / "evaluation"
SMALL = PairSettings(batch=4, block=2, passage=(6, 10), query=(2, 3))
FAST = Recipe(
    mean=Settings(hidden=0, pairs=40, made=SMALL),
    lstm=Settings(hidden=3, pairs=40, made=SMALL),
    judged=graded.Settings(epochs=1, batch=2),
)


@pytest.fixture
def vectors(tmp_path):
    return open_vectors(toy_words.write(tmp_path / "toy.safetensors"))


@pytest.fixture
def text(tmp_path):
    """400 sentences of 3 to 9 words."""
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(toy_words.WORDS, rng.integers(3, 10))) + "." for _ in range(400)]
    path = tmp_path / "text.txt.xz"
    path.write_bytes(lzma.compress("\n".join(lines).encode()))
    return path


def _encoded(text, vectors, work):
    return corpus.encode([text], Vocabulary(vectors.words, 16), work)


def _train(text, vectors, work, out, recipe=FAST, **more):
    train([text], out, vectors=vectors, work=work, origin=Origin("x"), recipe=recipe, **more)
    return encoder_file.read(out)


def test_a_text_is_encoded_once_and_anew_when_it_changed(text, vectors, tmp_path):
    first = _encoded(text, vectors, tmp_path / "work")
    assert (len(first.starts), first.files.tolist()) == (401, [0, 400])
    written = (tmp_path / "work" / "text.rows").stat().st_mtime_ns
    assert_array_equal(_encoded(text, vectors, tmp_path / "work").rows, first.rows)
    assert (tmp_path / "work" / "text.rows").stat().st_mtime_ns == written
    text.write_bytes(lzma.compress(b"rey mesa. reina."))
    assert _encoded(text, vectors, tmp_path / "work").rows.tolist() == [0, 5, 1]


def test_texts_without_words_are_refused(tmp_path, vectors):
    empty = tmp_path / "empty.txt"
    empty.write_text("...\n")
    with pytest.raises(BadInput, match="wanted texts with words"):
        _encoded(empty, vectors, tmp_path / "work")


def test_a_query_without_questions_is_a_thinned_sentence_near_its_passage(text, vectors, tmp_path):
    encoded = _encoded(text, vectors, tmp_path)
    numbered = replace(encoded, rows=np.arange(len(encoded.rows), dtype=np.int32))
    for kept in (0.0, 1.0):
        made = replace(SMALL, kept=kept, questions=0.0)
        queries, passages = Pairs(numbered, made, [], 1).batch()
        for query, passage in zip(queries, passages, strict=True):
            assert (np.diff(query) > 0).all()
            assert (np.diff(passage) > 0).all()
            assert np.isin(query, passage).all() == bool(kept)
            assert query[-1] - query[0] < 15
            assert abs(int(query[0]) - int(passage[0])) < 30


def test_questions_begin_with_a_question_word(text, vectors, tmp_path):
    made = replace(SMALL, questions=1.0)
    queries, _ = Pairs(_encoded(text, vectors, tmp_path), made, [77], 1).batch()
    assert (queries[:, 0] == 77).all()
    assert (queries[:, 1:] != 77).all()


def test_one_seed_gives_one_sequence_of_batches(text, vectors, tmp_path):
    encoded = _encoded(text, vectors, tmp_path)
    first, again, other = (Pairs(encoded, SMALL, [3], seed).batch()[1] for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_contrastive_loss_of_two_pairs_by_hand():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = math.log(1 + math.exp(-1 / 0.5))
    assert_allclose(float(contrastive(queries, queries, 0.5)), expected, rtol=1e-6)


def test_cosent_counts_pairs_in_wrong_order_alone():
    scores, judged = torch.tensor([0.9, 0.1]), torch.tensor([1.0, 5.0])
    assert_allclose(float(cosent(scores, judged)), math.log(1 + math.exp(20 * 0.8)), rtol=1e-6)
    assert float(cosent(scores, torch.tensor([5.0, 1.0]))) < 1e-6
    assert float(cosent(scores, torch.tensor([2.0, 2.0]))) == 0


def test_row_adam_is_adam_when_every_row_is_used():
    torch.manual_seed(0)
    matrix = torch.randn(5, 3)
    parameter = torch.nn.Parameter(matrix.clone())
    reference = torch.optim.Adam([parameter], lr=0.1)
    mine = RowAdam(matrix)
    for _ in range(5):
        gradient = torch.randn(5, 3)
        parameter.grad = gradient.clone()
        reference.step()
        mine.step(torch.arange(5), gradient, 0.1)
    assert_allclose(matrix.numpy(), parameter.detach().numpy(), atol=1e-5)


def test_row_adam_leaves_unused_rows_alone():
    matrix = torch.ones(4, 2)
    RowAdam(matrix).step(torch.tensor([2]), torch.ones(1, 2), 0.1)
    assert_allclose(matrix[[0, 1, 3]], 1)
    assert_allclose(matrix[2], 0.9, atol=1e-6)


def test_a_new_lstm_changes_nothing(vectors):
    begun = start(vectors, Vocabulary(vectors.words, 16), 1)
    rows = torch.tensor([[0, 5, 3], [1, 12, 2]])
    with torch.no_grad():
        assert_allclose(grown(begun, 4, 1)(rows), begun(rows), atol=1e-6)


def test_training_begins_with_the_encoder_words(vectors):
    from retrieve.text.encoders.encode import WordsEncoder

    vocabulary = Vocabulary(vectors.words)
    with torch.no_grad():
        found = start(vectors, vocabulary, 1)(torch.tensor([vocabulary.rows("rey mesa pájaro")]))
    assert_allclose(found, WordsEncoder(vectors).embed(["rey mesa pájaro"]), atol=1e-4)


def test_averaging_goes_a_share_of_the_way_back():
    one, other = TextEncoder(3, 2, 0), TextEncoder(3, 2, 0)
    torch.nn.init.ones_(one.embeddings)
    average(one, other, 0.25)
    assert_allclose(one.embeddings.detach(), 0.75)


@pytest.mark.parametrize("hidden", [0, 3])
def test_training_lowers_the_loss(hidden, text, vectors, tmp_path):
    encoded = _encoded(text, vectors, tmp_path)
    model = grown(start(vectors, Vocabulary(vectors.words, 16), 1), hidden, 1)
    run = Run(model, Settings(hidden=hidden, pairs=1200, vector_rate=0.02, made=SMALL))
    source = Pairs(encoded, replace(SMALL, batch=12, kept=1.0), [], 1)
    losses = [run.step(*source.batch()) for _ in range(100)]
    assert np.mean(losses[-20:]) < np.mean(losses[:20]) - 0.1


def test_a_run_goes_on_from_its_checkpoint(text, vectors, tmp_path):
    encoded = _encoded(text, vectors, tmp_path)
    begun = start(vectors, Vocabulary(vectors.words, 16), 1)
    settings = Settings(hidden=3, pairs=80, made=SMALL)
    seeds = []

    def source(seed):
        seeds.append(seed)
        return Pairs(encoded, SMALL, [], seed)

    cut = Run(grown(begun, 3, 1), settings)

    def stop(pairs, done, loss):
        if pairs >= 40:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            loop.train(cut, source, tmp_path / "a.run", progress=stop)
    again = Run(grown(begun, 3, 1), settings)
    seen = []
    loop.train(again, source, tmp_path / "a.run", progress=lambda pairs, *_: seen.append(pairs))
    assert (seen[0], seen[-1], again.starts) == (40, 80, 2)
    assert seeds == [1001, 1002]
    restored = Run(grown(begun, 3, 1), settings)
    loop.train(restored, source, tmp_path / "a.run")
    for name, value in restored.model.state_dict().items():
        assert_array_equal(value, again.model.state_dict()[name])


def test_a_checkpoint_of_another_recipe_is_left_alone(text, vectors, tmp_path):
    begun = start(vectors, Vocabulary(vectors.words, 16), 1)
    run = Run(grown(begun, 0, 1), Settings(hidden=0, pairs=8, made=SMALL))
    run.save(tmp_path / "a.run", "one")
    assert run.restore(tmp_path / "a.run", "one")
    assert not run.restore(tmp_path / "a.run", "other")


def test_rates_rise_stay_and_fall():
    run = Run(TextEncoder(2, 2, 0), Settings(hidden=0, pairs=1000))
    rates = []
    for run.pairs in (0, 10, 100, 300, 650, 1000):
        rates.append(run.rate())
    assert_allclose(rates, [0.02, 0.5, 1, 1, 0.5, 0])


def test_minutes_end_a_run(text, vectors, tmp_path):
    settings = Settings(hidden=0, pairs=10**9, minutes=1e-3, made=SMALL)
    run = Run(start(vectors, Vocabulary(vectors.words, 16), 1), settings)
    encoded = _encoded(text, vectors, tmp_path)
    loop.train(run, lambda seed: Pairs(encoded, SMALL, [], seed), tmp_path / "a.run")
    assert run.done == 1
    assert 0 < run.pairs < 10**9


def test_the_same_seed_gives_the_same_file(text, vectors, tmp_path):
    judged = tmp_path / "judged.csv"
    judged.write_text("rey mesa,reina mesa,4.0\nmesa,parís,0.5\nrey,pájaro,1\n")
    made = [
        _train(text, vectors, tmp_path / name, tmp_path / f"{name}.safetensors", judged=judged)
        for name in ("a", "b")
    ]
    assert made[0].sha256 == made[1].sha256
    assert made[0].about["recipe"]["runs"]["lstm"]["pairs"] == 40
    found = open_text_encoder(str(tmp_path / "a.safetensors")).embed(["rey mesa 1850"])
    assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_control_has_no_lstm(text, vectors, tmp_path):
    control = replace(FAST, lstm=replace(FAST.lstm, hidden=0))
    made = _train(text, vectors, tmp_path / "w", tmp_path / "c.safetensors", control)
    assert not [name for name in made.arrays if name.startswith("lstm")]
    assert set(made.about["recipe"]["runs"]) == {"mean", "average"}


@pytest.mark.parametrize("line", ["una frase,otra", "a,b,c", ""])
def test_judged_pairs_must_have_a_score(line, tmp_path, vectors):
    path = tmp_path / "judged.csv"
    path.write_text(f"rey,mesa,3\n{line}\n" if line else "")
    with pytest.raises(BadInput, match="wanted"):
        graded.read(path, Vocabulary(vectors.words, 16))


@pytest.mark.skipif(not EVALUATION.is_dir(), reason="the shared evaluation data is not here")
def test_training_opens_no_evaluation_data_but_judged_pairs_to_train_on(
    text, vectors, tmp_path, monkeypatch
):
    opened = []
    real = io.open

    def watched(file, *arguments, **more):
        opened.append(str(file))
        return real(file, *arguments, **more)

    monkeypatch.setattr(io, "open", watched)
    monkeypatch.setattr(builtins, "open", watched)
    judged = EVALUATION / "stsb-es-train.csv"
    one = replace(FAST, judged=graded.Settings(epochs=0))
    _train(text, vectors, tmp_path / "w", tmp_path / "o.safetensors", one, judged=judged)
    read = {name for name in opened if str(EVALUATION) in name}
    assert read == {str(judged)}
