"""Pictures of the language model at work: its gates piece by piece, and what it expects.

Hochreiter and Schmidhuber 1997, "Long short-term memory"; Gers et al. 2000, "Learning to
forget" (the forget gate).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docs.draw import paper
from retrieve.text.language.model import LanguageModel, State, open_language
from retrieve.text.language.pieces import SPACE

SENTENCE = "El médico entró en la casa, miró al niño y le dijo a la madre que no era nada grave."
GATES = ("forget", "input", "output")
EXPECTED = 3  # pieces named above those that came

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What happened while T pieces were read.

    pieces       as they are written
    gates        name → (L, T, H), each 0 to 1
    probability  (T,) that the model gave to each piece before it came
    expected     for each piece the likeliest ones then, with their probabilities
    """

    pieces: list[str]
    gates: dict[str, Floats]
    probability: Floats
    expected: list[list[tuple[str, float]]]


def trace(model: LanguageModel, text: str) -> Trace:
    """Read a text and keep what the gates did."""
    (ids,) = model.pieces.encode([text])
    state = model.start()
    opened: list[dict[str, Floats]] = []
    probability, expected = [], []
    for i in ids:
        ahead = model.next_pieces(state)[0]
        best = np.argsort(-ahead)[:EXPECTED]
        expected.append([(model.pieces.piece(int(j)), float(ahead[j])) for j in best])
        probability.append(float(ahead[i]))
        opened.append(step(model, state, i))
        state = model.read(state, np.array([[i]]))
    gates = {name: np.stack([one[name] for one in opened], axis=1) for name in GATES}
    pieces = [model.pieces.piece(i) for i in ids]
    return Trace(pieces, gates, np.array(probability, np.float32), expected)


def step(model: LanguageModel, state: State, i: int) -> dict[str, Floats]:
    """The gates of every layer, (L, H) each, while one piece is read; and `h`, the state after."""
    x = model.embed(np.array([i]))[0]
    found: dict[str, list[Floats]] = {name: [] for name in (*GATES, "h")}
    for layer in range(len(state.h)):
        weights = model.weights
        sums = weights[f"lstm.weight_ih_l{layer}"] @ x
        sums = sums + weights[f"lstm.weight_hh_l{layer}"] @ state.h[layer, 0]
        into, keep, new, out = np.split(sums + weights[f"lstm.bias_l{layer}"], 4)
        into, keep, out = (0.5 * (1 + np.tanh(0.5 * gate)) for gate in (into, keep, out))
        cell = keep * state.c[layer, 0] + into * np.tanh(new)
        x = out * np.tanh(cell)
        for name, gate in zip((*GATES, "h"), (keep, into, out, x), strict=True):
            found[name].append(np.asarray(gate, np.float32))
    return {name: np.stack(layers) for name, layers in found.items()}


def heat(out: Path, model: LanguageModel | None = None, text: str = SENTENCE) -> None:
    """The mean of each gate of each layer over the units, piece by piece."""
    read = trace(open_language() if model is None else model, text)
    layers = read.gates["forget"].shape[0]
    rows = [(name, layer) for layer in range(layers) for name in GATES]
    means = np.array([read.gates[name][layer].mean(axis=1) for name, layer in rows])
    figure, axes = paper.sheet(9.5, 2.9)
    # Each row in its own deviation from its mean: the rows differ more than what they do.
    deviation = means - means.mean(axis=1, keepdims=True)
    most = float(np.abs(deviation).max())
    shown = axes.imshow(deviation, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    axes.set_yticks(
        range(len(rows)),
        [
            f"layer {layer + 1}, {name} ({m.mean():.2f})"
            for (name, layer), m in zip(rows, means, strict=True)
        ],
        fontsize=8,
    )
    axes.set_xticks(range(len(read.pieces)), read.pieces, rotation=60, ha="right", fontsize=8)
    axes.axhline(len(GATES) - 0.5, color="white", lw=2)
    figure.colorbar(shown, ax=axes, label="more or less open\nthan on average", shrink=0.9)
    paper.write(figure, out)


def surprise(out: Path, model: LanguageModel | None = None, text: str = SENTENCE) -> None:
    """How probable each piece was before it came, and which ones were likelier."""
    read = trace(open_language() if model is None else model, text)
    figure, axes = paper.sheet(9.5, 3)
    place = np.arange(len(read.pieces))
    first = [expected[0][0] for expected in read.expected]
    right = [a == b for a, b in zip(first, read.pieces, strict=True)]
    axes.bar(place, read.probability, color=[paper.GREEN if hit else paper.SKY for hit in right])
    for x, expected in enumerate(read.expected):
        said = "\n".join(f"{piece.removeprefix(SPACE) or SPACE}" for piece, _ in expected)
        axes.text(x, 1.15, said, ha="center", va="bottom", fontsize=6, color=paper.INK)
    axes.set_xticks(place, read.pieces, rotation=60, ha="right", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylim(1e-5, 1.1)
    axes.set_ylabel("probability")
    axes.set_xlim(-0.7, len(place) - 0.3)
    figure.suptitle(
        "the three likeliest pieces, then the probability of the one that came", fontsize=9
    )
    paper.write(figure, out)
