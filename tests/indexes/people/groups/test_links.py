import numpy as np
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.people.groups import links


def test_components_are_what_edges_connect():
    a, b = np.array([5, 0, 7, 3]), np.array([6, 5, 3, 1])
    assert links.components(9, a, b).tolist() == [0, 1, 2, 1, 3, 0, 0, 1, 4]


def test_components_of_a_long_chain():
    order = np.random.default_rng(0).permutation(2000)
    assert set(links.components(2000, order[:-1], order[1:]).tolist()) == {0}


def test_pairs_within_groups_are_all_of_them():
    groups = np.array([4, 1, 4, 4, 1, 2])
    wanted = {(0, 2), (0, 3), (2, 3), (1, 4)}
    assert {tuple(pair) for pair in links.pairs_within(groups).tolist()} == wanted


def test_faces_of_one_photo_are_apart_unless_they_are_said_to_be_one():
    none, photos = np.empty((0, 2), np.int64), np.array([0, 0, 1])
    assert links.apart(np.array([0, 1, 2]), none, photos).tolist() == [[0, 1]]
    assert links.apart(np.array([0, 0, 1]), none, photos).tolist() == []


def test_one_person_and_two_at_once_is_refused():
    with pytest.raises(BadInput, match="rows 0 and 2"):
        links.apart(np.array([0, 1, 0]), np.array([[0, 2]]), np.arange(3))


def test_rows_that_there_are_not_are_refused():
    with pytest.raises(BadInput, match="rows 0 to 2"):
        links.checked_pairs(np.array([[0, 3]]), 3, "pairs")
