"""FAISS files: what is written comes back; whatever else lies there is refused before parsing."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import faiss
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.search import cache
from retrieve.indexes.search.fastscan import train

DIM = 15


@pytest.fixture(scope="module")
def gallery():
    rows = np.random.default_rng(0).standard_normal((2000, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def index(gallery):
    index = train(gallery[:1500])
    index.extend(gallery)
    return index


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def file(folder, index):
    return cache.write(folder, "faces", 3, index)


def put(folder, file, data):
    """Other bytes under the recorded name, recorded with their checksum."""
    (folder / file.name).write_bytes(data)
    return replace(file, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def test_an_index_comes_back_as_it_was_written(folder, file, gallery, index):
    found = cache.read(folder, file, DIM)
    assert (found.covered, found.trained_rows) == (2000, 1500)
    probes = gallery[:20]
    assert_array_equal(found.candidates(probes, 60), index.candidates(probes, 60))
    found.extend(np.concatenate([gallery, gallery[:100]]))
    assert found.covered == 2100


def test_what_is_recorded_is_what_lies_there(folder, file):
    data = (folder / file.name).read_bytes()
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert file.size_bytes == len(data)
    assert (file.covered, file.trained_rows) == (2000, 1500)
    assert file.name.startswith("faces.3.")
    assert [path.name for path in folder.iterdir()] == [file.name]


def test_folder_and_file_are_private_even_where_the_folder_was_not(folder, index):
    folder.mkdir()
    folder.chmod(0o755)
    before = os.umask(0)
    try:
        file = cache.write(folder, "faces", 1, index)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / file.name).stat().st_mode & 0o777 == 0o600


def test_two_files_of_one_generation_have_two_names(folder, file, index):
    assert cache.write(folder, "faces", 3, index).name != file.name


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_disk_that_fails_leaves_no_file(folder, index, monkeypatch, call):
    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        cache.write(folder, "faces", 1, index)
    assert list(folder.iterdir()) == []


def test_short_writes_are_carried_on(folder, index, monkeypatch):
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:1000]))
    file = cache.write(folder, "faces", 1, index)
    assert cache.read(folder, file, DIM).covered == 2000


def test_an_absent_file_is_no_index(folder, file):
    (folder / file.name).unlink()
    assert cache.read(folder, file, DIM) is None
    assert cache.read(folder / "nowhere", file, DIM) is None


@pytest.mark.parametrize("place", [0, 40, 3000, -1])
def test_a_flipped_bit_is_refused_before_faiss_sees_it(folder, file, monkeypatch, place):
    data = bytearray((folder / file.name).read_bytes())
    data[place] ^= 4
    (folder / file.name).write_bytes(data)
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("parsed"))
    with pytest.raises(CollectionError, match="its SHA-256 is not the one"):
        cache.read(folder, file, DIM)


@pytest.mark.parametrize("change", [-1, 1])
def test_another_length_is_refused(folder, file, change):
    data = (folder / file.name).read_bytes()
    (folder / file.name).write_bytes(data[:change] if change < 0 else data + b"\0")
    with pytest.raises(CollectionError, match=f"has {len(data) + change} bytes, the catalog says"):
        cache.read(folder, file, DIM)


@pytest.mark.parametrize("turned", [True, False])
def test_another_type_of_index_is_refused_before_faiss_sees_it(folder, file, monkeypatch, turned):
    head = cache.HEAD.pack(cache.MAGIC, DIM, 16) + bytes(4 * DIM * 16)
    other = faiss.serialize_index(faiss.IndexFlatIP(16)).tobytes()
    recorded = put(folder, file, (head if turned else b"") + other)
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("parsed"))
    with pytest.raises(CollectionError, match="another type of index"):
        cache.read(folder, recorded, DIM)


def earlier(gallery):
    """What versions before wrote: FAISS's file alone, of rows that were not turned."""
    index = faiss.IndexPQFastScan(16, 8, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1
    index.train(np.pad(gallery, ((0, 0), (0, 1))))
    index.add(np.pad(gallery, ((0, 0), (0, 1))))
    return faiss.serialize_index(index).tobytes()


def test_an_index_of_an_earlier_version_is_none(folder, file, gallery, monkeypatch):
    recorded = put(folder, file, earlier(gallery))
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("parsed"))
    assert cache.read(folder, recorded, DIM) is None


