"""gensim is the oracle: what it writes, we read, and what we export, it reads."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import toy_words
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.text.words import ngrams
from retrieve.text.words.formats import open_source

gensim = pytest.importorskip("gensim")


def _read(path):
    source = open_source(path)
    blocks = [(list(words), vectors.copy()) for words, vectors in source.blocks]
    words = [word for block, _ in blocks for word in block]
    return source, words, np.concatenate([vectors for _, vectors in blocks])


@pytest.fixture
def keyed():
    from gensim.models import KeyedVectors

    made = KeyedVectors(6)
    made.add_vectors(toy_words.WORDS, toy_words.vectors())
    return made


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["bin", "vec", "glove"])
def test_every_format_is_read_as_gensim_wrote_it(tmp_path, keyed, kind, packed):
    path = tmp_path / f"v.{kind}"
    keyed.save_word2vec_format(str(path), binary=kind == "bin", write_header=kind != "glove")
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    source, words, vectors = _read(path)
    assert words == toy_words.WORDS
    assert_allclose(vectors, toy_words.vectors(), atol=1e-6)
    assert source.broken == []


def test_broken_lines_are_counted_and_left_out(tmp_path):
    path = tmp_path / "broken.vec"
    path.write_bytes(b"5 2\nuno 1 2\ndos 1\ntres 1 x\ncuatro 1 nan\n\xff 1 2\ncinco 3 4\n")
    source, words, _ = _read(path)
    assert words == ["uno", "cinco"]
    assert [text.split(":")[0] for text in source.broken] == [f"line {n}" for n in (2, 3, 4, 5)]


def test_a_binary_file_cut_short_keeps_what_is_whole(tmp_path, keyed):
    path = tmp_path / "cut.bin"
    keyed.save_word2vec_format(str(path), binary=True)
    path.write_bytes(path.read_bytes()[:-10])
    source, words, _ = _read(path)
    assert words == toy_words.WORDS[:-1]
    assert "ends after 8 of 9" in source.broken[0]


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Querida Ana: llegamos ayer a Zaragoza.\nUn abrazo\n", "utf-8")
    with pytest.raises(BadInput, match="wanted word2vec, fastText or GloVe"):
        open_source(path)


@pytest.mark.parametrize("packed", [False, True])
def test_fasttext_models_give_gensims_vectors_also_for_unknown_words(tmp_path, packed):
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    sentences = [["canción", "de", "cuna"], ["la", "canción", "del", "pirata"]] * 20
    model = FastText(sentences, vector_size=8, min_count=1, bucket=500, epochs=2, seed=1, workers=1)
    path = tmp_path / "model.bin"
    save_facebook_model(model, str(path))
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    source, words, vectors = _read(path)
    assert_allclose(vectors, np.array([model.wv[word] for word in words]), atol=1e-5)
    grams = np.concatenate([block.copy() for block in source.gram_blocks])
    composed = grams[ngrams.buckets("cancioncita", source.subword)].mean(axis=0)
    assert_allclose(composed, model.wv["cancioncita"], atol=1e-5)
