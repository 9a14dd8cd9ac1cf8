"""Clusters made of collections, manifests of shards, and collections of clusters."""

from __future__ import annotations

import errno
import os
from contextlib import closing

import pytest
import segmented
import small

import retrieve
from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster import making, manifest
from retrieve.indexes.cluster.ids import OWN_PERSONS
from retrieve.indexes.cluster.joining import join
from retrieve.indexes.cluster.manifest import CLUSTER, LOCK, open_manifest
from retrieve.indexes.cluster.people import log as said_over
from retrieve.indexes.people import log, statements
from retrieve.indexes.upkeep.check import check


@pytest.fixture
def photos(tmp_path, monkeypatch):
    segmented.pretended(monkeypatch)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.jpg").write_text(f"ana{i} eva{i}")
        (folder / f"about {i}.txt").write_text(f"Una boda de {i} personas.")
    return folder


@pytest.fixture
def source(tmp_path, photos):
    """A collection of them in which somebody has a name."""
    with segmented.alone(tmp_path / "source") as collection:
        segmented.index_alone(collection, photos)
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [small.face_of(collection, "ana2")])
        yield collection


def _persons(collection):
    return collection.db.execute("SELECT id, name FROM persons ORDER BY id").fetchall()


def _ids(collection):
    return collection.db.execute("SELECT id, row, person_id FROM faces ORDER BY id").fetchall()


def test_a_collection_becomes_a_cluster_that_grows_and_a_collection_again(tmp_path, photos, source):
    making.create(tmp_path / "cluster", tmp_path / "source")
    assert sorted(path.name for path in (tmp_path / "cluster").iterdir() if path.is_dir()) == [
        "shards"
    ]
    with segmented.opened(tmp_path / "cluster") as cluster:
        assert [line.name for line in said_over.statements(cluster.manifest)] == ["Ana"]
        assert segmented.held_by_all(cluster) == segmented.held(source)
        assert cluster.index([photos], segment=4).unchanged == 12
        for i in range(6):
            (photos / f"new{i}.jpg").write_text(f"mar{i}")
        (photos / "0.jpg").rename(photos / "z.jpg")
        (photos / "z.txt").write_text("En la playa.")
        report = cluster.index([photos], segment=4)
        assert (report.new, report.moved, report.gone) == (6, 1, 0)
        assert len(cluster.manifest.shards()) == 3
        segmented.index_alone(source, photos)
        assert segmented.held_by_all(cluster) == segmented.held(source)
        with cluster.changing():
            assert join(cluster, tmp_path / "one").shards == 3
            with pytest.raises(BadInput, match="there and not empty"):
                join(cluster, tmp_path / "one")
    with segmented.alone(tmp_path / "one") as one:
        assert segmented.held(one) == segmented.held(source)
        assert check(one) == []
        assert _persons(one) == _persons(source)
        assert _ids(one)[:12] == _ids(source)[:12]
        assert [line.name for line in log.lines(one.db)] == ["Ana"]
        (last,) = one.db.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'persons'"
        ).fetchone()
        assert 0 < last < OWN_PERSONS
        assert one.search_texts("boda", k=9)


def test_a_manifest_that_is_lost_is_made_anew_of_the_shards(tmp_path, photos, source):
    folder = tmp_path / "cluster"
    making.create(folder, tmp_path / "source")
    for i in range(6):
        (photos / f"new{i}.jpg").write_text(f"mar{i}")
    (photos / "zz.jpg").write_text("mar0")
    with segmented.opened(folder) as cluster:
        cluster.index([photos], segment=4)
        held = segmented.held_by_all(cluster)
        before = _said(cluster.manifest)
    with pytest.raises(BadInput, match="is sound"):
        making.create_again(folder)
    (folder / CLUSTER).write_bytes(b"no database at all")
    with pytest.raises(CollectionError, match="cluster create --again"):
        open_manifest(folder)
    assert making.create_again(folder).missing == []
    with segmented.opened(folder) as cluster:
        assert _said(cluster.manifest) == before
        report = cluster.index([photos], segment=4)
        assert (report.unchanged, report.new, report.gone) == (19, 0, 0)
        assert segmented.held_by_all(cluster) == held


