"""The loop that trains an LSTM to classify, end to end over sentencepiece pieces.

A run that was cut off goes on from its checkpoint, with the same batches in the same order.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.models.text_classifier import TextClassifier
from retrieve.text.classifiers.file import quantize
from retrieve.text.classifiers.lstm import LONGEST, LstmNetwork
from retrieve.text.language.pieces import Pieces

CHECKPOINT_S = 60.0
WARM_UP = 0.05  # of the run, in which the learning rate rises
LONGEST_GRADIENT = 1.0
POOL = 32  # batches that are sorted by length together, so that little is padded

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
OnProgress = Callable[[str, int, int], object]  # name of the run, texts read, texts to read


@dataclass(frozen=True, slots=True)
class Settings:
    """The shape of the network and how it is trained.

    dim, hidden  of an embedding; units of the LSTM in each direction
    crop         pieces of a text that one step reads, from a place drawn by chance
    fewest       texts of the training set that hold a piece with a row of its own
    """

    dim: int = 128
    hidden: int = 128
    epochs: int = 12
    batch: int = 32
    rate: float = 2e-3
    dropout: float = 0.5
    crop: int = 128
    fewest: int = 3
    seed: int = 1


class LstmTrainer:
    """N texts in pieces, on which LSTMs are trained."""

    def __init__(
        self,
        pieces: Pieces,
        texts: Sequence[str],
        settings: Settings,
        work: Path,
        progress: OnProgress | None = None,
    ) -> None:
        self.settings = settings
        self._pieces = pieces
        self._texts = texts
        self._ids = [np.array(ids[:LONGEST], np.int64) for ids in pieces.encode(texts)]
        self._work = work
        self._progress = progress

    def fit(self, chosen: Labels, truth: Labels, classes: int, name: str) -> LstmLayer:
        """An LSTM trained on some of the texts; its checkpoint lies under that name.

        chosen  (n,) numbers of texts
        truth   (n,) their classes
        """
        holds = Counter(int(i) for text in chosen for i in np.unique(self._ids[text]))
        known = sorted(i for i, times in holds.items() if times >= self.settings.fewest)
        rows = np.zeros(len(self._pieces), np.int64)
        rows[known] = np.arange(1, len(known) + 1)
        run = _Run(self.settings, [rows[self._ids[i]] for i in chosen], truth, classes, len(known))
        run.train(self._work / f"{name}.pt", lambda at, of: self._tell(name, at, of))
        return LstmLayer(_arrays(run.model, rows, self._pieces), self._texts)

    def _tell(self, name: str, at: int, of: int) -> None:
        if self._progress:
            self._progress(name, at, of)


class LstmLayer:
    """A trained LSTM, in 8 bits as its file has it."""

    def __init__(self, arrays: dict[str, NDArray[Any]], texts: Sequence[str]) -> None:
        self.arrays = arrays
        self._network = LstmNetwork(arrays)
        self._texts = texts

    def logits(self, chosen: Labels) -> Floats:
        """(n, K) of some of the trainer's texts."""
        return self._network.logits([self._texts[i] for i in chosen])


class _Run:
    """One training: what it reads, the network, and where it stands."""

    def __init__(
        self, settings: Settings, texts: list[Labels], truth: Labels, classes: int, known: int
    ) -> None:
        self.settings = settings
        self.texts, self.truth = texts, truth
        torch.manual_seed(settings.seed)
        self.model = TextClassifier(
            known + 1, settings.dim, settings.hidden, classes, settings.dropout
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), settings.rate)
        self.each_epoch = math.ceil(len(texts) / settings.batch)
        self.steps = self.each_epoch * settings.epochs
        self.step = 0

    def train(self, checkpoint: Path, tell: Callable[[int, int], object]) -> None:
        """Train to the end, on one CPU thread, from the checkpoint where it is of this run."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            self._restore(checkpoint)
            saved = time.monotonic()
            while self.step < self.steps:
                self._advance()
                tell(self.step * self.settings.batch, self.steps * self.settings.batch)
                if time.monotonic() - saved > CHECKPOINT_S:
                    self._save(checkpoint)
                    saved = time.monotonic()
            self._save(checkpoint)
        finally:
            torch.set_num_threads(threads)

    def _advance(self) -> None:
        epoch, at = divmod(self.step, self.each_epoch)
        # What chance decides in a step depends on its number alone, so a run can go on.
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
        chosen = self._order(epoch)[at]
        rows, lengths = self._batch(chosen, np.random.default_rng([self.settings.seed, self.step]))
        rising = (self.step + 1) / max(self.steps * WARM_UP, 1)
        falling = (self.steps - self.step) / (self.steps * (1 - WARM_UP))
        self.optimizer.param_groups[0]["lr"] = self.settings.rate * min(rising, falling, 1.0)
        self.model.train()
        self.optimizer.zero_grad()
        logits = self.model(rows, lengths)
        loss = functional.cross_entropy(logits, torch.from_numpy(self.truth[chosen]))
        if not math.isfinite(float(loss.detach())):
            raise BadInput(f"training diverged at step {self.step}: give a lower rate")
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LONGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1

    def _order(self, epoch: int) -> list[Labels]:
        """Batches of an epoch: texts of like length together, pools and batches by chance."""
        generator = np.random.default_rng([self.settings.seed, 0, epoch])
        drawn = generator.permutation(len(self.texts))
        size = self.settings.batch
        batches = []
        for first in range(0, len(drawn), size * POOL):
            pool = sorted(drawn[first : first + size * POOL], key=lambda i: len(self.texts[i]))
            batches += [np.array(pool[i : i + size]) for i in range(0, len(pool), size)]
        return [batches[i] for i in generator.permutation(len(batches))]

    def _batch(self, chosen: Labels, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        crop = self.settings.crop
        texts = []
        for i in chosen:
            text = self.texts[i]
            first = int(generator.integers(0, max(len(text) - crop, 0) + 1))
            texts.append(text[first : first + crop])
        lengths = np.array([len(text) for text in texts])
        rows = np.zeros((len(texts), lengths.max()), np.int64)
        for row, text in zip(rows, texts, strict=True):
            row[: len(text)] = text
        return torch.from_numpy(rows), torch.from_numpy(lengths)

    @property
    def _key(self) -> str:
        shape = [len(self.texts), int(sum(map(len, self.texts))), len(self.model.embeddings)]
        truth = np.bincount(self.truth).tolist()
        return json.dumps([asdict(self.settings), shape, truth])

    def _save(self, path: Path) -> None:
        kept = {
            "key": self._key,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        with replacing(path) as temporary:
            torch.save(kept, temporary)

    def _restore(self, path: Path) -> None:
        if not path.is_file():
            return
        kept = torch.load(path, weights_only=True)
        if kept["key"] == self._key:
            self.model.load_state_dict(kept["model"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.step = kept["step"]


def _arrays(model: TextClassifier, rows: Labels, pieces: Pieces) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "pieces": np.frombuffer(pieces.model, np.uint8),
        "rows": rows.astype(np.int32),
    }
    for name, value in model.state_dict().items():
        array = value.detach().numpy().astype(np.float32)
        arrays |= quantize(name, array, axis=1) if array.ndim == 2 else {name: array}
    return arrays
