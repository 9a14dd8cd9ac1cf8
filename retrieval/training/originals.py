"""Published files run by an interpreter that is not ours: what a network of ours has to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.extras import optional

TOLERANCE = 1e-4  # ours against the original, relative to the largest output


def tensorflow_lite(path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a TensorFlow Lite file of fixed batches gives, run by Google's ai-edge-litert.

    batch    (N, 3, H, W) RGB, 0 to 255; N a multiple of the file's
    returns  (N, D)
    raises   MissingExtra without the interpreter
    """
    with optional(f"running {path.name}"):
        from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    parts = []
    for part in batch.reshape(-1, taken["shape"][0], *batch.shape[1:]):
        pixels = (part.transpose(0, 2, 3, 1) - np.float32(127.5)) / np.float32(128)
        interpreter.set_tensor(taken["index"], pixels)
        interpreter.invoke()
        parts.append(interpreter.get_tensor(given["index"]))
    return np.concatenate(parts)


ORIGINALS = {"mobilefacenet": tensorflow_lite}  # network → what runs the file of its weights


def check(name: str, got: NDArray[np.float32], want: NDArray[np.float32]) -> None:
    """Raises WeightsError where ours differs from the original by more than TOLERANCE."""
    off = float(np.abs(got - want).max() / np.abs(want).max())
    if not off <= TOLERANCE:
        raise WeightsError(f"{name} differs from its published file by {off:.1e} of the largest")
