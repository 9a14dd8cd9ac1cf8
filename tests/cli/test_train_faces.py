"""`retrieve train faces` as a user runs it, on drawn people."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from retrieve.cli import completing
from retrieve.cli.app import app
from retrieve.faces.embedding.trained import file
from retrieve.sample_data.album import draw_portrait


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two portraits of each of four people."""
    folder = tmp_path_factory.mktemp("drawn") / "people"
    for who in (1100, 1064, 1028, 1000):
        (folder / str(who)).mkdir(parents=True)
        for shot in range(2):
            Image.fromarray(draw_portrait(who, shot)).save(folder / str(who) / f"{shot}.jpg")
    return folder


def _run(*arguments):
    return CliRunner().invoke(app, ["train", "faces", *map(str, arguments)])


def test_a_head_is_measured_and_kept_only_where_it_is_better_or_wanted(
    people, tmp_path, monkeypatch
):
    out = tmp_path / "own.safetensors"
    command = (people, "--out", out, "--on", "mobilefacenet", "--steps", 2, "--held-out", 0.5)
    done = _run(*command, "--work", tmp_path / "work")
    assert done.exit_code == 0, done.output
    assert "trained on 4 photos of 2 people, measured on 4 photos of 2 others" in done.stdout
    assert "nothing was written" in done.stderr
    assert not out.exists()
    done = _run(*command, "--work", tmp_path / "work", "--keep", "--json")
    told = json.loads(done.stdout)
    assert told["written"]
    assert told["gain"]["better"] is False
    about, _, _ = file.read(out)
    assert (about.network, about.on, about.better) == ("head", "mobilefacenet", False)
    assert about.figures == {key: value for key, value in told.items() if key != "written"}
    monkeypatch.setattr(file, "embedders_dir", lambda: tmp_path)
    assert ("own", "trained here") in completing.models("ow")
    listed = CliRunner().invoke(app, ["models", "--json"]).stdout.splitlines()
    assert [row["name"] for row in map(json.loads, listed) if row["name"] == "own"] == ["own"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "a+b"], "wanted a name"),
        (["--out", "facenet"], "ships"),
        (["--out", "x", "--on", "nobody"], "no embedder is called 'nobody'"),
        (["--out", "x", "--network", "small-face", "--on", "facenet"], "--on names"),
        (["--out", "x", "--network", "mobilefacenet", "--dropout", "0.5"], "has no dropout"),
    ],
)
def test_what_cannot_be_trained_is_said_before_any_work(people, arguments, said):
    done = _run(people, *arguments)
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_a_folder_without_people_is_said_to_be_one(tmp_path):
    (tmp_path / "empty").mkdir()
    done = _run(tmp_path / "empty", "--out", tmp_path / "x.safetensors", "--work", tmp_path)
    assert "0 to train on, 0 held out" in str(done.exception)
