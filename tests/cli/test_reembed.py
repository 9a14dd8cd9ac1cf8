"""retrieve reembed as a user runs it, on drawn people and real networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import warm

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(album, tmp_path_factory):
    """Four photos of the album, indexed by an embedder that is not the default."""
    folder = tmp_path_factory.mktemp("reembed")
    (folder / "photos").mkdir()
    photos = sorted(path for path in album.rglob("*.jpg") if path.name != "dañada.jpg")[:4]
    for path in photos:
        shutil.copy(path, folder / "photos")
    _run(folder, "index", folder / "photos", "--model", "dlib-resnet")
    return folder


@pytest.fixture
def moved(folder, tmp_path):
    """Its own copy of the collection, for each test to change."""
    shutil.copytree(folder / "collection", tmp_path / "collection")
    return tmp_path


def _run(folder, *arguments, code=0):
    return warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=folder / "collection")


def test_a_collection_moves_and_is_searched_by_its_new_embedder(folder, moved):
    before = json.loads(_run(moved, "info", "--json").stdout)
    photo = sorted((folder / "photos").iterdir())[0]
    refused = _run(moved, "search", photo, "--model", "mobilefacenet", code=1).stderr
    assert "retrieve reembed --model mobilefacenet" in refused
    done = _run(moved, "reembed", "--model", "mobilefacenet").stdout
    assert done.splitlines() == [
        f"moved {before['faces']} faces from dlib-resnet and centerface "
        "to mobilefacenet and centerface",
        f"  {before['faces']} embedded from photos",
    ]
    after = json.loads(_run(moved, "info", "--json").stdout)
    assert (after["dim"], after["embedder"]) == (192, "mobilefacenet")
    assert (after["faces"], after["photos"]) == (before["faces"], before["photos"])
    (hit,) = json.loads(_run(moved, "search", photo, "-k", 1, "--json").stdout)["faces"][0]["hits"]
    assert (hit["path"], hit["score"] > 0.99) == (str(photo), True)
    assert _run(moved, "check").stdout == "nothing is wrong\n"
    again = _run(moved, "reembed", "--model", "mobilefacenet").stdout
    assert again == "the collection is of mobilefacenet and centerface: nothing is to be done\n"


def test_without_names_it_goes_to_the_default_and_pictures_stand_for_photos(folder, moved):
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER

    away = moved / "away"
    (folder / "photos").rename(away)
    try:
        told = json.loads(_run(moved, "reembed", "--json").stdout)
    finally:
        away.rename(folder / "photos")
    assert told["done"]
    assert told["after"]["embedder"] == DEFAULT_EMBEDDER
    assert told["switched"]["from_pictures"] == told["switched"]["faces"] > 0
    assert told["switched"]["filled"] == 0  # pictures of today hold what all embedders look at
    assert len(told["unread"]) == 4
    photo = sorted((folder / "photos").iterdir())[0]
    (hit,) = json.loads(_run(moved, "search", photo, "-k", 1, "--json").stdout)["faces"][0]["hits"]
    assert (hit["path"], hit["score"] > 0.9) == (str(photo), True)


def test_a_face_without_photo_and_picture_is_listed_and_exit_1(folder, moved):
    import sqlite3

    with sqlite3.connect(moved / "collection" / "catalog.sqlite") as conn:
        conn.execute("DELETE FROM crops WHERE face_id = 1")
    away = moved / "away"
    (folder / "photos").rename(away)
    try:
        refused = _run(moved, "reembed", code=1)
        told = _run(moved, "check").stderr
        left_out = _run(moved, "reembed", "--leave-out").stdout
    finally:
        away.rename(folder / "photos")
    assert "no picture of it is stored" in refused.stdout
    assert "1 face has neither a photo nor a picture to be embedded from" in refused.stderr
    assert "To go on: retrieve reembed; to leave it: retrieve reembed --model dlib-resnet" in told
    assert "1 left out" in left_out


def test_help_has_an_example_and_the_documentation_names_it(tmp_path):
    assert "Example: retrieve reembed" in _run(tmp_path, "reembed", "--help").stdout
    assert "### retrieve reembed\n" in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
