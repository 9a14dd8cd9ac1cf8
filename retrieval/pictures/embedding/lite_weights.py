"""EfficientNet-Lite as its package keeps it, a PyTorch state dictionary → our parameters.

The names are those of the package efficientnet_lite_pytorch, which is not needed: the file is read
as data, weights alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import WeightsError
from retrieve.extras import optional
from retrieve.models import efficientnet_lite

if TYPE_CHECKING:
    from torch import Tensor, nn

EPSILON = 1e-3  # of batch normalisation, as the training had it


def build(path: Path, scale: efficientnet_lite.Scale = efficientnet_lite.LITE0) -> nn.Module:
    """The module with the weights of a file.

    raises  WeightsError if that is not this network, whole and finite; MissingExtra without torch
    """
    with optional("reading EfficientNet-Lite"):
        import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _damage(path, str(error)) from error
    module = efficientnet_lite.EfficientNetLite(scale)
    try:
        module.load_state_dict(_renamed(state, module), strict=True)
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise _damage(path, " ".join(str(error).split())) from error
    if not all(bool(one.isfinite().all()) for one in module.parameters()):
        raise _damage(path, "a number that is not finite")
    return module


def _renamed(state: Mapping[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """The parameters under our names, with batch normalisation folded in."""
    wanted = module.state_dict()
    found = {
        "fc.weight": state["_fc.weight"],
        "fc.bias": state["_fc.bias"],
    }
    convolutions = [("stem", "_conv_stem", "_bn0"), ("head", "_conv_head", "_bn1")]
    for name in wanted:
        block, _, part = name.removeprefix("blocks.").removesuffix(".weight").partition(".")
        if name.startswith("blocks.") and name.endswith(".weight"):
            theirs, norm = {
                "widen": ("_expand_conv", "_bn0"),
                "around": ("_depthwise_conv", "_bn1"),
                "narrow": ("_project_conv", "_bn2"),
            }[part]
            ours = name.removesuffix(".weight")
            convolutions.append((ours, f"_blocks.{block}.{theirs}", f"_blocks.{block}.{norm}"))
    for ours, theirs, norm in convolutions:
        weight, bias = _folded(state, theirs, norm)
        lead = wanted[f"{ours}.weight"].shape[-1] - weight.shape[-1]
        found[f"{ours}.weight"] = _led(weight, lead)
        found[f"{ours}.bias"] = bias
    _scale_input(found)
    return found


def _scale_input(named: dict[str, Tensor]) -> None:
    """The stem for RGB from 0 to 255 in place of (RGB - GREY) / SPAN."""
    scaled = named["stem.weight"] / efficientnet_lite.SPAN
    named["stem.bias"] = named["stem.bias"] - efficientnet_lite.GREY * scaled.sum(dim=(1, 2, 3))
    named["stem.weight"] = scaled


def _folded(state: Mapping[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the batch normalisation behind it, as one."""
    gain = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPSILON).sqrt()
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    return state[f"{conv}.weight"] * gain[:, None, None, None], bias


def _led(weight: Tensor, lead: int) -> Tensor:
    """With rows and columns of zeros above and left: see models.efficientnet_lite."""
    from torch.nn.functional import pad

    return pad(weight, (lead, 0, lead, 0))


def _damage(path: Path, found: str) -> WeightsError:
    return WeightsError(f"{path} is not EfficientNet-Lite, or damaged: {found}")
