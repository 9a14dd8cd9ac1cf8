from __future__ import annotations

import json
import os
import string
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes import persons
from indexes.collection import open_collection
from indexes.database import writing
from indexes.exchange import formats, npz
from indexes.exchange.formats import Format
from indexes.exchange.records import short
from indexes.exports import export
from indexes.filters import Filter
from indexes.imports import put
from indexes.walk import Found
from retrieval.errors import BadInput, CollectionError

FORMATS = [format.value for format in Format]
OTHERS = small.MADE_BY | {"embedder": "other", "embedder_sha256": "33" * 32}


@pytest.fixture
def source(tmp_path):
    with _source(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Those of an export: the header, four faces, a photo without one."""
    folder = tmp_path_factory.mktemp("lines")
    with _source(folder) as opened:
        export(opened, folder / "x.jsonl")
    return (folder / "x.jsonl").read_bytes().splitlines()


@contextmanager
def _source(folder):
    """Files on disk: one face, three, none; two names."""
    photos = folder / "photos"
    photos.mkdir()
    for name, words in {"one": "ana", "group": "ana2 eva luis", "sea": ""}.items():
        (photos / f"{name}.jpg").write_text(words)
    with small.opened(folder / "source") as opened:
        small.index(opened, photos)
        with writing(opened.db):
            for name, word in (("Ana Núñez", "ana"), ("Ana Núñez", "ana2"), ("Luís", "luis")):
                persons.give_name(opened.db, name, [_face_of(opened, word)])
        opened.photos = photos
        yield opened


@pytest.fixture
def target(tmp_path):
    with open_collection(tmp_path / "target", create=True) as opened:
        yield opened


def _face_of(collection, word):
    (id,) = collection.db.execute(
        "SELECT id FROM faces JOIN crops ON face_id = id WHERE jpeg = ?", [word.encode()]
    ).fetchone()
    return id


def _import(collection, file, **options):
    with formats.reading(file) as (header, rows):
        return put(collection, header, rows, **options)


def _stored(collection):
    """All that a collection knows of its living faces, by photo and number."""
    gallery = collection.faces.gallery()
    found = {}
    for id, row, sha256, number in collection.db.execute(
        "SELECT faces.id, row, sha256, number FROM faces JOIN photos ON photos.id = photo_id "
        "WHERE live"
    ):
        face = collection.catalog.faces([id])[id]
        found[sha256, number] = (
            face.path,
            face.person,
            face.quality,
            face.face.score,
            face.face.box.tobytes(),
            face.face.landmarks.tobytes(),
            np.asarray(gallery[row]).tobytes(),
            face.taken_at,
        )
    return found


def _counts(report):
    names = (
        *("photos", "faces", "known_photos", "known_faces", "named", "names_kept", "incomplete"),
        "broken_count",
    )
    return {name: getattr(report, name) for name in names if getattr(report, name)}


@pytest.mark.parametrize("format", FORMATS)
def test_an_import_equals_what_was_exported_bit_for_bit(source, target, tmp_path, format):
    export(source, tmp_path / f"x.{format}")
    report = _import(target, tmp_path / f"x.{format}")
    assert _counts(report) == {"photos": 3, "faces": 4, "named": 3}
    assert _stored(target) == _stored(source)
    assert target.faces.space() == source.faces.space()
    assert target.faces.damaged() == []
    assert {p.name: p.faces for p in persons.persons(target.db)} == {"Ana Núñez": 2, "Luís": 1}


@pytest.mark.parametrize("format", FORMATS)
def test_a_second_import_adds_nothing(source, target, tmp_path, format):
    export(source, tmp_path / f"x.{format}")
    _import(target, tmp_path / f"x.{format}")
    before = _stored(target)
    report = _import(target, tmp_path / f"x.{format}")
    assert _counts(report) == {"known_photos": 3, "known_faces": 4}
    assert _stored(target) == before
    assert target.faces.space().rows == 4


def test_an_export_of_an_import_is_the_same_file(source, target, tmp_path):
    export(source, tmp_path / "a.jsonl")
    _import(target, tmp_path / "a.jsonl")
    export(target, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_indexing_the_same_folder_afterwards_embeds_nothing(source, target, tmp_path):
    export(source, tmp_path / "x.jsonl")
    _import(target, tmp_path / "x.jsonl")

    def never(paths):
        for _, path in paths:
            raise AssertionError(f"{path} was decoded")
        yield from ()

    for _ in range(2):
        report = small.index(target, source.photos, extractor=never)
        assert (report.unchanged, report.new, report.gone) == (3, 0, 0)
    (source.photos / "one.jpg").unlink()
    assert small.index(target, source.photos, extractor=never).gone == 1


def test_photos_that_are_elsewhere_now_are_recognised_there(source, target, tmp_path):
    export(source, tmp_path / "x.csv")
    _import(target, tmp_path / "x.csv")
    (source.photos / "deep").mkdir()
    for path in source.photos.glob("*.jpg"):
        path.rename(source.photos / "deep" / path.name)
    report = small.index(target, source.photos)
    assert (report.moved, report.new) == (3, 0)
    assert {path.parent.name for path, *_ in _stored(target).values()} == {"deep"}


def test_names_come_to_faces_that_were_indexed_here_and_given_ones_stay(source, target, tmp_path):
    export(source, tmp_path / "x.npz")
    with small.opened(tmp_path / "own") as own:
        small.index(own, source.photos)
        with writing(own.db):
            persons.give_name(own.db, "Anita", [_face_of(own, "ana")])
            persons.give_name(own.db, "luis", [_face_of(own, "luis")])
        report = _import(own, tmp_path / "x.npz")
        assert _counts(report) == {
            "known_photos": 3,
            "known_faces": 4,
            "named": 1,  # ana2
            "names_kept": 1,  # Anita; luis and Luís are one
        }
        assert {p.name: p.faces for p in persons.persons(own.db)} == {
            "Anita": 1,
            "Ana Núñez": 1,
            "luis": 1,
        }


def test_parts_of_a_photo_meet_again_in_any_order(source, target, tmp_path):
    export(source, tmp_path / "luis.jsonl", wanted=Filter(persons=("luis",)))
    export(source, tmp_path / "all.jsonl")
    report = _import(target, tmp_path / "luis.jsonl")
    assert _counts(report) == {"photos": 1, "faces": 1, "named": 1, "incomplete": 1}
    header, *lines = (tmp_path / "all.jsonl").read_text().splitlines()
    (tmp_path / "all.jsonl").write_text("\n".join([header, *lines[::-1]]))
    report = _import(target, tmp_path / "all.jsonl")
    assert _counts(report) == {
        "photos": 2,
        "known_photos": 1,
        "faces": 3,
        "known_faces": 1,
        "named": 2,
    }
    assert _stored(target) == _stored(source)


def test_faces_of_other_networks_are_refused_and_change_nothing(source, tmp_path):
    export(source, tmp_path / "x.jsonl")
    with small.opened(tmp_path / "other", OTHERS) as other:
        small.add(other, "/p/a.jpg", "zoe")
        before = _stored(other)
        with pytest.raises(
            CollectionError, match=r"of pretend-detector and pretend \(weights 2222"
        ):
            _import(other, tmp_path / "x.jsonl")
        assert _stored(other) == before


def test_gone_photos_stay_gone_and_keep_their_paths(source, target, tmp_path):
    (source.photos / "one.jpg").unlink()
    small.index(source, source.photos)
    export(source, tmp_path / "x.jsonl", gone=True)
    assert _import(target, tmp_path / "x.jsonl").faces == 4
    assert len(_stored(target)) == 3
    assert target.catalog.path(source.photos / "one.jpg").gone
    (source.photos / "one.jpg").write_text("ana")
    assert small.index(target, source.photos).new == 0
    assert len(_stored(target)) == 4


def test_a_path_that_holds_another_photo_here_is_left_to_it(source, tmp_path):
    export(source, tmp_path / "x.jsonl")
    with small.opened(tmp_path / "own") as own:
        (source.photos / "one.jpg").write_text("zoe")
        small.index(own, source.photos / "one.jpg")
        report = _import(own, tmp_path / "x.jsonl")
        assert _counts(report) == {"photos": 2, "faces": 3, "named": 2, "broken_count": 1}
        (broken,) = report.broken
        assert broken.reason.endswith("one.jpg holds another photo in this collection")
        words = {own.catalog.crop(id) for (id,) in own.db.execute("SELECT face_id FROM crops")}
        assert words == {b"zoe"}


def test_a_path_that_was_skipped_here_is_taken_over(source, tmp_path):
    export(source, tmp_path / "x.jsonl")
    with small.opened(tmp_path / "own") as own:
        with writing(own.db):
            path = source.photos / "one.jpg"
            own.catalog.put_path(Found(path, 3, 1, 1), photo_id=None, reason="was locked")
        assert _import(own, tmp_path / "x.jsonl").photos == 3
        assert own.catalog.skipped() == []
        assert small.index(own, source.photos).unchanged == 3


def test_crops_come_along_and_are_grey_where_they_do_not(tmp_path, target):
    with small.opened(tmp_path / "source") as source:
        small.add(source, "/p/a.jpg", "ana")
        export(source, tmp_path / "with.parquet", crops=True)
        export(source, tmp_path / "without.parquet")
    _import(target, tmp_path / "without.parquet")
    assert target.catalog.crop(1).startswith(small.JPEG)
    with open_collection(tmp_path / "second", create=True) as second:
        _import(second, tmp_path / "with.parquet")
        assert small.word(second.catalog.crop(1)) == "ana"


def test_batches_are_committed_one_by_one(tmp_path, target, monkeypatch):
    monkeypatch.setattr("indexes.imports.BATCH_RECORDS", 3)
    with small.opened(tmp_path / "source") as source:
        for n in range(10):
            small.add(source, f"/p/{n}.jpg", f"a{n} b{n}")
        export(source, tmp_path / "x.jsonl")

    def interrupted(done):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _import(target, tmp_path / "x.jsonl", on_progress=interrupted)
    assert target.faces.space().rows == 9
    assert _import(target, tmp_path / "x.jsonl").faces == 11
    with open_collection(tmp_path / "source") as source:
        assert _stored(target) == _stored(source)


# Bad records and files


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
    monkeypatch.setattr("indexes.imports.BROKEN_KEPT", 2)
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"\n".join([lines[0], b"{", b"{", lines[1], b"{"]))
    report = _import(target, file)
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
    monkeypatch.setattr("indexes.exchange.jsonl.MAX_LINE", 2000)
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
    report = _import(target, tmp_path / f"x.{format}")
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
    report = _import(target, file)
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
    assert _import(target, _npz(source, tmp_path)).faces == 4


def test_pickled_arrays_are_never_loaded(source, target, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    file = _npz(source, tmp_path, person=np.array([Evil()] * 4, object))
    with pytest.raises(BadInput, match="holds objects"):
        _import(target, file)
    file = _npz(source, tmp_path, retrieve=np.array([Evil()], object))
    with pytest.raises(BadInput, match="states no version"):
        _import(target, file)
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
        _import(target, _npz(source, tmp_path, **arrays))


@pytest.mark.parametrize("format", ["npz", "parquet"])
def test_a_file_that_was_cut_short_is_one_line(source, target, tmp_path, format):
    export(source, tmp_path / f"x.{format}")
    content = (tmp_path / f"x.{format}").read_bytes()
    (tmp_path / f"x.{format}").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match="cannot be read as"):
        _import(target, tmp_path / f"x.{format}")


# Whatever a file may be called

_BYTES = st.binary(min_size=1, max_size=12).map(
    lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"_")
)
_ODD = st.one_of(
    st.text(string.printable.replace("/", "") + "áñ€😀\u2028\u0301", min_size=1, max_size=12).map(
        str.encode
    ),
    _BYTES,
).filter(lambda raw: raw not in (b".", b".."))
_NAMES = st.text(string.ascii_letters + "áéíñçøłß東京- ,;\"'[]%\\", min_size=1, max_size=12).filter(
    lambda name: name.strip()
)


@given(names=st.lists(_ODD, min_size=1, max_size=4, unique=True), person=_NAMES)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_odd_paths_and_names_come_back_byte_for_byte(tmp_path_factory, names, person):
    folder = tmp_path_factory.mktemp("odd")
    paths = [Path("/p") / os.fsdecode(name) for name in names]
    with small.opened(folder / "source") as source:
        for n, path in enumerate(paths):
            ids = small.add(source, path, f"w{n}")
            with writing(source.db):
                persons.give_name(source.db, person, ids)
        source_has = _stored(source)
        for format in FORMATS:
            export(source, folder / f"x.{format}")
    for format in FORMATS:
        with open_collection(folder / format, create=True) as target:
            report = _import(target, folder / f"x.{format}")
            assert report.broken == []
            assert _stored(target) == source_has
            assert {path for path, *_ in source_has.values()} == set(paths)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=8, max_size=8))
@settings(max_examples=200, deadline=None)
def test_nine_digits_are_every_float32(values):
    for value in np.array(values, np.float32):
        assert np.float32(short(value)).tobytes() == value.tobytes()
        assert np.float32(float(f"{value:.9g}")).tobytes() == value.tobytes()
