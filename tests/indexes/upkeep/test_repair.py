"""What is damaged is made again from the photographs, or named."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.building import workers
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.search import ann, traces
from retrieve.indexes.upkeep import check
from retrieve.indexes.upkeep import repair as repairing
from retrieve.indexes.upkeep.check import check as check_now
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.repair import repair
from retrieve.indexes.vectors import segments

DETECTOR = SimpleNamespace(
    name=small.MADE_BY["detector"], weights_sha256=small.MADE_BY["detector_sha256"]
)


class _Embedder(pretend.Embedder):
    weights_sha256 = small.MADE_BY["embedder_sha256"]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.jpg").write_text(f"w{i}a w{i}b")
    return folder


@pytest.fixture
def collection(tmp_path, photos, monkeypatch):
    """Twelve faces in three segments, of photos that are there."""
    for module in (segments, check, repairing):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 4)
    monkeypatch.setattr(workers, "run", lambda _, paths, **__: pretend.extractor(paths))
    with small.opened(tmp_path / "collection") as opened:
        opened.networks.use(DETECTOR, _Embedder())
        small.index(opened, photos)
        yield opened


def _damage(collection, *rows):
    file = collection.path / "faces.f32"
    data = bytearray(file.read_bytes())
    for row in rows:
        data[row * 128 + 9] ^= 16
    file.write_bytes(data)


def _gallery(collection):
    return np.fromfile(collection.path / "faces.f32", "<f4").reshape(-1, 32)


def test_damaged_rows_are_embedded_again_and_signed(collection):
    before = _gallery(collection)
    _damage(collection, 1, 9)
    done = repair(collection)
    assert (done.segments, done.faces, done.damaged, done.left) == (2, 8, 0, [])
    assert_array_equal(_gallery(collection), before)
    assert check_now(collection) == []
    again = repair(collection)
    assert (again.segments, again.faces, again.damaged, again.left) == (0, 0, 0, [])


@pytest.mark.parametrize("bytes_left", [0, 700, None])
def test_a_file_that_was_cut_short_or_is_missing_is_made_again(collection, bytes_left):
    before, file = _gallery(collection), collection.path / "faces.f32"
    data = file.read_bytes()
    file.unlink()
    if bytes_left is not None:
        file.write_bytes(data[:bytes_left])
        file.chmod(0o600)
    done = repair(collection)
    assert done.damaged == 0
    assert_array_equal(_gallery(collection), before)
    assert check_now(collection) == []


def test_what_cannot_be_repaired_is_named_with_its_reason_and_stays_damaged(collection, photos):
    before = _gallery(collection)
    _damage(collection, 0, 4, 8)
    (photos / "0.jpg").unlink()  # rows 0 and 1
    (photos / "2.jpg").write_text("other content")  # rows 4 and 5
    done = repair(collection)
    assert (done.segments, done.damaged, done.faces) == (1, 2, 8)
    reasons = {item.path.name: item.reason for item in done.left}
    assert set(reasons) == {"0.jpg", "2.jpg"}
    assert "no such file" in reasons["0.jpg"]
    assert "other content" in reasons["2.jpg"]
    assert [segment.first for segment in collection.faces.damaged()] == [0, 4]
    again = [2, 3, 6, 7, 8, 9, 10, 11]
    assert_array_equal(_gallery(collection)[again], before[again])
    # Forgetting what cannot be repaired makes the rest whole.
    forget(collection, paths=[photos / "0.jpg", photos / "2.jpg"])
    assert repair(collection).damaged == 0
    assert check_now(collection) == []


def test_another_file_with_the_same_content_will_do(collection, photos):
    (photos / "copy.jpg").write_text((photos / "0.jpg").read_text())
    small.index(collection, photos)
    (photos / "0.jpg").unlink()
    _damage(collection, 0)
    assert repair(collection).left == []
    assert check_now(collection) == []


def test_faces_are_matched_by_their_boxes_and_not_by_their_numbers(collection, monkeypatch):
    def reversed_faces(_, paths, **__):
        for key, found in pretend.extractor(paths):
            found.faces.reverse()
            yield key, replace(found, crops=(found.crops[0][::-1],))

    monkeypatch.setattr(workers, "run", reversed_faces)
    before = _gallery(collection)
    _damage(collection, 0)
    assert repair(collection).left == []
    assert_array_equal(_gallery(collection), before)


def test_a_face_that_is_not_found_again_is_named(collection, photos, monkeypatch):
    def half(_, paths, **__):
        for key, found in pretend.extractor(paths):
            del found.faces[1:]
            yield key, found

    monkeypatch.setattr(workers, "run", half)
    _damage(collection, 1)
    done = repair(collection)
    assert [(item.path.name, item.reason) for item in done.left] == [
        ("0.jpg", "its face 2 was not found again"),
        ("1.jpg", "its face 2 was not found again"),
    ]
    assert (done.segments, done.damaged) == (0, 1)


def test_what_makes_the_checksum_right_is_enough(collection, photos):
    """One bad row, and the photo of another row of its segment is gone."""
    before = _gallery(collection)
    _damage(collection, 1)
    (photos / "1.jpg").unlink()
    done = repair(collection)
    assert (done.segments, done.damaged, done.left) == (1, 0, [])
    assert_array_equal(_gallery(collection), before)


def test_a_photo_that_changes_while_it_is_read_is_named(collection, photos, monkeypatch):
    def changed(_, paths, **__):
        for key, path in paths:
            path.write_text("changed meanwhile")
            yield from pretend.extractor([(key, path)])

    monkeypatch.setattr(workers, "run", changed)
    before = _gallery(collection)
    _damage(collection, 0)
    damaged = _gallery(collection)
    reasons = {item.reason for item in repair(collection).left}
    assert reasons == {"its file changed while it was read"}
    assert_array_equal(_gallery(collection), damaged)
    assert (before != damaged).sum() == 1


def test_dead_rows_of_a_damaged_segment_are_zeros_again(collection, photos):
    forget(collection, paths=[photos / "1.jpg"])  # rows 2 and 3
    with (collection.path / "faces.f32").open("r+b") as file:
        file.seek(2 * 128)
        file.write(pretend.embedding("w1a").tobytes())
    repair(collection)
    assert_array_equal(_gallery(collection)[2:4], np.zeros((2, 32)))
    assert check_now(collection) == []


def test_who_is_forgotten_meanwhile_stays_forgotten(collection, photos, monkeypatch):
    def forgetful(_, paths, **__):
        for key, path in list(paths):
            if path.name == "0.jpg":
                forget(collection, paths=[photos / "0.jpg", photos / "1.jpg"])
            yield from pretend.extractor([(key, path)])

    monkeypatch.setattr(workers, "run", forgetful)
    _damage(collection, 0)
    done = repair(collection)
    assert (done.faces, done.damaged) == (0, 0)
    assert_array_equal(_gallery(collection)[:4], np.zeros((4, 32)))
    assert check_now(collection) == []


def test_a_damaged_or_missing_index_is_made_again(collection, photos, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    (photos / "more.jpg").write_text(" ".join(f"more{i}" for i in range(20)))
    small.index(collection, photos)
    collection.engine.build()
    for harm in ("flip", "remove"):
        (file,) = (collection.path / "cache").iterdir()
        if harm == "flip":
            file.write_bytes(file.read_bytes()[:-1] + b"\x00")
        else:
            file.unlink()
        assert len([one for one in check_now(collection) if one.wrong]) == 1
        assert repair(collection).indexes == 1
        assert check_now(collection) == []


def test_what_a_forgetting_that_died_left_is_finished(collection):
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE face_id = 12")
        collection.db.execute("DELETE FROM faces WHERE id = 12")
        collection.faces.kill([11])
        traces.mark(collection.db)
    assert repair(collection).damaged == 0
    assert check_now(collection) == []


def test_other_networks_do_not_repair(collection):
    _damage(collection, 0)
    damaged = _gallery(collection)
    collection.networks.use(DETECTOR, pretend.Embedder())  # of other weights
    with pytest.raises(CollectionError, match="Leave --model"):
        repair(collection)
    assert_array_equal(_gallery(collection), damaged)


def test_the_faces_of_a_photo_that_was_replaced_are_named_and_hinder_nothing(collection, photos):
    before = _gallery(collection)
    (photos / "1.jpg").write_text("new faces here")  # rows 2 and 3 are of no file any more
    small.index(collection, photos)
    _damage(collection, 2, 9)
    done = repair(collection)
    assert [item.reason for item in done.left] == ["no file of it is known"]
    assert (done.segments, done.damaged) == (1, 1)
    assert_array_equal(_gallery(collection)[[0, 1, *range(4, 12)]], before[[0, 1, *range(4, 12)]])
