"""Networks that users train: their graphs, which ship without weights, and weights → a model.

A file of the user's own holds numbers alone (file.py); what runs is a graph of ours, whose SHA-256
`trainable.json` states with the shape of every array that it takes. `python -m
retrieve.training.faces.graphs` makes both.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import WeightsError
from retrieve.faces.embedding.trained.file import Arrays
from retrieve.networks.filled import filled

FOLDER = Path(__file__).parents[2] / "data"
RECORD = "trainable.json"
_AGAIN = "Install retrieve again: pip install --force-reinstall --no-deps retrieve"


@dataclass(frozen=True, slots=True)
class Graph:
    """One network that can be filled.

    shapes  of the arrays that it takes, by name
    """

    file: str
    sha256: str
    shapes: dict[str, list[int]]


def graphs(folder: Path = FOLDER) -> dict[str, Graph]:
    """Those that ship, by the network's name. Raises WeightsError if the record is damaged."""
    path = folder / RECORD
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        return {name: Graph(**one) for name, one in stated.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. {_AGAIN}") from error


def model(network: str, arrays: Arrays, folder: Path = FOLDER) -> bytes:
    """The network with these weights, in ONNX format.

    raises  WeightsError if no such network ships, its graph is damaged, or the arrays are not its
    """
    known = graphs(folder)
    if network not in known:
        raise WeightsError(f"no network {network!r} can be filled; there are {', '.join(known)}")
    graph = known[network]
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    if shapes != graph.shapes:
        wrong = sorted(
            name
            for name in shapes.keys() | graph.shapes.keys()
            if shapes.get(name) != graph.shapes.get(name)
        )
        raise WeightsError(
            f"these are not the weights of {network}: {wrong[0]} is {shapes.get(wrong[0])}, "
            f"wanted {graph.shapes.get(wrong[0])}"
        )
    path = folder / graph.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}. {_AGAIN}") from error
    if hashlib.sha256(content).hexdigest() != graph.sha256:
        raise WeightsError(f"{path} is damaged. {_AGAIN}")
    return filled(content, arrays)
