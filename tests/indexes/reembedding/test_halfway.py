"""A collection that is on its way to other networks lives as any other does."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from moved import NEW, OtherDetector, about, assert_holds

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.reembedding import faces as moving
from retrieve.indexes.reembedding.staged import halfway
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.repair import repair
from retrieve.indexes.upkeep.restore import restore

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def on_its_way(collection, dies):
    """Three of four faces are staged."""
    lives = dies(2)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW)
    lives()
    assert halfway(collection.db, collection.path).faces > 0
    return collection


def _wrong(collection):
    return [one for one in check(collection) if one.wrong]


def _damage(collection):
    file = collection.path / "staged_faces.f32"
    data = bytearray(file.read_bytes())
    data[9] ^= 16
    file.write_bytes(data)


def test_damage_of_what_is_staged_is_found_and_repair_takes_it_out(on_its_way):
    _damage(on_its_way)
    (finding,) = _wrong(on_its_way)
    assert finding.what.startswith("1 of 1 segments of staged_faces.f32 do not hold what was")
    assert finding.todo == "Run: retrieve repair"
    assert repair(on_its_way).staged == 1
    assert _wrong(on_its_way) == []
    assert on_its_way.reembed(embedder=NEW).switched.faces == 4
    assert_holds(on_its_way, NEW)


def test_the_next_run_finds_damage_by_itself(on_its_way):
    _damage(on_its_way)
    assert on_its_way.reembed(embedder=NEW).switched.faces == 4
    assert_holds(on_its_way, NEW)


def test_a_file_that_is_missing_costs_what_was_staged(on_its_way):
    (on_its_way.path / "staged_faces.f32").unlink()
    assert _wrong(on_its_way)
    assert on_its_way.reembed(embedder=NEW).switched.faces == 4
    assert_holds(on_its_way, NEW)


def test_compacting_keeps_what_is_staged(on_its_way, photos):
    forget(on_its_way, persons=["Ana"])
    before = halfway(on_its_way.db, on_its_way.path)
    compact(on_its_way)
    assert halfway(on_its_way.db, on_its_way.path).faces == before.faces
    assert _wrong(on_its_way) == []
    done = on_its_way.reembed(embedder=NEW)
    assert (done.resumed, done.switched.faces) == (before.faces, 3)
    assert_holds(on_its_way, NEW)


def test_compacting_takes_out_photos_that_were_replaced(on_its_way, photos):
    (photos / "group.jpg").write_text("nobody1 nobody2")
    small.index(on_its_way, photos)
    compact(on_its_way)
    assert _wrong(on_its_way) == []
    assert on_its_way.reembed(embedder=NEW).switched.faces == 3
    assert_holds(on_its_way, NEW)


def test_a_backup_holds_what_is_staged_and_what_is_restored_goes_on(on_its_way, tmp_path):
    backup(on_its_way, tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar", tmp_path / "restored")
    with small.opened(tmp_path / "restored") as restored:
        restored.networks.use(small.Detector(), small.Embedder())
        there = halfway(on_its_way.db, on_its_way.path)
        assert halfway(restored.db, restored.path) == there
        assert _wrong(restored) == []
        done = restored.reembed(embedder=NEW)
        assert (done.resumed, done.switched.faces) == (there.faces, 4)
        assert_holds(restored, NEW)


def test_a_staged_file_that_nobody_owns_is_told_and_goes_with_the_next_writer(collection):
    (collection.path / "staged_faces.3.f32").write_bytes(b"left over")
    (collection.path / "staged_faces.3.f32").chmod(0o600)
    (finding,) = check(collection)
    assert (finding.what, finding.wrong) == ("staged_faces.3.f32 belongs to nothing", False)
    collection.begin()
    assert check(collection) == []


def test_without_names_it_goes_on_to_where_it_was_going(on_its_way, monkeypatch):
    from retrieve.faces.embedding import embed

    monkeypatch.setattr(embed, "is_embedder", lambda name: name == "other")
    monkeypatch.setattr(embed, "open_embedder", lambda name, **_: pretend.EMBEDDERS[name]())
    done = on_its_way.reembed()
    assert (done.done, done.resumed > 0, done.started_over) == (True, True, None)
    assert_holds(on_its_way, NEW)


def test_a_collection_that_is_open_elsewhere_goes_with_the_move(collection, monkeypatch):
    from retrieve.faces.detection import detect
    from retrieve.faces.embedding import embed

    monkeypatch.setattr(embed, "is_embedder", lambda name: True)
    monkeypatch.setattr(embed, "open_embedder", lambda name, **_: NEW)
    monkeypatch.setattr(detect, "DETECTORS", ("pretend-detector",))
    monkeypatch.setattr(detect, "open_detector", lambda *_, **__: small.Detector())
    with open_collection(collection.path) as elsewhere:
        assert elsewhere.networks.held["embedder"] == "pretend"
        collection.reembed(embedder=NEW)
        elsewhere.networks.follow(elsewhere.faces.required().made_by)
        elsewhere.networks.check(elsewhere.faces.required())
        assert elsewhere.embedder.name == "other"


@pytest.mark.parametrize("name", ["format-1", "format-2", "format-3"])
def test_collections_of_old_formats_move_over(name, tmp_path):
    """Their photos are not there: pictures of a known size are taken."""
    if not (FIXTURES / name).is_dir():
        pytest.skip(f"no fixture {name}")
    folder = Path(shutil.copytree(FIXTURES / name, tmp_path / "collection"))
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    conn = sqlite3.connect(folder / "catalog.sqlite")
    for (id,) in conn.execute("SELECT face_id FROM crops").fetchall():
        conn.execute(
            "UPDATE crops SET jpeg = ? WHERE face_id = ?", [pretend.picture(f"face{id}"), id]
        )
    column = "embedder" if name == "format-1" else "made_by"
    known = (
        "dlib-resnet"
        if name == "format-1"
        else (
            '{"detector": "mtcnn", "detector_sha256": "1", "embedder": "dlib-resnet", '
            '"embedder_sha256": "2"}'
        )
    )
    conn.execute(f"UPDATE spaces SET {column} = ? WHERE name = 'faces'", [known])
    conn.commit()
    conn.close()
    with open_collection(folder) as collection:
        collection.texts.use(pretend.TextEncoder())
        before = about(collection)
        faces = len(before)
        done = collection.reembed(embedder=NEW)
        assert (done.switched.faces, done.switched.from_pictures) == (faces, faces)
        assert about(collection) == before
        gallery = np.array(collection.faces.gallery())
        rows = collection.db.execute("SELECT id, row FROM faces").fetchall()
        for id, row in rows:
            assert np.allclose(gallery[row], pretend.embedding(f"face{id}", NEW)[0], atol=1e-6)
        assert _wrong(collection) == []


def test_pictures_of_which_nobody_knows_what_they_show_are_not_taken(collection, photos):
    with writing(collection.db):
        collection.db.execute("UPDATE crops SET shows = NULL")
    (photos / "one.jpg").unlink()
    done = collection.reembed(embedder=NEW)
    assert [item.reason for item in done.left] == [
        "where its landmarks lie in its stored picture is not known"
    ]


def test_faces_of_other_programs_without_landmarks_need_a_detector(collection, photos):
    nowhere = np.full((5, 2), np.nan, "<f4").tobytes()
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET landmarks = ?", [nowhere])
    done = collection.reembed(embedder=NEW)
    assert {item.reason for item in done.left} == {"its landmarks are not known"}
    assert not done.done
    done = collection.reembed(embedder=NEW, detector=OtherDetector())
    assert (done.done, done.switched.found, done.switched.new) == (True, 4, 2)
    assert_holds(collection, NEW)


def test_a_writer_that_is_refused_leaves_nothing_of_the_switch(collection, monkeypatch):
    def full(opened):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving, "switch", full)
    with pytest.raises(Exception, match="no space left"):
        collection.reembed(embedder=NEW)
    assert sorted(path.name for path in collection.path.glob("faces*")) == ["faces.f32"]
