"""Pull inflected and derived words to where their rule says they belong.

A rule's offset is the mean of form − base over the pairs that the text knows well. A form
moves toward its base plus that offset, the further the rarer it is: what the text saw ten
times is mostly chance, what it saw ten thousand times knows best itself (shrinkage toward
the rule). Bases learn from their forms in the same way first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.text.inflection import Form
from retrieval.training.words.compose import Matrix, normalized

INFLECTION = 0.6  # how far a frequent form moves toward its rule
DERIVATION = 0.3
RARE = 100  # a form seen so often moves half of the rest of the way
FEWEST_PAIRS = 5  # a rule with fewer has no offset worth the name
KNOWN = 50  # occurrences of form and base from which a pair speaks for its rule


def pull(
    vectors: Matrix,
    words: list[str],
    counts: NDArray[np.int64],
    forms: Sequence[Form],
    strength: float,
) -> Matrix:
    """(N, D) unit vectors with each form pulled toward base + offset of its rule.

    forms  bases stand before what is made from them
    """
    row_of = {word: row for row, word in enumerate(words)}
    known = [form for form in forms if form.base in row_of and form.form in row_of]
    pairs: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for form in known:
        pairs[form.rule].append((row_of[form.base], row_of[form.form]))
    offsets = {rule: _offset(vectors, counts, of) for rule, of in pairs.items()}
    moved = vectors.copy()
    for form in known:
        offset = offsets[form.rule]
        if offset is None:
            continue
        base, row = row_of[form.base], row_of[form.form]
        share = strength + (1 - strength) * RARE / (RARE + counts[row])
        moved[row] = (1 - share) * moved[row] + share * (moved[base] + offset)
    return normalized(moved)


def _offset(
    vectors: Matrix, counts: NDArray[np.int64], pairs: list[tuple[int, int]]
) -> Matrix | None:
    if len(pairs) < FEWEST_PAIRS:
        return None
    base, form = np.array(pairs).T
    sure = np.minimum(counts[base], counts[form]) >= KNOWN
    if sure.sum() >= FEWEST_PAIRS:
        base, form = base[sure], form[sure]
    return np.asarray((vectors[form] - vectors[base]).mean(axis=0))
