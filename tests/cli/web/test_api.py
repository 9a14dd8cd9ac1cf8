"""The API answers with what the command line prints, in parts, with a generation."""

from __future__ import annotations

import base64
import json
import random
import shutil
import zlib
from pathlib import Path

import pytest
import small
from typer.testing import CliRunner
from web_client import client_of

from retrieve.cli.app import app
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import listing, statements

API = "/api/v1"


@pytest.fixture(scope="module")
def album_client(indexed, probe, tmp_path_factory):
    """A program that asks a collection by the real networks, where the probe's Ana is named."""
    path = tmp_path_factory.mktemp("api") / "collection"
    shutil.copytree(indexed, path)
    with open_collection(path) as collection:
        client = client_of(collection)
        (hit, *_) = collection.search_faces(probe, k=1)
        said = {"kind": "name", "name": "Ana", "face_ids": [hit.face_id]}
        assert client.post(f"{API}/statements", json=said).status_code == 200
        yield client


def printed(client, *arguments):
    """The objects that a command prints of the same collection."""
    path = client.app.state.here.collection.path
    done = CliRunner().invoke(app, [*map(str, arguments), "--collection", str(path), "--json"])
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_photo_finds_what_the_command_finds(album_client, probe):
    (told,) = printed(album_client, "search", probe, "-k", 3)
    files = {"photo": probe.read_bytes()}
    found = album_client.post(f"{API}/search", data={"k": "3"}, files=files).json()
    assert found.pop("next") is not None
    assert told.pop("probe") == str(probe)
    assert found.pop("probe") == "the photo"
    assert found == told


def test_the_next_part_goes_on_where_the_first_ended(album_client, probe):
    files = {"photo": probe.read_bytes()}
    whole = album_client.post(f"{API}/search", data={"k": "6"}, files=files).json()
    first = album_client.post(f"{API}/search", data={"k": "3"}, files=files).json()
    then = album_client.post(f"{API}/search", json={"cursor": first["next"]}).json()
    for where in (lambda found: found["faces"][0], lambda found: found["looks"]):
        assert where(first)["hits"] + where(then)["hits"] == where(whole)["hits"]


def test_a_stored_face_finds_what_the_command_finds(album_client):
    (told,) = printed(album_client, "search", "--face-id", 1, "-k", 2)
    found = album_client.post(f"{API}/search", json={"face_id": 1, "k": 2}).json()
    cursor = found.pop("next")
    assert found == told
    after = album_client.post(f"{API}/search", json={"cursor": cursor}).json()
    assert after["faces"][0]["hits"][0]["rank"] == 3


def test_a_stored_photo_finds_what_its_file_finds(album_client):
    """More like this: a photo of the collection, sent, and the same one by its id."""
    photo = album_client.get(f"{API}/photos").json()["photos"][0]
    with Path(photo["path"]).open("rb") as file:
        asked = {"looks": "true", "threshold": "-1", "k": "4"}
        sent = album_client.post(f"{API}/search", data=asked, files={"photo": file}).json()
    asked = {"photo_id": photo["photo_id"], "threshold": -1, "k": 2}
    found = album_client.post(f"{API}/search", json=asked).json()
    assert found["probe"] == photo["path"]
    assert found["faces"] == []
    after = album_client.post(f"{API}/search", json={"cursor": found["next"]}).json()
    hits = found["looks"]["hits"] + after["looks"]["hits"]
    others = [hit for hit in sent["looks"]["hits"] if not hit["itself"]]
    assert [hit["photo_id"] for hit in hits] == [hit["photo_id"] for hit in others]
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4]
    for hit, other in zip(hits, others, strict=True):
        assert hit["score"] == pytest.approx(other["score"], abs=0.001)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"photo_id": 99}, "has no photo with the id 99"),
        ({"photo_id": 1, "query": "boda"}, "got query and photo_id"),
        ({"photo_id": 1, "face_id": 1}, "got face_id and photo_id"),
    ],
)
def test_a_stored_photo_that_is_none_or_not_all_is_one_line(album_client, asked, said):
    answer = album_client.post(f"{API}/search", json=asked)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_words_find_what_the_command_finds(album_client):
    (told,) = printed(album_client, "search", "fiesta", "-k", 2)
    found = album_client.post(f"{API}/search", json={"query": "fiesta", "k": 2}).json()
    found.pop("next")
    assert found == told


