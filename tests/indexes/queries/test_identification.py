"""A name for a face, or an honest "unknown"."""

from __future__ import annotations

import numpy as np
import pretend
import pytest
import small

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import independent
from retrieve.faces.calibration import SHIPPED, SUFFIX, load
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.extract import PhotoFaces
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.opened import Opened
from retrieve.indexes.people.statements import say_names
from retrieve.indexes.queries.identification import identify, likeness, why_nobody
from retrieve.types import Face, Photo

CALIBRATED = load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
DIM = pretend.Embedder.dim
PROBE = np.eye(1, DIM, dtype=np.float32)


def _at(word):
    """(1, D): the cosine with the probe and the direction of the rest, as in ".85/3"."""
    cosine, direction = word.split("/")
    row = np.zeros((1, DIM), np.float32)
    row[0, 0] = float(cosine)
    row[0, 1 + int(direction)] = np.sqrt(1 - float(cosine) ** 2)
    return row


class Networks:
    """Every photo shows faces with these embeddings."""

    def __init__(self, rows, quality=0.95):
        self.rows = rows
        self.quality = quality
        self.embedder = self
        self.reading = self

    def begin(self): ...

    def follow(self, made_by): ...

    def check(self, space): ...

    def embed(self, crops):
        return self.rows[crops[:, 0, 0, 0]]

    def extract(self, read):
        N = len(self.rows)
        crops = np.zeros((N, 4, 4, 3), np.uint8)
        crops[:, 0, 0, 0] = np.arange(N)
        box, landmarks = np.array([0, 0, 9, 9], np.float32), np.zeros((5, 2), np.float32)
        photo = Photo(None, np.zeros((9, 9, 3), np.uint8), (9, 9), "", 0)
        quality = np.full(N, self.quality, np.float32)
        return PhotoFaces(photo, [Face(box, landmarks, 0.9)] * N, (crops,), crops, quality)


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr(pretend, "embedding", _at)
    monkeypatch.setattr(Opened, "calibration", lambda self: CALIBRATED)
    with small.opened(tmp_path / "c") as made:
        yield made


def _know(collection, **people):
    """Store a photo of each of their faces, and name these."""
    named = {
        name: [
            id
            for i, word in enumerate(words.split())
            for id in small.add(collection, f"/{name}{i}.jpg", word, quality=0.95)
        ]
        for name, words in people.items()
    }
    with writing(collection.db):
        say_names(collection.db, named)


def _identified(collection, rows=PROBE, *, quality=0.95, **options):
    return identify(collection.opened, Networks(rows, quality), None, **options)


def _told(collection, rows=PROBE, **options):
    found = _identified(collection, rows, **options)
    return [(face.who.person if face.who else None, face.why) for face in found]


def test_the_likeliest_person_is_named_with_what_that_is_worth(collection):
    _know(collection, ana=".86/1", eva=".6/2", blas=".5/3")
    (face,) = _identified(collection)
    assert (face.who.person, face.who.score) == ("ana", pytest.approx(0.86, abs=1e-6))
    assert face.who.probability == pytest.approx(CALIBRATED.probability(0.86, 0.95))
    assert face.chance == pytest.approx(CALIBRATED.chance_among(0.86, [1, 1, 1]), rel=1e-4)
    assert (face.runner_up.person, face.runner_up.score) == ("eva", pytest.approx(0.6))
    assert [hit.path.name for hit in face.who.nearest] == ["ana0.jpg"]


def test_the_same_score_names_nobody_among_more_people(collection):
    _know(collection, ana=".785/1")
    assert _told(collection) == [("ana", "")]
    least = _identified(collection).least
    _know(collection, **{f"p{i}": f".1/{i % 30}" for i in range(150)})
    assert _told(collection) == [(None, "below the threshold")]
    more = _identified(collection).least
    assert (least.among, more.among) == (1, 151)
    assert more.score == pytest.approx(CALIBRATED.threshold_among([1] * 151, 0.01))
    assert _told(collection, strangers=0.1) == [("ana", "")]
    assert _told(collection, threshold=0.7) == [("ana", "")]


def test_a_face_between_two_people_has_no_name(collection):
    _know(collection, ana=".86/1", eva=".85/2")
    assert _told(collection) == [(None, "too near the runner-up")]
    _know(collection, ana2=".92/3")
    assert _told(collection) == [("ana2", "")]


def test_a_poor_face_needs_a_larger_margin(collection):
    """Its scores tell two people apart by less."""
    assert CALIBRATED.odds(0.03, 0.95) > 10 > CALIBRATED.odds(0.03, 0.1)
    assert why_nobody(CALIBRATED, 0.7, 0.86, 0.83, 0.95) == ""
    assert why_nobody(CALIBRATED, 0.7, 0.86, 0.83, 0.1) == "too near the runner-up"


def test_what_is_more_probably_somebody_else_has_no_name_however_few_there_are(collection):
    _know(collection, ana=".72/1")
    found = _identified(collection)
    (face,) = found
    assert face.best.score > found.least.score
    assert (face.who, face.why) == (None, "more probably somebody else")


