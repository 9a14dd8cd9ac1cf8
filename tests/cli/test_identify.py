"""retrieve identify, retrieve verify and --strangers, as a user runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import warm
from PIL import Image

FACE = {"face", "box", "person_id", "person", "score", "probability", "chance", "runner_up"}


def _run(*arguments, collection, code=0):
    return warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=collection)


def _strangers(path, *options):
    """As how many strangers the faces of some persons count."""
    lines = _run("people", "--json", *options, collection=path).stdout.splitlines()
    return sum(json.loads(line)["faces"] ** 0.8 for line in lines)


def _every(path):
    """All faces but the first, as hits of it."""
    options = ("--face-id", 1, "--threshold", -1, "-k", 50, "--json")
    return json.loads(_run("search", *options, collection=path).stdout)["faces"][0]["hits"]


@pytest.fixture(scope="module")
def collection(indexed, tmp_path_factory):
    """The album, with two of its people named."""
    path = Path(shutil.copytree(indexed, tmp_path_factory.mktemp("identify") / "collection"))
    hits = _every(path)
    _run("name", "Uno", "--face-id", 1, "--face-id", hits[0]["face_id"], collection=path)
    _run("name", "Otra", "--face-id", hits[-1]["face_id"], collection=path)
    return path


@pytest.fixture(scope="module")
def every(collection):
    return _every(collection)


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    path = tmp_path_factory.mktemp("grey") / "grey.png"
    Image.new("RGB", (300, 300), "grey").save(path)
    return path


def _photo_of(collection, face_id):
    done = _run("search", "--face-id", face_id, "--json", "-k", 1, collection=collection)
    return json.loads(done.stdout)["probe"]


def test_a_face_has_the_name_of_its_person(collection):
    photo = _photo_of(collection, 1)
    told = json.loads(_run("identify", photo, "--json", collection=collection).stdout)
    assert set(told) == {"path", "threshold", "among", "strangers", "faces"}
    assert (told["path"], told["strangers"]) == (photo, 0.01)
    among = _strangers(collection, "--person", "Uno", "--person", "Otra")
    assert told["among"] == pytest.approx(among, abs=0.1)
    (face,) = told["faces"]
    assert set(face) == FACE
    assert (face["face"], face["person"]) == (1, "Uno")
    assert face["score"] > told["threshold"]
    assert face["chance"] < 0.01
    assert face["runner_up"]["person"] == "Otra"
    assert face["score"] > face["runner_up"]["score"]
    shown = _run("identify", photo, "--explain", collection=collection).stdout
    assert "Uno" in shown
    assert "runner-up: Otra" in shown
    assert f"the best of {among:.0f} strangers reaches it with a chance of 0.01" in shown


def test_somebody_else_is_unknown(collection):
    photo = _photo_of(collection, 1)
    options = ("--json", "--explain", "--person", "Otra")
    told = json.loads(_run("identify", photo, *options, collection=collection, code=3).stdout)
    (face,) = told["faces"]
    assert (face["person_id"], face["person"], face["runner_up"]) == (None, None, None)
    assert face["why"] == "below the threshold"
    assert face["nearest"]["person"] == "Otra"
    assert {one["person"] for one in face["nearest"]["faces"]} == {"Otra"}
    shown = _run("identify", photo, "--person", "Otra", collection=collection, code=3).stdout
    assert "unknown" in shown


def test_a_photo_of_no_use_is_said_and_the_others_are_answered(collection, grey, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    done = _run("identify", bad, grey, _photo_of(collection, 1), "--json", collection=collection)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert "not a JPEG" in first["skipped"]
    assert (second["faces"], len(third["faces"])) == ([], 1)
    assert "no face found in" in done.stderr
    assert _run("identify", grey, collection=collection, code=4).stdout.startswith("threshold")


def test_a_search_states_its_threshold_and_how_many_strangers_reach_it(collection, probe):
    told = json.loads(_run("search", probe, "--json", collection=collection).stdout)
    assert told["strangers"] == 0.01
    among = _strangers(collection, "--all")
    assert told["among"] == pytest.approx(among, abs=0.1)
    laxer = json.loads(
        _run("search", probe, "--json", "--strangers", ".2", collection=collection).stdout
    )
    assert laxer["threshold"] < told["threshold"]
    assert laxer["strangers"] == 0.2
    shown = _run("search", probe, collection=collection).stdout
    assert (
        f"threshold {told['threshold']:.4f}: the best of {among:.0f} strangers reaches it" in shown
    )
    asked = _run("search", probe, "--json", "--threshold", ".5", collection=collection).stdout
    assert json.loads(asked)["threshold"] == 0.5
    assert json.loads(asked)["strangers"] > 0.9


@pytest.mark.parametrize("command", ["search", "identify"])
def test_a_threshold_and_a_chance_exclude_each_other(collection, probe, command):
    options = ("--threshold", ".5", "--strangers", ".1")
    said = _run(command, probe, *options, collection=collection, code=2).stderr
    assert "got both" in said
    said = _run(command, probe, "--strangers", "2", collection=collection, code=1).stderr
    assert "wanted strangers above 0 and below 1" in said


def test_verify_ends_with_what_it_found(collection, every, probe, grey, tmp_path):
    same = _run("verify", probe, probe, "--json", collection=tmp_path)
    told = json.loads(same.stdout)
    assert (told["verdict"], told["faces"], len(told["pairs"])) == ("same", [1, 1], 1)
    assert told["score"] == pytest.approx(1, abs=1e-5)
    assert told["false_match_rate"] < 0.0002
    # Two photos of one face each, whose scores are far apart.
    first, hits = _photo_of(collection, 1), every
    paths = [first, *(hit["path"] for hit in hits)]
    other = next(hit for hit in reversed(hits) if paths.count(hit["path"]) == 1)
    done = _run("verify", first, other["path"], collection=tmp_path, code=3)
    assert other["probability"] < 0.01
    assert done.stdout.startswith("different people\n")
    assert f"score {other['score']:.4f}" in done.stdout
    done = _run("verify", probe, grey, collection=tmp_path, code=4)
    assert "cannot say: no face found in" in done.stdout
    assert not (tmp_path / "catalog.sqlite").exists()
    _run("verify", probe, tmp_path / "none.jpg", collection=tmp_path, code=1)
    said = _run("verify", probe, probe, "--false-match-rate", 1, collection=tmp_path, code=1)
    assert "false-match rate above 0" in said.stderr