def test_a_photo_and_words_find_what_the_command_finds(album_client, probe):
    (told,) = printed(album_client, "search", probe, "fiesta", "-k", 2)
    files = {"photo": probe.read_bytes()}
    data = {"query": "fiesta", "k": "2"}
    found = album_client.post(f"{API}/search", data=data, files=files).json()
    assert found["hits"] == told["hits"]
    assert found.keys() - told.keys() == {"next"}


def test_persons_find_their_photos_as_the_command_does(album_client):
    (told,) = printed(album_client, "search", "--person", "Ana")
    found = album_client.post(f"{API}/search", json={"persons": ["Ana"]}).json()
    found.pop("next")
    assert found == told


def test_who_is_in_a_photo_is_told_as_by_the_command(album_client, probe):
    (told,) = printed(album_client, "identify", probe, "--explain")
    files = {"photo": probe.read_bytes()}
    found = album_client.post(f"{API}/identify?explain=true", files=files).json()
    assert told.pop("path") == str(probe)
    assert found.pop("path") is None
    assert found == told
    assert found["faces"][0]["person"] == "Ana"


def test_detect_embed_and_verify_tell_what_the_commands_tell(album_client, probe):
    files = {"photo": probe.read_bytes()}
    found = album_client.post(f"{API}/detect", files=files).json()
    done = CliRunner().invoke(app, ["detect", str(probe), "--json"])
    assert found["faces"] == json.loads(done.stdout)["faces"]
    embedded = album_client.post(f"{API}/embed", files=files).json()
    (face,) = embedded["faces"]
    assert sum(x * x for x in face.pop("embedding")) == pytest.approx(1, abs=1e-4)
    assert [face] == found["faces"]
    two = {"a": files["photo"], "b": files["photo"]}
    verified = album_client.post(f"{API}/verify", files=two).json()
    assert verified["verdict"] == "same"


def test_persons_and_their_faces_are_those_of_the_command(album_client):
    told = printed(album_client, "people", "--all")
    found = album_client.get(f"{API}/persons", params={"everyone": True}).json()
    assert found["next"] is None
    for person, one in zip(told, found["persons"], strict=True):
        members = person.pop("members")
        assert one == person
        assert album_client.get(f"{API}/persons/{one['person_id']}").json() == person
        faces = album_client.get(f"{API}/persons/{one['person_id']}/faces").json()
        assert faces == {"faces": members, "next": None}


def test_the_collection_its_history_and_questions_are_those_of_the_commands(album_client):
    (told,) = printed(album_client, "info")
    assert album_client.get(f"{API}/collection").json() == told
    history = album_client.get(f"{API}/statements").json()
    assert history["statements"] == printed(album_client, "history")[::-1]
    questions = album_client.get(f"{API}/persons/questions").json()
    assert questions["questions"] == printed(album_client, "review")


# Lists


def test_photos_come_newest_first_and_each_once(client, served):
    found, more = [], {}
    while more is not None:
        part = client.get(f"{API}/photos", params={"most": 1} | more).json()
        found += [one["path"] for one in part["photos"]]
        more = part["next"] and {"cursor": part["next"]}
    folder = served.path.parent
    assert found == [str(folder / name) for name in ("party.jpg", "beach.jpg", "<b>old</b>.jpg")]


