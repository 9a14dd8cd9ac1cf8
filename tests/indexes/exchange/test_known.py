from __future__ import annotations

import os
from pathlib import Path

import pretend
import pytest
import small

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.exchange.known import import_people, name_of
from retrieve.indexes.people import statements


@pytest.fixture
def known(tmp_path):
    folder = tmp_path / "known"
    (folder / "Luís García" / "2019").mkdir(parents=True)
    for name, words in {
        "ana.jpg": "ana",
        "Luís García/1.jpg": "luis1",
        "Luís García/2019/2.jpg": "luis2",
        "group.jpg": "eva zoe",
        "sea.jpg": "",
        "broken.jpg": "bad",
    }.items():
        (folder / name).write_text(words)
    return folder


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        yield opened


def _import_people(collection, folder):
    return import_people(collection, folder, lambda roots: small.index(collection, roots[0]))


def _people(collection):
    return {one.name: one.faces for one in persons.persons(collection.db)}


def test_the_only_face_of_a_photo_gets_the_name_of_file_or_folder(collection, known):
    done = _import_people(collection, known)
    assert (done.named, done.before) == (3, 0)
    assert _people(collection) == {"ana": 1, "Luís García": 2}
    assert {item.path.name: item.reason.split(":")[0] for item in done.unnamed} == {
        "group.jpg": "it shows 2 faces",
        "sea.jpg": "it shows no face",
    }
    assert [item.path.name for item in done.indexed.skipped] == ["broken.jpg"]


def test_a_second_import_of_known_people_changes_nothing(collection, known):
    _import_people(collection, known)
    done = _import_people(collection, known)
    assert (done.named, done.before, done.indexed.new) == (0, 3, 0)
    assert _people(collection) == {"ana": 1, "Luís García": 2}


def test_a_name_that_somebody_gave_stays_and_is_reported(collection, known):
    small.index(collection, known)
    with writing(collection.db):
        query = "SELECT face_id FROM crops WHERE jpeg = ?"
        ((id,),) = collection.db.execute(query, [pretend.picture("ana")]).fetchall()
        statements.say_name(collection.db, "Anita", [id])
    done = _import_people(collection, known)
    assert _people(collection) == {"Anita": 1, "Luís García": 2}
    reasons = {item.path.name: item.reason for item in done.unnamed}
    assert reasons["ana.jpg"].startswith("its face is called Anita")


def test_one_photo_of_two_names_names_nobody(collection, tmp_path):
    folder = tmp_path / "known"
    folder.mkdir()
    for name in ("ana", "eva"):
        (folder / f"{name}.jpg").write_text("same")
    done = _import_people(collection, folder)
    assert _people(collection) == {}
    assert [item.reason for item in done.unnamed] == [
        "the same photo also stands for eva",
        "the same photo also stands for ana",
    ]
    (folder / "eva.jpg").rename(folder / "ANA.png")
    assert _import_people(collection, folder).named == 1


def test_photos_outside_the_folder_get_no_name(collection, known, tmp_path):
    small.add(collection, tmp_path / "other" / "zoe.jpg", "zoe2")
    _import_people(collection, known)
    assert "zoe" not in _people(collection)


def test_a_file_name_that_is_no_name_names_nobody(collection, tmp_path):
    folder = tmp_path / "known"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff\xfe.jpg")).write_text("ana")
    done = _import_people(collection, folder)
    assert _people(collection) == {}
    assert "wanted a name" in done.unnamed[0].reason


def test_an_interrupted_run_names_nobody(collection, known):
    def interrupted(roots):
        report = small.index(collection, roots[0])
        report.interrupted = True
        return report

    assert import_people(collection, known, interrupted).named == 0
    assert _people(collection) == {}


def test_what_is_no_folder_is_refused(collection, tmp_path):
    (tmp_path / "a.jpg").write_text("ana")
    for path in (tmp_path / "a.jpg", tmp_path / "nowhere"):
        with pytest.raises(BadInput, match=r"folder"):
            _import_people(collection, path)


def test_names_come_from_the_first_folder_or_the_file():
    root = Path("/known")
    assert name_of(Path("/known/ana.maria.jpg"), root) == "ana.maria"
    assert name_of(Path("/known/ana/2019/1.jpg"), root) == "ana"
