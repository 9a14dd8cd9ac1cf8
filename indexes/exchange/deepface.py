"""The files in which deepface keeps a folder's embeddings → records of faces.

`DeepFace.find` writes a pickle beside the photos. Three layouts are known, each a list of

  [path, embedding]                 the oldest, representations_MODEL.pkl
  [path, embedding, x, y, w, h]     the same name
  {identity, hash, embedding, target_x, target_y, target_w, target_h}
                                    ds_MODEL_DETECTOR_v2.pkl, and today ds_model_MODEL_detector_
                                    DETECTOR_aligned_normalization_NORMALIZATION_expand_N.pkl

`identity` is a path as it was written from the working folder of that time; the embedding is
None where no face was found, and of any length, so it is brought to length 1 here. `hash`
is none that we know a photo by. What a file does not tell is 0 (score, quality, and
a box where the photo is not there to be the box) or NaN (landmarks).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.exchange import pickles
from retrieve.indexes.exchange.originals import ForeignFace
from retrieve.indexes.exchange.records import Header
from retrieve.indexes.vectors.foreign import DEEPFACE
from retrieve.indexes.vectors.spaces import MAX_DIM

UNKNOWN = "unknown"  # in place of a SHA-256
MODELS = (
    *("VGG-Face", "Facenet", "Facenet512", "OpenFace", "DeepFace", "DeepID", "Dlib", "ArcFace"),
    *("SFace", "GhostFaceNet", "Buffalo_L"),
)
FILE = re.compile(
    r"representations_(?P<older>.+)"
    r"|ds_model_(?P<model>.+?)_detector_(?P<detector>.+?)_(?:un)?aligned"
    r"(?:_normalization_(?P<normalization>.+?)_expand_.*)?"
    r"|ds_(?P<model2>.+)_(?P<detector2>.+?)_v2"
)
KEYS = ("identity", "embedding", "target_x", "target_y", "target_w", "target_h")


@dataclass(frozen=True, slots=True)
class Deepface:
    """What a file holds.

    header  with the networks named deepface:...; nothing is known of their weights
    photos  the faces of each, none where no face was found
    broken  where an entry stands that cannot be used, and why
    """

    header: Header
    photos: dict[Path, list[ForeignFace]]
    broken: list[tuple[str, str]]


def read(file: Path, *, model: str | None = None) -> Deepface:
    """The faces of a file that deepface wrote.

    model   deepface's name of the embedder; None takes it from the file's name
    raises  BadInput if the file holds more than plain data, is damaged or holds something
            else, or nothing tells which model made it
    """
    embedder, detector = _networks(file, model)
    entries = pickles.load(file)
    if not isinstance(entries, list):
        raise BadInput(f"{file} is no list of deepface's: it holds a {type(entries).__name__}")
    broken: list[tuple[str, str]] = []
    found: list[tuple[str, str, NDArray[np.float32] | None, NDArray[np.float32] | None]] = []
    for number, entry in enumerate(entries, 1):
        where = f"entry {number}"
        try:
            found.append((where, *_entry(entry)))
        except BadInput as error:
            broken.append((where, str(error)))
        entries[number - 1] = None  # numbers take four times less in arrays
    dims = Counter(len(embedding) for _, _, embedding, _ in found if embedding is not None)
    if not dims:
        raise BadInput(f"{file} holds no embedding" + (f": {broken[0][1]}" if broken else ""))
    dim = dims.most_common(1)[0][0]
    resolve = _Resolver(file)
    photos_of: dict[Path, list[ForeignFace]] = {}
    for where, identity, embedding, box in found:
        photo = photos_of.setdefault(resolve(identity), [])
        if embedding is not None and len(embedding) != dim:
            broken.append((where, f"it has {len(embedding)} dimensions; most have {dim}"))
        elif embedding is not None:
            photo.append(ForeignFace(where, box, embedding))
    made_by = {
        "detector": detector,
        "detector_sha256": UNKNOWN,
        "embedder": embedder,
        "embedder_sha256": UNKNOWN,
    }
    return Deepface(Header(made_by, dim), photos_of, broken)


def _networks(file: Path, model: str | None) -> tuple[str, str]:
    """Embedder and detector with our prefix, as far as the file's name tells."""
    match = FILE.fullmatch(file.stem)
    told = match.groupdict() if match else {}
    name = model or told.get("model") or told.get("model2") or told.get("older")
    known = {_bare(one): one for one in MODELS}
    if name is None or (_bare(name) not in known and model is None):
        raise BadInput(
            f"the name of {file.name} does not tell which model made it; say it with --model, "
            f"one of {', '.join(MODELS)}"
        )
    detector = told.get("detector") or told.get("detector2") or UNKNOWN
    embedder = known.get(_bare(name), name)
    normalization = told.get("normalization") or "base"
    extra = "" if normalization == "base" else f"+{normalization}"
    return f"{DEEPFACE}{embedder}{extra}", f"{DEEPFACE}{detector}"


