"""retrieve group and retrieve review, with what a person types."""

import json

import pytest
import small
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.cli.commands.people import review
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements

CURVE = Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A collection of Ana, twice grouped as somebody, and who may be her."""
    told = calibration.Calibration(
        "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "", CURVE
    )
    monkeypatch.setattr(calibration, "find", lambda *_: told)
    monkeypatch.setattr(review, "_is_on_terminal", lambda: True)
    path = tmp_path / "made"
    with small.opened(path) as collection:
        faces = [small.add(collection, f"{word}{i}", word)[0] for word in "ab" for i in (0, 1)]
        collection.group()
        with writing(collection.db):
            collection.db.execute("INSERT INTO suggestions VALUES (1, 1, 2, 0.6)")
            statements.say_name(collection.db, "Ana", faces[:1])
    return path


def run(path, *arguments, typed="", code=0):
    done = CliRunner().invoke(app, [*arguments, "--collection", str(path)], input=typed)
    assert done.exit_code == code, done.output
    return done.output


def people(path):
    with small.opened(path) as collection:
        query = (
            "SELECT persons.id, name, count(*) FROM persons JOIN faces ON person_id = persons.id"
        )
        return collection.db.execute(f"{query} GROUP BY persons.id").fetchall()


def test_group_tells_who_there_is_before_and_after(made):
    found = json.loads(run(made, "group", "--json").splitlines()[0])
    assert found["faces"] == 4
    assert found["before"] == found["after"] == {"persons": 2, "several": 2, "unknown": 0}
    assert "4 faces grouped: 0 moved" in run(made, "group")


def test_questions_are_listed_for_programs(made):
    (line,) = run(made, "review", "--json").splitlines()[:1]
    question = json.loads(line)
    assert (question["one"]["person"], question["other"]["person"]) == ("Ana", None)
    assert (question["score"], question["settles"]) == (0.6, 2)
    assert question["one"]["path"].endswith(("a0", "a1"))


def test_yes_joins_and_the_review_ends(made):
    assert "Ana: 4 faces" in run(made, "review", typed="y\n")
    assert people(made) == [(1, "Ana", 4)]


def test_a_name_joins_and_names(made):
    run(made, "review", typed="Eva Ruiz\n")
    assert people(made) == [(1, "Eva Ruiz", 4)]


def test_no_keeps_them_apart_for_good(made):
    run(made, "review", typed="n\n")
    assert len(people(made)) == 2
    assert run(made, "review", "--json").splitlines()[:1] in ([], [f"collection: {made}"])


def test_an_answer_is_taken_back_and_asked_again(made):
    with small.opened(made) as collection, writing(collection.db):
        small_one = statements.add_person(collection.db)
        collection.db.execute("UPDATE faces SET person_id = ? WHERE id = 4", [small_one])
        collection.db.execute("INSERT INTO suggestions VALUES (2, 2, ?, 0.5)", [small_one])
    told = run(made, "review", typed="y\nu\ns\ns\n")
    assert told.count("one person?") == 4
    assert len(people(made)) == 3


def test_without_a_terminal_it_says_what_programs_do(made, monkeypatch):
    monkeypatch.setattr(review, "_is_on_terminal", lambda: False)
    done = CliRunner().invoke(app, ["review", "--collection", str(made)])
    assert "--json" in str(done.exception)
