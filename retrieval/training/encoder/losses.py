"""What an encoder is trained on: pairs that belong together, and pairs with a judgement.

Sources: van den Oord et al. 2018, "Representation learning with contrastive predictive coding"
(InfoNCE); Su 2022, "CoSENT: a more effective sentence vector scheme than Sentence-BERT".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows


def contrastive(queries: Tensor, passages: Tensor, temperature: float) -> Tensor:
    """How badly each of N queries tells its passage from the others, and the other way round.

    queries, passages  (N, D) unit rows; row i belongs to row i
    """
    scores = queries @ passages.T / temperature  # (N, N)
    right = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def cosent(scores: Tensor, judged: Tensor, scale: float = 20.0) -> Tensor:
    """log(1 + Σ exp(scale · (score of a pair − score of one judged closer))), over all such two.

    scores  (N,) cosines
    judged  (N,) how people judge the pairs; only their order counts
    """
    differences = scale * (scores[:, None] - scores[None, :])  # (N, N)
    counted = differences[judged[:, None] < judged[None, :]]
    return torch.logsumexp(torch.cat([counted.new_zeros(1), counted]), dim=0)
