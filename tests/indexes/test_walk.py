from __future__ import annotations

import os

import pytest

from indexes.walk import Counted, Found, Unlisted, count, walk
from retrieval.errors import BadInput
from retrieval.types import Skipped


def _names(items):
    return [item.path.name for item in items if isinstance(item, Found)]


def _make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")


def test_photos_are_found_at_any_depth_and_other_files_are_not(tmp_path):
    _make(tmp_path, "b.JPG", "a.png", "tool.exe", "deep/er/c.heic", "._b.jpg", ".trash/d.jpg")
    found = list(walk([tmp_path]))
    assert _names(found) == ["a.png", "b.JPG", "c.heic"]
    assert found[0].size_bytes == 5
    assert count([tmp_path]) == Counted(photos=3, texts=0)


def test_a_file_that_was_named_is_taken_whatever_its_suffix(tmp_path):
    _make(tmp_path, "scan.dat")
    assert _names(walk([tmp_path / "scan.dat"])) == ["scan.dat"]


def test_overlapping_roots_give_each_file_once(tmp_path):
    _make(tmp_path, "in/a.jpg", "in/scan.dat")
    roots = [tmp_path, tmp_path / "in", tmp_path / "in" / "a.jpg", tmp_path / "in" / "scan.dat"]
    assert _names(walk(roots)) == ["a.jpg", "scan.dat"]


def test_loops_of_links_end(tmp_path):
    _make(tmp_path, "in/a.jpg")
    (tmp_path / "in" / "again").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert _names(walk([tmp_path])) == ["a.jpg"]


def test_a_dangling_link_is_skipped_with_its_reason(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (item,) = walk([tmp_path])
    assert isinstance(item, Skipped)
    assert "no such file" in item.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every folder")
def test_an_unreadable_folder_is_reported_and_the_walk_goes_on(tmp_path):
    _make(tmp_path, "closed/a.jpg", "open/b.jpg")
    (tmp_path / "closed").chmod(0)
    items = list(walk([tmp_path]))
    (tmp_path / "closed").chmod(0o700)
    assert _names(items) == ["b.jpg"]
    assert [item.path.name for item in items if isinstance(item, Unlisted)] == ["closed"]


def test_a_folder_that_vanishes_during_the_walk_is_reported(tmp_path):
    _make(tmp_path, "a/a.jpg", "b/b.jpg")
    walking = walk([tmp_path])
    assert _names([next(walking)]) == ["a.jpg"]
    (tmp_path / "b" / "b.jpg").unlink()
    (tmp_path / "b").rmdir()
    (item,) = walking
    assert isinstance(item, Unlisted)
    assert item.path.name == "b"


def test_names_that_are_not_utf8_are_found(tmp_path):
    (tmp_path / os.fsdecode(b"ni\xf1o.jpg")).write_bytes(b"1")
    (item,) = walk([tmp_path])
    assert os.fsencode(item.path.name) == b"ni\xf1o.jpg"


def test_a_root_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        list(walk([tmp_path / "nowhere"]))
