"""Who is who, as a user says it and takes it back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import small
from typer.testing import CliRunner

from retrieve.cli import choosing
from retrieve.cli.app import app
from retrieve.errors import RetrievalError
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing

ROOT = Path(__file__).parents[2]
COMMANDS = ("merge", "split", "not-same", "ignore", "undo", "history")


@pytest.fixture
def run(tmp_path):
    """A collection with a group of three faces, one of two and one of a single face."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, words in {"a": "ana1 luis1", "b": "ana2 luis2", "c": "ana3", "d": "eva"}.items():
        (photos / f"{name}.jpg").write_text(words)
    with small.opened(tmp_path / "c") as opened:
        small.index(opened, photos)
        with writing(opened.db):
            for words in ("ana1 ana2 ana3", "luis1 luis2", "eva"):
                id = persons.add_person(opened.db)
                for word in words.split():
                    opened.db.execute(
                        "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?",
                        [id, small.face_of(opened, word)],
                    )

    def do(*arguments, fails=False):
        given = [str(one).replace("@", f"{photos}/") for one in arguments]
        environment = {"COLUMNS": "200", "RETRIEVE_COLLECTION": str(tmp_path / "c")}
        done = CliRunner().invoke(app, given, env=environment)
        if fails:
            assert isinstance(done.exception, RetrievalError), done.output
            return str(done.exception)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return do


def _people(run, *options):
    return [json.loads(line) for line in run("people", "--json", *options).stdout.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_stands_in_the_documentation(run, command):
    assert f"Example: retrieve {command}" in run(command, "--help").stdout
    assert f"### retrieve {command}\n" in (ROOT / "docs" / "commands.md").read_text(
        encoding="utf-8"
    )


def test_a_face_names_its_group_and_that_is_taken_back(run):
    done = run("name", "Ana", "@b.jpg:1")
    assert done.stdout == "Ana: 3 faces, of which 2 came along\n"
    assert "to take it back: retrieve undo 1" in done.stderr
    (one,) = _people(run, "--person", "ana")
    assert {key: one[key] for key in ("person_id", "name", "faces", "photos", "first")} == {
        "person_id": 1, "name": "Ana", "faces": 3, "photos": 3, "first": None,
    }  # fmt: skip
    assert {member["by"] for member in one["members"]} == {"human", "group"}
    assert set(one["members"][0]) == {"face_id", "path", "face", "box", "quality", "by"}
    assert run("undo").stdout == "taken back: 1, that b.jpg:1 is Ana\n"
    assert [one["name"] for one in _people(run)] == [None]


def test_who_has_no_name_is_shown_from_three_faces_on(run):
    assert [one["person_id"] for one in _people(run)] == [1]
    assert [one["person_id"] for one in _people(run, "--all")] == [1, 2, 3]
    run("name", "Eva", "@d.jpg")
    assert [one["name"] for one in _people(run)] == ["Eva", None]
    assert [one["name"] for one in _people(run, "--unnamed")] == [None]
    table = run("people").stdout
    assert re.search(r"^Eva +1 +1", table, re.MULTILINE)
    assert re.search(r"^#1 +3 +3", table, re.MULTILINE)


def test_merging_splitting_and_telling_apart(run):
    run("name", "Ana", "@c.jpg")
    assert run("merge", "ana", "#3").stdout == "Ana: 4 faces, of which 1 came along\n"
    assert run("split", "Ana", "@d.jpg").stdout == "#4: 1 face\n"
    assert run("not-same", "Ana", "#4").stdout == "Ana and #4 are two people\n"
    done = run("merge", "Ana", "#4")
    assert "does not hold any more" in done.stderr
    assert "is one person already" in run("merge", "Ana", "#1", fails=True)
    assert "nobody has the number #9" in run("merge", "Ana", "#9", fails=True)


def test_a_name_of_several_lists_the_ids_without_a_terminal_and_asks_on_one(run, monkeypatch):
    run("name", "Ana", "@c.jpg")
    assert run("name", "Ana", "@d.jpg", "--new").stdout == "Ana: 1 face\n"
    for command in (
        ("merge", "Ana", "#2"),
        ("people", "--person", "ana"),
        ("name", "Ana", "@a.jpg:2"),
        ("export", "@out.csv", "--person", "ana"),
        ("forget", "--person", "ana", "--yes"),
    ):
        told = run(*command, fails=True)
        assert re.search(r"2 people are called 'ana'; say which: #1 .*; #3 ", told, re.I), told
    assert run("name", "#3", "@a.jpg:2").stdout == "Ana: 3 faces, of which 1 came along\n"
    monkeypatch.setattr(choosing, "which", lambda shared: shared.persons[0][0].id)
    assert run("name", "Ana", "@d.jpg").stdout.startswith("Ana: 4 faces")


def test_ignored_people_and_what_is_no_face(run):
    run("ignore", "#2", "@d.jpg")
    assert [one["person_id"] for one in _people(run, "--all")] == [1, 2, 3]
    assert "(ignored)" in run("people", "--all").stdout
    out = run("ignore", "--not-a-face", "@c.jpg").stdout
    assert out == "1 face found by no search any more\n"
    assert [one["faces"] for one in _people(run, "--person", "#1")] == [2]
    assert "wanted PERSON, PHOTO:FACE" in run("ignore", fails=True)


def test_what_was_said_is_told_with_numbers_and_names(run):
    assert "nothing was said yet" in run("history").stderr
    run("name", "Ana", "@c.jpg")
    run("merge", "Ana", "#3")
    run("undo", 2)
    lines = run("history").stdout.splitlines()
    assert [line.split(maxsplit=3)[3] for line in lines] == [
        "c.jpg:1 is Ana",
        "#3 (d.jpg:1) is Ana (c.jpg:1) (taken back)",
        "2 was said in error",
    ]
    told = [
        json.loads(line) for line in run("history", "--json", "--person", "ana").stdout.splitlines()
    ]
    assert [(one["id"], one["kind"], one["taken_back"], one["holds"]) for one in told] == [
        (1, "name", False, True), (2, "same", True, False), (3, "undo", False, True),
    ]  # fmt: skip
    assert "2 was taken back already" in run("undo", 2, fails=True)


def test_the_page_shows_every_face_and_asks_no_network(run, tmp_path):
    run("name", "<b>Ána</b>", "@c.jpg")
    run("people", "--html", tmp_path / "people.html")
    page = (tmp_path / "people.html").read_text("utf-8")
    assert "&lt;b&gt;Ána&lt;/b&gt;" in page
    assert page.count("data:image/jpeg;base64,") == 3
    assert not re.search(r"(src|href)=.(https?:)?//", page)


def test_who_is_searched_for_may_have_no_name(run):
    run("name", "Ana", "@c.jpg")
    run("name", "Luis", "@a.jpg:2")
    run("export", "@out.csv", "--person", "#2")
    assert "Luis" in run("people", "--person", "#2").stdout
    run("forget", "--person", "#2", "--yes", "--verify")
    assert [one["person_id"] for one in _people(run, "--all")] == [1, 3]
    assert "Luis" not in run("history").stdout
