from __future__ import annotations

import numpy as np
import pytest
import toy_words
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, WeightsError
from retrieve.text.words.vectors import Origin, open_vectors, quantize, save, step_for


@pytest.fixture
def toy(tmp_path):
    return open_vectors(toy_words.write(tmp_path / "toy.safetensors"))


def test_what_is_saved_is_opened_in_order(toy):
    assert toy.words == toy_words.WORDS
    assert [toy.row(word) for word in toy_words.WORDS] == list(range(9))
    assert toy.counts[0] == 9
    assert_allclose(toy.vectors(range(9)), toy_words.vectors(), atol=0.005)


def test_decoded_rows_have_length_one(toy):
    assert_allclose(np.linalg.norm(toy.vectors(range(9)), axis=1), 1, rtol=1e-6)


def test_eight_bits_lose_two_ten_thousandths_of_a_score_at_worst():
    rows = np.random.default_rng(1).standard_normal((500, 200)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    codes, scales = quantize(rows, step_for(rows))
    decoded = (codes.astype(np.float32) - 128) * scales[:, None]
    assert ((decoded * rows).sum(axis=1) > 0.9998).all()


def test_case_and_unicode_form_do_not_matter(toy):
    assert toy.row("PARI\u0301S") == toy.row("parís")


def test_a_word_without_its_accent_is_found_and_says_so(toy):
    found = toy.find("Paris")
    assert (found.word, found.row) == ("parís", 6)
    assert "took parís" in found.note


def test_a_rare_spelling_without_accent_means_the_frequent_one(tmp_path):
    made = np.eye(4, dtype=np.float32)
    codes, scales = quantize(made, step_for(made))
    counts = np.array([500, 300, 20, 10])
    words = ["día", "mas", "más", "dia"]
    save(tmp_path / "v.safetensors", words, codes, scales, Origin("v"), counts=counts)
    vectors = open_vectors(tmp_path / "v.safetensors")
    assert vectors.find("dia").word == "día"
    assert "50 times" in vectors.find("dia").note
    assert vectors.find("mas").note is None


def test_an_unknown_word_gets_suggestions(toy):
    with pytest.raises(BadInput, match="did you mean reina"):
        toy.find("reyna")


def test_an_empty_word_is_refused(toy):
    with pytest.raises(BadInput, match="empty"):
        toy.find("  ")


def test_a_flipped_bit_is_found(tmp_path):
    path = toy_words.write(tmp_path / "toy.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        open_vectors(path)


@pytest.mark.parametrize("content", [b"", b"not vectors at all", b"\xff" * 64])
def test_a_foreign_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="does not hold word vectors"):
        open_vectors(path)


def test_a_file_cut_short_is_refused(tmp_path):
    path = toy_words.write(tmp_path / "toy.safetensors")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(WeightsError, match="cut short"):
        open_vectors(path)


def test_the_same_vectors_give_the_same_bytes(tmp_path):
    first = toy_words.write(tmp_path / "a.safetensors").read_bytes()
    assert first == toy_words.write(tmp_path / "b.safetensors").read_bytes()
