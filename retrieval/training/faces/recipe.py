"""Labelled faces in, an embedder of one's own out, measured on people held out.

    start     a head on an embedder, mobilefacenet as it ships, or small-face from chance
    train     on the other people                                        (loop, losses, augment)
    file      the arrays, read back and run as they will be, without torch
    measure   start, trained and default embedder on the people held out  (verified)

Nothing is written over the default, whatever it is that comes out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from retrieve.faces.embedding.embed import (
    DEFAULT_EMBEDDER,
    TRAINABLE,
    families,
    open_embedder,
)
from retrieve.faces.embedding.gradients import module_of
from retrieve.faces.embedding.trained import file
from retrieve.faces.embedding.trained.headed import turned
from retrieve.faces.embedding.views import View, embed, views
from retrieve.models.small_face import SmallFaceNet, folded
from retrieve.training.faces.batches import People, held_out
from retrieve.training.faces.graphs import arrays_of
from retrieve.training.faces.loop import Head, OnProgress, Run, Settings
from retrieve.training.faces.verified import Change, Verified, change, verified
from retrieve.types import Crops, Embeddings

Network = Literal["head", "mobilefacenet", "small-face"]
# A head moves little; a network that is good already wants small steps.
SETTINGS: dict[Network, Settings] = {
    "head": Settings(loss="cross-entropy", steps=300, people=24, scale=20.0),
    "mobilefacenet": Settings(steps=300, people=8, rate=3e-5, scale=30.0, dropout=0.0),
    "small-face": Settings(steps=300, people=12, rate=2e-3),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the embedder will be, but for the faces.

    on    of a head: the embedder below it
    held  share of the people that is held out
    """

    network: Network = "head"
    on: str = DEFAULT_EMBEDDER
    held: float = 0.3
    settings: Settings = field(default_factory=lambda: SETTINGS["head"])


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Labelled faces, row i of all is one.

    crops   for each view of wanted_views() (N, S, S, 3)
    people  N names
    """

    crops: tuple[Crops, ...]
    people: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a training came to.

    trained_on, held_out  people, photos of each side
    before, after         what it started from, and what came out
    default               the default embedder
    gain, beside          after beside before; after beside the default
    written               whether there is a file now
    """

    trained_on: tuple[int, int]
    held_out: tuple[int, int]
    before: Verified
    after: Verified
    default: Verified
    gain: Change
    beside: Change
    written: bool

    def figures(self) -> dict[str, object]:
        """For a file, and for programs."""
        told: dict[str, object] = {
            name: {"missed": {f"{r:g}": m for r, m in one.missed.items()}, "eer": one.equal}
            for name, one in (
                ("before", self.before),
                ("after", self.after),
                ("default", self.default),
            )
        }
        for name, one in (("gain", self.gain), ("beside_default", self.beside)):
            told[name] = asdict(one) | {"better": one.better}
        for name, side in (("trained_on", self.trained_on), ("held_out", self.held_out)):
            told[name] = {"people": side[0], "photos": side[1]}
        return told


def wanted_views(recipe: Recipe, detector: str) -> tuple[View, ...]:
    """The crops that train() takes of each face: those of the network, then those of the default.

    detector  the name of what finds the landmarks
    """
    if recipe.network == "head":
        own = views(recipe.on, detector)
    else:
        family = TRAINABLE[recipe.network]
        own = (View(family.template(detector), family.crop_px),)
    return (*own, *views(DEFAULT_EMBEDDER, detector))


