"""The transformer's weights out of the package's file, and the network that ships without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieve.networks import weights
from retrieve.networks.filled import filled
from retrieve.networks.integers import EVENED, INTEGERS, STEPS, integer_matrix
from retrieve.networks.runtime import NetworkSpec
from retrieve.text.encoders.e5 import packed
from retrieve.text.encoders.e5.packed import Packed

if TYPE_CHECKING:
    import torch

NAME = "e5"
DATA = Path(__file__).parents[2] / "data"
MATRICES = {"attended": "qkv", "mixed": ("ao",), "widened": ("fi",), "narrowed": ("fo",)}
NORMS = {"norm": "aln", "last_norm": "oln"}
EVEN = ("attended", "widened", "narrowed")  # products whose columns differ most

Matrix = NDArray[np.float32]


def state(file: Packed) -> dict[str, Matrix]:
    """The arrays of retrieve.models.e5.E5, by the names that torch gives them."""
    found = {
        "positions": file.numbers("emb.pos").reshape(-1, file.dim),
        "kind": file.numbers("emb.type")[: file.dim],
        "norm.weight": file.numbers("emb.ln.w"),
        "norm.bias": file.numbers("emb.ln.b"),
    }
    head = np.float32((file.dim // file.heads) ** -0.5)
    for layer in range(file.layers):
        ours, theirs = f"layers.{layer}.", f"l{layer}."
        for name, parts in MATRICES.items():
            columns = file.inner if name == "narrowed" else file.dim
            matrices = [file.matrix(f"{theirs}{part}.w", columns) for part in parts]
            biases = [file.numbers(f"{theirs}{part}.b") for part in parts]
            if name == "attended":
                matrices[0], biases[0] = matrices[0] * head, biases[0] * head
            found[f"{ours}{name}.weight"] = np.concatenate(matrices)
            found[f"{ours}{name}.bias"] = np.concatenate(biases)
        for name, part in NORMS.items():
            found[f"{ours}{name}.weight"] = file.numbers(f"{theirs}{part}.w")
            found[f"{ours}{name}.bias"] = file.numbers(f"{theirs}{part}.b")
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What was measured of the columns that come into products, by the product's name.

    evened  (K,) by what they are divided, of the products of EVEN
    usual   (K,) what stands in them on average
    """

    evened: Mapping[str, Matrix]
    usual: Mapping[str, Matrix]


def in_integers(arrays: Mapping[str, Matrix], columns: Columns) -> dict[str, NDArray[Any]]:
    """The arrays as the network in integers has them.

    What rounding does to the usual text is taken off the biases (Nagel et al. 2019, "Data-free
    quantization through weight equalization and bias correction").
    """
    found: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        product, _, kind = name.rpartition(".")
        if product.rpartition(".")[2] not in MATRICES:
            found[name] = array
        elif kind == "weight":
            by = columns.evened.get(product)
            integers, steps = integer_matrix(array, by)
            found[product + INTEGERS], found[product + STEPS] = integers, steps
            rounded = (integers * steps).T
            if by is not None:
                found[product + EVENED] = 1 / by
                rounded = rounded / by
            off = (array - rounded) @ columns.usual[product]
            found[f"{product}.bias"] = (arrays[f"{product}.bias"] + off).astype(np.float32)
    return found


def fill(columns: Columns, graph: bytes) -> bytes:
    """The network out of what ships and the package; raises as weights.locate()."""
    file = packed.read(weights.locate(NAME))
    return filled(graph, in_integers(state(file), columns))


def build() -> torch.nn.Module:
    """The network in torch, with the package's weights."""
    import torch

    from retrieve.models.e5 import E5, Shape

    file = packed.read(weights.locate(NAME))
    shape = Shape(file.dim, file.layers, file.heads, file.inner, file.positions, file.epsilon)
    network = E5(shape)
    arrays = {name: torch.from_numpy(array.copy()) for name, array in state(file).items()}
    network.load_state_dict(arrays)
    return network


def network_spec(columns: Columns) -> NetworkSpec:
    """How it is opened, in int8."""
    return NetworkSpec(
        NAME,
        weights.sha256_of(NAME),
        build,
        (None, weights.TABLE[NAME].dim),
        shipped=DATA,
        fill=partial(fill, columns),
        filled="int8",
    )
