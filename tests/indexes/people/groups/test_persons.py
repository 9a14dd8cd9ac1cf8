import numpy as np
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.persons import persons_of

NOBODY = -1


def found(labels, persons, said=()):
    marks = np.zeros(len(labels), np.bool_)
    marks[list(said)] = True
    return persons_of(np.array(labels), np.array(persons), marks).tolist()


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


def test_a_group_that_was_said_to_be_two_people_is_refused():
    with pytest.raises(BadInput, match="tear apart"):
        found([0, 0], [7, 9], said=[0, 1])
