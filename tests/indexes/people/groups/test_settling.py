"""Equal words are one person's faces (tests/helpers/small.py)."""

import os

import pytest
import small

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups import settling
from retrieve.indexes.people.groups.settling import Added

CURVE = Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5)


@pytest.fixture
def collection(tmp_path, monkeypatch):
    told = calibration.Calibration(
        "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "", CURVE
    )
    monkeypatch.setattr(calibration, "find", lambda *_: told)
    with small.opened(tmp_path / "made") as opened:
        yield opened


def persons(collection):
    """The person of every face, by its id, and who says so."""
    query = "SELECT id, person_id, by FROM faces ORDER BY id"
    return {id: (person, by) for id, person, by in collection.db.execute(query)}


def whose(collection, *faces):
    return [persons(collection)[face][0] for face in faces]


def test_faces_of_one_word_are_one_person_and_everybody_is_somebody(collection):
    one, two = small.add(collection, "a", "ana"), small.add(collection, "b", "ana eva")
    done = settling.group_all(collection.opened)
    ana, again, eva = whose(collection, *one, *two)
    assert ana == again != eva
    assert {by for _, by in persons(collection).values()} == {"group"}
    assert (done.before.unknown, done.after.unknown) == (3, 0)
    assert (done.after.persons, done.after.several) == (2, 1)


def test_grouping_again_changes_nothing(collection):
    small.add(collection, "a", "ana eva")
    small.add(collection, "b", "ana luis")
    settling.group_all(collection.opened)
    before = persons(collection)
    assert settling.group_all(collection.opened).moved == 0
    assert persons(collection) == before


def test_new_faces_are_attached_and_the_rest_are_grouped_among_themselves(collection):
    old = small.add(collection, "a", "ana")
    assert settling.settle_new(collection.opened) == Added(
        1, 0, 1
    )  # nobody was there: as from nothing
    new = small.add(collection, "b", "ana eva") + small.add(collection, "c", "eva luis")
    assert settling.settle_new(collection.opened) == Added(4, 1, 2)
    ana, again, eva, also, luis = whose(collection, *old, *new)
    assert (ana, eva) == (again, also)
    assert len({ana, eva, luis}) == 3
    assert [by for _, by in persons(collection).values()] == [
        "group", "attached", "group", "group", "group",
    ]  # fmt: skip
    assert settling.settle_new(collection.opened) == Added()


def test_of_two_faces_of_a_photo_one_is_attached(collection):
    old = small.add(collection, "a", "ana")
    settling.settle_new(collection.opened)
    new = small.add(collection, "b", "ana ana")
    settling.settle_new(collection.opened)
    found = whose(collection, *new)
    assert found.count(whose(collection, *old)[0]) == 1
    assert len(set(found)) == 2


def test_a_new_face_is_not_who_stands_in_its_photo_already(collection):
    old = small.add(collection, "a", "ana")
    (ana,) = old
    settling.settle_new(collection.opened)
    first, second = small.add(collection, "b", "eva ana")
    with writing(collection.db):
        statements.say_whose(collection.db, whose(collection, ana)[0], [first])
    settling.settle_new(collection.opened)
    assert whose(collection, second) != whose(collection, ana)


def test_what_was_said_holds_through_a_grouping_from_nothing(collection):
    faces = [small.add(collection, name, "ana")[0] for name in "abcd"]
    (eva,) = small.add(collection, "e", "eva")
    settling.group_all(collection.opened)
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [faces[0]])
        statements.split(collection.db, whose(collection, faces[0])[0], [faces[3]])
        statements.say_whose(collection.db, whose(collection, faces[0])[0], [eva])
    settling.group_all(collection.opened)
    held = persons(collection)
    assert held[faces[0]][0] == held[eva][0] != held[faces[3]][0]
    assert held[eva][1] == "human"
    name = "SELECT name FROM persons WHERE id = ?"
    assert collection.db.execute(name, [held[eva][0]]).fetchone() == ("Ana",)


def _two_of_ana(collection):
    """Four faces of a word in two persons, and two others; a no was said of both persons."""
    faces = [small.add(collection, name, "ana")[0] for name in "abcd"]
    eva, luis = (small.add(collection, word, word)[0] for word in ("eva", "luis"))
    settling.group_all(collection.opened)
    with writing(collection.db):
        half = statements.add_person(collection.db)
        collection.db.execute("UPDATE faces SET person_id = ? WHERE id <= 2", [half])
        one, other = whose(collection, faces[0], faces[3])
        statements.say_not_same(collection.db, one, whose(collection, eva)[0])
        statements.say_not_same(collection.db, other, whose(collection, luis)[0])
    return faces, one, other


