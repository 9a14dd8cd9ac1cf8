"""Adam for the rows of a large matrix, of which each step touches few.

Only the rows that a batch used are read, updated and have their moments decayed, as in torch's
SparseAdam; that one sorts and joins every single use of a row first, which took longer than the
rest of a step.
Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization".
"""

from __future__ import annotations

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class RowAdam:
    """Adam on the rows of `matrix`, which is changed in place.

    matrix  (R, ...) float32 without gradient
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.first = torch.zeros_like(matrix)
        self.second = torch.zeros_like(matrix)
        self.steps = 0

    @torch.no_grad()
    def step(self, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """One step on some rows.

        rows      (U,) int64, each once
        gradient  (U, ...) of those rows
        """
        self.steps += 1
        first = self.first[rows].lerp_(gradient, 1 - BETAS[0])
        second = self.second[rows].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        self.first[rows] = first
        self.second[rows] = second
        corrected = rate / (1 - BETAS[0] ** self.steps)
        root = (second / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPSILON)
        self.matrix.index_add_(0, rows, first / root, alpha=-corrected)
