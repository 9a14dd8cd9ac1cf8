"""What the embedder of whole photos ships with:

    python -m retrieve.training.pictures [--photos FILE] [--out FOLDER] [--vectors FILE]

writes the network in 8 bits and its record into the package's data, and what it gives for made
pictures, and what the same in float32 gives, into --vectors, to which the suite holds it. With
--photos, a list of different photos, one a line, the space of the embeddings is fitted anew
(space.py). Needs the extra [torch] and the weights, which `retrieve models` tells where to get. The
ranges of the activations were observed on photos: `python -m benchmarks.int8_ranges --pictures`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.cache import replacing
from retrieve.faces.detection.recipe import DEFAULT
from retrieve.networks.exports import RECORD
from retrieve.networks.runtime import Network, OnnxNetwork, export
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.classes import DATA
from retrieve.pictures.embedding.prepared import square
from retrieve.pictures.embedding.space import FILE
from retrieve.training.networks import line
from retrieve.training.pictures.space import fit

LONG_SIDE_PX = DEFAULT.photo_px  # as indexing decodes photos
DIM = 256  # of the embeddings: a kilobyte a photo; 512 find .01 more of changed ones


def made_pictures() -> NDArray[np.float32]:
    """(4, 3, 225, 225) of 0 to 255: ramps with coarse noise, the same everywhere."""
    rng = np.random.default_rng(18)
    side = embed.SIDE_PX + 1
    ramp = np.add.outer(np.arange(side), np.arange(side)) / (2 * side - 2)
    coarse = rng.uniform(0, 255, (4, 3, 15, 15))
    fine = np.kron(coarse, np.ones((15, 15)))
    return np.floor(0.7 * fine + 0.3 * 255 * ramp).astype(np.float32)


def features_of(network: Network, paths: Iterable[Path]) -> NDArray[np.float32]:
    """(N, 1280) of photos as indexing sees them; those that cannot be read are left out."""
    found = []
    for path in paths:
        with suppress(photos.BadPhoto):
            pixels = photos.read(path, long_side_px=LONG_SIDE_PX).pixels
            found.append(network(square(pixels, embed.SIDE_PX)[None])[0][0])
    return np.stack(found)


def main() -> None:
    """Make all and say what it weighs."""
    from safetensors.numpy import save

    parser = argparse.ArgumentParser(
        prog="python -m retrieve.training.pictures",
        description="Convert the embedder of whole photos from its published weights.",
    )
    parser.add_argument("--photos", type=Path, metavar="FILE", help="photos, one a line")
    parser.add_argument("--out", type=Path, metavar="FOLDER", default=DATA)
    parser.add_argument(
        "--vectors", type=Path, metavar="FILE", default=Path("pictures.safetensors")
    )
    arguments = parser.parse_args()
    spec = embed.network_spec()
    model = export(spec, "int8")
    record = line(spec, "int8", model)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, network in (("int8", model), ("float32", export(spec))):
        features, classes = OnnxNetwork(network)(made_pictures())
        arrays |= {f"{name}.features": features, f"{name}.classes": classes}
    files = {
        arguments.out / record.file: model,
        arguments.out / RECORD: (json.dumps([asdict(record)], indent=2) + "\n").encode(),
        arguments.vectors: save(arrays),
    }
    if arguments.photos is not None:
        paths = [Path(line) for line in arguments.photos.read_text("utf-8").splitlines()]
        fitted = fit(features_of(OnnxNetwork(model), paths), DIM)
        files[arguments.out / FILE.name] = save(fitted)
    for path, content in files.items():
        with replacing(path.absolute()) as part:
            part.write_bytes(content)
            part.chmod(0o644)  # for everybody on whose machine it gets installed
        print(f"{len(content) / 1e6:7.2f} MB  {path}")  # noqa: T201


if __name__ == "__main__":
    main()
