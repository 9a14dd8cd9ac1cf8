"""Optional packages: which extra of this distribution brings each, and the one error without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from retrieve.errors import MissingExtra

# Package, as it is imported → extra of pyproject.toml.
EXTRAS = {
    "ai_edge_litert": "convert",
    "babel": "train",
    "cv2": "ocr",
    "fastapi": "web",
    "flatbuffers": "convert",
    "httpx2": "web",
    "matplotlib": "plot",
    "mcp": "mcp",
    "msgpack": "train",
    "numba": "train",
    "onnx": "torch",
    "openTSNE": "map",
    "pooch": "torch",
    "pyarrow": "parquet",
    "rapidocr": "ocr",
    "ray": "cluster",
    "scipy": "train",
    "sentence_transformers": "sentence-transformers",
    "starlette": "web",
    "tflite": "convert",
    "torch": "torch",
    "umap": "map",
    "uvicorn": "web",
    "yaml": "train",
}


@contextmanager
def optional(what: str) -> Iterator[None]:
    """A block of imports, of which some may be missing.

    what    that needs them, as the message begins
    raises  MissingExtra with the install line of the first that is missing. A module that no
            extra brings stays a ModuleNotFoundError: that is a bug
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise _missing(what, package) from error


def needed(what: str, *packages: str) -> None:
    """The same before any work is begun, without an import."""
    for package in packages:
        if find_spec(package) is None:
            raise _missing(what, package)


def _missing(what: str, package: str) -> MissingExtra:
    return MissingExtra(
        f"{what} needs {package}, which is not installed: pip install 'retrieve[{EXTRAS[package]}]'"
    )
