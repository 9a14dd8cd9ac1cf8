"""The command line with networks that do no work: photos are texts, as in pretend.py.

    python tests/helpers/pretend_cli.py watch FOLDER --collection COLLECTION

Files are worked on in processes, as with real networks. BATCH_FILES=N in the environment makes
the batches smaller.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pretend

from retrieve.faces.detection import detect
from retrieve.faces.embedding import embed
from retrieve.indexes.building import jobs, storing
from retrieve.text.encoders import encode

ROOT = Path(__file__).parents[2]


class Detector:
    name, weights_sha256 = "pretend", "00"


def replace_networks() -> None:
    """In this process, for good."""
    detect.open_detector = lambda *_, **__: Detector()  # type: ignore[assignment]
    embed.open_embedder = lambda *_, **__: pretend.Embedder()  # type: ignore[assignment]
    jobs.Faces = pretend.Faces  # type: ignore[assignment, misc]
    encode.open_text_encoder = lambda *_: pretend.TextEncoder()  # type: ignore[assignment]
    detect.DETECTORS = (*detect.DETECTORS, Detector.name)  # type: ignore[assignment]
    embed.is_embedder = encode.is_encoder = lambda _: True  # type: ignore[assignment]
    storing.BATCH_FILES = int(os.environ.get("BATCH_FILES", storing.BATCH_FILES))


def open_who() -> Callable[[Path], str]:
    """Work that says which process does it."""
    return lambda path: str(os.getpid())


def command(*arguments: object) -> list[str]:
    """What runs a command with such networks."""
    return [sys.executable, __file__, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """With which it finds our modules."""
    here = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return os.environ | {"PYTHONPATH": here, "COLUMNS": "200"} | more


if __name__ == "__main__":
    from retrieve.cli.app import main

    replace_networks()
    main()
