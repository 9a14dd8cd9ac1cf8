"""A cluster behind the application: it answers as one collection of the same files does."""

from __future__ import annotations

import re

import pretend
import pytest
import shards
import small
from web_client import client_of

from retrieve.cli.mcp import _tools
from retrieve.indexes.cluster.cluster import open_cluster
from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.manifest import open_manifest
from retrieve.indexes.drawing import points_of

API = "/api/v1"
PAGE = {"accept": "text/html"}
IDS = ("face_id", "photo_id", "text_id", "passage_id", "next", "shards")


def _made(folder, files):
    """A cluster of two shards with the files of `served`: two photos, and one with the letter."""
    made = shards.made(folder / "cluster")
    for number in range(2):
        place = made / "shards" / f"{number:04}"
        with small.opened(place) as collection:
            if number == 0:
                small.add(
                    collection, files / "beach.jpg", "ana eva", taken_at="2019-07-09T18:30:00"
                )
                small.add(collection, files / "party.jpg", "ana", taken_at="2020-01-01")
            else:
                small.add(collection, files / "<b>old</b>.jpg", "eva")
                small.index_all(collection, files / "letters")
                passages = collection.space("passages")
        shards.taken(made, place)
    manifest = open_manifest(made)
    with manifest.coordinating(), manifest.writing():
        manifest.hold_space("passages", passages.made_by, passages.dim)
    manifest.close()
    return made


def _opened(folder):
    return open_cluster(folder, encoder=pretend.TextEncoder())


@pytest.fixture(scope="module")
def folder(tmp_path_factory, served):
    made = _made(tmp_path_factory.mktemp("web-cluster"), served.path.parent)
    with _opened(made) as cluster:
        answer = client_of(cluster).post(
            f"{API}/statements", json={"kind": "name", "name": "Ana", "face_ids": [1]}
        )
        assert answer.status_code == 200, answer.text
    return made


