"""Observe the ranges that a network needs in int8: python -m benchmarks.int8_ranges PHOTOS

Detects and aligns the faces in a folder of photos as indexing does, runs them and their
mirror images through the float32 network dlib-resnet and keeps the extremes of every tensor; with
--pictures whole photos through efficientnet-lite0. Only these numbers leave the photos.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from retrieve.faces.embedding.embed import DLIB_RESNET, network_spec
from retrieve.networks.quantize import observed_tensors
from retrieve.networks.runtime import export
from retrieve.photos import read
from retrieve.pictures.embedding import embed as picture_embed
from retrieve.pictures.embedding.prepared import square
from retrieve.types import Crops

# Rare people fire late channels twice as high as a hundred others do. Calibrated on one
# half of 449 portraits and tested on the other: without headroom the worst cosine to
# float32 is .9988, with 1.25 .9995, with 1.5 .9993 as the steps grow coarser.
HEADROOM = 1.25
PICTURE_HEADROOM = 1.0  # of whole photos: .828 of objects_dev right, .820 with 1.25
SIX = 5.999  # where ReLU6 ends: rounding to a range within it does what ReLU6 does


def observe(
    model: bytes, crops: Crops, headroom: float = HEADROOM
) -> dict[str, tuple[float, float]]:
    """tensor → lowest and highest value seen, with headroom, in the graph's order.

    model  float32 network in ONNX format of (N, 3, H, W) RGB, 0 to 255
    crops  (N, H, W, 3) uint8
    """
    import onnx
    import onnxruntime as ort

    first, *inner = observed_tensors(model)
    proto = onnx.load_from_string(model)
    proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in inner)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    low, high = np.zeros(len(inner)), np.zeros(len(inner))
    for crop in crops:
        both = np.stack([crop, crop[:, ::-1]]).transpose(0, 3, 1, 2).astype(np.float32)
        values = session.run(inner, {first: both})
        low = np.minimum(low, [v.min() for v in values])
        high = np.maximum(high, [v.max() for v in values])
    ranges = {first: (0.0, 255.0)}  # pixels: exact in 8 bits
    for name, *ends in zip(inner, low, high, strict=True):
        ranges[name] = (float(f"{headroom * ends[0]:.3g}"), float(f"{headroom * ends[1]:.3g}"))
    return {
        name: (0.0, min(ends[1], SIX)) if "Clip" in name else ends for name, ends in ranges.items()
    }


def main() -> None:
    from benchmarks.embedding import aligned_faces

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="of whole photos")
    parser.add_argument("photos", type=Path)
    arguments = parser.parse_args()
    photos = sorted(p for p in arguments.photos.rglob("*.jpg"))
    if arguments.pictures:
        squares = [
            square(read(path).pixels, picture_embed.SIDE_PX).transpose(1, 2, 0) for path in photos
        ]
        seen = np.stack(squares).astype(np.uint8)
        found = observe(export(picture_embed.network_spec()), seen, PICTURE_HEADROOM)
        _write(found, picture_embed.INT8_RANGES)
        print(f"{len(found)} ranges over {len(photos)} photos")
        return
    crops, _ = aligned_faces(photos, DLIB_RESNET)
    ranges = observe(export(network_spec("dlib-resnet")), crops)
    assert DLIB_RESNET.int8_ranges is not None
    _write(ranges, DLIB_RESNET.int8_ranges)
    print(f"{len(ranges)} ranges over {len(crops)} faces in {len(photos)} photos")


def _write(ranges: dict[str, tuple[float, float]], path: Path) -> None:
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(ends)}" for name, ends in ranges.items())
    path.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
