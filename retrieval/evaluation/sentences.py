"""How well scores of sentence pairs agree with people's judgement.

Source: Cer et al. 2017, "SemEval-2017 task 1: semantic textual similarity".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieve.errors import BadInput
from retrieve.evaluation.words import Correlation, correlation
from retrieve.text.encoders.encode import TextEncoder, embed_alike

FEWEST = 4  # pairs that a correlation needs


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences and how close people find them, on any scale."""

    first: str
    second: str
    judged: float


def pairs(lines: Iterable[str]) -> list[Pair]:
    """The pairs of a CSV: two sentences and a score a line; a line of titles may come first.

    raises  BadInput for a line that is something else
    """
    found: list[Pair] = []
    for number, fields in enumerate(csv.reader(lines), 1):
        try:
            first, second, judged = fields
            found.append(Pair(first, second, float(judged)))
        except ValueError:
            if number == 1 and len(fields) == 3:
                continue  # titles
            raise BadInput(
                f"line {number}: wanted two sentences and a score; got {','.join(fields)[:60]!r}"
            ) from None
    return found


def similarity(encoder: TextEncoder, judged: Sequence[Pair]) -> Correlation:
    """Spearman's ρ between the judgements and the cosines; pairs it cannot embed are not covered.

    raises  BadInput if fewer than four pairs are covered
    """
    known = [one for one in judged if encoder.covers(one.first) and encoder.covers(one.second)]
    if len(known) < FEWEST:
        raise BadInput(
            f"{encoder.name} can embed {len(known)} of {len(judged)} pairs; "
            f"a correlation needs {FEWEST}"
        )
    first = embed_alike(encoder, [one.first for one in known])
    second = embed_alike(encoder, [one.second for one in known])
    scores = (first * second).sum(axis=1)
    return correlation([one.judged for one in known], scores.tolist(), len(judged))
