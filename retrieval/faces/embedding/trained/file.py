"""One file that holds an embedder of the user's own: weights, and what was measured of them.

The file is safetensors: numbers alone, nothing that runs. A head has

    head  (D, K) float32  what turns the unit vectors of the embedder that it stands on

and a network its parameters, float32, which fill a graph that ships (graphs.py). The header's
metadata has one entry, `retrieve`: JSON with the fields of `About` and the SHA-256 of every array.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput, WeightsError

FORMAT = 1
SUFFIX = ".safetensors"
KIND = "face-embedder"
HEAD = "head"  # in the place of a network, and of its array
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")  # no + (a sum of networks) and nothing of a path

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class About:
    """What an embedder is and where it comes from; all of it is kept in the file.

    network    HEAD, or the name of a graph that ships
    on         of a head: the embedder below it
    on_sha256  of its weights: another one of that name is an error
    better     whether it misses fewer of the people held out than what it started from, beyond
               chance
    figures    measured on them
    """

    name: str
    network: str
    on: str = ""
    on_sha256: str = ""
    better: bool = False
    licence: str = "unknown"
    sources: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def embedders_dir() -> Path:
    """Where embedders of the user's own lie, by name."""
    return Path(platformdirs.user_data_dir("retrieve")) / "embedders"


def names() -> list[str]:
    """Of the embedders that lie there."""
    return sorted(path.stem for path in embedders_dir().glob(f"*{SUFFIX}"))


def located(name_or_path: str) -> Path | None:
    """The file behind a name that was trained, or the file itself; None if it is neither."""
    if name_or_path.endswith(SUFFIX) and Path(name_or_path).is_file():
        return Path(name_or_path)
    if not NAME.fullmatch(name_or_path):
        return None
    path = embedders_dir() / f"{name_or_path}{SUFFIX}"
    return path if path.is_file() else None


def where(out: str, taken: tuple[str, ...]) -> Path:
    """The file for what is to be trained.

    out     a name, or a file in .safetensors
    taken   names of others
    raises  BadInput for a name that cannot be asked for later
    """
    path = Path(out) if out.endswith(SUFFIX) else embedders_dir() / f"{out}{SUFFIX}"
    name = path.name.removesuffix(SUFFIX)
    if not NAME.fullmatch(name if out.endswith(SUFFIX) else out):
        raise BadInput(f"wanted a name of letters, digits, . - _ or a {SUFFIX} file; got {out!r}")
    if name in taken:
        raise BadInput(f"{name} is an embedder that ships; give yours another name")
    return path.absolute()


def about(path: Path) -> About:
    """What an embedder's file says of itself; its checksums are verified. Raises as read()."""
    return read(path)[0]


def read(path: Path) -> tuple[About, Arrays, str]:
    """An embedder's file, its checksums verified, and the SHA-256 of the whole.

    raises  WeightsError if it is missing, cut short, foreign, damaged, or holds numbers that are
            not finite
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = path.read_bytes()
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        stated = json.loads(header["__metadata__"]["retrieve"])
        arrays = load(content)
        kind, version = stated.pop("kind"), stated.pop("format")
        if kind != KIND or version != FORMAT:
            raise ValueError(f"{kind} {version}, wanted {KIND} {FORMAT}")
        checksums = stated.pop("sha256")
        about = About(**stated | {"sources": tuple(stated["sources"])})
    except OSError as error:
        raise WeightsError(f"cannot read an embedder: {error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} does not hold an embedder of this toolkit ({error}); "
            "to make one: retrieve train faces"
        ) from error
    if {name: _sha256(array) for name, array in arrays.items()} != checksums:
        raise WeightsError(
            f"{path} is damaged: its arrays are not those of its header. Train again"
        )
    for name, array in arrays.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise WeightsError(f"{path}: {name} is not float32, or not finite. Train again")
    return about, arrays, hashlib.sha256(content).hexdigest()


def save(path: Path, about: About, arrays: Arrays) -> None:
    """Write an embedder; the file appears whole or not at all."""
    from safetensors.numpy import save_file

    stored = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    stated = asdict(about) | {
        "kind": KIND,
        "format": FORMAT,
        "sha256": {name: _sha256(array) for name, array in stored.items()},
    }
    with replacing(path) as temporary:
        save_file(stored, temporary, {"retrieve": json.dumps(stated, ensure_ascii=False)})


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