def train(
    faces: Faces,
    out: Path,
    *,
    recipe: Recipe,
    work: Path,
    keep: bool = False,
    licence: str = "unknown",
    sources: tuple[str, ...] = (),
    progress: OnProgress | None = None,
) -> Report:
    """Train an embedder, and write it if it is better than what it started from.

    out     the file to write
    work    folder of the checkpoint; a run that was cut off goes on from there
    keep    write what is not better, too; the file says that it is not
    raises  BadInput with too few people, or if training diverges
    """
    people = np.unique(np.asarray(faces.people, np.str_), return_inverse=True)[1].astype(np.int64)
    out_of_it = held_out(people, recipe.held, recipe.settings.seed)
    count = len(faces.crops) - len(families(DEFAULT_EMBEDDER))
    own, default_crops = faces.crops[:count], faces.crops[count:]
    task = _Headed(recipe, own) if recipe.network == "head" else _Network(recipe, own[0])
    asked = people[out_of_it]
    before = verified(task.before(out_of_it), asked)
    run = Run(task.module, task.seen(~out_of_it), people[~out_of_it], recipe.settings, task.dim)
    run.train(work / f"{recipe.network}.pt", progress)
    about = file.About(
        name=out.name.removesuffix(file.SUFFIX),
        network=file.HEAD if recipe.network == "head" else recipe.network,
        on=task.on,
        on_sha256=task.on_sha256,
        licence=licence,
        sources=sources,
        recipe=asdict(recipe.settings) | {"held": recipe.held},
    )
    arrays = task.arrays()
    after = verified(task.after(about, arrays, out_of_it), asked)
    chosen = tuple(view[out_of_it] for view in default_crops)
    default = verified(embed(open_embedder(DEFAULT_EMBEDDER), chosen), asked)
    gain = change(before, after)
    report = Report(
        _counted(people[~out_of_it]),
        _counted(asked),
        before,
        after,
        default,
        gain,
        change(default, after),
        gain.better or keep,
    )
    if report.written:
        file.save(out, replace(about, better=gain.better, figures=report.figures()), arrays)
    return report


def _counted(people: People) -> tuple[int, int]:
    return len(np.unique(people)), len(people)


class _Headed:
    """A head on an embedder: the embeddings of all faces are made once, and of their mirrors."""

    def __init__(self, recipe: Recipe, crops: tuple[Crops, ...]) -> None:
        below = open_embedder(recipe.on)
        self.on, self.on_sha256, self.dim = recipe.on, below.weights_sha256, below.dim
        looks = [embed(below, crops)]
        if recipe.settings.augment:
            looks.append(embed(below, tuple(view[:, :, ::-1] for view in crops)))
        self._looks = np.stack(looks, 1)  # (N, V, D)
        torch.manual_seed(recipe.settings.seed)
        self.module: nn.Module = Head(below.dim, recipe.settings.dropout)

    def seen(self, which: NDArray[np.bool_]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._looks[which]
        return found

    def before(self, which: NDArray[np.bool_]) -> Embeddings:
        found: Embeddings = self._looks[which, 0]
        return found

    def arrays(self) -> file.Arrays:
        assert isinstance(self.module, Head)
        return {file.HEAD: self.module.matrix()}

    def after(self, about: file.About, arrays: file.Arrays, which: NDArray[np.bool_]) -> Embeddings:
        return turned(self._looks[which, 0], arrays[file.HEAD])


class _Network:
    """A network on crops: from chance, or as it ships."""

    on = on_sha256 = ""

    def __init__(self, recipe: Recipe, crops: Crops) -> None:
        family = TRAINABLE[recipe.network]
        self.dim = family.dim
        self._crops = crops
        self._recipe = recipe
        torch.manual_seed(recipe.settings.seed)
        self.module: nn.Module
        if recipe.network == "small-face":
            self.module = SmallFaceNet(recipe.settings.dropout)
        else:
            self.module = module_of(recipe.network)
        self._begun = self.arrays()

    def seen(self, which: NDArray[np.bool_]) -> NDArray[np.uint8]:
        return self._crops[which]

    def before(self, which: NDArray[np.bool_]) -> Embeddings:
        return self.after(file.About("start", self._recipe.network), self._begun, which)

    def arrays(self) -> file.Arrays:
        if not isinstance(self.module, SmallFaceNet):
            return arrays_of(self.module)
        shown = SmallFaceNet()
        shown.load_state_dict(self.module.state_dict())
        return arrays_of(folded(shown))

    def after(self, about: file.About, arrays: file.Arrays, which: NDArray[np.bool_]) -> Embeddings:
        """As the file gives them, in the engine that will run it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"trained{file.SUFFIX}"
            file.save(path, about, arrays)
            return embed(open_embedder(str(path)), (self._crops[which],))
