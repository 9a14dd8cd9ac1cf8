"""The last step: sentence pairs with a judgement, beside more pairs of inverse cloze.

Judged pairs alone soon make the encoder forget which passage answers what; a batch of each,
and in the end a part of the way back, keep both.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrieve.errors import BadInput
from retrieve.models.text_encoder import TextEncoder
from retrieve.text.words.vocabulary import Vocabulary
from retrieve.training.encoder import loop
from retrieve.training.encoder.loop import Run
from retrieve.training.encoder.losses import contrastive, cosent
from retrieve.training.encoder.pairs import Pairs, Rows

Rows64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Settings:
    """How the step is taken; the defaults are what measured best.

    batch   judged pairs at once
    cloze   pairs of inverse cloze beside them, a multiple of their blocks
    weight  of the judged pairs' loss, beside 1 for inverse cloze
    dropped share of the rows of a sentence left out by chance
    share   of the way from where it began that the model has gone in the end
    """

    epochs: int = 4
    batch: int = 64
    cloze: int = 32
    weight: float = 1.0
    dropped: float = 0.1
    share: float = 0.5
    temperature: float = 0.05
    vector_rate: float = 2e-3
    weight_rate: float = 5e-3
    lstm_rate: float = 5e-4
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Pairs of sentences as rows of a vocabulary, and how close people find them."""

    first: list[list[int]]
    second: list[list[int]]
    scores: list[float]


def read(path: Path, vocabulary: Vocabulary) -> Judged:
    """A CSV of two sentences and a score a line, without those that have no words.

    raises  BadInput if a line is something else
    """
    found = Judged([], [], [])
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, fields in enumerate(csv.reader(file), 1):
                try:
                    one, other, score = fields[0], fields[1], float(fields[2])
                except (IndexError, ValueError):
                    raise BadInput(
                        f"{path}, line {number}: wanted two sentences and a score; got {fields}"
                    ) from None
                rows = vocabulary.rows(one), vocabulary.rows(other)
                if all(rows):
                    found.first.append(rows[0])
                    found.second.append(rows[1])
                    found.scores.append(score)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    if not found.scores:
        raise BadInput(f"wanted judged sentence pairs; {path} holds none")
    return found


def train(
    model: TextEncoder,
    judged: Judged,
    pairs: Pairs,
    settings: Settings,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Take the step, in place. One seed gives one result on one device.

    progress  called with the judged pairs seen and those to see
    """
    begun = {name: value.clone() for name, value in model.state_dict().items()}
    total = settings.epochs * len(judged.scores)
    run = Run(
        model,
        loop.Settings(
            hidden=model.hidden,
            pairs=total,
            vector_rate=settings.vector_rate,
            weight_rate=settings.weight_rate,
            lstm_rate=settings.lstm_rate,
        ),
        device,
    )
    rng = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        order = rng.permutation(len(judged.scores))
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            sentences = [
                [row for row in rows if rng.random() >= settings.dropped] or rows
                for side in (judged.first, judged.second)
                for rows in (side[i] for i in chosen)
            ]
            groups, places = by_length(sentences)
            scores = torch.tensor([judged.scores[i] for i in chosen], device=device)

            def loss(
                found: list[Tensor], places: Rows64 = places, scores: Tensor = scores
            ) -> Tensor:
                sides = torch.cat(found[2:])[torch.from_numpy(places).to(device)]
                first, second = sides.chunk(2)
                return contrastive(
                    found[0], found[1], settings.temperature
                ) + settings.weight * cosent((first * second).sum(1), scores)

            run.learn([*pairs.batch(), *groups], loss)
            run.pairs += len(chosen)
            if progress:
                progress(run.pairs, total)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(torch.lerp(begun[name].to(value.device), value, settings.share))


def by_length(texts: Sequence[Sequence[int]]) -> tuple[list[Rows], Rows64]:
    """Texts of one length each as one array, and for each text where it stands in all of them."""
    lengths = np.array([len(rows) for rows in texts])
    groups = []
    order: list[int] = []
    for length in np.unique(lengths):
        members = np.flatnonzero(lengths == length)
        groups.append(np.array([texts[int(i)] for i in members], np.int32))
        order.extend(members.tolist())
    return groups, np.argsort(order)
