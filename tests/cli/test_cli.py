from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import warm
from PIL import Image

from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.sample_data.album import draw_portrait

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="../shared/photos is not here")
ROOT = Path(__file__).parents[2]


def _run(*arguments, collection=None, code=0):
    environment = {} if collection is None else {"RETRIEVE_COLLECTION": collection}
    return warm.retrieve(*arguments, code=code, **environment)


@pytest.fixture(scope="module")
def collection(album, tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "collection"
    first = _run("index", album, collection=path)
    assert "new" in first.stdout
    assert "dañada.jpg: cut short" in first.stdout
    return path


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['retrieve', '--help']\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'faiss', 'onnxruntime', 'numpy', 'PIL', 'sqlite_utils'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def _imported(*arguments):
    """The modules that a command has imported when it ends."""
    code = (
        f"import sys; sys.argv = ['retrieve', *{[str(one) for one in arguments]!r}]\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_a_command_imports_no_other_commands_module(collection):
    found = _imported("info", "--collection", collection)
    folder = "retrieve.cli.commands.collection"
    assert {one for one in found if one.startswith(f"{folder}.")} == {f"{folder}.info"}
    assert "retrieve.cli.commands.search" not in found


def test_where_nothing_is_new_the_indexer_hands_no_network_to_its_runtime(collection, album):
    assert "onnxruntime" not in _imported("index", album, "--collection", collection)


def test_search_imports_no_torch(collection, probe):
    code = (
        "import sys\n"
        f"sys.argv = ['retrieve', 'search', {str(probe)!r}, '-c', {str(collection)!r}]\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "assert 'onnxruntime' in sys.modules\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize(
    "command",
    [
        *["index", "search", "detect", "embed", "info", "models", "calibrate"],
        *["watch", "backup", "restore", "identify", "verify"],
        *["analogy", "neighbors", "odd-one-out", "similarity"],
        *["words list", "words add", "words export", "words plot"],
        *["evaluate words", "evaluate faces", "train words"],
        *["predict", "generate", "evaluate language-model"],
        *["train language-model", "train pieces"],
    ],
)
def test_every_command_has_help_with_an_example_and_stands_in_the_documentation(command):
    assert f"Example: retrieve {command}" in _run(*command.split(), "--help").stdout
    assert f"### retrieve {command}\n" in (ROOT / "docs" / "commands.md").read_text(
        encoding="utf-8"
    )


def test_a_second_run_finds_everything_unchanged(collection, album):
    rows = dict(
        line.split()[:2]
        for line in _run("index", album, collection=collection).stdout.splitlines()[:7]
    )
    assert rows == {
        "new": "0",
        "unchanged": "13",
        "moved": "0",
        "duplicate": "0",
        "changed": "0",
        "gone": "0",
        "skipped": "1",
    }


def test_search_prints_json_as_documented(collection, probe):
    lines = _run("search", probe, probe, "-k", 2, "--json", collection=collection).stdout
    answers = [json.loads(line) for line in lines.splitlines()]
    assert len(answers) == 2
    for answer in answers:
        assert answer["probe"] == str(probe)
        (face,) = answer["faces"]
        assert face["face"] == 1
        assert len(face["box"]) == 4
        assert [hit["rank"] for hit in face["hits"]] == [1, 2]
        for hit in face["hits"]:
            assert {"path", "box", "score", "probability"} <= hit.keys()


def test_search_prints_a_table_and_csv(collection, probe):
    assert "probability" in _run("search", probe, collection=collection).stdout
    text = _run("search", probe, "-k", 3, "--csv", collection=collection).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["rank"] for row in rows] == ["1", "2", "3"]


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_the_gallery_is_self_contained_and_escapes_names(album, tmp_path):
    folder = tmp_path / "<script>alert(1)<"
    folder.mkdir()
    photo = next(album.rglob("IMG_0001.jpg"))
    (folder / 'x" onerror=[bold].jpg').write_bytes(photo.read_bytes())
    _run("index", folder, collection=tmp_path / "c")
    out = _run("search", photo, "--html", tmp_path / "hits.html", collection=tmp_path / "c").stdout
    assert "onerror=[bold].jpg" in out  # markup is text
    page = _Page()
    page.feed((tmp_path / "hits.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert all(a.startswith(("data:image/jpeg", "./")) for a in page.addresses)


def test_a_probe_without_a_face_is_searched_as_a_whole(collection, tmp_path):
    Image.new("RGB", (200, 200), "navy").save(tmp_path / "sea.png")
    done = _run("search", tmp_path / "sea.png", collection=collection)
    assert "no face found" in done.stderr
    assert "as a whole: no stored photo passes the threshold" in done.stdout
    assert "different photos reaches it with a chance of 0.01" in done.stdout
    done = _run("search", tmp_path / "nothing.png", collection=collection, code=1)
    assert "no such photo" in done.stderr


def test_errors_are_one_line_and_exit_1(tmp_path, probe):
    for arguments, words in [
        (["search", probe], "retrieve index FOLDER"),
        (["index", tmp_path / "nowhere"], "no such file or folder"),
        (["index", tmp_path, "--model", "arcface"], "names are dlib-resnet"),
        (["index", tmp_path, "--detector", "hog"], "names are mtcnn"),
        (["index", tmp_path, "--device", "cuda"], "needs a GPU"),
    ]:
        done = _run(*arguments, collection=tmp_path / "c", code=1)
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_detect_gives_boxes_landmarks_and_a_drawing(album, tmp_path):
    photo = next(album.rglob("IMG_0004.png"))
    (line,) = _run("detect", photo, "--json", "--draw", tmp_path).stdout.splitlines()
    found = json.loads(line)
    assert found["path"] == str(photo)
    assert len(found["faces"]) >= 2
    for face in found["faces"]:
        assert np.shape(face["landmarks"]) == (5, 2)
        assert 0 < face["quality"] <= 1
        assert 0.25 < face["score"] <= 1
    assert (tmp_path / f"{photo.name}.faces.jpg").stat().st_size > 10_000


def test_embed_writes_arrays(album, tmp_path):
    _run("embed", album, "--out", tmp_path / "faces.npz")
    with np.load(tmp_path / "faces.npz") as arrays:
        n = len(arrays["path"])
        assert n > 12
        assert arrays["box"].shape == (n, 4)
        assert arrays["score"].shape == (n,)
        np.testing.assert_allclose(np.linalg.norm(arrays["embedding"], axis=1), 1, atol=1e-5)


def test_info_and_models_tell_what_there_is(collection):
    info = json.loads(_run("info", "--json", "--skipped", collection=collection).stdout)
    assert (info["photos"], info["dim"], info["detector"]) == (12, 128, "centerface")
    assert info["skipped_files"][0]["path"].endswith("dañada.jpg")
    rows = [json.loads(line) for line in _run("models", "--json").stdout.splitlines()]
    present = {row["name"]: row["present"] for row in rows if row["kind"] == "weights"}
    assert present["dlib-resnet"]
    embedders = {row["name"]: row for row in rows if row["kind"] == "embedder"}
    assert [name for name, row in embedders.items() if row["default"]] == [DEFAULT_EMBEDDER]
    assert {"dlib-resnet", "mobilefacenet"} < embedders.keys()
    table = _run("models").stdout
    assert "CC0" in table
    assert "mobilefacenet (default)" in table
    texts = {(row["name"], row["licence"]) for row in rows if row["kind"] == "text model"}
    assert {("lstm", "CC BY-SA 4.0"), ("es.pieces", "CC BY 4.0")} < texts
    assert "language model, of predict and generate" in table
    for row in embedders.values():
        assert 0 < row["cpu_ms"] < 1000
        assert 0 < row["fnmr"]["0.0002"] < row["fnmr"]["1e-05"] < 1


def test_calibrate_fits_from_folders_of_people(tmp_path):
    for person in range(4):
        folder = tmp_path / "people" / str(person)
        folder.mkdir(parents=True)
        for shot in range(4):
            Image.fromarray(draw_portrait(1000 + person, shot)).save(folder / f"{shot}.jpg")
    done = _run("calibrate", tmp_path / "people", "--out", tmp_path / "fit.json")
    assert "default" in done.stdout
    fitted = json.loads((tmp_path / "fit.json").read_text())
    assert fitted["slope"] > 0
    assert (fitted["genuine"], fitted["impostor"]) == (4 * 6, 6 * 16)


@needs_photos
def test_every_odd_file_is_indexed_or_listed_and_hopper_is_one_person(tmp_path):
    odd = sorted((PHOTOS / "odd").iterdir())
    _run("index", *odd, collection=tmp_path / "c")
    info = json.loads(_run("info", "--json", collection=tmp_path / "c").stdout)
    assert info["files"] + info["skipped"] == len(odd)
    upright = PHOTOS / "odd" / "pillow_hopper.png"
    arguments = ["search", upright, "-k", 1000, "--threshold", "-1", "--json"]
    answer = json.loads(_run(*arguments, collection=tmp_path / "c").stdout)
    scores = {Path(hit["path"]).name: hit["score"] for hit in answer["faces"][0]["hits"]}
    unread = (".ico", ".ppm", ".psd", ".qoi", ".pgm")
    hoppers = {p.name for p in odd if "hopper" in p.name and p.suffix not in unread}
    whole = {name for name in hoppers if "bad_exif" not in name and "bw" not in name}
    assert min(scores[name] for name in whole) >= 0.97
