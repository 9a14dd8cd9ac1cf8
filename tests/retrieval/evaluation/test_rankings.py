"""Ways of searching texts as rankings."""

from __future__ import annotations

import numpy as np
import pytest
import toy_encoder
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput
from retrieve.evaluation.rankings import MODES, by_meaning, open_ranking
from retrieve.evaluation.retrieval import DEPTH, NOTHING, Document
from retrieve.text.encoders.encode import open_text_encoder

TEXTS = [f"rey mesa {i} reina" for i in range(30)]


def _documents(*texts):
    return [Document(str(i), "", text) for i, text in enumerate(texts)]


def test_a_ranking_is_that_of_all_cosines(tmp_path):
    encoder = open_text_encoder(str(toy_encoder.write(tmp_path / "toy.safetensors")))
    asked = ["mesa 3", "reina 17"]
    expected = np.argsort(-(encoder.embed(asked) @ encoder.embed(TEXTS).T), kind="stable")
    assert_array_equal(by_meaning(encoder, TEXTS)(asked), expected[:, :DEPTH])


def test_texts_without_words_are_no_hits_and_find_nothing(tmp_path):
    rank = open_ranking(
        str(toy_encoder.write(tmp_path / "toy.safetensors")), _documents("?", "rey", "")
    )
    assert_array_equal(rank(["rey", "!"])[:, :2], [[1, NOTHING], [NOTHING, NOTHING]])


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_mode_finds_a_text_by_itself(mode):
    texts = ["La boda fue en Zaragoza.", "El presidente habló de salarios.", "Un perro ladra."]
    assert open_ranking(mode, _documents(*texts))(texts)[:, 0].tolist() == [0, 1, 2]


def test_an_unknown_mode_is_refused():
    with pytest.raises(BadInput, match="no mode is called 'bm26'"):
        open_ranking("bm26", _documents(*TEXTS))


def test_titles_are_a_field_of_the_words_unless_they_are_hidden():
    documents = [Document("a", "Zaragoza", "Una boda."), Document("b", "Huesca", "Un entierro.")]
    for mode in ("bm25", "hybrid"):
        assert open_ranking(mode, documents)(["Huesca"])[0, 0] == 1
    assert open_ranking("bm25", documents, titles=False)(["Huesca"])[0, 0] == NOTHING
