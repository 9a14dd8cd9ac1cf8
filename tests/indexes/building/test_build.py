from __future__ import annotations

import json
import os

import numpy as np
import pretend
import pytest
from numpy.testing import assert_array_equal

from retrieve.indexes.building.build import Build
from retrieve.indexes.building.describing import Look
from retrieve.indexes.building.jobs import Job
from retrieve.indexes.catalog.contents import Catalog
from retrieve.indexes.catalog.database import open_database
from retrieve.indexes.catalog.filters import Filter, findable
from retrieve.indexes.search.texts import Texts
from retrieve.indexes.vectors.spaces import Space, VectorSpace


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def index(tmp_path, photos):
    db = open_database(tmp_path / "catalog.sqlite", create=True)
    catalog = Catalog(db)
    vectors = VectorSpace(db, tmp_path, "faces")
    texts = Texts(db, tmp_path)
    texts.use(pretend.TextEncoder())
    vectors.create(Space("faces", "faces", {}, pretend.Embedder.dim))

    def run(*roots, extractor=pretend.extractor, **options):
        build = Build(catalog, vectors, texts, pretend.Embedder, extractor, **options)
        return build.run(roots or [photos])

    def words():
        """Every findable face by the word that it was made of, with its path's name."""
        rows = vectors.space().rows
        keep = findable(db, rows)
        living = np.arange(rows) if keep is None else np.flatnonzero(keep)
        stored = vectors.gallery()
        found = []
        for row, face in catalog.faces_at(living.tolist()).items():
            word = pretend.said(catalog.crop(face.id))
            assert_array_equal(stored[row], pretend.embedding(word)[0])
            found.append((face.path.name, word))
        return sorted(found)

    run.words, run.catalog = words, catalog
    yield run
    catalog.close()


def _dates(index):
    """When and where each photo that is found was taken, by the word that its face is made of."""
    query = (
        "SELECT jpeg, taken_at, latitude, longitude FROM crops JOIN faces ON faces.id = face_id "
        "JOIN contents ON contents.id = content_id WHERE live"
    )
    return {pretend.said(row[0]): row[1:] for row in index.catalog._db.execute(query)}


def _count(report):
    names = ("new", "unchanged", "moved", "duplicate", "changed", "gone", "faces")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_a_second_run_has_nothing_to_do(index, photos):
    (photos / "a.jpg").write_text("ana luis")
    (photos / "b.jpg").write_text("eva")
    assert _count(index()) == {"new": 2, "faces": 3}
    assert _count(index()) == {"unchanged": 2}
    assert index.words() == [("a.jpg", "ana"), ("a.jpg", "luis"), ("b.jpg", "eva")]


def test_a_photo_without_faces_is_known_and_adds_none(index, photos):
    (photos / "a.jpg").write_text("")
    assert _count(index()) == {"new": 1}
    assert _count(index()) == {"unchanged": 1}
    assert index.words() == []


def test_a_moved_file_is_not_embedded_again(index, photos):
    (photos / "a.jpg").write_text("ana")
    index()
    (photos / "a.jpg").rename(photos / "b.jpg")
    report = index(extractor=_never)
    assert _count(report) == {"moved": 1}
    assert index.words() == [("b.jpg", "ana")]


def test_a_duplicate_is_one_photo_with_two_paths(index, photos):
    for name in ("a.jpg", "b.jpg"):
        (photos / name).write_text("ana")
    assert _count(index()) == {"new": 1, "duplicate": 1, "faces": 1}
    (photos / "c.jpg").write_text("ana")
    assert _count(index(extractor=_never)) == {"unchanged": 2, "duplicate": 1}
    (photos / "a.jpg").unlink()
    assert _count(index()) == {"unchanged": 2, "gone": 1}
    assert index.words() == [("b.jpg", "ana")]