def test_conditions_choose_among_photos(client):
    def names(**conditions):
        found = client.get(f"{API}/photos", params=conditions).json()["photos"]
        return [one["path"].rpartition("/")[2] for one in found]

    assert names(since="2020") == ["party.jpg"]
    assert names(until="2019") == ["beach.jpg"]
    assert names(person="Ana") == ["beach.jpg"]
    assert names(folder="/nowhere") == []
    assert client.get(f"{API}/photos", params={"person": "Blas"}).status_code == 400
    assert client.get(f"{API}/photos", params={"since": "yesterday"}).status_code == 400


def test_a_photo_names_its_faces_and_their_persons(client):
    (photo, *_) = client.get(f"{API}/photos", params={"person": "Ana"}).json()["photos"]
    whole = client.get(f"{API}/photos/{photo['photo_id']}").json()
    assert whole["taken_at"] == "2019-07-09T18:30:00"
    ana, eva = whole["faces"]
    assert (ana["person"], eva["person"]) == ("Ana", None)
    assert client.get(f"{API}/faces/{ana['face_id']}").json() == ana
    picture = client.get(f"{API}/faces/{ana['face_id']}/image")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")


def test_a_text_is_read_in_parts(client):
    (text,) = client.get(f"{API}/texts").json()["texts"]
    whole = client.get(f"{API}/texts/{text['text_id']}").json()
    assert "Zaragoza" in whole["passages"][0]["text"]
    assert whole["next"] is None


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "eJyLNooFAAHVAOt", "null", "W10", "eJyLVsrLL0pVigUAC2YC2A"]
)
def test_a_cursor_that_is_none_is_one_line(client, cursor):
    for answer in (
        client.get(f"{API}/photos", params={"cursor": cursor}),
        client.post(f"{API}/search", json={"cursor": cursor}),
    ):
        assert answer.status_code == 400
        assert "wanted the cursor" in answer.json()["error"]


@pytest.mark.parametrize("said", ['["\\ud800",5]', "[" * 9000, "[" + "9" * 5000 + "]", "[true,1]"])
def test_a_cursor_of_ours_that_says_something_else_is_one_line(client, said):
    cursor = base64.urlsafe_b64encode(zlib.compress(said.encode())).decode().rstrip("=")
    for answer in (
        client.get(f"{API}/photos", params={"cursor": cursor}),
        client.get(f"{API}/texts", params={"cursor": cursor}),
        client.post(f"{API}/search", json={"cursor": cursor}),
    ):
        assert answer.status_code == 400
        assert "wanted the cursor" in answer.json()["error"]


def test_what_may_be_asked_may_be_asked_further(client):
    """The cursor of a search holds all that was asked for, however much that is."""
    rng = random.Random(1)
    folders = ["".join(rng.choices("abcdñдж", k=4000)) for _ in range(49)]
    asked = {"face_id": 1, "threshold": -1, "folders": [*folders, "/"], "k": 1}
    first = client.post(f"{API}/search", json=asked).json()
    then = client.post(f"{API}/search", json={"cursor": first["next"]})
    assert then.status_code == 200, then.text
    assert then.json()["faces"][0]["hits"][0]["rank"] == 2


def test_there_is_one_shape_of_errors(client):
    for answer, status in (
        (client.get(f"{API}/faces/99"), 404),
        (client.get(f"{API}/faces/0"), 422),
        (client.get(f"{API}/photos/99/original"), 404),
        (client.get(f"{API}/nothing"), 404),
        (client.delete(f"{API}/photos"), 405),
        (client.post(f"{API}/search", json={}), 400),
        (client.post(f"{API}/search", json={"k": 0}), 422),
    ):
        assert answer.status_code == status
        told = answer.json()
        assert told.keys() == {"status", "error"}
        assert told["status"] == status
        assert "\n" not in told["error"]


def test_a_fault_of_ours_is_an_error_without_its_insides(served, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("the password is xyzzy")

    monkeypatch.setattr(type(served), "search_texts", broken)
    client = client_of(served, raise_server_exceptions=False)
    answer = client.post(f"{API}/search", json={"query": "boda"})
    assert answer.status_code == 500
    assert answer.json()["status"] == 500
    assert "xyzzy" not in answer.text


# Generations


@pytest.fixture
def own(tmp_path):
    """A collection of its own, which a test may change."""
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, "/a/beach.jpg", "ana eva")
        small.add(collection, "/a/party.jpg", "ana")
        yield collection


