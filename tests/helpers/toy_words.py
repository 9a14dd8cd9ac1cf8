"""Small word vectors with known neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retrieve.text.words.vectors import Origin, quantize, save, step_for

WORDS = ["rey", "reina", "hombre", "mujer", "hombres", "mesa", "parís", "reinas", "pájaro"]
MADE_OF = {  # royal, male, female, thing, plural, city
    "rey": (3, 1, 0, 0, 0, 0),
    "reina": (3, 0, 1, 0, 0, 0),
    "hombre": (0, 1, 0, 0, 0, 0.1),
    "mujer": (0, 0, 1, 0, 0, 0.1),
    "hombres": (0, 1, 0, 0, 0.3, 0),
    "mesa": (0, 0, 0, 3, 0, 0),
    "parís": (0, 0, 0, 0.2, 0, 3),
    "reinas": (3, 0, 1, 0, 0.4, 0),
    "pájaro": (0, 0.2, 0, 1, 0, 1),
}


def vectors() -> np.ndarray:
    made = np.array([MADE_OF[word] for word in WORDS], np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def write(path: Path, name: str = "toy") -> Path:
    """Write them as a file of the toolkit and return its path."""
    made = vectors()
    codes, scales = quantize(made, step_for(made))
    bases = np.array([0, 1, 2, 3, 2, 5, 6, 1, 8])
    save(path, WORDS, codes, scales, Origin(name), bases=bases, counts=np.arange(9, 0, -1))
    return path
