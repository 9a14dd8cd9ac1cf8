"""Pull inflected and derived words to where their rule says they belong.

A rule's offset is the mean of form − base over the pairs that the text knows well. A form
moves toward its base plus that offset, the further the rarer it is: what the text saw ten
times is mostly chance, what it saw ten thousand times knows best itself (shrinkage toward
the rule). Bases learn from their forms in the same way first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.text.words.inflection import ADVERB, VERB, Form
from retrieve.training.words.compose import Matrix

INFLECTION = 0.6  # how far a frequent form moves toward its rule
DERIVATION = 0.2
FREQUENT = 1000  # a derived word so frequent moves half as far: it has a meaning of its own
RARE = 100  # so often seen, a form moves half of the rest of the way
RARELY_DERIVED = 0  # the text knows even rare derived words better than their rules do
REACH = 1.2  # of the median distance between form and base: the length of an offset
NO_AGREEMENT, FULL_AGREEMENT = 0.15, 0.3  # mean cosine of a rule's pairs with their mean
MISFITS = 0.05  # the share of a rule's pairs that is taken for chance likeness
FEWEST_PAIRS = 10  # a rule with fewer has no offset worth the name
KNOWN = 50  # occurrences of form and base from which a pair speaks for its rule


def pull(
    vectors: Matrix,
    words: list[str],
    counts: NDArray[np.int64],
    forms: Sequence[Form],
    strength: float,
    *,
    frequent: float = np.inf,
    rare: float = RARE,
    listed: frozenset[str] = frozenset(),
    only: frozenset[str] | None = None,
) -> Matrix:
    """(N, D) unit vectors with each form pulled toward base + offset of its rule.

    forms     bases stand before what is made from them
    strength  0 to 1, how far; less for a form that occurs `frequent` times or more
    rare      a form that occurs so often moves half of the rest of the way
    listed    words that a dictionary lists by themselves, nouns and adjectives: as a verb's
              form such a word has to fit as well as half of them do, and one that is not
              among them need not fit at all
    only      forms that are moved, where not all of them are
    """
    row_of = {word: row for row, word in enumerate(words)}
    known = [form for form in forms if form.base in row_of and form.form in row_of]
    pairs: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for form in known:
        pairs[form.rule].append((row_of[form.base], row_of[form.form]))
    rules = {rule: _rule(rule, vectors, counts, of) for rule, of in pairs.items()}
    moved = vectors.copy()
    for form in known:
        rule = rules[form.rule]
        if rule is None or (only is not None and form.form not in only):
            continue
        base, row = row_of[form.base], row_of[form.form]
        needed = rule.half_fit if _like_a_noun(form) and form.form in listed else rule.least_fit
        sure = form.form not in listed or form.rule.startswith(f"{VERB} pretérito")
        if listed and form.rule.startswith(VERB) and sure:
            needed = -1.0  # no dictionary has it as another word, or it is seldom that: dije
        if counts[row] >= KNOWN and _fit(vectors, rule.offset, base, row) < needed:
            continue
        known_well = 1 / (1 + counts[row] / frequent)
        least = strength * known_well
        share = rule.weight * (least + (1 - least) * rare / (rare + counts[row]))
        place = moved[base] + rule.offset
        place /= np.linalg.norm(place)
        moved[row] = (1 - share) * moved[row] + share * place
        moved[row] /= np.linalg.norm(moved[row])
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What a rule has learnt from its pairs.

    offset     (D,) from base to form
    weight     0 to 1, how far the pairs agree on it
    least_fit  score of a form with base + offset below which it is no form of that base, but
               a word of its own that looks like one: `comida` of `comer`, `cuerda` of `cuerdo`
    half_fit   what half of the pairs exceed
    """

    offset: Matrix
    weight: float
    least_fit: float
    half_fit: float


def _fit(vectors: Matrix, offset: Matrix, base: Any, form: Any) -> Any:
    """Score of form with base + offset, for one row or many."""
    place = vectors[base] + offset
    lengths = np.linalg.norm(place, axis=-1) * np.linalg.norm(vectors[form], axis=-1)
    return (place * vectors[form]).sum(axis=-1) / np.maximum(lengths, 1e-12)


def _like_a_noun(form: Form) -> bool:
    """Whether a form of a verb ends as nouns do: canta, cante, canto."""
    return form.rule.startswith((f"{VERB} presente", f"{VERB} subjuntivo"))


def _rule(
    rule: str, vectors: Matrix, counts: NDArray[np.int64], pairs: list[tuple[int, int]]
) -> Rule | None:
    if len(pairs) < FEWEST_PAIRS:
        return None
    base, form = np.array(pairs).T
    sure = np.minimum(counts[base], counts[form]) >= KNOWN
    if sure.sum() >= FEWEST_PAIRS:
        base, form = base[sure], form[sure]
    steps = vectors[form] - vectors[base]
    mean = steps.mean(axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    length = float(np.linalg.norm(mean))
    agreement = float((steps @ mean / np.maximum(lengths * length, 1e-9)).mean())
    weight = float(np.clip((agreement - NO_AGREEMENT) / (FULL_AGREEMENT - NO_AGREEMENT), 0, 1))
    # What differs from pair to pair cancels in the mean and leaves it short. At that length
    # forms would crowd around their base, and stand before every other answer.
    stretch = max(1.0, REACH * float(np.median(lengths)) / max(length, 1e-9))
    offset = np.asarray(mean * np.float32(stretch))
    fits = _fit(vectors, offset, base, form)
    least = -1.0 if rule == ADVERB else float(np.quantile(fits, MISFITS))
    return Rule(offset, weight, least, float(np.quantile(fits, 0.5)))
