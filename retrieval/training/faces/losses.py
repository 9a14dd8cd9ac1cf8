"""What a batch of embedded faces costs: triplets with semi-hard negatives, and cross-entropy.

Schroff, Kalenichenko and Philbin 2015, "FaceNet: A unified embedding for face recognition and
clustering" (triplets, which negatives); Taigman et al. 2014, "DeepFace" (people as classes); Wang
et al. 2017, "NormFace" (cosines times a scale as their logits, so that what is trained is what is
compared).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def triplets(rows: Tensor, people: Tensor, margin: float) -> Tensor:
    """The mean of d(a, p) - d(a, n) + margin, d being squared distances.

    rows     (N, D) unit rows; people (N,) who they show
    returns  a scalar over every pair a, p of one person, n being the stranger that is nearest to a
             among those further away than p: semi-hard, when it is within the margin. Pairs whose
             strangers are all nearer or all beyond the margin cost nothing; 0 where all are

    A stranger nearer than p would pull all embeddings into one point at first (section 3.2).
    """
    distances = 2 - 2 * rows @ rows.T  # (N, N)
    same = people[:, None] == people[None]
    anchor, positive = torch.nonzero(same & ~torch.eye(len(rows), dtype=torch.bool), as_tuple=True)
    to_positive = distances[anchor, positive]  # (T,)
    barred = same[anchor] | (distances[anchor] <= to_positive[:, None])  # (T, N)
    to_negative = distances[anchor].masked_fill(barred, torch.inf).amin(1)  # (T,)
    counted = to_negative < to_positive + margin
    if not counted.any():
        return rows.sum() * 0
    return (to_positive - to_negative + margin)[counted].mean()


def cross_entropy(rows: Tensor, people: Tensor, classes: Tensor, scale: float) -> Tensor:
    """The mean surprise at who each face shows.

    rows     (N, D) unit rows; people (N,) rows of `classes`
    classes  (K, D) of any length: one direction for each person
    """
    return functional.cross_entropy(scale * rows @ functional.normalize(classes).T, people)
