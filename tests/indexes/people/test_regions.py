from __future__ import annotations

import drawn
import pytest
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import log, statements
from retrieve.indexes.upkeep.forget import forget

# As pretend.py stores it: 20 by 10 pixels, face i from x = i to i + 1 and y = 0 to 1.
SIZE = (20, 10)


def _place(number, size=SIZE):
    """Middle, width and height of a face, as a share."""
    return ((number + 0.5) / size[0], 0.5 / size[1], 1 / size[0], 1 / size[1])


def _draw(photo, *people, **options):
    beside = photo.with_name(photo.name + ".xmp")
    faces = [(name, _place(number)) for name, number in people]
    beside.write_bytes(drawn.packet(drawn.mwg(*faces, size=SIZE, **options)))
    return beside


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "group.jpg").write_text("ana eva luis")
    (folder / "one.jpg").write_text("ana2")
    return folder


@pytest.fixture
def opened(tmp_path):
    with small.opened(tmp_path / "c") as collection:
        yield collection


def _index(opened, photos):
    return small.index_all(opened, photos)


def _names(opened):
    rows = opened.db.execute(
        "SELECT jpeg, name, by FROM faces JOIN crops ON face_id = faces.id "
        "LEFT JOIN persons ON persons.id = person_id WHERE name IS NOT NULL"
    )
    return {small.word(jpeg): (name, by) for jpeg, name, by in rows}


def _said(opened):
    return [(line.kind, line.name, line.source) for line in log.lines(opened.db)]


def test_what_a_file_says_of_a_face_is_what_a_person_said(opened, photos):
    _draw(photos / "group.jpg", ("Ana", 0), ("Luis", 2), ("Nobody", 9))
    _draw(photos / "one.jpg", ("ana", 0))
    _index(opened, photos)
    names = _names(opened)
    assert {word: by for word, (_, by) in names.items()} == {
        "ana": "human", "luis": "human", "ana2": "human"
    }  # fmt: skip
    assert names["ana"] == names["ana2"]
    assert sorted(_said(opened)) == [
        *[("name", names["ana"][0], "region")] * 2, ("name", "Luis", "region")
    ]  # fmt: skip
    texts = [hit.passage.text for hit in opened.search_texts("Nobody")]
    assert any("Nobody" in text for text in texts)  # on which no face was found


def test_it_is_said_once(opened, photos):
    beside = _draw(photos / "group.jpg", ("Ana", 0))
    _index(opened, photos)
    before = _said(opened)
    beside.write_bytes(beside.read_bytes() + b"\n")
    assert _index(opened, photos).unchanged == 2
    assert _said(opened) == before


def test_who_was_renamed_here_keeps_the_name_in_files(opened, photos):
    """A file that says the old name and one that says the new one are both of that person."""
    _draw(photos / "group.jpg", ("Ana", 0))
    _index(opened, photos)
    with writing(opened.db):
        statements.rename(opened.db, statements.persons.person_id(opened.db, "Ana"), "Anita")
    (photos / "old.jpg").write_text("ana3")
    _draw(photos / "old.jpg", ("ana", 0))
    (photos / "new.jpg").write_text("ana4")
    _draw(photos / "new.jpg", ("Anita", 0))
    _index(opened, photos)
    names = _names(opened)
    assert {names[word] for word in ("ana", "ana3", "ana4")} == {("Anita", "human")}
    assert len(statements.persons.persons(opened.db)) == 1
    before = _said(opened)
    beside = photos / "old.jpg.xmp"
    beside.write_bytes(beside.read_bytes() + b"\n")
    _index(opened, photos)
    assert _said(opened) == before


def test_a_name_that_a_person_corrected_here_says_nothing_of_files(opened, photos):
    """Somebody was called Ana by mistake, and by no file: who is Ana in a file is somebody else."""
    _index(opened, photos)
    with writing(opened.db):
        said = statements.say_name(opened.db, "Ana", [small.face_of(opened, "eva")])
        statements.rename(opened.db, said.person_id, "Eva")
    (photos / "new.jpg").write_text("ana3")
    _draw(photos / "new.jpg", ("Ana", 0))
    _index(opened, photos)
    names = _names(opened)
    assert (names["eva"][0], names["ana3"][0]) == ("Eva", "Ana")


def test_what_was_taken_back_does_not_come_back_by_itself(opened, photos):
    beside = _draw(photos / "group.jpg", ("Ana", 0))
    _index(opened, photos)
    with writing(opened.db):
        statements.undo(opened.db)
    beside.write_bytes(beside.read_bytes() + b"\n")
    _index(opened, photos)
    assert _names(opened) == {}


