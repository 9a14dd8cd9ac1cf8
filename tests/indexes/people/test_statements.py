"""What people say of faces holds, can be taken back, and is told where it contradicts."""

from __future__ import annotations

from pathlib import Path

import pretend
import pytest
import small

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import SharedName
from retrieve.indexes.people import log, statements
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget


@pytest.fixture
def collection(tmp_path):
    """Four photos: two groups that a clustering found, ana and luis, and a face in none."""
    with small.opened(tmp_path / "c") as opened:
        for name, words in {"a": "ana1 luis1", "b": "ana2 luis2", "c": "ana3", "d": "eva"}.items():
            small.add(opened, f"/p/{name}.jpg", words, taken_at=f"200{ord(name) - 97}-05-01")
        with writing(opened.db):
            for group in ("ana1 ana2 ana3", "luis1 luis2"):
                _grouped(opened, group.split())
        yield opened


def _grouped(collection, words):
    id = persons.add_person(collection.db)
    for word in words:
        collection.db.execute(
            "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?",
            [id, small.face_of(collection, word)],
        )
    return id


def _state(collection):
    """Word → person, by, whether it is no face; everybody's name, whether they are ignored."""
    faces = {
        small.word(jpeg): place
        for jpeg, *place in collection.db.execute(
            "SELECT jpeg, person_id, by, not_a_face FROM faces JOIN crops ON face_id = id"
        )
    }
    who = collection.db.execute("SELECT id, name, key, ignored FROM persons ORDER BY id").fetchall()
    return faces, who


def _who(collection):
    """Words by the person they are of."""
    found = {}
    for word, (whose, _, _) in _state(collection)[0].items():
        if whose is not None:
            found.setdefault(persons.person(collection.db, whose).shown, set()).add(word)
    return found


def _say(collection, what, *given, **options):
    with writing(collection.db):
        return what(collection.db, *given, **options)


def _ids(collection, words):
    return [small.face_of(collection, word) for word in words.split()]


def _name(collection, name, words, **options):
    return _say(collection, statements.say_name, name, _ids(collection, words), **options)


def test_naming_one_face_names_its_person_and_undoing_gives_back_what_was(collection):
    before = _state(collection)
    said = _name(collection, "Ana", "ana2")
    assert (said.person_id, said.name, said.faces, said.along, said.notes) == (1, "Ana", 3, 2, ())
    assert _who(collection) == {"Ana": {"ana1", "ana2", "ana3"}, "#2": {"luis1", "luis2"}}
    assert _state(collection)[0]["ana2"] == [1, "human", 0]
    assert _state(collection)[0]["ana1"] == [1, "group", 0]
    after = _state(collection)
    assert _say(collection, statements.undo).id == said.lines[0]
    assert _state(collection) == before
    _say(collection, statements.undo, 2)  # the taking back is taken back
    assert _state(collection) == after


def test_a_name_that_another_person_has_joins_them_and_the_ids_of_persons_are_never_given_twice(
    collection,
):
    _name(collection, "Ana", "ana1")
    before = _state(collection)
    said = _name(collection, "ANA", "eva")
    assert (said.person_id, said.name, said.faces) == (1, "Ana", 4)
    _say(collection, statements.undo)
    assert _state(collection) == before
    said = _name(collection, "ana", "eva", new=True)
    assert (said.person_id, said.name, said.faces) == (3, "ana", 1)
    _say(collection, statements.undo)
    assert _state(collection) == before
    assert _name(collection, "Eva", "eva").person_id == 4


def test_a_shared_name_is_told_apart_by_ids(collection):
    _name(collection, "Ana", "ana1")
    _name(collection, "Ana", "luis1", new=True)
    with pytest.raises(SharedName, match=r"#1 \(3 faces in 3 photos, 2000 to 2002, as in /p/.*#2"):
        _name(collection, "Ana", "eva")
    said = _say(collection, statements.say_whose, 2, _ids(collection, "eva"))
    assert (said.name, said.faces) == ("Ana", 3)
    assert persons.persons_called(collection.db, "ana") == [1, 2]
    assert persons.person_id(collection.db, "#2") == 2
    with pytest.raises(BadInput, match="nobody has the number #9"):
        persons.person_id(collection.db, "#9")


def test_a_face_of_somebody_named_moves_alone_and_the_contradiction_is_told(collection):
    first = _name(collection, "Ana", "ana2")
    said = _name(collection, "Eva", "ana2")
    assert _who(collection)["Eva"] == {"ana2"}
    assert _who(collection)["Ana"] == {"ana1", "ana3"}
    assert said.notes == (
        f"{first.lines[0]} said that b.jpg:1 is Ana; that does not hold any more: "
        "b.jpg:1 is Eva, not Ana",
    )
    assert statements.links(collection.db).cannot.shape == (1, 2)
    _say(collection, statements.undo)
    assert _who(collection)["Ana"] == {"ana1", "ana2", "ana3"}


