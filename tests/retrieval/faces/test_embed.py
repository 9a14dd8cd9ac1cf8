from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from retrieve.errors import BadInput, WeightsError
from retrieve.faces.embedding.embed import best_precision, network_spec, open_embedder
from retrieve.faces.embedding.embedder import Embedder
from retrieve.models.inception_resnet_v1 import InceptionResnetV1
from retrieve.networks import weights
from retrieve.types import Crops

PHOTOS = Path(__file__).parents[4] / "shared" / "photos"
CLASSES = 7


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def float32(cache: Path) -> Embedder:
    return open_embedder("dlib-resnet", precision="float32", cache=cache)


@pytest.fixture(scope="module")
def noise() -> Crops:
    return np.random.default_rng(0).integers(0, 256, (40, 150, 150, 3), np.uint8)


@pytest.fixture(scope="module")
def portraits() -> Crops:
    """(40, 150, 150, 3): the middle of official portraits, near enough to a face crop."""
    if not PHOTOS.is_dir():
        pytest.skip("the shared photographs are absent")
    with (PHOTOS / "labels.csv").open() as file:
        paths = [PHOTOS / row["path"] for row in csv.DictReader(file)]
    chosen = [path for path in paths if "gallery_2015" in str(path)][:40]
    crops = []
    for path in chosen:
        image = Image.open(path).convert("RGB")
        w, h = image.size
        box = (w // 2 - w // 3, h // 2 - w // 3, w // 2 + w // 3, h // 2 + w // 3)
        crops.append(np.asarray(image.resize((150, 150), Image.Resampling.BOX, box=box)))
    return np.stack(crops)


@pytest.fixture(scope="module")
def facenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as facenet-pytorch publishes them, untrained."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("facenet") / "own.pt"
    torch.save(InceptionResnetV1(CLASSES).state_dict(), path)
    return path


def test_embeddings_are_unit_rows(float32, noise):
    embeddings = float32.embed(noise)
    assert embeddings.shape == (40, float32.dim) == (40, 128)
    assert embeddings.dtype == np.float32
    assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_no_crops_give_no_embeddings(float32):
    assert float32.embed(np.empty((0, 150, 150, 3), np.uint8)).shape == (0, 128)


def test_a_crop_has_the_same_embedding_in_every_batch(float32, noise):
    together = float32.embed(noise)
    for i in (0, 15, 16, 39):
        assert_allclose(float32.embed(noise[i : i + 1])[0], together[i], atol=1e-5)


def test_a_crop_and_its_mirror_image_have_one_embedding(float32, noise):
    assert_allclose(float32.embed(noise[:3, :, ::-1]), float32.embed(noise[:3]), atol=1e-5)


def test_the_mean_is_taken_of_raw_vectors(cache, float32, noise):
    module = network_spec("dlib-resnet").build().eval()
    planes = torch.from_numpy(noise[:2].transpose(0, 3, 1, 2).astype(np.float32))
    with torch.inference_mode():
        plain, mirrored = module(planes), module(planes.flip(3))
    assert_allclose(float32.embed(noise[:2]), F.normalize(plain + mirrored), atol=1e-5)
    without = open_embedder("dlib-resnet", precision="float32", mirror=False, cache=cache)
    assert_allclose(without.embed(noise[:2]), F.normalize(plain), atol=1e-5)


def test_eight_bits_give_the_vectors_of_float32(cache, float32, portraits):
    chosen = open_embedder("dlib-resnet", cache=cache)
    got, want = chosen.embed(portraits), float32.embed(portraits)
    cosine = (got * want).sum(axis=1)
    assert cosine.min() > 0.999
    assert cosine.mean() > 0.9995
    # Scores between people move far less than people differ: impostors spread by .03.
    assert np.abs(got @ got.T - want @ want.T).max() < 0.01
    assert not np.array_equal(got, want)


def test_eight_bits_are_for_the_published_weights_on_a_cpu(cache, facenet_file, tmp_path):
    spec = network_spec("dlib-resnet")
    assert best_precision(spec, "cpu") == "int8"
    assert best_precision(spec, "cuda") == "float32"
    assert best_precision(network_spec(str(facenet_file), cache=cache), "cpu") == "float32"
    # The ranges were observed on the published weights: of others they would cut values off.
    (tmp_path / "own.dat").write_bytes(weights.locate("dlib-resnet").read_bytes() + b" ")
    assert best_precision(network_spec(str(tmp_path / "own.dat")), "cpu") == "float32"


@pytest.fixture(scope="module")
def mobile() -> Embedder:
    return open_embedder("mobilefacenet")


def test_mobilefacenet_is_an_embedder_of_its_own(mobile):
    assert (mobile.name, mobile.dim, mobile.crop_px) == ("mobilefacenet", 192, 112)
    assert mobile.weights_sha256 == weights.TABLE["mobilefacenet"].sha256
    assert best_precision(network_spec("mobilefacenet"), "cpu") == "float32"
    crops = np.random.default_rng(0).integers(0, 256, (9, 112, 112, 3), np.uint8)
    embeddings = mobile.embed(crops)
    assert embeddings.shape == (9, 192)
    assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert_allclose(mobile.embed(crops[8:])[0], embeddings[8], atol=1e-5)


def test_mobilefacenet_looks_at_no_mirror_image_unless_asked_to(mobile):
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    assert (mobile.embed(crops) * mobile.embed(crops[:, :, ::-1])).sum(axis=1).max() < 0.999
    mirrored = open_embedder("mobilefacenet", mirror=True)
    assert_allclose(mirrored.embed(crops[:, :, ::-1]), mirrored.embed(crops), atol=1e-5)
    plain = open_embedder("mobilefacenet", mirror=False)
    assert_allclose(plain.embed(crops), mobile.embed(crops), atol=1e-6)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((2, 160, 160, 3), np.uint8),
        np.zeros((2, 150, 150, 3), np.float32),
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((2, 3, 150, 150), np.uint8),
    ],
)
def test_other_crops_are_bad_input(float32, crops):
    with pytest.raises(BadInput, match=r"\(N, 150, 150, 3\) uint8"):
        float32.embed(crops)


