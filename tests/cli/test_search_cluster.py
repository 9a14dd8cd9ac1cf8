"""A cluster asked on the command line and over the API: as a collection, and what is told of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import small
import split
import web_client
from PIL import Image
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.indexes.cluster.cluster import Cluster
from retrieve.indexes.cluster.ids import of_cluster


def row(cosine, direction):
    made = np.zeros((1, split.DIM), np.float32)
    made[0, 0], made[0, direction] = cosine, np.sqrt(1 - cosine**2)
    return made


def photo(name, cosine, direction, person, **more):
    return split.Made(
        f"/album/{name}.jpg", row(cosine, direction), [person], [0.9], whole=row(0.5, 9)[0], **more
    )


SHARDS = (
    [photo("a", 0.9, 1, 1, taken_at="2019", classes=[(207, 0.9)])],
    [photo("b", 0.8, 2, 1, classes=[(207, 0.9)]), photo("c", 0.7, 3, 2)],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return split.make(tmp_path_factory.mktemp("split"), SHARDS, {1: "Ana", 2: "Eva"})


@pytest.fixture(scope="module")
def away(made, tmp_path_factory):
    """The cluster without its second shard."""
    folder = tmp_path_factory.mktemp("away") / "many"
    shutil.copytree(made[1], folder)
    shutil.rmtree(folder / "shards" / "0001")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def hits_of(printed):
    (face,) = json.loads(printed)["faces"]
    return [(hit["path"], hit["score"], hit["person"], hit["rank"]) for hit in face["hits"]]


def test_a_cluster_lists_what_a_collection_does_and_how_many_shards_answered(made):
    one, many = made
    asked = ("search", "--threshold", "-1", "--person", "ana", "--json", "--face-id")
    found = run(*asked, of_cluster(1, 2), "-c", many)
    assert found.exit_code == 0, found.output
    assert hits_of(found.stdout) == hits_of(run(*asked, 3, "-c", one).stdout)
    assert json.loads(found.stdout)["shards"] == {"answered": 2, "of": 2}
    table = run(*asked[:-2], "--face-id", of_cluster(1, 2), "-c", many)
    assert table.stdout.splitlines()[-1] == "2 of 2 shards answered"
    told = [run("labels", "-c", each) for each in made]
    assert (told[1].stdout, told[1].stderr) == (told[0].stdout, "2 of 2 shards answered\n")
    told = [run("search", "--person", "Ana", "-c", each) for each in made]
    assert told[1].stdout == told[0].stdout + "2 of 2 shards answered\n"


def test_how_many_answered_for_a_photo_and_words_is_told_once(made, tmp_path, monkeypatch):
    def stored(cluster, _, *, k, threshold, strangers, wanted, exact, face):
        return cluster.search_stored(1, k=k, threshold=-1, wanted=wanted)

    monkeypatch.setattr(Cluster, "search_faces", stored)
    monkeypatch.setattr(Cluster, "search_texts", lambda *_, **__: [])
    monkeypatch.setattr(Cluster, "corrected", lambda *_: None)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    found = run("search", tmp_path / "a.png", "regata", "-c", made[1])
    assert "of none is anything like this said" in found.output, found.exception
    assert found.output.count("2 of 2 shards answered") == 1


def test_one_that_is_away_is_told_of_and_an_error_where_all_are_wanted(away):
    asked = ("search", "--face-id", 1, "--threshold", "-1", "-c", away)
    found = run(*asked)
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (0, "1 of 2 shards answered")
    refused = run(*asked, "--require-all")
    assert refused.exit_code == 1
    assert "1 of 2 shards answered; shard 1 did not: its folder " in str(refused.exception)
    assert json.loads(run("info", "--json", "-c", away).stdout)["shards"] == {
        "answered": 1,
        "of": 2,
    }


def test_a_page_of_hits_has_pictures_of_all_shards(made, tmp_path):
    page = tmp_path / "hits.html"
    found = run("search", "--face-id", 1, "--threshold", "-1", "-c", made[1], "--html", page)
    assert found.exit_code == 0, found.output
    text = page.read_text()
    assert text.count("data:image/jpeg") == 3
    assert "2 of 2 shards answered" in text


def test_the_api_searches_a_cluster_and_changes_nothing_where_it_only_reads(made):
    with split.opened(made[1]) as cluster:
        client = web_client.client_of(cluster, read_only=True)
        asked = {"face_id": 1, "threshold": -1, "persons": ["Ana"]}
        found = client.post("/api/v1/search", json=asked).json()
        assert found["shards"] == {"answered": 2, "of": 2}
        (hit,) = found["faces"][0]["hits"]
        assert (hit["face_id"], hit["path"]) == (of_cluster(1, 1), "/album/b.jpg")
        image = client.get(f"/api/v1/faces/{hit['face_id']}/image")
        assert image.content == cluster.picture(hit["face_id"])
        assert client.get(f"/api/v1/faces/{of_cluster(7, 1)}/image").status_code == 404
        about = client.get("/api/v1/collection")
        assert about.json()["persons"] == 2
        tag = {"if-none-match": about.headers["etag"]}
        assert client.get("/api/v1/collection", headers=tag).status_code == 304
        said = {"kind": "name", "name": "Zoe", "face_ids": [1]}
        refused = client.post("/api/v1/statements", json=said)
        assert refused.status_code == 403
        assert "this server only reads" in refused.json()["error"]


def test_the_generation_of_a_cluster_is_another_when_one_shard_changes(made, tmp_path):
    shutil.copytree(made[1], tmp_path / "many")
    with split.opened(tmp_path / "many") as cluster:
        before = cluster.generation()
        with small.opened(tmp_path / "many" / "shards" / "0001") as shard:
            split.fill(shard, [photo("d", 0.1, 4, None)], {})
        assert cluster.generation().stored != before.stored
        assert cluster.generation().people == before.people
