"""From files to stored embeddings: Retrieve beside face_recognition's pipeline.

    python -m benchmarks.pipeline                  CPU seconds a photo, in one run
    python -m benchmarks.pipeline --memory 10000   peak memory of indexing that many photos

face_recognition is a few calls of dlib with models from face_recognition_models; they
are made here as it makes them by default: whole resolution, HOG detector with one
upsampling, five-point predictor, ResNet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.photos import drawn_photos, real_photos
from benchmarks.watched import watched


def face_recognition(paths: list[Path]) -> tuple[float, int]:
    """CPU seconds and faces."""
    import dlib
    from PIL import Image

    spec = find_spec("face_recognition_models")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    models = Path(spec.submodule_search_locations[0], "models")
    start, faces = time.process_time(), 0
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    embedder = dlib.face_recognition_model_v1(
        str(models / "dlib_face_recognition_resnet_model_v1.dat")
    )
    for path in paths:
        image = np.array(Image.open(path).convert("RGB"))
        for box in detector(image, 1):
            embedder.compute_face_descriptor(image, predictor(image, box), 1)
            faces += 1
    return time.process_time() - start, faces


def retrieve(paths: list[Path], collection: Path) -> tuple[float, int, float]:
    """CPU seconds of all processes, faces, and peak memory of all together in MB."""
    command = [sys.executable, "-m", "retrieve.cli"]
    where = ["--collection", str(collection)]
    process = subprocess.Popen(
        [*command, "index", *map(str, paths), *where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    use = watched(process)
    output = subprocess.run([*command, "info", "--json", *where], capture_output=True, check=True)
    return use.cpu_s, json.loads(output.stdout)["faces"], use.peak_mb


def compare(paths: list[Path]) -> None:
    """Print both pipelines' CPU time on the same photos."""
    with tempfile.TemporaryDirectory() as folder:
        retrieve(paths[:1], Path(folder, "warm"))  # networks are exported once in a lifetime
        start, _, _ = retrieve(paths[:1], Path(folder, "start"))
        ours, our_faces, peak = retrieve(paths, Path(folder, "c"))
    theirs, their_faces = face_recognition(paths)
    n = len(paths)
    print(f"{n} photos        CPU s a photo   faces")
    print(f"face_recognition    {theirs / n:.4f}        {their_faces}")
    print(f"retrieve index      {ours / n:.4f}        {our_faces}   ({peak:.0f} MB at the most)")
    print(f"ratio               {theirs / ours:.1f}")
    print(f"without start-up    {theirs / (ours - start):.1f}   ({start:.1f} CPU s, once a run)")


def memory(n: int) -> None:
    """Print the peak memory of indexing n photos, made of drawn ones with other bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source = drawn_photos(60)
        contents = [path.read_bytes() for path in source]
        for i in range(n):
            # Bytes after the end of a picture make another photo of it.
            path = Path(folder, f"{i:06}{source[i % len(source)].suffix}")
            path.write_bytes(contents[i % len(source)] + i.to_bytes(4, "little"))
        cpu, faces, peak = retrieve([Path(folder)], Path(folder, "collection"))
    print(f"{n} photos: {faces} faces, {cpu / n:.4f} CPU s a photo, peak {peak:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int)
    arguments = parser.parse_args()
    if arguments.memory is not None:
        memory(arguments.memory)
    else:
        compare(real_photos())
