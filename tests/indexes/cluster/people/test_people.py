"""Who is who over shards, as a user says and asks it."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
import shards
import small
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.errors import BadInput, CollectionError
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import SharedName
from retrieve.indexes.cluster.ids import OWN_PERSONS, of_cluster
from retrieve.indexes.cluster.people import log, settling
from retrieve.indexes.cluster.people import writing as people_writing
from retrieve.indexes.people import review, statements

CURVE = Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5)
FIRST = {"a.jpg": "ana eva", "b.jpg": "ana"}
SECOND = {"c.jpg": "ana luis", "d.jpg": "eva"}
THIRD = {"e.jpg": "luis ana"}
run = CliRunner()


def _found(*_):
    return calibration.Calibration(
        "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "", CURVE
    )


@pytest.fixture(autouse=True)
def told(monkeypatch):
    monkeypatch.setattr(calibration, "find", _found)


@pytest.fixture
def folder(tmp_path):
    """A cluster of three shards: Ana in all of them, Eva and Luis in two each; grouped."""
    made = shards.made(tmp_path / "cluster", FIRST, SECOND, THIRD)
    with shards.opened(made) as cluster:
        settling.settle_new(cluster)
    return made


def _persons(cluster):
    """By name or number: the photos of everybody."""
    return {
        one.person.shown: sorted(face.path.name for face in one.members)
        for one in cluster.people.listing(everyone=True)
    }


def _face(cluster, photo, number=1):
    return next(
        face.face_id
        for one in cluster.people.listing(everyone=True)
        for face in one.members
        if (face.path.name, face.number) == (photo, number)
    )


def _name(cluster, name, photo, number=1, **options):
    face = _face(cluster, photo, number)
    with cluster.people.saying(faces=[face], names=[name]) as db:
        return statements.say_name(db, name, [face], **options)


def _in_shards(folder):
    """What each shard, opened by itself, says of whom it has."""
    found = []
    for place in sorted((folder / "shards").glob("[0-9]*")):
        with small.opened(place) as one:
            found.append({each.person.shown for each in one.people.listing(everyone=True)})
    return found


def _said(command, *given, folder):
    """What a command prints, as lines of JSON."""
    done = run.invoke(app, [command, *map(str, given), "--collection", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_name_said_once_is_the_persons_in_every_shard(folder):
    with shards.opened(folder) as cluster:
        said = _name(cluster, "Ana", "a.jpg")
        assert (said.name, said.faces, said.along) == ("Ana", 4, 3)
        assert _persons(cluster)["Ana"] == ["a.jpg", "b.jpg", "c.jpg", "e.jpg"]
    assert _in_shards(folder) == [{"Ana", "#2"}, {"Ana", "#2", "#3"}, {"Ana", "#3"}]


def test_a_name_is_one_persons_over_all_shards_unless_somebody_says_otherwise(folder):
    with shards.opened(folder) as cluster:
        _name(cluster, "Ana", "a.jpg")
        said = _name(cluster, "ANÁ", "e.jpg")  # luis, in a shard that did not name her
        assert (said.person_id, said.name) == (1, "Ana")
        with cluster.people.saying(lines=[None]) as db:
            statements.undo(db)
        assert _name(cluster, "Ana", "e.jpg", new=True).person_id != 1
        with pytest.raises(SharedName, match="2 people are called"):
            cluster.person_id("ana")


def test_taking_back_takes_back_in_all_shards_and_can_be_taken_back(folder):
    with shards.opened(folder) as cluster:
        before = _persons(cluster)
        _name(cluster, "Ana", "b.jpg")
        with cluster.people.saying(persons=[1, 3]) as db:
            statements.say_same(db, 1, 3)
        assert _persons(cluster) == {
            "Ana": ["a.jpg", "b.jpg", "c.jpg", "c.jpg", "e.jpg", "e.jpg"],
            "#2": ["a.jpg", "d.jpg"],
        }
        with cluster.people.saying(lines=[2, 1]) as db:
            statements.undo(db, 2)
            statements.undo(db, 1)
        assert _persons(cluster) == before
        with cluster.people.saying(lines=[4]) as db:
            statements.undo(db, 4)
        assert _persons(cluster)["Ana"] == before["#1"]
    assert [("Ana" in names) for names in _in_shards(folder)] == [True, True, True]


def test_two_who_never_share_a_shard_stay_two_when_all_is_grouped_anew(tmp_path):
    folder = shards.made(tmp_path / "cluster", {"a.jpg": "ana"}, {"b.jpg": "eva"})
    with shards.opened(folder) as cluster:
        settling.settle_new(cluster)
        with cluster.people.saying(persons=[1, 2]) as db:
            statements.say_not_same(db, 1, 2)
        # Now they look alike: more photos of one person, in both shards.
        shards.grown(folder, {"c.jpg": "ana"})
        cluster.forget_servers()
        with cluster.people.looking(every=True) as db:
            cannot = statements.links(db).cannot.tolist()
        assert cannot == [[of_cluster(0, 1), of_cluster(1, 1)]]
        cluster.group()
        assert len(_persons(cluster)) == 2
        assert log.lines_of(cluster.manifest, 1) == {0: [1], 1: [1]}
    with small.opened(folder / "shards" / "0001") as alone:
        (line,) = alone.db.execute("SELECT kind, person_id FROM statements").fetchall()
        assert line == ("whose", 2)  # what it says of a shard that has only one of them


def _dies_at(shard, folder, told_by):
    """Say something in a process that is killed when it has told one shard and not yet another."""

    def write(collection, change):
        if collection.path.name == f"{shard:04}":
            os._exit(9)
        told_by(collection, change)

    people_writing.write = write
    with shards.opened(folder) as cluster:
        servers = cluster.servers  # one shard after the other
        servers._thread_of = dict.fromkeys(servers.shards, servers._threads[0])
        _name(cluster, "Ana", "a.jpg")


@pytest.mark.parametrize("shard", [0, 1, 2])
def test_what_a_coordinator_that_died_was_saying_the_next_one_finishes(folder, shard):
    process = multiprocessing.get_context("fork").Process(
        target=_dies_at, args=(shard, folder, people_writing.write)
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    with shards.opened(folder) as cluster:
        assert cluster.manifest.db.execute("SELECT done FROM statements").fetchall() == [(0,)]
        with cluster.people.saying(persons=[2]) as db:
            statements.rename(db, 2, "Eva")
        assert _persons(cluster)["Ana"] == ["a.jpg", "b.jpg", "c.jpg", "e.jpg"]
        assert cluster.manifest.db.execute("SELECT done FROM statements").fetchall() == [(1,), (1,)]
    assert _in_shards(folder) == [{"Ana", "Eva"}, {"Ana", "Eva", "#3"}, {"Ana", "#3"}]


def test_a_grouping_that_was_broken_off_is_made_anew_by_the_next_indexing(folder, monkeypatch):
    with shards.opened(folder) as cluster:
        before = _persons(cluster)
        monkeypatch.setattr(settling, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            cluster.group()
        monkeypatch.undo()
    monkeypatch.setattr(calibration, "find", _found)
    with shards.opened(folder) as cluster:
        assert cluster.manifest.db.execute("SELECT what FROM begun").fetchall() == [("group",)]
        settling.settle_new(cluster)
        assert cluster.manifest.db.execute("SELECT what FROM begun").fetchall() == []
        assert _persons(cluster) == before


def test_names_in_files_make_persons_of_a_shard_who_become_those_of_the_cluster(folder):
    with shards.opened(folder) as cluster:
        _name(cluster, "Ana", "a.jpg")
        number = shards.grown(folder, {"f.jpg": "mar", "g.jpg": "sol"})
        place = folder / "shards" / f"{number:04}"
        with small.opened(place) as shard, writing(shard.db):  # as indexing a shard does
            for name, face in (("ana", 1), ("Sol", 2)):
                statements.say_regions(shard.db, {face: name})
            ids = [id for (id,) in shard.db.execute("SELECT id FROM persons ORDER BY id")]
            assert ids == [OWN_PERSONS + 1, OWN_PERSONS + 2]
        cluster.forget_servers()
        settling.settle_new(cluster)
        found = _persons(cluster)
        assert found["Ana"] == ["a.jpg", "b.jpg", "c.jpg", "e.jpg", "f.jpg"]
        assert found["Sol"] == ["g.jpg"]
        assert cluster.person_id("sol") < OWN_PERSONS
        with cluster.people.looking(every=True) as db:
            told = [(line.name, line.source) for line, *_ in statements.history(db)]
        assert told == [("Ana", "human"), ("ana", "region"), ("Sol", "region")]
    assert _in_shards(folder)[3] == {"Ana", "Sol"}


def test_persons_of_a_shard_that_were_there_before_keep_apart(tmp_path):
    folder = shards.made(tmp_path / "cluster", FIRST)
    with small.opened(folder / "shards" / "0000") as shard:
        assert shard.db.execute("SELECT count(*) FROM persons").fetchone() == (0,)
    place = folder / "shards" / "0001"
    with small.opened(place) as other:
        small.add(other, "x.jpg", "xenia", quality=1.0)
        with writing(other.db):
            statements.say_name(other.db, "Xenia", [1])
        (kept,) = other.db.execute("SELECT id FROM persons").fetchone()
    assert kept == 1
    with shards.opened(folder) as cluster:
        settling.settle_new(cluster)
        assert sorted(_persons(cluster)) == ["#1", "#2"]
        shards.taken(folder, place)
        cluster.forget_servers()
        settling.settle_new(cluster)
        assert sorted(_persons(cluster)) == ["#1", "#2", "Xenia"]
        assert cluster.person_id("Xenia") == 3


def test_what_a_shard_was_told_by_itself_is_heard_of(folder):
    with small.opened(folder / "shards" / "0002") as shard, writing(shard.db):
        statements.rename(shard.db, 3, "Luis")
    with shards.opened(folder) as cluster:
        _name(cluster, "Ana", "a.jpg")
        with cluster.people.looking(every=True) as db:
            assert [line.name for line, *_ in statements.history(db)] == ["Luis", "Ana"]
        settling.settle_new(cluster)
        assert cluster.group().moved == 0
        assert _persons(cluster)["Luis"] == ["c.jpg", "e.jpg"]


def test_nothing_is_said_where_a_shard_does_not_answer_but_the_others_are_listed(folder):
    (folder / "shards" / "0001").rename(folder / "away")
    with shards.opened(folder) as cluster:
        assert _persons(cluster)["#1"] == ["a.jpg", "b.jpg", "e.jpg"]
        assert cluster.answered.told == "2 of 3 shards answered"
        with pytest.raises(CollectionError, match="2 of 3 shards answered; shard 1"):
            _name(cluster, "Ana", "a.jpg")
    (folder / "away").rename(folder / "shards" / "0001")
    with shards.opened(folder) as cluster:
        assert "Ana" not in _persons(cluster)


def test_who_is_seen_with_whom_counts_over_shards(folder):
    with shards.opened(folder) as cluster:
        for name, photo, number in (("Ana", "a.jpg", 1), ("Luis", "c.jpg", 2)):
            _name(cluster, name, photo, number)
        found = cluster.people.graph()
        assert [(one.person, one.faces, one.photos) for one in found.people] == [
            ("Ana", 4, 4),
            ("Luis", 2, 2),
        ]
        assert [(pair.one, pair.other, pair.photos) for pair in found.pairs] == [(1, 3, 2)]
        both = cluster.people.photos_with([1, 3])
        assert [photo.path.name for photo in both] == ["c.jpg", "e.jpg"]
        with pytest.raises(BadInput, match="wanted the names of people"):
            cluster.people.photos_with([])


def test_commands_say_and_show_people_of_a_cluster(folder):
    photo = folder / "a.jpg"
    (said,) = _said("name", "Ana", f"{photo}:1", folder=folder)
    assert (said["name"], said["faces"], said["along"]) == ("Ana", 4, 3)
    _said("name", "Luis", f"{folder / 'c.jpg'}:2", folder=folder)
    listed = _said("people", "--all", folder=folder)
    assert [(one["name"], one["faces"]) for one in listed] == [("Ana", 4), ("Luis", 2), (None, 2)]
    (both,) = _said("graph", folder=folder)
    assert (both["photos"], [one["person"] for one in both["people"]]) == (2, ["Ana", "Luis"])
    assert len(_said("together", "Ana", "luis", folder=folder)) == 2
    _said("not-same", "Ana", "#2", folder=folder)
    _said("ignore", "#2", folder=folder)
    _said("split", "Luis", f"{folder / 'e.jpg'}:1", folder=folder)
    history = _said("history", folder=folder)
    assert [one["kind"] for one in history] == ["name", "name", "not-same", "ignore", "split"]
    assert all(one["holds"] for one in history)
    (back,) = _said("undo", folder=folder)
    assert back["taken_back"] == 5
    (grouped,) = _said("group", folder=folder)
    assert (grouped["moved"], grouped["after"]["persons"]) == (0, 3)
    (merged,) = _said("merge", "Ana", "Luis", folder=folder)
    assert (merged["faces"], len(merged["notes"])) == (6, 3)
    assert _said("review", folder=folder) == []
    page = folder.parent / "people.html"
    _said("people", "--html", page, folder=folder)
    assert page.read_text().count("data:image/jpeg;base64") == 6


def test_a_question_across_shards_is_asked_and_answered(folder):
    with shards.opened(folder) as cluster:
        with cluster.manifest.writing():
            cluster.manifest.db.execute("INSERT INTO suggestions VALUES (2, 3, .5)")
        (asked,) = cluster.people.questions(most=5)
        assert (asked.pair, asked.one.faces, asked.other.faces, asked.settles) == ((2, 3), 2, 2, 2)
        with cluster.people.saying(persons=asked.pair) as db:
            said = review.not_same(db, asked)
        assert cluster.people.questions(most=5) == []
        with cluster.people.saying(persons=asked.pair, lines=said.lines) as db:
            review.take_back(db, asked, said)
        assert cluster.people.questions(most=5) == [asked]
        with cluster.people.saying(persons=asked.pair, names=["Eva"]) as db:
            assert review.same(db, asked, "Eva").faces == 4
        assert _persons(cluster)["Eva"] == ["a.jpg", "c.jpg", "d.jpg", "e.jpg"]
