"""Multinomial logistic regression on the embeddings of an encoder, by L-BFGS or AdaGrad.

    mean cross-entropy + penalty / 2 · |W|²

L-BFGS looks at all texts for each step, which hundreds of thousands make slow; AdaGrad (descent.py)
at one, on n-grams alone, and stops after some passes in place of a penalty.

On n-grams each column is multiplied with its inverse document frequency first: what only a few
texts hold may weigh more. It is folded into the weights in the end. On authors.jsonl that
raises the accuracy from .617 to .647 (letters, up to 4 characters).
Sources: Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization";
Spärck Jones 1972, "A statistical interpretation of term specificity".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.text.classifiers.file import SCALES, decoded, quantize
from retrieve.text.encoders.encode import TextEncoder
from retrieve.text.encoders.ngrams import NGRAMS, NgramEncoder

CORRECTIONS = 8  # that L-BFGS remembers
EVERY = 5  # texts of which one is fitted to first
VERSION = 1  # of the fit: layers that another one kept are not taken
AT_ONCE = 256  # texts embedded at once, so that progress shows

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Settings:
    """How the layer is fitted.

    penalty     of the squared weights, beside the mean cross-entropy
    iterations  of L-BFGS at the most
    balanced    whether each class counts the same, however many texts it has
    first       iterations on one text of EVERY before, where the layer then starts: a third of the
                time on hundreds of thousands of texts
    passes      of AdaGrad over texts as n-grams, in place of all that is of L-BFGS; 0 for L-BFGS
    """

    penalty: float = 1e-5
    iterations: int = 60
    balanced: bool = False
    first: int = 0
    passes: int = 0


class LinearTrainer:
    """The embeddings of N texts, made once, on which layers are fitted.

    work    folder that keeps each layer that was fitted, so that a run that was cut off fits only
            what is left; None keeps none
    raises  MissingExtra without scipy, or without numba where AdaGrad is asked for; BadInput if it
            is for another encoder than n-grams
    """

    def __init__(
        self,
        encoder: TextEncoder,
        texts: Sequence[str],
        settings: Settings,
        work: Path | None = None,
    ) -> None:
        with optional("training a classifier"):
            import scipy.optimize  # noqa: F401 - asked for now, not after the work

            if settings.passes:
                import numba  # noqa: F401

        if settings.passes and not isinstance(encoder, NgramEncoder):
            raise BadInput(f"AdaGrad fits layers on {NGRAMS}; the encoder is {encoder.name}")
        self.settings = settings
        self._work = work
        told = repr((encoder.name, encoder.weights_sha256, astuple(settings), VERSION))
        self._digest = hashlib.sha256("\0".join([told, *texts]).encode())
        self._rows: Any = _rows(encoder, texts)  # (N, D) dense, or sparse of n-grams
        self._sparse = isinstance(encoder, NgramEncoder)

    def fit(self, chosen: Labels, truth: Labels, classes: int, name: str) -> LinearLayer:
        """A layer fitted to some of the texts.

        chosen  (n,) numbers of texts
        truth   (n,) their classes; `classes`, one more than the last, for a text of none of them,
                whose logit is always 0: what the others are measured against
        name    of the fit; a layer needs none
        """
        key = self._digest.copy()
        key.update(repr((len(chosen), classes)).encode())
        key.update(np.ascontiguousarray([chosen, truth], np.int64).tobytes())
        kept = self._work / f"layer-{key.hexdigest()[:24]}.npz" if self._work else None
        if kept is not None and kept.exists():
            with np.load(kept) as stored:
                return LinearLayer(self._rows, {one: stored[one] for one in stored.files})
        arrays: dict[str, Any] = self._fitted(chosen, truth, classes)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with replacing(kept) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)
        return LinearLayer(self._rows, arrays)

    def _fitted(self, chosen: Labels, truth: Labels, classes: int) -> dict[str, NDArray[Any]]:
        columns, rows = self._columns(chosen)
        D = rows.shape[1]
        if self.settings.passes:
            from retrieve.training.classifier.descent import descend

            shares = self._shares(truth) * np.float32(len(truth))
            found = descend(rows, truth, shares, classes, self.settings.passes)
        else:
            found = self._minimized(rows, truth, classes)
        weights = np.zeros((self._rows.shape[1], classes), np.float32)
        weights[columns.numbers] = found[:D] * columns.factors[:, None]
        return quantize("weights", weights, axis=0) | {"bias": found[D]}

    def _minimized(self, rows: Any, truth: Labels, classes: int) -> Floats:
        """(D + 1, classes) by L-BFGS, the biases in the last row."""
        from scipy.optimize import minimize

        D = rows.shape[1]
        flat = np.zeros((D + 1) * classes)
        for step, iterations in ((EVERY, self.settings.first), (1, self.settings.iterations)):
            if iterations:
                flat = minimize(
                    self._loss(rows[::step], truth[::step], classes),
                    flat,
                    jac=True,
                    method="L-BFGS-B",
                    options={"maxiter": iterations, "maxcor": CORRECTIONS},
                ).x
        return np.asarray(flat.reshape(D + 1, classes), np.float32)

    def _shares(self, truth: Labels) -> Floats:
        """(n,) what each text counts, 1 together."""
        if not self.settings.balanced:
            return np.full(len(truth), 1 / len(truth), np.float32)
        shares = (1 / np.maximum(np.bincount(truth), 1))[truth].astype(np.float32)
        return np.asarray(shares / shares.sum(), np.float32)

    def _loss(
        self, rows: Any, truth: Labels, classes: int
    ) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
        """What is made small: of a flat (D + 1, classes) layer its value and its gradient."""
        across = rows.T.tocsr() if self._sparse else rows.T
        D = rows.shape[1]
        shares = self._shares(truth)
        named = np.flatnonzero(truth < classes)
        wanted = np.zeros((len(truth), classes), np.float32)
        wanted[named, truth[named]] = 1
        # Of a text of none the logit is 0, and where there are such texts this is one more class.
        least = 0.0 if len(named) < len(truth) else -np.inf
        penalty = self.settings.penalty

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            both = flat.reshape(D + 1, classes).astype(np.float32)
            W, bias = both[:D], both[D]
            logits = rows @ W + bias
            highest = np.maximum(logits.max(axis=1, keepdims=True), least)
            exponents = np.exp(logits - highest)
            totals = exponents.sum(axis=1) + np.exp(least - highest[:, 0])
            surprise = np.log(totals) + highest[:, 0] - (logits * wanted).sum(axis=1)
            value = float(shares @ surprise) + penalty / 2 * float(np.vdot(W, W))
            errors = (exponents / totals[:, None] - wanted) * shares[:, None]  # (n, K)
            gradient = np.concatenate([across @ errors + penalty * W, errors.sum(axis=0)[None]])
            return value, gradient.ravel().astype(np.float64)

        return loss

    def _columns(self, chosen: Labels) -> tuple[_Columns, Any]:
        """What is fitted to: the columns that more than one text has, scaled."""
        rows = self._rows[chosen]
        if not self._sparse:
            # One factor for all, so that a unit row has the length of a normal one.
            factor = np.float32(np.sqrt(rows.shape[1]))
            numbers = np.arange(rows.shape[1])
            return _Columns(numbers, np.full(len(numbers), factor, np.float32)), rows * factor
        from scipy.sparse import diags_array

        holds = np.bincount(rows.indices, minlength=rows.shape[1])
        numbers = np.flatnonzero(holds > 1)
        factors = np.log((1 + len(chosen)) / (1 + holds[numbers])).astype(np.float32)
        kept = rows[:, numbers] @ diags_array(factors)
        # The mean squared length of a row is 1 again, so that a penalty means the same.
        scale = np.float32(1 / np.sqrt(max(kept.multiply(kept).sum() / len(chosen), 1e-12)))
        return _Columns(numbers, factors * scale), (kept * scale).tocsr()


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Numbers of columns, and what each is multiplied with."""

    numbers: Labels
    factors: Floats


class LinearLayer:
    """A fitted layer, in 8 bits as its file has it."""

    def __init__(self, rows: Any, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self._rows = rows
        self._weights = np.asarray(
            self.arrays["weights"] * self.arrays[f"weights{SCALES}"], np.float32
        )
        self._bias = decoded(self.arrays, "bias")

    def logits(self, chosen: Labels) -> Floats:
        """(n, K) of some of the trainer's texts."""
        return np.asarray(self._rows[chosen] @ self._weights + self._bias, np.float32)


def _rows(encoder: TextEncoder, texts: Sequence[str]) -> Any:
    if isinstance(encoder, NgramEncoder):
        from scipy.sparse import csr_array

        counts = encoder.counts(texts)
        shape = (len(texts), encoder.dim)
        return csr_array((counts.values, counts.columns, counts.starts), shape=shape)
    parts = [encoder.embed(texts[i : i + AT_ONCE]) for i in range(0, len(texts), AT_ONCE)]
    return np.concatenate(parts)
