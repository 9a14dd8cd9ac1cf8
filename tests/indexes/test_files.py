"""Files of a collection are plain files: no link is followed, no pipe waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.collection import open_collection
from retrieve.indexes.files import Strange, open_regular, size_bytes
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.repair import repair


@pytest.fixture
def outside(tmp_path):
    file = tmp_path / "outside"
    file.write_bytes(b"not ours" * 100)
    yield file
    assert file.read_bytes() == b"not ours" * 100


PLANTS = {
    "a symbolic link": lambda path, outside: path.symlink_to(outside),
    "a pipe": lambda path, outside: os.mkfifo(path),
    "a folder": lambda path, outside: path.mkdir(),
}


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT])
@pytest.mark.parametrize("kind", PLANTS)
def test_what_is_no_plain_file_is_not_opened(tmp_path, outside, kind, flags):
    path = tmp_path / "faces.f32"
    PLANTS[kind](path, outside)
    with pytest.raises(Strange, match=f"it is {kind}"):
        open_regular(path, flags)
    with pytest.raises(Strange, match=f"it is {kind}"):
        size_bytes(path)


def test_a_plain_file_is_opened_and_waits_as_files_do(tmp_path):
    fd = open_regular(tmp_path / "new", os.O_WRONLY | os.O_CREAT)
    assert os.get_blocking(fd)
    assert os.fstat(fd).st_mode & 0o777 == 0o600
    os.close(fd)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "absent")


def test_a_file_of_two_names_is_read_and_not_written(tmp_path, outside):
    path = tmp_path / "faces.f32"
    path.hardlink_to(outside)
    os.close(open_regular(path))
    with pytest.raises(Strange, match="2 names"):
        open_regular(path, os.O_WRONLY)


@pytest.mark.parametrize("kind", ["a symbolic link", "a pipe"])
@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_is_written_through_what_lies_in_place_of_the_vectors(
    tmp_path, outside, kind, rows
):
    with small.opened(tmp_path / "collection") as collection:
        if rows:
            small.add(collection, "/p/a.jpg", "ana eva luis")
        (collection.path / "faces.f32").unlink(missing_ok=True)
        PLANTS[kind](collection.path / "faces.f32", outside)
        told = [finding.what for finding in check(collection)]
        assert any("faces.f32 is no file of a collection" in what for what in told)
        with pytest.raises(CollectionError, match=r"faces\.f32"):
            small.add(collection, "/p/b.jpg", "blas")
        with pytest.raises(CollectionError, match=r"faces\.f32"):
            repair(collection)
        if rows:
            for change in (
                lambda: forget(collection, paths=[Path("/p/a.jpg")]),
                lambda: compact(collection),
            ):
                with pytest.raises(CollectionError, match=r"faces\.f32"):
                    change()


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["a symbolic link", "a pipe"])
def test_sqlite_is_not_led_outside(tmp_path, outside, kind, end):
    small.opened(tmp_path / "collection").close()
    path = tmp_path / "collection" / f"catalog.sqlite{end}"
    path.unlink(missing_ok=True)
    PLANTS[kind](path, outside)
    for create in (False, True):
        with pytest.raises(CollectionError, match=f"it is {kind}"):
            open_collection(tmp_path / "collection", create=create)


def test_a_catalog_of_two_names_is_read_and_not_changed(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, "/p/a.jpg", "ana")
    catalog = tmp_path / "collection" / "catalog.sqlite"
    (tmp_path / "backup").hardlink_to(catalog)
    before = catalog.read_bytes()
    with open_collection(tmp_path / "collection") as collection:
        assert collection.catalog.counts()["faces"] == 1
        assert any("several names" in finding.what for finding in check(collection))
        with pytest.raises(CollectionError, match="hard links"):
            small.add(collection, "/p/b.jpg", "eva")
    assert catalog.read_bytes() == before


def test_a_collection_behind_a_link_is_opened(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, "/p/a.jpg", "ana")
    (tmp_path / "link").symlink_to(tmp_path / "collection")
    with open_collection(tmp_path / "link") as collection:
        assert collection.catalog.counts()["faces"] == 1
        assert check(collection) == []


def test_no_catalog_is_made_beside_embeddings_without_one(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, "/p/a.jpg", "ana")
    catalog = tmp_path / "collection" / "catalog.sqlite"
    os.truncate(catalog, 0)
    with pytest.raises(CollectionError, match="without their catalog"):
        open_collection(tmp_path / "collection")
    for there in (True, False):
        if not there:
            catalog.unlink()
        with pytest.raises(CollectionError, match=r"embeddings .* without their catalog"):
            open_collection(tmp_path / "collection", create=True)
