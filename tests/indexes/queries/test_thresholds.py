"""The lowest score of a hit follows from how many are searched, and how many those are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import independent
from retrieve.faces.calibration import SHIPPED, SUFFIX, load
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.opened import Opened
from retrieve.indexes.people.statements import say_names
from retrieve.indexes.queries.thresholds import threshold_among

CALIBRATED = load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
OLD = replace(CALIBRATED, strangers=None, worse=())


def _asked(calibrated=CALIBRATED, among=100.0, **options):
    return threshold_among(calibrated, "pretend", among, **options)


def test_the_threshold_is_that_of_the_chance_and_of_so_many():
    least = _asked()
    assert (least.among, least.strangers) == (100, 0.01)
    assert least.score == CALIBRATED.threshold_among([1] * 100, 0.01)
    assert _asked(among=1000.0).score > least.score > _asked(strangers=0.1).score


def test_a_threshold_that_is_asked_for_says_what_it_lets_in():
    told = _asked(threshold=0.8)
    assert told.score == 0.8
    assert told.strangers == pytest.approx(CALIBRATED.chance_among(0.8, [1] * 100))
    assert _asked(threshold=-1).strangers == 1


def test_a_calibration_of_an_older_version_keeps_its_threshold():
    told = _asked(OLD)
    assert (told.score, told.strangers) == (OLD.thresholds["0.0002"], None)
    assert _asked(OLD, threshold=0.5).strangers is None
    with pytest.raises(BadInput, match="retrieve calibrate FOLDER"):
        _asked(OLD, strangers=0.01)


def test_what_nobody_calibrated_needs_a_threshold():
    assert _asked(None, threshold=0.5).score == 0.5
    for options in ({}, {"strangers": 0.01}):
        with pytest.raises(BadInput, match="no calibrated threshold for pretend"):
            _asked(None, **options)


@pytest.mark.parametrize("chance", [0, 1, -0.1, float("nan"), "0.01", None])
def test_a_chance_and_a_threshold_exclude_each_other_and_a_chance_is_one(chance):
    with pytest.raises(BadInput, match="got both"):
        _asked(threshold=0.5, strangers=0.01)
    if chance is not None:
        with pytest.raises(BadInput, match="wanted strangers above 0 and below 1"):
            _asked(strangers=chance)


def test_an_empty_gallery_has_a_threshold_too():
    assert _asked(among=0.0).score == _asked(among=1.0).score


@pytest.fixture
def collection(tmp_path):
    """Three persons with three, two and one faces, and four faces of nobody knows whom."""
    with small.opened(tmp_path / "c") as made:
        stored = [
            ("/a/1.jpg", "ana eva x", {"taken_at": "2019-05-01", "place": (41.6, -0.9)}),
            ("/a/2.jpg", "ana2 eva2 y", {"taken_at": "2020-05-01", "place": (41.6, -0.9)}),
            ("/b/3.jpg", "ana3 luis", {"taken_at": "2020-06-01", "place": (43.3, -5.9)}),
            ("/b/4.jpg", "z w", {"quality": 0.9}),
        ]
        ids = {}
        for path, words, options in stored:
            faces = small.add(made, path, words, **options)
            ids |= dict(zip(words.split(), faces, strict=True))
        with writing(made.db):
            named = {
                name: [id for word, id in ids.items() if word.startswith(name)]
                for name in ("ana", "eva", "luis")
            }
            say_names(made.db, named)
        yield made


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [
        (EVERYTHING, [3, 2, 1, 1, 1, 1, 1]),
        (Filter(since="2020"), [2, 1, 1, 1]),
        (Filter(persons=("ana", "luis")), [3, 1]),
        (Filter(near=(41.6, -0.9, 10)), [2, 2, 1, 1]),
        (Filter(min_quality=0.8), [1, 1]),
        (Filter(folders=("/b",)), [1, 1, 1, 1]),
        (Filter(since="2050"), []),
    ],
)
def test_so_many_strangers_are_searched(collection, wanted, counts):
    assert collection.opened.among(wanted) == pytest.approx(independent(counts))


def test_what_is_gone_or_deleted_is_not_searched(collection):
    assert collection.opened.among(EVERYTHING) == pytest.approx(independent([3, 2, 1, 1, 1, 1, 1]))
    with writing(collection.db):
        collection.db.execute("UPDATE contents SET live = 0 WHERE id = 1")
    assert collection.opened.among(EVERYTHING) == pytest.approx(independent([2, 1, 1, 1, 1, 1]))


def test_a_search_says_what_it_let_pass_and_among_how_many(collection, monkeypatch):
    monkeypatch.setattr(Opened, "calibration", lambda self, space=None: CALIBRATED)
    among = independent([3, 2, 1, 1, 1, 1, 1])
    found = collection.search_stored(1)
    assert (found.least.among, found.least.strangers) == (pytest.approx(among), 0.01)
    assert collection.default_threshold() == found.least.score
    assert found.least.score == pytest.approx(CALIBRATED.threshold_for(among))
    wanted = Filter(persons=("ana",))
    fewer = collection.search_stored(1, strangers=0.2, wanted=wanted).least
    assert collection.default_threshold(strangers=0.2, wanted=wanted) == fewer.score
    assert fewer.among == pytest.approx(3**0.8)
    assert collection.search_stored(1, threshold=0.5).least.score == 0.5
    with pytest.raises(BadInput, match="got both"):
        collection.search_stored(1, threshold=0.5, strangers=0.1)


def test_the_probability_is_that_of_the_worse_face(collection, monkeypatch):
    monkeypatch.setattr(Opened, "calibration", lambda self, space=None: CALIBRATED)
    row = collection.engine.embeddings([0])
    (hits,) = collection.nearest(row, k=1)
    score = hits[0].score
    assert hits[0].probability == CALIBRATED.probability(score, 0.5)
    from retrieve.indexes.queries.faces import nearest

    (poor,) = nearest(collection.opened, np.repeat(row, 1, 0), k=1, quality=[0.1])
    assert poor[0].probability == CALIBRATED.probability(score, 0.1)
