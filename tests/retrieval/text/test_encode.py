"""Text encoders: what they are beside torch, what they refuse, what is shipped."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_encoder
import toy_words
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput, MissingExtra, WeightsError
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders import mean
from retrieve.text.encoders.encode import TrainedEncoder, WordsEncoder, open_text_encoder, shipped
from retrieve.text.encoders.lstm import LstmEncoder
from retrieve.text.words.vectors import open_vectors
from retrieve.text.words.vocabulary import Vocabulary

TEXTS = ["El rey y la reina", "mesa", "una mujer de París, 1850", "xilófono reina pájaro mesa rey"]
SHIPPED_SHA256 = "0ebd2888e1eedafef6e8632459d8605421fa9225ab883b5b35d02d7d8fae99a1"


@pytest.fixture
def file(tmp_path):
    return toy_encoder.write(tmp_path / "toy.safetensors")


@pytest.fixture(scope="module")
def words():
    return open_text_encoder("words")


def _by_torch(model, texts):
    vocabulary = toy_encoder.vocabulary()
    with torch.no_grad():
        return np.concatenate(
            [model(torch.tensor([vocabulary.rows(one)])).numpy() for one in texts]
        )


def _exact(hidden, tmp_path):
    """The encoder in numpy over float32 arrays, as if its file were not quantised."""
    model = toy_encoder.model(hidden)
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    file = encoder_file.EncoderFile(toy_words.WORDS, arrays, {}, "")
    return model, LstmEncoder(file)


@pytest.mark.parametrize("hidden", [0, 4])
def test_numpy_agrees_with_torch_in_float32(hidden, tmp_path):
    model, network = _exact(hidden, tmp_path)
    vocabulary = toy_encoder.vocabulary()
    found = network.embed([vocabulary.rows(text) for text in TEXTS])
    assert_allclose(found, _by_torch(model, TEXTS), atol=1e-5)


def test_numpy_agrees_with_torch_on_the_weights_of_the_file(file):
    read = encoder_file.read(file)
    model = toy_encoder.model()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.from_numpy(read.decoded(name)))
    assert_allclose(TrainedEncoder("toy", read).embed(TEXTS), _by_torch(model, TEXTS), atol=1e-5)


def test_eight_bits_change_each_weight_by_half_a_step_at_most(file):
    read = encoder_file.read(file)
    for name, value in toy_encoder.model().named_parameters():
        exact = value.detach().numpy()
        steps = np.abs(exact).max(axis=-1, keepdims=True) / 127
        assert (np.abs(read.decoded(name) - exact) <= steps / 2 + 1e-6).all()


def test_a_text_has_one_embedding_whatever_stands_beside_it(file, monkeypatch):
    encoder = open_text_encoder(str(file))
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert_allclose(encoder.embed(TEXTS), alone, atol=1e-6)
    monkeypatch.setattr("retrieve.text.encoders.lstm.BATCH_ROWS", 5)
    assert_allclose(encoder.embed(TEXTS), alone, atol=1e-6)


@pytest.mark.parametrize("name", ["words", "toy"])
def test_embeddings_are_unit_rows_and_none_is_an_answer(name, file, words):
    encoder = words if name == "words" else open_text_encoder(str(file))
    found = encoder.embed([*TEXTS, "qwrtz 77", "7"])
    assert found.dtype == np.float32
    assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert encoder.embed([]).shape == (0, encoder.dim)


@pytest.mark.parametrize("empty", ["", "   ", "¿?!…", "\n\t", "🙂"])
def test_a_text_without_letter_or_digit_is_refused_by_its_number(empty, file, words):
    for encoder in (words, open_text_encoder(str(file))):
        assert not encoder.covers(empty)
        with pytest.raises(BadInput, match=r"these have none .*: 1\."):
            encoder.embed(["mesa", empty])


def test_an_unknown_name_meets_itself_and_no_other(words):
    found = words.embed(["Zyxgorath", "zyxgorath", "Wubblefrotz"])
    assert_allclose(found[0] @ found[1], 1, atol=1e-5)
    assert abs(found[0] @ found[2]) < 0.3


def test_words_prefers_what_means_the_same(words):
    probe, near, far = words.embed(
        ["Un perro corre por el campo", "El can va por la pradera", "La ley de presupuestos"]
    )
    assert probe @ near > probe @ far + 0.2


def test_weights_say_what_the_embeddings_depend_on(file, tmp_path):
    first = open_text_encoder(str(file))
    assert first.weights_sha256 == open_text_encoder(str(file)).weights_sha256
    other = open_text_encoder(str(toy_encoder.write(tmp_path / "mean.safetensors", hidden=0)))
    assert other.weights_sha256 != first.weights_sha256
    assert len(first.weights_sha256) == 64


def test_a_damaged_file_is_refused(file):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        open_text_encoder(str(file))


def test_foreign_and_missing_files_are_refused(tmp_path):
    vectors = toy_words.write(tmp_path / "words.safetensors")
    with pytest.raises(WeightsError, match="does not hold a text encoder"):
        open_text_encoder(str(vectors))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(vectors.read_bytes()[:100])
    with pytest.raises(WeightsError, match="does not hold a text encoder"):
        open_text_encoder(str(cut))
    with pytest.raises(WeightsError, match="cannot read"):
        open_text_encoder(str(tmp_path / "none.safetensors"))


def test_an_unknown_encoder_is_refused_with_the_names_there_are():
    with pytest.raises(
        BadInput, match="there are: static, lstm, words, e5, sentence-transformers:NAME"
    ):
        open_text_encoder("bert")


def test_sentence_transformers_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'retrieve\[sentence-transformers\]'"):
        open_text_encoder("sentence-transformers:any")


@pytest.fixture
def hub(monkeypatch):
    """The hub's cache: which files of which models are in it; at first none."""
    kept: set[tuple[str, str]] = set()
    fake = types.ModuleType("huggingface_hub")
    fake.try_to_load_from_cache = lambda *file: "/".join(file) if file in kept else None
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    return kept


