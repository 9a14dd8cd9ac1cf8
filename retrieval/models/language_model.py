"""A stack of LSTM layers over pieces that says which piece comes next.

Input embeddings and output rows are one and the same matrix (Press & Wolf 2017, "Using the
output embedding to improve language models"). Rare pieces have shorter embeddings, and the
output is a softmax in two steps, first over the frequent pieces and the classes of rarer
ones, then inside a class: Grave et al. 2017, "Efficient softmax approximation for GPUs";
Baevski & Auli 2019, "Adaptive input representations for neural language modeling".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The shape of a model.

    pieces  N, the size of the vocabulary; ids are in order of frequency
    hidden  H, of each LSTM layer
    cuts    first id of each class of rarer pieces
    widths  of the embeddings of the frequent pieces (D) and of each class, shrinking
    """

    pieces: int = 16_000
    layers: int = 2
    hidden: int = 512
    cuts: tuple[int, ...] = (2_304, 6_144)
    widths: tuple[int, ...] = (256, 128, 64)

    @classmethod
    def of(cls, pieces: int, *, layers: int, hidden: int, width: int) -> Dimensions:
        """The shape for a vocabulary: two classes of rarer pieces, each half as wide."""
        cuts = (round(pieces * 0.144), round(pieces * 0.384))
        return cls(pieces, layers, hidden, cuts, (width, width // 2, width // 4))

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First and last + 1 id of the frequent pieces and of each class."""
        edges = (0, *self.cuts, self.pieces)
        return list(pairwise(edges))


class LanguageModel(nn.Module):
    """(T, B) ids → (T, B, N) log-probabilities of the next piece."""

    def __init__(self, dims: Dimensions, dropout: float = 0.0) -> None:
        super().__init__()
        self.dims = dims
        D = dims.widths[0]
        self.tables = nn.ParameterList(
            torch.empty(stop - start, width).normal_(0, width**-0.5)
            for (start, stop), width in zip(dims.ranges, dims.widths, strict=True)
        )
        self.widen = nn.ModuleList(nn.Linear(width, D, bias=False) for width in dims.widths[1:])
        self.lstm = nn.LSTM(D, dims.hidden, dims.layers, dropout=dropout)
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(dims.hidden, D)
        self.narrow = nn.ModuleList(nn.Linear(D, width, bias=False) for width in dims.widths[1:])
        self.classes = nn.Linear(D, len(dims.cuts))
        self.biases = nn.ParameterList(torch.zeros(stop - start) for start, stop in dims.ranges)
        with torch.no_grad():
            for layer in range(dims.layers):
                # Remember at first (Gers et al. 2000); the second bias only adds to the first.
                getattr(self.lstm, f"bias_hh_l{layer}").zero_()
                getattr(self.lstm, f"bias_ih_l{layer}")[dims.hidden : 2 * dims.hidden] = 1

    def embed(self, ids: Tensor) -> Tensor:
        """(T, B) ids → (T, B, D) embeddings, those of rarer pieces brought to D."""
        D = self.dims.widths[0]
        frequent = ids.clamp(max=len(self.tables[0]) - 1)
        x: Tensor = functional.embedding(frequent, self.tables[0]) * D**0.5
        for number, (start, stop) in enumerate(self.dims.ranges[1:], 1):
            inside = (ids >= start) & (ids < stop)
            rows = functional.embedding(ids[inside] - start, self.tables[number])  # (n, width)
            wide = self.widen[number - 1](rows * self.dims.widths[number] ** 0.5)  # (n, D)
            x = x.masked_scatter(inside.unsqueeze(-1), wide.to(x.dtype))
        return x

    def forward(
        self, ids: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x, state = self.lstm(self.drop(self.embed(ids)), state)  # (T, B, H)
        x = self.out(self.drop(x))  # (T, B, D)
        first = torch.log_softmax(self.frequent(x), -1)  # (T, B, N₀ + classes)
        parts = [first[..., : len(self.tables[0])]]
        for number in range(1, len(self.tables)):
            share = first[..., len(self.tables[0]) + number - 1].unsqueeze(-1)
            parts.append(share + torch.log_softmax(self.rare(x, number), -1))
        return torch.cat(parts, -1), state  # (T, B, N)

    def frequent(self, x: Tensor) -> Tensor:
        """(..., D) → (..., N₀ + classes) logits of the frequent pieces and of each class."""
        logits = functional.linear(x, self.tables[0], self.biases[0])
        return torch.cat([logits, self.classes(x)], -1)

    def rare(self, x: Tensor, number: int) -> Tensor:
        """(..., D) → (..., Nᵢ) logits inside a class of rarer pieces, numbered from 1."""
        narrow = self.narrow[number - 1](x)  # (..., width)
        return functional.linear(narrow, self.tables[number], self.biases[number])

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """(M, D) outputs and (M,) next ids → (M,) negative log-probabilities.

        The same numbers as `forward` gives, without those of classes nobody asks for.
        """
        frequent = len(self.tables[0])
        where = targets.clone()
        for number, (start, stop) in enumerate(self.dims.ranges[1:]):
            where[(targets >= start) & (targets < stop)] = frequent + number
        losses = functional.cross_entropy(self.frequent(x).float(), where, reduction="none")
        for number, (start, stop) in enumerate(self.dims.ranges[1:], 1):
            inside = ((targets >= start) & (targets < stop)).nonzero().squeeze(-1)
            if len(inside):
                logits = self.rare(x[inside], number).float()
                more = functional.cross_entropy(logits, targets[inside] - start, reduction="none")
                losses = losses.index_add(0, inside, more)
        return losses
