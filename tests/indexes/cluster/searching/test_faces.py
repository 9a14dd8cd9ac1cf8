"""Faces over shards: what each is asked, how often, and what is told where one is away."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
import split

from retrieve.errors import BadInput, CollectionError
from retrieve.faces import calibration
from retrieve.faces.calibration import SHIPPED, SUFFIX, load
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.persons import SharedName
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.manifest import open_manifest
from retrieve.indexes.cluster.searching import conditions, totals
from retrieve.types import Shards

CALIBRATED = load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
NAMES = {1: "Ana", 2: "Eva", 3: "Ana"}


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    monkeypatch.setattr(calibration, "find", lambda *made_by: CALIBRATED)


def towards(cosine, direction):
    """(1, D) of that cosine with the face that is asked for, and of its own direction else."""
    row = np.zeros((1, split.DIM), np.float32)
    row[0, 0], row[0, direction] = cosine, np.sqrt(1 - cosine**2)
    return row


def photo(name, cosine, direction, person=None, **more):
    return split.Made(f"/album/{name}.jpg", towards(cosine, direction), [person], [0.95], **more)


SHARDS = (
    [photo("a", 0.9, 1, 1, taken_at="1999"), photo("b", 0.3, 2, 2)],
    [photo("c", 0.95, 3, 1, taken_at="2003"), photo("d", 0.85, 4), photo("e", 0.2, 5, 3)],
    [photo("f", 0.1, 6)],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return split.make(tmp_path_factory.mktemp("split"), SHARDS, NAMES)


@pytest.fixture
def cluster(made):
    with split.opened(made[1]) as opened:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), opened)
        yield opened


@pytest.fixture
def away(made, tmp_path):
    """The cluster without its second shard."""
    shutil.copytree(made[1], tmp_path / "many")
    shutil.move(tmp_path / "many" / "shards" / "0001", tmp_path / "elsewhere")
    return tmp_path / "many"


def asked(cluster, monkeypatch):
    """What shards are asked from now on, a question a round."""
    rounds = []
    ask = type(cluster.servers).ask

    def counting(self, question, *args, **options):
        rounds.append(question.__name__)
        return ask(self, question, *args, **options)

    monkeypatch.setattr(type(cluster.servers), "ask", counting)
    return rounds


def names_of(hits):
    return [hit.path.stem for hit in hits]


def test_the_best_of_all_shards_are_found_with_ids_of_the_cluster(cluster):
    found = cluster.search_faces(b"")
    assert names_of(found) == ["c", "a", "d"]
    assert [hit.rank for hit in found] == [1, 2, 3]
    assert [hit.face_id for hit in found] == [of_cluster(1, 1), of_cluster(0, 1), of_cluster(1, 2)]
    assert found.least.among == pytest.approx(2**0.8 + 2 + 2)  # Ana's two count as one person's
    assert found.shards == Shards(3, 3)


def test_a_search_is_one_round_of_questions(cluster, monkeypatch):
    rounds = asked(cluster, monkeypatch)
    first = cluster.search_faces(b"")
    assert names_of(cluster.search_faces(b"", k=2)) == names_of(first)[:2]
    assert rounds == ["like", "like"]


def test_many_hits_are_sought_when_it_is_known_which_scores_pass(cluster, monkeypatch):
    rounds = asked(cluster, monkeypatch)
    for _ in range(2):
        assert names_of(cluster.search_faces(b"", k=totals.FEW + 1)) == ["c", "a", "d"]
    assert len(rounds) == 3


@pytest.mark.parametrize("more", [True, False])
def test_what_a_shard_holds_counts_at_once(made, tmp_path, more):
    shutil.copytree(made[1], tmp_path / "many")
    with split.opened(tmp_path / "many") as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        before = cluster.search_faces(b"", strangers=0.5).least
        with small.opened(tmp_path / "many" / "shards" / "0000") as shard:
            if more:
                split.fill(shard, [photo(f"n{i}", 0.0, 7) for i in range(200)], NAMES)
            else:
                with writing(shard.db):
                    shard.db.execute("UPDATE paths SET gone = 1")
                    shard.catalog.set_live([1, 2])
        now = cluster.search_faces(b"", strangers=0.5)
        assert now.least.among == pytest.approx(before.among + (200 if more else -(2**0.8)))
        assert (now.least.score > before.score) == more
        assert names_of(now) == (["c", "a", "d"] if more else ["c", "d"])
        assert now.least == cluster.search_faces(b"", strangers=0.5).least


def test_where_less_is_searched_than_before_what_passes_now_is_asked_for_anew(
    made, tmp_path, monkeypatch
):
    """The lower threshold lets a hit in that no shard was asked for."""
    folder = tmp_path / "many"
    shutil.copytree(made[1], folder)
    with small.opened(folder / "shards" / "0002") as shard:
        split.fill(shard, [photo(f"n{i}", 0.0, 7, taken_at="1980") for i in range(300)], {})
    with split.opened(folder) as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        high = cluster.search_faces(b"").least.score
        with small.opened(folder / "shards" / "0001") as shard:
            split.fill(shard, [photo("between", high - 0.01, 8)], {})
        assert "between" not in names_of(cluster.search_faces(b""))
        with small.opened(folder / "shards" / "0002") as shard, writing(shard.db):
            shard.db.execute("UPDATE paths SET gone = 1")
            shard.db.execute("UPDATE contents SET live = 0")
        rounds = asked(cluster, monkeypatch)
        assert "between" in names_of(cluster.search_faces(b""))
        assert rounds == ["like", "like"]


def test_a_shard_that_is_away_is_told_of_and_the_others_answer(away):
    with split.opened(away) as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        found = cluster.search_faces(b"")
        assert names_of(found) == ["a"]
        assert str(found.shards) == "2 of 3 shards answered"
        assert found.least.among == 3
        assert cluster.identify(b"").shards == cluster.info().shards == Shards(2, 3)
        with pytest.raises(CollectionError, match="0 of 1 shards answered; shard 1 did not"):
            cluster.search_stored(of_cluster(1, 1))
        with pytest.raises(BadInput, match=r"nobody is called 'Zoe'; there are: Ana, Eva.*2 of 3"):
            cluster.search_faces(b"", wanted=Filter(persons=("Zoe",)))


def test_who_wants_all_shards_is_refused_where_one_is_away(away):
    with split.opened(away, require_all=True) as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        for ask in (cluster.search_faces, cluster.identify):
            with pytest.raises(CollectionError, match="2 of 3 shards answered; shard 1 did not"):
                ask(b"")


def test_a_damaged_shard_is_one_that_is_away(made, tmp_path):
    shutil.copytree(made[1], tmp_path / "many")
    (tmp_path / "many" / "shards" / "0001" / "faces.f32").write_bytes(b"")
    with split.opened(tmp_path / "many") as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        found = cluster.search_faces(b"")
        assert (names_of(found), found.shards) == (["a"], Shards(2, 3))


def test_a_person_whom_one_shard_knows_is_known(cluster):
    wanted = Filter(persons=("Eva",))
    assert names_of(cluster.search_faces(b"", threshold=-1, wanted=wanted)) == ["b"]
    wanted = Filter(persons=("#1",), since="2000")
    assert names_of(cluster.search_faces(b"", threshold=-1, wanted=wanted)) == ["c"]
    assert [hit.path.stem for hit in cluster.photos_of(Filter(persons=("#1",)))] == ["c", "a"]


def test_whom_no_shard_knows_is_an_error_with_the_names_of_all(cluster):
    said = "nobody is called 'Zoe'; there are: Ana, Ana, Eva. To name a face: retrieve name"
    for ask in (cluster.search_faces, cluster.identify):
        with pytest.raises(BadInput) as error:
            ask(b"", wanted=Filter(persons=("Zoe", "Ana")))
        assert str(error.value) == said
    with pytest.raises(BadInput, match="nobody has the number #77"):
        cluster.person_id("#77")


def test_several_of_a_name_are_told_apart_by_all_that_shards_know(cluster):
    assert cluster.person_id("eva") == cluster.person_id("#2") == 2
    with pytest.raises(SharedName) as shared:
        cluster.person_id("ana")
    (first, told), (second, _) = shared.value.persons
    assert (first.id, second.id) == (1, 3)
    assert told == "2 faces in 2 photos, 1999 to 2003, as in /album/a.jpg"


def test_a_picture_comes_from_the_shard_of_its_face_when_it_is_wanted(cluster, monkeypatch):
    hits = list(cluster.search_faces(b""))
    rounds = asked(cluster, monkeypatch)
    assert [hit.picture() for hit in hits] == [
        pretend.picture(f"/album/{name}.jpg:1") for name in "cad"
    ]
    assert rounds == ["picture"] * 3
    assert str(cluster.shards) == "3 of 3 shards answered"
    again = pickle.loads(pickle.dumps(hits[0]))
    assert (again.face_id, again.picture) == (hits[0].face_id, None)


def test_a_stored_face_is_asked_for_by_its_id_in_the_cluster(cluster):
    found = cluster.search_stored(of_cluster(1, 1), threshold=-1, k=2)
    assert found.path == Path("/album/c.jpg")
    assert names_of(found) == ["a", "d"]
    for id in (of_cluster(1, 9), of_cluster(7, 1), 1 << 40):
        with pytest.raises(BadInput, match=f"many has no face with the id {id}"):
            cluster.search_stored(id)
        with pytest.raises(BadInput, match=f"no stored face with the id {id}"):
            cluster.picture(id)


def test_folders_are_meant_from_where_the_question_is_asked(cluster, monkeypatch):
    monkeypatch.chdir("/")
    sent = conditions.sent(Filter(folders=("album",)))
    monkeypatch.chdir("/tmp")
    assert sent.folders == (Path("/album"),)
    assert len(cluster.nearest(towards(1.0, 1), wanted=sent)[0]) == 6


def test_a_person_is_likely_by_the_nearest_face_in_any_shard(tmp_path):
    """Of whom the last shard has but a poor face."""
    others = [photo(f"p{i}", 0.5, 2 + i, 10 + i) for i in range(12)]
    first, last = [photo("near", 0.95, 20, 1)], [photo("far", -0.2, 21, 1), *others]
    names = {1: "Ana"} | {10 + i: f"p{i}" for i in range(12)}
    one, many = split.make(tmp_path, [first, last], names)
    with small.opened(one) as collection, split.opened(many) as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), collection, cluster)
        told = [each.identify(b"")[0] for each in (collection, cluster)]
        assert [face.best.person for face in told] == ["Ana", "Ana"]
        assert told[1].best.score == pytest.approx(told[0].best.score, abs=1e-6)
        assert [hit.path.stem for hit in told[1].best.nearest] == ["near", "far"]
        assert told[1].runner_up.score == pytest.approx(0.5, abs=1e-6)


def test_who_is_known_is_asked_again_when_somebody_is_named(made, tmp_path, monkeypatch):
    shutil.copytree(made[1], tmp_path / "many")
    with split.opened(tmp_path / "many") as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        assert cluster.identify(b"")[0].who.person_id == 1
        with small.opened(tmp_path / "many" / "shards" / "0000") as shard:
            split.fill(shard, [photo("new", 0.999, 9, 4)], {4: "Luís"})
        rounds = asked(cluster, monkeypatch)
        assert cluster.identify(b"")[0].best.person == "Luís"
        assert rounds == ["known_here", "nearest_here", "together_here", "shown_here"]


def test_nobody_known_is_an_error_as_of_a_collection(tmp_path):
    _, many = split.make(tmp_path, [[photo("a", 0.9, 1, 1)]], {})
    with split.opened(many) as cluster:
        split.asking(split.Networks(towards(1.0, 1), [0.95]), cluster)
        with pytest.raises(BadInput, match=f"nobody in {many} has a name"):
            cluster.identify(b"")
        assert cluster.identify(b"", unnamed=True)[0].best.person_id == 1


def test_a_cluster_without_photos_says_so(tmp_path):
    _, many = split.make(tmp_path, [], {})
    manifest = open_manifest(many)
    manifest.db.execute("DELETE FROM spaces")
    manifest.close()
    with split.opened(many) as cluster:
        for ask in (cluster.search_faces, cluster.identify, cluster.nearest):
            with pytest.raises(CollectionError, match=r"no photo was indexed into .*many yet"):
                ask(b"")
        for ask, given in ((cluster.search_pictures, b""), (cluster.search_stored_picture, 1)):
            with pytest.raises(CollectionError, match=r"no whole photo was looked at .*many yet"):
                ask(given)
