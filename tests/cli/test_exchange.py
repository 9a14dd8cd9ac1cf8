"""Names, exports and imports as a user runs them."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.cli.showing.gallery import write_gallery
from retrieve.errors import RetrievalError
from retrieve.indexes.collection import open_collection
from retrieve.indexes.queries.probes import Probe, ProbeFace
from retrieve.types import Hit

ROOT = Path(__file__).parents[2]
PICKLE = "ds_model_facenet512_detector_mtcnn_aligned_normalization_base_expand_0.pkl"


def _run(*arguments, collection=None):
    """stdout of a command that ends well; what the toolkit refuses is raised."""
    environment = {"COLUMNS": "200"}
    if collection is not None:
        environment["RETRIEVE_COLLECTION"] = str(collection)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def _refused(*arguments, collection=None):
    with pytest.raises(RetrievalError) as error:
        _run(*arguments, collection=collection)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def collection(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, words in {"one": "ana", "group": "ana2 eva luis", "sea": ""}.items():
        (photos / f"{name}.jpg").write_text(words)
    with small.opened(tmp_path / "c") as opened:
        small.index(opened, photos)
    return tmp_path / "c"


def _people(collection):
    lines = _run("people", "--json", collection=collection).splitlines()
    return {row["name"]: row["faces"] for row in map(json.loads, lines)}


@pytest.mark.parametrize("command", ["name", "people", "together", "graph", "export", "import"])
def test_every_command_has_an_example_and_stands_in_the_documentation(command):
    assert f"Example: retrieve {command}" in _run(command, "--help")
    assert f"### retrieve {command}\n" in (ROOT / "docs" / "commands.md").read_text(
        encoding="utf-8"
    )


def test_faces_get_names_by_photo_number_and_id(collection, tmp_path):
    photos = tmp_path / "photos"
    out = _run("name", "Ána", photos / "one.jpg", f"{photos}/group.jpg:1", collection=collection)
    assert out == "Ána: 2 faces\n"
    _run("name", "Eva", "--face-id", "3", collection=collection)
    assert _people(collection) == {"Ána": 2, "Eva": 1}
    assert "Ána" in _run("people", collection=collection)


def test_a_group_asks_which_face(collection, tmp_path):
    words = _refused("name", "Ana", tmp_path / "photos" / "group.jpg", collection=collection)
    assert "holds 3 faces, say which: :1" in words
    assert _people(collection) == {}


def test_names_are_taken_away_and_changed(collection, tmp_path):
    photos = tmp_path / "photos"
    _run("name", "Ana", photos / "one.jpg", f"{photos}/group.jpg:1", collection=collection)
    assert _run("name", "Anita", "--person", "ANA", collection=collection) == "Anita: 2 faces\n"
    out = _run("name", "--remove", photos / "one.jpg", collection=collection)
    assert out == "1 face without a name now\n"
    assert _people(collection) == {"Anita": 1}
    _run("name", "--remove", "--person", "anita", collection=collection)
    assert _people(collection) == {}
    assert _run("people", collection=collection) == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "wanted a name and faces"),
        (["Ana"], "wanted faces to name"),
        (["--remove"], "wanted faces to name"),
        (["Ana", "nowhere.jpg"], "is not in the collection"),
        (["Ana", "--face-id", "99"], "no face has the id 99"),
        (["Ana", "--person", "Eva"], "nobody is called 'Eva'"),
        (["  ", "--face-id", "1"], "wanted a name"),
    ],
)
def test_what_cannot_be_named_is_one_line_and_changes_nothing(collection, arguments, words):
    assert words in _refused("name", *arguments, collection=collection)
    assert _people(collection) == {}


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "npz"])
def test_a_collection_goes_out_and_comes_in(collection, tmp_path, format):
    _run("name", "Ána", tmp_path / "photos" / "one.jpg", collection=collection)
    file = tmp_path / f"faces.{format}"
    _run("export", file, collection=collection)
    report = json.loads(_run("import", file, "--json", collection=tmp_path / "new"))
    assert (report["photos"], report["faces"], report["named"], report["broken"]) == (3, 4, 1, 0)
    assert _people(tmp_path / "new") == {"Ána": 1}
    again = _run("import", file, collection=tmp_path / "new")
    assert ["known", "faces", "4"] in [line.split() for line in again.splitlines()]


def test_conditions_and_a_chosen_format(collection, tmp_path):
    _run("name", "Ana", tmp_path / "photos" / "one.jpg", collection=collection)
    file = tmp_path / "faces.txt"
    _run("export", file, "--to", "jsonl", "--person", "ana", collection=collection)
    assert len(file.read_text().splitlines()) == 2
    words = _refused("export", file, "--to", "xml", collection=collection)
    assert "wanted a format: jsonl, csv, npz, parquet" in words
    assert "names no format" in _refused("export", file, collection=collection)
    assert "no such file" in _refused("import", tmp_path / "none.csv", collection=collection)


def test_broken_records_are_listed(collection, tmp_path):
    file = tmp_path / "faces.jsonl"
    _run("export", file, collection=collection)
    file.write_text(file.read_text() + "{\n" * 25)
    out = _run("import", file, collection=tmp_path / "new")
    assert "line 7: it is no JSON object" in out
    assert "and 5 more; with --json: the first 25" in out


def test_a_file_of_deepface_makes_a_collection_that_is_searched_by_face(tmp_path):
    entries = [
        [f"{name}.jpg", [float(x) * 9 for x in pretend.embedding(name)[0]], 1, 2, 3, 4]
        for name in ("ana", "eva", "luis")
    ]
    (tmp_path / PICKLE).write_bytes(pickle.dumps(entries))
    c = tmp_path / "c"
    report = json.loads(_run("import", tmp_path / PICKLE, "--json", collection=c))
    assert (report["faces"], len(report["unread_photos"])) == (3, 3)
    assert "wanted" not in _run("search", "--face-id", "1", "--threshold", "-1", collection=c)
    assert "--threshold" in _refused("search", "--face-id", "1", collection=c)
    (tmp_path / "x.jpg").touch()
    assert "networks are not here" in _refused("search", tmp_path / "x.jpg", collection=c)
    lines = _run("search", "--face-id", "1", "--threshold", "-1", "--json", collection=c)
    hits = json.loads(lines, parse_constant=pytest.fail)["faces"][0]["hits"]
    assert [hit["box"] for hit in hits] == [[1, 2, 4, 6]] * 2


def test_a_program_in_a_pickle_is_one_line_and_makes_no_collection(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    (tmp_path / PICKLE).write_bytes(pickle.dumps([Evil()]))
    words = _refused("import", tmp_path / PICKLE, collection=tmp_path / "c")
    assert "more than lists, dicts, texts and numbers" in words
    assert sorted(path.name for path in tmp_path.iterdir()) == [PICKLE]


def test_known_people_are_indexed_and_named(album, tmp_path):
    """The real networks on drawn people: a portrait is named, a group is not."""
    rows = [line.split(",") for line in (album / "labels.csv").read_text().splitlines()[1:]]
    counts = {row[0]: sum(other[0] == row[0] for other in rows) for row in rows}
    alone = next(path for path, count in counts.items() if count == 1)
    group = next(path for path, count in counts.items() if count > 1)
    known = tmp_path / "known"
    known.mkdir()
    shutil.copy(album / alone, known / f"Ána{Path(alone).suffix}")
    shutil.copy(album / group, known / f"Eva{Path(group).suffix}")
    report = json.loads(_run("import", known, "--json", collection=tmp_path / "c"))
    assert (report["named"], report["unnamed"]) == (1, 1)
    assert "faces: name one with retrieve name" in report["unnamed_photos"][0]["reason"]
    named = _run("people", "--person", "Ána", "--json", collection=tmp_path / "c")
    said = [one["path"] for one in json.loads(named)["members"] if one["by"] == "human"]
    assert said == [str(known / f"Ána{Path(alone).suffix}")]  # in the group it may be her, too


def test_the_page_shows_a_hits_person_escaped(collection, tmp_path):
    _run("name", "<b>Ána</b>", "--face-id", "1", collection=collection)
    with open_collection(collection) as opened:
        stored = opened.catalog.faces([1])[1]
        assert stored.person == "<b>Ána</b>"
        hits = [
            Hit(1, 1, stored.path, 1, stored.face, 0.9, None, 0.5, None, stored.person),
            Hit(2, 2, stored.path, 1, stored.face, 0.8, None, 0.5, None, None),
        ]
        face = ProbeFace(1, stored.face, np.zeros((8, 8, 3), np.uint8), 0.5, hits)
        write_gallery(tmp_path / "x.html", [Probe(stored.path, [face])])
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count('class="person"') == 1
    assert "&lt;b&gt;Ána&lt;/b&gt;" in page


def test_exporting_and_naming_import_no_network(collection, tmp_path):
    code = (
        "import sys\n"
        f"sys.argv = {['retrieve', 'export', str(tmp_path / 'x.csv'), '-c', str(collection)]!r}\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'faiss', 'onnxruntime', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