def _suggested(collection):
    return collection.db.execute("SELECT person_id, other_id FROM suggestions").fetchall()


def test_a_no_keeps_apart_whom_it_was_said_of_and_nobody_else(collection):
    """Of both something was said, so which is which stays, and whether they are one is asked."""
    faces, one, other = _two_of_ana(collection)
    assert settling.group_all(collection.opened).questions == 1
    said = {face for face, (_, by) in persons(collection).items() if by == "human"}
    assert len(said & set(faces)) == 2
    assert set(whose(collection, *said)) >= {one, other}
    assert len(set(whose(collection, *set(faces) - said))) == 1
    assert _suggested(collection) == [(min(one, other), max(one, other))]
    with writing(collection.db):
        statements.say_same(collection.db, one, other)
    settling.group_all(collection.opened)
    assert len(set(whose(collection, *faces))) == 1
    assert _suggested(collection) == []


def test_who_has_a_name_gets_the_faces_of_a_group_then_who_is_not_asked_about(collection):
    _, one, other = _two_of_ana(collection)
    (free,) = small.add(collection, "f", "ana")
    with writing(collection.db):
        statements.say_ignore(collection.db, person_ids=[other])
    settling.group_all(collection.opened)
    assert whose(collection, free) == [other]
    with writing(collection.db):
        statements.rename(collection.db, one, "Ana")
    settling.group_all(collection.opened)
    assert whose(collection, free) == [one]


def test_what_was_said_of_faces_whose_photos_are_gone_stops_no_grouping(collection):
    faces = [small.add(collection, name, "ana")[0] for name in "abc"]
    (eva,) = small.add(collection, "e", "eva")
    settling.group_all(collection.opened)
    with writing(collection.db):
        for face in (*faces, eva):
            statements.say_name(collection.db, "Ana", [face])
        collection.db.execute("UPDATE paths SET gone = 1 WHERE path = 'a'")
        collection.catalog.set_live([1])
    assert settling.group_all(collection.opened).faces == 3
    assert len(set(whose(collection, *faces, eva))) == 1


def test_ids_survive_by_largest_overlap(collection):
    faces = [small.add(collection, name, "ana")[0] for name in "abcde"]
    settling.group_all(collection.opened)
    (ana,) = set(whose(collection, *faces))
    with writing(collection.db):
        other = statements.add_person(collection.db)
        collection.db.execute("UPDATE faces SET person_id = ? WHERE id <= 2", [other])
    settling.group_all(collection.opened)
    assert set(whose(collection, *faces)) == {ana}
    assert collection.db.execute("SELECT count(*) FROM persons").fetchone() == (1,)


def test_what_is_no_face_and_what_no_file_holds_is_left_alone(collection):
    (gone,) = small.add(collection, "a", "ana", gone=True)
    (wrong,) = small.add(collection, "b", "eva")
    with writing(collection.db):
        statements.say_not_a_face(collection.db, [wrong])
    assert settling.group_all(collection.opened).faces == 0
    assert whose(collection, gone, wrong) == [None, None]


def test_damaged_embeddings_are_left_out(collection):
    (ana,) = small.add(collection, "a", "ana")
    (eva,) = small.add(collection, "b", "eva")
    settling.group_all(collection.opened)
    file = collection.faces.file(collection.faces.required()).path
    with file.open("r+b") as opened:
        opened.seek(-4, os.SEEK_END)
        opened.write(b"\0\0\0\1")
    before = whose(collection, ana, eva)
    assert settling.group_all(collection.opened).faces < 2
    assert whose(collection, ana, eva) == before


def test_another_process_that_writes_meanwhile_is_heard(collection, monkeypatch, tmp_path):
    small.add(collection, "a", "ana")
    looked = []

    def late(opened):
        if not looked:
            with small.opened(tmp_path / "made") as other:
                looked.append(small.add(other, "b", "ana")[0])
        return real(opened)

    real = settling._limits
    monkeypatch.setattr(settling, "_limits", late)
    assert settling.group_all(collection.opened).faces == 2


def test_without_a_curve_of_strangers_nothing_is_grouped(collection, monkeypatch):
    (ana,) = small.add(collection, "a", "ana")
    monkeypatch.setattr(calibration, "find", lambda *_: None)
    assert settling.settle_new(collection.opened) == Added()
    assert whose(collection, ana) == [None]
    with pytest.raises(BadInput, match="calibrate"):
        settling.group_all(collection.opened)
