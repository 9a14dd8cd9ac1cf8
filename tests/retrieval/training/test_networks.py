"""The networks that ship are those that their sources make."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file

from retrieve.networks import weights
from retrieve.networks.exports import GRAPH, record
from retrieve.networks.runtime import OnnxNetwork
from retrieve.training.networks import drawn, make, shipping, write
from retrieve.training.originals import ORIGINALS

needed = pytest.importorskip("torch")
pytest.importorskip("onnx")


@pytest.mark.parametrize(
    ("spec", "precision"), shipping(), ids=lambda one: getattr(one, "name", one)
)
def test_a_shipped_network_is_what_its_source_makes(spec, precision, tmp_path):
    """Byte by byte where the versions are those of the record, else output by output."""
    if not weights.is_present(spec.name):
        pytest.skip(f"{weights.TABLE[spec.name].source} is not here")
    if spec.name in ORIGINALS:
        pytest.importorskip("ai_edge_litert")
    made = make(spec, precision)
    (shipped,) = [one for one in record(spec.shipped) if one.name == spec.name]
    content = (spec.shipped / shipped.file).read_bytes()
    if made.export.made_with == shipped.made_with:
        assert made.export == shipped
        assert hashlib.sha256(made.model).hexdigest() == hashlib.sha256(content).hexdigest()
    if made.model != content:
        batch = drawn(spec).astype(np.float32)
        fill = spec.fill if precision == GRAPH else bytes
        found, other = (OnnxNetwork(fill(model))(batch) for model in (content, made.model))
        for got, want in zip(found, other, strict=True):
            assert_allclose(got, want, rtol=0, atol=1e-3 * np.abs(want).max())

    # And what is written is what was made.
    write([made], tmp_path, tmp_path / "vectors.safetensors")
    assert record(tmp_path) == [made.export]
    assert (tmp_path / made.export.file).read_bytes() == made.model
    kept = load_file(tmp_path / "vectors.safetensors")
    assert kept.keys() == made.vectors.keys()
    assert kept[f"{spec.name}.input"].shape == drawn(spec).shape
