"""A collection moves to other networks: nothing that a person said is lost on the way."""

from __future__ import annotations

import numpy as np
import pretend
import pytest
import small
from moved import NEW, OtherDetector, about, assert_holds, words_of

from retrieve.errors import CollectionError
from retrieve.indexes.building import workers
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements
from retrieve.indexes.reembedding import faces as moving
from retrieve.indexes.reembedding.staged import halfway
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.forget import forget


def test_ids_boxes_landmarks_and_names_stay(collection):
    before = about(collection)
    done = collection.reembed(embedder=NEW)
    assert done.done
    assert (done.switched.faces, done.switched.from_photos) == (4, 4)
    assert about(collection) == before
    assert_holds(collection, NEW)
    assert (done.before["embedder"], done.after["embedder"]) == ("pretend", "other")


def test_nothing_is_left_of_the_old_vectors(collection):
    old = [row.tobytes() for row in np.array(collection.faces.gallery())]
    collection.reembed(embedder=NEW)
    assert sorted(path.name for path in collection.path.glob("*.f32")) == ["faces.1.f32"]
    data = b"".join(path.read_bytes() for path in collection.path.rglob("*") if path.is_file())
    assert not any(row in data for row in old)


def test_the_same_networks_are_nothing_to_do(collection):
    done = collection.reembed(embedder=small.Embedder())
    assert (done.done, done.already, done.switched) == (True, True, None)
    assert_holds(collection, small.Embedder())


def test_new_photos_are_embedded_by_the_new_networks(collection, photos):
    collection.reembed(embedder=NEW)
    (photos / "late.jpg").write_text("late")
    collection.index([photos])
    assert_holds(collection, NEW)


def test_a_run_that_died_is_gone_on_with_and_the_old_networks_are_searched_till_then(
    collection, dies
):
    lives = dies(1)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW)
    there = halfway(collection.db, collection.path)
    assert there.made_by["embedder"] == "other"
    assert 0 < there.faces < there.of == 4
    hits = collection.nearest(pretend.embedding("eva"), k=1)[0]
    assert hits[0].score == pytest.approx(1, abs=1e-5)
    (finding,) = check(collection)
    assert not finding.wrong
    assert f"of 4 faces {there.faces} are embedded" in finding.what
    assert "pretend is searched" in finding.what
    assert finding.todo == (
        "To go on: retrieve reembed; to leave it: retrieve reembed --model pretend"
    )
    assert collection.info().halfway == there
    lives()
    done = collection.reembed(embedder=NEW)
    assert (done.resumed, done.done, done.switched.faces) == (there.faces, True, 4)
    assert_holds(collection, NEW)
    assert collection.info().halfway is None


def test_other_names_than_before_start_over_and_the_report_says_so(collection, dies):
    lives = dies(1)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW)
    lives()
    third = pretend.OtherEmbedder()
    third.name, third.dim = "third", 40
    done = collection.reembed(embedder=third)
    assert done.started_over["embedder"] == "other"
    assert (done.resumed, done.switched.faces) == (0, 4)
    assert_holds(collection, third)


def test_the_networks_that_it_has_leave_what_was_begun(collection, dies):
    lives = dies(1)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW)
    lives()
    done = collection.reembed(embedder=small.Embedder())
    assert (done.already, done.started_over["embedder"]) == (True, "other")
    assert list(collection.path.glob("staged*")) == []
    assert_holds(collection, small.Embedder())


def test_ctrl_c_keeps_what_was_done(collection, monkeypatch, dies):
    lives = dies(5)
    monkeypatch.setattr(moving.storing, "BATCH_FILES", 1)
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise KeyboardInterrupt

    done = collection.reembed(embedder=NEW, on_progress=stop)
    assert (done.interrupted, done.done) == (True, False)
    assert (seen[-1].photos, seen[-1].of) == (2, 2)
    lives()
    assert collection.reembed(embedder=NEW).resumed > 0
    assert_holds(collection, NEW)


