"""One run of contrastive training: where it stands, its steps, its checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows

from retrieve.cache import replacing
from retrieve.models.text_encoder import TextEncoder
from retrieve.training.encoder.losses import contrastive
from retrieve.training.encoder.optimise import RowAdam
from retrieve.training.encoder.pairs import Pairs, PairSettings, Rows

CHECKPOINT_S = 180.0  # a run that is cut off loses no more than this
WARM_UP = 0.02  # share of the run over which rates rise from 0
LONGEST_GRADIENT = 1.0  # of the LSTM; longer ones are shortened
STEADY = 0.3  # share of the run after which rates begin to fall to 0

OnProgress = Callable[[int, float, float], object]  # pairs seen, share done, loss


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run is made of; the defaults are what measured best.

    hidden       units of the LSTM in each direction; 0 trains the weighted mean alone
    pairs        how many are seen in all
    minutes      of training time after which the run is over, whatever it has seen; None for
                 no limit. A run with a limit depends on the speed of the machine
    vector_rate, weight_rate, lstm_rate  learning rates of Adam
    """

    hidden: int = 128
    pairs: int = 2_000_000
    minutes: float | None = None
    temperature: float = 0.05
    vector_rate: float = 2e-3
    weight_rate: float = 5e-3
    lstm_rate: float = 2e-3
    seed: int = 1
    made: PairSettings = field(default_factory=PairSettings)


