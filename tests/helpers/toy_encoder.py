"""A small text encoder with weights by chance, and its file."""

from __future__ import annotations

from pathlib import Path

import torch
import toy_words

from retrieve.models.text_encoder import TextEncoder
from retrieve.text.encoders.file import save
from retrieve.text.words.vectors import Origin
from retrieve.text.words.vocabulary import Vocabulary

BUCKETS = 32


def vocabulary() -> Vocabulary:
    return Vocabulary(toy_words.WORDS, BUCKETS)


def model(hidden: int = 4, dim: int = 6) -> TextEncoder:
    """An encoder whose LSTM matters: nothing of it is zero."""
    torch.manual_seed(0)
    made = TextEncoder(len(vocabulary()), dim, hidden)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.3)
    return made


def write(path: Path, hidden: int = 4) -> Path:
    save(path, vocabulary(), model(hidden), Origin(path.stem))
    return path