def test_another_name_in_the_file_is_another_statement_and_so_is_the_first_again(opened, photos):
    for name in ("Ana", "Anita", "Ana"):
        _draw(photos / "group.jpg", (name, 0))
        _index(opened, photos)
        assert _names(opened) == {"ana": (name, "human")}
    assert [name for _, name, _ in _said(opened)] == ["Ana", "Anita", "Ana"]


def test_a_file_never_overrides_what_a_person_said(opened, photos):
    _index(opened, photos)
    with writing(opened.db):
        statements.say_name(opened.db, "Eva", [small.face_of(opened, "ana")])
        statements.say_not_a_face(opened.db, [small.face_of(opened, "luis")])
    for name in ("Ana", "Anita"):
        _draw(photos / "group.jpg", (name, 0), ("Luis", 2))
        _index(opened, photos)
    assert _names(opened) == {"ana": ("Eva", "human")}
    with writing(opened.db):
        statements.apply(opened.db)
    assert _names(opened) == {"ana": ("Eva", "human")}


def test_names_of_files_survive_everything_computed_anew(opened, photos):
    _draw(photos / "group.jpg", ("Ana", 0), ("Luis", 2))
    _draw(photos / "one.jpg", ("Ana", 0))
    _index(opened, photos)
    before = _names(opened)
    with writing(opened.db):
        opened.db.execute("UPDATE faces SET person_id = NULL, by = NULL")
        statements.apply(opened.db)
    assert _names(opened) == before


def test_of_two_sources_that_differ_the_first_counts(opened, photos):
    more = drawn.microsoft([("Eva", "0, 0, 0.05, 0.1"), ("Luis", "0.1, 0, 0.05, 0.1")])
    packet = drawn.packet(drawn.mwg(("Ana", _place(0)), size=SIZE) + more)
    (photos / "group.jpg.xmp").write_bytes(packet)
    _index(opened, photos)
    assert _names(opened) == {"ana": ("Ana", "human"), "luis": ("Luis", "human")}


def test_of_two_people_of_a_name_a_region_is_of_the_one_whose_face_it_is(opened, photos):
    _index(opened, photos)
    ana, other = small.face_of(opened, "ana"), small.face_of(opened, "ana2")
    with writing(opened.db):
        statements.say_name(opened.db, "Ana", [ana])
        second = statements.say_name(opened.db, "Ana", [other], new=True).person_id
        opened.db.execute(
            "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?",
            [second, small.face_of(opened, "luis")],
        )
    _draw(photos / "group.jpg", ("Ana", 2))
    _index(opened, photos)
    ((whose, by),) = opened.db.execute(
        "SELECT person_id, by FROM faces WHERE id = ?", [small.face_of(opened, "luis")]
    )
    assert (whose, by) == (second, "human")


@pytest.mark.parametrize("name", ["#7", "\x9f"])
def test_what_is_no_name_here_names_nobody(opened, photos, name):
    _draw(photos / "group.jpg", (name, 0))
    _index(opened, photos)
    assert _names(opened) == {}


def test_a_photo_that_was_indexed_before_regions_were_read_is_read_again(opened, photos):
    _draw(photos / "group.jpg", ("Ana", 0))
    _index(opened, photos)
    with writing(opened.db):
        statements.undo(opened.db)
        opened.db.execute("DELETE FROM statements")
        opened.db.execute("UPDATE contents SET reader = 'photo 2'")
    assert _index(opened, photos).reread == 2
    assert _names(opened) == {"ana": ("Ana", "human")}


def test_what_we_guessed_and_wrote_is_nobodys_word(opened, photos):
    beside = _draw(photos / "group.jpg", ("Ana", 0))
    beside.write_bytes(
        beside.read_bytes().replace(
            b"<mwg-rs:Area",
            b'<r:by xmlns:r="urn:retrieve:xmp:1.0#">program</r:by><mwg-rs:Area',
        )
    )
    _index(opened, photos)
    assert _names(opened) == {}


def test_forgetting_a_person_forgets_the_name_that_files_gave_too(opened, photos):
    beside = _draw(photos / "group.jpg", ("Ana", 0), ("Luis", 2))
    _index(opened, photos)
    done = forget(opened, persons=["Ana"], verify=True)
    assert done.names == ["Ana"]
    assert done.proof is not None
    assert not done.proof.traces
    # The file is its owner's: it says the name still, as captions do.
    assert [(one.name, one.kind, one.path) for one in done.said] == [
        ("Ana", "keywords", photos / "group.jpg")
    ]
    assert _said(opened) == [("name", "Luis", "region")]
    _index(opened, photos)
    assert _names(opened) == {"luis": ("Luis", "human")}
    beside.write_bytes(beside.read_bytes() + b"\n")  # read again, and her face is not there
    _index(opened, photos)
    assert _names(opened) == {"luis": ("Luis", "human")}
    assert _said(opened) == [("name", "Luis", "region")]
