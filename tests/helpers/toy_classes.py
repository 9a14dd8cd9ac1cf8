"""Labelled texts that are told apart by their words: two groups of each of three classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

WORDS = {
    "mar": ("barco", "vela", "puerto", "ola", "marea", "ancla"),
    "cocina": ("sartén", "aceite", "horno", "harina", "cazuela", "sal"),
    "campo": ("arado", "trigo", "oveja", "pasto", "establo", "surco"),
}
SHARED = ("el", "la", "de", "un", "con", "muy")


def texts(each: int = 20, seed: int = 0) -> list[dict[str, str]]:
    """Rows of text, label and group."""
    generator = np.random.default_rng(seed)
    rows = []
    for label, words in WORDS.items():
        for i in range(each):
            chosen = generator.choice([*words, *SHARED], 12)
            group = f"{label}-{i % 4}"
            rows.append({"text": " ".join(chosen) + ".", "label": label, "group": group})
    return rows


def jsonl(path: Path, each: int = 20) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in texts(each)), "utf-8")
    return path
