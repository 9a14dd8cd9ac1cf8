"""Classifiers at use: from their file, without torch, and what they say of the unknown."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, WeightsError
from retrieve.text.classifiers.classify import (
    Classifier,
    LinearNetwork,
    familiarity,
    open_classifier,
    probabilities,
)
from retrieve.text.classifiers.file import About, Fitted, decoded, quantize, read, save
from retrieve.text.encoders.ngrams import Grams, NgramEncoder

GRAMS = Grams(longest=3, words=1, bits=10)
FLORES = Path(__file__).parents[4] / "shared" / "text" / "evaluation" / "language_id"
TEXTS = ["barco y vela", "horno", "trigo, oveja y pasto; más trigo"]


def _arrays(seed: int = 0):
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(1 << GRAMS.bits, 3)).astype(np.float32)
    return quantize("weights", weights, axis=0) | {"bias": np.array([0.1, -0.2, 0.3], np.float32)}


def _about(**changes) -> About:
    encoder = NgramEncoder(GRAMS)
    made = About(
        "toy", "linear", ("campo", "cocina", "mar"), "ngrams", encoder.weights_sha256,
        {"longest": 3, "words": 1, "letters": False, "bits": 10},
    )  # fmt: skip
    return replace(made, **changes)


def test_the_sparse_product_is_the_dense_one(monkeypatch):
    arrays, encoder = _arrays(), NgramEncoder(GRAMS)
    weights = arrays["weights"] * arrays["weights.scales"]
    wanted = encoder.embed(TEXTS) @ weights + arrays["bias"]
    assert_allclose(LinearNetwork(encoder, arrays).logits(TEXTS), wanted, atol=1e-5)
    monkeypatch.setattr("retrieve.text.classifiers.classify.GATHERED", 1)
    assert_allclose(LinearNetwork(encoder, arrays).logits(TEXTS), wanted, atol=1e-5)


def test_a_classifier_is_the_same_after_its_file(tmp_path):
    about = _about(fitted=Fitted(0.7, 1.5, 0.95), sources=("a.csv",), figures={"accuracy": 0.9})
    save(tmp_path / "toy.safetensors", about, _arrays())
    opened = open_classifier(tmp_path / "toy.safetensors")
    assert opened.about == about
    network = LinearNetwork(NgramEncoder(GRAMS), _arrays())
    assert opened.classify(TEXTS) == Classifier(about, network).classify(TEXTS)


def test_8_bits_are_within_half_a_step_of_the_matrix():
    matrix = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)
    found = decoded(quantize("m", matrix, axis=1), "m")
    assert (np.abs(found - matrix) <= np.abs(matrix).max(axis=1, keepdims=True) / 254 + 1e-6).all()


def test_a_flipped_bit_is_found(tmp_path):
    path = tmp_path / "toy.safetensors"
    save(path, _about(), _arrays())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged: array"):
        read(path)


def test_what_is_no_classifier_is_one_line(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(WeightsError, match="to make one: retrieve train classifier"):
        open_classifier(path)
    with pytest.raises(WeightsError, match="cannot read a classifier"):
        open_classifier(tmp_path / "missing.safetensors")
    with pytest.raises(BadInput, match="no classifier is called 'klingon'"):
        open_classifier("klingon")


def test_another_encoder_than_in_training_is_an_error(tmp_path):
    path = tmp_path / "toy.safetensors"
    save(path, _about(encoder_sha256="0" * 64), _arrays())
    with pytest.raises(WeightsError, match="another encoder 'ngrams'"):
        open_classifier(path)
    save(path, _about(classes=("a", "b")), _arrays())
    with pytest.raises(WeightsError, match="no whole classifier"):
        open_classifier(path)


def test_probabilities_sum_to_1_and_heat_makes_them_even():
    logits = np.array([[1.0, 2.0, 4.0], [900.0, 0.0, -900.0]], np.float32)
    cold, hot = probabilities(logits, Fitted(0.5)), probabilities(logits, Fitted(50.0))
    assert_allclose(cold.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(cold[0], np.exp([2.0, 4, 8]) / np.exp([2.0, 4, 8]).sum(), rtol=1e-5)
    assert hot[0].max() < cold[0].max()


def test_a_text_below_the_threshold_is_none_of_the_classes_but_they_stay_ranked():
    network = LinearNetwork(NgramEncoder(GRAMS), _arrays())
    known = familiarity(network.logits(TEXTS), Fitted())
    about = _about(fitted=Fitted(threshold=float(np.median(known))))
    found = Classifier(about, network).classify(TEXTS)
    assert [one.label is None for one in found] == (known < np.median(known)).tolist()
    for one in found:
        odds = [ranked.probability for ranked in one.ranked]
        assert odds == sorted(odds, reverse=True)
        assert one.label in (None, one.ranked[0].label)


def test_a_document_is_the_average_of_its_passages_by_length():
    classifier = Classifier(_about(), LinearNetwork(NgramEncoder(GRAMS), _arrays()))
    found = classifier.classify_document([TEXTS[0], "  ", TEXTS[2]])
    single = classifier.classify([TEXTS[0], TEXTS[2]])
    shares = np.array([len(TEXTS[0]), len(TEXTS[2])]) / (len(TEXTS[0]) + len(TEXTS[2]))
    for label, probability in ((one.label, one.probability) for one in found.ranked):
        each = [next(r.probability for r in one.ranked if r.label == label) for one in single]
        assert probability == pytest.approx(float(shares @ each), abs=1e-6)
    with pytest.raises(BadInput, match="holds no letter"):
        classifier.classify_document(["  "])


def test_the_shipped_classifier_tells_near_languages_apart():
    texts = {
        "ast": "Los neños xugaben nel prau cola so güela mientres nun llovía.",
        "cat": "Els nens jugaven al prat amb la seva àvia mentre no plovia.",
        "glg": "Os nenos xogaban no prado coa súa avoa mentres non chovía.",
        "oci": "Los dròlles jogavan dins lo prat amb lor mameta quand plovia pas.",
        "por": "As crianças brincavam no prado com a avó enquanto não chovia.",
        "spa": "Los niños jugaban en el prado con su abuela mientras no llovía.",
    }
    found = open_classifier("languages").classify(list(texts.values()))
    assert [one.ranked[0].label for one in found] == list(texts)


def test_the_shipped_classifier_calls_other_languages_none():
    texts = [
        "Wszyscy ludzie rodzą się wolni i równi w swojej godności i prawach.",
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
        "Все люди рождаются свободными и равными в своём достоинстве и правах.",
        "All human beings are born free and equal in dignity and rights.",
    ]
    found = [one.label for one in open_classifier("languages").classify(texts)]
    assert found == [None, None, None, "eng"]


def test_the_shipped_classifier_calls_few_words_of_its_languages_by_name():
    texts = {
        "spa": "Buenas tardes, ¿cómo estás?",
        "deu": "guten Morgen zusammen",
        "fra": "où est-ce qu'on mange",
        "nld": "ik weet het niet",
        "ast": "los guajes xugaben",
        "eng": "wheat harvest begins",
        "ron": "un câine bătrân",
    }
    found = open_classifier("languages").classify(list(texts.values()))
    assert [one.label for one in found] == list(texts)


@pytest.mark.skipif(not FLORES.is_dir(), reason="../shared/text is not here")
@pytest.mark.parametrize(("words", "least"), [(slice(None), 0.99), (slice(3, 6), 0.82)])
def test_the_shipped_classifier_knows_sentences_of_an_encyclopedia_and_three_words(words, least):
    texts, wanted = [], []
    for path in sorted(FLORES.glob("*.txt")):
        lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()][::5]
        texts += [" ".join(line.split()[words]) for line in lines]
        wanted += [path.stem] * len(lines)
    found = open_classifier("languages").classify(texts)
    right = sum(one.label == label for one, label in zip(found, wanted, strict=True))
    assert len(texts) == 12 * 102
    assert right / len(texts) >= least


def test_classifying_imports_neither_torch_nor_scipy():
    code = (
        "import sys\n"
        "from retrieve.text.classifiers.classify import open_classifier\n"
        "open_classifier('languages').classify(['hola'])\n"
        "print(sorted({'torch', 'scipy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