class Run:
    """A model in training with its optimisers; `pairs` and `seconds` are what it has seen."""

    def __init__(self, model: TextEncoder, settings: Settings, device: str = "cpu") -> None:
        self.model = model.to(device)
        self.settings, self.device = settings, device
        self.vectors = RowAdam(model.embeddings.data)
        self.weights = RowAdam(model.log_weights.data)
        self.lstm = torch.optim.Adam(dense(model), lr=settings.lstm_rate) if model.hidden else None
        self.pairs = 0
        self.seconds = 0.0
        self.starts = 0
        self._slot = torch.zeros(len(model.embeddings), dtype=torch.int64, device=device)

    @property
    def done(self) -> float:
        """The share of the run that is over, 1 at its end."""
        share = self.pairs / self.settings.pairs
        if self.settings.minutes is not None:
            share = max(share, self.seconds / 60 / self.settings.minutes)
        return min(share, 1.0)

    def rate(self) -> float:
        """What learning rates are multiplied with now."""
        done = self.done
        if done < WARM_UP:
            return max(done / WARM_UP, 0.02)
        return min(1.0, (1 - done) / (1 - STEADY))

    def step(self, queries: Rows, passages: Rows) -> float:
        """Learn from one batch of pairs; returns its loss."""
        temperature = self.settings.temperature
        loss = self.learn(
            (queries, passages), lambda found: contrastive(found[0], found[1], temperature)
        )
        self.pairs += len(queries)
        return loss

    def learn(self, groups: Sequence[Rows], loss: Callable[[list[Tensor]], Tensor]) -> float:
        """Take one step of all optimisers.

        groups  (N, T) rows of texts of one length each
        loss    of their (N, D) embeddings, group by group
        returns the loss before the step
        """
        began = time.perf_counter()
        used, places = self._used(groups)
        vectors = self.model.embeddings.data[used].requires_grad_()
        weights = self.model.log_weights.data[used].requires_grad_()
        value = loss([self._embed(group, vectors, weights) for group in places])
        value.backward()  # type: ignore[no-untyped-call]
        rate = self.rate()
        assert vectors.grad is not None
        assert weights.grad is not None
        self.vectors.step(used, vectors.grad, self.settings.vector_rate * rate)
        self.weights.step(used, weights.grad, self.settings.weight_rate * rate)
        if self.lstm is not None:
            torch.nn.utils.clip_grad_norm_(dense(self.model), LONGEST_GRADIENT)
            self.lstm.param_groups[0]["lr"] = self.settings.lstm_rate * rate
            self.lstm.step()
            self.lstm.zero_grad()
        self.seconds += time.perf_counter() - began
        return float(value.detach())

    def _used(self, groups: Sequence[Rows]) -> tuple[Tensor, list[Tensor]]:
        """The rows that a batch uses, and the batch in places among them."""
        rows = [torch.from_numpy(group).to(self.device, torch.int64) for group in groups]
        self._slot.zero_()
        for group in rows:
            self._slot[group.reshape(-1)] = 1
        used = self._slot.nonzero().squeeze(1)
        self._slot[used] = torch.arange(len(used), device=self.device)
        return used, [self._slot[group] for group in rows]

    def _embed(self, places: Tensor, vectors: Tensor, weights: Tensor) -> Tensor:
        if self.model.hidden:
            return self.model.pooled(F.embedding(places, vectors), weights[places])
        total = F.embedding_bag(
            places, vectors, mode="sum", per_sample_weights=weights[places].exp()
        )
        return F.normalize(total, dim=1)

    def save(self, path: Path, key: str) -> None:
        """Keep the run in one file; `key` says what it is a run of."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for name, optimiser in (("vectors", self.vectors), ("weights", self.weights)):
            tensors |= {f"{name}.first": optimiser.first, f"{name}.second": optimiser.second}
        if self.lstm is not None:
            for i, state in self.lstm.state_dict()["state"].items():
                tensors |= {f"lstm.{i}.{name}": value for name, value in state.items()}
        about = {
            "key": key,
            "pairs": self.pairs,
            "seconds": self.seconds,
            "starts": self.starts,
            "steps": self.vectors.steps,
        }
        with replacing(path) as temporary:
            save_file(
                {name: value.contiguous() for name, value in tensors.items()},
                temporary,
                metadata={"run": json.dumps(about)},
            )

    def restore(self, path: Path, key: str) -> bool:
        """Go on from a file of `save`, if it is there and of this very run."""
        if not path.is_file():
            return False
        with safe_open(path, "pt", device=self.device) as stored:
            about = json.loads(stored.metadata()["run"])
            if about["key"] != key:
                return False
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                value.copy_(tensors[f"model.{name}"])
        for name, optimiser in (("vectors", self.vectors), ("weights", self.weights)):
            optimiser.first.copy_(tensors[f"{name}.first"])
            optimiser.second.copy_(tensors[f"{name}.second"])
            optimiser.steps = about["steps"]
        if self.lstm is not None:
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                if name.startswith("lstm."):
                    _, i, part = name.split(".", 2)
                    state.setdefault(int(i), {})[part] = value
            self.lstm.load_state_dict({**self.lstm.state_dict(), "state": state})
        self.pairs, self.seconds = about["pairs"], about["seconds"]
        self.starts = about["starts"]
        return True


def dense(model: TextEncoder) -> list[torch.nn.Parameter]:
    """The parameters of the LSTM and of what reads it, which every step changes."""
    return [*model.lstm.parameters(), *model.gate.parameters(), *model.residual.parameters()]


def train(
    run: Run,
    source: Callable[[int], Pairs],
    checkpoint: Path,
    *,
    progress: OnProgress | None = None,
) -> None:
    """Train until the run is over, from its checkpoint where there is one.

    source      seed → pairs; each start of a run gets a seed of its own, so that one that goes
                on does not see again what it saw first
    checkpoint  written every CHECKPOINT_S seconds and at the end
    """
    key = json.dumps(asdict(run.settings) | {"rows": len(run.model.embeddings)})
    if run.restore(checkpoint, key) and run.done == 1:
        return
    run.starts += 1
    pairs = source(run.settings.seed * 1000 + run.starts)
    saved = time.monotonic()
    while run.done < 1:
        loss = run.step(*pairs.batch())
        if progress:
            progress(run.pairs, run.done, loss)
        if time.monotonic() - saved > CHECKPOINT_S:
            run.save(checkpoint, key)
            saved = time.monotonic()
    run.save(checkpoint, key)