def test_a_cluster_is_made_only_where_nothing_is(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(CollectionError, match="not empty"):
        making.create(tmp_path / "full")
    making.create(tmp_path / "cluster")
    with pytest.raises(CollectionError, match="a cluster already"):
        making.create(tmp_path / "cluster")
    with pytest.raises(BadInput, match="is a cluster already"):
        making.create(tmp_path / "other", tmp_path / "cluster")
    with pytest.raises(BadInput, match="no shard"):
        making.create_again(tmp_path / "full")


def _said(manifest):
    tables = {
        "spaces": "name, made_by, dim",
        "shards": "number, files, last",
        "copies": "shard, copy, folder",
        "contents": "sha256, shard, size_bytes",
    }
    return {
        name: set(manifest.db.execute(f"SELECT {columns} FROM {name}"))
        for name, columns in tables.items()
    }


@pytest.mark.parametrize("pages", [slice(0, None), slice(4096, None)], ids=["all", "after first"])
def test_a_damaged_manifest_is_told_with_what_makes_it_again(tmp_path, photos, source, pages):
    making.create(tmp_path / "cluster", tmp_path / "source")
    path = tmp_path / "cluster" / CLUSTER
    damaged = bytearray(path.read_bytes())
    damaged[pages] = b"\xa5" * len(damaged[pages])
    path.write_bytes(damaged)
    with pytest.raises(CollectionError, match="retrieve cluster create --again"):
        open_manifest(tmp_path / "cluster")
    assert making.create_again(tmp_path / "cluster").shards == [0]


def test_an_empty_manifest_is_told_with_what_makes_it_again(tmp_path, source):
    making.create(tmp_path / "cluster", tmp_path / "source")
    (tmp_path / "cluster" / CLUSTER).write_bytes(b"")
    with pytest.raises(CollectionError, match="retrieve cluster create --again"):
        open_manifest(tmp_path / "cluster")


def test_a_link_is_not_made_a_shard_when_a_manifest_is_made_anew(tmp_path, source):
    making.create(tmp_path / "cluster", tmp_path / "source")
    (tmp_path / "cluster" / CLUSTER).unlink()
    (tmp_path / "cluster" / "shards" / "0001").symlink_to(tmp_path / "source")
    with pytest.raises(CollectionError, match="symbolic link"):
        making.create_again(tmp_path / "cluster")


def test_who_is_at_work_is_named_to_all_who_have_to_wait(tmp_path, source):
    making.create(tmp_path / "cluster", tmp_path / "source")
    with (
        closing(open_manifest(tmp_path / "cluster")) as first,
        closing(open_manifest(tmp_path / "cluster")) as second,
        first.coordinating(),
    ):
        for _ in range(2):
            with (
                pytest.raises(CollectionError, match=f"changed by process {os.getpid()} on"),
                second.coordinating(),
            ):
                pass


def test_nothing_is_made_beside_shards_whose_manifest_is_lost(tmp_path, photos):
    with segmented.opened(tmp_path / "cluster") as cluster:
        cluster.index([photos], segment=4)
    (tmp_path / "cluster" / CLUSTER).unlink()
    before = sorted((tmp_path / "cluster").rglob("*"))
    for create in (False, True):
        with pytest.raises(CollectionError, match=r"without its manifest.* create --again"):
            retrieve.open_collection(tmp_path / "cluster", create=create)
    with pytest.raises(CollectionError, match=r"without its manifest.* create --again"):
        open_manifest(tmp_path / "cluster")
    assert sorted((tmp_path / "cluster").rglob("*")) == before


def test_a_cluster_where_nothing_can_be_written_is_read_and_refuses_to_be_changed(
    tmp_path, photos, monkeypatch
):
    def read_only(path, flags=os.O_RDONLY):
        if path.name == LOCK:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return open_regular(path, flags)

    with segmented.opened(tmp_path / "cluster") as cluster:
        cluster.index([photos], segment=4)
        open_regular = manifest.open_regular
        monkeypatch.setattr(manifest, "open_regular", read_only)
        with pytest.raises(CollectionError, match=r"cluster\.lock cannot be written.* read-only"):
            cluster.index([photos])
        assert cluster.counts()["photos"] == 6