def test_two_faces_of_one_photo_are_two_people(collection):
    _know(collection, ana=".9/1", eva=".2/2")
    both = unit_rows(np.concatenate([PROBE + 0.1 * _at("0/5"), PROBE]))
    assert _told(collection, both) == [(None, "that is face 2"), ("ana", "")]


def test_faces_of_one_person_speak_together():
    faces = np.concatenate([_at(".8/1"), _at(".7/2"), _at(".75/3")])
    common = unit_rows(faces.mean(axis=0, keepdims=True))[0]
    assert likeness(PROBE[0], faces) == pytest.approx((0.8 + common[0]) / 2)
    assert likeness(PROBE[0], faces) > 0.8  # three directions that agree in the probe's
    assert likeness(PROBE[0], faces[1:2]) == pytest.approx(0.7)


def test_the_candidates_are_those_of_all_people(collection, monkeypatch):
    """Where one person has all the nearest faces, too."""
    monkeypatch.setattr("retrieve.indexes.queries.identification.NEAREST", 4)
    monkeypatch.setattr("retrieve.indexes.queries.identification.CANDIDATES", 3)
    rng = np.random.default_rng(3)
    words = {
        f"p{i}": " ".join(
            f"{cosine:.4f}/{rng.integers(30)}"
            for cosine in np.clip(rng.normal(0.5 + 0.02 * i, 0.04, n), 0, 0.95)
        )
        for i, n in enumerate([3, 1, 7, 2, 1, 40])
    }
    _know(collection, **words)
    found = _identified(collection, strangers=0.5)
    (face,) = found
    every = {
        name: likeness(PROBE[0], np.concatenate([_at(word) for word in some.split()]))
        for name, some in words.items()
    }
    first, second, *_ = sorted(every, key=every.get, reverse=True)
    assert (face.best.person, face.runner_up.person) == (first, second)
    assert face.best.score == pytest.approx(every[first], abs=1e-6)
    assert found.least.among == pytest.approx(independent([3, 1, 7, 2, 1, 40]))


def test_people_who_are_more_alike_than_others_ask_for_a_higher_score(collection):
    """As those of one family or origin are; of people who are less alike nothing is taken."""
    _know(collection, **{f"p{i}": f".1/{i}" for i in range(20)})
    apart = _identified(collection)
    assert apart.least.score == pytest.approx(CALIBRATED.threshold_among([1] * 20))
    assert apart.least.strangers == 0.01
    with writing(collection.db):
        collection.db.execute("UPDATE persons SET ignored = 1")
    _know(collection, **{f"q{i}": f"{0.83 + i / 1000:.4f}/{i}" for i in range(20)})
    alike = _identified(collection)
    assert alike.least.score > apart.least.score + 0.03
    (face,) = alike
    assert face.chance > CALIBRATED.chance_among(face.best.score, [1] * 20)


def test_a_handful_of_people_does_not_tell_how_alike_they_are(collection):
    _know(collection, **{f"q{i}": f"{0.83 + i / 1000:.4f}/{i}" for i in range(11)})
    assert _identified(collection).least.score == CALIBRATED.threshold_among([1] * 11)


def test_conditions_choose_who_is_compared(collection):
    _know(collection, ana=".9/1", eva=".6/2")
    found = _identified(collection, wanted=Filter(persons=("eva",)))
    (face,) = found
    assert (face.who, face.best.person, face.runner_up) == (None, "eva", None)
    assert found.least.among == 1


def test_a_photo_without_faces_is_nobody(collection):
    _know(collection, ana=".9/1")
    assert list(_identified(collection, PROBE[:0])) == []


def test_faces_that_nobody_named_are_nobody(collection):
    small.add(collection, "/x.jpg", ".95/1")
    with pytest.raises(BadInput, match="retrieve name NAME PHOTO"):
        _identified(collection)
    _know(collection, ana=".6/2")
    assert _told(collection) == [(None, "below the threshold")]


def test_somebody_without_a_name_is_told_by_number_where_that_is_asked_for(collection):
    _know(collection, eva=".6/2")
    (face_id,) = small.add(collection, "/x.jpg", ".9/1", quality=0.95)
    with writing(collection.db):
        nobody = persons.add_person(collection.db)
        collection.db.execute(
            "UPDATE faces SET person_id = ?, by = 'group' WHERE id = ?", [nobody, face_id]
        )
    (face,) = _identified(collection)
    assert (face.who, face.best.person, face.runner_up) == (None, "eva", None)
    (face,) = _identified(collection, unnamed=True)
    assert (face.who.person_id, face.who.person) == (nobody, None)
    assert face.runner_up.person == "eva"


def test_somebody_who_is_ignored_is_not_named(collection):
    _know(collection, ana=".9/1", eva=".6/2")
    with writing(collection.db):
        collection.db.execute("UPDATE persons SET ignored = 1 WHERE name = 'ana'")
    assert _told(collection) == [(None, "below the threshold")]


def test_without_a_calibration_a_threshold_has_to_be_given(collection, monkeypatch):
    monkeypatch.setattr(Opened, "calibration", lambda self: None)
    _know(collection, ana=".86/1", eva=".85/2")
    with pytest.raises(BadInput, match="--threshold"):
        _identified(collection)
    (face,) = _identified(collection, threshold=0.8)
    assert (face.who.person, face.who.probability, face.chance) == ("ana", None, None)
