from __future__ import annotations

import base64
import csv
import io
import json
import sys
import threading
import tracemalloc
from dataclasses import fields
from pathlib import Path

import numpy as np
import pretend
import pyarrow.parquet as pq
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput, CollectionError, MissingExtra
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.collection import open_collection
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.formats import chosen as formats
from retrieve.indexes.exchange.formats import parquet
from retrieve.indexes.exchange.formats.chosen import Format
from retrieve.indexes.exchange.records import FIELDS, UNREAD
from retrieve.indexes.people import statements

FORMATS = [format.value for format in Format]


@pytest.fixture
def collection(tmp_path):
    """Three photos with faces, one without, one gone; two names."""
    with small.opened(tmp_path / "c") as opened:
        small.add(opened, "/p/one.jpg", "ana", taken_at="2019-07-09T18:30:15", place=(41.65, -0.88))
        ids = small.add(opened, "/p/group.jpg", "ana2 eva luis", quality=0.125)
        small.add(opened, "/p/sea.jpg", taken_at="2020-01-01T00:00:00")
        small.add(opened, "/p/gone.jpg", "zoe", gone=True)
        with writing(opened.db):
            statements.say_name(opened.db, "Ana Núñez", [1, ids[0]])
            statements.say_name(opened.db, "Luís", [ids[2]])
        yield opened


def _read(file):
    with formats.reading(file) as (header, rows):
        records = [record for _, record in rows]
    assert not any(isinstance(record, str) for record in records), records
    return header, records