@pytest.mark.parametrize("detector", ["mtcnn", "centerface"])
def test_a_template_is_a_face(cache, float32, mobile, facenet_file, detector):
    facenet = open_embedder(str(facenet_file), cache=cache)
    for embedder in (float32, mobile, facenet):
        points = embedder.template(detector)
        assert points.shape == (5, 2)
        assert points.dtype == np.float32
        left_eye, right_eye, nose, left_mouth, right_mouth = points
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < nose[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        assert points.min() > 0
        assert points.max() < embedder.crop_px
        # Upright and nearly in the middle: mirror images meet the same template.
        assert_allclose((left_eye + right_eye)[0] / 2, embedder.crop_px / 2, atol=1)


def test_an_unknown_detector_is_bad_input(float32):
    with pytest.raises(BadInput, match="mtcnn, centerface"):
        float32.template("hog")


def test_facenet_runs_from_a_local_file(cache, facenet_file):
    embedder = open_embedder(str(facenet_file), cache=cache)
    assert (embedder.name, embedder.dim, embedder.crop_px) == ("own", 512, 160)
    assert embedder.weights_sha256 == weights.sha256_of(str(facenet_file))
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), np.uint8)
    module = InceptionResnetV1(CLASSES).eval()
    module.load_state_dict(torch.load(facenet_file, weights_only=True))
    x = (torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32)) - 127.5) / 128
    with torch.inference_mode():
        expected = F.normalize(module(x) + module(x.flip(3)))
    assert_allclose(embedder.embed(crops), expected, atol=1e-5)


def test_facenet_is_found_in_the_cache(cache, facenet_file, tmp_path):
    row = weights.TABLE["facenet-vggface2"]
    copy = tmp_path / "weights" / row.file_name
    copy.parent.mkdir()
    copy.write_bytes(facenet_file.read_bytes())
    with pytest.warns(weights.UnpinnedWeights):
        spec = network_spec("facenet-vggface2", cache=tmp_path)
    assert spec.weights_sha256 == weights.sha256_of(str(facenet_file))
    # Given by its path a published file keeps its published name.
    assert open_embedder(str(copy), cache=cache).name == "facenet-vggface2"


def test_a_state_dict_of_another_network_is_refused(cache, tmp_path):
    path = tmp_path / "other.pt"
    torch.save({"logits.weight": torch.zeros(3, 512), "conv.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="does not fit InceptionResnetV1"):
        open_embedder(str(path), cache=cache)


@pytest.mark.parametrize("content", [b"", b"not a state dict", b"\x80\x02garbage", b"PK\x03\x04"])
def test_a_damaged_state_dict_is_refused(cache, tmp_path, content):
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(WeightsError, match="not a state dict"):
        open_embedder(str(tmp_path / "damaged.pt"), cache=cache)


def test_a_pickle_that_runs_code_is_refused(cache, tmp_path):
    class Exploit:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"logits.weight": Exploit()}, tmp_path / "evil.pt")
    with pytest.raises(WeightsError, match="not a state dict"):
        open_embedder(str(tmp_path / "evil.pt"), cache=cache)
    assert not (tmp_path / "ran").exists()


def test_damaged_dlib_weights_are_refused(cache, tmp_path):
    data = weights.locate("dlib-resnet").read_bytes()
    (tmp_path / "cut.dat").write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        open_embedder(str(tmp_path / "cut.dat"), cache=cache)


def test_an_unknown_name_lists_the_known_ones():
    names = "dlib-resnet, mobilefacenet, facenet, facenet-vggface2, facenet-casia-webface"
    with pytest.raises(BadInput, match=names):
        open_embedder("arcface")
