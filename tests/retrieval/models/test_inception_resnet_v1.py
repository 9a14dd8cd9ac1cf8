from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from retrieve.models.inception_resnet_v1 import InceptionResnetV1

CLASSES = 7


@pytest.fixture(scope="module")
def oracle_module() -> ModuleType:
    """facenet-pytorch's file with the network, without the package around it.

    The package imports torchvision; the file does not need it.
    """
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or spec.origin is None:
        pytest.skip("facenet-pytorch is not installed")
    root = Path(spec.origin).parent
    names = {"facenet_oracle": root, "facenet_oracle.models": root / "models"}
    for name, folder in names.items():
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return importlib.import_module("facenet_oracle.models.inception_resnet_v1")


@pytest.fixture(scope="module")
def oracle(oracle_module: ModuleType) -> nn.Module:
    torch.manual_seed(0)
    module = oracle_module.InceptionResnetV1(classify=True, num_classes=CLASSES)
    module.classify = False
    # Statistics as after training: with those of a new module a swapped layer could hide.
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    return module.eval()


def test_the_state_dict_is_facenet_pytorchs_key_for_key(oracle):
    ours = InceptionResnetV1(CLASSES).state_dict()
    theirs = oracle.state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_embeddings_agree_with_facenet_pytorch(oracle):
    module = InceptionResnetV1(CLASSES).eval()
    module.load_state_dict(oracle.state_dict(), strict=True)
    crops = torch.rand(3, 3, 160, 160, generator=torch.Generator().manual_seed(1)) * 2 - 1
    crops[1:] *= torch.tensor([0.1, 1.0]).view(2, 1, 1, 1)
    with torch.inference_mode():
        expected = oracle(crops)
        got = F.normalize(module(crops))
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    assert (expected[0] - expected[1]).abs().max() > 1e-3
