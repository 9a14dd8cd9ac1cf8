"""A text as one vector: the transformer of multilingual-e5-small, in the layout of BERT.

Pieces of words → the mean of what twelve layers of attention make of them. What a piece says by
itself, its row in the table of 250,002, is looked up outside: that table is four fifths of the
weights, and a text needs a few dozen rows of it.
Sources: Wang et al. 2024, "Multilingual E5 text embeddings"; Wang et al. 2020, "MiniLM"; Devlin
et al. 2019, "BERT"; Vaswani et al. 2017, "Attention is all you need".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows


@dataclass(frozen=True, slots=True)
class Shape:
    """What a transformer is made of.

    dim        D of pieces and of the text
    layers, heads, inner
               of the encoder; inner is the width between the two matrices of each layer
    positions  pieces of a text at most, its ends counted
    epsilon    added to variances
    """

    dim: int = 384
    layers: int = 12
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    epsilon: float = 1e-12


class Layer(nn.Module):
    """(N, T, D) → (N, T, D): pieces look at each other, then each at itself.

    absent  (N, 1, 1, T) added to what is looked at: 0, or far below where no piece is
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        # Queries, keys, values; queries are divided by the root of D / heads in the weights.
        self.attended = nn.Linear(shape.dim, 3 * shape.dim)
        self.mixed = nn.Linear(shape.dim, shape.dim)
        self.norm = nn.LayerNorm(shape.dim, shape.epsilon)
        self.widened = nn.Linear(shape.dim, shape.inner)
        self.narrowed = nn.Linear(shape.inner, shape.dim)
        self.last_norm = nn.LayerNorm(shape.dim, shape.epsilon)

    def forward(self, x: Tensor, absent: Tensor) -> Tensor:
        N, T, D = x.shape[0], x.shape[1], self.mixed.in_features
        parts = self.attended(x).view(N, T, 3, self.heads, D // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (N, heads, T, D / heads)
        scores = q @ k.transpose(2, 3) + absent  # (N, heads, T, T)
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(N, T, D)
        x = self.norm(x + self.mixed(seen))
        found: Tensor = self.last_norm(x + self.narrowed(F.gelu(self.widened(x))))
        return found


class E5(nn.Module):
    """(N, T, D) rows of pieces and (N, T) which are there → (N, D), their mean, of any length."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.dim))
        self.kind = nn.Parameter(torch.zeros(shape.dim))  # of a text that stands alone
        self.norm = nn.LayerNorm(shape.dim, shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, pieces: Tensor, there: Tensor) -> Tensor:
        x = self.norm(pieces + self.positions[: pieces.shape[1]] + self.kind)  # (N, T, D)
        absent = (there - 1)[:, None, None, :] * 1e9
        for layer in self.layers:
            x = layer(x, absent)
        total: Tensor = (x * there[:, :, None]).sum(1)  # (N, D)
        return total / there.sum(1, keepdim=True)
