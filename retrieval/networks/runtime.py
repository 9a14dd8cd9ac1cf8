"""NetworkSpec → a network that runs: ONNX Runtime on the CPU, torch on a GPU.

The torch module is the definition. What runs by default ships converted, so that it needs
ONNX Runtime (.13 CPU s to import) and not torch (1.7 CPU s). One whose weights may not ship, or
are too large to, ships without them and is filled from their package at its first use, into the
cache, without torch; another is exported by torch there. `python -m benchmarks.embedding` measures
the engines and precisions.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import cache_dir, replacing
from retrieve.errors import BadInput, WeightsError
from retrieve.extras import optional
from retrieve.networks import exports
from retrieve.networks.quantize import quantize

if TYPE_CHECKING:
    import torch
    from onnxruntime import InferenceSession

Batch = NDArray[np.float32]  # (N, ...)
Outputs = tuple[NDArray[np.float32], ...]  # each (N, ...)
Precision = Literal["float32", "bfloat16", "int8"]

EXPORT_VERSION = 2  # raised when the way of exporting changes; older files are left behind
OPSET = 17
TOLERANCE = 1e-4  # exported against torch, relative to the largest output
_DIGEST_BYTES = 32


class Network(Protocol):
    """A batch in, one array per output out, item i for item i."""

    def __call__(self, batch: Batch) -> Outputs: ...


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSpec:
    """All it takes to make a network, cheap to hold until it is made.

    name            in file names and errors; two specs with other code need other names
    weights_sha256  what the weights were; with the name it identifies the network
    build           gives the module with its weights; called only when needed
    input_shape     of a batch without N, None for a free axis: (3, None, None)
    free_px         length of free axes in the check of the export; all networks take
                    it and its double
    int8_ranges     JSON file of the activations' ranges, {tensor: [low, high]}; without
                    one the network does not run in int8
    shipped         folder of networks that ship converted, this one perhaps among them
    fill            its model from the graph that lies in `shipped` without weights
    filled          the precision of that model
    """

    name: str
    weights_sha256: str
    build: Callable[[], torch.nn.Module]
    input_shape: tuple[int | None, ...]
    free_px: int = 96
    int8_ranges: Path | None = None
    shipped: Path | None = None
    fill: Callable[[bytes], bytes] | None = None
    filled: Precision = "float32"

    def shape(self, n: int, free_px: int) -> tuple[int, ...]:
        """Of a batch of n items whose free axes are free_px long."""
        return (n, *(free_px if axis is None else axis for axis in self.input_shape))


def open_network(
    spec: NetworkSpec,
    *,
    device: str = "cpu",
    precision: Precision = "float32",
    threads: int = 1,
    cache: Path | None = None,
) -> Network:
    """The network, ready to run on batches of any N.

    device     "cpu" or "cuda"
    precision  of weights and activations; batches and outputs are always float32.
               float32 runs everywhere, int8 on a CPU for a spec with ranges,
               bfloat16 on a GPU
    threads    of one batch on the CPU; processes, not threads, use the other cores
    cache      where networks lie that were filled or exported here; None is cache_dir()
    raises     BadInput for a device or precision that is not to be had; MissingExtra
               where that takes torch and it is not installed; WeightsError if a shipped
               network is damaged or the cache cannot be written; what spec.build raises
    """
    allowed = {"cpu": {"float32", "int8"}, "cuda": {"float32", "bfloat16"}}
    if device not in allowed:
        raise BadInput(f"device must be cpu or cuda; got {device!r}")
    if precision not in allowed[device]:
        raise BadInput(f"precision on {device} must be {_either(allowed[device])}; got {precision}")
    if precision == "int8" and spec.int8_ranges is None and spec.filled != "int8":
        raise BadInput(f"{spec.name} has no 8-bit ranges; ask for precision float32")
    if device == "cuda":
        return _CudaNetwork(spec, precision)
    model = None
    if spec.shipped is not None:
        model = exports.read(spec.shipped, spec.name, precision, spec.weights_sha256)
    return OnnxNetwork(model or _made(spec, precision, cache or cache_dir()), threads)


class OnnxNetwork:
    """An ONNX model in ONNX Runtime, on so many threads of the CPU.

    The runtime takes it in with the first batch: whoever only asks what made a collection, or
    leaves the batches to other processes, does not wait for that (60 ms a network).
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._model = model
        self._threads = threads
        self._lock = Lock()
        self._session: InferenceSession | None = None

    def __call__(self, batch: Batch, *more: Batch) -> Outputs:
        """What a network gives for a batch; more are its other inputs, where it has some."""
        session = self._session or self._opened()
        names = [one.name for one in session.get_inputs()]
        return tuple(session.run(None, dict(zip(names, (batch, *more), strict=True))))

    def _opened(self) -> InferenceSession:
        import onnxruntime as ort

        with self._lock:
            if self._session is None:
                options = ort.SessionOptions()
                options.intra_op_num_threads = self._threads
                options.inter_op_num_threads = 1
                # Waiting threads sleep: the other cores belong to other processes.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                session = ort.InferenceSession(self._model, options, ["CPUExecutionProvider"])
                self._session, self._model = session, b""
            return self._session