@pytest.mark.usefixtures("hub")
def test_sentence_transformers_stands_behind_the_same_protocol(monkeypatch):
    class Model:
        def __init__(self, name):
            if name == "absent":
                raise OSError("no such model")
            self.name = name

        def get_sentence_embedding_dimension(self):
            return 3

        def state_dict(self):
            return {"w": torch.ones(2)}

        def encode(self, texts, *, normalize_embeddings, convert_to_numpy, show_progress_bar):
            assert normalize_embeddings
            assert convert_to_numpy
            assert not show_progress_bar
            return np.eye(3)[[len(text) % 3 for text in texts]]

    fake = types.ModuleType("sentence_transformers")
    fake.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    encoder = open_text_encoder("sentence-transformers:small")
    assert (encoder.name, encoder.dim) == ("sentence-transformers:small", 3)
    found = encoder.embed(["a", "bc"])
    assert found.dtype == np.float32
    assert_array_equal(found, np.eye(3)[[1, 2]])
    assert encoder.embed([]).shape == (0, 3)
    with pytest.raises(BadInput, match="Leave them out"):
        encoder.embed(["a", "?"])
    assert len(encoder.weights_sha256) == 64
    with pytest.raises(BadInput, match="cannot open 'absent'"):
        open_text_encoder("sentence-transformers:absent")


@pytest.mark.parametrize("cached", ["ana/small", "small"])
def test_a_model_that_is_here_is_opened_without_asking_the_hub(cached, hub, tmp_path, monkeypatch):
    opened = []
    fake = types.ModuleType("sentence_transformers")
    fake.SentenceTransformer = lambda name, local_files_only=False: opened.append(
        (name, local_files_only)
    )
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    open_text_encoder(f"sentence-transformers:{cached}")
    hub.add((cached if "/" in cached else f"sentence-transformers/{cached}", "config.json"))
    open_text_encoder(f"sentence-transformers:{cached}")  # a part of it
    hub.add((cached if "/" in cached else f"sentence-transformers/{cached}", "modules.json"))
    open_text_encoder(f"sentence-transformers:{cached}")
    open_text_encoder(f"sentence-transformers:{tmp_path}")
    assert opened == [(cached, False), (cached, False), (cached, True), (str(tmp_path), True)]
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_a_model_of_which_only_a_part_is_here_is_fetched(hub, monkeypatch):
    def load(name, local_files_only=False):
        if local_files_only:
            raise OSError("no model.safetensors in the cache")
        return name

    fake = types.ModuleType("sentence_transformers")
    fake.SentenceTransformer = load
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    hub.add(("ana/small", "modules.json"))
    assert open_text_encoder("sentence-transformers:ana/small").name.endswith("ana/small")


