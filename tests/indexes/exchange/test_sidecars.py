from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess

import drawn
import numpy as np
import pretend
import pytest
import small
from PIL import Image

from retrieve.descriptions import describe
from retrieve.errors import BadInput
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.exchange.sidecars import export_sidecars
from retrieve.indexes.people import regions, statements
from retrieve.metadata.xmp import read_xmp
from retrieve.types import Face

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not installed"
)
# Of a photo that shows 300 by 400 pixels.
ANA, LUIS, THIRD = (30, 40, 90, 120), (200, 60, 260, 140), (100, 300, 150, 360)
NAME = 'Ana <&> "Núñez"'


def _store(opened, path, *boxes, orientation=1, size=(300, 400)):
    """A JPEG on disk, and in the collection with a face a box; returns the faces' ids."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = size[::-1] if orientation > 4 else size
    Image.new("RGB", stored).save(path, "JPEG", exif=exif)
    content, status = path.read_bytes(), path.stat()
    digest = hashlib.sha256(content + os.fsencode(path)).hexdigest()
    ids = []
    with writing(opened.db):
        photo = NewPhoto(digest, len(content), size[::-1], None, ())
        content_id = opened.catalog.add_photo(photo)
        row = opened.faces.required().rows
        for number, box in enumerate(boxes, start=1):
            face = Face(np.array(box, np.float32), np.zeros((5, 2), np.float32), 0.9)
            ids.append(opened.catalog.add_face(row, content_id, number, face, 0.5))
            row += 1
        if ids:
            words = [f"{digest}{i}" for i in range(len(ids))]
            opened.faces.append(np.concatenate([pretend.embedding(word) for word in words]))
        found = Found(path, status.st_size, status.st_mtime_ns, 1)
        opened.catalog.put_path(found, content_id=content_id, reason=None)
    return ids


def _name(opened, **faces):
    with writing(opened.db):
        statements.say_names(opened.db, {name: [id] for name, id in faces.items()})


@pytest.fixture
def opened(tmp_path):
    with small.opened(tmp_path / "c") as collection:
        yield collection


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


def _read_again(opened, photo):
    """Names by face, as reading the photo anew gives them."""
    said = describe(photo)
    assert said.warnings == ()
    (content_id,) = opened.db.execute(
        "SELECT content_id FROM paths WHERE path = ?", [str(photo)]
    ).fetchone()
    return regions.named(opened.db, content_id, said.regions, said.orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_names_are_read_again_at_the_same_faces(opened, album, orientation):
    photo = album / "a.jpg"
    ana, luis, _ = _store(opened, photo, ANA, LUIS, THIRD, orientation=orientation)
    with writing(opened.db):
        statements.say_names(opened.db, {NAME: [ana], "Luis": [luis]})
    before = photo.read_bytes(), photo.stat().st_mtime_ns
    report = export_sidecars(opened)
    assert (report.files, report.changed, report.unchanged, report.skipped) == (1, 0, 0, [])
    assert _read_again(opened, photo) == {ana: NAME, luis: "Luis"}
    assert sorted(one.name for one in album.iterdir()) == ["a.jpg", "a.jpg.xmp"]
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == before
    again = export_sidecars(opened)
    assert (again.files, again.changed, again.unchanged) == (0, 0, 1)


def _exiftool(*arguments):
    done = subprocess.run(
        ["exiftool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_exiftool
def test_exiftool_reads_names_and_areas_of_the_stored_picture(opened, album):
    photo = album / "a.jpg"
    ana, luis = _store(opened, photo, ANA, LUIS, orientation=6)
    with writing(opened.db):
        statements.say_names(opened.db, {NAME: [ana], "Luis": [luis]})
    export_sidecars(opened)
    (said,) = json.loads(_exiftool("-j", "-struct", "-n", "-validate", "-xmp:all", f"{photo}.xmp"))
    assert said["Validate"] == "0 0 0"
    drawn = said["RegionInfo"]
    assert drawn["AppliedToDimensions"] == {"W": 400, "H": 300, "Unit": "pixel"}
    # Shown, the picture is turned clockwise: what is left above lay left below.
    area = {"X": 80 / 400, "Y": 1 - 60 / 300, "W": 80 / 400, "H": 60 / 300}
    first, second = drawn["RegionList"]
    assert (first["Name"], first["Type"], second["Name"]) == (NAME, "Face", "Luis")
    assert {key: first["Area"][key] for key in area} == pytest.approx(area, abs=1e-5)
    assert first["Area"]["Unit"] == "normalized"
    people = said["RegionInfoMP"]["Regions"]
    assert [one["PersonDisplayName"] for one in people] == [NAME, "Luis"]
    edges = [float(edge) for edge in people[0]["Rectangle"].split(", ")]
    assert edges == pytest.approx([40 / 400, 1 - 90 / 300, 80 / 400, 60 / 300], abs=1e-5)
    assert said["Subject"] == said["PersonInImage"] == [NAME, "Luis"]
    assert said["HierarchicalSubject"] == [f"People|{NAME}", "People|Luis"]
    assert said["TagsList"] == [f"People/{NAME}", "People/Luis"]


@needs_exiftool
def test_regions_that_exiftool_writes_into_a_photo_are_read_at_their_faces(opened, album):
    photo = album / "a.jpg"
    ana, luis = _store(opened, photo, ANA, LUIS, orientation=8)
    # Shown, the picture is turned anticlockwise: what is left above lay right above.
    x, y = 1 - 80 / 400, 60 / 300
    region = f"{{Area={{X={x},Y={y},W=.25,H=.25,Unit=normalized}},Name=Ana Pérez,Type=Face}}"
    applied = "{W=4000,H=3000,Unit=pixel}"
    corner = f"{1 - 140 / 400}|, {200 / 300}|, {80 / 400}|, {60 / 300}"
    _exiftool(
        "-q",
        "-overwrite_original",
        f"-RegionInfo={{AppliedToDimensions={applied},RegionList=[{region}]}}",
        f"-RegionInfoMP={{Regions=[{{PersonDisplayName=Luis,Rectangle={corner}}}]}}",
        photo,
    )
    assert _read_again(opened, photo) == {ana: "Ana Pérez", luis: "Luis"}


@needs_exiftool
def test_a_file_that_exiftool_made_is_added_to(opened, album):
    photo = album / "a.jpg"
    (ana,) = _store(opened, photo, ANA)
    _name(opened, Ana=ana)
    _exiftool("-q", "-o", f"{photo}.xmp", "-xmp:subject=boda", "-xmp:rating=4", photo)
    assert export_sidecars(opened).changed == 1
    (said,) = json.loads(_exiftool("-j", "-struct", f"{photo}.xmp"))
    assert (said["Subject"], said["Rating"]) == (["boda", "Ana"], 4)
    assert _read_again(opened, photo) == {ana: "Ana"}


def test_a_file_that_cannot_be_kept_is_left_alone_and_named(opened, album):
    for name, face in zip("abcd", ("Ana", "Luis", "Eva", "Zoe"), strict=True):
        _name(opened, **{face: _store(opened, album / f"{name}.jpg", ANA)[0]})
    broken, linked, target = album / "a.jpg.xmp", album / "b.jpg.xmp", album / "else"
    broken.write_text("<x:xmpmeta")
    target.write_text("mine")
    linked.symlink_to(target)
    (album / "c.jpg.xmp").mkdir()
    report = export_sidecars(opened)
    assert report.files == 1
    reasons = {one.path.name: one.reason for one in report.skipped}
    assert set(reasons) == {"a.jpg.xmp", "b.jpg.xmp", "c.jpg.xmp"}
    assert "damaged XML" in reasons["a.jpg.xmp"]
    assert "symbolic link" in reasons["b.jpg.xmp"]
    assert broken.read_text() == "<x:xmpmeta"
    assert target.read_text() == "mine"
    assert linked.is_symlink()


def test_a_photo_that_has_changed_or_is_gone_is_left_alone(opened, album):
    for name, face in zip("abc", ("Ana", "Luis", "Eva"), strict=True):
        _name(opened, **{face: _store(opened, album / f"{name}.jpg", ANA)[0]})
    (album / "a.jpg").write_bytes((album / "a.jpg").read_bytes() + b"\0")
    (album / "b.jpg").unlink()
    report = export_sidecars(opened)
    assert {one.path.name: one.reason.split(":")[0] for one in report.skipped} == {
        "a.jpg.xmp": "the photo has changed since it was indexed",
        "b.jpg.xmp": "the photo cannot be read or written",
    }
    assert report.files == 1


def test_photos_of_nobody_with_a_name_get_no_file(opened, album):
    _store(opened, album / "a.jpg", ANA)
    _store(opened, album / "b.jpg")
    assert export_sidecars(opened).files == 0
    assert not list(album.glob("*.xmp"))


def test_conditions_choose_photos_and_all_people_in_them_are_written(opened, album):
    ana, luis = _store(opened, album / "a.jpg", ANA, LUIS)
    (eva,) = _store(opened, album / "b.jpg", ANA)
    _name(opened, Ana=ana, Luis=luis, Eva=eva)
    assert export_sidecars(opened, wanted=Filter(persons=("Ana",))).files == 1
    assert _read_again(opened, album / "a.jpg") == {ana: "Ana", luis: "Luis"}


def test_a_folder_of_their_own_mirrors_that_of_the_photos(opened, album, tmp_path):
    (album / "2019").mkdir()
    (ana,) = _store(opened, album / "2019" / "a.jpg", ANA)
    (luis,) = _store(opened, album / "b.jpg", ANA)
    _name(opened, Ana=ana, Luis=luis)
    out = tmp_path / "out" / "xmp"
    report = export_sidecars(opened, out)
    assert (report.files, report.below) == (2, album)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.xmp")) == [
        "2019/a.jpg.xmp", "b.jpg.xmp"
    ]  # fmt: skip
    assert not list(album.rglob("*.xmp"))
    assert export_sidecars(opened, out, wanted=Filter(persons=("Luis",))).unchanged == 1
    shutil.rmtree(out / "2019")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "2019").symlink_to(elsewhere)
    (skipped,) = export_sidecars(opened, out).skipped
    assert "symbolic link" in skipped.reason
    assert not list(elsewhere.iterdir())


def test_nothing_is_written_into_the_collection(opened, album):
    _name(opened, Ana=_store(opened, album / "a.jpg", ANA)[0])
    with pytest.raises(BadInput, match="in the collection itself"):
        export_sidecars(opened, opened.path / "xmp")


def test_lightroom_finds_the_file_of_a_raw_photo_and_a_file_that_is_there_is_used(opened, album):
    names = ("a.dng", "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    for name in names:
        with_face = _store(opened, album / name, ANA)
        with writing(opened.db):
            statements.say_names(opened.db, {f"Of {name}": with_face})
    (album / "c.xmp").write_bytes(drawn.packet(""))
    (album / "d.xmp").write_bytes(drawn.packet(""))
    (album / "d.jpg.xmp").write_bytes(drawn.packet(""))
    report = export_sidecars(opened)
    assert (report.files, report.changed, report.skipped) == (3, 2, [])
    written = {path.name: path.read_text().count("Of ") > 0 for path in sorted(album.glob("*.xmp"))}
    assert written == {
        "a.jpg.xmp": True,
        "a.xmp": True,
        "b.jpg.xmp": True,
        "c.xmp": True,
        "d.jpg.xmp": True,
        "d.xmp": False,
    }


def test_what_a_grouping_thinks_is_marked_and_not_read_as_what_somebody_said(opened, album):
    ana, luis = _store(opened, album / "a.jpg", ANA, LUIS)
    _name(opened, Ana=ana, Luis=luis)
    with writing(opened.db):
        opened.db.execute("UPDATE faces SET by = 'group' WHERE id = ?", [luis])
    export_sidecars(opened)
    (first, _) = read_xmp((album / "a.jpg.xmp").read_bytes()).regions
    assert [(one.name, one.guessed) for one in first.regions] == [("Ana", False), ("Luis", True)]
    assert _read_again(opened, album / "a.jpg") == {ana: "Ana"}


def test_a_file_is_whole_or_not_there(opened, album, monkeypatch):
    _name(opened, Ana=_store(opened, album / "a.jpg", ANA)[0])
    beside = album / "a.jpg.xmp"
    beside.write_bytes(drawn.packet("<dc:subject>boda</dc:subject>"))
    beside.chmod(0o640)
    before = beside.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", fail)
        (skipped,) = export_sidecars(opened).skipped
    assert "no space left" in skipped.reason
    assert beside.read_bytes() == before
    assert sorted(one.name for one in album.iterdir()) == ["a.jpg", "a.jpg.xmp"]
    assert export_sidecars(opened).changed == 1
    assert beside.stat().st_mode & 0o777 == 0o640
