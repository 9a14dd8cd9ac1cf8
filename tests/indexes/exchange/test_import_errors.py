from __future__ import annotations

import json
import os

import numpy as np
import pytest
import small

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.formats import chosen as formats
from retrieve.indexes.exchange.formats import npz


@pytest.fixture
def source(tmp_path):
    with small.exported(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Those of an export: the header, four faces, a photo without one."""
    folder = tmp_path_factory.mktemp("lines")
    with small.exported(folder) as opened:
        export(opened, folder / "x.jsonl")
    return (folder / "x.jsonl").read_bytes().splitlines()


@pytest.fixture
def target(tmp_path):
    with open_collection(tmp_path / "target", create=True) as opened:
        yield opened


def _said(file, lines):
    """What is read of lines: records, and for others where they stand and why."""
    file.write_bytes(b"\n".join(lines))
    with formats.reading(file) as (_, rows):
        found = list(rows)
    good = [record for _, record in found if not isinstance(record, str)]
    return good, [(where, reason) for where, reason in found if isinstance(reason, str)]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"photo_sha256": "zz"}, "photo_sha256 is 'zz'"),
        ({"photo_sha256": None}, "photo_sha256 is missing"),
        ({"paths": ["/p/a.jpg"]}, "wanted addresses as file:"),
        ({"paths": ["file:///a%00b"]}, "wanted addresses as file:"),
        ({"paths": "file:///a"}, "wanted a list of texts"),
        ({"size_bytes": -1}, "size_bytes is -1"),
        ({"height": True}, "height is true"),
        ({"width": 1.5}, "width is 1.5"),
        ({"taken_at": "yesterday"}, "taken_at is 'yesterday'"),
        ({"latitude": 91, "longitude": 0}, "latitude is 91"),
        ({"latitude": 1}, "longitude is missing"),
        ({"warnings": [1]}, "wanted a list of texts"),
        ({"face": 0}, "the first is 1"),
        ({"face": None}, "no number of a face"),
        ({"x1": "1"}, 'x1 is "1"'),
        ({"x1": 1e300}, "x1 is 1e+300"),
        ({"landmarks": [1, 2]}, "landmarks has the shape"),
        ({"score": 2}, "score is 2; wanted 0 to 1"),
        ({"quality": float("nan")}, "quality is nan"),
        ({"person": "\x1b[31m"}, "wanted a name"),
        ({"embedding": None}, "embedding has the shape"),
        ({"embedding": [1.0] * 31}, "embedding has the shape"),
        ({"embedding": [1.0] * 32}, "length 5.65685"),
        ({"embedding": [float("inf")] * 32}, "not finite"),
        ({"embedding": ["x"] * 32}, "something else than numbers"),
        ({"embedding": [[0.0]] * 32}, "embedding has the shape"),
        ({"crop": "???"}, "crop is not in base64"),
        ({"crop": "aGVsbG8="}, "crop is no JPEG"),
        ({"crop": "/9j/4AAQSkZJRgABAQAAAQABAAD/"}, "crop has a picture that cannot be decoded"),
        ({"crop": 1}, "crop is not in base64"),
    ],
)
def test_a_bad_record_is_reported_with_its_line_and_the_others_go_on(
    lines, tmp_path, fields, words
):
    header, first, *rest = lines
    edited = json.dumps(json.loads(first) | fields).encode()
    good, bad = _said(tmp_path / "x.jsonl", [header, edited, *rest])
    assert len(good) == len(rest)
    ((where, reason),) = bad
    assert where == "line 2"
    assert words in reason


def test_bad_records_are_counted_and_the_first_are_kept(lines, tmp_path, target, monkeypatch):
    monkeypatch.setattr("retrieve.indexes.exchange.imports.BROKEN_KEPT", 2)
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\n".join([lines[0], b"{", b"{", lines[1], b"{"]))
    report = small.imported(target, file)
    assert [broken.where for broken in report.broken] == ["line 2", "line 3"]
    assert (report.broken_count, report.faces) == (3, 1)
    assert target.faces.space().rows == 1


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"\xff\xfe", b'{"a": 1}', b"null", b"[" * 100_000, b"NaN"]
)
def test_a_line_that_is_no_record_is_reported(lines, tmp_path, line):
    good, bad = _said(tmp_path / "x.jsonl", [*lines[:2], line, b"", *lines[2:]])
    assert len(good) == 5
    assert [where for where, _ in bad] == ["line 3"]


def test_a_line_without_end_is_not_read_into_memory(lines, tmp_path, monkeypatch):
    monkeypatch.setattr("retrieve.indexes.exchange.formats.jsonl.MAX_LINE", 2000)
    good, bad = _said(tmp_path / "x.jsonl", [lines[0], b"x" * 9000, *lines[1:]])
    assert bad == [("line 2", "it is longer than 2000 bytes")]
    assert len(good) == 5


@pytest.mark.parametrize("format", ["csv", "npz", "parquet"])
def test_bad_rows_of_the_other_formats_are_reported_with_their_place(
    source, target, tmp_path, format
):
    with writing(source.db):
        source.db.execute("UPDATE faces SET score = 7 WHERE id = 2")
    export(source, tmp_path / f"x.{format}")
    report = small.imported(target, tmp_path / f"x.{format}")
    (broken,) = report.broken
    assert broken.where in ("line 3", "row 2")
    assert broken.reason.startswith("score is 7")
    assert report.faces == 3


def test_a_csv_row_of_another_length_or_network_is_reported(source, target, tmp_path):
    file = tmp_path / "x.csv"
    export(source, file)
    lines = file.read_text().splitlines()
    lines[2] += ",more"
    lines[3] = lines[3].replace("pretend,", "other,")
    file.write_text("\n".join(lines))
    report = small.imported(target, file)
    assert [b.where for b in report.broken] == ["line 3", "line 4"]
    assert "cells" in report.broken[0].reason
    assert "other networks" in report.broken[1].reason


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.jsonl", b"", "is no export"),
        ("x.jsonl", b"[]\n", "is no export"),
        ("x.jsonl", b"{}\n", "states no version"),
        ("x.jsonl", b'{"retrieve_export": 2}\n', "Upgrade"),
        ("x.jsonl", b'{"retrieve_export": 1}\n', "which networks"),
        ("x.csv", b"", "no column"),
        ("x.csv", b"a,b\n1,2\n", "no column"),
        ("x.csv", b"\0\0\n", "no export"),
        ("x.npz", b"PK", "cannot be read as NPZ"),
        ("x.npz", b"", "cannot be read as NPZ"),
        ("x.parquet", b"PAR1", "cannot be read as Parquet"),
        ("x.txt", b"", "names no format"),
    ],
)
def test_what_is_no_export_is_one_line(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=words), formats.reading(tmp_path / name):
        pass
    with pytest.raises(BadInput, match="no such file"), formats.reading(tmp_path / "none.csv"):
        pass


def _npz(source, tmp_path, **arrays):
    """An export with some arrays replaced, written by numpy."""
    export(source, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as held:
        arrays = dict(held) | arrays
    np.savez(tmp_path / "y.npz", **arrays)
    return tmp_path / "y.npz"


def test_an_npz_that_numpy_wrote_is_read(source, target, tmp_path):
    assert small.imported(target, _npz(source, tmp_path)).faces == 4


def test_pickled_arrays_are_never_loaded(source, target, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    file = _npz(source, tmp_path, person=np.array([Evil()] * 4, object))
    with pytest.raises(BadInput, match="holds objects"):
        small.imported(target, file)
    file = _npz(source, tmp_path, retrieve=np.array([Evil()], object))
    with pytest.raises(BadInput, match="states no version"):
        small.imported(target, file)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"score": np.zeros(3)}, "its arrays have"),
        ({"person": np.array(["x" * (npz.MAX_ROW_BYTES // 4 + 1)] * 4)}, "takes .* bytes"),
        ({"embedding": np.zeros((4, 32), np.float32, order="F")}, "another order"),
    ],
)
def test_arrays_that_lie_are_one_line(source, target, tmp_path, arrays, words):
    with pytest.raises(BadInput, match=words):
        small.imported(target, _npz(source, tmp_path, **arrays))


@pytest.mark.parametrize("format", ["npz", "parquet"])
def test_a_file_that_was_cut_short_is_one_line(source, target, tmp_path, format):
    export(source, tmp_path / f"x.{format}")
    content = (tmp_path / f"x.{format}").read_bytes()
    (tmp_path / f"x.{format}").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="cannot be read as"):
        small.imported(target, tmp_path / f"x.{format}")


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"retrieve_export": 1e999}',
        b'{"retrieve_export": ' + b"9" * 4000 + b"}",
        b'{"retrieve_export": 1, "dim": ' + b"9" * 4000 + b"}",
    ],
    ids=["brackets", "infinity", "digits", "dimensions"],
)
@pytest.mark.parametrize("suffix", ["jsonl", "npz", "parquet"])
def test_a_header_that_is_none_is_one_line(tmp_path, header, suffix):
    file = tmp_path / f"x.{suffix}"
    if suffix == "jsonl":
        file.write_bytes(header + b"\n")
    elif suffix == "npz":
        np.savez(file, **{npz.HEADER: np.array(header.decode())})
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        schema = arrow.schema([("a", arrow.int64())], metadata={b"retrieve": header})
        parquet.write_table(arrow.table({"a": [1]}, schema=schema), file)
    with pytest.raises(BadInput) as caught, formats.reading(file):
        pass
    assert len(str(caught.value)) < len(str(file)) + 200