def test_what_is_indexed_meanwhile_is_in_the_new_space_too(collection, photos):
    """By another process, before the switch: it goes on with the old networks."""

    def index_more(progress):
        if progress.photos == 1 and not (photos / "meanwhile.jpg").exists():
            (photos / "meanwhile.jpg").write_text("meanwhile then")
            with small.opened(collection.path) as other:
                assert small.index(other, photos).faces == 2

    done = collection.reembed(embedder=NEW, on_progress=index_more)
    assert done.switched.faces == 6
    assert "meanwhile" in words_of(collection).values()
    assert_holds(collection, NEW)


def test_an_index_that_is_under_way_at_the_switch_stores_nothing_of_the_old_networks(
    collection, photos
):
    (photos / "late.jpg").write_text("late")
    old = collection.networks

    def extract(paths):
        collection.reembed(embedder=NEW)
        yield from pretend.extractor(paths)

    with pytest.raises(CollectionError, match="was moved to other networks meanwhile"):
        collection.update([photos], extract)
    collection.networks = old
    assert_holds(collection, NEW)


def test_whoever_is_forgotten_meanwhile_stays_forgotten(collection, photos, dies):
    lives = dies(2)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW)
    lives()
    secret = pretend.embedding("ana", NEW).astype("<f4").tobytes()
    staged = collection.path / "staged_faces.f32"
    assert secret in staged.read_bytes()
    with small.opened(collection.path) as other:
        proof = forget(other, persons=["Ana"], verify=True).proof
    assert proof.traces == []
    assert proof.looked_for["embedding"] == 2 + 3  # pieces of the old one and of the new one
    assert secret not in staged.read_bytes()
    assert [one for one in check(collection) if one.wrong] == []
    done = collection.reembed(embedder=NEW)
    assert done.switched.faces == 3
    assert "ana" not in words_of(collection).values()
    assert_holds(collection, NEW)


def test_where_a_photo_is_gone_the_stored_pictures_are_taken(collection, photos):
    (photos / "group.jpg").unlink()
    (photos / "one.jpg").write_text("other content")
    before = about(collection)
    done = collection.reembed(embedder=NEW)
    assert (done.switched.from_photos, done.switched.from_pictures) == (0, 4)
    assert done.switched.filled == 0
    reasons = {item.path.name: item.reason for item in done.unread}
    assert reasons["one.jpg"] == "its file has other content now"
    assert "no such file" in reasons["group.jpg"]
    assert about(collection) == before
    assert_holds(collection, NEW)


def test_of_a_photo_that_crashes_a_worker_the_pictures_are_taken(collection, monkeypatch):
    run = workers.run

    def crashing(open_work, items, **options):
        for key, outcome in run(open_work, items, **options):
            crashes = key.paths[0].name == "group.jpg" and not key.unread
            yield key, "decoding crashed its process (SIGSEGV)" if crashes else outcome

    monkeypatch.setattr(workers, "run", crashing)
    done = collection.reembed(embedder=NEW)
    assert (done.switched.from_photos, done.switched.from_pictures) == (1, 3)
    assert [item.reason for item in done.unread] == ["decoding crashed its process (SIGSEGV)"]
    assert_holds(collection, NEW)


def test_faces_that_reach_beyond_their_pictures_are_counted(collection, photos):
    (photos / "wide.jpg").write_text("wide1 wide2 narrow")
    small.index(collection, photos)
    (photos / "wide.jpg").unlink()
    assert collection.reembed(embedder=NEW).switched.filled == 2


