from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.contents import Catalog, NewPhoto
from retrieve.indexes.catalog.database import APPLICATION_ID, open_database
from retrieve.indexes.catalog.filters import Filter, findable
from retrieve.indexes.catalog.migrations import FORMAT
from retrieve.indexes.catalog.paths import Found
from retrieve.types import Face


@pytest.fixture
def catalog(tmp_path):
    opened = Catalog(open_database(tmp_path / "catalog.sqlite", create=True))
    yield opened
    opened.close()


def _add(catalog, sha256, *paths):
    content_id = catalog.add_photo(NewPhoto(sha256, 5, (10, 20), "2020-01-02T03:04:05", ("ok",)))
    for path in paths:
        catalog.put_path(Found(Path(path), 5, 1, 1), content_id=content_id, reason=None)
    return content_id


def _face(x=1.5):
    landmarks = np.arange(10, dtype=np.float32).reshape(5, 2)
    return Face(np.array([x, 2, 3, 4], np.float32), landmarks, 0.75)


def test_a_face_comes_back_as_it_was_stored(catalog):
    content_id = _add(catalog, "aa", "/p/a.jpg")
    face_id = catalog.add_face(7, content_id, 2, _face(), 0.25)
    catalog.add_crop(face_id, b"jpeg")
    stored = catalog.faces_at([7])[7]
    assert catalog.faces([face_id])[face_id].row == 7
    assert_array_equal(stored.face.box, _face().box)
    assert_array_equal(stored.face.landmarks, _face().landmarks)
    assert (stored.face.score, stored.number, stored.quality) == (0.75, 2, 0.25)
    assert (stored.path, stored.taken_at) == (Path("/p/a.jpg"), "2020-01-02T03:04:05")
    assert catalog.crop(face_id) == b"jpeg"


def test_paths_that_are_not_utf8_come_back_byte_for_byte(catalog):
    path = Path(os.fsdecode(b"/p/ni\xf1o.jpg"))
    content_id = _add(catalog, "aa", path)
    assert catalog.path(path).content_id == content_id
    assert catalog.paths_of(content_id) == [path]
    catalog.start_run()
    assert catalog.mark_gone(Path("/p")) == [content_id]


def test_gone_are_the_unseen_below_the_root_only(catalog):
    ids = [_add(catalog, str(i), p) for i, p in enumerate(["/p/a", "/p/b/c", "/p2/d", "/p/e"])]
    catalog.start_run()
    catalog.mark_seen([catalog.path(Path("/p/e")).id])
    assert catalog.mark_gone(Path("/p")) == ids[:2]
    assert [catalog.path(Path(p)).gone for p in ("/p/a", "/p/b/c", "/p2/d", "/p/e")] == [
        True,
        True,
        False,
        False,
    ]


def test_nothing_below_a_folder_that_could_not_be_read_is_gone(catalog):
    _add(catalog, "1", "/p/closed/a")
    lost = _add(catalog, "2", "/p/open/b")
    catalog.start_run()
    assert catalog.mark_gone(Path("/p"), unlisted=[Path("/p/closed")]) == [lost]


def test_faces_of_photos_without_a_path_are_not_findable(catalog):
    for i, sha in enumerate("abc"):
        catalog.add_face(i, _add(catalog, sha, f"/p/{sha}"), 1, _face(), 0.5 + i / 10)
    assert findable(catalog._db, 3) is None
    assert_array_equal(findable(catalog._db, 3, Filter(min_quality=0.55)), [False, True, True])
    catalog.start_run()
    catalog.mark_seen([catalog.path(Path("/p/a")).id])
    catalog.mark_gone(Path("/p"))
    assert_array_equal(findable(catalog._db, 3), [True, False, False])


def test_a_photo_with_a_second_path_stays_findable(catalog):
    content_id = _add(catalog, "aa", "/p/a", "/q/a")
    catalog.add_face(0, content_id, 1, _face(), 1)
    catalog.start_run()
    catalog.mark_gone(Path("/p"))
    assert findable(catalog._db, 1) is None
    assert catalog.faces_at([0])[0].path == Path("/q/a")


def test_a_transaction_that_raises_leaves_nothing(catalog):
    def add_and_fail():
        with catalog.writing():
            _add(catalog, "aa", "/p/a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    assert catalog.content_id("aa") is None


def test_a_missing_collection_is_not_made_by_looking(tmp_path):
    with pytest.raises(CollectionError, match="retrieve index"):
        open_database(tmp_path / "catalog.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_database_is_left_alone(tmp_path):
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(CollectionError, match="another program"):
        open_database(path, create=True)
    assert path.read_bytes() == before


def test_a_newer_format_is_left_alone(tmp_path):
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as conn:
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        conn.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(CollectionError, match=f"format {FORMAT + 1}"):
        open_database(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(CollectionError, match="cannot open"):
        open_database(path)


def test_files_are_private(tmp_path):
    open_database(tmp_path / "catalog.sqlite", create=True).conn.close()
    assert (tmp_path / "catalog.sqlite").stat().st_mode & 0o077 == 0
