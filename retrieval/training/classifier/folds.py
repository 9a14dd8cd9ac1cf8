"""Examples → folds, of which each is held out once: no group (a work, a file) lies in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput


def folds(labels: Sequence[str], groups: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """(N,) the fold of each example, 0 to count - 1.

    Every class is spread over the folds as evenly as its groups allow; a group of several
    classes goes with the most frequent of them.

    raises  BadInput if a class has one group only: it could not be trained and measured both
    """
    by_group: dict[str, Counter[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        by_group.setdefault(group, Counter())[label] += 1
    of_class: dict[str, list[str]] = {}
    for group in sorted(by_group):
        label = max(sorted(by_group[group]), key=by_group[group].__getitem__)
        of_class.setdefault(label, []).append(group)
    if lonely := [label for label in sorted(set(labels)) if len(of_class.get(label, ())) < 2]:
        raise BadInput(
            "a class needs two groups at least, one to train on and one to measure with; "
            f"these have fewer: {', '.join(lonely[:10])}"
        )
    generator = np.random.default_rng(seed)
    fold: dict[str, int] = {}
    totals = [0] * count
    for label in sorted(of_class):
        own = [0] * count
        drawn = [of_class[label][i] for i in generator.permutation(len(of_class[label]))]
        for group in sorted(drawn, key=lambda one: -by_group[one].total()):  # stable
            least = min(range(count), key=lambda i: (own[i], totals[i], i))
            fold[group] = least
            own[least] += by_group[group].total()
            totals[least] += by_group[group].total()
    return np.array([fold[group] for group in groups], np.int64)