def test_whoever_has_an_answer_is_told_that_nothing_has_changed(own):
    client = client_of(own)
    first = client.get(f"{API}/photos")
    known = {"if-none-match": first.headers["etag"]}
    assert client.get(f"{API}/photos", headers=known).status_code == 304
    small.add(own, "/a/new.jpg", "blas")
    then = client.get(f"{API}/photos", headers=known)
    assert then.status_code == 200
    assert then.headers["etag"] != first.headers["etag"]


def test_a_part_of_the_people_is_what_the_command_prints(client, served):
    """By name, then by how many faces they have, whatever part is asked for."""
    every = [one["person_id"] for one in _parts(client, "persons", everyone=True)]
    assert every == [one.person.id for one in listing.people(served.db, everyone=True)]
    assert [one["name"] for one in _parts(client, "persons")] == ["Ana"]


def _parts(client, what, **asked):
    more = {}
    while True:
        told = client.get(f"{API}/{what}", params={"most": 1, **asked, **more}).json()
        yield from told[what]
        if told["next"] is None:
            return
        more = {"cursor": told["next"]}


def _damage(collection, person_id):
    """A bit of a face's row is turned behind the back of its checksum."""
    with writing(collection.db):
        (trigger,) = collection.db.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'sums_faces_update'"
        ).fetchone()
        collection.db.execute("DROP TRIGGER sums_faces_update")
        collection.db.execute("UPDATE faces SET x1 = x1 + 1 WHERE person_id = ?", [person_id])
        collection.db.execute(trigger)


def test_no_part_of_the_people_is_told_of_what_a_disk_has_changed(own):
    """What was there at the start is checked as a whole once, then what each part is made of."""
    client = client_of(own)
    for face_id, name in ((1, "Ana"), (2, "Eva")):
        said = {"kind": "name", "name": name, "face_ids": [face_id]}
        assert client.post(f"{API}/statements", json=said).status_code == 200
    assert len(list(_parts(client, "persons"))) == 2
    eva = client.get(f"{API}/faces/2").json()["person_id"]
    _damage(own, eva)
    assert client.get(f"{API}/persons?most=1").status_code == 200  # Ana's
    for path in ("persons", f"persons/{eva}", f"persons/{eva}/faces"):
        answer = client.get(f"{API}/{path}")
        assert answer.status_code == 409
        assert "is not what was written" in answer.json()["error"]
    assert client_of(own).get(f"{API}/persons?most=1").status_code == 409  # a server of its own


@pytest.mark.parametrize("form", ["W/{}", '"x", {}', '"x",W/{} ', "*"])
def test_tags_may_stand_in_a_list_and_be_weak(own, form):
    client = client_of(own)
    tag = form.format(client.get(f"{API}/photos").headers["etag"])
    assert client.get(f"{API}/photos", headers={"if-none-match": tag}).status_code == 304
    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    answer = client.post(f"{API}/statements", json=said, headers={"if-match": tag})
    assert answer.status_code == 200


@pytest.mark.parametrize("tag", ['"x", "y"', "x", "", '"', "W/"])
def test_what_is_no_tag_of_ours_is_stale(own, tag):
    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    client = client_of(own)
    answer = client.post(f"{API}/statements", json=said, headers={"if-match": tag})
    assert answer.status_code == 409
    assert client.get(f"{API}/statements").json()["statements"] == []


def test_the_generation_of_a_statement_knows_nothing_of_what_others_said_behind_it(
    own, monkeypatch
):
    """Or the next statement would be made of what whoever makes it has not read."""
    from retrieve.cli.web.here import Here

    client, write = client_of(own), Here.write

    async def then_another(here, change):
        told = await write(here, change)
        await write(here, lambda collection: statements.say_name(collection.db, "Eva", [2]))
        return told

    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    with monkeypatch.context() as patch:
        patch.setattr(Here, "write", then_another)
        known = {"if-match": client.post(f"{API}/statements", json=said).headers["etag"]}
    stale = client.post(f"{API}/statements", json={"kind": "undo"}, headers=known)
    assert stale.status_code == 409


