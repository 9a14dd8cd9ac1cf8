"""The encoder `static`: what it shares between spellings, what a byte holds, what ships."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput, WeightsError
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders import static
from retrieve.text.encoders.encode import open_text_encoder, shipped
from retrieve.text.encoders.static import VALUES, Words, packed
from retrieve.text.ranking.ranking import open_ranker
from retrieve.text.tokens import plain
from retrieve.text.words.vectors import Origin
from retrieve.training.encoder.static import Settings, arrays_of, axes, folded, side_by_side

WORDS = ["rey", "reina", "espana", "españa", "energia", "niño"]
SHIPPED_SHA256 = "ecf2bd3b7d1c6fa38156c731beb7dccc8d7b088075897dd9decc1ba4f63c00f7"


@pytest.fixture(scope="module")
def encoder():
    return open_text_encoder("static")


@pytest.fixture
def toy(tmp_path):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(len(WORDS), 12)).astype(np.float32)
    weights = np.linspace(0.5, 1, len(WORDS), dtype=np.float32)
    path = tmp_path / "toy.safetensors"
    arrays = arrays_of(WORDS, vectors, weights, Settings(dim=12))
    encoder_file.write(path, arrays, Origin("toy"), static.KIND)
    return path


def test_a_byte_holds_three_numbers_of_six_steps():
    assert_array_equal(VALUES[0], [-2.5, -2.5, -2.5])
    assert_array_equal(VALUES[36 * 5 + 6 * 2 + 3], [2.5, -0.5, 0.5])
    assert_array_equal(np.unique(VALUES[:216]), [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])


def test_six_steps_keep_the_direction_and_the_length_of_a_row():
    rows = np.random.default_rng(0).normal(size=(400, 480)).astype(np.float32)
    rows *= np.linspace(0.1, 3, 400, dtype=np.float32)[:, None]
    codes, factors, columns = packed(rows, 0.8)
    again = VALUES[codes].reshape(rows.shape) * factors[:, None] * columns
    lengths = np.linalg.norm(rows, axis=1), np.linalg.norm(again, axis=1)
    assert ((rows * again).sum(axis=1) / lengths[0] / lengths[1]).min() > 0.95
    assert_allclose(lengths[1], lengths[0], rtol=0.06)
    assert codes.nbytes == rows.size / 3


def test_an_embedding_is_the_sum_of_its_words_by_the_root_of_how_often_they_stand(toy):
    found = open_text_encoder(str(toy))
    total = found.vectors([0])[0] + 2**0.5 * found.vectors([1])[0]
    assert_allclose(found.embed(["Rey, reina: REINA"])[0], total / np.linalg.norm(total), atol=1e-6)


def test_words_are_found_with_accents_and_without():
    words = Words(WORDS)
    assert words.found("ENERGÍA energia Énergia") == ([4, 4, 4], [])
    assert words.found("niño nino España espana") == ([5, 5, 3, 2], [])
    assert words.found("Zyx-77 año") == ([], ["zyx", "77", "ano"])


def test_a_text_without_its_accents_has_the_same_embedding(encoder):
    texts = [
        "La energía cinética de un avión que aterrizó en Perú",
        "¿Quién escribió más canciones, según él?",
        "Pingüinos del Ártico",
    ]
    assert_array_equal(encoder.embed(texts), encoder.embed([plain(text) for text in texts]))


def test_an_unknown_name_meets_itself_its_inflection_and_no_other(encoder):
    found = encoder.embed(
        ["Zyxgorath", "zyxgórath", "Wubblefrotz", "zyxgorathes", "90210", "90211"]
    )
    assert_allclose(found[0] @ found[1], 1, atol=1e-5)
    assert abs(found[0] @ found[2]) < 0.2
    assert 0.2 < found[0] @ found[3] < 0.5
    assert abs(found[4] @ found[5]) < 0.2


def test_what_means_the_same_is_near(encoder):
    probe, near, far = encoder.embed(
        ["Un perro corre por el campo", "El can va por la pradera", "La ley de presupuestos"]
    )
    assert probe @ near > probe @ far + 0.2


def test_embeddings_are_unit_rows_and_none_is_an_answer(encoder):
    found = encoder.embed(["mesa", "qwrtz 77", "日本語", "7"])
    assert found.dtype == np.float32
    assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_what_cannot_be_embedded_is_refused(encoder):
    assert not encoder.covers("¿?!…_")
    with pytest.raises(BadInput, match=r"static embeds texts with a letter .*: 1, 3\. Leave"):
        encoder.embed(["mesa", "", "silla", "🙂"])
    with pytest.raises(BadInput, match="wanted a list of texts; got one text"):
        encoder.embed("mesa")


def test_a_damaged_file_is_refused(toy):
    content = bytearray(toy.read_bytes())
    content[-3] ^= 1
    toy.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        open_text_encoder(str(toy))


def test_a_file_without_an_array_is_refused(toy):
    arrays, _, _ = encoder_file.checked(toy, (static.KIND,))
    del arrays["columns"]
    encoder_file.write(toy, arrays, Origin("toy"), static.KIND)
    with pytest.raises(WeightsError, match="'toy' lacks the array 'columns'"):
        open_text_encoder(str(toy))


def test_the_shipped_file_is_the_one_that_was_measured(encoder):
    assert encoder.weights_sha256 == SHIPPED_SHA256
    assert (encoder.name, encoder.dim) == ("static", 480)
    assert shipped("static").stat().st_size < 25_000_000


def test_a_ranking_is_fitted_to_it():
    ours, lstm = open_ranker(encoder="static"), open_ranker(encoder="lstm")
    assert ours.weights != lstm.weights
    assert not ours.encoder.knows_languages
    assert len(ours.vectors) == len(lstm.vectors)


def test_it_is_opened_without_torch():
    code = (
        "import sys, retrieve\n"
        "retrieve.load_encoder().embed(['una frase'])\n"
        "assert not {'torch', 'onnxruntime', 'sentencepiece'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# How it is made


def test_teachers_stand_side_by_side_with_one_mean_length():
    rng = np.random.default_rng(2)
    lstm, other = (rng.normal(size=(300, d)).astype(np.float32) for d in (6, 9))
    found = side_by_side(lstm, [other + 3], np.full(300, 1 / 300))
    assert found.shape == (300, 15)
    for part in (found[:, :6], found[:, 6:]):
        assert_allclose(np.linalg.norm(part, axis=1).mean(), 1, atol=1e-5)
    assert_allclose(found[:, 6:].mean(axis=0), 0, atol=0.05)


def test_words_that_differ_by_accents_become_their_mean_by_frequency():
    columns = np.array([[1.0], [4.0], [7.0]], np.float32)
    words, rows = folded(["papa", "papá", "año"], columns, np.array([1.0, 2.0, 5.0]))
    assert words == ["papa", "año"]
    assert_allclose(rows, [[3], [7]])


def test_the_axes_that_texts_use_are_kept():
    words = Words(["uno", "dos", "tres"])
    weighted = np.diag([1.0, 1.0, 1.0]).astype(np.float32)
    found = axes(words, weighted, ["tres", "tres", "tres", "uno", "uno", "dos", "¿?"], 2)
    assert_allclose(np.abs(found), [[0, 1], [0, 0], [1, 0]], atol=1e-6)
