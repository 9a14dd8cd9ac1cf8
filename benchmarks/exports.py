"""What the shipped networks are worth: python -m benchmarks.exports FOLDER

FOLDER has wider_dev/ (everyday photos, boxes.csv with every face) and people_dev/ (labels.csv:
file, identity; groups.csv: identity, east_asian_name). Prints what each detector finds by size,
and for dlib-resnet in float32, in int8, and probes of one against a gallery of the other: false
matches and false non-matches at the shipped threshold, of all and by group, and how far scores
move. Of the embedders the cosine to what their own files give: dlib-resnet's in dlib-bin,
mobilefacenet's in ai-edge-litert.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve import photos
from retrieve.faces.calibration import find
from retrieve.faces.detection.detect import DETECTORS, open_detector
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.embed import DLIB_RESNET, MOBILEFACENET, Family, open_embedder
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.faces.embedding.views import embed, parts
from retrieve.networks import weights
from retrieve.networks.runtime import Precision
from retrieve.training.originals import tensorflow_lite
from retrieve.types import Crops, Embeddings

OVERLAP = 0.3  # intersection over union of a found face
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")
COMPARED = 64  # photos, for dlib-bin takes .1 s each
SIZES_PX = (10, 20, 40, 80)  # least longer side, in photo pixels


def overlaps(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, M) intersection over union of (N, 4) and (M, 4) boxes."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return np.asarray(common / (areas[0][:, None] + areas[1][None] - common))


def detection(folder: Path) -> None:
    """A line for each detector."""
    boxes: dict[str, list[tuple[list[float], bool]]] = defaultdict(list)
    with (folder / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            x, y, w, h = (float(row[name]) for name in ("x", "y", "width", "height"))
            boxes[row["file"]].append(([x, y, x + w, y + h], row["invalid"] == "1"))
    print(f"{len(boxes)} photos: faces found of those at least so many pixels wide, false finds")
    for name in DETECTORS:
        detector = open_detector(name)
        sides, found, false = [], [], 0
        for path, labelled in boxes.items():
            photo = photos.read(folder / path)
            faces = detector.detect([photo.pixels])[0]
            got = np.array([face.box for face in faces]).reshape(-1, 4) / photo.scale
            want = np.array([box for box, _ in labelled])
            hits = overlaps(got, want) > OVERLAP  # (found, labelled)
            false += int((~hits.any(axis=1)).sum())
            counted = np.array([not invalid for _, invalid in labelled])
            sides += (want[:, 2:] - want[:, :2]).max(axis=1)[counted].tolist()
            found += np.atleast_1d(hits[:, counted].any(axis=0)).tolist()
        shares = []
        for least in SIZES_PX:
            chosen = np.array(sides) >= least
            shares.append(f"≥{least} px {np.mean(np.array(found)[chosen]):.3f} of {chosen.sum()}")
        print(f"{name:12} {', '.join(shares)}; false {false}")


def people(
    folder: Path, family: Family = DLIB_RESNET, most: int | None = None
) -> tuple[Crops, list[str]]:
    """The face nearest the middle of each photo, or of so many, and who it is."""
    detector = open_detector("mtcnn")
    template = family.template("mtcnn")
    crops, names = [], []
    with (folder / "labels.csv").open(newline="") as file:
        for row in islice(csv.DictReader(file), most):
            pixels = photos.read(folder / row["file"]).pixels
            faces = detector.detect([pixels])[0]
            if faces:
                middle = np.array(pixels.shape[1::-1]) / 2
                away = [np.linalg.norm(face.landmarks.mean(axis=0) - middle) for face in faces]
                best = faces[int(np.argmin(away))]
                crops.append(align(pixels, best.landmarks, template, family.crop_px))
                names.append(row["identity"])
    return np.stack(crops), names


def verification(folder: Path) -> None:
    """A line for each precision of probes and gallery."""
    crops, names = people(folder)
    with (folder / "groups.csv").open(newline="") as file:
        group = {row["identity"]: row["east_asian_name"] == "1" for row in csv.DictReader(file)}
    both = {p: parts(open_embedder("dlib-resnet", precision=p))[0] for p in PRECISIONS}
    calibration = find(both["int8"].weights_sha256, "mtcnn")
    assert calibration is not None
    threshold = calibration.threshold
    embeddings = {precision: embedder.embed(crops) for precision, embedder in both.items()}
    cosine = (embeddings["float32"] * embeddings["int8"]).sum(axis=1)
    print(
        f"{len(names)} faces of {len(set(names))} people; cosine of int8 with float32 "
        f"{cosine.mean():.5f}, least {cosine.min():.5f}; threshold {threshold:.4f}"
    )
    members = np.array([group.get(name, False) for name in names])
    upper = np.triu_indices(len(names), 1)
    same = np.equal.outer(names, names)[upper]
    inside = np.logical_and.outer(members, members)[upper]
    reference = (embeddings["float32"] @ embeddings["float32"].T)[upper]
    mixes: tuple[tuple[Precision, Precision], ...]
    mixes = (("float32", "float32"), ("int8", "int8"), ("int8", "float32"))
    for probes, gallery in mixes:
        scores = _pairs(embeddings[probes], embeddings[gallery])[upper]
        passed = scores >= threshold
        moved = np.abs(scores - reference)
        print(
            f"{probes:8} against {gallery:8} FNMR {1 - passed[same].mean():.4f} of "
            f"{same.sum()}, FMR {passed[~same].mean():.2e} of {(~same).sum()}, East Asian names "
            f"{passed[~same & inside].mean():.4f} of {(~same & inside).sum()}; scores move by "
            f"{moved.mean():.5f}, 99 % at most {np.quantile(moved, 0.99):.5f}"
        )


def originals(folder: Path) -> None:
    """A line for each embedder and precision, no mirror, of the first faces."""
    import dlib

    dlib_crops = people(folder, DLIB_RESNET, COMPARED)[0]
    peer = dlib.face_recognition_model_v1(str(weights.locate("dlib-resnet")))
    by_dlib = unit_rows(np.array(peer.compute_face_descriptor(list(dlib_crops)), np.float32))
    for precision in PRECISIONS:
        ours = open_embedder(DLIB_RESNET.name, precision=precision, mirror=False)
        _told_cosine(f"dlib-resnet {precision}, dlib-bin", embed(ours, (dlib_crops,)), by_dlib)
    crops = people(folder, MOBILEFACENET, COMPARED)[0]
    planes = crops.transpose(0, 3, 1, 2).astype(np.float32)
    by_file = unit_rows(tensorflow_lite(weights.locate("mobilefacenet"), planes))
    ours = open_embedder(MOBILEFACENET.name)
    _told_cosine("mobilefacenet float32, its file", embed(ours, (crops,)), by_file)


def _told_cosine(what: str, one: Embeddings, other: Embeddings) -> None:
    cosine = (one.astype(np.float64) * other).sum(axis=1)
    print(f"{what}: cosine {cosine.mean():.7f}, least {cosine.min():.7f} of {len(cosine)}")


def _pairs(probes: Embeddings, gallery: Embeddings) -> NDArray[np.float32]:
    return np.asarray(probes @ gallery.T)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    detection(folder / "wider_dev")
    verification(folder / "people_dev")
    originals(folder / "people_dev")


if __name__ == "__main__":
    main()