def test_other_faces_of_a_photo_are_not_taken_along(collection):
    """luis2 stands beside ana2, so a group with both photos cannot come along whole."""
    _name(collection, "Ana", "ana1")
    said = _name(collection, "Ana", "luis1")
    assert _who(collection)["Ana"] == {"ana1", "ana2", "ana3", "luis1"}
    assert said.notes[-1] == "a.jpg shows Ana more than once now: faces 1, 2"
    assert _who(collection)["#2"] == {"luis2"}


def test_merging_is_taken_back_exactly(collection):
    _name(collection, "Luis", "luis1")
    before = _state(collection)
    said = _say(collection, statements.say_same, 1, 2)
    assert (said.person_id, said.name, said.faces, said.along) == (2, "Luis", 5, 3)
    assert len(said.notes) == 2  # both photos show him twice
    _say(collection, statements.undo)
    assert _state(collection) == before


def test_merging_two_names_keeps_the_first_and_tells_what_was_said(collection):
    _name(collection, "Ana", "ana1")
    second = _name(collection, "Luis", "luis1")
    said = _say(collection, statements.say_same, 1, 2)
    assert said.name == "Ana"
    assert said.notes[0].startswith(f"{second.lines[0]} said that a.jpg:2 is Luis; that does not")
    assert _who(collection) == {"Ana": {"ana1", "ana2", "ana3", "luis1", "luis2"}}


def test_two_who_are_not_the_same_are_told_when_they_are_joined(collection):
    apart = _say(collection, statements.say_not_same, 1, 2)
    links = statements.links(collection.db)
    assert sorted(links.pinned.values()) == [1, 2]
    assert links.cannot.tolist() == [sorted(links.pinned)]
    said = _say(collection, statements.say_same, 1, 2)
    assert said.notes[0].startswith(f"{apart.lines[0]} said that #2 (")
    assert statements.links(collection.db).cannot.tolist() == []
    assert statements.links(collection.db).must.shape == (1, 2)


def test_only_who_was_said_to_be_two_is_kept_apart(collection):
    """Of two persons of whom something was said it may still be computed that they are one."""
    _say(collection, statements.say_ignore, person_ids=[1, 2])
    assert sorted(statements.links(collection.db).pinned.values()) == [1, 2]
    assert statements.links(collection.db).cannot.tolist() == []
    _name(collection, "Ana", "ana1")
    assert statements.links(collection.db).cannot.tolist() == []
    apart = _say(collection, statements.split, 1, _ids(collection, "ana2"))
    pair = sorted(_ids(collection, "ana1 ana2"))
    assert statements.links(collection.db).cannot.tolist() == [pair]
    _name(collection, "Luis", "luis1")  # of two names nobody has to say that they are two
    assert len(statements.links(collection.db).cannot) == 2
    _say(collection, statements.undo, apart.lines[0])
    assert len(statements.links(collection.db).cannot) == 1
    _say(collection, statements.say_whose, 2, _ids(collection, "ana3"))  # Luis, and not Ana
    _say(collection, statements.rename, 2, None)
    assert len(statements.links(collection.db).cannot) == 1


def test_links_of_some_faces_name_no_others(collection):
    _name(collection, "Ana", "ana1")
    _name(collection, "Ana", "ana2")
    _name(collection, "Luis", "luis1")
    living = set(_ids(collection, "ana2 ana3 luis1"))
    links = statements.links(collection.db, living)
    assert links.pinned.keys() == set(_ids(collection, "ana2 luis1"))
    assert links.must.tolist() == []
    assert links.cannot.tolist() == [_ids(collection, "ana2 luis1")]


def test_splitting_makes_somebody_else(collection):
    _name(collection, "Ana", "ana1")
    before = _state(collection)
    said = _say(collection, statements.split, 1, _ids(collection, "ana2 ana3"))
    assert (said.person_id, said.name, said.faces) == (3, None, 2)
    assert _who(collection)["#3"] == {"ana2", "ana3"}
    _say(collection, statements.undo)
    assert _state(collection) == before
    for words, why in (("luis1", "is not Ana's"), ("ana1 ana2 ana3", "these are all faces")):
        with pytest.raises(BadInput, match=why):
            _say(collection, statements.split, 1, _ids(collection, words))
    assert _state(collection) == before


