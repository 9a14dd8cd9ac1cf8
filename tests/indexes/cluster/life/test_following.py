"""A copy of a shard is brought up by what has changed, and is never half of it."""

from __future__ import annotations

import random
import shutil

import clustered
import pytest
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.life.checking import check
from retrieve.indexes.cluster.life.copies import following, refreshing, replacing
from retrieve.indexes.cluster.life.copies.state import state
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.vectors.file import VectorFile

WORDS = ("ana", "eva", "luis", "sol")


class Died(BaseException):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cluster with a shard, its replica, and the files that the shard was made of."""
    there = tmp_path_factory.mktemp("made")
    photos = there / "photos"
    photos.mkdir()
    for number in range(30):
        (photos / f"{number:02}.jpg").write_text(f"{WORDS[number % 4]}{number} x{number}")
    (photos / "letter.txt").write_text("Querida Rosario: ya está hecho.\n\nUn abrazo.\n")
    clustered.make(there / "cluster", {})
    with small.opened(there / "cluster/shards/0000") as shard:
        small.index_all(shard, photos)
    with clustered.opened(there / "cluster") as cluster, cluster.changing():
        refreshing.put_replicas(cluster, 1)
    return there


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made / "photos", tmp_path / "photos", copy_function=shutil.copy2)
    return shutil.copytree(made / "cluster", tmp_path / "cluster")


@pytest.fixture
def cluster(folder):
    with clustered.opened(folder) as opened:
        yield opened


def _shard(folder):
    return small.opened(folder / "shards" / "0000")


def _refreshed(cluster):
    with cluster.manifest.coordinating():
        return refreshing.refresh(cluster)


def _lies(cluster):
    return cluster.manifest.shards()[0].folders[1].name


def _equal(cluster):
    return cluster.servers.ask(state).all() == cluster.servers_of(1).ask(state).all()


def _wrong(cluster):
    """What check tells of the copy; of the manifest, behind which the shard was written, more."""
    return [one.what for one in check(cluster) if one.wrong and one.what.startswith("replica")]


def _index(shard, photos, chance):
    known = sorted(photos.glob("*"))
    for number in range(chance.randrange(1, 4)):
        (photos / f"new{len(known)}-{number}.jpg").write_text(f"new{len(known)} y{number}")
    chance.choice(known).unlink()
    chance.choice([one for one in known if one.exists()]).write_text(f"other{len(known)}")
    (photos / f"{len(known)}.txt").write_text(f"Carta {len(known)} de Zaragoza.\n")
    small.index_all(shard, photos)


def _say(shard, photos, chance):
    ids = [id for (id,) in shard.db.execute("SELECT id FROM faces WHERE person_id IS NULL")]
    with writing(shard.db):
        statements.say_name(shard.db, chance.choice(("Ana", "Eva")), chance.sample(ids, 2))


def _forget(shard, photos, chance):
    paths = [path for (path,) in shard.db.execute("SELECT path FROM paths WHERE NOT gone")]
    forget(shard, paths=[chance.choice(paths)])


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_follows_whatever_is_done_to_its_shard(cluster, folder, seed):
    chance = random.Random(seed)
    photos = folder.parent / "photos"
    for _ in range(4):
        with _shard(folder) as shard:
            for _ in range(chance.randrange(1, 3)):
                chance.choice((_index, _say, _forget))(shard, photos, chance)
        done = _refreshed(cluster)
        assert (done.made, done.left) == ([(0, 1)], {})
        assert _lies(cluster) == "0000"  # where it was: nothing was copied whole
        assert _equal(cluster)
        assert _wrong(cluster) == []
    with _shard(folder) as shard, small.opened(folder / "replicas/1/0000") as copy:
        for table in ("faces", "passages", "paths", "dead", "sqlite_sequence"):
            query = f"SELECT * FROM {table} ORDER BY 1, 2"
            held = copy.db.execute(query).fetchall()
            if table == "dead":  # which names every deletion by a number of its own
                held = [row for row in held if row[0] != "catalog"]
            assert held == shard.db.execute(query).fetchall()


@pytest.mark.parametrize(
    ("of", "at"),
    [
        (VectorFile, "lengthen"),
        (VectorFile, "overwrite"),
        (following, "_remove"),
        (following, "_put"),
        (following, "_fit"),
        (following.traces, "finish"),
    ],
)
def test_a_copy_that_dies_while_it_follows_is_what_it_was_or_what_the_shard_is(
    cluster, folder, monkeypatch, of, at
):
    with _shard(folder) as shard:
        _index(shard, folder.parent / "photos", random.Random(1))
        _say(shard, None, random.Random(1))
    before, after = cluster.servers_of(1).ask(state).all(), cluster.servers.ask(state).all()

    def dies(*_, **__):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(of, at, dies)
        with pytest.raises(Died):
            _refreshed(cluster)
    assert cluster.servers_of(1).ask(state).all() == (after if at == "finish" else before)
    _refreshed(cluster)
    assert _equal(cluster)
    assert _wrong(cluster) == []


def test_a_copy_is_made_anew_where_its_vectors_are_others(cluster, folder):
    with _shard(folder) as shard:
        _forget(shard, None, random.Random(1))
        compact(shard)
    assert _refreshed(cluster).made == [(0, 1)]
    assert _lies(cluster) == "0000.2"
    assert _equal(cluster)


def test_a_copy_that_would_not_be_the_shard_is_not_committed(cluster, folder, monkeypatch):
    with _shard(folder) as shard:
        _say(shard, None, random.Random(1))
    before = cluster.servers_of(1).ask(state).all()
    put = following._put

    def lossy(db, table, part):
        put(db, table, following.Part(part.blocks, part.columns, part.rows[:-1]))

    monkeypatch.setattr(following, "_put", lossy)
    monkeypatch.setattr(replacing, "replace", lambda *_, **__: None)
    assert _refreshed(cluster).left.keys() == {(0, 1)}
    assert cluster.servers_of(1).ask(state).all() == before


def test_a_copy_whose_embeddings_are_damaged_is_made_anew(cluster, folder):
    vectors = folder / "replicas/1/0000/faces.f32"
    with vectors.open("r+b") as file:
        file.seek(40)
        file.write(b"\1\2\3")
    with _shard(folder) as shard:
        small.add(shard, "/new.jpg", "new")
    assert _refreshed(cluster).made == [(0, 1)]
    assert _lies(cluster) == "0000.2"
    assert _wrong(cluster) == []


def test_what_is_too_much_is_copied_whole(cluster, folder, monkeypatch):
    monkeypatch.setattr(following, "MOST_BYTES", 100)
    with _shard(folder) as shard:
        small.add(shard, "/new.jpg", "new")
    assert _refreshed(cluster).made == [(0, 1)]
    assert _lies(cluster) == "0000.2"
    assert _equal(cluster)
