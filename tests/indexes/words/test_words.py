from __future__ import annotations

import numpy as np
import pytest
import toy_words
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.indexes.words import codes as code_index
from retrieve.indexes.words import stores as words
from retrieve.indexes.words.codes import CodeIndex, product_codes
from retrieve.text.words.analogy import parse
from retrieve.text.words.vectors import open_vectors, quantize, step_for


@pytest.fixture
def toy(tmp_path):
    return words.WordIndex(open_vectors(toy_words.write(tmp_path / "toy.safetensors")))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRIEVE_WORDS", str(tmp_path / "store"))
    return tmp_path


def _clustered(N, D):
    generator = np.random.default_rng(3)
    rows = (
        generator.standard_normal((N, D))
        + 2 * generator.standard_normal((40, D))[generator.integers(0, 40, N)]
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_code_search_agrees_with_the_matrix_product():
    rows = _clustered(3000, 50)
    codes, scales = quantize(rows, step_for(rows))
    decoded = (codes.astype(np.float32) - 128) * scales[:, None]
    scores, found = CodeIndex(codes, scales).nearest(rows[:20], 10)
    exact = np.sort(-(rows[:20] @ decoded.T), axis=1)[:, :10]
    assert_allclose(scores, -exact, atol=1e-6)
    assert (found[:, 0] == np.arange(20)).all()


def test_many_probes_find_what_each_finds_alone(monkeypatch):
    monkeypatch.setattr(code_index, "BLOCK_ROWS", 1000)
    rows = _clustered(3000, 50)
    index = CodeIndex(*quantize(rows, step_for(rows)))
    scores, found = index.nearest(rows[: code_index.MANY_PROBES], 10)
    alone = [index.nearest(rows[i : i + 64], 10) for i in range(0, code_index.MANY_PROBES, 64)]
    assert (found == np.concatenate([rows for _, rows in alone])).all()
    assert_allclose(scores, np.concatenate([scores for scores, _ in alone]), atol=1e-6)


def test_fast_scan_with_second_scoring_finds_nearly_the_same(monkeypatch):
    monkeypatch.setattr(code_index, "EXACT_CODES", 1000)
    monkeypatch.setattr(code_index, "TRAINING_ROWS", 4000)
    monkeypatch.setattr(code_index, "FEWEST_AGAIN", 200)
    monkeypatch.setattr(code_index, "AGAIN", 8)
    rows = _clustered(8000, 30)  # 30 is no multiple of the subvectors' 4
    codes, scales = quantize(rows, step_for(rows))
    product = product_codes(codes, scales)
    _, exact = CodeIndex(codes, scales).nearest(rows[:50], 10)
    _, found = CodeIndex(codes, scales, product).nearest(rows[:50], 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95


def test_the_analogy_leaves_out_its_words_and_their_forms(toy):
    answer = toy.analogy(parse(["rey", "hombre", "mujer"]), k=3)
    assert answer.expression == "rey - hombre + mujer"
    assert (answer.hits[0].word, answer.hits[0].forms) == ("reina", ("reinas",))
    assert not {"rey", "hombre", "mujer", "hombres"} & {hit.word for hit in answer.hits}


def test_all_forms_switches_folding_off(toy):
    hits = toy.analogy(parse(["rey", "hombre", "mujer"]), k=3, all_forms=True).hits
    assert [hit.word for hit in hits[:2]] == ["reina", "reinas"]


def test_a_sum_of_forms_asks_for_a_form(toy):
    hits = toy.analogy(parse(["hombres", "hombre", "reina"]), k=1).hits
    assert hits[0].word == "reinas"


def test_products_agree_with_sums_on_the_clear_case(toy):
    answer = toy.analogy(parse(["rey", "hombre", "mujer"]), k=2, method="mul")
    assert answer.hits[0].word == "reina"


def test_the_explanation_scores_the_first_two_against_each_term(toy):
    answer = toy.analogy(parse(["rey", "hombre", "mujer"]), k=2)
    exact = toy_words.vectors()
    assert_allclose(answer.explained[0].scores, exact[1] @ exact[[0, 2, 3]].T, atol=0.01)


def test_the_odd_word_comes_first(toy):
    assert toy.odd_one_out(["rey", "reina", "mesa", "reinas"])[0][0].word == "mesa"
    with pytest.raises(BadInput, match="three or more"):
        toy.odd_one_out(["rey", "Rey", "reina"])


def test_added_vectors_are_listed_searched_and_exported(store):
    lines = ["11 6"] + [
        f"{word} {' '.join(map(str, vector))}"
        for word, vector in zip(toy_words.WORDS, toy_words.vectors().tolist(), strict=True)
    ]
    path = store / "toy.vec"
    path.write_text("\n".join([*lines, "REY 1 0 0 0 0 0", "roto 1 2"]), "utf-8")
    added = words.add(path, "mine")
    assert (added.stored.words, added.duplicates, len(added.broken)) == (9, 1, 1)
    assert "mine" in [one.name for one in words.listing()]
    index = words.open_words("mine")
    assert index.analogy(parse(["rey", "hombre", "mujer"]), k=1).hits[0].word == "reina"
    for name in ("out.vec", "out.bin"):
        assert words.export("mine", store / name) == 9
        again = words.add(store / name, "again")
        assert again.stored.words == 9
        one = words.open_words("again").vectors
        assert_allclose(one.vectors(range(9)), toy_words.vectors(), atol=0.01)


def test_the_vocabulary_limit_keeps_the_first_words(store):
    path = store / "toy.vec"
    path.write_text("uno 1 0 0\ndos 0 1 0\ntres 0 0 1\n", "utf-8")
    assert words.add(path, "two", limit=2).stored.words == 2
    assert "tres" not in words.open_words("two").vectors


def test_an_unknown_name_lists_the_names(store):
    toy_words.write(words.vectors_dir() / "mine.safetensors", "mine")
    with pytest.raises(BadInput, match=r"no word vectors are called 'yours'.*mine"):
        words.open_words("yours")


def test_unknown_words_are_composed_from_n_grams(store):
    gensim = pytest.importorskip("gensim")
    from gensim.models.fasttext import save_facebook_model

    sentences = [["canción", "de", "cuna"], ["la", "canción", "del", "pirata"]] * 20
    model = gensim.models.FastText(
        sentences, vector_size=8, min_count=1, bucket=300, epochs=2, seed=1, workers=1
    )
    save_facebook_model(model, str(store / "model.bin"))
    words.add(store / "model.bin", "ft")
    index = words.open_words("ft")
    found = index.vectors.find("cancioncita")
    assert found.row is None
    assert "composed from its n-grams" in found.note
    expected = model.wv["cancioncita"] / np.linalg.norm(model.wv["cancioncita"])
    assert_allclose(index.vectors.embed([found])[0], expected, atol=0.02)
    assert index.neighbors("cancioncita", k=1).hits[0].word == "canción"


@pytest.mark.parametrize(
    "content", ["2 3\nrey 0.1 0.2\nreina 0.1 0.2\n", "2 3\nrey a b c\n", "rey\n", "2 3\n"]
)
def test_a_file_that_is_refused_leaves_nothing_behind(tmp_path, monkeypatch, content):
    monkeypatch.setenv("RETRIEVE_WORDS", str(tmp_path / "words"))
    (tmp_path / "v.vec").write_text(content, "utf-8")
    with pytest.raises(BadInput):
        words.add(tmp_path / "v.vec", "mine")
    assert list(tmp_path.glob("words/*")) == []
