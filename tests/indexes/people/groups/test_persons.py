import numpy as np
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.persons import persons_of

NOBODY = -1


def found(labels, persons, said=(), first=()):
    marks = np.zeros(len(labels), np.bool_)
    marks[list(said)] = True
    before_others = np.array(first, np.int64)
    return persons_of(np.array(labels), np.array(persons), marks, before_others).tolist()


def test_a_group_is_the_person_of_whom_it_holds_most():
    assert found([0, 0, 0, 1, 1], [7, 7, 9, 9, 9]) == [7, 9]


def test_of_two_parts_of_a_person_the_larger_keeps_the_number():
    assert found([0, 1, 1], [7, 7, 7]) == [NOBODY, 7]


def test_who_has_lost_a_number_takes_the_next():
    assert found([0, 0, 0, 1, 1, 1], [7, 7, 7, 7, 7, 9]) == [7, 9]


def test_what_was_said_comes_before_the_largest_overlap():
    assert found([0, 0, 0, 1], [7, 7, 7, 7], said=[3]) == [NOBODY, 7]


def test_new_faces_are_somebody_new():
    assert found([0, 1], [NOBODY, NOBODY]) == [NOBODY, NOBODY]


def test_of_two_of_whom_something_was_said_the_one_with_more_faces_is_the_group():
    assert found([0, 0, 0, 0], [7, 9, 9, NOBODY], said=[0, 1]) == [9]
    assert found([0, 0, 0], [7, 9, NOBODY], said=[0, 1]) == [7]
    assert found([0, 0, 0, 1], [7, 9, 9, 9], said=[0, 1]) == [9, NOBODY]


def test_who_comes_first_is_the_group_however_few_faces_there_are():
    faces = [5, 5, 5, 7, 9]
    assert found([0, 0, 0, 0, 0], faces, said=[0, 3, 4], first=[9, 7]) == [9]
    assert found([0, 0, 0, 0, 0], faces, said=[0, 3], first=[9, 7]) == [7]
    assert found([0, 0, 0, 0, 0], faces, said=[0], first=[9, 7, 100]) == [5]


def test_a_person_whose_faces_were_said_to_be_one_in_two_groups_is_refused():
    with pytest.raises(BadInput, match="tear apart"):
        found([0, 1], [7, 7], said=[0, 1])
