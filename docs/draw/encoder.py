"""Pictures of the text encoder: how much each word of a sentence counts, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from docs.draw import paper
from retrieve.models.text_encoder import INPUT_SCALE, TextEncoder
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders.encode import shipped
from retrieve.text.encoders.file import EncoderFile
from retrieve.text.words.vocabulary import Vocabulary

SENTENCE = "La última carta que mi abuela escribió desde Zaragoza llegó después de la guerra"
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What the T rows of a sentence bring to its embedding, which is the sum of
    weight × (vector + residual), made unit.

    words     of each row
    alone     (T,) exp(s): the weight that the word has anywhere
    weight    (T,) exp(s + v·h): its weight in this sentence
    vectors   (T, D) of the words
    residual  (T, D) what the LSTM adds
    """

    words: list[str]
    alone: Floats
    weight: Floats
    vectors: Floats
    residual: Floats

    @property
    def embedding(self) -> Floats:
        """(D,) the unit vector of the sentence."""
        total = (self.weight[:, None] * (self.vectors + self.residual)).sum(axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


@cache
def open_encoder() -> tuple[EncoderFile, TextEncoder]:
    """The shipped encoder's file, and its network in torch."""
    file = encoder_file.read(shipped("encoder"))
    rows, dim = file.arrays["embeddings"].shape
    hidden = file.arrays["gate.weight"].shape[1] // 2
    network = TextEncoder(rows, dim, hidden)
    state = {name: torch.from_numpy(file.decoded(name).copy()) for name in network.state_dict()}
    network.load_state_dict(state)
    return file, network.eval()


def parts(text: str) -> Parts:
    """Take the encoding of a sentence apart."""
    file, network = open_encoder()
    vocabulary = Vocabulary(file.words, file.buckets)
    rows = vocabulary.rows(text)
    with torch.no_grad():
        vectors = network.embeddings[rows]
        logs = network.log_weights[rows]
        states, _ = network.lstm(vectors[None] * INPUT_SCALE)
        weight = (logs + network.gate(states)[0, :, 0]).exp()
        residual = network.residual(states)[0]
    words = [file.words[row] if row < len(file.words) else "#" for row in rows]
    return Parts(words, *(one.numpy() for one in (logs.exp(), weight, vectors, residual)))


def weights(out: Path, text: str = SENTENCE) -> None:
    """The weight of each word alone and in its sentence, the gate, the length of the residual."""
    found = parts(text)
    figure, (above, middle, below) = paper.sheet(9, 4.4, 3, 1, height_ratios=[3, 2, 2])
    place = np.arange(len(found.words))
    above.bar(place - 0.2, found.alone, 0.4, color=paper.SKY, label="word alone, exp(s)")
    above.bar(
        place + 0.2, found.weight, 0.4, color=paper.BLUE, label="in this sentence, exp(s + v·h)"
    )
    above.set_ylabel("weight")
    above.set_xticks(place, [])
    above.legend(loc="upper right", bbox_to_anchor=(1, 1.15), ncols=2)
    middle.bar(place, found.weight / found.alone - 1, 0.5, color=paper.BLUE)
    middle.axhline(0, color=paper.PALE, lw=1)
    middle.set_ylabel("exp(v·h) − 1")
    middle.set_xticks(place, [])
    share = np.linalg.norm(found.residual, axis=1) / np.linalg.norm(found.vectors, axis=1)
    below.bar(place, share, 0.5, color=paper.ORANGE)
    below.set_ylabel("residual\n/ word vector")
    below.set_xticks(place, found.words, rotation=35, ha="right", fontsize=9)
    paper.write(figure, out)
