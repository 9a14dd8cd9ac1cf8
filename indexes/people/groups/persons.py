"""Which group is which person: ids survive a clustering from nothing.

What somebody said decides first; then a group is the person of whom it holds most faces, those with
the most faces in common first. Who is left is somebody new.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.attaching import NOBODY
from retrieve.indexes.people.groups.links import Rows


def persons_of(labels: Rows, persons: Rows, said: NDArray[np.bool_]) -> Rows:
    """(G,) the person of each group, NOBODY for somebody new; no person is of two groups.

    labels   (N,) the group of each face, 0 to G - 1
    persons  (N,) whose each face was, NOBODY where that was not known
    said     (N,) whether somebody said so
    raises   BadInput if faces of one group are said to be two people's, or a person's are in two
    """
    G = int(labels.max(initial=-1)) + 1
    found = np.full(G, NOBODY, np.int64)
    pinned = np.unique(np.stack([labels[said], persons[said]], axis=1), axis=0)
    for ends, what in ((pinned[:, 0], "group"), (pinned[:, 1], "person")):
        if len(np.unique(ends)) < len(ends):
            raise BadInput(f"the groups tear apart what was said of faces: a {what} is two")
    found[pinned[:, 0]] = pinned[:, 1]
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
