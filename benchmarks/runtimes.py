"""What runs the networks fastest: python -m benchmarks.runtimes [FOLDER]

ONNX Runtime, which is installed, and OpenVINO in turn in each of several rounds on one thread; the
best round counts. Prints the processor, what each runtime takes on the disk, and CPU ms an input of
every network that ships; dlib-bin is the peer. bfloat16 is OpenVINO's, where the processor has it.

FOLDER is that of benchmarks.verification. With it mobilefacenet is made in 8 bits, too, by ONNX
Runtime's own tool from the ranges of some of FOLDER's portraits: all convolutions, and all but the
depthwise ones. Prints, as each runtime gives them, the cosine to float32 and the pairs of one
person that are missed (FNMR), alone and in the sum with dlib-resnet; sums of one precision against
the other; and of dlib-resnet what its 8 bits cost.

OpenVINO is no extra of this distribution: it depends on openvino-telemetry, which tells Google
Analytics of each `import openvino`, without being asked to. So it is installed without that, and
kept from it here: pip install --no-deps openvino
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from benchmarks.installation import megabytes
from benchmarks.verification import Labelled, congress, labelled, missed, people_dev
from retrieve.errors import WeightsError
from retrieve.evaluation.verification import threshold_at
from retrieve.faces.embedding.embed import SHIPPED as FOLDER
from retrieve.faces.embedding.embed import network_spec, open_embedder
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.sums import Sum
from retrieve.faces.embedding.views import views
from retrieve.models.mobilefacenet import Bend, MobileFaceNet
from retrieve.networks import weights
from retrieve.networks.runtime import NetworkSpec, OnnxNetwork, export
from retrieve.training.calibrate import pair_scores
from retrieve.types import Crops, Embeddings

ROUNDS = 9
DETECTOR = "mtcnn"
RATE = 2e-4
SUM = "dlib-resnet+mobilefacenet"
INPUTS = {  # network → shapes of what it gets at once
    "mtcnn-pnet": [(1, 3, 512, 512)],
    "mtcnn-rnet": [(64, 3, 24, 24)],
    "mtcnn-onet": [(64, 3, 48, 48)],
    "centerface": [(1, 3, 640, 640), (1, 3, 1024, 1024)],
    "dlib-resnet": [(16, 3, 150, 150)],
    "mobilefacenet": [(4, 3, 112, 112)],
}

Engine = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # the first output of a batch


def onnx_runtime(model: bytes) -> Engine:
    network = OnnxNetwork(model)
    return lambda batch: network(batch)[0]


def openvino(model: bytes, precision: str = "f32") -> Engine:
    """On one thread; convolutions whose inputs and weights are rounded run in 8 bits."""
    core = opened_core()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    return lambda batch: np.array(request.infer({0: batch}, share_inputs=True)[0])


def opened_core() -> Any:
    # Where the package is installed, an import of openvino reports itself. What is None here
    # counts as absent, and openvino then uses a stand-in that sends nothing.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    from openvino import Core

    return Core()


def engines(model: bytes) -> dict[str, Engine]:
    """Runtime → the network in it, of those that are installed."""
    found = {"ONNX Runtime": onnx_runtime(model)}
    if importlib.util.find_spec("openvino"):
        found["OpenVINO"] = openvino(model)
        if "BF16" in opened_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            found["OpenVINO bfloat16"] = openvino(model, "bf16")
    return found


def speed(found: dict[str, Engine], batch: NDArray[np.float32]) -> dict[str, float]:
    """Engine → CPU ms an input."""
    best = dict.fromkeys(found, np.inf)
    for engine in found.values():
        engine(batch)
    for _ in range(ROUNDS):
        for name, engine in found.items():
            start = time.process_time()
            engine(batch)
            best[name] = min(best[name], (time.process_time() - start) * 1e3 / len(batch))
    return best


def models() -> Iterator[tuple[str, str, bytes]]:
    """Network, precision and model of what ships, and dlib-resnet in float32."""
    for name in INPUTS:
        for path in sorted(FOLDER.glob(f"{name}-*.onnx")):
            yield name, path.stem.removeprefix(f"{name}-"), path.read_bytes()
    yield "dlib-resnet", "float32", export(network_spec("dlib-resnet"))


def told(times: dict[str, float]) -> str:
    """Each time, and how often it goes into the first."""
    first = next(iter(times.values()))
    parts = [f"{name} {ms:.3g} ({first / ms:.2f})" for name, ms in times.items()]
    return ", ".join(parts)


def dlib_bin() -> Engine:
    import dlib

    peer = dlib.face_recognition_model_v1(str(weights.locate("dlib-resnet")))

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        crops = np.ascontiguousarray(batch.transpose(0, 2, 3, 1), np.uint8)
        return np.array(peer.compute_face_descriptor(list(crops)), np.float32)

    return run


def speeds() -> None:
    """A line for each network and size of input."""
    rng = np.random.default_rng(0)
    for name, precision, model in models():
        for shape in INPUTS[name]:
            found = engines(model)
            if name == "dlib-resnet" and importlib.util.find_spec("dlib"):
                found["dlib-bin"] = dlib_bin()
            times = speed(found, rng.integers(0, 256, shape).astype(np.float32))
            print(f"{name} {precision} {'x'.join(map(str, shape))}: {told(times)}", flush=True)


def with_prelu() -> nn.Module:
    """mobilefacenet with its PReLUs as they were trained, which OpenVINO joins to convolutions.

    Channels of a Bend differ by slopes of up to a thousandth, too far for the steps of 8 bits.
    """
    network = network_spec("mobilefacenet").build()
    assert isinstance(network, MobileFaceNet)
    spots: list[tuple[nn.Module, str, nn.Module]] = [
        (network.first, "bend1", network.first.around),
        (network.first, "bend2", network.get_submodule("blocks.0.widen")),
        (network, "bend", network.pool),
    ]
    for block in network.blocks:
        spatial = block.get_submodule("spatial")
        spots.append((spatial, "bend1", spatial.get_submodule("around")))
        spots.append((spatial, "bend2", block.get_submodule("narrow")))
    for owner, name, after in spots:
        bend = getattr(owner, name)
        assert isinstance(bend, Bend)
        assert isinstance(after, nn.Conv2d)
        factor = 1 + bend.gain.data  # (C, 1, 1): of the weights that read a channel
        prelu = nn.PReLU(len(factor))
        prelu.weight.data = 1 / factor.flatten()
        setattr(owner, name, prelu)
        after.weight.data *= factor[:, None] if after.groups > 1 else factor
    return network


def in_8_bits(model: bytes, crops: Crops, depthwise: bool) -> bytes:
    """mobilefacenet with integer convolutions, weights in 7 bits: see retrieve.networks.quantize.

    crops      (N, 112, 112, 3) whose ranges count
    depthwise  whether those of one channel each are among them
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._parts = iter(np.array_split(planes(crops), len(crops) // 4))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            part = next(self._parts, None)
            return None if part is None else {"input": part}

    nodes = [node for node in onnx.load_from_string(model).graph.node if node.op_type == "Conv"]
    groups = {n.name: next(a.i for a in n.attribute if a.name == "group") for n in nodes}
    chosen = [name for name, group in groups.items() if depthwise or group == 1]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(model)
        quantize_static(
            source,
            target,
            Reader(),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=chosen,
            # What a convolution gives is rounded after its PReLU, where the next one reads it.
            extra_options={"OpTypesToExcludeOutputQuantization": ["Conv"]},
        )
        return target.read_bytes()


def planes(crops: Crops) -> NDArray[np.float32]:
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)


def embedded(engine: Engine, crops: Crops) -> Embeddings:
    parts = range(0, len(crops), 4)
    return unit_rows(np.concatenate([engine(planes(crops[i : i + 4])) for i in parts]))


def told_of(vectors: Embeddings, faces: Labelled) -> str:
    threshold = threshold_at(pair_scores(vectors, faces.people)[1], RATE)
    return f"{missed(vectors, faces.people, [threshold])[0]:.4f}"


def told_across(probes: Embeddings, gallery: Embeddings, faces: Labelled) -> str:
    """Probes of one precision against a gallery of the other, at the threshold of the gallery."""
    threshold = threshold_at(pair_scores(gallery, faces.people)[1], RATE)
    passed = probes @ gallery.T >= threshold
    names = np.array(faces.people)
    same = np.equal.outer(names, names)
    shares = []
    for person in np.unique(names):
        own = passed[np.ix_(names == person, names == person)]
        if len(own) > 1:
            shares.append(1 - own[~np.eye(len(own), dtype=bool)].mean())
    return f"{np.mean(shares):.4f} (FMR {passed[~same].mean():.2e})"


def precisions(folder: Path) -> None:
    """A line for each network, precision and runtime."""
    wanted = DETECTOR, views(SUM, DETECTOR)
    faces = labelled(people_dev(folder / "people_dev"), *wanted)
    dlib, mobile = faces.crops
    portraits = labelled(congress(folder / "congress"), *wanted).crops[1]
    opened = open_embedder(SUM)
    assert isinstance(opened, Sum)
    summed = opened.combine
    by_dlib = {}
    for name, precision, model in models():
        if name == "dlib-resnet":
            by_dlib[precision] = embedded(onnx_runtime(model), dlib)
    float32 = export(network_spec("mobilefacenet"))
    wide = embedded(onnx_runtime(float32), mobile)
    both = summed([by_dlib["int8"], wide])
    cosine = (by_dlib["int8"] * by_dlib["float32"]).sum(axis=1)
    print(f"\n{len(faces.people)} faces, no mirror, FNMR at {RATE:g}")
    print(f"dlib-resnet int8: cosine to float32 {cosine.mean():.5f}, least {cosine.min():.5f}")
    for precision, rows in by_dlib.items():
        total = summed([rows, wide])
        print(
            f"dlib-resnet {precision}: FNMR {told_of(rows, faces)}, in the sum with mobilefacenet "
            f"float32 {told_of(total, faces)}, against the sum with int8 "
            f"{told_across(total, both, faces)}"
        )
    print(f"mobilefacenet float32: FNMR {told_of(wide, faces)}")
    prelu = NetworkSpec("mobilefacenet-prelu", "", with_prelu, (3, 112, 112))
    trained = export(prelu)
    made = {"as PReLU, float32": trained}
    for depthwise, what in ((False, "int8 but for depthwise"), (True, "int8")):
        made[what] = in_8_bits(trained, portraits[::6], depthwise)
    for what, model in made.items():
        found = engines(model)
        times = speed({"shipped": onnx_runtime(float32)} | found, planes(mobile[:4]))
        print(f"mobilefacenet {what}: {told(times)}", flush=True)
        for runtime, engine in found.items():
            rows = embedded(engine, mobile)
            cosine = (rows * wide).sum(axis=1)
            total = summed([by_dlib["int8"], rows])
            print(
                f"  {runtime}: cosine to float32 {cosine.mean():.5f}, least {cosine.min():.5f}, "
                f"FNMR {told_of(rows, faces)}, in the sum {told_of(total, faces)}, against the "
                f"sum in float32 {told_across(total, both, faces)}",
                flush=True,
            )


def processor() -> str:
    """Its name, and which of the instructions it has that tell runtimes apart."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    said = dict(line.split("\t: ", 1) for line in reversed(lines) if "\t: " in line)
    said |= {key.strip(): value for key, value in said.items()}
    wanted = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")
    return f"{said['model name']}: {' '.join(f for f in wanted if f in said['flags'].split())}"


def sizes() -> None:
    """What each runtime takes: its package alone, without what that depends on."""
    for name in ("onnxruntime", "openvino"):
        if importlib.util.find_spec(name) is None:
            print("OpenVINO is left out, it is not installed: pip install --no-deps openvino")
            continue
        found = distribution(name)
        place = Path(str(found.locate_file(name)))
        print(f"{name} {found.version}: {megabytes(place):.0f} MB installed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    folder = parser.parse_args().folder
    print(processor())
    sizes()
    print("CPU ms an input, one thread (times as fast as ONNX Runtime)")
    speeds()
    if folder is None:
        return
    try:
        precisions(folder)
    except WeightsError as error:  # the 8-bit forms are made of the file that was converted
        raise SystemExit(f"the precisions are left out: {error}") from error


if __name__ == "__main__":
    main()
