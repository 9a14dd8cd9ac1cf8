"""Which group is which person: ids survive a clustering from nothing.

What somebody said decides first; then a group is the person of whom it holds most faces, those with
the most faces in common first. Who is left is somebody new.

A group may hold faces of several persons of whom something was said, as long as nobody said that
these are two. Whose such a face is was said, and no grouping says otherwise: all others of the
group are one of these persons', and whether the rest of them are is a question.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.attaching import NOBODY
from retrieve.indexes.people.groups.links import Rows

NOBODY_FIRST: Rows = np.empty(0, np.int64)


def persons_of(
    labels: Rows, persons: Rows, said: NDArray[np.bool_], first: Rows = NOBODY_FIRST
) -> Rows:
    """(G,) the person of each group, NOBODY for somebody new; no person is of two groups.

    labels   (N,) the group of each face, 0 to G - 1
    persons  (N,) whose each face was, NOBODY where that was not known
    said     (N,) whether somebody said so
    first    persons who come before others of whom something was said, the first of them first;
             behind them whoever most faces of the group were
    raises   BadInput if faces of which that was said are one person's and in two groups
    """
    G = int(labels.max(initial=-1)) + 1
    found = np.full(G, NOBODY, np.int64)
    pinned = np.unique(np.stack([labels[said], persons[said]], axis=1), axis=0)
    if len(np.unique(pinned[:, 1])) < len(pinned):
        raise BadInput("the groups tear apart what was said of faces: a person is in two")
    # Of the persons of one group the one that is written last stays: whoever comes first.
    n = int(max(persons.max(initial=0), first.max(initial=0))) + 2
    keys, common = np.unique(labels * n + persons + 1, return_counts=True)
    sizes = common[np.searchsorted(keys, pinned[:, 0] * n + pinned[:, 1] + 1)]
    rank = np.full(n, len(first))
    rank[first] = np.arange(len(first))
    order = np.lexsort((-pinned[:, 1], sizes, -rank[pinned[:, 1]]))
    found[pinned[order, 0]] = pinned[order, 1]
    free = (persons != NOBODY) & ~np.isin(persons, pinned[:, 1]) & (found[labels] == NOBODY)
    pairs, common = np.unique(
        np.stack([labels[free], persons[free]], axis=1), axis=0, return_counts=True
    )
    taken: set[int] = set()
    for at in np.lexsort((pairs[:, 0], pairs[:, 1], -common)).tolist():
        label, person = pairs[at].tolist()
        if found[label] == NOBODY and person not in taken:
            found[label] = person
            taken.add(person)
    return found