def test_an_index_that_took_too_few_codes_is_none(folder, file, monkeypatch):
    data = (folder / file.name).read_bytes()
    recorded = put(folder, file, b"Rfs2" + data[len(cache.MAGIC) :])
    monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("parsed"))
    assert cache.read(folder, recorded, DIM) is None


@pytest.mark.parametrize("size", [0, 3, 11, 12, 60])
def test_a_file_that_ends_before_the_codes_is_refused(folder, file, size):
    recorded = put(folder, file, (folder / file.name).read_bytes()[:size])
    with pytest.raises(CollectionError, match="another type of index"):
        cache.read(folder, recorded, DIM)


def test_codes_of_other_rows_than_those_turned_are_refused(folder, file, gallery):
    data = (folder / file.name).read_bytes()
    head = cache.HEAD.pack(cache.MAGIC, DIM, 2) + bytes(4 * DIM * 2)
    recorded = put(folder, file, head + data[data.index(cache.TYPE_CODE) :])
    with pytest.raises(CollectionError, match="is not used"):
        cache.read(folder, recorded, DIM)


def test_what_faiss_cannot_read_is_refused(folder, file):
    recorded = put(folder, file, (folder / file.name).read_bytes()[:-500])
    with pytest.raises(CollectionError, match="FAISS cannot read it"):
        cache.read(folder, recorded, DIM)


def test_an_index_of_other_rows_or_dimensions_is_refused(folder, file):
    with pytest.raises(CollectionError, match="wanted 1999 rows of 15-d embeddings"):
        cache.read(folder, replace(file, covered=1999), DIM)
    with pytest.raises(CollectionError, match="wanted 2000 rows of 32-d embeddings"):
        cache.read(folder, file, 32)


def test_an_index_of_another_metric_is_refused(folder, file, gallery):
    other = faiss.IndexPQFastScan(16, 8, 4, faiss.METRIC_L2)
    other.pq.cp.min_points_per_centroid = 1
    other.train(np.pad(gallery, ((0, 0), (0, 1))))
    other.add(np.pad(gallery, ((0, 0), (0, 1))))
    head = cache.HEAD.pack(cache.MAGIC, DIM, 16) + bytes(4 * DIM * 16)
    recorded = put(folder, file, head + faiss.serialize_index(other).tobytes())
    with pytest.raises(CollectionError, match="is not used"):
        cache.read(folder, recorded, DIM)


def test_a_symbolic_link_is_refused(folder, file, tmp_path):
    (folder / file.name).rename(tmp_path / "elsewhere")
    (folder / file.name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CollectionError, match="it is a symbolic link"):
        cache.read(folder, file, DIM)


def test_a_folder_in_place_of_the_file_is_refused(folder, file):
    (folder / file.name).unlink()
    (folder / file.name).mkdir()
    with pytest.raises(CollectionError, match="it is a folder"):
        cache.read(folder, file, DIM)


@pytest.mark.parametrize("mode", [0o602, 0o620])
def test_a_file_that_others_may_write_to_is_refused(folder, file, mode):
    (folder / file.name).chmod(mode)
    with pytest.raises(CollectionError, match="others may write to it"):
        cache.read(folder, file, DIM)


def test_a_file_of_somebody_else_is_refused(folder, file, monkeypatch):
    about = os.fstat

    def foreign(fd):
        fields = list(about(fd))
        fields[4] = 54321  # st_uid
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", foreign)
    with pytest.raises(CollectionError, match="it belongs to somebody else"):
        cache.read(folder, file, DIM)


@pytest.mark.parametrize("name", ["../faces.1.0123456789abcdef.faiss", "/etc/passwd", "", "x"])
def test_a_name_that_is_not_of_a_cached_index_is_refused(folder, file, name):
    with pytest.raises(CollectionError, match="the catalog names an index"):
        cache.read(folder, replace(file, name=name), DIM)


def test_names_of_files_and_of_half_written_ones_are_told_from_others(folder, file):
    assert cache.OURS.fullmatch(file.name)
    assert cache.OURS.fullmatch(f".{file.name}.part")
    assert not cache.OURS.fullmatch("faces.f32")
    assert not cache.OURS.fullmatch("faces.faiss")
