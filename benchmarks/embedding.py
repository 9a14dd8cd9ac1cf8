"""Which engine embeds fastest, and what that costs: python -m benchmarks.embedding [PHOTOS]

Speed: CPU ms a crop on one thread, batches of 16, every engine in turn in each of
several rounds, the best round counts; dlib-bin is the peer. Accuracy, where PHOTOS has
gallery_2015/ and query_2024/ (one person a file, named after the person): each engine's
verification and identification figures and how close its vectors are to float32's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from retrieve.evaluation import identification, verification
from retrieve.faces.embedding.embed import DLIB_RESNET, Family, network_spec
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.networks import weights
from retrieve.networks.runtime import Batch, Precision, open_network
from retrieve.types import Crops, Embeddings

BATCH = 16
ROUNDS = 5

Engine = Callable[[Crops], Embeddings]  # raw vectors of (N, 150, 150, 3)


def aligned_faces(photos: Sequence[Path], family: Family) -> tuple[Crops, list[Path]]:
    """The largest face of each photo as a crop, and the photo; photos without one left out."""
    from retrieve import photos as files
    from retrieve.faces.detection.detect import open_detector
    from retrieve.faces.embedding.align import align

    detector = open_detector("mtcnn")
    template = np.array(family.templates["mtcnn"], np.float32)
    crops, kept = [], []
    for path in photos:
        pixels = files.read(path).pixels
        (faces,) = detector.detect([pixels])
        if faces:
            largest = max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))
            crops.append(align(pixels, largest.landmarks, template, family.crop_px))
            kept.append(path)
    return np.stack(crops), kept


def engines() -> dict[str, Engine]:
    """All that can run here; dlib-bin first, float32 of ONNX Runtime before int8."""
    import dlib
    import torch

    torch.set_num_threads(1)
    spec = network_spec("dlib-resnet")
    oracle = dlib.face_recognition_model_v1(str(weights.locate("dlib-resnet")))

    def planes(crops: Crops) -> Batch:
        return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)

    def with_torch(dtype: torch.dtype, layout: torch.memory_format) -> Engine:
        module = spec.build().eval().to(dtype=dtype)
        module.to(memory_format=layout)  # type: ignore[call-overload]

        def run(crops: Crops) -> Embeddings:
            with torch.inference_mode():
                batch = torch.from_numpy(planes(crops)).to(dtype=dtype, memory_format=layout)
                vectors: Embeddings = module(batch).float().numpy()
                return vectors

        return run

    def with_onnx(precision: Precision) -> Engine:
        network = open_network(spec, precision=precision)
        return lambda crops: network(planes(crops))[0]

    return {
        "dlib-bin": lambda crops: np.array(oracle.compute_face_descriptor(list(crops)), np.float32),
        "torch float32": with_torch(torch.float32, torch.contiguous_format),
        "torch float32 channels_last": with_torch(torch.float32, torch.channels_last),
        "torch bfloat16 channels_last": with_torch(torch.bfloat16, torch.channels_last),
        "onnxruntime float32": with_onnx("float32"),
        "onnxruntime int8": with_onnx("int8"),
    }


def speed(found: dict[str, Engine], crops: Crops) -> dict[str, float]:
    """Engine → CPU ms a crop."""
    best = dict.fromkeys(found, np.inf)
    for engine in found.values():
        engine(crops)
    for _ in range(ROUNDS):
        for name, engine in found.items():
            start = time.process_time()
            engine(crops)
            best[name] = min(best[name], (time.process_time() - start) * 1e3 / len(crops))
    return best


def embed(engine: Engine, crops: Crops) -> Embeddings:
    """Mirror averaging as in retrieve.faces.embedding.embed."""
    parts = [crops[i : i + BATCH] for i in range(0, len(crops), BATCH)]
    return unit_rows(np.concatenate([engine(p) + engine(p[:, :, ::-1]) for p in parts]))


def accuracy(gallery: Embeddings, probes: Embeddings, people: list[str], names: list[str]) -> str:
    """One line of figures: people belong to the gallery, names to the probes."""
    scores = probes @ gallery.T
    same = np.equal.outer(np.array(names), np.array(people))
    genuine, impostor = scores[same], scores[~same]
    place = identification.ranks(scores, names, people)
    threshold = verification.threshold_at(impostor, 1e-3)
    missed = verification.false_non_match_rate(genuine, threshold)
    eer, _ = verification.equal_error_rate(genuine, impostor)
    return (
        f"{np.sum(place == 1):4d}/{np.sum(place > 0)}  {eer:.4f}  {missed.value:.4f}  "
        f"{threshold:.4f}  {genuine.mean():.4f}  {impostor.mean():.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?")
    folder = parser.parse_args().photos
    found = engines()

    noise = np.random.default_rng(0).integers(0, 256, (BATCH, 150, 150, 3), np.uint8)
    times = speed(found, noise)
    print(f"{'engine':30} ms/crop  x dlib-bin  with mirror: ms/face  x dlib-bin")
    for name, ms in times.items():
        peer = times["dlib-bin"]
        print(f"{name:30} {ms:7.2f}  {peer / ms:10.1f}  {2 * ms:20.2f}  {peer / (2 * ms):10.1f}")
    if folder is None:
        return

    photos = sorted([*folder.glob("gallery_2015/*.jpg"), *folder.glob("query_2024/*.jpg")])
    crops, kept = aligned_faces(photos, DLIB_RESNET)
    stored = np.array([path.parent.name == "gallery_2015" for path in kept])
    people = [path.stem for path in kept if path.parent.name == "gallery_2015"]
    names = [path.stem for path in kept if path.parent.name != "gallery_2015"]
    print(f"\n{len(kept)} faces in {len(photos)} photos; mirror averaging")
    print(
        f"{'engine':30} rank-1    EER     FNMR@1e-3  at      genuine impostor  "
        "cosine to float32: mean, 1 %, least"
    )
    reference = embed(found["torch float32"], crops)
    for name, engine in list(found.items())[1:]:
        vectors = embed(engine, crops)
        cosine = (vectors * reference).sum(axis=1)
        print(
            f"{name:30} {accuracy(vectors[stored], vectors[~stored], people, names)}   "
            f"{cosine.mean():.5f} {np.quantile(cosine, 0.01):.5f} {cosine.min():.5f}"
        )
    print(
        f"{'float32 probes, last gallery':30} "
        f"{accuracy(vectors[stored], reference[~stored], people, names)}"
    )


if __name__ == "__main__":
    main()
