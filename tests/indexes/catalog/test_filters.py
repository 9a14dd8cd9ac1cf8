from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieve.errors import BadInput
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import (
    EARTH_KM,
    EVERYTHING,
    FACES,
    Filter,
    Near,
    _near_rows,
    findable,
    near_from,
)
from retrieve.indexes.people import statements

ZARAGOZA, HUESCA, SYDNEY = (41.65, -0.88), (42.14, -0.41), (-33.87, 151.21)


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        yield opened


def _found(collection, wanted, k=100):
    """The words of all faces that are found."""
    hits = collection.nearest(pretend.embedding("probe"), k=k, wanted=wanted)[0]
    return sorted(small.word(hit.picture()) for hit in hits)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    opened = small.opened(tmp_path_factory.mktemp("dated") / "c")
    for word, date in {
        "a": "2018-12-31T23:59:59",
        "b": "2019-01-01T00:00:00",
        "c": "2019-07-09T18:30:15",
        "d": "2019-12-31T23:59:59",
        "e": "2020-02-29T12:00:00",
        "f": None,
    }.items():
        small.add(opened, f"/p/{word}.jpg", word, taken_at=date)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2019", None, "bcde"),
        (None, "2019", "abcd"),
        ("2019", "2019", "bcd"),
        ("2019-07", "2019-07", "c"),
        ("2019-07-09T18", "2019-07-09T18:30", "c"),
        ("2019-07-09T18:31", None, "de"),
        ("2019-07-09T18:30:15", "2019-07-09T18:30:15", "c"),
        ("2020-02-29", None, "e"),
        ("2021", None, ""),
    ],
)
def test_dates_are_included_at_both_ends_however_short(dated, since, until, words):
    assert "".join(_found(dated, Filter(since=since, until=until))) == words


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("1978", "1978", "cdmy"),
        ("1978-06", None, "cdmy"),
        ("1978-07", None, "cy"),
        ("1978-06-24T18", "1978-06-24T19", "dmy"),
        ("1978-06-25", "1978-06-25", "my"),
        (None, "1978-05-31", "y"),
        (None, "1978-06-23", "my"),
        (None, "1977", ""),
        ("1979", None, ""),
    ],
)
def test_a_date_may_be_any_time_in_what_is_known_of_it(collection, since, until, words):
    known = {"y": "1978", "m": "1978-06", "d": "1978-06-24", "c": "1978-07-01T10:00:00"}
    for word, date in known.items():
        small.add(collection, f"/p/{word}.jpg", word, taken_at=date)
    assert "".join(_found(collection, Filter(since=since, until=until))) == words


@pytest.mark.parametrize(
    "date",
    ["2019-13", "2019-02-29", "19", "2019-7-9", "2019-07-09 18", "yesterday", "", "２０１９"],
)
def test_what_is_no_date_is_refused(date):
    with pytest.raises(BadInput, match="wanted a date as 2019"):
        Filter(since=date)


def test_a_folder_is_not_its_namesakes(collection, tmp_path):
    for name in ("in", "in/deep", "inn", "in.jpg"):
        small.add(collection, f"{tmp_path}/{name}/x.jpg", name.replace("/", "-"))
    inside = Filter(folders=(tmp_path / "in",))
    assert _found(collection, inside) == ["in", "in-deep"]
    both = Filter(folders=(tmp_path / "in" / "deep", tmp_path / "inn"))
    assert _found(collection, both) == ["in-deep", "inn"]


def test_a_folder_whose_name_is_not_utf8_is_found(collection):
    small.add(collection, "/p/ni\udcf1o/x.jpg", "inside")
    small.add(collection, "/p/ni\udcf2o/x.jpg", "beside")
    assert _found(collection, Filter(folders=(Path("/p/ni\udcf1o"),))) == ["inside"]
    assert _found(collection, Filter(folders=(Path("/p"),))) == ["beside", "inside"]


def test_a_photo_lies_in_every_folder_that_holds_it_until_it_is_gone_from_there(
    collection, tmp_path
):
    photos = tmp_path / "photos"
    for name in ("one", "two"):
        (photos / name).mkdir(parents=True)
        (photos / name / "x.jpg").write_text("word")
    small.index(collection, photos)
    for name in ("one", "two"):
        assert _found(collection, Filter(folders=(photos / name,))) == ["word"]
    (photos / "one" / "x.jpg").unlink()
    small.index(collection, photos)
    assert _found(collection, Filter(folders=(photos / "one",))) == []
    assert _found(collection, Filter(folders=(photos / "two",))) == ["word"]


def test_several_persons_are_any_of_them(collection):
    ids = small.add(collection, "/p/x.jpg", "ana eva luis")
    with writing(collection.db):
        for name, id in zip(("Ana", "Eva"), ids, strict=False):
            statements.say_name(collection.db, name, [id])
    assert _found(collection, Filter(persons=("ANA", "eva"))) == ["ana", "eva"]
    with pytest.raises(BadInput, match="there are: Ana, Eva"):
        _found(collection, Filter(persons=("ana", "luis")))


def test_quality_is_included_at_its_end(collection):
    for quality in (0.0, 0.25, 0.5):
        small.add(collection, f"/p/{quality}.jpg", f"q{quality}", quality=quality)
    assert _found(collection, Filter(min_quality=0.25)) == ["q0.25", "q0.5"]
    assert len(_found(collection, Filter(min_quality=0.0))) == 3