def _bare(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _entry(entry: Any) -> tuple[str, NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Identity, embedding of length 1 and box x, y, w, h of one entry of any layout."""
    if isinstance(entry, dict):
        missing = [key for key in KEYS if key not in entry]
        if missing:
            raise BadInput(f"it has no {missing[0]}")
        identity, embedding, *corners = (entry[key] for key in KEYS)
    elif isinstance(entry, list | tuple) and len(entry) in (2, 6):
        identity, embedding, *corners = entry
    elif isinstance(entry, list | tuple) and len(entry) > 2:
        raise BadInput(f"it has {len(entry)} parts: files of an ensemble of models are not read")
    else:
        raise BadInput(f"it is a {type(entry).__name__}; wanted a dict, or a path and numbers")
    if not isinstance(identity, str) or not identity or "\0" in identity:
        raise BadInput("its identity is no path")
    if embedding is None:
        return identity, None, None
    return identity, _normalised(embedding), _box(corners) if corners else None


def _normalised(embedding: Any) -> NDArray[np.float32]:
    if not isinstance(embedding, list | tuple) or not 0 < len(embedding) <= MAX_DIM:
        raise BadInput("its embedding is no list of numbers")
    if not all(type(value) in (int, float) for value in embedding):
        raise BadInput("its embedding holds something else than numbers")
    try:
        values = np.array(embedding, np.float64)
    except OverflowError as error:
        raise BadInput("its embedding holds a number that is too large") from error
    with np.errstate(invalid="ignore"):
        values = values / np.abs(values).max()  # squares of large numbers would be infinite
        length = float(np.linalg.norm(values))
    if not np.isfinite(length) or length == 0:
        raise BadInput("its embedding is zero or not finite")
    unit: NDArray[np.float32] = (values / length).astype(np.float32)
    return unit


def _box(corners: list[Any]) -> NDArray[np.float32]:
    if not all(type(value) in (int, float) and abs(value) < 1e9 for value in corners):
        raise BadInput("its box is no four numbers")
    x, y, w, h = corners
    return np.array([x, y, x + w, y + h], np.float32)


class _Resolver:
    """A path as deepface wrote it → where the file is now.

    It is looked for from the working folder, then from the file's own folder and those
    above it; where one was found the next is looked for first.
    """

    def __init__(self, file: Path) -> None:
        folder = Path(os.path.abspath(file)).parent  # noqa: PTH100  links are kept
        self._bases = [Path.cwd(), folder, *folder.parents]

    def __call__(self, identity: str) -> Path:
        for base in self._bases:
            path = Path(os.path.abspath(base / identity))  # noqa: PTH100
            if os.path.lexists(path):
                if base != self._bases[0]:
                    self._bases.remove(base)
                    self._bases.insert(0, base)
                return path
        return Path(os.path.abspath(identity))  # noqa: PTH100
