"""A manifest may come from a stranger: which folders it may name as a shard's."""

from __future__ import annotations

import os

import clustered
import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.cluster import making
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.copies import moving, refreshing, replacing
from retrieve.indexes.cluster.manifest import CLUSTER, open_manifest
from retrieve.indexes.cluster.places import marker_of
from retrieve.indexes.files import Strange


@pytest.fixture
def folder(tmp_path):
    return clustered.make(tmp_path / "cluster", {"/a.jpg": "ana"}, {"/b.jpg": "eva"})


@pytest.fixture
def mine(tmp_path):
    """A collection of somebody else's, with a photo."""
    with small.opened(tmp_path / "mine") as collection:
        small.add(collection, "/private.jpg", "ana")
    return tmp_path / "mine"


def _name(folder, place, *, shard=1):
    """Let a stranger write into the manifest that the shard lies there."""
    manifest = open_manifest(folder)
    manifest.db.execute("UPDATE copies SET folder = ? WHERE shard = ?", [os.fsencode(place), shard])
    manifest.close()


def _bytes(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _moved(folder, to):
    with clustered.opened(folder) as cluster, cluster.changing():
        moving.move(cluster, 1, to)


def test_a_manifest_that_names_another_collection_is_refused_and_that_is_not_touched(folder, mine):
    before = sorted(mine.parent.iterdir()), _bytes(mine)
    _name(folder, mine)
    with pytest.raises(Strange, match=r"shard 1 lies in .*/mine, outside .* somebody else"):
        clustered.opened(folder)
    assert (sorted(mine.parent.iterdir()), _bytes(mine)) == before


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/etc", "outside"),
        ("/", "outside"),
        ("../mine", r"\.\. in it"),
        ("shards/../../mine", r"\.\. in it"),
        ("", "cluster's own"),
        (".", "cluster's own"),
    ],
)
def test_no_manifest_leads_out_of_its_folder(folder, mine, place, told):
    _name(folder, place)
    with pytest.raises(Strange, match=told):
        clustered.opened(folder)


@pytest.mark.parametrize("link", ["shards/0001", "shards"])
def test_no_link_below_the_folder_is_followed(folder, mine, link):
    (folder / link).rename(folder.parent / "aside")
    (folder / link).symlink_to(mine if link.endswith("1") else folder.parent / "aside")
    with pytest.raises(Strange, match="symbolic link"):
        clustered.opened(folder)


def test_a_link_in_the_place_of_a_folder_elsewhere_is_not_followed(folder, mine, tmp_path):
    _moved(folder, tmp_path / "disk" / "0001")
    (tmp_path / "disk" / "0001").rename(tmp_path / "aside")
    (tmp_path / "disk" / "0001").symlink_to(mine)
    with pytest.raises(Strange, match="symbolic link"):
        clustered.opened(folder)


def test_a_shard_elsewhere_is_opened_as_long_as_what_acknowledges_it_lies_beside(folder, tmp_path):
    place = tmp_path / "disk" / "0001"
    _moved(folder, place)
    with clustered.opened(folder) as cluster:
        assert clustered.faces_of(cluster) == {"/a.jpg": 1, "/b.jpg": 1}
    said = marker_of(place).read_text()
    for other in ("", said.replace(" 1", " 0"), "of another cluster 1"):
        marker_of(place).write_text(other)
        with pytest.raises(Strange, match="nothing there says so"):
            clustered.opened(folder)
    marker_of(place).unlink()
    with pytest.raises(Strange) as refused:
        clustered.opened(folder)
    assert os.system(str(refused.value).rpartition("acknowledge it: ")[2]) == 0
    clustered.opened(folder).close()


def test_what_acknowledges_goes_with_the_shard(folder, tmp_path):
    for disk in ("one", "two"):
        _moved(folder, tmp_path / disk / "0001")
    _moved(folder, folder / "shards" / "0001")
    assert [list((tmp_path / disk).iterdir()) for disk in ("one", "two")] == [[], []]
    assert not list(folder.rglob(".*.shard"))


def test_a_shard_whose_disk_is_away_is_asked_again_only_if_it_is_the_one(folder, mine, tmp_path):
    """In a process that goes on: what is mounted meanwhile may be something else."""
    _name(folder, tmp_path / "mnt" / "0001")
    with clustered.opened(folder) as cluster:
        assert cluster.ask(refreshing.state).missing.keys() == {1}
        mine.rename((tmp_path / "mnt").mkdir() or tmp_path / "mnt" / "0001")
        with pytest.raises(Strange, match="outside"):
            cluster.ask(refreshing.state)


def test_what_a_stranger_says_was_begun_overwrites_nothing(folder, mine):
    before = _bytes(mine)
    manifest = open_manifest(folder)
    for goes in (os.fsencode(mine).hex(), b"../mine".hex(), b"shards/../../mine".hex()):
        of = {"shard": 0, "copy": 0, "from": goes, "to": b"shards/0000".hex()}
        with manifest.writing():
            begun.begin(manifest, begun.REPLACING, of)
    manifest.close()
    with clustered.opened(folder) as cluster:
        with pytest.warns(UserWarning, match="not at its end") as told, cluster.changing():
            pass
        assert len(told) == 3
    assert _bytes(mine) == before


@pytest.mark.parametrize("link", ["replicas", "replicas/1", "replicas/1/0000"])
def test_replicas_are_not_made_through_a_link(folder, mine, link):
    before = _bytes(mine)
    (folder / link).parent.mkdir(parents=True, exist_ok=True)
    (folder / link).symlink_to(mine)
    refused = pytest.raises(Strange, match="symbolic link")
    with clustered.opened(folder) as cluster, cluster.changing(), refused:
        refreshing.put_replicas(cluster, 1)
    assert _bytes(mine) == before
    assert not (mine / "1").exists()
    with pytest.raises(Strange):
        replacing.wipe(folder / link)


def test_a_manifest_made_anew_takes_no_link_for_a_replica(folder, mine):
    (folder / CLUSTER).unlink()
    (folder / "replicas/1").mkdir(parents=True)
    (folder / "replicas/1/0000").symlink_to(mine)
    with pytest.raises(Strange, match="symbolic link"):
        making.create_again(folder)


def test_a_folder_that_cannot_be_written_takes_no_shard(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CollectionError, match="cannot put shard 1 at"):
        _moved(folder, tmp_path / "file" / "0001")
    with clustered.opened(folder) as cluster:
        assert clustered.faces_of(cluster) == {"/a.jpg": 1, "/b.jpg": 1}


@pytest.mark.parametrize("way", ["from", "to"])
def test_nothing_beside_a_folder_that_is_not_there_goes_at_a_strangers_word(folder, tmp_path, way):
    (tmp_path / "home").mkdir()
    files = [tmp_path / "home" / name for name in (".photos.tar", ".photos.shard")]
    for file in files:
        file.write_text("mine")
    manifest = open_manifest(folder)
    of = {"shard": 1, "copy": 0, "from": None, "to": None}
    of[way] = os.fsencode(tmp_path / "home/photos").hex()
    with manifest.writing():
        begun.begin(manifest, begun.REPLACING, of)
    manifest.close()
    with clustered.opened(folder) as cluster, cluster.changing():
        pass
    assert [file.read_text() for file in files if file.exists()] == ["mine", "mine"]
