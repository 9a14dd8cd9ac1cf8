"""Counting n-grams by sorting against counting them in dictionaries."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose

from retrieve.evaluation.kneser_ney import FALLBACK, KneserNey

SIZE = 15


@pytest.fixture(scope="module")
def stream():
    generator = np.random.default_rng(1)
    table = generator.dirichlet(np.full(12, 0.3), size=12)
    ids = [0]
    for _ in range(2500):
        ids.append(int(generator.choice(12, p=table[ids[-1]])))
    return np.array(ids)


def _in_dictionaries(ids, order):
    """p(piece, context) by the formulas of Chen & Goodman 1998, as they stand there."""
    ids = ids.tolist()
    grams = {
        n: Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
        for n in range(1, order + 2)
    }
    counts = {order: grams[order]}
    for n in range(1, order):
        places = defaultdict(set)
        for gram in grams[n + 1]:
            places[gram[1:]].add(gram[0])
        counts[n] = {gram: len(places[gram]) for gram in grams[n]}
    discounts = {}
    for n, some in counts.items():
        of = Counter(some.values())
        if min(of[1], of[2], of[3], of[4]) == 0:
            discounts[n] = FALLBACK
            continue
        y = of[1] / (of[1] + 2 * of[2])
        found = [c - (c + 1) * y * of[c + 1] / of[c] for c in (1, 2, 3)]
        discounts[n] = [f if 0 < f < c else FALLBACK[c - 1] for c, f in enumerate(found, 1)]

    def taken(n, count):
        return discounts[n][min(count, 3) - 1] if count else 0.0

    def probability(piece, context):
        if len(context) >= order:
            context = context[len(context) - order + 1 :]
        lower = probability(piece, context[1:]) if context else 1 / SIZE
        n = len(context) + 1
        followers = {gram: c for gram, c in counts[n].items() if gram[:-1] == context}
        total = sum(followers.values())
        if total == 0:
            return lower
        count = followers.get((*context, piece), 0)
        left = sum(taken(n, c) for c in followers.values()) / total
        return (count - taken(n, count)) / total + left * lower

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_gives_what_dictionaries_give(stream, order):
    probability = _in_dictionaries(stream, order)
    asked = np.array([3, 1, 14, 5, 5, 2, 0, 7, 11, 2, 9])
    before = stream[100:104]
    whole = (*before.tolist(), *asked.tolist())
    want = [
        -math.log(probability(whole[i], whole[max(i - order + 1, 0) : i]))
        for i in range(4, len(whole))
    ]
    assert_allclose(KneserNey(stream, SIZE, order).losses(asked, before), want, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one_after_known_and_unknown_contexts(stream, order):
    model = KneserNey(stream, SIZE, order)
    for context in (stream[7:20], np.array([14, 13, 14, 13, 12])):
        total = sum(math.exp(-model.losses(np.array([i]), context)[0]) for i in range(SIZE))
        assert total == pytest.approx(1, abs=1e-9)


def test_longer_contexts_foretell_the_text_they_were_counted_on_better(stream):
    losses = [
        KneserNey(stream, SIZE, n).losses(stream[1:], stream[:1]).mean() for n in (1, 2, 3, 5)
    ]
    assert losses == sorted(losses, reverse=True)
