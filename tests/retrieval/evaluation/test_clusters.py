import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.errors import BadInput
from retrieve.evaluation.clusters import clusters


def naive(groups, people):
    """Both measures as they are defined, face by face and pair by pair."""
    n = range(len(people))
    stated = [(i, j) for i in n for j in n if i < j and groups[i] == groups[j]]
    there = [(i, j) for i in n for j in n if i < j and people[i] == people[j]]
    right = len(set(stated) & set(there))
    shares = []
    for i in n:
        group = {j for j in n if groups[j] == groups[i]}
        person = {j for j in n if people[j] == people[i]}
        common = len(group & person)
        shares.append((common / len(group), common / len(person)))
    return right / len(stated), right / len(there), *np.mean(shares, axis=0)


def test_shares_are_those_of_all_pairs_and_of_each_face():
    rng = np.random.default_rng(0)
    groups, people = rng.integers(0, 9, 60), rng.integers(0, 12, 60).astype(str).tolist()
    found = clusters(groups, people)
    shares = [
        found.pairs.precision,
        found.pairs.recall,
        found.bcubed.precision,
        found.bcubed.recall,
    ]
    assert_allclose(shares, naive(groups, people), atol=1e-12)


def test_counts_tell_what_became_of_people():
    people = ["ana", "ana", "bea", "bea", "bea", "cid", "dora", "eva", "eva"]
    groups = np.array([7, 7, 3, 3, 4, 3, 1, 9, 9])
    found = clusters(groups, people)
    assert (found.groups, found.impure) == (5, 1)
    assert (found.people, found.whole) == (3, 2)  # bea is in two, one of them cid's
    assert (found.singles, found.merged) == (2, 1)


def test_groups_that_are_people_have_ones():
    found = clusters(np.array([5, 5, 1]), ["ana", "ana", "bea"])
    assert (found.pairs.f1, found.bcubed.f1) == (1.0, 1.0)


def test_all_alone_find_nothing_and_state_nothing_wrong():
    found = clusters(np.arange(3), ["ana", "ana", "bea"])
    assert (found.pairs.precision, found.pairs.recall, found.pairs.f1) == (1.0, 0.0, 0.0)


def test_lengths_that_differ_are_refused():
    with pytest.raises(BadInput, match="a group for each"):
        clusters(np.arange(3), ["ana"])
