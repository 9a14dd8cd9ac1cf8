"""A text as one unit vector: a weighted mean of its words, corrected by a bidirectional LSTM.

    text = norm( Σ s_t · exp(v · h_t) · (e_t + U h_t) )

e_t is the vector of a word, s_t its learned weight, h_t what the LSTM knows there. U and v
begin at zero, so that training starts from the weighted mean, which is hard to beat, and the
LSTM learns what the mean cannot say.
Sources: Hochreiter and Schmidhuber 1997, "Long short-term memory"; Schuster and Paliwal 1997,
"Bidirectional recurrent neural networks"; Arora et al. 2017, "A simple but tough-to-beat
baseline for sentence embeddings" (the weighted mean).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name every torch user knows

INPUT_SCALE = 8.0  # entries of a unit vector of 200 dimensions are near .07; gates want near .5


class TextEncoder(nn.Module):
    """(N, T) rows of a vocabulary, all T long → (N, D) unit vectors.

    rows    of the vocabulary
    dim     D
    hidden  units of the LSTM in each direction; 0 for the weighted mean alone
    """

    def __init__(self, rows: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.zeros(rows, dim))
        self.log_weights = nn.Parameter(torch.zeros(rows))
        self.hidden = hidden
        if hidden:
            self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
            self.gate = nn.Linear(2 * hidden, 1, bias=False)
            self.residual = nn.Linear(2 * hidden, dim, bias=False)
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.residual.weight)

    def forward(self, rows: Tensor) -> Tensor:
        return self.pooled(F.embedding(rows, self.embeddings), self.log_weights[rows])

    def pooled(self, words: Tensor, log_weights: Tensor) -> Tensor:
        """(N, T, D) word vectors and (N, T) logarithms of their weights → (N, D)."""
        if self.hidden:
            states, _ = self.lstm(words * INPUT_SCALE)  # (N, T, 2 hidden)
            log_weights = log_weights + self.gate(states).squeeze(2)
            words = words + self.residual(states)
        total = torch.bmm(log_weights.exp().unsqueeze(1), words).squeeze(1)  # (N, D)
        return F.normalize(total, dim=1)