def test_a_generation_outlasts_the_server(own):
    tags = {client_of(own).get(f"{API}/persons").headers["etag"] for _ in range(2)}
    assert len(tags) == 1


def test_a_stale_statement_is_refused_and_an_index_run_makes_none_stale(own):
    client = client_of(own)
    read = client.get(f"{API}/persons").headers["etag"]
    small.add(own, "/a/new.jpg", "blas")  # who is who has not changed
    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    first = client.post(f"{API}/statements", json=said, headers={"if-match": read})
    assert first.status_code == 200
    other = {"kind": "name", "name": "Eva", "face_ids": [2]}
    stale = client.post(f"{API}/statements", json=other, headers={"if-match": read})
    assert stale.status_code == 409
    fresh = {"if-match": first.headers["etag"]}
    assert client.post(f"{API}/statements", json=other, headers=fresh).status_code == 200


def test_everything_can_be_said_and_taken_back(own):
    client = client_of(own)

    def say(**said):
        answer = client.post(f"{API}/statements", json=said)
        assert answer.status_code == 200, answer.text
        return answer.json()

    ana = say(kind="name", name="Ana", face_ids=[1])["person_id"]
    assert say(kind="whose", person_id=ana, face_ids=[3])["faces"] == 2
    other = say(kind="split", person_id=ana, face_ids=[3])["person_id"]
    assert say(kind="same", person_id=ana, other_id=other)["faces"] == 2
    eva = say(kind="name", name="Eva", face_ids=[2])["person_id"]
    assert say(kind="not-same", person_id=ana, other_id=eva)["name"] == "Ana"
    assert say(kind="name", person_id=eva, name="Eva María")["called_before"] == []
    assert say(kind="ignore", person_id=eva)["lines"]
    assert say(kind="not-a-face", face_ids=[2])["person_id"] is None
    count = len(client.get(f"{API}/statements").json()["statements"])
    for _ in range(count):
        assert say(kind="undo")["taken_back"]
    answer = client.post(f"{API}/statements", json={"kind": "undo"})
    assert answer.status_code == 400
    assert "there is nothing to take back" in answer.json()["error"]


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "name", "name": "Ana"},
        {"kind": "name", "name": "Ana", "person_id": 1, "face_ids": [1]},
        {"kind": "name", "name": " ", "face_ids": [1]},
        {"kind": "name", "name": "Ana", "face_ids": [99]},
        {"kind": "whose", "face_ids": [1]},
        {"kind": "same", "person_id": 1},
        {"kind": "split", "person_id": 1},
        {"kind": "ignore"},
        {"kind": "undo", "ids": [99]},
    ],
)
def test_a_statement_that_lacks_something_says_nothing(own, said):
    client = client_of(own)
    assert client.post(f"{API}/statements", json=said).status_code == 400
    assert client.get(f"{API}/statements").json()["statements"] == []


def test_of_a_collection_that_was_deleted_nothing_is_told_and_nothing_is_taken(own):
    """Its files would be open still: what was deleted would be shown, and what is said be lost."""
    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    with client_of(own) as client:  # one server: its threads have the collection open
        assert client.get(f"{API}/photos").status_code == 200
        assert client.post(f"{API}/statements", json=said).status_code == 200
        shutil.rmtree(own.path)
        for answer in (
            client.get(f"{API}/photos"),
            client.get(f"{API}/faces/1/image"),
            client.post(f"{API}/search", json={"query": "remark"}),
            client.post(f"{API}/statements", json={"kind": "undo"}),
        ):
            assert answer.status_code == 409
            assert "start it again" in answer.json()["error"]
