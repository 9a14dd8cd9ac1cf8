"""How well groups of faces are the people that they show.

Two faces in one group are a pair that the groups state; precision is the share of those that
show one person, recall the share of one person's pairs that are stated. B-cubed counts the same
for each face and takes the mean, so that a person of many photos does not weigh the square of
them (Bagga and Baldwin 1998, "Entity-based cross-document coreferencing using the vector space
model").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two shares, 0 to 1.

    precision  of what the groups state, how much is so
    recall     of what is so, how much they state
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Clusters:
    """Groups against people.

    pairs    pairs of faces; without a pair to state or to find that is 1
    bcubed   faces
    groups   how many there are
    impure   of them show two people or more
    people   who have two faces or more
    whole    of those stand in one group that shows nobody else
    singles  people who have one face
    merged   of those stand in a group that shows somebody else
    """

    pairs: Agreement
    bcubed: Agreement
    groups: int
    impure: int
    people: int
    whole: int
    singles: int
    merged: int


def clusters(groups: NDArray[np.integer[Any]], people: Sequence[str]) -> Clusters:
    """How well groups are people.

    groups  (N,) the group of each face; a face that is in none has a group of its own
    people  N identities: of faces whose person is known, the others are to be left out
    raises  BadInput without a face, or if the two do not fit
    """
    if groups.shape != (len(people),) or not len(people):
        raise BadInput(f"wanted a group for each of N faces; got {groups.shape}, {len(people)}")
    _, group = np.unique(groups, return_inverse=True)
    _, person = np.unique(np.asarray(people, np.str_), return_inverse=True)
    n = int(person.max()) + 1
    cells, counts = np.unique(group * n + person, return_counts=True)
    of_group, of_person = cells // n, cells % n
    group_sizes, person_sizes = np.bincount(group), np.bincount(person)
    shown = np.bincount(of_group)  # people in each group
    parts = np.bincount(of_person)  # groups of each person
    alone = np.ones(n, np.bool_)  # nobody else is in a group of theirs
    alone[of_person[shown[of_group] > 1]] = False
    several = person_sizes > 1
    right = _pairs(counts)
    stated, there = _pairs(group_sizes), _pairs(person_sizes)
    weights = counts / len(people)
    return Clusters(
        Agreement(right / stated if stated else 1.0, right / there if there else 1.0),
        Agreement(
            float(np.sum(weights * counts / group_sizes[of_group])),
            float(np.sum(weights * counts / person_sizes[of_person])),
        ),
        groups=len(group_sizes),
        impure=int(np.count_nonzero(shown > 1)),
        people=int(np.count_nonzero(several)),
        whole=int(np.count_nonzero(several & alone & (parts == 1))),
        singles=int(np.count_nonzero(~several)),
        merged=int(np.count_nonzero(~several & ~alone)),
    )


def _pairs(sizes: NDArray[np.integer[Any]]) -> float:
    """How many pairs there are within groups of these sizes."""
    return float(np.sum(sizes.astype(np.float64) * (sizes - 1)) / 2)
