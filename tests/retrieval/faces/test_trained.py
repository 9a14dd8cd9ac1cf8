"""Embedders of the user's own: files that are believed when they are whole, and names."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import save_file

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.embedding.embed import (
    SHIPPED_NAMES,
    families,
    head_of,
    is_embedder,
    open_embedder,
)
from retrieve.faces.embedding.trained import file, graphs
from retrieve.faces.embedding.views import embed, views

HEAD = np.eye(192, dtype=np.float32)[:, :7].copy()


def _head(path, *, on_sha256=None, head=HEAD):
    sha256 = on_sha256 or open_embedder("mobilefacenet").weights_sha256
    file.save(path, file.About(path.stem, file.HEAD, "mobilefacenet", sha256), {"head": head})
    return path


@pytest.fixture
def named(tmp_path, monkeypatch):
    """A head called `mine` where the user's own embedders lie."""
    monkeypatch.setattr(file, "embedders_dir", lambda: tmp_path / "embedders")
    return _head(tmp_path / "embedders" / "mine.safetensors")


def test_a_name_stands_for_its_file_and_needs_no_torch(named, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    embedder = open_embedder("mine")
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3)).astype(np.uint8)
    found = embed(embedder, (crops,))
    below = embed(open_embedder("mobilefacenet"), (crops,)) @ HEAD
    assert_allclose(found, below / np.linalg.norm(below, axis=1, keepdims=True), atol=1e-6)
    assert (embedder.name, embedder.dim) == ("mine", 7)
    assert is_embedder("mine")
    assert [family.name for family in families("mine")] == ["mobilefacenet"]
    assert views("mine", "mtcnn")[0].size_px == 112
    assert views(embedder, "mtcnn")[0].size_px == 112
    assert head_of("mine")[0] == "mobilefacenet"
    assert head_of("mobilefacenet") == ("mobilefacenet", None)


def test_small_face_runs_without_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    rng = np.random.default_rng(0)
    shapes = graphs.graphs()["small-face"].shapes
    arrays = {name: rng.normal(0, 0.05, shape).astype("f") for name, shape in shapes.items()}
    path = tmp_path / "own.safetensors"
    file.save(path, file.About("own", "small-face"), arrays)
    rows = open_embedder(str(path)).embed(np.zeros((2, 64, 64, 3), np.uint8))
    assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_an_unknown_name_is_told_the_names_there_are(named):
    with pytest.raises(BadInput, match="mine"):
        open_embedder("nobody")


def test_any_changed_byte_of_the_arrays_is_noticed(named):
    content = bytearray(named.read_bytes())
    content[-5] ^= 1
    named.write_bytes(content)
    with pytest.raises(WeightsError, match="is damaged"):
        open_embedder("mine")


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}", b"x" * 100])
def test_what_is_no_embedder_is_refused(tmp_path, content):
    path = tmp_path / "own.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="does not hold an embedder"):
        open_embedder(str(path))


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    stated = {"kind": "text-classifier", "format": 1, "sha256": {}, "sources": []}
    save_file({"a": HEAD}, path, {"retrieve": json.dumps(stated)})
    with pytest.raises(WeightsError, match="text-classifier 1, wanted face-embedder 1"):
        file.read(path)


def test_a_head_on_other_weights_is_refused(tmp_path):
    path = _head(tmp_path / "own.safetensors", on_sha256="0" * 64)
    with pytest.raises(WeightsError, match="with other weights"):
        open_embedder(str(path))


def test_a_head_of_another_shape_is_refused(tmp_path):
    path = _head(tmp_path / "own.safetensors", head=HEAD[:5])
    with pytest.raises(WeightsError, match="no matrix of 192 rows"):
        open_embedder(str(path))


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    path = _head(tmp_path / "own.safetensors", head=HEAD * np.float32(np.nan))
    with pytest.raises(WeightsError, match="not finite"):
        open_embedder(str(path))


def test_weights_of_another_network_do_not_fill_a_graph():
    with pytest.raises(WeightsError, match="not the weights of small-face"):
        graphs.model("small-face", {"stem.conv.weight": HEAD})
    with pytest.raises(WeightsError, match="no network 'other'"):
        graphs.model("other", {})


def test_a_damaged_graph_is_refused(tmp_path):
    known = graphs.graphs()["small-face"]
    (tmp_path / graphs.RECORD).write_bytes((graphs.FOLDER / graphs.RECORD).read_bytes())
    (tmp_path / known.file).write_bytes(b"?")
    arrays = {name: np.zeros(shape, np.float32) for name, shape in known.shapes.items()}
    with pytest.raises(WeightsError, match="is damaged"):
        graphs.model("small-face", arrays, tmp_path)


@pytest.mark.parametrize("out", ["a+b", "../a", "", ".a", "a/b"])
def test_a_name_that_cannot_be_asked_for_is_refused(out):
    with pytest.raises(BadInput, match="wanted a name"):
        file.where(out, SHIPPED_NAMES)


def test_the_name_of_a_network_that_ships_is_refused(tmp_path):
    with pytest.raises(BadInput, match="ships"):
        file.where("mobilefacenet", SHIPPED_NAMES)
    with pytest.raises(BadInput, match="ships"):
        file.where(str(tmp_path / "facenet.safetensors"), SHIPPED_NAMES)
