"""The graphs of networks that users train, made by torch: python -m retrieve.training.faces.graphs

They ship without weights, beside a record of what fills them (retrieve.faces.embedding.trained).
The same versions of torch and onnx give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from retrieve.cache import replacing
from retrieve.extras import optional
from retrieve.faces.embedding.embed import TRAINABLE
from retrieve.faces.embedding.trained.file import Arrays
from retrieve.faces.embedding.trained.graphs import FOLDER, RECORD, Graph
from retrieve.models.mobilefacenet import MobileFaceNet
from retrieve.models.small_face import SmallFaceNet, folded
from retrieve.networks.runtime import NetworkSpec, export

MODULES: dict[str, Callable[[], nn.Module]] = {
    "small-face": lambda: folded(SmallFaceNet()),
    "mobilefacenet": MobileFaceNet,
}


def arrays_of(module: nn.Module) -> Arrays:
    """The parameters of a module in the form of a file."""
    return {
        name: one.detach().cpu().numpy().astype(np.float32)
        for name, one in module.state_dict().items()
    }


def make(network: str) -> tuple[bytes, Graph]:
    """The graph of one network without its weights, and its line in the record."""
    with optional("making a graph"):
        import onnx

    family, build = TRAINABLE[network], MODULES[network]
    shape = (3, family.side_px, family.side_px)
    whole = export(NetworkSpec(network, "", lambda: _apart(build()), shape))
    model = onnx.load_from_string(whole)
    shapes = {name: list(one.shape) for name, one in build().state_dict().items()}
    missing = shapes.keys() - {one.name for one in model.graph.initializer}
    assert not missing, f"the export renamed {sorted(missing)}"
    rest = [one for one in model.graph.initializer if one.name not in shapes]
    del model.graph.initializer[:]
    model.graph.initializer.extend(rest)
    content: bytes = model.SerializeToString()
    sha256 = hashlib.sha256(content).hexdigest()
    return content, Graph(f"{network}-empty.onnx", sha256, shapes)


def _apart(module: nn.Module) -> nn.Module:
    """The module with other numbers in every array: the exporter joins those that are equal."""
    torch.manual_seed(1)
    with torch.no_grad():
        for one in module.parameters():
            one.normal_(0, 0.05)
    return module


def main() -> None:
    """Make both and their record."""
    parser = argparse.ArgumentParser(prog="python -m retrieve.training.faces.graphs")
    parser.add_argument("--out", type=Path, metavar="FOLDER", default=FOLDER)
    out = parser.parse_args().out
    record = {}
    for network in MODULES:
        content, graph = make(network)
        with replacing(out / graph.file) as temporary:
            temporary.write_bytes(content)
        record[network] = asdict(graph)
    with replacing(out / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
