"""Every format that was released opens, and what it held is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_array_equal
from PIL import ExifTags, Image

from retrieve.documents.versions import PHOTO, reader
from retrieve.errors import CollectionError
from retrieve.indexes.catalog import persons, sums
from retrieve.indexes.catalog.database import open_database, writing
from retrieve.indexes.catalog.filters import Filter, Near
from retrieve.indexes.catalog.migrations import FORMAT
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.vectors.segments import segments

FIXTURES = Path(__file__).parents[2] / "fixtures"


def _private(name, tmp_path):
    folder = Path(shutil.copytree(FIXTURES / name, tmp_path / "collection"))
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


@pytest.fixture
def format_8(tmp_path):
    return _private("format-8", tmp_path)


@pytest.fixture
def format_7(tmp_path):
    return _private("format-7", tmp_path)


@pytest.fixture
def format_5(tmp_path):
    return _private("format-5", tmp_path)


@pytest.fixture
def format_3(tmp_path):
    return _private("format-3", tmp_path)


@pytest.fixture
def format_2(tmp_path):
    return _private("format-2", tmp_path)


@pytest.fixture
def format_1(tmp_path):
    return Path(shutil.copytree(FIXTURES / "format-1", tmp_path / "collection"))


def test_a_collection_of_format_1_keeps_everything(format_1):
    with open_collection(format_1) as collection:
        assert collection.catalog.format == FORMAT
        counts = collection.catalog.counts()
        assert (counts["photos"], counts["faces"], counts["files"]) == (2, 3, 3)
        assert (counts["skipped"], counts["gone"]) == (1, 1)
        gallery = np.fromfile(FIXTURES / "format-1" / "faces.f32", "<f4").reshape(5, 128)
        for row, face in collection.catalog.faces_at(range(5)).items():
            assert face.id == row
            assert collection.catalog.crop(face.id) == b"\xff\xd8crop%d\xff\xd9" % row
        hits = collection.nearest(gallery[2:3], k=5)[0]
        assert (hits[0].path, hits[0].number) == (Path("/album/luis.jpg"), 1)
        assert hits[0].score == pytest.approx(1, abs=1e-6)
        assert len(hits) == 3  # two faces are of a photo that is gone
        assert collection.faces.damaged() == []
        assert sum(s.rows for s in segments(collection.db, "faces")) == 5


def test_a_collection_of_format_2_keeps_everything_and_takes_texts(format_2, tmp_path):
    with small.opened(format_2) as collection:
        assert collection.catalog.format == FORMAT
        counts = collection.catalog.counts()
        assert (counts["photos"], counts["faces"], counts["files"]) == (2, 3, 2)
        assert (counts["skipped"], counts["gone"], counts["dead"]) == (1, 1, 1)
        (hit,) = collection.nearest(pretend.embedding("ana"), threshold=0.99)[0]
        assert (hit.path, hit.person) == (Path("/album/ana.jpg"), "Ana Núñez")
        assert hit.taken_at == "2019-07-09T18:30:00"
        near = Filter(near=Near(41.65, -0.88, 1), until="2019")
        assert len(collection.nearest(pretend.embedding("eva"), wanted=near)[0]) == 1
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "a.txt").write_text("Hubo una boda en Zaragoza.")
        assert small.index(collection, tmp_path / "notes").passages == 1
        assert check(collection) == []


def test_a_collection_of_format_3_keeps_everything(format_3):
    with small.opened(format_3) as collection:
        assert collection.catalog.format == FORMAT
        counts = collection.catalog.counts()
        assert (counts["photos"], counts["faces"], counts["texts"]) == (2, 3, 1)
        assert (counts["skipped"], counts["passages"]) == (1, 1)
        (hit,) = collection.nearest(pretend.embedding("ana"), threshold=0.99)[0]
        assert (hit.path, hit.person) == (Path("/album/ana.jpg"), "Ana Núñez")
        assert len(collection.search_texts("boda en Zaragoza")) == 1
        assert check(collection) == []


def test_a_collection_of_format_5_is_read_again_without_its_faces(tmp_path):
    """Two texts, one of them without a title, and a photo with a named face and a wrong date;
    a text that is gone, and a file that was skipped and is gone.
    """
    album = tmp_path / "album"
    album.mkdir()
    (album / "Presupuesto tejado.txt").write_text("El albañil pide dos mil euros.")
    (album / "carta.md").write_text("# La boda\n\nLa boda fue en Zaragoza.")
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2019:07:09 18:30:00"
    Image.new("RGB", (8, 8)).save(album / "ana.jpg", exif=exif)
    with small.opened(_private("format-5-read", tmp_path)) as collection:
        assert collection.catalog.format == FORMAT
        collection.texts.use(encoder := _Counting())
        with collection.catalog.writing():
            for path in album.iterdir():
                status = path.stat()
                collection.db.execute(
                    "UPDATE paths SET path = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ? "
                    "WHERE path = ?",
                    [
                        str(path),
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ctime_ns,
                        f"/album/{path.name}",
                    ],
                )
        report = small.index_all(collection, album, read=(read := []))
        assert (report.new, report.unchanged, report.reread, report.faces) == (0, 3, 3, 0)
        assert {path.name for path in read} == {"Presupuesto tejado.txt", "carta.md"}
        assert encoder.embedded == ["album, ana"]  # the passages of both texts are as they were
        (hit,) = collection.nearest(pretend.embedding("ana"), threshold=0.99)[0]
        assert (hit.face_id, hit.person, hit.taken_at) == (1, "Ana Núñez", "2019-07-09T18:30:00")
        titles = collection.db.execute("SELECT title, reader FROM contents ORDER BY id").fetchall()
        assert titles == [
            ("", reader(PHOTO)),
            ("", reader("plain")),
            ("La boda", reader("markdown")),
            ("album, vieja", None),  # nobody can read it again
        ]
        (album / "Presupuesto tejado.txt").rename(album / "Contrato aljibe.txt")
        report = small.index_all(collection, album, read=(read := []))
        assert (report.moved, report.unchanged, report.reread) == (1, 2, 0)
        assert read == []
        assert _found(collection, "aljibe") == ["Contrato aljibe.txt"]
        assert _found(collection, "tejado") == []
        assert check(collection) == []


class _Counting(pretend.TextEncoder):
    def __init__(self):
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        return super().embed(texts)


def _found(collection, query):
    hits = collection.search_texts(query, mode="bm25")
    return [hit.path.name for hit in hits if hit.bm25 > 0]


def test_a_collection_of_format_5_keeps_everything_and_gets_checksums(format_5):
    with small.opened(format_5) as collection:
        assert collection.catalog.format == FORMAT
        counts = collection.catalog.counts()
        assert (counts["photos"], counts["faces"], counts["texts"], counts["dead"]) == (2, 3, 1, 1)
        (hit,) = collection.nearest(pretend.embedding("ana"), threshold=0.99, exact=True)[0]
        assert (hit.path, hit.person) == (Path("/album/ana.jpg"), "Ana Núñez")
        assert len(collection.search_texts("boda en Zaragoza")) == 1
        assert check(collection) == []
        for table in ("faces", "passages", "persons", "stems"):
            items = "stems_content" if table == "stems" else table
            sums = collection.db.execute(f"SELECT count(*) FROM sums_{table}").fetchone()
            assert sums == collection.db.execute(f"SELECT count(*) FROM {items}").fetchone()


def test_what_was_damaged_before_the_migration_is_known_as_damaged(format_5):
    data = bytearray((format_5 / "faces.f32").read_bytes())
    data[3] ^= 1
    (format_5 / "faces.f32").write_bytes(data)
    with small.opened(format_5) as collection:
        assert "do not hold what was written" in check(collection)[0].what
        with pytest.raises(CollectionError, match="is damaged"):
            collection.nearest(pretend.embedding("ana"), exact=True)


def test_names_of_a_collection_of_format_7_become_statements(format_7):
    """Ana Núñez on two photos; Eva was a name that nobody has any more."""
    with small.opened(format_7) as collection:
        assert collection.catalog.format == FORMAT
        assert check(collection) == []
        (hit,) = collection.nearest(pretend.embedding("ana"), threshold=0.99)[0]
        assert (hit.path, hit.person) == (Path("/album/ana.jpg"), "Ana Núñez")
        ((line, counts, holds),) = statements.history(collection.db)
        assert (line.kind, line.name, line.person_id, len(line.faces)) == (
            "name",
            "Ana Núñez",
            2,
            2,
        )
        assert counts
        assert holds
        before = collection.db.execute("SELECT id, person_id, by FROM faces").fetchall()
        assert before == [(1, 2, "human"), (2, 2, "human"), (3, None, None)]
        with writing(collection.db):
            statements.apply(collection.db)
            assert collection.db.execute("SELECT id, person_id, by FROM faces").fetchall() == before
            statements.undo(collection.db)
            assert persons.persons(collection.db, named=False) == []
            statements.undo(collection.db, 2)
            assert collection.db.execute("SELECT id, person_id, by FROM faces").fetchall() == before
            assert statements.say_name(collection.db, "Eva", [3]).person_id == 3


def test_what_was_said_in_format_8_holds_and_its_words_are_made_anew(format_8):
    """Ana on two photos, Eva, no face, and a name that was taken back; one passage has luces."""
    people = [(1, 1, "human", 0), (2, 1, "human", 0), (3, 2, "human", 0)]
    nobody = [(4, None, None, 1), (5, None, None, 0)]
    with small.opened(format_8) as collection:
        assert collection.catalog.format == FORMAT
        assert check(collection) == []
        said = collection.db.execute("SELECT id, person_id, by, not_a_face FROM faces").fetchall()
        assert said == people + nobody
        held = [(line.kind, counts) for line, counts, _ in statements.history(collection.db)]
        assert held == [
            ("name", True), ("name", True), ("name", True),
            ("not-a-face", True), ("name", False), ("undo", True),
        ]  # fmt: skip
        assert collection.texts.passages.version_of_words() == 0
        assert collection.texts.renew_words() == 2
        (hit,) = [hit for hit in collection.search_texts("luz", mode="bm25") if hit.bm25 > 0]
        assert hit.path == Path("/album/notes/light.txt")
        assert check(collection) == []


def test_a_row_that_was_damaged_before_the_migration_is_not_signed_by_it(format_7):
    with closing(sqlite3.connect(format_7 / "catalog.sqlite", isolation_level=None)) as conn:
        for table in ("persons", "faces", "contents"):
            conn.execute(f"DROP TRIGGER sums_{table}_update")
        conn.execute("UPDATE persons SET name = 'Aha'")
        conn.execute("UPDATE faces SET x1 = 9 WHERE id = 2")
        conn.execute("UPDATE contents SET taken_at = '1999' WHERE id = 1")
    with small.opened(format_7) as collection:
        hurt = {table: sums.damaged(collection.db, table) for table in sums.SIGNED}
        assert {table: keys for table, keys in hurt.items() if keys} == {
            "persons": [2], "faces": [2], "contents": [1],
        }  # fmt: skip
        assert statements.history(collection.db) == []  # no statement is made of a damaged name


def test_a_face_that_is_added_after_the_migration_gets_a_new_id(format_1):
    with open_collection(format_1) as collection, collection.catalog.writing():
        face = collection.catalog.faces([4])[4]
        collection.db.execute("DELETE FROM faces WHERE id = 4")
        assert collection.catalog.add_face(5, 1, 3, face.face, 1.0) == 5


def test_a_truncated_vector_file_stops_the_migration_and_nothing_changes(format_1):
    vectors = format_1 / "faces.f32"
    vectors.write_bytes(vectors.read_bytes()[:-4])
    with pytest.raises(CollectionError, match=r"5 embeddings \(2560 bytes\).* 2556 bytes"):
        open_collection(format_1)
    with sqlite3.connect(format_1 / "catalog.sqlite") as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (1,)
        assert conn.execute("SELECT detector FROM spaces").fetchone() == ("mtcnn",)


def test_an_old_format_is_not_changed_by_reading_only(format_1):
    before = {path.name: path.read_bytes() for path in format_1.iterdir()}
    with pytest.raises(CollectionError, match="opened read only"):
        open_collection(format_1, read_only=True)
    assert {path.name: path.read_bytes() for path in format_1.iterdir()} == before


def test_a_path_holds_a_photo_or_has_a_reason(tmp_path):
    db = open_database(tmp_path / "catalog.sqlite", create=True)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        db.execute(
            "INSERT INTO paths (path, size_bytes, mtime_ns, ctime_ns) VALUES ('a.jpg', 1, 1, 1)"
        )


def test_the_schema_of_a_migrated_collection_is_that_of_a_new_one(format_1, tmp_path):
    query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    new = open_database(tmp_path / "catalog.sqlite", create=True)
    old = open_database(format_1 / "catalog.sqlite")
    assert_array_equal(old.execute(query).fetchall(), new.execute(query).fetchall())
