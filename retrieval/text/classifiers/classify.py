"""Texts → classes with probabilities, or none of them.

A classifier is a linear layer on an encoder, or an LSTM over pieces (lstm_classifier); its file
tells which, and no torch is imported for either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, WeightsError
from retrieve.text.classifiers.file import (
    SCALES,
    SUFFIX,
    About,
    Arrays,
    Fitted,
    length_of,
    read,
)
from retrieve.text.encoders.encode import TextEncoder, open_text_encoder, shipped
from retrieve.text.encoders.ngrams import NGRAMS, Counts, Grams, NgramEncoder

LANGUAGES = "languages"
GATHERED = 1 << 19  # n-grams whose weights are read at once; bounds memory to about 50 MB

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A class and how probable it is, 0 to 1, among the classes that there are."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier says of a text.

    label        the most probable class, or None for none of them
    ranked       all classes, the most probable first
    familiarity  of a text, to compare with the classifier's threshold
    """

    label: str | None
    ranked: tuple[Ranked, ...]
    familiarity: float


class Network(Protocol):
    """What gives each class a number."""

    def covers(self, text: str) -> bool: ...

    def logits(self, texts: Sequence[str]) -> Floats:
        """(N, K) for N texts that are covered."""
        ...


class Classifier:
    """A network with its classes and what was fitted after it."""

    def __init__(self, about: About, network: Network) -> None:
        self.about = about
        self.network = network

    @property
    def classes(self) -> tuple[str, ...]:
        return self.about.classes

    def covers(self, text: str) -> bool:
        """Whether the text holds something to classify by."""
        return self.network.covers(text)

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        """What each text is; raises BadInput that names the texts which `covers` refuses."""
        logits = self.network.logits(texts)
        fitted = self.about.fitted
        return verdicts(
            self.classes,
            probabilities(logits, fitted),
            familiarity(logits, fitted),
            fitted,
            [length_of(text) for text in texts],
        )

    def classify_document(self, passages: Sequence[str]) -> Verdict:
        """What several passages are together; long ones count for more.

        Probabilities and familiarity are averaged, not multiplied: passages of one document
        resemble each other, and their product would be far too sure.
        raises  BadInput if no passage is covered
        """
        covered = [passage for passage in passages if self.covers(passage)]
        if not covered:
            raise BadInput("wanted text to classify; it holds no letter")
        logits = self.network.logits(covered)
        weights = np.array([len(passage) for passage in covered], np.float32)
        weights /= weights.sum()
        fitted = self.about.fitted
        found = weights @ probabilities(logits, fitted)
        familiar = weights @ familiarity(logits, fitted)
        length = int(weights @ np.array([length_of(passage) for passage in covered]))
        return verdicts(self.classes, found[None], familiar[None], fitted, [length])[0]


def probabilities(logits: Floats, fitted: Fitted) -> Floats:
    """(N, K) logits → (N, K) calibrated probabilities.

    Source: Guo et al. 2017, "On calibration of modern neural networks".
    """
    scaled = logits / fitted.temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    exponents = np.exp(scaled)
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def familiarity(logits: Floats, fitted: Fitted) -> Floats:
    """(N, K) logits → (N,), low for a text that is like none of the classes."""
    return np.asarray(logits.max(axis=1) / fitted.temperature, np.float32)


def verdicts(
    classes: Sequence[str],
    found: Floats,
    familiar: Floats,
    fitted: Fitted,
    lengths: Sequence[int],
) -> list[Verdict]:
    """(N, K) probabilities, (N,) familiarity and lengths in characters → N verdicts."""
    made = []
    for row, known, length in zip(found, familiar, lengths, strict=True):
        least = fitted.threshold_of(length)
        order = np.argsort(-row, kind="stable")
        ranked = tuple(Ranked(classes[i], float(row[i])) for i in order)
        unknown = least is not None and known < least
        made.append(Verdict(None if unknown else ranked[0].label, ranked, float(known)))
    return made


class LinearNetwork:
    """A linear layer on the embeddings of an encoder."""

    def __init__(self, encoder: TextEncoder, arrays: Arrays) -> None:
        self.encoder = encoder
        self._codes: NDArray[np.int8] = arrays["weights"]
        self._scales: Floats = arrays[f"weights{SCALES}"]
        self._bias: Floats = arrays["bias"]

    def covers(self, text: str) -> bool:
        return self.encoder.covers(text)

    def logits(self, texts: Sequence[str]) -> Floats:
        if isinstance(self.encoder, NgramEncoder):
            products = self._sparse(self.encoder.counts(texts))
        else:
            products = self.encoder.embed(texts) @ self._codes.astype(np.float32)
        return np.asarray(products * self._scales + self._bias, np.float32)

    def _sparse(self, counts: Counts) -> Floats:
        """The same product from rows without their zeros; no row is empty."""
        totals = np.empty((len(counts), self._codes.shape[1]), np.float32)
        first = 0
        while first < len(counts):
            room = counts.starts[first] + GATHERED
            last = max(int(np.searchsorted(counts.starts, room, "right")) - 1, first + 1)
            place = slice(counts.starts[first], counts.starts[last])
            rows = self._codes[counts.columns[place]] * counts.values[place, None]
            starts = counts.starts[first:last] - counts.starts[first]
            totals[first:last] = np.add.reduceat(rows, starts, axis=0)
            first = last
        return totals


def open_classifier(name: str | Path) -> Classifier:
    """The shipped classifier of languages by its name, or one from its file.

    raises  BadInput for a name that there is not; WeightsError if the file cannot be used,
            or the encoder is another one than in training; MissingExtra where the encoder's
            library is not installed
    """
    if str(name) == LANGUAGES:
        path = shipped(LANGUAGES)
    elif str(name).endswith(SUFFIX):
        path = Path(name)
    else:
        raise BadInput(
            f"no classifier is called {str(name)!r}; there are: {LANGUAGES}, or a file in {SUFFIX}"
        )
    about, arrays = read(path)
    try:
        return Classifier(about, _network(about, arrays))
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is no whole classifier: {error}. Train it again") from error


def open_encoder(name: str, grams: Grams | None = None) -> TextEncoder:
    """An encoder to put a linear layer on: `ngrams`, or any of `open_text_encoder`."""
    return NgramEncoder(grams) if name == NGRAMS else open_text_encoder(name)


def _network(about: About, arrays: Arrays) -> Network:
    if about.model == "lstm":
        from retrieve.text.classifiers.lstm import LstmNetwork

        return LstmNetwork(arrays)
    encoder = open_encoder(about.encoder, Grams(**about.grams) if about.grams else None)
    if encoder.weights_sha256 != about.encoder_sha256:
        raise WeightsError(
            f"the classifier {about.name!r} was trained on another encoder {about.encoder!r} than "
            "the one here. Train it again"
        )
    if arrays["weights"].shape != (encoder.dim, len(about.classes)):
        raise ValueError(f"weights of shape {arrays['weights'].shape}")
    return LinearNetwork(encoder, arrays)
