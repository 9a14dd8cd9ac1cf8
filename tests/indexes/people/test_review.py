"""Equal words are one person's faces (tests/helpers/small.py); pairs to ask about are put in."""

import pytest
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import review, statements


@pytest.fixture
def album(tmp_path):
    """Five people of one to four faces, and who may be who."""
    with small.opened(tmp_path / "made") as collection:
        sizes = {"ana": 4, "eva": 3, "luis": 2, "max": 1, "zoe": 1}
        faces = {
            word: [small.add(collection, f"{word}{i}", word)[0] for i in range(n)]
            for word, n in sizes.items()
        }
        with writing(collection.db):
            for id, some in enumerate(faces.values(), 1):
                statements.add_person(collection.db, id=id)
                collection.db.conn.executemany(
                    "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?",
                    [[id, face] for face in some],
                )
            collection.db.conn.executemany(
                "INSERT INTO suggestions (person_id, other_id, score) VALUES (?, ?, ?)",
                [(4, 5, 0.82), (1, 2, 0.75), (1, 3, 0.78), (2, 4, 0.8)],
            )
        yield collection, faces


def pairs(collection, **more):
    return [one.pair for one in review.questions(collection.opened, most=9, **more)]


def test_what_settles_most_faces_comes_first(album):
    collection, _ = album
    assert pairs(collection) == [(1, 2), (1, 3), (4, 5), (2, 4)]
    assert [one.settles for one in review.questions(collection.opened, most=9)] == [3, 2, 1, 1]
    assert pairs(collection, skipped={(1, 2)}) == [(1, 3), (4, 5), (2, 4)]


def test_a_name_settles_all_faces_of_the_other_one(album):
    collection, faces = album
    with writing(collection.db):
        statements.say_name(collection.db, "Max", faces["max"])
    (first, *_) = review.questions(collection.opened, most=2)
    assert (first.pair, first.settles) == ((2, 4), 3)
    assert (first.other.person, first.other.faces) == ("Max", 1)
    assert first.one.face_id in faces["eva"]


def test_yes_makes_one_person_whose_other_questions_stay(album):
    collection, _ = album
    (first,) = review.questions(collection.opened, most=1)
    with writing(collection.db):
        said = review.same(collection.db, first, "Ana")
    assert (said.person_id, said.name, said.faces) == (1, "Ana", 7)
    assert pairs(collection) == [(1, 3), (4, 5), (1, 4)]


def test_no_is_not_asked_again(album):
    collection, _ = album
    (first,) = review.questions(collection.opened, most=1)
    with writing(collection.db):
        review.not_same(collection.db, first)
    assert (1, 2) not in pairs(collection)


def test_ignored_people_are_not_asked_about(album):
    collection, _ = album
    (first,) = review.questions(collection.opened, most=1)
    with writing(collection.db):
        review.ignore(collection.db, first)
    assert pairs(collection) == [(4, 5)]


@pytest.mark.parametrize("answer", ["same", "not_same", "ignore"])
def test_an_answer_taken_back_is_asked_again(album, answer):
    collection, _ = album
    (first,) = review.questions(collection.opened, most=1)
    with writing(collection.db):
        said = getattr(review, answer)(collection.db, first)
    with writing(collection.db):
        review.take_back(collection.db, first, said)
    (again,) = review.questions(collection.opened, most=1)
    assert again == first


def test_among_many_people_the_same_score_is_worth_less():
    assert review.chance_among(0.99, 2) == pytest.approx(0.99)
    assert review.chance_among(0.99, 100) == pytest.approx(0.5)


def test_two_whom_one_photo_shows_are_not_asked_about(album):
    collection, faces = album
    one, other = faces["ana"][0], faces["eva"][0]
    with writing(collection.db):
        collection.db.execute(
            "UPDATE faces SET number = 2, content_id = (SELECT content_id FROM faces WHERE id = ?) "
            "WHERE id = ?",
            [one, other],
        )
    assert pairs(collection) == [(1, 3), (4, 5), (2, 4)]


def test_who_was_parted_is_not_asked_about_when_a_no_holds_again(album):
    """It was taken back, and somebody grouped the faces before it was said again."""
    collection, _ = album
    with writing(collection.db):
        no = statements.say_not_same(collection.db, 1, 2).lines[0]
        statements.undo(collection.db, no)
        collection.db.execute(
            "INSERT INTO suggestions (person_id, other_id, score) VALUES (1, 2, .75)"
        )
        statements.undo(collection.db, no + 1)
        assert (1, 2) not in pairs(collection)


def test_who_was_parted_is_not_asked_about_by_way_of_a_third(album):
    """Luis is not Ana; Eva, who may be Ana, turns out to be Luis."""
    collection, _ = album
    with writing(collection.db):
        statements.say_not_same(collection.db, 1, 3)
        statements.say_same(collection.db, 2, 3)
        assert (1, 2) not in pairs(collection)
