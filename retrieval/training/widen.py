"""Begin a training with what a smaller model knows: the same function in wider layers.

Source: Chen, Goodfellow & Shlens 2016, "Net2Net: accelerating learning via knowledge
transfer". There units are copied; here new ones are drawn by chance and nobody listens to
them at first, so that nothing has to break the tie between copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrieve.errors import BadInput
from retrieve.models.language_model import LanguageModel

Floats = NDArray[np.float32]


def begin(model: LanguageModel, weights: Mapping[str, Floats], dims: Mapping[str, Any]) -> None:
    """Give an untrained model the weights of a file; it foretells then what that one foretells.

    weights  under the names of the file, see retrieval/text/language/model.py
    dims     of the file; its LSTM layers may be narrower
    raises   BadInput if anything else differs, or if its layers are wider
    """
    wanted = asdict(model.dims)
    for name, value in wanted.items():
        given = tuple(dims[name]) if isinstance(value, tuple) else dims[name]
        if given != value and not (name == "hidden" and given < value):
            raise BadInput(
                f"the model to start from has {name} {given}, this one {value}; "
                "only --hidden may differ, and only grow"
            )
    H = int(dims["hidden"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bias_hh" in name:
                continue  # zero: the file holds the sum of both biases
            given = torch.from_numpy(np.array(weights[name.replace("bias_ih", "bias")]))
            if name.startswith("lstm."):
                _widen_layer(parameter, given, H)
            elif name == "out.weight":
                parameter.zero_()
                parameter[:, :H] = given
            else:
                parameter.copy_(given)


def _widen_layer(parameter: Tensor, given: Tensor, old: int) -> None:
    """Four gates below one another, (4H,) or (4H, I): the known part in, new inputs at zero."""
    gates = parameter.view(4, -1, *parameter.shape[1:])  # (4, H, I) or (4, H)
    known = given.view(4, old, *given.shape[1:])
    if parameter.ndim == 1:
        gates[:, :old] = known
        return
    gates[:, :old] = 0
    gates[:, :old, : given.shape[1]] = known