def test_a_replaced_file_is_noticed_even_with_its_old_length_and_date(index, photos):
    (photos / "a.jpg").write_text("ana")
    index()
    before = (photos / "a.jpg").stat()
    (photos / "a.jpg").write_text("eva")
    os.utime(photos / "a.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _count(index()) == {"new": 1, "changed": 1, "faces": 1}
    assert index.words() == [("a.jpg", "eva")]


def test_a_touched_file_is_unchanged(index, photos):
    (photos / "a.jpg").write_text("ana")
    index()
    os.utime(photos / "a.jpg")
    assert _count(index(extractor=_never)) == {"unchanged": 1}
    assert _count(index(extractor=_never)) == {"unchanged": 1}


def test_a_file_that_is_gone_is_not_found_and_comes_back_without_embedding(index, photos):
    (photos / "a.jpg").write_text("ana")
    (photos / "b.jpg").write_text("eva")
    index()
    (photos / "a.jpg").rename(photos.parent / "kept")
    assert _count(index()) == {"unchanged": 1, "gone": 1}
    assert index.words() == [("b.jpg", "eva")]
    (photos.parent / "kept").rename(photos / "a.jpg")
    assert _count(index(extractor=_never)) == {"unchanged": 2}
    assert index.words() == [("a.jpg", "ana"), ("b.jpg", "eva")]


def test_indexing_one_folder_says_nothing_about_another(index, photos):
    for name in ("one", "two"):
        (photos / name).mkdir()
        (photos / name / "a.jpg").write_text(name)
    index()
    (photos / "two" / "a.jpg").unlink()
    assert _count(index(photos / "one")) == {"unchanged": 1}


def test_a_skipped_file_keeps_its_reason_and_is_not_decoded_again(index, photos):
    (photos / "a.jpg").write_text("bad")
    (photos / "b.jpg").write_text("eva")
    for extractor in (pretend.extractor, _never):
        report = index(extractor=extractor)
        assert [(s.path.name, s.reason) for s in report.skipped] == [("a.jpg", "is bad")]
    assert [s.reason for s in index.catalog.skipped()] == ["is bad"]


def test_a_skipped_file_is_tried_again_when_asked_for_or_changed(index, photos):
    (photos / "a.jpg").write_text("bad")
    index()
    assert len(index(retry_skipped=True).skipped) == 1
    (photos / "a.jpg").write_text("ana")
    assert _count(index()) == {"new": 1, "changed": 1, "faces": 1}
    assert index.catalog.skipped() == []


def test_a_dangling_link_is_listed_and_kept(index, photos):
    (photos / "a.jpg").symlink_to("nowhere")
    assert len(index().skipped) == 1
    assert len(index.catalog.skipped()) == 1


def test_an_interrupted_run_keeps_its_whole_batches_and_the_next_one_finishes(index, photos):
    for i in range(150):
        (photos / f"{i:03}.jpg").write_text(f"face{i}")

    def interrupted(paths):
        for n, item in enumerate(pretend.extractor(paths)):
            if n == 140:
                raise KeyboardInterrupt
            yield item

    report = index(extractor=interrupted)
    assert report.interrupted
    assert report.new == report.faces == 128
    assert _count(index()) == {"unchanged": 128, "new": 22, "faces": 22}
    assert len(index.words()) == 150


def test_a_torn_tail_of_a_writer_that_died_is_overwritten(index, photos, tmp_path):
    (photos / "a.jpg").write_text("ana")
    index()
    with (tmp_path / "faces.f32").open("ab") as file:
        file.write(b"torn" * 100)
    (photos / "b.jpg").write_text("eva")
    index()
    assert index.words() == [("a.jpg", "ana"), ("b.jpg", "eva")]


def test_progress_ends_at_the_number_of_files(index, photos):
    for i in range(5):
        (photos / f"{i}.jpg").write_text(f"face{i} more{i}")
    steps = []
    index(on_progress=steps.append)
    assert (steps[-1].files, steps[-1].of, steps[-1].new, steps[-1].faces) == (5, 5, 5, 10)
    assert [step.files for step in steps] == [1, 2, 3, 4, 5]


def _never(paths):
    for found, task in paths:
        assert isinstance(task, Look), f"{task} was decoded"
        yield from pretend.extractor([(found, task)])


def _takeout(path, seconds, latitude):
    place = {"latitude": latitude, "longitude": -0.55}
    path.write_text(json.dumps({"photoTakenTime": {"timestamp": str(seconds)}, "geoData": place}))


def test_date_and_place_follow_what_lies_beside_a_photo(index, photos):
    (photos / "ana.jpg").write_text("ana")
    (photos / "eva.jpg").write_text("eva")
    beside = photos / "ana.jpg.json"
    work = Job(pretend.Faces(), (photos,)).open()

    def extractor(paths):
        for found, path in paths:
            yield found, work(path)

    _takeout(beside, -237081600, 42.57)
    index(extractor=extractor)
    assert _dates(index) == {
        "ana": ("1962-06-28T00:00:00", 42.57, -0.55), "eva": (None, None, None)
    }  # fmt: skip
    db = index.catalog._db
    assert findable(db, 2, Filter(since="1962", until="1962-06")).sum() == 1
    assert findable(db, 2, Filter(near=(42.57, -0.55, 1))).sum() == 1
    _takeout(beside, 1563732180, 41.65)
    index(extractor=extractor)
    assert _dates(index)["ana"] == ("2019-07-21T18:03:00", 41.65, -0.55)
    copy = photos / "copy"
    copy.mkdir()
    (copy / "ana.jpg").write_text("ana")  # an album's copy has no file beside it
    index(extractor=extractor)
    assert _dates(index)["ana"] == ("2019-07-21T18:03:00", 41.65, -0.55)
    index.catalog._db.execute("DELETE FROM paths WHERE path LIKE '%/copy/%'")
    beside.unlink()
    (copy / "ana.jpg").unlink()
    index(extractor=extractor)
    assert _dates(index)["ana"] == (None, None, None)


def test_what_is_left_out_later_is_no_longer_found_and_comes_back_without_reading(index, photos):
    (photos / "Private").mkdir()
    (photos / "Private" / "ana.jpg").write_text("ana")
    (photos / "eva.jpg").write_text("eva")
    assert _count(index()) == {"new": 2, "faces": 2}
    report = index(exclude=["Private/"])
    assert _count(report) == {"unchanged": 1, "gone": 1}
    assert report.left_out == {"Private/": 1}
    assert index.words() == [("eva.jpg", "eva")]
    assert _count(index()) == {"unchanged": 2}
    (photos / ".retrieveignore").write_text("/Private\n")
    report = index()
    assert report.left_out == {".retrieveignore": 1}
    assert index.words() == [("eva.jpg", "eva")]


def test_a_file_that_was_named_stays_while_it_is_there(index, photos):
    """No walk of its folder comes by a file of that suffix, skipped or not."""
    (photos / "a.jpg").write_text("ana")
    broken, notes = photos / "broken.xyz", photos / "notes.log"
    broken.write_bytes(b"\x00\x01")
    notes.write_text("eva")
    first = index(photos, broken, notes)
    assert first.new + len(first.skipped) == 3
    again = index(photos)
    assert (again.gone, again.unchanged + len(again.skipped)) == (0, 3)
    assert [one.path for one in again.skipped] == [one.path for one in first.skipped]
    for path in (broken, notes):
        assert not index.catalog.path(path).gone
    broken.unlink()
    assert index(photos).gone == 1
    assert index.catalog.path(broken).gone
    assert index(photos, exclude=["*.log"]).gone == 1
