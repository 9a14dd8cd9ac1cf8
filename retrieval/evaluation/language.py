"""How well a model foretells a text: perplexity a piece and a word, beside n-gram models.

Every model is asked for the same pieces, so their figures compare. A word is what stands
between spaces; the end of a line is a word too, as it has to be foretold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.kneser_ney import KneserNey
from retrieve.text.language.model import LanguageModel
from retrieve.text.language.pieces import Pieces

PARTS = 16  # read side by side, for speed; each begins at <SOS>
BASELINES = {"unigram": 1, "bigram": 2, "Kneser-Ney 5-gram": 5}


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text to measure on.

    parts  ids of consecutive lines, each ended by <EOS>
    words  in all of them, ends of lines included
    """

    parts: list[NDArray[np.int64]]
    words: int

    @property
    def pieces(self) -> int:
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Perplexity:
    """What a model makes of a text.

    bits  a piece, with the standard error of that mean over runs of 1,000 pieces
    """

    model: str
    per_word: float
    per_piece: float
    bits: float
    error: float


def text(lines: Iterable[str], pieces: Pieces, *, words: int | None = None) -> Text:
    """The lines in pieces, in PARTS parts of consecutive lines.

    words   at most so many, from the start; None takes all
    raises  BadInput if there is no line with text
    """
    kept: list[str] = []
    count = 0
    for line in lines:
        if stripped := line.strip():
            kept.append(stripped)
            count += len(stripped.split()) + 1
            if words is not None and count >= words:
                break
    if not kept:
        raise BadInput("wanted text to measure on; the file holds none")
    size = math.ceil(len(kept) / PARTS)
    parts = []
    for at in range(0, len(kept), size):
        found = pieces.encode(kept[at : at + size])
        parts.append(np.array([i for line in found for i in (*line, pieces.end)], np.int64))
    return Text(parts, count)


def measure(model: LanguageModel, on: Text) -> Perplexity:
    """What the network makes of a text."""
    return perplexity(model.name, np.concatenate(model.losses(on.parts)), on)


def measure_ngrams(name: str, model: KneserNey, on: Text, pieces: Pieces) -> Perplexity:
    """What an n-gram model makes of a text."""
    before = np.array([pieces.end, pieces.start])
    losses = np.concatenate([model.losses(part, before) for part in on.parts])
    return perplexity(name, losses, on)


def perplexity(name: str, losses: NDArray[np.floating[Any]], on: Text) -> Perplexity:
    """From the negative log-probability (nats) of every piece of a text."""
    losses = losses.astype(np.float64)
    total = float(losses.sum())
    runs = [float(run.mean()) for run in np.array_split(losses, max(len(losses) // 1000, 1))]
    error = float(np.std(runs, ddof=1) / len(runs) ** 0.5) if len(runs) > 1 else math.nan
    return Perplexity(
        name,
        math.exp(total / on.words),
        math.exp(total / on.pieces),
        total / on.pieces / math.log(2),
        error / math.log(2),
    )


def baselines(
    ids: NDArray[np.integer[Any]], pieces: Pieces, on: Sequence[Text]
) -> list[list[Perplexity]]:
    """For each text what n-gram models make of it that were counted on `ids`."""
    found: list[list[Perplexity]] = [[] for _ in on]
    for name, order in BASELINES.items():
        model = KneserNey(ids, len(pieces), order)  # one at a time: they are large
        for rows, one in zip(found, on, strict=True):
            rows.append(measure_ngrams(name, model, one, pieces))
    return found
