"""Train the language model: truncated backpropagation through long streams of text.

Each step reads the next pieces of all streams and carries the state on, so that the model
knows more than it is corrected on (Williams & Peng 1990, truncated backpropagation). The
learning rate rises, stays, and falls to zero over the last part: Hu et al. 2024, "MiniCPM";
a run can so be shortened or made longer while it stands at the top. Products are bfloat16,
sums and weights float32.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.models.language_model import Dimensions, LanguageModel
from retrieve.text.language import model as language
from retrieve.text.language.model import Origin, save
from retrieve.training.lstm import State, run
from retrieve.training.streams import Encoded, Streams
from retrieve.training.widen import begin

CHECKPOINT_S = 180.0  # a run loses no more than this
RUNNING_STEPS = 200  # the perplexity that is shown is over about so many steps
WARM_UP_STEPS = 200
FALLING_SHARE = 0.5  # of the run at its end


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the model will be, but for the text.

    batch   streams side by side
    steps   pieces of each stream between two corrections
    epochs  times that the text is read; may be less than one
    clip    the longest gradient that is followed
    start   digest of the model that the run begins with; empty if it begins with none
    """

    dims: Dimensions = field(default_factory=Dimensions)
    batch: int = 64
    steps: int = 48
    epochs: float = 1.0
    rate: float = 3e-3
    decay: float = 0.01
    dropout: float = 0.0
    clip: float = 1.0
    seed: int = 1
    start: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, for people.

    perplexity  a piece, running, on the text that is trained on
    """

    pieces: int
    total: int
    pieces_a_second: float
    seconds_left: float
    perplexity: float


OnProgress = Callable[[Progress], object]


class Run:
    """A training that can be stopped after any step, kept, and gone on with exactly."""

    def __init__(
        self, text: Encoded, recipe: Recipe, start: language.LanguageModel | None = None
    ) -> None:
        """
        start   the model to begin with, of the digest in the recipe
        raises  BadInput if the text or the start does not fit the recipe
        """
        if recipe.start != (start.digest if start else ""):
            raise BadInput("the model to start from is not the one of the recipe")
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.streams = Streams(text, recipe.batch, recipe.seed)
        if int(text.ids.max()) >= recipe.dims.pieces:
            raise BadInput(f"the text has more than the {recipe.dims.pieces} pieces of the model")
        self.model = LanguageModel(recipe.dims, recipe.dropout)
        if start:
            begin(self.model, start.weights, start.about["dims"])
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=0.0,
            weight_decay=recipe.decay,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.state: State = self._zeros()
        self.step = 0
        self.epoch = 0
        self.at = 0
        self.seconds = 0.0
        self.running = 0.0

    @property
    def steps(self) -> int:
        """Corrections in the whole run."""
        whole, part = divmod(self.recipe.epochs, 1)
        lengths = [self.streams.epoch_length(epoch) for epoch in range(math.ceil(whole + part))]
        pieces = sum(lengths[: int(whole)]) + (part * lengths[-1] if part else 0)
        return max(int(pieces / self.recipe.steps), 1)

    @property
    def pieces_read(self) -> int:
        """In all streams together."""
        return self.step * self.recipe.batch * self.recipe.steps

    @property
    def perplexity(self) -> float:
        """A piece, running, on the text that is trained on."""
        return math.exp(self.running)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of one step."""
        rising = (step + 1) / min(WARM_UP_STEPS, max(steps // 10, 1))
        falling = (steps - step) / max(FALLING_SHARE * steps, 1)
        return self.recipe.rate * min(rising, falling, 1.0)

    def advance(self, steps: int) -> float:
        """One correction; returns the mean negative log-probability of the pieces read."""
        recipe = self.recipe
        if self.at + recipe.steps > self.streams.epoch_length(self.epoch):
            self.epoch, self.at = self.epoch + 1, 0
        window = torch.from_numpy(self.streams.window(self.epoch, self.at, recipe.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step, steps)
        self.model.train()
        self.optimizer.zero_grad()
        loss = self.loss(window)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.at += recipe.steps
        self.step += 1
        mean = float(loss.detach())
        weight = max(1 / self.step, 1 / RUNNING_STEPS)
        self.running += weight * (mean - self.running)
        return mean

    def loss(self, window: Tensor) -> Tensor:
        """(steps + 1, B) ids → the mean loss; the state is carried on."""
        with torch.autocast("cpu", torch.bfloat16):
            x = self.model.drop(self.model.embed(window[:-1])).bfloat16()  # (T, B, D)
            x, self.state = run(self.model.lstm, x, self.state, self.recipe.dropout)  # (T, B, H)
            x = self.model.out(self.model.drop(x)).flatten(0, 1)  # (T * B, D)
            return self.model.loss(x, window[1:].flatten()).mean()

    def _zeros(self) -> State:
        dims = self.recipe.dims
        shape = (dims.layers, self.recipe.batch, dims.hidden)
        return torch.zeros(shape), torch.zeros(shape)

    def save(self, path: Path) -> None:
        """Keep all that going on exactly takes."""
        kept = {
            "recipe": json.dumps(asdict(self.recipe)),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "state": self.state,
            "random": torch.get_rng_state(),
            "place": (self.step, self.epoch, self.at, self.seconds, self.running),
        }
        with replacing(path) as temporary:
            torch.save(kept, temporary)

    def restore(self, path: Path) -> bool:
        """Go on from what was kept, if it is of this recipe; epochs may differ."""
        if not path.is_file():
            return False
        kept = torch.load(path, weights_only=True)
        stored = json.loads(kept["recipe"])
        if stored | {"epochs": 0} != json.loads(json.dumps(asdict(self.recipe))) | {"epochs": 0}:
            return False
        self.model.load_state_dict(kept["model"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.state = kept["state"]
        torch.set_rng_state(kept["random"])
        self.step, self.epoch, self.at, self.seconds, self.running = kept["place"]
        return True


def train(
    text: Encoded,
    checkpoint: Path,
    *,
    recipe: Recipe | None = None,
    start: language.LanguageModel | None = None,
    minutes: float | None = None,
    progress: OnProgress | None = None,
) -> Run:
    """Train to the end of the recipe, or until the minutes are over; on one CPU thread.

    checkpoint  where the run is kept every few minutes and at the end, and gone on from
    start       a model to begin with, its layers as wide or narrower
    minutes     of this call; what is left can be done by another
    raises      BadInput if the text is too short for so many streams, or the start does not fit
    """
    recipe = replace(recipe or Recipe(), start=start.digest if start else "")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        going = Run(text, recipe, start)
        going.restore(checkpoint)
        _go(going, checkpoint, minutes, progress or (lambda state: None))
        return going
    finally:
        torch.set_num_threads(threads)


def _go(going: Run, checkpoint: Path, minutes: float | None, tell: OnProgress) -> None:
    steps = going.steps
    each = going.recipe.batch * going.recipe.steps
    first, began, earlier = going.step, time.monotonic(), going.seconds
    saved = began
    while going.step < steps and (minutes is None or time.monotonic() - began < minutes * 60):
        mean = going.advance(steps)
        if not math.isfinite(mean):
            raise BadInput(
                f"training diverged at step {going.step}: lower --rate from {going.recipe.rate}"
            )
        now = time.monotonic()
        going.seconds = earlier + now - began
        speed = (going.step - first) * each / (now - began)
        left = (steps - going.step) * each / speed
        if minutes is not None:
            left = min(left, minutes * 60 - (now - began))
        tell(Progress(going.pieces_read, steps * each, speed, left, going.perplexity))
        if now - saved > CHECKPOINT_S:
            going.save(checkpoint)
            saved = time.monotonic()
    going.save(checkpoint)


def write(going: Run, out: Path, pieces: bytes, origin: Origin) -> None:
    """Write the model of a run, with all that says how it was made, to a file for use."""
    recipe = asdict(going.recipe)
    dims = recipe.pop("dims")
    made = recipe | {
        "pieces_read": going.pieces_read,
        "training_perplexity": round(going.perplexity, 2),
        "minutes": round(going.seconds / 60, 1),
    }
    save(out, weights(going.model), pieces, dims, replace(origin, recipe=origin.recipe | made))


def weights(model: LanguageModel) -> dict[str, NDArray[np.float32]]:
    """The weights under the names of the file; the two biases of a layer are one there."""
    found = {name: array.numpy() for name, array in model.state_dict().items()}
    for layer in range(model.dims.layers):
        both = (found.pop(f"lstm.bias_{way}_l{layer}") for way in ("ih", "hh"))
        found[f"lstm.bias_l{layer}"] = sum(both)
    return found
