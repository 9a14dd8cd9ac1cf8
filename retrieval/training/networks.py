"""The networks that ship converted, made from the published weights by torch:

    python -m retrieve.training.networks [--out FOLDER] [--vectors FILE]

writes each into the folder that its NetworkSpec names (or FOLDER), with a record, and what the
originals give for drawn faces into FILE, to which the suite holds the converted ones. The same
versions of torch and onnx give the same bytes. mobilefacenet is held to its own file, run by an
interpreter that is not ours (originals.py). Needs the extras [torch] and [convert] and the weights
of every network: a missing one is named with the line that brings it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieve.cache import replacing
from retrieve.errors import WeightsError
from retrieve.extras import optional
from retrieve.faces.detection import centerface, mtcnn
from retrieve.faces.embedding import embed
from retrieve.networks import weights
from retrieve.networks.exports import RECORD, Export
from retrieve.networks.runtime import OPSET, NetworkSpec, OnnxNetwork, Precision, export
from retrieve.sample_data.album import draw_portrait
from retrieve.training.originals import ORIGINALS, check

INPUTS = 4  # drawn faces for each network
FREE_PX = 96  # of a network that takes any size
FACE = slice(158, 358), slice(140, 340)  # of a drawn portrait, with some of the neck

Vectors = dict[str, NDArray[Any]]
Form = Precision | Literal["graph"]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A converted network, its line in the record, and what it has to give.

    folder   where it lies
    vectors  see given()
    """

    model: bytes
    export: Export
    folder: Path
    vectors: Vectors


def shipping() -> list[tuple[NetworkSpec, Form]]:
    """What ships, in the order of the record."""
    return [
        *((spec, "float32") for spec in mtcnn.network_specs()),
        (centerface.network_spec(), "float32"),
        (embed.network_spec("dlib-resnet"), "int8"),
        (embed.network_spec("mobilefacenet"), "float32"),
        (embed.network_spec("facenet"), "graph"),
    ]


def make(spec: NetworkSpec, form: Form) -> Made:
    """One network converted and seen to agree with torch.

    raises  MissingExtra without torch, onnx or the weights' package; WeightsError if they
            do not fit together
    """
    assert spec.shipped is not None
    model = graph(spec) if form == "graph" else export(spec, form)
    return Made(model, line(spec, form, model), spec.shipped, given(spec, model, form))


def line(spec: NetworkSpec, form: Form, model: bytes) -> Export:
    """What the record says of a network."""
    row = weights.TABLE[spec.name]
    made_with = ["torch"] if form == "float32" else ["torch", "onnx"]
    return Export(
        name=spec.name,
        precision=form,
        file=f"{spec.name}-{form}.onnx",
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        weights=str(row.source),
        weights_sha256=spec.weights_sha256,
        licence=row.licence,
        opset=OPSET,
        made_with={name: version(name).partition("+")[0] for name in made_with},
    )


def graph(spec: NetworkSpec) -> bytes:
    """The model in float32 without its weights, which spec.fill puts back.

    raises  as export(); WeightsError if the model that comes back is not the one that was exported
    """
    with optional("making networks"):
        import onnx

    whole = export(spec)
    model = onnx.load_from_string(whole)
    named = set(spec.build().state_dict())
    rest = [one for one in model.graph.initializer if one.name not in named]
    del model.graph.initializer[:]
    model.graph.initializer.extend(rest)
    found: bytes = model.SerializeToString()
    assert spec.fill is not None
    pixels = drawn(spec).astype(np.float32)
    for got, want in zip(
        OnnxNetwork(spec.fill(found))(pixels), OnnxNetwork(whole)(pixels), strict=True
    ):
        if not np.array_equal(got, want):
            raise WeightsError(f"{spec.name}, filled, is not what it was when it was exported")
    return found


def write(made: list[Made], out: Path | None, vectors: Path) -> list[Path]:
    """The networks, a record for each folder, and the vectors of all in one file."""
    from safetensors.numpy import save

    written = []
    for folder in sorted({out or one.folder for one in made}):
        mine = [one for one in made if (out or one.folder) == folder]
        record = json.dumps([asdict(one.export) for one in mine], indent=2) + "\n"
        files = {one.export.file: one.model for one in mine} | {RECORD: record.encode()}
        for name, content in files.items():
            with replacing(folder.absolute() / name) as part:
                part.write_bytes(content)
                part.chmod(0o644)  # for everybody on whose machine it gets installed
            written.append(folder / name)
    arrays: Vectors = {}
    for one in made:
        arrays |= one.vectors
    with replacing(vectors.absolute()) as part:
        part.write_bytes(save(arrays))
        part.chmod(0o644)
    return [*written, vectors]


def drawn(spec: NetworkSpec) -> NDArray[np.uint8]:
    """(INPUTS, 3, H, W) drawn faces in the size that the network takes."""
    height, width = spec.shape(INPUTS, FREE_PX)[2:]
    faces = (Image.fromarray(draw_portrait(i, i)[FACE]) for i in range(INPUTS))
    small = [np.asarray(face.resize((width, height), Image.Resampling.BOX)) for face in faces]
    return np.stack(small).transpose(0, 3, 1, 2)


def given(spec: NetworkSpec, model: bytes, form: Form) -> Vectors:
    """What a network has to give for drawn faces.

    returns  NAME.input (N, 3, H, W) uint8, and of its outputs, each (N, ...) float32, what
             torch gives: NAME.0, NAME.1, …; of a network in 8 bits also what that itself
             gave: NAME.int8.0, …; of one in ORIGINALS what its file gave: NAME.original.0
    raises   WeightsError if torch and that file disagree
    """
    with optional("making networks"):
        import torch

    pixels = np.ascontiguousarray(drawn(spec))
    batch = pixels.astype(np.float32)
    with torch.inference_mode():
        outputs = spec.build().eval()(torch.from_numpy(batch))
    if not isinstance(outputs, tuple):
        outputs = (outputs,)
    found: Vectors = {f"{spec.name}.input": pixels}
    found |= {f"{spec.name}.{i}": output.numpy() for i, output in enumerate(outputs)}
    if spec.name in ORIGINALS:
        original = ORIGINALS[spec.name](weights.locate(spec.name), batch)
        check(spec.name, found[f"{spec.name}.0"], original)
        found[f"{spec.name}.original.0"] = original
    if form == "int8":
        in_bits = enumerate(OnnxNetwork(model)(batch))
        found |= {f"{spec.name}.int8.{i}": output for i, output in in_bits}
    return found


def main() -> None:
    """Make them all and say what they weigh."""
    parser = argparse.ArgumentParser(
        prog="python -m retrieve.training.networks",
        description="Convert the networks that ship, from their published weights.",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="in place of their own folders")
    parser.add_argument(
        "--vectors", type=Path, metavar="FILE", default=Path("networks.safetensors")
    )
    arguments = parser.parse_args()
    made = [make(spec, form) for spec, form in shipping()]
    for path in write(made, arguments.out, arguments.vectors):
        print(f"{path.stat().st_size / 1e6:7.2f} MB  {path}")  # noqa: T201


if __name__ == "__main__":
    main()
