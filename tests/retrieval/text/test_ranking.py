"""The shipped ranking on passages and queries whose right order is plain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrieve.errors import WeightsError
from retrieve.evaluation import retrieval
from retrieve.evaluation.in_memory import InMemory
from retrieve.text.encoders.encode import open_text_encoder
from retrieve.text.ranking import stem_vectors
from retrieve.text.ranking.evidence import EVIDENCE, NAMES
from retrieve.text.ranking.ranking import (
    READ,
    Candidate,
    Ranker,
    Statistics,
    examine,
    open_ranker,
)

ROOT = Path(__file__).parents[3]
SQUAD = ROOT.parent / "shared/text/evaluation"
FEW = Statistics(1000, 8.0, lambda stems: [3] * len(stems))


@pytest.fixture(scope="module")
def ranker():
    return open_ranker()


@pytest.fixture(scope="module")
def encoder():
    return open_text_encoder("lstm")


def _best(ranker, query, *texts, statistics=FEW):
    return texts[int(ranker.scores(query, [Candidate(t) for t in texts], statistics).argmax())]


def test_a_rare_name_comes_first_whatever_the_embeddings_say(ranker):
    candidates = [
        Candidate("El médico del pueblo curó la fiebre de los niños.", bm25=0.0, cosine=0.9),
        Candidate("A Anacleta le dieron quinina en la rebotica.", bm25=5.0, cosine=-0.1),
    ]
    assert ranker.scores("Anacleta", candidates, FEW).argmax() == 1


@pytest.mark.parametrize("query", ["Gengis", "la muerte de Genghis", "Genghís"])
def test_a_name_spelt_otherwise_is_met(ranker, query):
    right = "Genghis murió en el verano de 1227."
    assert _best(ranker, query, "El vino se guarda en toneles.", right) == right


def test_words_meet_in_one_sentence_rather_than_apart(ranker):
    near = "El molino ardió en marzo. La abuela cosía. Llovía sin parar aquel día."
    far = "El molino era viejo. La abuela cosía en marzo. Una tarde algo ardió."
    assert _best(ranker, "molino ardió", far, near) == near


def test_a_title_speaks_for_its_passage(ranker):
    passages = [
        Candidate("Se fundó en el siglo once.", title="Teruel"),
        Candidate("Se fundó en el siglo once.", title="Zaragoza"),
    ]
    assert ranker.scores("¿cuándo se fundó Zaragoza?", passages, FEW).argmax() == 1


def test_a_word_is_met_by_its_meaning(ranker):
    right = "El automóvil se detuvo junto a la iglesia."
    assert _best(ranker, "coche", "La sopa se enfrió en la mesa de la cocina.", right) == right


def test_order_of_candidates_does_not_matter(ranker):
    rng = np.random.default_rng(0)
    words = [
        "molino",
        "trigo",
        "harina",
        "abuela",
        "guerra",
        "carta",
        "boda",
        "tren",
        "nieve",
        "feria",
    ]
    some = [
        Candidate(" ".join(rng.choice(words, 6)), document=i % 4, bm25=rng.random(), cosine=c)
        for i, c in enumerate(rng.random(2 * READ))
    ]
    scores = ranker.scores("la boda en el tren", some, FEW)
    order = rng.permutation(len(some))
    mixed = ranker.scores("la boda en el tren", [some[i] for i in order], FEW)
    np.testing.assert_allclose(mixed, scores[order], atol=1e-4)


def test_what_is_not_read_follows_in_its_first_order(ranker):
    some = [Candidate(f"pasaje {i}", bm25=float(-i), cosine=-i / 100) for i in range(3 * READ)]
    scores = ranker.scores("pasaje", some, FEW)
    assert scores.dtype == np.float32
    assert scores[READ:].max() < scores[: READ // 2].min()
    assert (np.diff(scores[READ:]) < 0).all()


def test_a_query_of_stop_words_is_ranked_by_meaning(ranker):
    some = [Candidate("uno", cosine=0.1), Candidate("dos", cosine=0.3)]
    np.testing.assert_allclose(ranker.scores("¿qué es lo que es?", some, FEW), [0.1, 0.3])
    assert ranker.scores("molino", [], FEW).shape == (0,)


def test_passages_without_words_are_ranked_last(ranker):
    assert _best(ranker, "molino", "…", "", "el molino", "¿y?") == "el molino"


def test_a_question_whose_words_every_passage_holds_has_finite_scores(ranker):
    everywhere = Statistics(3, 1.0, lambda stems: [3] * len(stems))
    scores = ranker.scores("molino", [Candidate("molino"), Candidate("molino")], everywhere)
    assert np.isfinite(scores).all()


def test_another_language_meets_by_spelling_alone():
    english = open_ranker(language="en")
    right = "The mills were running all night."
    assert _best(english, "running mill", "A letter came from home.", right) == right
    assert not len(english.vectors)


def test_paraphrases_find_their_passage_where_bm25_finds_none(ranker, encoder):
    files = ROOT / "sample_data"
    documents = retrieval.documents((files / "paraphrases.docs.jsonl").open(encoding="utf-8"))
    queries = retrieval.queries((files / "paraphrases.queries.jsonl").open(encoding="utf-8"))
    index = InMemory(documents, encoder)
    assert retrieval.evaluate(index.by_words(), queries, documents).recall_10.value < 0.02
    assert retrieval.evaluate(index.by_both(ranker), queries, documents).recall_10.value > 0.5


@pytest.mark.skipif(not SQUAD.exists(), reason="needs squad_es_dev in ../shared/text/evaluation")
def test_questions_it_was_not_fitted_on_gain_over_bm25(ranker, encoder):
    documents = retrieval.documents((SQUAD / "squad_es_dev.docs.jsonl").open(encoding="utf-8"))
    queries = retrieval.queries((SQUAD / "squad_es_dev.queries.jsonl").open(encoding="utf-8"))
    some = retrieval.half(queries, documents, "test")[::8]
    answered = {key for query in some for key in query.relevant}
    documents = [document for document in documents if document.key in answered]
    index = InMemory(documents, encoder)
    lexical = retrieval.evaluate(index.by_words(), some, documents)
    both = retrieval.evaluate(index.by_both(ranker), some, documents)
    assert both.recall_1.value > lexical.recall_1.value + 0.02
    assert both.mrr_10.value > lexical.mrr_10.value + 0.02


def test_evidence_counts_once_more_as_far_as_the_words_are_in_no_candidate():
    candidates = [Candidate("El molino ardió en marzo."), Candidate("La nieve cayó en abril.")]
    for query, unmet in (("molino marzo", 0), ("molino zarzuela", 0.5), ("zarzuela verbena", 1)):
        seen = examine(query, candidates, FEW, stem_vectors.none(4)).evidence
        half = len(EVIDENCE)
        np.testing.assert_allclose(seen[:, half:], seen[:, :half] * unmet, atol=1e-6)


def test_a_query_in_other_words_goes_by_meaning_one_that_is_met_by_words():
    own = open_ranker(encoder="static")
    meant = Candidate("El automóvil se detuvo junto a la iglesia.", cosine=0.6)
    named = Candidate("La carta llegó de Teruel.", bm25=3.0, cosine=0.1)
    said = "vehículo aparcado delante del templo carta"
    assert own.scores(said, [meant, named], FEW).argmax() == 0
    assert own.scores("la carta de Teruel", [meant, named], FEW).argmax() == 1


def test_without_a_common_word_a_query_in_plain_spanish_is_read_others_go_by_their_cosines():
    own = open_ranker(encoder="e5")
    some = [
        Candidate("El automóvil se detuvo junto a la iglesia.", cosine=0.1),
        Candidate("La sopa se enfrió en la mesa.", cosine=0.11),
    ]
    assert own.scores("coche parado templo", some, FEW).argmax() == 0
    for elsewhere in ("coche", "Wagen stand neben der Kirche", "tartana parada templo zxqu"):
        np.testing.assert_allclose(own.scores(elsewhere, some, FEW), [0.1, 0.11])


def test_weights_of_before_are_those_of_queries_that_are_met():
    before = Ranker(dict.fromkeys(EVIDENCE, 1.0), stem_vectors.none(4))
    assert list(before.weights) == list(NAMES)
    assert [before.weights[name] for name in NAMES[len(EVIDENCE) :]] == [0.0] * len(EVIDENCE)


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "small.safetensors"
    stem_vectors.save(path, ["molin", "trig"], np.eye(2, dtype=np.float32), {"language": "es"})
    with pytest.raises(WeightsError, match="this version ranks by cosine"):
        open_ranker(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match="damaged"):
        stem_vectors.read(path)
    path.write_text(json.dumps({}))
    with pytest.raises(WeightsError, match="does not hold stem vectors"):
        stem_vectors.read(path)


def test_stem_vectors_are_read_as_unit_rows_and_zeros_for_the_unknown(tmp_path):
    path = tmp_path / "small.safetensors"
    made = np.array([[3, 4], [0.5, -0.5]], np.float32)
    stem_vectors.save(path, ["molin", "trig"], made, {})
    vectors, _ = stem_vectors.read(path)
    wanted = [[0.5**0.5, -(0.5**0.5)], [0, 0], [0.6, 0.8]]
    np.testing.assert_allclose(vectors.vectors(["trig", "nadi", "molin"]), wanted, atol=4e-3)


def test_without_vectors_a_ranker_still_ranks_by_words():
    plain = Ranker(dict.fromkeys(NAMES, 1.0), stem_vectors.none(4))
    assert _best(plain, "molino", "la feria", "el molino") == "el molino"