@pytest.mark.usefixtures("hub")
def test_a_torchvision_that_does_not_load_is_hidden_from_the_library(tmp_path, monkeypatch):
    for name in ("sentence_transformers", "torchvision"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator nms does not exist')")
    (tmp_path / "sentence_transformers.py").write_text(
        "import importlib.util, sys\n"
        "assert sys.modules['torchvision'] is None\n"
        "class SentenceTransformer:\n"
        "    def __init__(self, name): self.name = name\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert open_text_encoder("sentence-transformers:any").name == "sentence-transformers:any"
    for name in ("sentence_transformers", "torchvision"):
        sys.modules.pop(name)  # what monkeypatch does not know of


def test_whitening_evens_the_axes_out_and_keeps_lengths_near_one():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 8)).astype(np.float32)
    vectors[:, 0] += 6
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shares = np.full(500, 1 / 500)
    turned = vectors @ mean.whitening(vectors, shares)
    assert_allclose(np.linalg.norm(turned, axis=1).mean(), 1, atol=1e-5)
    spread = np.linalg.eigvalsh(turned.T @ turned)
    before = np.linalg.eigvalsh(vectors.T @ vectors)
    assert spread[-1] / spread[0] < before[-1] / before[0] / 10


def test_known_words_are_rows_and_unknown_ones_share_how_they_begin():
    vocabulary = Vocabulary(toy_words.WORDS, 8192)
    assert vocabulary.rows("¡Rey, MESA!") == [0, 5]
    one, other = vocabulary.rows("broncosaurio"), vocabulary.rows("Broncosauria")
    assert len(one) == len(other) == 3
    assert one[2] == other[2]
    assert set(one[:2]).isdisjoint(other[:2])
    assert len(vocabulary.rows("1850")) == 2
    assert all(len(toy_words.WORDS) <= row < len(vocabulary) for row in one)


def test_sentences_end_at_marks_and_not_inside_numbers():
    vocabulary = toy_encoder.vocabulary()
    found = list(vocabulary.sentences("Rey. ¿Reina? ¡Mesa!… hombre 3.5 mujer"))
    assert [len(one) for one in found[:3]] == [1, 1, 1]
    assert found[3][0] == 2
    assert found[3][-1] == 3


def test_neither_encoder_of_the_package_imports_torch():
    code = (
        "import sys; from retrieve.text.encoders.encode import open_text_encoder as o;"
        "[o(n).embed(['una boda en Zaragoza']) for n in ('words', 'lstm')];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_the_shipped_encoder_is_the_measured_one():
    content = shipped("encoder").read_bytes()
    assert len(content) <= 25_000_000
    assert hashlib.sha256(content).hexdigest() == SHIPPED_SHA256


def test_the_shipped_encoder_knows_the_words_of_the_shipped_vectors_but_for_places():
    """It was trained before the 68 rarest words made room for names of places."""
    its, theirs = encoder_file.read(shipped("encoder")).words, open_vectors(shipped("es")).words
    assert its[:-68] == theirs[:-68]
    assert "budapest" in theirs[-68:]


def test_words_needs_no_counts(tmp_path):
    encoder = WordsEncoder(open_vectors(toy_words.write(tmp_path / "toy.safetensors")))
    assert_allclose(np.linalg.norm(encoder.embed(["rey mesa"]), axis=1), 1, atol=1e-5)