def same(one, other):
    """Whether two records are equal, bit for bit."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "face" and a is not None:
            if b is None or not same(a, b):
                return False
        elif isinstance(a, np.ndarray):
            if a.dtype != b.dtype or a.tobytes() != b.tobytes():
                return False
        elif a != b:
            return False
    return True


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_holds_everything_bit_for_bit(collection, tmp_path, format):
    file = tmp_path / f"faces.{format}"
    report = export(collection, file)
    assert (report.faces, report.photos_without_faces, report.left_out) == (4, 1, 0)
    header, records = _read(file)
    assert (header.made_by, header.dim, header.metric) == (small.MADE_BY, 32, "cosine")
    gallery = collection.faces.gallery()
    found = {r.face.face_id: r for r in records if r.face is not None}
    assert sorted(found) == [1, 2, 3, 4]
    for id, stored in collection.catalog.faces(found).items():
        record, face = found[id], found[id].face
        assert face.embedding.tobytes() == np.asarray(gallery[stored.row]).tobytes()
        assert_array_equal(face.box, stored.face.box)
        assert_array_equal(face.landmarks, stored.face.landmarks)
        assert (face.number, face.score, face.quality, face.person) == (
            stored.number,
            stored.face.score,
            stored.quality,
            stored.person,
        )
        assert (record.paths, record.taken_at) == ((stored.path,), stored.taken_at)
        assert (record.size, record.warnings) == ((10, 20), ("a remark",))
        assert record.faces == (1 if id == 1 else 3)
    assert found[1].place == (41.65, -0.88)
    (empty,) = (record for record in records if record.face is None)
    assert (empty.paths, empty.faces) == ((Path("/p/sea.jpg"),), 0)


def test_all_formats_say_the_same(collection, tmp_path):
    every = []
    for format in FORMATS:
        file = tmp_path / f"faces.{format}"
        export(collection, file, gone=True)
        records = _read(file)[1]
        every.append(sorted(records, key=lambda r: (r.sha256, r.face.number if r.face else 0)))
        assert any(record.gone_paths for record in records)
    for other in every[1:]:
        assert all(same(a, b) for a, b in zip(every[0], other, strict=True))


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_crops_come_when_they_are_asked_for(collection, tmp_path, format):
    file = tmp_path / f"faces.{format}"
    export(collection, file, crops=True)
    words = [small.word(r.face.crop) for r in _read(file)[1] if r.face]
    assert words == ["ana", "ana2", "eva", "luis"]
    export(collection, file)
    assert [r.face.crop for r in _read(file)[1] if r.face] == [None] * 4


@pytest.mark.parametrize("format", ["csv", "npz"])
def test_formats_without_pictures_refuse_crops_and_write_nothing(collection, tmp_path, format):
    file = tmp_path / f"faces.{format}"
    with pytest.raises(BadInput, match="--crops needs --to jsonl"):
        export(collection, file, crops=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Filter(since="2019", until="2019"), "ana"),
        (Filter(folders=(Path("/p"),)), "ana ana2 eva luis"),
        (Filter(folders=(Path("/q"),)), ""),
        (Filter(persons=("ana nunez",)), "ana ana2"),
        (Filter(min_quality=0.5), "ana"),
    ],
)
def test_conditions_choose_faces_and_leave_photos_without_out(collection, tmp_path, wanted, words):
    file = tmp_path / "faces.jsonl"
    report = export(collection, file, wanted=wanted, crops=True)
    records = _read(file)[1]
    assert " ".join(small.word(record.face.crop) for record in records) == words
    assert (report.faces, report.photos_without_faces) == (len(words.split()), 0)


def test_what_is_gone_is_left_out_unless_asked_for(collection, tmp_path):
    file = tmp_path / "faces.jsonl"
    export(collection, file)
    assert "gone.jpg" not in file.read_text()
    assert export(collection, file, gone=True).faces == 5
    (record,) = (r for r in _read(file)[1] if r.gone_paths)
    assert (record.paths, record.gone_paths) == ((), (Path("/p/gone.jpg"),))
    with pytest.raises(BadInput, match="--all exports everything"):
        export(collection, file, gone=True, wanted=Filter(since="2019"))


def test_an_export_is_private_and_takes_the_place_of_an_older_one_only_when_whole(
    collection, tmp_path
):
    file = tmp_path / "faces.jsonl"
    file.write_text("older")
    with pytest.raises(BadInput, match="nobody is called 'x'"):
        export(collection, file, wanted=Filter(persons=("x",)))
    assert file.read_text() == "older"
    export(collection, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "faces.jsonl"]


def test_an_export_is_the_collection_of_one_moment(collection, tmp_path):
    """Another connection adds, names and compacts while the file is being written."""
    file = tmp_path / "faces.jsonl"
    before = export(collection, tmp_path / "before.jsonl")

    def change():
        with open_collection(collection.path) as other:
            small.add(other, "/p/later.jpg", "later")
            rows = np.array(other.faces.gallery())
            with writing(other.db):
                statements.say_nobody(other.db, [1])
                other.faces.begin_generation([rows[::-1]])
                other.db.execute("UPDATE faces SET row = ? - row", [len(rows) - 1])
            other.faces.remove_leftovers()

    def once(done, of):
        if done == 1:
            thread = threading.Thread(target=change)
            thread.start()
            thread.join()

    after = export(collection, file, on_progress=once)
    assert after == before
    assert file.read_bytes() == (tmp_path / "before.jsonl").read_bytes()
    assert export(collection, file).faces == 5


def test_embeddings_that_are_not_what_was_written_are_not_exported(collection, tmp_path):
    file = tmp_path / "faces.npz"

    with open_collection(collection.path) as other, writing(other.db):
        other.faces.overwrite([1], np.zeros((1, 32), np.float32))
    with pytest.raises(CollectionError, match=r"faces\.f32 is damaged.*retrieve repair"):
        export(collection, file)
    assert not file.exists()


def test_a_collection_of_nothing_and_a_file_of_nowhere_are_one_line(collection, tmp_path):
    with (
        open_collection(tmp_path / "new", create=True) as new,
        pytest.raises(CollectionError, match="nothing was indexed"),
    ):
        export(new, tmp_path / "x.csv")
    with pytest.raises(BadInput, match=r"names no format: \.jsonl, \.ndjson, \.csv"):
        export(collection, tmp_path / "faces.xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        export(collection, tmp_path / "file" / "x.csv")


def test_a_chosen_format_wins_over_the_suffix(collection, tmp_path):
    export(collection, tmp_path / "faces.txt", to=Format.CSV)
    assert (tmp_path / "faces.txt").read_text().startswith("path,paths,")


def test_parquet_without_its_extra_prints_the_install_line(collection, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'retrieve\[parquet\]'"):
        export(collection, tmp_path / "x.parquet")


# As other programs see the files


def test_jsonl_is_strict_json_with_the_header_first(collection, tmp_path):
    file = tmp_path / "faces.jsonl"
    with writing(collection.db):  # landmarks that nobody knows
        nan = np.full(10, np.nan, "<f4").tobytes()
        collection.db.execute("UPDATE faces SET landmarks = ? WHERE id = 1", [nan])
    export(collection, file, crops=True)

    def refuse(constant):
        raise AssertionError(constant)

    header, *lines = (json.loads(x, parse_constant=refuse) for x in file.read_text().splitlines())
    assert header == {"retrieve_export": 1, **small.MADE_BY, "dim": 32, "metric": "cosine"}
    assert [line["face"] for line in lines] == [1, 1, 2, 3, None]
    assert lines[0]["landmarks"] is None
    assert len(lines[1]["landmarks"]) == 10
    assert lines[0]["paths"] == ["file:///p/one.jpg"]
    assert base64.b64decode(lines[0]["crop"]) == small.JPEG + b"ana"
    assert np.float32(lines[0]["embedding"]).tobytes() == pretend.embedding("ana").tobytes()


def test_csv_is_one_table(collection, tmp_path):
    file = tmp_path / "faces.csv"
    export(collection, file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert len(rows) == 5
    values = np.array([float(rows[0][f"e{i}"]) for i in range(32)], np.float32)
    assert_array_equal(values, pretend.embedding("ana")[0])
    assert {row["embedder"] for row in rows} == {"pretend"}
    assert [row["person"] for row in rows] == ["Ana Núñez", "Ana Núñez", "", "Luís", ""]


def test_npz_is_read_by_numpy_without_pickle(collection, tmp_path):
    file = tmp_path / "faces.npz"
    export(collection, file)
    with np.load(file, allow_pickle=False) as arrays:
        assert arrays["embedding"].shape == (4, 32)
        assert arrays["embedding"].dtype == np.float32
        assert arrays["landmarks"].shape == (4, 5, 2)
        assert arrays["person"].tolist() == ["Ana Núñez", "Ana Núñez", "", "Luís"]
        assert arrays["faceless_path"].tolist() == ["/p/sea.jpg"]
        assert json.loads(str(arrays["retrieve"]))["embedder"] == "pretend"
        assert {*FIELDS, "embedding"} <= set(arrays.files)


def test_parquet_has_typed_columns(collection, tmp_path):
    file = tmp_path / "faces.parquet"
    export(collection, file)
    table = pq.read_table(file)
    assert json.loads(table.schema.metadata[parquet.KEY])["dim"] == 32
    assert str(table.schema.field("embedding").type).startswith("fixed_size_list<")
    assert table.column("person").to_pylist() == ["Ana Núñez", "Ana Núñez", None, "Luís", None]
    rows = np.stack(table.column("embedding").to_pylist()[:1]).astype(np.float32)
    assert_array_equal(rows, pretend.embedding("ana"))


@pytest.mark.parametrize("format", FORMATS)
def test_a_photo_that_no_file_told_about_keeps_its_mark(collection, tmp_path, format):
    with writing(collection.db):
        collection.db.execute("UPDATE contents SET sha256 = ? WHERE id = 1", [UNREAD + "0" * 64])
    export(collection, tmp_path / f"x.{format}")
    assert any(r.sha256 == UNREAD + "0" * 64 for r in _read(tmp_path / f"x.{format}")[1])


def test_memory_does_not_grow_with_the_collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        peaks = []
        for photos in (2, 6):
            for n in range(photos):
                small.add(opened, f"/{photos}/{n}.jpg", " ".join(f"w{n}-{i}" for i in range(250)))
            export(opened, tmp_path / "warm.jsonl")
            tracemalloc.start()
            export(opened, tmp_path / "x.jsonl")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert (tmp_path / "x.jsonl").stat().st_size > peaks[1]
    assert peaks[1] < 1.5 * peaks[0]