def test_what_is_no_face_is_nobodys_and_found_by_no_search(collection):
    before = _state(collection)
    probe = pretend.embedding("ana1")
    assert collection.nearest(probe, k=1)[0][0].score > 0.99
    _say(collection, statements.say_not_a_face, _ids(collection, "ana1"))
    assert _state(collection)[0]["ana1"] == [None, None, 1]
    assert all(hit.score < 0.99 for hit in collection.nearest(probe, k=9)[0])
    _say(collection, statements.undo)
    assert _state(collection) == before
    assert collection.nearest(probe, k=1)[0][0].score > 0.99


def test_ignored_people_are_marked_and_a_name_ends_that(collection):
    before = _state(collection)
    _say(collection, statements.say_ignore, person_ids=[2], face_ids=_ids(collection, "eva"))
    assert [one.ignored for one in persons.persons(collection.db, named=False)] == [
        False, True, True,
    ]  # fmt: skip
    _name(collection, "Luis", "luis2")
    assert not persons.person(collection.db, 2).ignored
    for _ in range(3):
        _say(collection, statements.undo)
    assert _state(collection) == before


def test_names_are_taken_away(collection):
    _name(collection, "Ana", "ana1")
    _say(collection, statements.say_nobody, _ids(collection, "ana2"))
    assert _who(collection)["Ana"] == {"ana1", "ana3"}
    _say(collection, statements.rename, 1, None)
    assert _who(collection)["#1"] == {"ana1", "ana3"}
    with pytest.raises(BadInput, match="#1 has no name"):
        _say(collection, statements.rename, 1, None)


def test_what_a_file_says_comes_second_and_is_said_once(collection):
    _name(collection, "Ana", "ana1")
    said = _name(collection, "Eva", "ana1", source="region")
    assert said.lines == ()
    said = _name(collection, "Luis", "luis1", source="region")
    assert _who(collection)["Luis"] == {"luis1", "luis2"}
    assert _name(collection, "luis", "luis1", source="region").lines == ()
    _say(collection, statements.undo)
    assert _name(collection, "Luis", "luis1", source="region").lines == ()
    assert "Luis" not in _who(collection)


def test_what_was_said_is_told_line_by_line(collection):
    _name(collection, "Ana", "ana1")
    _name(collection, "Luis", "luis1")
    _say(collection, statements.undo, 1)
    told = statements.history(collection.db)
    assert [(line.id, counts, holds) for line, counts, holds in told] == [
        (1, False, False), (2, True, True), (3, True, True),
    ]  # fmt: skip
    (line, *_), *_ = statements.history(collection.db, 2)
    assert line.name == "Luis"
    with pytest.raises(BadInput, match=r"1 was taken back already.*retrieve undo 3"):
        _say(collection, statements.undo, 1)
    with pytest.raises(BadInput, match="nothing was said with the number 99"):
        _say(collection, statements.undo, 99)


def test_what_was_said_holds_when_faces_are_stored_anew(collection):
    """Another box, another id, and nothing computed: photo and box are what is left."""
    _name(collection, "Ana", "ana1")
    _say(collection, statements.say_not_a_face, _ids(collection, "luis1"))
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET x2 = x2 + 0.2, id = id + 100")
        collection.db.execute("UPDATE crops SET face_id = face_id + 100")
        collection.db.execute("UPDATE faces SET person_id = NULL, by = NULL, not_a_face = 0")
        collection.db.execute("DELETE FROM persons")
        statements.apply(collection.db)
    assert _who(collection) == {"Ana": {"ana1"}}
    assert _state(collection)[0]["luis1"] == [None, None, 1]


def test_compacting_leaves_the_log_and_a_photo_that_comes_back_is_known(collection, tmp_path):
    _name(collection, "Eva", "eva")
    with writing(collection.db):
        collection.db.execute("UPDATE paths SET gone = 1 WHERE path = '/p/d.jpg'")
        collection.catalog.set_live([4])
    compact(collection, gone=True)
    assert "Eva" not in _who(collection)
    small.add(collection, "/p/d.jpg", "eva")
    with writing(collection.db):
        statements.apply(collection.db)
    assert _who(collection)["Eva"] == {"eva"}


def test_a_name_like_a_number_is_refused(collection):
    with pytest.raises(BadInput, match="#7 is how a person without a name is shown"):
        _name(collection, "#7", "eva")


def test_a_line_that_is_taken_back_twice_over_counts(collection):
    every = [
        log.Statement(1, "", "name"), log.Statement(2, "", "undo", undoes=1),
        log.Statement(3, "", "undo", undoes=2), log.Statement(4, "", "undo", undoes=3),
    ]  # fmt: skip
    assert [log.active(every[:n]) for n in (1, 2, 3, 4)] == [{1}, {2}, {1, 3}, {2, 4}]


