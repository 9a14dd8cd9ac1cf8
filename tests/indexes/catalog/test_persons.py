from __future__ import annotations

import pretend
import pytest
import small

from retrieve.errors import BadInput
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.people import naming, statements
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "beach.jpg").write_text("ana")
    (folder / "party.jpg").write_text("luis eva ana2")
    (folder / "sea.jpg").write_text("")
    (folder / "bad.jpg").write_text("bad")
    return folder


@pytest.fixture
def collection(tmp_path, photos):
    with small.opened(tmp_path / "c") as opened:
        small.index(opened, photos)
        yield opened


def _name(collection, name, *texts):
    with writing(collection.db):
        ids = [naming.face_id(collection.db, str(text)) for text in texts]
        statements.say_name(collection.db, name, ids)


def _people(collection):
    return {one.name: (one.faces, one.photos) for one in persons.persons(collection.db)}


def _found(collection, *names):
    """The words of the faces that a search among these persons finds."""
    hits = collection.nearest(pretend.embedding("ana"), k=10, wanted=Filter(persons=names))[0]
    return sorted(pretend.said(hit.picture()) for hit in hits)


def test_a_name_is_found_without_case_and_accents(collection, photos):
    _name(collection, "Ana Núñez", photos / "beach.jpg", f"{photos}/party.jpg:3")
    assert _people(collection) == {"Ana Núñez": (2, 2)}
    assert _found(collection, "ana nunez") == ["ana", "ana2"]
    _name(collection, "ANA NUNEZ", f"{photos}/party.jpg:2")
    assert _people(collection) == {"Ana Núñez": (3, 2)}


def test_composed_and_decomposed_accents_are_one_name(collection, photos):
    _name(collection, "Jose\u0301", photos / "beach.jpg")
    assert list(_people(collection)) == ["José"]
    assert persons.same_name("Jose\u0301", "JOSÉ")


def test_a_second_name_takes_the_place_of_the_first(collection, photos):
    _name(collection, "ana", photos / "beach.jpg")
    _name(collection, "eva", photos / "beach.jpg")
    assert _people(collection) == {"eva": (1, 1)}


def test_a_name_that_no_face_has_any_more_is_gone(collection, photos):
    _name(collection, "ana", photos / "beach.jpg")
    with writing(collection.db):
        statements.say_nobody(collection.db, persons.faces_of(collection.db, "ana"))
    assert _people(collection) == {}
    with pytest.raises(BadInput, match="nobody is called 'ana'; there are: nobody yet"):
        _found(collection, "ana")


def test_renaming_to_a_name_that_is_taken_makes_one_person_of_two(collection, photos):
    _name(collection, "ana", photos / "beach.jpg")
    _name(collection, "Anita", f"{photos}/party.jpg:3")
    with writing(collection.db):
        statements.rename(collection.db, persons.person_id(collection.db, "anita"), "ANA")
    assert _people(collection) == {"ana": (2, 2)}
    with writing(collection.db):
        statements.rename(collection.db, persons.person_id(collection.db, "ana"), "Ána")
    assert _people(collection) == {"Ána": (2, 2)}


@pytest.mark.parametrize("name", ["", "  ", "\u0301", "a\x00b", "a\x1b[1m", "\udcff"])
def test_what_is_no_name_is_refused_and_changes_nothing(collection, photos, name):
    with pytest.raises(BadInput, match="wanted a name"):
        _name(collection, name, photos / "beach.jpg")
    assert _people(collection) == {}


def test_a_photo_with_several_faces_needs_a_number_and_the_error_lists_them(collection, photos):
    _name(collection, "eva", f"{photos}/party.jpg:2")
    with pytest.raises(BadInput, match=r"3 faces, say which: :1 \(x 0 to 1, y 0 to 1\), :2 .*eva"):
        naming.face_id(collection.db, f"{photos}/party.jpg")
    with pytest.raises(BadInput, match="there is no face 4"):
        naming.face_id(collection.db, f"{photos}/party.jpg:4")
    with pytest.raises(BadInput, match="there is no face 0"):
        naming.face_id(collection.db, f"{photos}/beach.jpg:0")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sea.jpg", "no face was found"),
        ("bad.jpg", "could not be indexed: is bad"),
        ("other.jpg", "not in the collection"),
        ("other.jpg:1", "other.jpg is not in the collection"),
    ],
)
def test_a_photo_that_cannot_be_named_says_why(collection, photos, name, words):
    with pytest.raises(BadInput, match=words):
        naming.face_id(collection.db, str(photos / name))


def test_a_file_whose_name_ends_in_a_number_is_found_by_it(collection, photos):
    (photos / "take:2").mkdir()
    (photos / "beach.jpg:1").write_text("GIF8")  # as a picture begins: the suffix tells nothing
    small.index(collection, photos / "beach.jpg:1")
    id = naming.face_id(collection.db, str(photos / "beach.jpg:1"))
    assert collection.catalog.crop(id) == pretend.picture("GIF8")
    assert naming.face_id(collection.db, f"{photos}/beach.jpg:1:1") == id


def test_a_face_that_is_not_stored_is_refused(collection):
    with writing(collection.db), pytest.raises(BadInput, match="no face has the id 99"):
        statements.say_name(collection.db, "ana", [1, 99])


def test_names_outlive_indexing_again_moving_and_compacting(collection, photos):
    _name(collection, "ana", photos / "beach.jpg", f"{photos}/party.jpg:3")
    (photos / "beach.jpg").rename(photos / "moved.jpg")
    report = small.index(collection, photos)
    assert (report.moved, report.new) == (1, 0)
    assert _found(collection, "ana") == ["ana", "ana2"]
    _name(collection, "luis", f"{photos}/party.jpg:1")
    forget(collection, persons=["luis"])
    assert compact(collection).rows > 0
    assert collection.faces.space().rows == 3
    assert _found(collection, "ana") == ["ana", "ana2"]
    assert _people(collection) == {"ana": (2, 2)}


def test_gone_photos_do_not_count_and_keep_their_names(collection, photos):
    _name(collection, "ana", photos / "beach.jpg")
    (photos / "beach.jpg").rename(photos.parent / "kept")
    small.index(collection, photos)
    assert _people(collection) == {"ana": (0, 0)}
    (photos.parent / "kept").rename(photos / "beach.jpg")
    small.index(collection, photos)
    assert _people(collection) == {"ana": (1, 1)}
