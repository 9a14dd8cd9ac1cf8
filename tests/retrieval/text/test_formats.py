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
    path.write_bytes(b"6 2\nuno 1 2\ndos 1\ntres 1 x\ncuatro 1 nan\n\xff 1 2\ncinco 3 4\n")
    source, words, _ = _read(path)
    assert words == ["uno", "cinco"]
    assert [text.split(":")[0] for text in source.broken] == [f"line {n}" for n in (3, 4, 5, 6)]


def test_a_binary_file_cut_short_keeps_what_is_whole(tmp_path, keyed):
    path = tmp_path / "cut.bin"
    keyed.save_word2vec_format(str(path), binary=True)
    path.write_bytes(path.read_bytes()[:-10])
    source, words, _ = _read(path)
    assert words == toy_words.WORDS[:-1]
    assert "ends after 8 of 9" in source.broken[0]


ROW = " 0.1 -0.2 0.3"


def _vectors(tmp_path, text):
    path = tmp_path / "v.vec"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "words", "broken"),
    [
        (f"3 3\nbuenos aires{ROW}\n\nrey{ROW}\nreina{ROW}\n", ["buenos aires", "rey", "reina"], 0),
        (f"\ufeffrey{ROW}\nreina{ROW}\n", ["rey", "reina"], 0),
        (f"\ufeff2 3\r\nrey{ROW} \r\nreina{ROW}\r\n", ["rey", "reina"], 0),
        ("2 3\nrey\t0.1\t0.2\t0.3\nreina\t 0.1 0.2\t0.3\n", ["rey", "reina"], 0),
        (f"buenos aires{ROW}\nrey{ROW}\n2019{ROW}\n", ["buenos aires", "rey", "2019"], 0),
        (f"3 3\nrey{ROW}\n{ROW}\nreina{ROW}\n", ["rey", "reina"], 1),
        (f"3 3\nrey{ROW}\nuno 0,1 0,2 0,3\nreina{ROW}\n", ["rey", "reina"], 1),
        (f"3 3\nrey{ROW}\nuno 0.5{ROW}\nreina{ROW}\n", ["rey", "reina"], 1),
        (f"9 3\nrey{ROW}\nreina{ROW}\n", ["rey", "reina"], 1),
        (f"1 3\nrey{ROW}\nreina{ROW}\n", ["rey", "reina"], 1),
    ],
)
def test_text_is_read_as_text_whatever_one_line_is(tmp_path, text, words, broken):
    source, found, vectors = _read(_vectors(tmp_path, text))
    assert "text" in source.kind
    assert found == words
    assert vectors.shape == (len(words), 3)
    assert len(source.broken) == broken


def test_a_file_that_is_shorter_than_its_header_says_so(tmp_path):
    source, _, _ = _read(_vectors(tmp_path, f"100 3\nrey{ROW}\nreina{ROW}\n"))
    assert source.broken == ["the file ends after 2 of 100 words that its header states"]


@pytest.mark.parametrize("stated", [2, 4])
def test_a_header_of_other_dimensions_than_the_lines_is_refused(tmp_path, stated):
    path = _vectors(tmp_path, f"2 {stated}\nrey{ROW}\nreina{ROW}\n")
    with pytest.raises(BadInput, match=rf"says {stated} dimensions, but line 2 has 3 numbers"):
        open_source(path)


def test_decimal_commas_are_no_binary_numbers(tmp_path):
    path = _vectors(tmp_path, "2 3\nrey 0,1 0,2 0,3\nreina 0,1 0,2 0,3\n")
    with pytest.raises(BadInput, match="wanted a word and 3 numbers; line 2"):
        open_source(path)


def test_utf16_is_named(tmp_path):
    with pytest.raises(BadInput, match="UTF-16"):
        open_source(_vectors(tmp_path, f"rey{ROW}\n".encode("utf-16")))


@pytest.mark.parametrize(("dtype", "reason"), [("<f8", "take 8 bytes"), ("<f4", "that far apart")])
def test_binary_numbers_of_another_size_are_refused(tmp_path, dtype, reason):
    dim = 6
    body = b"".join(
        word.encode()
        + b" "
        + np.concatenate([vector, vector])[: dim + (dtype == "<f4")].astype(dtype).tobytes()
        for word, vector in zip(toy_words.WORDS, toy_words.vectors(), strict=True)
    )
    path = _vectors(tmp_path, f"{len(toy_words.WORDS)} {dim}\n".encode() + body)
    with pytest.raises(BadInput, match=reason):
        open_source(path)


@pytest.mark.parametrize("kind", ["bin", "vec"])
def test_a_packed_file_that_is_cut_or_damaged_is_no_traceback(tmp_path, keyed, kind):
    path = tmp_path / "v"
    keyed.save_word2vec_format(str(path), binary=kind == "bin")
    packed = gzip.compress(path.read_bytes())
    for damaged in (packed[:-20], packed[:40] + b"\xff" * 30 + packed[70:]):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="cannot read"):
            open_source(path)


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
