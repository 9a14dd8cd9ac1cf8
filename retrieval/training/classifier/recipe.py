"""Labelled texts → a classifier's file and what was measured on the way.

The texts are dealt into folds by group. Each fold is held out once (or only the first few): a
network trained on the others gives it logits. From these come the figures, the temperature and
the threshold; the network that is kept is then trained on all texts. What a figure says of a
fold uses a temperature and a threshold that were fitted on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.classification import Quality, auroc, calibration_error, quality
from retrieve.extras import optional
from retrieve.text.classifiers.classify import familiarity, open_encoder, probabilities
from retrieve.text.classifiers.file import About, Fitted, length_of, save
from retrieve.text.encoders.ngrams import NGRAMS, Grams
from retrieve.text.language.pieces import Pieces, open_pieces
from retrieve.training.classifier import fitted
from retrieve.training.classifier.examples import Examples
from retrieve.training.classifier.folds import folds
from retrieve.training.classifier.linear import LinearTrainer
from retrieve.training.classifier.linear import Settings as LinearSettings

LINEAR, LSTM = "linear", "lstm"

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
OnProgress = Callable[[str, int, int], object]  # what is done, how much of it, how much in all


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a classifier is made.

    model    "linear", a layer on an encoder, or "lstm", end to end
    encoder  of the layer; `grams` is what `ngrams` counts
    folds    into which the texts are dealt
    rounds   how many of them are held out, each at the cost of one training
    passes   share of the texts of the classes that "none of these" lets pass
    unknown  measure texts of none: one more training a class, which it is left out of
    lstm     fields of `retrieve.training.classifier.lstm.Settings`
    none     label of texts of none of the classes, which a linear layer learns to keep apart: the
             logits are then measured against theirs, and so is what is familiar
    """

    model: str = LINEAR
    encoder: str = NGRAMS
    grams: Grams = field(default_factory=Grams)
    linear: LinearSettings = field(default_factory=LinearSettings)
    lstm: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 5
    rounds: int = 5
    passes: float = 0.95
    unknown: bool = False
    seed: int = 1
    none: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Texts of classes that were left out of the training, one class at a time.

    auroc     how probable it is that a text of a known class is more familiar
    passed    share of the texts of known classes that reached the threshold
    rejected  share of the others that did not
    """

    auroc: float
    passed: float
    rejected: float


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was measured on held-out texts.

    examples, groups  that were trained on in the end
    ece_before        calibration error at temperature 1; that after is in `quality`. Where fitting
                      a temperature makes it no smaller it stays 1
    passed            share of the held-out texts that reach a threshold fitted on others
    """

    quality: Quality
    examples: int
    groups: int
    held_out: int
    ece_before: float
    passed: float
    fitted: Fitted
    unknown: Unknown | None


class Layer(Protocol):
    """A trained network, in 8 bits as its file has it."""

    @property
    def arrays(self) -> dict[str, NDArray[Any]]: ...

    def logits(self, chosen: Labels) -> Floats: ...


class Trainer(Protocol):
    """What trains networks on some of N texts."""

    def fit(self, chosen: Labels, truth: Labels, classes: int, name: str) -> Layer: ...


def train(
    examples: Examples,
    out: Path,
    *,
    recipe: Recipe,
    name: str,
    work: Path,
    licence: str = "unknown",
    sources: Sequence[str] = (),
    pieces: Path | None = None,
    dealt: Mapping[str, int] | None = None,
    progress: OnProgress | None = None,
) -> Report:
    """Train a classifier, write its file, and say how good it is.

    work     folder for the checkpoints of an LSTM and for fitted layers
    pieces   sentencepiece model of an LSTM; None is the shipped one
    dealt    the fold of each group; None deals them by chance, evenly for every class
    raises   BadInput if there are too few examples or groups, or no such model or encoder
    """
    tell = progress or (lambda what, done, total: None)
    about, trainer, kept = _trainer(examples, recipe, name, work, pieces, tell)
    labels = [examples.labels[i] for i in kept]
    groups = [examples.groups[i] for i in kept]
    classes = tuple(sorted(set(labels) - {recipe.none}))
    number: dict[str | None, int] = {label: i for i, label in enumerate(classes)}
    number.setdefault(recipe.none, len(classes))
    truth = np.array([number[label] for label in labels], np.int64)
    fold_of = (
        folds(labels, groups, recipe.folds, recipe.seed)
        if dealt is None
        else np.array([dealt[group] for group in groups], np.int64)
    )
    known = truth < len(classes)
    held = [np.flatnonzero((fold_of == fold) & known) for fold in range(recipe.rounds)]
    logits = np.zeros((len(truth), len(classes)), np.float32)
    for fold, out_of_it in enumerate(held):
        tell("held-out folds", fold, recipe.rounds)
        others = np.flatnonzero(fold_of != fold)
        layer = trainer.fit(others, truth[others], len(classes), f"fold-{fold}")
        logits[out_of_it] = layer.logits(out_of_it)
    lengths = np.array([length_of(examples.texts[i]) for i in kept], np.int64)
    report = _measure(classes, truth, groups, logits, held, lengths, recipe)
    if recipe.unknown:
        found = _unknown(trainer, truth, fold_of, held[0], len(classes), recipe, tell)
        report = replace(report, unknown=found)
    tell("all texts", 0, 1)
    whole = trainer.fit(np.arange(len(truth)), truth, len(classes), "whole")
    tell("all texts", 1, 1)
    save(
        out,
        About(
            classes=classes,
            fitted=report.fitted,
            licence=licence,
            sources=tuple(sources),
            recipe=asdict(recipe),
            figures=figures(report),
            **about,
        ),
        whole.arrays,
    )
    return report


