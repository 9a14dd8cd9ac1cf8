"""Forget, compact, check and repair as a user runs them, on real photographs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import warm

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(album, tmp_path_factory):
    """Four photos of the album, one of them twice, and an indexed collection of them."""
    folder = tmp_path_factory.mktemp("life")
    (folder / "photos" / "old").mkdir(parents=True)
    photos = sorted(path for path in album.rglob("*.jpg") if path.name != "dañada.jpg")[:4]
    for path in photos:
        shutil.copy(path, folder / "photos")
    shutil.copy(photos[0], folder / "photos" / "old" / "copy.jpg")
    _run(folder, "index", folder / "photos")
    return folder


@pytest.fixture
def life(folder, tmp_path):
    """Its own copy of the collection, for each test to change."""
    shutil.copytree(folder / "collection", tmp_path / "collection")
    return tmp_path


def _run(folder, *arguments, code=0, stdin=""):
    collection = folder / "collection"
    return warm.retrieve(*arguments, code=code, stdin=stdin, RETRIEVE_COLLECTION=collection)


def _photos(folder):
    return sorted((folder / "photos").glob("*.jpg"))


def _bytes(life):
    return b"".join(path.read_bytes() for path in sorted((life / "collection").rglob("*.*")))


def test_a_photo_is_forgotten_with_its_copy_and_the_proof_finds_nothing(folder, life):
    photo = _photos(folder)[0]
    assert photo.name.encode() in _bytes(life)
    shown = _run(life, "forget", photo, "--dry-run").stdout
    assert "to be forgotten: 1 photo," in shown
    assert shown.splitlines()[-1].strip() == str(folder / "photos" / "old" / "copy.jpg")
    assert photo.name.encode() in _bytes(life)
    done = _run(life, "forget", photo, "--verify", "--yes").stdout
    assert "looked for these byte sequences: 1 of SHA-256" in done
    assert done.splitlines()[-1] == "none of them was found"
    assert photo.name.encode() not in _bytes(life)
    assert photo.is_file()
    assert "is not in the collection" in _run(life, "forget", photo, "--yes", code=1).stderr


def test_nothing_is_forgotten_without_a_yes(folder, life):
    photo = _photos(folder)[0]
    asked = _run(life, "forget", photo, code=1)
    assert "add --yes" in asked.stderr
    assert "got none of them" in _run(life, "forget", code=2).stderr
    assert photo.name.encode() in _bytes(life)


def test_traces_are_told_with_their_place_and_exit_1(folder, life):
    photo = _photos(folder)[0]
    (life / "collection" / "note.txt").write_text(f"see {photo}")
    done = _run(life, "forget", photo, "--verify", "--yes", code=1)
    assert f"path of {photo} is still in note.txt at byte 4" in done.stderr


def test_a_folder_is_forgotten_and_its_space_given_back(folder, life):
    _run(life, "forget", "--all-of", folder / "photos" / "old", "--yes")
    done = _run(life, "compact").stdout
    removed, sizes = done.splitlines()
    assert removed.startswith("removed: 0 photos, 0 texts, 0 faces, 0 passages, 0 paths, ")
    before, after = (int(part.split()[0].replace(",", "")) for part in sizes[7:].split(" before, "))
    assert after < before
    files = sorted(path.name for path in (life / "collection").glob("*.f32"))
    assert files == ["faces.1.f32", "pictures.1.f32"]
    assert _run(life, "check").stdout == "nothing is wrong\n"
    hits = json.loads(_run(life, "search", _photos(folder)[1], "-k", 1, "--json").stdout)
    assert hits["faces"][0]["hits"][0]["path"] == str(_photos(folder)[1])


def test_damage_is_found_refused_and_repaired_from_the_photographs(folder, life):
    file = life / "collection" / "faces.f32"
    good = file.read_bytes()
    file.write_bytes(good[:700] + bytes([good[700] ^ 1]) + good[701:])
    told = _run(life, "check", code=1).stdout
    assert told.startswith("wrong: 1 of 1 segments of faces.f32 do not hold what was written")
    answer = json.loads(_run(life, "check", "--json", code=1).stdout)
    assert answer["whole"] is False
    assert [finding["todo"] for finding in answer["findings"]] == ["Run: retrieve repair"]
    _run(life, "forget", _photos(folder)[3], "--yes")
    assert "first run: retrieve repair" in _run(life, "compact", code=1).stderr
    assert "repaired: 1 segment of embeddings" in _run(life, "repair").stdout
    whole = _run(life, "check", "--recall").stdout.splitlines()
    assert whole[0] == "nothing is wrong"
    assert whole[1].startswith("there is no index: every search is exact")
    # As they were, but for the last bits of another batch, and zeros where one was forgotten.
    before, after = (np.frombuffer(data, "<f4") for data in (good, file.read_bytes()))
    rows = len(before) // 128
    apart = np.abs(before - after).reshape(rows, 128).max(axis=1)
    assert (apart < 1e-5).sum() >= rows - 5
    assert (after.reshape(rows, 128)[apart >= 1e-5] == 0).all()


def test_what_cannot_be_repaired_is_listed_and_exit_1(folder, life):
    gone = life / "gone.jpg"
    shutil.copy(_photos(folder)[2], gone)
    gone.write_bytes(gone.read_bytes() + b"another content")
    _run(life, "index", gone)
    gone.unlink()
    file = life / "collection" / "faces.f32"
    file.write_bytes(file.read_bytes()[:-8])
    done = _run(life, "repair", code=1)
    assert f"not repaired: {gone}: " in done.stdout
    assert "1 segment stays damaged" in done.stderr


@pytest.mark.parametrize("command", ["forget", "compact", "check", "repair"])
def test_every_command_has_help_with_an_example_and_stands_in_the_documentation(tmp_path, command):
    assert f"Example: retrieve {command}" in _run(tmp_path, command, "--help").stdout
    assert f"### retrieve {command}\n" in (ROOT / "docs" / "commands.md").read_text(
        encoding="utf-8"
    )
