from __future__ import annotations

import os
from pathlib import Path

import pytest

from retrieve.errors import BadInput
from retrieve.indexes.building.walk import (
    Counted,
    Unlisted,
    count,
    described,
    is_text,
    reaches,
    root_of,
    walk,
)
from retrieve.indexes.catalog.paths import Found
from retrieve.metadata import sidecars
from retrieve.types import Skipped


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


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("LEEME", b"Hola", True),
        ("notas.log", b"Hola", True),
        ("lista.j2", b"BM es un coche", True),
        ("chat.json", b"[]", True),
        ("foto", b"\xff\xd8\xff\xe0", False),
        ("foto.orig", b"\x89PNG\r\n\x1a\n", False),
        ("foto.bak", b"\0\0\0\x18ftypheic", False),
        ("foto.jpg", b"Hola", False),
    ],
)
def test_the_first_bytes_tell_what_a_named_file_is(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    assert is_text(tmp_path / name) is text
    assert _names(walk([tmp_path / name])) == [name]
    if Path(name).suffix != ".jpg":
        assert list(walk([tmp_path])) == []


def test_a_pipe_is_not_opened_to_see_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_text(tmp_path / "pipe")


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


@pytest.mark.parametrize("suffix", ["docx", "odt", "pdf", "md", "html", "csv", "srt"])
def test_a_document_that_shares_a_photos_name_is_a_text_of_its_own(tmp_path, suffix):
    _make(tmp_path, "boda.jpg", f"boda.{suffix}", f"boda.jpg.{suffix}")
    names = ["boda.jpg", f"boda.jpg.{suffix}", f"boda.{suffix}"]
    assert sorted(_names(walk([tmp_path]))) == sorted(names)
    assert all(reaches(tmp_path, tmp_path / name) for name in names)


def test_a_text_that_is_too_long_for_a_description_is_a_text_of_its_own(tmp_path):
    _make(tmp_path, "boda.jpg", "boda.txt")
    assert _names(walk([tmp_path])) == ["boda.jpg"]
    (tmp_path / "boda.txt").write_bytes(b"x" * (sidecars.MAX_BYTES + 1))
    assert _names(walk([tmp_path])) == ["boda.jpg", "boda.txt"]
    assert reaches(tmp_path, tmp_path / "boda.txt")
    assert described(tmp_path / "boda.txt") == [tmp_path / "boda.jpg"]  # which it did before


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


def test_texts_are_found_and_those_that_describe_a_photo_beside_them_are_not(tmp_path):
    _make(
        tmp_path, "ana.jpg", "ana.txt", "ana.jpg.txt", "eva.HEIC", "eva.md", "notes.txt", "._x.md"
    )
    _make(tmp_path, "other/ana.txt", "other/page.HTML", "other/table.csv", "other/data.json")
    assert _names(walk([tmp_path])) == [
        "ana.jpg", "eva.HEIC", "eva.md", "notes.txt", "ana.txt", "page.HTML", "table.csv",
    ]  # fmt: skip
    texts = ["ana.jpg.txt", "ana.txt"]
    assert _names(walk([tmp_path], photos=False)) == [
        "eva.md",
        "notes.txt",
        "ana.txt",
        "page.HTML",
        "table.csv",
    ]
    assert not any(reaches(tmp_path, tmp_path / name) for name in texts)
    assert reaches(tmp_path, tmp_path / "notes.txt")
    assert count([tmp_path]).photos == 2


def test_a_text_beside_a_photo_is_a_text_again_when_the_photo_is_gone(tmp_path):
    _make(tmp_path, "ana.jpg", "ana.txt")
    assert _names(walk([tmp_path])) == ["ana.jpg"]
    (tmp_path / "ana.jpg").unlink()
    assert _names(walk([tmp_path])) == ["ana.txt"]


def test_what_changes_beside_a_photo_names_the_photos_that_it_describes(tmp_path):
    _make(tmp_path, "ana.jpg", "ana.png", "eva.jpg", "ana.txt")
    photos = [tmp_path / "ana.jpg", tmp_path / "ana.png"]
    assert sorted(described(tmp_path / "ana.txt")) == photos
    assert described(tmp_path / "ana.jpg.xmp") == [tmp_path / "ana.jpg"]
    assert described(tmp_path / "eva.jpg.json") == [tmp_path / "eva.jpg"]
    assert described(tmp_path / "other.txt") == []
    assert described(tmp_path / "ana.md") == []
    assert described(tmp_path / "nowhere" / "ana.txt") == []


def test_the_innermost_root_is_that_of_a_path_and_none_is_its_own():
    roots = [Path("/a"), Path("/a/b"), Path("/ab")]
    assert root_of(Path("/a/b/c.jpg"), roots) == Path("/a/b")
    assert root_of(Path("/a/c.jpg"), roots) == Path("/a")
    assert root_of(Path("/a/b"), roots) == Path("/a")
    assert root_of(Path("/c.jpg"), roots) is None


def test_a_root_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        list(walk([tmp_path / "nowhere"]))