def test_forgetting_a_person_takes_what_was_said_of_them_out_of_the_log(collection):
    """Ana goes; Luis stays named though the face that named him goes with its photo."""
    _name(collection, "Anacleto", "ana1")
    _name(collection, "Luis", "luis1")
    _say(collection, statements.say_not_same, 1, 2)
    _name(collection, "Evaristo", "eva")
    _say(collection, statements.rename, 3, "Eva")
    done = forget(collection, persons=["anacleto"], paths=[Path("/p/a.jpg")])
    assert (done.names, done.statements) == (["Anacleto"], 2)
    assert _who(collection) == {"Luis": {"luis2"}, "Eva": {"eva"}}
    told = [(line.kind, line.name) for line, *_ in statements.history(collection.db)]
    assert told == [("name", "Luis"), ("name", "Evaristo"), ("name", "Eva")]
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET person_id = NULL, by = NULL")
        statements.apply(collection.db)
    assert _who(collection) == {"Luis": {"luis2"}, "Eva": {"eva"}}
    with pytest.raises(BadInput, match="nothing was said with the number 1"):
        _say(collection, statements.undo, 1)


def test_whose_a_face_is_holds_when_those_are_forgotten_whom_it_was_taken_from(collection):
    _name(collection, "Ana", "ana1")
    _name(collection, "Eva", "ana2", new=True)  # and not Ana
    other = _say(collection, statements.split, 1, _ids(collection, "ana3")).person_id
    forget(collection, persons=["ana"])
    assert _who(collection)["Eva"] == {"ana2"}
    told = [(one.kind, one.other_id, one.others) for one, *_ in statements.history(collection.db)]
    assert told == [("name", None, ()), ("whose", None, ())]
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET person_id = NULL, by = NULL")
        collection.db.execute("DELETE FROM persons")
        statements.apply(collection.db)
    assert _who(collection) == {"Eva": {"ana2"}, f"#{other}": {"ana3"}}


def test_a_name_that_nobody_has_any_more_is_forgotten_by_that_name(collection):
    _name(collection, "Evaristo", "eva")
    _say(collection, statements.rename, 3, "Eva")
    done = forget(collection, persons=["evaristo"])
    assert (done.names, done.faces, done.statements) == (["evaristo"], 0, 1)
    assert _who(collection)["Eva"] == {"eva"}
    for path in collection.path.rglob("*"):
        assert path.is_dir() or b"Evaristo" not in path.read_bytes()
    with pytest.raises(BadInput, match="nobody is called 'evaristo'"):
        forget(collection, persons=["evaristo"])


def test_a_person_who_outlived_being_joined_comes_back_as_that_person(collection):
    """Of eva's group a face stayed, for its photo shows ana already; then it was no face."""
    third = _grouped(collection, ["eva", "luis1"])
    collection.db.execute(
        "UPDATE faces SET by = 'attached' WHERE id = ?", [small.face_of(collection, "luis1")]
    )
    _say(collection, statements.say_whose, 1, _ids(collection, "eva"))
    faces, _ = _state(collection)
    assert (faces["eva"][0], faces["luis1"][0]) == (1, third)
    before = _state(collection)
    _say(collection, statements.say_not_a_face, _ids(collection, "luis1"))
    assert third not in {whose for whose, *_ in _state(collection)[0].values()}
    _say(collection, statements.undo)
    assert _state(collection) == before


def test_taking_back_what_has_no_effect_any_more_moves_no_face_that_is_none(collection):
    """A face is said to be none twice over; then a taking back of the first time is taken back."""
    face = _ids(collection, "ana3")
    _say(collection, statements.say_not_a_face, face)
    _say(collection, statements.undo, 1)
    _say(collection, statements.undo, 2)
    _say(collection, statements.undo, 1)
    _say(collection, statements.say_not_a_face, face)
    _say(collection, statements.undo, 3)
    assert _state(collection)[0]["ana3"] == [None, None, 1]


def test_a_face_that_a_line_moved_stays_none_when_the_line_is_taken_back(collection):
    """ana1 is luis, so luis1 of the same photo is not, whom nobody named; then it was no face."""
    _say(collection, statements.say_whose, 2, _ids(collection, "ana1"))
    assert _state(collection)[0]["luis1"][0] not in (1, 2)
    _say(collection, statements.say_not_a_face, _ids(collection, "luis1"))
    _say(collection, statements.undo, 1)
    assert _state(collection)[0]["luis1"] == [None, None, 1]