@pytest.fixture(scope="module")
def cluster(folder):
    """It, open; not to be changed."""
    with _opened(folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def of_shards(cluster):
    return client_of(cluster)


def _bare(told):
    """An answer without what a cluster has of its own: ids, which shards answered, when."""
    if isinstance(told, dict):
        return {k: _bare(v) for k, v in told.items() if k not in (*IDS, "said_at")}
    return [_bare(one) for one in told] if isinstance(told, list) else told


def _every(client, name, **asked):
    """All parts of a list, one by one."""
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        part = client.get(f"{API}/{name}", params={"most": 1, **asked, **more}).json()
        found += part[name]
        cursor = part["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize(
    "asked",
    [
        ("photos", {}),
        ("photos", {"person": "Ana"}),
        ("photos", {"since": "2020"}),
        ("texts", {}),
        ("persons", {"everyone": True}),
        ("statements", {}),
    ],
)
def test_lists_of_a_cluster_are_those_of_one_collection(client, of_shards, asked):
    name, conditions = asked
    expected = _every(client, name, **conditions)
    assert expected
    assert _bare(_every(of_shards, name, **conditions)) == _bare(expected)


def test_what_has_an_id_is_told_by_its_shard(client, of_shards):
    for name, id in (("photos", "photo_id"), ("texts", "text_id")):
        pairs = zip(_every(client, name), _every(of_shards, name), strict=True)
        for mine, theirs in pairs:
            one, other = (
                asked.get(f"{API}/{name}/{told[id]}").json()
                for asked, told in ((client, mine), (of_shards, theirs))
            )
            assert _bare(other) == _bare(one)
            for face in other.get("faces", ()):
                assert of_shard(face["face_id"])[0] == of_shard(theirs[id])[0]
                told = of_shards.get(f"{API}/faces/{face['face_id']}").json()
                assert told.pop("shards") == {"answered": 2, "of": 2}
                assert told == face
                picture = of_shards.get(f"{API}/faces/{face['face_id']}/image")
                assert picture.content.startswith(b"\xff\xd8")


def test_words_find_what_they_find_in_one_collection_with_the_shards(client, of_shards):
    one, other = (
        asked.post(f"{API}/search", json={"query": "boda"}).json() for asked in (client, of_shards)
    )
    assert one["hits"]
    assert other["shards"] == {"answered": 2, "of": 2}
    assert [hit["path"] for hit in other["hits"]] == [hit["path"] for hit in one["hits"]]


def test_every_page_of_a_cluster_is_there(of_shards):
    last = max(one["photo_id"] for one in _every(of_shards, "photos"))
    (text,) = _every(of_shards, "texts")
    for path in (
        *("/", "/?q=boda", "/?face=1", f"/photos/{last}", f"/texts/{text['text_id']}", "/people"),
        *("/people/1", "/people/1?view=faces", "/people/1?view=audit", "/review", "/timeline"),
        *("/maps", "/duplicates", "/collection", "/collection/check"),
    ):
        page = of_shards.get(path, headers=PAGE)
        assert page.status_code == 200, (path, page.text)
        assert 'class="lacking"' not in page.text
    assert "<mark>boda</mark>" in of_shards.get("/?q=boda").text


def test_what_is_not_stored_is_told_by_the_id_that_was_asked(of_shards):
    for id in (99, 1 << 32 | 99, 7 << 32 | 1):
        for name in ("photo", "face", "text"):
            answer = of_shards.get(f"{API}/{name}s/{id}")
            assert answer.status_code == 404
            assert answer.json()["error"] == f"there is no stored {name} with the id {id}"


def test_programs_of_the_model_context_protocol_ask_a_cluster(cluster):
    search, _, people, info, name = _tools(cluster, changes=True)
    assert name.__name__ == "name"
    assert search(words="boda")["hits"]
    assert [one["name"] for one in people()["persons"]] == ["Ana"]
    assert info()["photos"] == 3


def test_what_is_said_holds_over_shards_and_a_stale_statement_is_refused(tmp_path, served):
    with _opened(_made(tmp_path, served.path.parent)) as own:
        client = client_of(own)
        old = max(one["photo_id"] for one in _every(client, "photos"))
        (far,) = client.get(f"{API}/photos/{old}").json()["faces"]
        said = {"kind": "name", "name": "Eva", "face_ids": [2, far["face_id"]]}
        read = client.get(f"{API}/persons").headers["etag"]
        first = client.post(f"{API}/statements", json=said, headers={"if-match": read})
        assert first.status_code == 200, first.text
        stale = client.post(f"{API}/statements", json=said, headers={"if-match": read})
        assert stale.status_code == 409
        assert first.headers["etag"] == client.get(f"{API}/persons").headers["etag"]
        eva = first.json()["person_id"]
        assert client.get(f"{API}/persons/{eva}").json()["photos"] == 2
        # The pages say it by the same way: away, and back by what they offer.
        form = {"face": far["face_id"], "person": eva, "next": f"/people/{eva}"}
        done = client.post("/say/not-theirs", data=form)
        assert done.status_code == 303, done.text
        assert client.get(f"{API}/persons/{eva}").json()["photos"] == 1
        lines = re.search(r"said=([\d-]+)", done.headers["location"])[1]
        client.post("/say/undo", data={"lines": lines})
        assert client.get(f"{API}/persons/{eva}").json()["photos"] == 2


def test_a_shard_that_is_away_is_told_of(tmp_path, served):
    made = _made(tmp_path, served.path.parent)
    (made / "shards" / "0001").rename(tmp_path / "away")
    with _opened(made) as lacking:
        client = client_of(lacking)
        told = client.get(f"{API}/photos").json()
        assert told["shards"] == {"answered": 1, "of": 2}
        assert len(told["photos"]) == 2
        for asked in ("/timeline", "/?since=2019", "/?q=boda"):
            for part in ({}, {"hx-request": "true"}):
                page = client.get(asked, headers=PAGE | part).text
                seen = page.count("1 of 2 shards answered")
                assert seen == (0 if part and asked == "/timeline" else 1), (asked, part)
        gone = client.get(f"{API}/photos/{1 << 32 | 1}")
        assert gone.status_code == 409
        assert "lies in shard 1, which does not answer" in gone.json()["error"]


def test_a_map_has_of_each_shard_its_part(cluster, served):
    def drawn(opened, most):
        points = points_of(opened, "faces", most=most)
        assert points.of == 4
        places = [(one.path, one.place, one.person) for one in points.items]
        return dict(zip(places, points.embeddings.tolist(), strict=True))

    assert drawn(cluster, 9) == drawn(served, 9)
    assert len(drawn(cluster, 4)) == 4
    for most in (2, 3):
        assert len(drawn(cluster, most)) == most
