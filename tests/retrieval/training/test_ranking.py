from __future__ import annotations

import random

import numpy as np
import pytest
import toy_encoder
import toy_words

from retrieve.errors import BadInput
from retrieve.evaluation.retrieval import Document, Query
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders.encode import TrainedEncoder, shipped
from retrieve.text.ranking.evidence import NAMES, SENTENCE_END
from retrieve.text.ranking.ranking import open_ranker
from retrieve.text.stemming import stems
from retrieve.text.words.vectors import Origin, open_vectors
from retrieve.training import made_queries
from retrieve.training.ranking import Lists, cross_validated, fit, train, vectors_of_stems

PLANTED = np.array([2.0, -1.0] + [0.0] * (len(NAMES) - 2))


def _lists(queries=2000, candidates=6, seed=0):
    """Answers drawn with the odds that planted weights give."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(queries, candidates, len(NAMES)))
    real = np.ones((queries, candidates), bool)
    real[::3, -1] = False
    noise = rng.gumbel(size=(queries, candidates))
    best = np.where(real, evidence @ PLANTED + noise, -np.inf).argmax(axis=1)
    answers = np.arange(candidates) == best[:, None]
    return Lists(evidence, real, answers, np.arange(queries) % 4)


def test_planted_weights_are_found_again():
    found = np.array(list(fit([(_lists(), 1.0)]).values()))
    np.testing.assert_allclose(found, PLANTED, atol=0.15)


def test_cross_validation_counts_the_first_ranks():
    lists = _lists()
    best = np.where(lists.real, lists.evidence @ PLANTED, -np.inf).argmax(axis=1)
    wanted = lists.answers[np.arange(len(best)), best].mean()
    recall_1, mrr_10 = cross_validated(lists, [])
    assert recall_1 == pytest.approx(wanted, abs=0.01)
    assert recall_1 < mrr_10 < 1


def test_stems_have_the_mean_of_the_vectors_of_their_words(tmp_path):
    file = encoder_file.read(toy_encoder.write(tmp_path / "toy.safetensors"))
    counted = open_vectors(toy_words.write(tmp_path / "words.safetensors"))
    names, means = vectors_of_stems(file, counted)
    assert sorted(names) == sorted({stems(word)[0] for word in toy_words.WORDS})
    unit = file.decoded("embeddings")[: len(toy_words.WORDS)]
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    row, other = toy_words.WORDS.index("hombre"), toy_words.WORDS.index("hombres")
    often = dict(zip(counted.words, counted.counts.tolist(), strict=True))
    wanted = unit[row] * (often["hombre"] + 1) ** 0.5 + unit[other] * (often["hombres"] + 1) ** 0.5
    np.testing.assert_allclose(means[names.index("hombr")], wanted, rtol=1e-5)


class Always(random.Random):
    """Draws the same share each time, and the first of what there is."""

    def __init__(self, share):
        super().__init__(0)
        self._share = share

    def uniform(self, a, b):
        return self._share

    def random(self):
        return 0.5


def _passages():
    names = ("Alba", "Berta", "Carla", "Diana", "Elena", "Flora", "Greta", "Helga")
    lines = [f"La reina {name} vio un pájaro blanco. La noche cayó." for name in names]
    return made_queries.passages((line * 16 for line in lines), "libro", 8)


def test_made_queries_are_about_their_passage():
    documents, queries = made_queries.made(_passages(), seed=3)
    text = {document.key: document.text for document in documents}
    assert len(queries["words"]) == len(documents)
    for query in queries["words"]:
        (key,) = query.relevant
        assert set(stems(query.text)) <= set(stems(text[key]))
    for query in queries["name"]:
        holders = [key for key, body in text.items() if set(stems(query.text)) & set(stems(body))]
        assert holders == list(query.relevant)


def test_a_cloze_is_cut_out_of_its_passage():
    sentences = [f"La reina número {i} vio un pájaro blanco en la torre." for i in range(30)]
    (document,) = made_queries.passages([" ".join(sentences)], "libro", 1)
    (cut,), queries = made_queries.made([document])
    (cloze,) = queries["cloze"]
    assert cloze.text in document.text
    assert cloze.text not in cut.text
    assert len(SENTENCE_END.split(cut.text)) < len(SENTENCE_END.split(document.text))


def test_queries_in_other_words_are_made_of_words_that_their_passage_lacks():
    near = made_queries.Near(open_vectors(shipped("es")))
    lines = [
        "El campesino llevó el trigo al molino. La abuela preparó la cena en la cocina. "
        "Un soldado escribió una carta desde el frente.",
        "El médico curó la fiebre de los niños. La maestra abrió la escuela del pueblo. "
        "El río se llevó el puente de madera.",
    ]
    documents = made_queries.passages([line * 6 for line in lines], "libro", 2)
    cut, queries = made_queries.made(documents, 1, near)
    assert set(queries) == {"name", "words", "cloze", "gist", "other"}
    assert set(made_queries.made(documents, 1)[1]) == {"name", "words", "cloze"}
    text = {document.key: document.text for document in cut}
    asked = [Query("trigo molino abuela cena", frozenset({cut[0].key}))]
    all_of_them = Always(1.0)
    (said,) = made_queries.in_other_words(asked, cut, near, all_of_them)
    assert len(said.text.split()) == 4
    assert not set(stems(said.text)) & set(stems(text[cut[0].key]))
    (gist,) = made_queries.gists(
        [Query("el trigo y la harina, la nieve y el hielo", frozenset({cut[0].key}))],
        cut,
        all_of_them,
    )
    assert gist.text == "harina nieve hielo"


def test_the_same_seed_makes_the_same_queries():
    assert made_queries.made(_passages(), 5) == made_queries.made(_passages(), 5)


def test_a_trained_ranking_opens_and_ranks(tmp_path):
    file = encoder_file.read(toy_encoder.write(tmp_path / "toy.safetensors"))
    counted = open_vectors(toy_words.write(tmp_path / "words.safetensors"))
    texts = ["El rey y la reina.", "Una mesa vieja.", "París de noche.", "Un pájaro azul."]
    documents = [Document(str(i), f"t{i}", text) for i, text in enumerate(texts)]
    asked = [Query(text, frozenset({str(i)})) for i, text in enumerate(texts)]
    fitted = train(
        documents,
        asked,
        [],
        tmp_path / "ranking.safetensors",
        encoder=TrainedEncoder("toy", file),
        words=(file, counted),
        origin=Origin("toy"),
    )
    assert (fitted.questions, fitted.recall_1, fitted.mrr_10) == (4, 1.0, 1.0)
    assert open_ranker(tmp_path / "ranking.safetensors").weights == pytest.approx(fitted.weights)


def test_questions_of_one_title_cannot_be_cross_validated(tmp_path):
    lists = _lists(20)
    one = Lists(lists.evidence, lists.real, lists.answers, np.zeros(20, np.int64))
    with pytest.raises(BadInput, match="two titles"):
        cross_validated(one, [])