def test_near_is_a_distance_on_the_ground(collection):
    for word, place in {
        "zaragoza": ZARAGOZA,
        "huesca": HUESCA,  # 67 km away
        "sydney": SYDNEY,
        "nowhere": None,
    }.items():
        small.add(collection, f"/p/{word}.jpg", word, place=place)
    assert _found(collection, Filter(near=Near(*ZARAGOZA, 60))) == ["zaragoza"]
    assert _found(collection, Filter(near=Near(*ZARAGOZA, 70))) == ["huesca", "zaragoza"]
    assert _found(collection, Filter(near=Near(*ZARAGOZA, 20_100))) == [
        "huesca",
        "sydney",
        "zaragoza",
    ]


def test_near_goes_across_the_date_line_and_over_the_pole(collection):
    small.add(collection, "/p/fiji.jpg", "fiji", place=(-17.0, 179.9))
    small.add(collection, "/p/pole.jpg", "pole", place=(89.5, 10.0))
    assert _found(collection, Filter(near=Near(-17.0, -179.9, 30))) == ["fiji"]
    assert _found(collection, Filter(near=Near(89.5, -170.0, 120))) == ["pole"]


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.floats(-180, 180),
)
@settings(max_examples=200, deadline=None)
def test_the_distance_agrees_with_the_angle_between_two_directions(a, b, c, d):
    def direction(latitude, longitude):
        north, east = math.radians(latitude), math.radians(longitude)
        return np.array(
            [math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)]
        )

    one, other = direction(a, b), direction(c, d)
    angle = math.atan2(np.linalg.norm(np.cross(one, other)), one @ other)

    class Rows:
        def execute(self, sql, values):
            return self

        def fetchall(self):
            return [(0, c, d)]

    km = angle * EARTH_KM
    assert _near_rows(Rows(), 1, Near(a, b, km + 1e-3), FACES).all()
    if km > 1e-2:
        assert not _near_rows(Rows(), 1, Near(a, b, km - 1e-3 - 1e-6 * km), FACES).any()


@pytest.mark.parametrize("text", ["", "1,2", "1,2,0", "91,0,1", "0,181,1", "a,b,c", "0,0,inf"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(BadInput, match="wanted LAT,LON,KM"):
        near_from(text)


def test_a_place_is_read_as_written():
    assert near_from("41.65,-0.88,25") == Near(41.65, -0.88, 25)


def test_conditions_are_all_to_be_satisfied(collection):
    names = {}
    for n, (folder, date, quality, place) in enumerate(
        (folder, date, quality, place)
        for folder in ("in", "out")
        for date in ("2018-05-05T00:00:00", "2019-05-05T00:00:00")
        for quality in (0.1, 0.9)
        for place in (ZARAGOZA, SYDNEY)
    ):
        word = f"w{n}"
        (id,) = small.add(
            collection, f"/{folder}/{n}.jpg", word, taken_at=date, quality=quality, place=place
        )
        names[word] = (folder, date[:4], quality, place)
        if n % 2 == 0:
            with writing(collection.db):
                statements.say_name(collection.db, "even", [id])
    wanted = Filter("2019", "2019", (Path("/in"),), ("even",), 0.5, Near(*ZARAGOZA, 10))
    expected = [w for w, about in names.items() if about == ("in", "2019", 0.9, ZARAGOZA)]
    assert _found(collection, wanted) == expected
    assert len(expected) == 1


def test_gone_photos_and_dead_rows_are_never_found(collection):
    small.add(collection, "/p/here.jpg", "here", taken_at="2019-01-01T00:00:00")
    small.add(collection, "/p/gone.jpg", "gone", taken_at="2019-01-01T00:00:00", gone=True)
    (dead,) = small.add(collection, "/p/dead.jpg", "dead", taken_at="2019-01-01T00:00:00")
    with writing(collection.db):
        row = collection.catalog.faces([dead])[dead].row
        collection.db.execute("DELETE FROM faces WHERE id = ?", [dead])
        collection.faces.kill([row])
    assert _found(collection, EVERYTHING) == ["here"]
    assert _found(collection, Filter(since="2019")) == ["here"]


def test_everything_is_findable_without_looking_at_rows(collection):
    small.add(collection, "/p/a.jpg", "a b")
    assert findable(collection.db, 2) is None
    assert findable(collection.db, 2, Filter(min_quality=0.5)).tolist() == [True, True]


@pytest.mark.parametrize("k", [1, 5, 20, 1000])
def test_k_hits_come_whenever_k_exist_however_far_away(collection, k):
    """The faces that satisfy the condition are the least alike of all."""
    probe = pretend.embedding("probe")[0]
    words = [f"w{n}" for n in range(400)]
    far = sorted(words, key=lambda word: pretend.embedding(word)[0] @ probe)[:20]
    small.add(collection, "/near/x.jpg", " ".join(w for w in words if w not in far))
    small.add(collection, "/far/x.jpg", " ".join(far))
    found = _found(collection, Filter(folders=(Path("/far"),)), k=k)
    assert len(found) == min(k, 20)
    assert set(found) <= set(far)
    assert found == sorted(far[::-1][: min(k, 20)])
