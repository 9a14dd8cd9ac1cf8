"""Embedders as torch runs them: how a vector changes with each pixel of its crop, and dropout.

A network that attacks itself: the gradient of a score leads to the small change of a crop that
moves it most. Goodfellow, Shlens and Szegedy 2014, "Explaining and harnessing adversarial
examples": one step of ε along the sign of the gradient.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.faces.embedding import sums
from retrieve.faces.embedding.embed import (
    MOBILEFACENET,
    SHIPPED,
    Family,
    families,
    head_of,
    network_spec,
)
from retrieve.networks import exports
from retrieve.types import Crops, Embeddings

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH = 16  # crops at a time
PASSES = 10  # with dropout

Signs = tuple[NDArray[np.int8], ...]  # of each view (N, S, S, 3), -1 to 1


class Differentiable:
    """An embedder in float32 whose gradients can be asked for.

    name  as of the embedder
    """

    def __init__(
        self,
        name: str,
        parts: list[tuple[Family, nn.Module, bool]],
        head: NDArray[np.float32] | None = None,
    ) -> None:
        """parts: of each network what is known of it, itself, and whether it averages mirrors;
        head: (D, K) that turns their unit rows.
        """
        self.name = name
        self._parts = parts
        self._head = head

    def embed(self, crops: tuple[Crops, ...]) -> Embeddings:
        """(N, D) unit rows of crops as the embedder of that name takes them."""
        import torch

        found = []
        with torch.no_grad():
            for start in range(0, len(crops[0]), BATCH):
                inputs = [_tensor(view[start : start + BATCH]) for view in crops]
                found.append(self._forward(inputs).numpy())
        return np.concatenate(found)

    def toward(self, crops: tuple[Crops, ...], targets: Embeddings) -> Signs:
        """The sign by which each value has to change for the cosine with a target to grow.

        targets  (N, D) unit rows, one for each face
        """
        import torch

        signs: list[list[NDArray[np.int8]]] = []
        for start in range(0, len(targets), BATCH):
            part = slice(start, start + BATCH)
            inputs = [_tensor(view[part]).requires_grad_() for view in crops]
            scores = (self._forward(inputs) * torch.from_numpy(targets[part])).sum()
            gradients = torch.autograd.grad(scores, inputs)
            signs.append(
                [one.sign().to(torch.int8).permute(0, 2, 3, 1).numpy() for one in gradients]
            )
        return tuple(np.concatenate(view) for view in zip(*signs, strict=True))

    @property
    def drops(self) -> bool:
        """Whether a network has a layer that drops units by chance."""
        return any(_dropouts(network) for _, network, _ in self._parts)

    def embed_dropping(
        self, crops: tuple[Crops, ...], *, passes: int = PASSES, seed: int = 0
    ) -> Embeddings:
        """(N, D) unit rows: the mean over runs that drop different units.

        raises  BadInput if no network has such a layer
        """
        import torch

        if not self.drops:
            raise BadInput(f"{self.name} has no dropout layer, so there is nothing to average over")
        layers = [one for _, network, _ in self._parts for one in _dropouts(network)]
        for layer in layers:
            layer.train()
        try:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                total = np.sum([self.embed(crops) for _ in range(passes)], axis=0)
        finally:
            for layer in layers:
                layer.eval()
        rows: Embeddings = total / np.linalg.norm(total, axis=1, keepdims=True)
        return rows

    def _forward(self, inputs: list[Tensor]) -> Tensor:
        """(N, 3, S, S) of each view, 0 to 255 → (N, D) unit rows."""
        import torch
        from torch.nn.functional import normalize

        found = []
        for (family, network, mirror), crops in zip(self._parts, inputs, strict=True):
            seen = crops if family.window is None else _seen(family, crops)
            raw = network(seen)
            if mirror:
                raw = raw + network(seen.flip(3))
            rows = normalize(raw)
            if len(self._parts) > 1:
                constants = sums.constants()[family.name]
                rows = rows @ torch.from_numpy(constants.basis * np.float32(constants.scale))
            found.append(rows)
        rows = normalize(torch.cat(found, dim=1))
        return rows if self._head is None else normalize(rows @ torch.from_numpy(self._head))


def open_differentiable(
    name_or_path: str, *, mirror: bool | None = None, cache: Path | None = None
) -> Differentiable:
    """The embedder that open_embedder() opens, as torch runs it.

    raises  MissingExtra without torch or the package with the weights, otherwise as there
    """
    with optional("a gradient"):
        import torch  # noqa: F401
    below, head = head_of(name_or_path)
    names = sorted(sums.parted(below)) or [below]
    parts = []
    for name in names:
        (family,) = families(name)
        network = _network(name, family, cache).eval().requires_grad_(False)
        default = family.mirror if len(names) == 1 else False
        parts.append((family, network, default if mirror is None else mirror))
    return Differentiable(name_or_path, parts, head)


def module_of(name: str) -> nn.Module:
    """One network of ours with its weights, to be trained on. Errors as open_differentiable()."""
    with optional("training a network"):
        import torch  # noqa: F401
    (family,) = families(name)
    return _network(name, family, None)


def attacked(crops: tuple[Crops, ...], signs: Signs, step: float) -> tuple[Crops, ...]:
    """The crops a step along the signs, as 8 bits hold them.

    step  of 255; below 0 away from what the signs lead to
    """
    return tuple(
        np.clip(view + np.rint(np.float32(step) * sign), 0, 255).astype(np.uint8)
        for view, sign in zip(crops, signs, strict=True)
    )


def _network(name: str, family: Family, cache: Path | None) -> nn.Module:
    """From what ships, where that is float32 under the module's own names; else from weights."""
    spec = network_spec(name, cache=cache)
    shipped = None
    if family.name == MOBILEFACENET.name:
        shipped = exports.read(SHIPPED, spec.name, "float32", spec.weights_sha256)
    if shipped is None:
        return spec.build()
    with optional("a gradient"):
        import onnx
    import torch
    from onnx.numpy_helper import to_array

    from retrieve.models.mobilefacenet import MobileFaceNet

    network = MobileFaceNet()
    initializers = onnx.load_model_from_string(shipped).graph.initializer
    kept = {one.name: torch.from_numpy(to_array(one).copy()) for one in initializers}
    network.load_state_dict({key: kept[key] for key in network.state_dict()})
    return network


def _dropouts(network: nn.Module) -> list[nn.Module]:
    from torch import nn

    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
    return [one for one in network.modules() if isinstance(one, kinds) and one.p > 0]


def _tensor(crops: Crops) -> Tensor:
    """(N, S, S, 3) uint8 → (N, 3, S, S) float32."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32))


def _seen(family: Family, crops: Tensor) -> Tensor:
    """What facenet_crops.Window.seen() gives, but for its rounding to 8 bits."""
    from torch.nn.functional import interpolate

    window = family.window
    assert window is not None
    columns = crops[:, :, :, window.left : window.right]
    size = (window.size_px, window.size_px)
    return interpolate(columns, size, mode="bilinear", antialias=True, align_corners=False)