class _CudaNetwork:
    def __init__(self, spec: NetworkSpec, precision: Precision) -> None:
        with optional(f"{spec.name} on cuda"):
            import torch

        if not torch.cuda.is_available():
            raise BadInput("device cuda needs a GPU that torch can use; there is none here")
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._module = spec.build().eval().to("cuda", self._dtype)
        if len(spec.input_shape) == 3:
            self._module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, batch: Batch) -> Outputs:
        import torch

        with torch.inference_mode():
            return _arrays(self._module(torch.from_numpy(batch).to("cuda", self._dtype)))


def _made(spec: NetworkSpec, precision: Precision, cache: Path) -> bytes:
    """The network in ONNX format: read from the cache, or filled or exported into it.

    The file is the SHA-256 of the rest, then the model. Two processes that make it at
    once each write a whole file.
    """
    graph = None
    if spec.fill is not None and spec.shipped is not None and precision == spec.filled:
        graph = exports.read(spec.shipped, spec.name, exports.GRAPH, spec.weights_sha256)
    ranges = spec.int8_ranges.read_bytes() if spec.int8_ranges and precision == "int8" else b""
    of = f"{spec.weights_sha256} {EXPORT_VERSION} ".encode() + (graph or ranges)
    key = hashlib.sha256(of).hexdigest()
    path = cache / "networks" / f"{spec.name}-{precision}-{key[:16]}.network"
    if path.is_file():
        content = path.read_bytes()
        digest, model = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(model).digest() == digest:
            return model
        # Damaged: made again below, as if it were absent.
    if graph is not None and spec.fill is not None:
        model = spec.fill(graph)
    else:
        model = export(spec, precision)
    try:
        with replacing(path) as part:
            part.write_bytes(hashlib.sha256(model).digest() + model)
    except OSError as error:
        raise WeightsError(
            f"could not keep the converted network: {error}. Make {cache} writable, or set "
            f"RETRIEVE_CACHE to a folder that is"
        ) from error
    return model


def export(spec: NetworkSpec, precision: Precision = "float32") -> bytes:
    """The module as an ONNX model.

    precision  float32, which was seen to agree with torch, or int8 made of that
    raises     MissingExtra without torch; WeightsError if the two disagree by more than
               TOLERANCE, or if the 8-bit ranges are of another network
    """
    with optional(f"{spec.name} in {precision}"):
        import torch

    module = spec.build().eval()
    example = torch.zeros(spec.shape(2, spec.free_px))
    free = {axis: f"in{axis}" for axis, px in enumerate(spec.input_shape, start=1) if px is None}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        # The TorchScript exporter is called legacy; its successor needs two packages more.
        warnings.simplefilter("ignore")
        axes = {"input": {0: "n"} | free}
        for i, output in enumerate(_arrays(module(example))):
            # With free axes going in, any axis past the channels may be free coming out.
            out = {axis: f"out{i}_{axis}" for axis in range(2, output.ndim) if free}
            axes[f"output{i}"] = {0: "n"} | out
        path = Path(folder, "network.onnx")
        torch.onnx.export(
            module,
            (example,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=list(axes)[1:],
            dynamic_axes=axes,
        )
        model = path.read_bytes()
    _check_export(spec, module, model)
    if precision == "int8":
        assert spec.int8_ranges is not None
        model = quantize(model, json.loads(spec.int8_ranges.read_bytes()))
    return model


def _check_export(spec: NetworkSpec, module: torch.nn.Module, model: bytes) -> None:
    import torch

    # Other N and other free axes than in the export: what was traced must not be fixed.
    rng = np.random.default_rng(0)
    batch = rng.normal(0, 1, spec.shape(3, 2 * spec.free_px)).astype(np.float32)
    with torch.no_grad():
        expected = _arrays(module(torch.from_numpy(batch)))
    for got, want in zip(OnnxNetwork(model, 1)(batch), expected, strict=True):
        off = np.abs(got - want).max() if got.shape == want.shape else np.inf
        if not off <= TOLERANCE * np.abs(want).max():
            raise WeightsError(
                f"{spec.name} exported to ONNX differs from torch by {off:.2e}: "
                f"the versions of torch and onnxruntime do not fit together"
            )


def _either(names: set[str]) -> str:
    return " or ".join(sorted(names))


def _arrays(outputs: Any) -> Outputs:
    """A module returns one tensor or a tuple of them; its batch is on any device."""
    tensors = outputs if isinstance(outputs, tuple) else (outputs,)
    return tuple(tensor.float().cpu().numpy() for tensor in tensors)
