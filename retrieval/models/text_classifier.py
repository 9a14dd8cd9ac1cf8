"""A text to the logits of its classes: a bidirectional LSTM over pieces, and two summaries of it.

    x = dropout(E[pieces]);  h = LSTM(x);  logits = W [max_t h_t, mean_t h_t] + b

The largest value of each state says whether something occurs, the mean how often.
Sources: Hochreiter and Schmidhuber 1997, "Long short-term memory"; Conneau et al. 2017,
"Supervised learning of universal sentence representations" (the largest value);
Howard and Ruder 2018, "Universal language model fine-tuning" (both beside each other).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class TextClassifier(nn.Module):
    """(N, T) rows of pieces and (N,) lengths → (N, K) logits.

    rows     of the embeddings; row 0 is what every rare piece shares
    dim      of an embedding
    hidden   units of the LSTM in each direction
    classes  K
    """

    def __init__(
        self, rows: int, dim: int, hidden: int, classes: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.empty(rows, dim).normal_(0, 0.3))
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(4 * hidden, classes)
        self.drop = nn.Dropout(dropout)
        with torch.no_grad():
            for suffix in ("", "_reverse"):
                # Remember at first (Gers et al. 2000).
                getattr(self.lstm, f"bias_ih_l0{suffix}")[hidden : 2 * hidden] = 1

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        x = self.drop(nn.functional.embedding(rows, self.embeddings))  # (N, T, dim)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)  # (N, T, 2h)
        beyond = torch.arange(states.shape[1], device=rows.device) >= lengths[:, None]  # (N, T)
        largest = states.masked_fill(beyond.unsqueeze(2), -2.0).amax(dim=1)  # (N, 2h)
        mean = states.sum(dim=1) / lengths[:, None]  # (N, 2h); what lies beyond is zero
        logits: Tensor = self.out(self.drop(torch.cat([largest, mean], dim=1)))  # (N, K)
        return logits