def figures(report: Report) -> dict[str, Any]:
    """What is kept of a report in the file, and printed as JSON."""
    accuracy = report.quality.accuracy
    found: dict[str, Any] = {
        "accuracy": round(accuracy.value, 4),
        "low": round(accuracy.low, 4),
        "high": round(accuracy.high, 4),
        "examples": report.examples,
        "groups": report.groups,
        "held_out": report.held_out,
        "ece_before": round(report.ece_before, 4),
        "ece": round(report.quality.ece, 4),
        "passed": round(report.passed, 4),
    }
    if report.unknown is not None:
        found["unknown"] = {name: round(value, 4) for name, value in asdict(report.unknown).items()}
    return found


def _trainer(
    examples: Examples,
    recipe: Recipe,
    name: str,
    work: Path,
    pieces: Path | None,
    tell: OnProgress,
) -> tuple[dict[str, Any], Trainer, list[int]]:
    """What is said of the model in its file, its trainer, and which examples it can use."""
    if recipe.folds < 2 or not 1 <= recipe.rounds <= recipe.folds:
        raise BadInput(
            f"wanted two folds or more, and one to all of them held out; got {recipe.folds} and "
            f"{recipe.rounds}"
        )
    about: dict[str, Any] = {"name": name, "model": recipe.model}
    if recipe.model == LSTM:
        if recipe.none is not None:
            raise BadInput("an LSTM learns no texts of none of the classes; a linear layer does")
        opened: Pieces = open_pieces(pieces)
        encoded = opened.encode(examples.texts)
        kept = [i for i, ids in enumerate(encoded) if ids]
        with optional("training an LSTM"):
            from retrieve.training.classifier.lstm import LstmTrainer, Settings

        settings = Settings(seed=recipe.seed, **recipe.lstm)
        texts = [examples.texts[i] for i in kept]
        return about, LstmTrainer(opened, texts, settings, work, tell), kept
    if recipe.model != LINEAR:
        raise BadInput(f"no model is called {recipe.model!r}; there are: {LINEAR}, {LSTM}")
    encoder = open_encoder(recipe.encoder, recipe.grams)
    kept = [i for i, text in enumerate(examples.texts) if encoder.covers(text)]
    about |= {"encoder": recipe.encoder, "encoder_sha256": encoder.weights_sha256}
    if recipe.encoder == NGRAMS:
        about["grams"] = asdict(recipe.grams)
    texts = [examples.texts[i] for i in kept]
    return about, LinearTrainer(encoder, texts, recipe.linear, work), kept


def _measure(
    classes: Sequence[str],
    truth: Labels,
    groups: Sequence[str],
    logits: Floats,
    held: Sequence[Labels],
    lengths: Labels,
    recipe: Recipe,
) -> Report:
    every = np.concatenate(held)
    parts = held
    if len(held) == 1:
        # One fold has to serve for both: halves of it, by group.
        half = {group: i % 2 for i, group in enumerate(sorted({groups[i] for i in every}))}
        sides = np.array([half[groups[i]] for i in every])
        parts = [every[sides == 0], every[sides == 1]]
    place = np.empty(len(truth), np.int64)
    place[every] = np.arange(len(every))
    places = [place[part] for part in parts]
    before = calibration_error(truth[every], probabilities(logits[every], Fitted()))
    found, reached = fitted.crossed(
        logits[every], truth[every], places, recipe.passes, lengths[every]
    )
    # On some texts a temperature that was fitted to others is farther from the truth than none.
    tempered = calibration_error(truth[every], found) < before
    if not tempered:
        found, reached = fitted.crossed(
            logits[every], truth[every], places, recipe.passes, lengths[every], tempered=False
        )
    return Report(
        quality(classes, truth[every], found, [groups[i] for i in every]),
        examples=len(truth),
        groups=len(set(groups)),
        held_out=len(every),
        ece_before=before,
        passed=float(reached.mean()),
        fitted=fitted.fit(
            logits[every], truth[every], recipe.passes, lengths[every], tempered=tempered
        ),
        unknown=None,
    )


def _unknown(
    trainer: Trainer,
    truth: Labels,
    fold_of: Labels,
    held: Labels,
    classes: int,
    recipe: Recipe,
    tell: OnProgress,
) -> Unknown:
    """Leave each class out of the training, and see whether its texts are noticed.

    The temperature and the threshold come from one half of the held-out texts of the other
    classes, the share that passes from the other half.
    """
    if classes < 3:
        raise BadInput("to leave a class out takes three classes at least; there are two")
    found: list[tuple[float, float, float]] = []
    for left_out in range(classes):
        tell("classes left out", left_out, classes)
        chosen = np.flatnonzero((fold_of != 0) & (truth != left_out))
        # Without the one left out; what is none of the classes stays the last.
        numbers = np.cumsum(np.arange(classes + 1) != left_out) - 1
        layer = trainer.fit(chosen, numbers[truth[chosen]], classes - 1, f"without-{left_out}")
        known = held[truth[held] != left_out]
        strange = np.flatnonzero(truth == left_out)
        logits = layer.logits(known)
        to_fit, to_pass = np.arange(0, len(known), 2), np.arange(1, len(known), 2)
        after = fitted.fit(logits[to_fit], numbers[truth[known[to_fit]]], recipe.passes)
        assert after.threshold is not None
        passing = familiarity(logits[to_pass], after)
        refused = familiarity(layer.logits(strange), after)
        found.append(
            (
                auroc(passing, refused),
                float((passing >= after.threshold).mean()),
                float((refused < after.threshold).mean()),
            )
        )
    tell("classes left out", classes, classes)
    return Unknown(*(float(value) for value in np.mean(found, axis=0)))