def test_a_collection_stays_as_it_is_while_a_face_has_neither_photo_nor_picture(collection, photos):
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE jpeg = ?", [pretend.picture("luis")])
    (photos / "group.jpg").unlink()
    done = collection.reembed(embedder=NEW)
    assert (done.done, done.switched) == (False, None)
    assert [(item.path.name, item.reason) for item in done.left] == [
        ("group.jpg", "no picture of it is stored")
    ]
    assert collection.faces.required().made_by["embedder"] == "pretend"
    assert len(persons.persons(collection.db)) == 2
    # The file is back: nothing stands in the way.
    (photos / "group.jpg").write_text("ana2 eva luis")
    done = collection.reembed(embedder=NEW)
    assert (done.done, done.switched.faces, done.switched.left_out) == (True, 4, 0)
    assert_holds(collection, NEW)


def test_a_face_without_photo_and_picture_goes_if_that_is_asked_for(collection, photos):
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE jpeg = ?", [pretend.picture("luis")])
    (photos / "group.jpg").unlink()
    done = collection.reembed(embedder=NEW, leave_out=True)
    assert (done.done, done.switched.faces, done.switched.left_out) == (True, 3, 1)
    assert [person.name for person in persons.persons(collection.db)] == ["Ana"]
    assert_holds(collection, NEW)


# With another detector


def test_faces_that_another_detector_finds_again_keep_id_and_name(collection):
    before = {row[0]: row for row in about(collection)}
    done = collection.reembed(embedder=NEW, detector=OtherDetector())
    switched = done.switched
    assert (switched.found, switched.new, switched.kept, switched.gone) == (4, 2, 0, 0)
    after = {row[0]: row for row in about(collection)}
    words = words_of(collection)
    assert after.keys() > before.keys()
    for id, row in before.items():
        assert (after[id][1], after[id][-1]) == (row[1], row[-1])  # photo and name
        assert after[id][3] == pytest.approx(row[3] - 0.1)  # the new box
    numbers = {words[id]: row[2] for id, row in after.items()}
    assert (numbers["luis"], numbers["eva"], numbers["ana2"], numbers["behind-ana2"]) == (
        1,
        2,
        3,
        4,
    )
    assert collection.faces.required().made_by["detector"] == "other"
    assert_holds(collection, NEW)


def test_of_faces_that_are_not_found_again_those_with_a_name_stay(collection, photos):
    (photos / "shy.jpg").write_text("shy-named shy-nobody bold")
    small.index(collection, photos)
    named = small.face_of(collection, "shy-named")
    with writing(collection.db):
        statements.say_name(collection.db, "Eva", [named])
    before = {row[0]: row for row in about(collection)}
    done = collection.reembed(embedder=NEW, detector=OtherDetector())
    assert (done.switched.kept, done.switched.gone) == (1, 1)
    after = {row[0]: row for row in about(collection)}
    assert after[named][3:8] == before[named][3:8]  # box and landmarks
    assert (after[named][-1], after[named][2]) == ("Eva", 3)  # behind those that were found
    assert "shy-nobody" not in words_of(collection).values()
    assert_holds(collection, NEW)


def test_a_name_that_is_given_on_the_way_keeps_the_face(collection, photos, dies):
    (photos / "shy.jpg").write_text("shy bold")
    small.index(collection, photos)
    lives = dies(4)
    with pytest.raises(RuntimeError, match="killed"):
        collection.reembed(embedder=NEW, detector=OtherDetector())
    lives()
    shy = small.face_of(collection, "shy")
    with writing(collection.db):
        statements.say_name(collection.db, "Shy", [shy])
    done = collection.reembed(embedder=NEW, detector=OtherDetector())
    assert (done.switched.kept, done.switched.gone) == (1, 0)
    assert_holds(collection, NEW)


def test_photos_that_are_gone_are_not_looked_at_and_lose_no_face(collection, photos):
    (photos / "group.jpg").unlink()
    done = collection.reembed(embedder=NEW, detector=OtherDetector())
    assert (done.switched.from_photos, done.switched.from_pictures) == (2, 3)
    assert (done.switched.gone, done.switched.new) == (0, 1)
    assert_holds(collection, NEW)
