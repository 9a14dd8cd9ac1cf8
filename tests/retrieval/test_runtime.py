from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from retrieve.errors import BadInput, WeightsError
from retrieve.networks.runtime import NetworkSpec, export, open_network


class TwoOutputs(nn.Module):
    """A small network of everything the detectors use, with free height and width."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3)
        self.prelu = nn.PReLU(8)
        self.head = nn.Conv2d(8, 2, 1)
        self.regress = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = nn.functional.max_pool2d(self.prelu(self.conv(x)), 2, ceil_mode=True)
        return torch.softmax(self.head(x), dim=1), self.regress(x)


def must_not_build() -> nn.Module:
    raise AssertionError("built again")


SPEC = NetworkSpec("toy", "a" * 64, TwoOutputs, (3, None, None), free_px=24)


@pytest.mark.parametrize("shape", [(1, 3, 24, 24), (5, 3, 31, 50)])
def test_the_exported_network_agrees_with_torch(tmp_path, shape):
    batch = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    outputs = open_network(SPEC, cache=tmp_path)(batch)
    with torch.no_grad():
        expected = TwoOutputs()(torch.from_numpy(batch))
    assert len(outputs) == 2
    for got, want in zip(outputs, expected, strict=True):
        assert_allclose(got, want.numpy(), atol=1e-6)


def test_first_batches_of_many_threads_are_answered_by_one_session(tmp_path, monkeypatch):
    import onnxruntime

    sessions = []
    whole = onnxruntime.InferenceSession

    def session(*arguments):
        sessions.append(whole(*arguments))
        time.sleep(0.05)  # the other threads come meanwhile
        return sessions[-1]

    network = open_network(SPEC, cache=tmp_path)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    batch = np.ones((2, 3, 24, 24), np.float32)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(network, [batch] * 8))
    assert len(sessions) == 1
    for answer in answers:
        assert_allclose(answer[0], answers[0][0], rtol=0)


def test_a_second_opening_reads_the_cache(tmp_path):
    batch = np.ones((2, 3, 24, 24), np.float32)
    first = open_network(SPEC, cache=tmp_path)(batch)
    again = open_network(replace(SPEC, build=must_not_build), cache=tmp_path)(batch)
    assert_allclose(again[0], first[0], rtol=0)


def test_other_weights_are_another_file(tmp_path):
    open_network(SPEC, cache=tmp_path)
    open_network(replace(SPEC, weights_sha256="b" * 64), cache=tmp_path)
    assert len(list((tmp_path / "networks").iterdir())) == 2


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b[:500] + bytes([b[500] ^ 1]) + b[501:], lambda b: b""]
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    open_network(SPEC, cache=tmp_path)
    (path,) = (tmp_path / "networks").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    open_network(SPEC, cache=tmp_path)
    assert path.read_bytes() == whole


def _open(cache: Path) -> None:
    open_network(SPEC, cache=cache)


def test_two_processes_may_export_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_open, args=(tmp_path,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(list((tmp_path / "networks").iterdir())) == 1  # no temporary file left
    open_network(replace(SPEC, build=must_not_build), cache=tmp_path)


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match="RETRIEVE_CACHE"):
        open_network(SPEC, cache=tmp_path / "file")


def test_an_export_that_disagrees_with_torch_is_refused():
    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.rand_like(x)

    with pytest.raises(WeightsError, match="differs from torch"):
        export(replace(SPEC, build=Noisy))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_without_a_gpu_is_an_error():
    with pytest.raises(BadInput, match="needs a GPU"):
        open_network(replace(SPEC, build=must_not_build), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
@pytest.mark.parametrize(("precision", "atol"), [("float32", 1e-4), ("bfloat16", 0.05)])
def test_cuda_agrees_with_the_cpu(tmp_path, precision, atol):
    batch = np.random.default_rng(0).normal(size=(4, 3, 30, 30)).astype(np.float32)
    expected = open_network(SPEC, cache=tmp_path)(batch)
    got = open_network(SPEC, device="cuda", precision=precision)(batch)
    assert_allclose(got[1], expected[1], atol=atol)


@pytest.mark.parametrize(
    ("device", "precision"),
    [("tpu", "float32"), ("cpu", "bfloat16"), ("cuda", "int8"), ("cpu", "int8")],
)
def test_what_cannot_be_had_is_bad_input(device, precision):
    with pytest.raises(BadInput):
        open_network(SPEC, device=device, precision=precision)


def test_ranges_of_another_network_are_refused(tmp_path):
    (tmp_path / "ranges.json").write_text(json.dumps({"input": [0, 1]}))
    spec = replace(SPEC, int8_ranges=tmp_path / "ranges.json")
    with pytest.raises(WeightsError, match="observe them again"):
        open_network(spec, precision="int8", cache=tmp_path)


def test_a_cached_network_opens_without_torch(tmp_path):
    open_network(SPEC, cache=tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from retrieve.networks.runtime import NetworkSpec, open_network\n"
        f"spec = NetworkSpec('toy', 'a' * 64, None, (3, None, None), free_px=24)\n"
        f"open_network(spec, cache=Path({str(tmp_path)!r}))\n"
        "assert 'torch' not in sys.modules and 'onnx' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
