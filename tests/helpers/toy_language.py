"""A language small enough to learn in seconds, pieces for it, and models over them."""

from __future__ import annotations

import functools
import io
from dataclasses import asdict
from pathlib import Path

import numpy as np

SUBJECTS = ["el perro", "la gata", "un caballo", "mi abuela", "el vecino", "una vaca"]
VERBS = ["come", "mira", "busca", "quiere", "pierde"]
OBJECTS = ["el pan", "la carne", "un zapato", "la casa", "el camino", "una flor"]


def lines(count: int, seed: int = 1) -> list[str]:
    """Sentences of a subject, a verb and an object."""
    generator = np.random.default_rng(seed)
    parts = [
        [part[int(i)] for i in generator.integers(0, len(part), count)]
        for part in (SUBJECTS, VERBS, OBJECTS)
    ]
    return [f"{' '.join(words)}." for words in zip(*parts, strict=True)]


@functools.cache
def pieces_model() -> bytes:
    """A sentencepiece model of these sentences: 3 special pieces, 256 bytes, some more."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines(300)),
        model_writer=model,
        model_type="unigram",
        vocab_size=320,
        byte_fallback=True,
        hard_vocab_limit=False,
        bos_piece="<SOS>",
        eos_piece="<EOS>",
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def write_random(path: Path, seed: int = 1) -> object:
    """An untrained model in a file; returns the torch module with the weights of the file."""
    import torch

    from retrieve.models.language_model import Dimensions, LanguageModel
    from retrieve.text.language.model import Origin, save
    from retrieve.text.language.pieces import Pieces
    from retrieve.training.language_model import weights

    torch.manual_seed(seed)
    size = len(Pieces(pieces_model()))
    module = LanguageModel(Dimensions(size, 2, 12, (265, 280), (8, 4, 2)))
    with torch.no_grad():  # what 8 bits can hold, so that both have the same numbers
        for name, parameter in module.named_parameters():
            parameter.mul_(3)
            if parameter.ndim == 2:
                scales = parameter.abs().amax(1, keepdim=True) / 127
                parameter.copy_((parameter / scales).round() * scales)
            elif not name.startswith("lstm"):
                parameter.normal_()
    save(path, weights(module), pieces_model(), asdict(module.dims), Origin("toy"))
    return module.eval()
