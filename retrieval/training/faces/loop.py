"""The loop that trains an embedder of faces, and goes on from its checkpoint.

What chance decides in a step depends on the seed and the number of the step alone: a run that was
killed gives, gone on with, the file that it would have given.
"""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.training.faces import losses
from retrieve.training.faces.augment import augmented
from retrieve.training.faces.batches import Batches, People

CHECKPOINT_S = 20.0
WARM_UP = 0.05  # of the run, in which the learning rate rises
LONGEST_GRADIENT = 5.0

Loss = Literal["both", "triplet", "cross-entropy"]
Crops = NDArray[np.uint8]  # (N, S, S, 3)
Rows = NDArray[np.float32]  # (N, V, D): V looks of each face
OnProgress = Callable[[int, int], object]  # steps, of all


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained.

    people, photos  in a step: so many people, so many faces of each
    rate            learning rate at its highest; Adam (Kingma and Ba 2015)
    margin          of triplets, in squared distance
    scale           of cosines, as logits
    dropout         before the last layer; of a head, of what it adds
    near            how much a head is held to what it stands on: the cost of its squared changes
    threads         of torch. Another number may round otherwise
    """

    loss: Loss = "both"
    steps: int = 600
    people: int = 16
    photos: int = 4
    rate: float = 1e-3
    margin: float = 0.2
    scale: float = 16.0
    dropout: float = 0.2
    near: float = 0.03
    augment: bool = True
    seed: int = 1
    threads: int = 2


class Head(nn.Module):
    """(N, D) unit rows → x + dropout(x) A, of any length; A begins as zeros."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(dim, dim))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.drop(x) @ self.change
        return found

    def matrix(self) -> NDArray[np.float32]:
        """(D, D): what a file keeps."""
        found: NDArray[np.float32] = (torch.eye(len(self.change)) + self.change.detach()).numpy()
        return found


class Run:
    """One training: what it sees, the network, and where it stands."""

    def __init__(
        self, network: nn.Module, seen: Crops | Rows, people: People, settings: Settings, dim: int
    ) -> None:
        """seen: (N, S, S, 3) uint8 crops, or (N, V, D) float32 for a head; people (N,)."""
        self.network, self.settings, self.seen = network, settings, seen
        self.people = np.unique(people, return_inverse=True)[1].astype(np.int64)
        torch.manual_seed(settings.seed)
        self.classes = nn.Parameter(torch.randn(int(self.people.max()) + 1, dim))
        if seen.dtype == np.float32:
            with torch.no_grad():  # where each person is already
                sums = torch.zeros_like(self.classes)
                sums.index_add_(0, torch.from_numpy(self.people), torch.from_numpy(seen[:, 0]))
                self.classes.copy_(functional.normalize(sums))
        self.batches = Batches(self.people, settings.people, settings.photos, settings.seed)
        self.optimizer = torch.optim.Adam([*network.parameters(), self.classes], settings.rate)
        self.step = 0
        self.cost = math.nan
        self._key = self._known_by()

    def train(self, checkpoint: Path, progress: OnProgress | None = None) -> None:
        """Train to the end, from the checkpoint where it is of this run.

        raises  BadInput if the loss is no number any more
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(self.settings.threads)
        try:
            self._restore(checkpoint)
            saved = time.monotonic()
            while self.step < self.settings.steps:
                self._advance()
                if time.monotonic() - saved >= CHECKPOINT_S or self.step == self.settings.steps:
                    self._save(checkpoint)
                    saved = time.monotonic()
                if progress:
                    progress(self.step, self.settings.steps)
        finally:
            torch.set_num_threads(threads)
            self.network.eval()

    def _advance(self) -> None:
        settings = self.settings
        torch.manual_seed(settings.seed * 1_000_003 + self.step)
        chosen = self.batches.faces(self.step)
        rising = (self.step + 1) / max(settings.steps * WARM_UP, 1)
        falling = (settings.steps - self.step) / (settings.steps * (1 - WARM_UP))
        self.optimizer.param_groups[0]["lr"] = settings.rate * min(rising, falling, 1.0)
        self.network.train()
        self.optimizer.zero_grad()
        cost = self._cost(self._shown(chosen), torch.from_numpy(self.people[chosen]))
        self.cost = float(cost.detach())
        if not math.isfinite(self.cost):
            raise BadInput(f"training diverged at step {self.step}: give a lower --rate")
        cost.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1

    def _shown(self, chosen: NDArray[np.int64]) -> Tensor:
        """What the network is given of some faces."""
        if self.seen.dtype == np.float32:
            looks = torch.randint(self.seen.shape[1], (len(chosen),)).numpy()
            if not self.settings.augment:
                looks[:] = 0
            return torch.from_numpy(self.seen[chosen, looks])
        crops = torch.from_numpy(self.seen[chosen]).permute(0, 3, 1, 2).float()
        return augmented(crops) if self.settings.augment else crops

    def _cost(self, shown: Tensor, people: Tensor) -> Tensor:
        settings = self.settings
        rows = functional.normalize(self.network(shown))
        cost = torch.zeros(())
        if settings.loss != "triplet":
            cost = cost + losses.cross_entropy(rows, people, self.classes, settings.scale)
        if settings.loss != "cross-entropy":
            cost = cost + losses.triplets(rows, people, settings.margin)
        if isinstance(self.network, Head):
            cost = cost + settings.near * self.network.change.square().sum()
        return cost

    def _known_by(self) -> str:
        """What makes a run the one that a checkpoint is of: settings, shapes, faces, people."""
        faces = hashlib.sha256(np.ascontiguousarray(self.seen).tobytes())
        faces.update(self.people.tobytes())
        network = type(self.network).__name__
        shapes = [list(one.shape) for one in self.network.state_dict().values()]
        return json.dumps([asdict(self.settings), network, shapes, faces.hexdigest()])

    def _save(self, path: Path) -> None:
        kept = {
            "key": self._key,
            "step": self.step,
            "cost": self.cost,
            "network": self.network.state_dict(),
            "classes": self.classes.detach(),
            "optimizer": self.optimizer.state_dict(),
        }
        with replacing(path) as temporary:
            torch.save(kept, temporary)

    def _restore(self, path: Path) -> None:
        if not path.is_file():
            return
        try:
            kept = torch.load(path, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise BadInput(
                f"the checkpoint {path} cannot be read: {error}. Remove it to begin anew"
            ) from error
        if kept["key"] != self._key:
            return  # of another run
        self.network.load_state_dict(kept["network"])
        self.optimizer.load_state_dict(kept["optimizer"])
        with torch.no_grad():
            self.classes.copy_(kept["classes"])
        self.step, self.cost = kept["step"], kept["cost"]
