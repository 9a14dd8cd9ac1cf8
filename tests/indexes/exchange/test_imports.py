from __future__ import annotations

import os
import string
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieve.errors import CollectionError
from retrieve.indexes.building.describing import Look
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import open_collection
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.formats.chosen import Format
from retrieve.indexes.exchange.records import short
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.forget import forget

FORMATS = [format.value for format in Format]
OTHERS = small.MADE_BY | {"embedder": "other", "embedder_sha256": "33" * 32}


@pytest.fixture
def source(tmp_path):
    with small.exported(tmp_path) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path):
    """The folder of the source's files."""
    return tmp_path / "photos"


@pytest.fixture
def target(tmp_path):
    with open_collection(tmp_path / "target", create=True) as opened:
        yield opened


def _stored(collection):
    """All that a collection knows of its living faces, by photo and number."""
    gallery = collection.faces.gallery()
    found = {}
    for id, row, sha256, number in collection.db.execute(
        "SELECT faces.id, row, sha256, number FROM faces JOIN contents ON contents.id = content_id "
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
    report = small.imported(target, tmp_path / f"x.{format}")
    assert _counts(report) == {"photos": 3, "faces": 4, "named": 3}
    assert _stored(target) == _stored(source)
    assert target.faces.space() == source.faces.space()
    assert target.faces.damaged() == []
    assert {p.name: p.faces for p in persons.persons(target.db)} == {"Ana Núñez": 2, "Luís": 1}


@pytest.mark.parametrize("format", FORMATS)
def test_a_second_import_adds_nothing(source, target, tmp_path, format):
    export(source, tmp_path / f"x.{format}")
    small.imported(target, tmp_path / f"x.{format}")
    before = _stored(target)
    report = small.imported(target, tmp_path / f"x.{format}")
    assert _counts(report) == {"known_photos": 3, "known_faces": 4}
    assert _stored(target) == before
    assert target.faces.space().rows == 4


def test_an_export_of_an_import_is_the_same_file(source, target, tmp_path):
    export(source, tmp_path / "a.jsonl")
    small.imported(target, tmp_path / "a.jsonl")
    export(target, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_indexing_the_same_folder_afterwards_embeds_nothing(source, photos, target, tmp_path):
    export(source, tmp_path / "x.jsonl")
    small.imported(target, tmp_path / "x.jsonl")

    def never(tasks):
        for found, task in tasks:
            assert isinstance(task, Look), f"{task} was decoded"
            yield from pretend.extractor([(found, task)])

    for _ in range(2):
        report = small.index(target, photos, extractor=never)
        assert (report.unchanged, report.new, report.gone) == (3, 0, 0)
    (photos / "one.jpg").unlink()
    assert small.index(target, photos, extractor=never).gone == 1


def test_photos_that_are_elsewhere_now_are_recognised_there(source, photos, target, tmp_path):
    export(source, tmp_path / "x.csv")
    small.imported(target, tmp_path / "x.csv")
    (photos / "deep").mkdir()
    for path in photos.glob("*.jpg"):
        path.rename(photos / "deep" / path.name)
    report = small.index(target, photos)
    assert (report.moved, report.new) == (3, 0)
    assert {path.parent.name for path, *_ in _stored(target).values()} == {"deep"}


def test_names_come_to_faces_that_were_indexed_here_and_given_ones_stay(
    source, photos, target, tmp_path
):
    export(source, tmp_path / "x.npz")
    with small.opened(tmp_path / "own") as own:
        small.index(own, photos)
        with writing(own.db):
            statements.say_name(own.db, "Anita", [small.face_of(own, "ana")])
            statements.say_name(own.db, "luis", [small.face_of(own, "luis")])
        report = small.imported(own, tmp_path / "x.npz")
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
    report = small.imported(target, tmp_path / "luis.jsonl")
    assert _counts(report) == {"photos": 1, "faces": 1, "named": 1, "incomplete": 1}
    header, *lines = (tmp_path / "all.jsonl").read_text().splitlines()
    (tmp_path / "all.jsonl").write_text("\n".join([header, *lines[::-1]]))
    report = small.imported(target, tmp_path / "all.jsonl")
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
            small.imported(other, tmp_path / "x.jsonl")
        assert _stored(other) == before


def test_gone_photos_stay_gone_and_keep_their_paths(source, photos, target, tmp_path):
    (photos / "one.jpg").unlink()
    small.index(source, photos)
    export(source, tmp_path / "x.jsonl", gone=True)
    assert small.imported(target, tmp_path / "x.jsonl").faces == 4
    assert len(_stored(target)) == 3
    assert target.catalog.path(photos / "one.jpg").gone
    (photos / "one.jpg").write_text("ana")
    assert small.index(target, photos).new == 0
    assert len(_stored(target)) == 4


def test_a_path_that_holds_another_photo_here_is_left_to_it(source, photos, tmp_path):
    export(source, tmp_path / "x.jsonl")
    with small.opened(tmp_path / "own") as own:
        (photos / "one.jpg").write_text("zoe")
        small.index(own, photos / "one.jpg")
        report = small.imported(own, tmp_path / "x.jsonl")
        assert _counts(report) == {"photos": 2, "faces": 3, "named": 2, "broken_count": 1}
        (broken,) = report.broken
        assert broken.reason.endswith("one.jpg holds another photo in this collection")
        words = {own.catalog.crop(id) for (id,) in own.db.execute("SELECT face_id FROM crops")}
        assert words == {pretend.picture("zoe")}


def test_a_path_that_was_skipped_here_is_taken_over(source, photos, tmp_path):
    export(source, tmp_path / "x.jsonl")
    with small.opened(tmp_path / "own") as own:
        with writing(own.db):
            path = photos / "one.jpg"
            own.catalog.put_path(Found(path, 3, 1, 1), content_id=None, reason="was locked")
        assert small.imported(own, tmp_path / "x.jsonl").photos == 3
        assert own.catalog.skipped() == []
        assert small.index(own, photos).unchanged == 3


def test_crops_come_along_and_are_grey_where_they_do_not(tmp_path, target):
    with small.opened(tmp_path / "source") as source:
        small.add(source, "/p/a.jpg", "ana")
        export(source, tmp_path / "with.parquet", crops=True)
        export(source, tmp_path / "without.parquet")
    small.imported(target, tmp_path / "without.parquet")
    assert target.catalog.crop(1).startswith(b"\xff\xd8\xff")
    with open_collection(tmp_path / "second", create=True) as second:
        small.imported(second, tmp_path / "with.parquet")
        assert small.word(second.catalog.crop(1)) == "ana"


def test_what_was_forgotten_is_not_exported_and_comes_back_only_with_an_older_file(
    source, target, tmp_path
):
    export(source, tmp_path / "older.jsonl")
    forget(source, persons=["luis"])
    export(source, tmp_path / "x.jsonl", gone=True)
    assert _counts(small.imported(target, tmp_path / "x.jsonl")) == {
        "photos": 3,
        "faces": 3,
        "named": 2,
    }
    assert _counts(small.imported(target, tmp_path / "older.jsonl")) == {
        "known_photos": 3,
        "known_faces": 3,
        "faces": 1,
        "named": 1,
    }


def test_batches_are_committed_one_by_one(tmp_path, target, monkeypatch):
    monkeypatch.setattr("retrieve.indexes.exchange.imports.BATCH_RECORDS", 3)
    with small.opened(tmp_path / "source") as source:
        for n in range(10):
            small.add(source, f"/p/{n}.jpg", f"a{n} b{n}")
        export(source, tmp_path / "x.jsonl")

    def interrupted(done):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.imported(target, tmp_path / "x.jsonl", on_progress=interrupted)
    assert target.faces.space().rows == 9
    assert small.imported(target, tmp_path / "x.jsonl").faces == 11
    with open_collection(tmp_path / "source") as source:
        assert _stored(target) == _stored(source)


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
                statements.say_name(source.db, person, ids)
        source_has = _stored(source)
        for format in FORMATS:
            export(source, folder / f"x.{format}")
    for format in FORMATS:
        with open_collection(folder / format, create=True) as target:
            report = small.imported(target, folder / f"x.{format}")
            assert report.broken == []
            assert _stored(target) == source_has
            assert {path for path, *_ in source_has.values()} == set(paths)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=8, max_size=8))
@settings(max_examples=200, deadline=None)
def test_nine_digits_are_every_float32(values):
    for value in np.array(values, np.float32):
        assert np.float32(short(value)).tobytes() == value.tobytes()
        assert np.float32(float(f"{value:.9g}")).tobytes() == value.tobytes()
