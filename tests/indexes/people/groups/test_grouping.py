from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.grouping import group
from retrieve.indexes.people.groups.thresholds import Thresholds

LIMITS = Thresholds(0.9, 0.8, 0.6, 0.8, 0.75)
PHOTOS = np.arange(100)


def faces(*angles):
    """Rows of which those of equal first numbers score the cosine of the difference in degrees."""
    rows = np.zeros((len(angles), 2 * 8), np.float32)
    for row, (person, degrees) in zip(rows, angles, strict=True):
        at = np.deg2rad(degrees)
        row[2 * person : 2 * person + 2] = np.cos(at), np.sin(at)
    return rows


def grouped(rows, quality=None, photos=None, limits=LIMITS, **more):
    n = len(rows)
    quality = np.ones(n) if quality is None else np.array(quality)
    photos = PHOTOS[:n] if photos is None else np.array(photos)
    pairs = {name: np.array(one) for name, one in more.items()}
    return group(rows, quality, photos, limits, **pairs)


def test_strict_pairs_make_groups_and_everybody_has_one():
    found = grouped(faces((0, 0), (1, 0), (0, 10), (1, 20), (0, 15), (2, 0)))
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 2]
    assert not found.attached.any()
    assert not len(found.suggestions)


def test_the_second_pass_joins_what_is_alike_as_a_whole():
    # cos 32° = .848 passes the second threshold, not the first.
    found = grouped(faces((0, 0), (0, 2), (0, 32), (0, 34)))
    assert found.labels.tolist() == [0, 0, 0, 0]


def test_what_the_second_pass_makes_below_three_faces_is_a_suggestion():
    found = grouped(faces((0, 0), (0, 30), (1, 0)))
    assert found.labels.tolist() == [0, 1, 2]
    assert found.suggestions.tolist() == [[0, 1]]
    assert_allclose(found.scores, [np.cos(np.deg2rad(30))], atol=1e-6)


def test_groups_nearly_alike_are_asked_about_and_no_others():
    found = grouped(faces((0, 0), (0, 1), (0, 40), (0, 41), (1, 0)))  # .766
    assert found.labels.tolist() == [0, 0, 1, 1, 2]
    assert found.suggestions.tolist() == [[0, 1]]


def test_faces_of_one_photo_are_two_people():
    rows = faces((0, 0), (0, 1), (0, 2))
    found = grouped(rows, photos=[0, 0, 1])
    assert found.labels[0] != found.labels[1]
    assert not len(found.suggestions)  # nor is that asked


def test_what_was_said_holds_in_both_passes():
    rows = faces((0, 0), (0, 1), (0, 30), (0, 31), (1, 0))
    assert len(set(grouped(rows).labels[:4].tolist())) == 1
    held = grouped(rows, cannot=[[0, 2]]).labels
    assert held[0] != held[2]
    together = grouped(rows, must=[[0, 4]]).labels
    assert together[0] == together[4]
    two = grouped(rows, photos=[0, 0, 1, 2, 3], must=[[0, 1]]).labels
    assert two[0] == two[1]  # in a mirror


def test_faces_of_low_quality_join_nobody_and_are_attached():
    # As like one group as the other: of quality it is of either, of none it is nobody's.
    rows = faces((0, 0), (0, 2), (0, 44), (0, 46), (0, 23))
    assert grouped(rows).labels[4] != 2
    found = grouped(rows, quality=[1, 1, 1, 1, 0.1])
    assert found.labels.tolist() == [0, 0, 1, 1, 2]
    found = grouped(faces((0, 0), (0, 2), (0, 15), (0, 16)), quality=[1, 1, 0.1, 0.1])
    assert found.labels.tolist() == [0, 0, 0, 0]
    assert found.attached.tolist() == [False, False, True, True]


def test_two_faces_of_low_quality_are_nobody_together():
    found = grouped(faces((0, 0), (0, 1), (1, 0)), quality=[0.1, 0.1, 1])
    assert found.labels.tolist() == [0, 1, 2]


def test_of_one_photo_only_the_likest_is_attached():
    rows = faces((0, 0), (0, 2), (0, 9), (0, 4))
    found = grouped(rows, quality=[1, 1, 0.1, 0.1], photos=[0, 1, 2, 2])
    assert found.labels.tolist() == [0, 0, 1, 0]


def test_an_attached_face_is_in_no_photo_of_its_group():
    rows = faces((0, 0), (0, 2), (0, 4))
    found = grouped(rows, quality=[1, 1, 0.1], photos=[0, 1, 1])
    assert found.labels.tolist() == [0, 0, 1]


def test_nobody_at_all():
    found = grouped(np.empty((0, 4), np.float32))
    assert found.labels.shape == (0,)
    only_low = grouped(faces((0, 0), (0, 1)), quality=[0.1, 0.1])
    assert only_low.labels.tolist() == [0, 1]


def test_statements_that_contradict_each_other_are_refused():
    with pytest.raises(BadInput, match="one person, and two"):
        grouped(faces((0, 0), (0, 1)), must=[[0, 1]], cannot=[[1, 0]])


def test_a_cell_index_finds_what_all_pairs_have(monkeypatch):
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.standard_normal((60, 16)), 5, axis=0)
    rows = centres + 0.15 * rng.standard_normal(centres.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    limits = replace(LIMITS, first=0.93)
    exact = grouped(rows, photos=np.arange(300), limits=limits).labels
    monkeypatch.setattr("retrieve.indexes.people.groups.graph.EXACT_ROWS", 100)
    assert np.array_equal(grouped(rows, photos=np.arange(300), limits=limits).labels, exact)
