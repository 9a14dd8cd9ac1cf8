"""Rows that are damaged beyond a bit are made again from their files, or named."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pretend
import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.repair import repair

LETTER = "# La boda\n\nUna carta sobre la boda de Rosario.\n\n# El río\n\nAquel invierno se heló."


def _in_this_process(open_work, tasks, **_):
    work = open_work()
    return [(key, workers.attempted(work, task)) for key, task in tasks]


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "Verano" / "Zaragoza"
    folder.mkdir(parents=True)
    (folder / "boda de Ana.jpg").write_text("ana luis")
    (folder / "boda de Ana.txt").write_text("La boda de la tía Ana en la plaza.")
    (folder / "carta.md").write_text(LETTER)
    (folder / "rota.jpg").write_text("bad")
    return folder


@pytest.fixture
def collection(tmp_path, files, monkeypatch):
    monkeypatch.setattr(jobs, "Faces", pretend.Faces)
    monkeypatch.setattr(workers, "run", _in_this_process)
    with small.opened(tmp_path / "collection") as opened:
        small.index_all(opened, files.parent)
        with writing(opened.db):
            statements.say_name(opened.db, "Ana", [1])
        assert check(opened) == []
        yield opened


def _break(collection, table, **columns):
    """As a disk does it: no checksum follows."""
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.create_function("row_sum", -1, lambda *_: 1, deterministic=True)
        key = columns.pop("key", 1)
        names = ", ".join(f"{name} = ?" for name in columns)
        conn.execute(
            f"UPDATE {table} SET {names} WHERE {sums.SIGNED[table]} = ?", [*columns.values(), key]
        )
    assert check(collection)


def _rows(collection):
    return {
        table: collection.db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in (*sums.SIGNED, "stems", *(f"sums_{table}" for table in sums.SIGNED))
    }


def _key(collection, table, where):
    return collection.db.execute(f"SELECT id FROM {table} WHERE {where}").fetchone()[0]


TEXT_OF = "path_id IS NULL AND text LIKE '%Rosario%'"
CAPTION = "path_id IS NOT NULL AND text LIKE '%la tía%'"
NAME = "path_id IS NOT NULL AND text LIKE '%Zaragoza%'"
DAMAGES = {
    "a picture": ("crops", "1", {"jpeg": b"nothing of it is left", "shows": "!"}),
    "a text": ("contents", "kind = 'text'", {"title": "Otra", "size_bytes": 7, "reader": "x"}),
    "a text's identity": ("contents", "kind = 'text'", {"sha256": "no", "warnings": "["}),
    "a photo": ("contents", "kind = 'photo'", {"width": 7, "height": 9, "turn": 90}),
    "a photo's life": ("contents", "kind = 'photo'", {"live": 7, "size_bytes": 1 << 40}),
    "a text's path": ("paths", "path LIKE '%.md'", {"size_bytes": 0, "ctime_ns": 9, "names": "x"}),
    "a photo's path": ("paths", "path LIKE '%Ana.jpg'", {"described": "x", "mtime_ns": 3}),
    "of which content": ("paths", "path LIKE '%Ana.jpg'", {"content_id": 2, "gone": 1}),
    "a face": ("faces", "number = 2", {"x1": 9.0, "landmarks": b"x" * 40, "score": 0.0}),
    "whose face": ("faces", "number = 2", {"content_id": 2, "number": 9, "quality": 0.0}),
    "whose name": ("faces", "number = 1", {"person_id": None}),
    "a passage": ("passages", TEXT_OF, {"text": "nothing of it", "line": 99}),
    "which passage": ("passages", TEXT_OF, {"number": 2, "title": "El río"}),
    "a caption": ("passages", CAPTION, {"text": "La boda de otra", "kind": "keywords"}),
    "names of folders": ("passages", NAME, {"text": "nada"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_row_is_what_was_written_again(collection, damage):
    before = _rows(collection)
    table, where, columns = DAMAGES[damage]
    key = 1 if table == "crops" else _key(collection, table, where)
    _break(collection, table, key=key, **columns)
    done = repair(collection)
    assert (done.rows, done.lost) == (1, [])
    assert _rows(collection) == before
    assert check(collection) == []


def test_a_picture_that_another_decoder_cuts_otherwise_is_signed(collection, monkeypatch):
    monkeypatch.setattr(pretend, "picture", lambda word: b"as of today: " + word.encode())
    _break(collection, "crops", jpeg=b"nothing of it is left")
    assert repair(collection).lost == []
    assert collection.catalog.crop(1) == b"as of today: ana"
    assert check(collection) == []


def test_a_picture_that_is_missing_is_cut_again(collection):
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.execute("DROP TRIGGER sums_crops_delete")
        conn.execute("DELETE FROM crops WHERE face_id = 2")
        conn.execute(
            "CREATE TRIGGER sums_crops_delete AFTER DELETE ON crops BEGIN "
            "DELETE FROM sums_crops WHERE id = OLD.face_id; END"
        )
    assert check(collection)
    assert repair(collection).rows == 1
    assert small.word(collection.catalog.crop(2)) == "luis"
    assert check(collection) == []


def test_what_a_newer_reader_reads_otherwise_takes_the_place_of_all_that_was_read(
    collection, monkeypatch
):
    read = pretend.read_document
    key = _key(collection, "passages", TEXT_OF)

    def newer(path, **_):
        document = read(path)
        one, *others = document.passages
        one = type(one)(text=one.text + " Como nueva.", title=one.title, kind=one.kind)
        return type(document)(
            **{
                name: getattr(document, name)
                for name in document.__dataclass_fields__
                if name not in ("passages", "reader")
            },
            passages=(one, *others),
            reader="md 99",
        )

    monkeypatch.setattr(jobs, "read_document", newer)
    _break(collection, "passages", key=key, text="nothing of it")
    assert repair(collection).lost == []
    (text,) = collection.db.execute(f"SELECT text FROM passages WHERE {TEXT_OF}").fetchone()
    assert text.endswith("Rosario. Como nueva.")
    assert [one for one in check(collection) if one.wrong] == []
    assert collection.texts.passages.matches(["nuev"], 5)


def test_words_of_a_photo_that_are_not_told_any_more_are_read_again_by_the_next_index(
    collection, files
):
    (files / "boda de Ana.txt").write_text("Otra cosa.")
    _break(collection, "passages", key=_key(collection, "passages", CAPTION), text="zzz")
    (lost,) = repair(collection).lost
    assert "boda de Ana.jpg" in lost.what
    assert "retrieve index FOLDER" in lost.todo
    small.index_all(collection, files.parent)
    texts = [text for (text,) in collection.db.execute("SELECT text FROM passages")]
    assert "Otra cosa." in texts
    assert "zzz" not in texts
    assert repair(collection).lost == []
    assert check(collection) == []


@pytest.mark.parametrize(
    ("table", "key", "columns"),
    [
        ("crops", 1, {"jpeg": b"nothing"}),
        ("faces", 2, {"x1": 9.0, "y1": 3.0}),
        ("contents", 1, {"sha256": "no", "width": 7}),
    ],
)
def test_what_is_of_a_file_that_is_gone_is_named(collection, files, table, key, columns):
    for photo in files.glob("*.jpg"):
        photo.write_text("another")
    _break(collection, table, key=key, **columns)
    done = repair(collection)
    (lost,) = done.lost
    assert (done.rows, lost.table, lost.key) == (0, table, key)
    assert "boda de Ana.jpg" in lost.what
    assert "retrieve" in lost.todo
    assert [one.what for one in check(collection) if one.wrong]


def test_a_file_that_could_not_be_used_is_seen_as_a_new_one(collection, files):
    key = _key(collection, "paths", "path LIKE '%rota.jpg'")
    _break(collection, "paths", key=key, reason="", stopped=77)
    assert repair(collection).lost == []
    assert check(collection) == []
    assert [one.path.name for one in small.index_all(collection, files.parent).skipped] == [
        "rota.jpg"
    ]


def test_who_is_forgotten_meanwhile_gets_no_picture(collection, monkeypatch):
    _break(collection, "crops", jpeg=b"nothing")

    def run(open_work, tasks, **_):
        found = _in_this_process(open_work, tasks)
        with writing(collection.db):
            collection.db.execute("DELETE FROM crops WHERE face_id = 1")
            collection.db.execute("DELETE FROM faces WHERE id = 1")
        return found

    monkeypatch.setattr(workers, "run", run)
    repair(collection)
    assert collection.db.execute("SELECT 1 FROM crops WHERE face_id = 1").fetchone() is None


def test_what_is_no_path_any_more_is_named(collection):
    key = _key(collection, "paths", "path LIKE '%.md'")
    _break(collection, "paths", key=key, path=7)
    _break(collection, "contents", key=2, title="x", size_bytes=1)
    named = [(lost.table, lost.what) for lost in repair(collection).lost]
    assert ("paths", f"row {key} of paths") in named


def test_where_the_catalog_does_not_say_where_embeddings_lie_none_are_touched(collection):
    before = (collection.path / "faces.f32").read_bytes()
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET row = 'a text' WHERE id = 1")
    assert "Restore the collection" in next(one.todo for one in check(collection) if one.wrong)
    with pytest.raises(CollectionError, match="the catalog is damaged"):
        repair(collection)
    assert (collection.path / "faces.f32").read_bytes() == before


def test_no_embedding_is_made_of_a_damaged_passage(collection, files):
    (files / "carta.md").unlink()
    key = _key(collection, "passages", TEXT_OF)
    _break(collection, "passages", key=key, text="nothing of it")
    file = collection.path / "passages.f32"
    data = bytearray(file.read_bytes())
    data[9] ^= 16
    file.write_bytes(data)
    done = repair(collection)
    assert (done.passages, done.damaged, [lost.key for lost in done.lost]) == (0, 1, [key])
    (files / "carta.md").write_text(LETTER)
    done = repair(collection)
    assert (done.rows, done.damaged, done.lost) == (1, 0, [])
    assert check(collection) == []


def test_what_a_photo_that_is_gone_has_said_is_left_alone(collection, files):
    (files / "boda de Ana.jpg").unlink()
    small.index_all(collection, files.parent)
    before = _key(collection, "passages", NAME)
    _break(collection, "passages", key=_key(collection, "passages", CAPTION), text="zzz")
    (lost,) = repair(collection).lost
    assert "boda de Ana.jpg" in lost.what
    assert "retrieve forget PATH" in lost.todo
    assert _key(collection, "passages", NAME) == before


@pytest.mark.parametrize("table", ["contents", "paths", "passages", "crops"])
def test_checksums_that_are_damaged_are_made_again_where_the_files_say_the_same(collection, table):
    before = _rows(collection)
    _break_sums(collection, table)
    assert len(check(collection)) == 1
    lost = repair(collection).lost
    if table == "paths":  # of a file that could not be used nothing else is known
        before = {name: value for name, value in before.items() if "paths" not in name}
    assert lost == []
    after = _rows(collection)
    assert {name: after[name] for name in before} == before
    assert check(collection) == []


def _break_sums(collection, table):
    with closing(sqlite3.connect(collection.path / "catalog.sqlite", isolation_level=None)) as conn:
        conn.execute(f"UPDATE sums_{table} SET sum = sum / 7 + 1")
