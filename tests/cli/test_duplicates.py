"""retrieve duplicates, from files to groups, tables, JSON and the page."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import segmented
import warm
from PIL import ExifTags, Image, ImageOps

import retrieve
from retrieve.errors import CollectionError
from retrieve.indexes.cluster.cluster import open_cluster
from retrieve.indexes.cluster.manifest import create_manifest


def _run(*arguments, collection, code=0):
    return warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=collection)


def _is_whole(path):
    """Some of the album's are cut short."""
    try:
        Image.open(path).load()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def copies(album, tmp_path_factory):
    """A collection of three drawn photos, of one of which there are copies and changed ones, and of
    two shots within two seconds, in which nothing moved."""
    folder = tmp_path_factory.mktemp("copies")
    photos = folder / "photos"
    photos.mkdir()
    jpegs = [path for path in sorted(album.rglob("*.jpg")) if _is_whole(path)][:4]
    for number in (0, 2, 3):
        shutil.copy(jpegs[number], photos / f"{number}.jpg")
    shot = ImageOps.exif_transpose(Image.open(jpegs[1])).convert("RGB")
    for second in (5, 7):
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
            f"2019:07:09 18:30:0{second}"
        )
        shot.save(photos / f"shot {second}.jpg", exif=exif, quality=80 + second)
    image = ImageOps.exif_transpose(Image.open(jpegs[0])).convert("RGB")
    shutil.copy(jpegs[0], photos / "equal bytes.jpg")
    image.save(photos / "same pixels.png")
    image.resize((image.width // 2, image.height // 2)).save(photos / "small.jpg", quality=70)
    ImageOps.mirror(image).save(photos / "mirrored.jpg", quality=90)
    collection = folder / "collection"
    with retrieve.open_collection(collection, create=True) as opened:
        opened.index([photos])
    return collection, photos


def test_copies_and_edited_pictures_are_told_apart(copies):
    collection, _ = copies
    with retrieve.open_collection(collection) as opened:
        found = opened.duplicates(["pixels", "edited"])
    assert [group.kind.value for group in found] == ["pixels", "edited"]
    pixels, edited = found
    files = {path.name for photo in pixels.photos for path in photo.paths}
    assert files == {"0.jpg", "equal bytes.jpg", "same pixels.png"}
    assert {path.name for path in pixels.best.paths} == {"0.jpg", "equal bytes.jpg"}
    assert {photo.path.name for photo in edited.others} == {"small.jpg", "mirrored.jpg"}
    assert edited.best == pixels.best
    assert edited.best.score == pytest.approx(1, abs=1e-5)
    png = pixels.others[0]
    assert pixels.spare_bytes == pixels.best.size_bytes + png.size_bytes
    assert found.left == []
    assert found.searched == 8


def test_what_was_taken_at_two_seconds_is_a_burst_and_no_edited_picture(copies):
    collection, _ = copies
    with retrieve.open_collection(collection) as opened:
        (burst,) = opened.duplicates("burst")
    assert {photo.path.name for photo in burst.photos} == {"shot 5.jpg", "shot 7.jpg"}
    assert burst.best.sharpness == max(photo.sharpness for photo in burst.photos)
    assert {photo.taken_at for photo in burst.photos} == {
        "2019-07-09T18:30:05",
        "2019-07-09T18:30:07",
    }


def test_a_cluster_has_the_duplicates_of_one_collection_whatever_its_shards(copies, tmp_path):
    collection, photos = copies
    (tmp_path / "cluster").mkdir()
    create_manifest(tmp_path / "cluster").close()
    with open_cluster(tmp_path / "cluster") as cluster:
        cluster.engine_of_tasks = segmented.Here()
        cluster.index([photos], segment=3)
        assert len(cluster.numbers) == 3
        groups = _told(cluster.duplicates())
    with retrieve.open_collection(collection) as opened:
        assert groups == _told(opened.duplicates())
    assert {kind for kind, *_ in groups} >= {"pixels", "edited", "burst"}


def _told(found):
    return sorted(
        (group.kind.value, str(group.best.path), sorted(str(one.path) for one in group.others))
        for group in found
    )


def test_conditions_choose_the_photos_that_are_compared(copies):
    collection, photos = copies
    with retrieve.open_collection(collection) as opened:
        nothing = opened.duplicates(wanted=retrieve.Filter(folders=(photos / "elsewhere",)))
        assert list(nothing) == []
        assert nothing.searched == 0
        with pytest.raises(retrieve.BadInput, match="wanted kinds among pixels"):
            opened.duplicates(["copies"])


def test_what_the_command_shows_and_writes(copies, tmp_path):
    collection, _ = copies
    page = tmp_path / "page.html"
    done = _run("duplicates", "--kind", "pixels", "--html", page, collection=collection)
    assert "1. the same pixels, 3 files" in done.stdout
    assert "groups among 8 photos: pixels 1; nothing was deleted" in done.stdout
    assert "edited" not in done.stdout.replace("edited pictures take", "")
    html = page.read_text()
    assert html.count("data:image/jpeg;base64,") == 2  # a picture a photo, not a file
    assert "equal bytes.jpg" in html
    done = _run("duplicates", "--json", "--kind", "edited", collection=collection)
    (group,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert group["kind"] == "edited"
    assert [photo["best"] for photo in group["photos"]] == [True, False, False]
    assert len(group["photos"][0]["paths"]) == 2


def test_a_file_that_holds_more_than_its_pixels_is_no_copy_of_one_that_does_not(album, tmp_path):
    shown = next(path for path in sorted(album.rglob("*.jpg")) if _is_whole(path))
    grey = np.asarray(Image.open(shown).convert("L").resize((320, 240)))
    files = tmp_path / "files"
    files.mkdir()
    Image.fromarray(grey).save(files / "shallow.png")
    Image.fromarray(grey).save(files / "shallow.bmp")
    Image.fromarray(grey.astype(np.uint16) * 257).save(files / "deep.png")
    Image.fromarray(grey).save(
        files / "moving.gif", save_all=True, append_images=[Image.fromarray(255 - grey)]
    )
    with retrieve.open_collection(tmp_path / "collection", create=True) as opened:
        opened.index([files])
        pixels, edited = opened.duplicates(["pixels", "edited"])
    assert {photo.path.name for photo in pixels.photos} == {"shallow.png", "shallow.bmp"}
    assert {"deep.png", "moving.gif"} < {photo.path.name for photo in edited.photos}


def test_both_thresholds_are_one_too_many(copies):
    collection, _ = copies
    done = _run("duplicates", "--threshold", 0.5, "--strangers", 0.1, collection=collection, code=2)
    assert "got both" in done.stderr


def test_a_file_that_is_gone_is_told_and_the_others_are_compared(copies, tmp_path):
    collection, photos = copies
    mine = tmp_path / "collection"
    shutil.copytree(collection, mine)
    hidden = photos / "small.jpg"
    content = hidden.read_bytes()
    hidden.unlink()
    try:
        with retrieve.open_collection(mine) as opened:
            found = opened.duplicates(["edited"])
    finally:
        hidden.write_bytes(content)
    assert [one.path.name for one in found.left] == ["small.jpg"]
    (group,) = found
    assert {photo.path.name for photo in group.others} == {"mirrored.jpg"}


def test_a_collection_without_whole_photos_says_what_to_do(copies, tmp_path):
    _, photos = copies
    with retrieve.open_collection(tmp_path / "new", create=True) as opened:
        opened.index([photos / "2.jpg"], pictures=False)
        with pytest.raises(CollectionError, match="reembed --pictures"):
            opened.duplicates()


def test_nothing_is_written_into_the_collection(copies):
    collection, _ = copies
    before = (collection / "catalog.sqlite").read_bytes()
    with retrieve.open_collection(collection, read_only=True) as opened:
        assert len(opened.duplicates(["edited"])) == 1
    with closing(sqlite3.connect(collection / "catalog.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (collection / "catalog.sqlite").read_bytes() == before
