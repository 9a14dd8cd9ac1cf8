"""How good word vectors are: analogies by section, similarity against people's judgement.

Sources: Mikolov et al. 2013, "Efficient estimation of word representations" (the
questions-words form); Rubenstein and Goodenough 1965 (similarity by rank correlation).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.verification import Rate, rate
from retrieve.types import Embeddings

BATCH = 1024  # questions searched at once: enough for a search by matrices
NO_SECTION = "all"


class Vocabulary(Protocol):
    """What is asked of word vectors."""

    def row(self, word: str) -> int | None: ...

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> Embeddings: ...


class Nearest(Protocol):
    """The vector search: (Q, D) unit rows and k → scores and rows (Q, k), best first."""

    def __call__(
        self, probes: Embeddings, k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]: ...


@dataclass(frozen=True, slots=True)
class Section:
    """One section of an analogy file.

    asked    questions in the file
    covered  those whose four words are known
    first    share of the covered ones answered right, with its interval; None without any
    """

    name: str
    asked: int
    covered: int
    first: Rate | None


@dataclass(frozen=True, slots=True)
class Correlation:
    """A similarity file: Spearman's ρ over the pairs whose words are known, 95 % interval."""

    asked: int
    covered: int
    spearman: float
    low: float
    high: float


def is_similarity(lines: Sequence[str]) -> bool:
    """Whether a file holds word pairs with a score, not questions of four words."""
    for line in lines:
        fields = _fields(line)
        if fields and not line.startswith((":", "#")):
            return len(fields) == 3 or (len(fields) > 4 and _score(fields[-1]) is not None)
    raise BadInput("the evaluation file is empty; wanted analogies or word pairs with a score")


def analogies(
    lines: Iterable[str], vocabulary: Vocabulary, nearest: Nearest
) -> tuple[list[Section], Section]:
    """Every section in the order of the file, and all of them together.

    A question `a b c d` is right when d is the word nearest to b − a + c, the three asked
    words left out; all words of the vocabulary may be answers.
    A question with an answer of several words counts as asked and not covered.
    raises  BadInput for a line that is neither a section nor four words or more
    """
    questions: dict[str, list[list[int | None]]] = {}
    section = NO_SECTION
    for number, line in enumerate(lines, 1):
        fields = _fields(line)
        if line.startswith(":"):
            section = line[1:].strip()
        elif len(fields) == 4 and not line.startswith("#"):
            questions.setdefault(section, []).append([vocabulary.row(word) for word in fields])
        elif len(fields) > 4 and not line.startswith("#"):
            questions.setdefault(section, []).append([None])  # a word of several, by blanks
        elif fields and not line.startswith("#"):
            raise BadInput(f"line {number}: wanted four words; got {line.strip()[:60]!r}")
    covered = [[four for four in asked if None not in four] for asked in questions.values()]
    every = np.array([four for known in covered for four in known], np.int64).reshape(-1, 4)
    right = _right(every, vocabulary, nearest)
    sections, first = [], 0
    for (name, asked), known in zip(questions.items(), covered, strict=True):
        hits = int(right[first : first + len(known)].sum())
        first += len(known)
        share = rate(hits, len(known)) if known else None
        sections.append(Section(name, len(asked), len(known), share))
    if not first:
        raise BadInput("no question has all of its four words in the vocabulary")
    asked_in_all = sum(section.asked for section in sections)
    return sections, Section("total", asked_in_all, first, rate(int(right.sum()), first))


def _right(
    questions: NDArray[np.int64], vocabulary: Vocabulary, nearest: Nearest
) -> NDArray[np.bool_]:
    """Whether each of the (N, 4) questions is answered right."""
    right = np.zeros(len(questions), bool)
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        a, b, c = (vocabulary.vectors(batch[:, i]) for i in range(3))
        targets = b - a + c
        targets /= np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-12)
        _, rows = nearest(targets, 4)
        for i, (found, four) in enumerate(zip(rows, batch, strict=True), start):
            answers = [row for row in found if row not in four[:3]]
            right[i] = bool(answers) and answers[0] == four[3]
    return right


def similarity(lines: Iterable[str], vocabulary: Vocabulary) -> Correlation:
    """Spearman's ρ between scores of people and cosines; Fisher's interval.

    A pair with a word of several (caja de cerillas) counts as asked and not covered.
    raises  BadInput for a line without two words and a number, or fewer than four known pairs
    """
    judged, scored, asked = [], [], 0
    for number, line in enumerate(lines, 1):
        fields = _fields(line)
        if not fields or line.startswith("#"):
            continue
        score = _score(fields[-1])
        if len(fields) < 3 or score is None:
            raise BadInput(
                f"line {number}: wanted two words and a score; got {line.strip()[:60]!r}"
            )
        asked += 1
        if len(fields) > 3:
            continue
        rows = [row for row in map(vocabulary.row, fields[:2]) if row is not None]
        if len(rows) == 2:
            vectors = vocabulary.vectors(rows)
            judged.append(score)
            scored.append(float(vectors[0] @ vectors[1]))
    if len(judged) < 4:
        raise BadInput(f"of {asked} pairs {len(judged)} are known; a correlation needs four")
    return correlation(judged, scored, asked)


def _fields(line: str) -> list[str]:
    """The words of a line: between tabs where there are any, so that one may hold blanks."""
    return [field.strip() for field in line.split("\t")] if "\t" in line.strip() else line.split()


def _score(field: str) -> float | None:
    try:
        return float(field.replace(",", "."))
    except ValueError:
        return None


def correlation(judged: Sequence[float], scored: Sequence[float], asked: int) -> Correlation:
    """Spearman's ρ of four or more judgements and scores, with Fisher's interval."""
    rho = float(np.corrcoef(_ranks(judged), _ranks(scored))[0, 1])
    # Fieller et al. 1957: the standard error of Spearman's z is sqrt(1.06 / (n - 3)).
    margin = 1.96 * np.sqrt(1.06 / (len(judged) - 3))
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return Correlation(
        asked, len(judged), rho, float(np.tanh(z - margin)), float(np.tanh(z + margin))
    )


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """(N,) ranks, 1 for the lowest value; equal ones share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])
