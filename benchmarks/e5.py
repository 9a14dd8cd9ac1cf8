"""The encoder e5 beside the default one and its package's own engine: speed, cold start, disk.

    python -m benchmarks.e5                      beside lstm
    python -m benchmarks.e5 --engine e5.c        and beside the package's engine, compiled here
    python -m benchmarks.e5 --languages FOLDER   sentences and their translations instead

FOLDER holds a text file a language (spa.txt, eng.txt, …) whose lines say the same: each of the
first sentences of one asks for its translation among those of another, and among all others.

Passages are paragraphs of squad_es_dev, or of the sample archive where that is absent. All run on
one thread, one after the other, three times; what counts is CPU time, and of that the quotient: on
cores that other programs have a share of, all get slower. How well it finds things is measured by
`retrieve evaluate text --mode e5 --mode hybrid:e5` and `retrieve evaluate similarity --encoder e5`.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.text_encoder import NUMPY, QUERIES, QUERY, TIMES, cold, printed
from benchmarks.texts import questions
from retrieve.cache import cache_dir
from retrieve.networks import weights
from retrieve.text.encoders.e5.encoder import ENDS, MEANS, E5Encoder
from retrieve.text.encoders.e5.network import DATA
from retrieve.text.encoders.encode import open_text_encoder
from retrieve.training.encoder.e5 import GCC

PASSAGES = 16
SENTENCES = 60  # of each language
LANGUAGES = ("spa", "eng", "cat", "fra", "deu")
ROUNDS = 3


def engine(source: Path, folder: Path) -> Callable[[list[str]], object]:
    """The package's engine on one thread, compiled as for vectors to hold ours to."""
    library = folder / "engine.so"
    subprocess.run([*GCC, library, source, "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.e5_load.restype = ctypes.c_void_p
    model = ctypes.c_void_p(loaded.e5_load(str(weights.locate("e5")).encode()))
    dim = int(loaded.e5_dim(model))

    def embed(texts: list[str]) -> object:
        found = np.empty((len(texts), dim), np.float32)
        listed = (ctypes.c_char_p * len(texts))(*[text.encode() for text in texts])
        pointer = found.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        loaded.e5_embed_batch(model, listed, len(texts), 0, pointer)
        return found

    return embed


def translations(folder: Path) -> None:
    """How often a sentence finds its translation first, by language."""
    encoder = E5Encoder()
    lines = {
        name: (folder / f"{name}.txt").read_text("utf-8").splitlines()[:SENTENCES]
        for name in LANGUAGES
    }
    passages = {name: encoder.embed(some) for name, some in lines.items()}
    for asks, some in lines.items():
        queries = encoder.embed_queries(some)
        others = [passages[name] for name in LANGUAGES if name != asks]
        right = [
            float((np.argmax(queries @ one.T, axis=1) == np.arange(len(some))).mean())
            for one in others
        ]
        mixed = np.argmax(queries @ np.concatenate(others).T, axis=1) % len(some)
        found = ", ".join(
            f"{name} {share:.3f}"
            for name, share in zip([n for n in LANGUAGES if n != asks], right, strict=True)
        )
        together = float((mixed == np.arange(len(some))).mean())
        print(f"{asks} asks {len(some)}: {found}; all together {together:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", type=Path, help="the package's source, e5.c")
    parser.add_argument("--languages", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.languages is not None:
        translations(given.languages)
        return
    every, _ = questions()
    texts = [one.text for one in every][:: max(1, len(every) // PASSAGES)][:PASSAGES]
    ours = E5Encoder(threads=1)
    pieces = sum(ours.pieces_of(text) + ENDS for text in texts)
    print(f"{len(texts)} passages of {pieces / len(texts):.0f} pieces")
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[list[str]], object]] = {
            "e5": ours.embed,
            "lstm": open_text_encoder("lstm").embed,
        }
        if given.engine is not None:
            ways["engine"] = engine(given.engine, Path(folder))
        took: dict[str, list[float]] = {name: [] for name in ways}
        for embed in ways.values():
            embed(texts[:2])
        for _ in range(ROUNDS):
            for name, embed in ways.items():
                began = time.process_time()
                embed(texts)
                took[name].append(time.process_time() - began)
    for name, some in took.items():
        s = statistics.median(some)
        print(f"{name:8}{len(texts) / s:9.1f} passages{pieces / s:10,.0f} pieces a CPU s")
    for name in ("lstm", "e5"):
        code = NUMPY.format(encoder=name)
        first = min(cold(f"{code}\nembed([{QUERY!r}])") for _ in range(TIMES))
        then = min(printed(code + QUERIES.format(query=QUERY)) for _ in range(ROUNDS))
        print(f"{name:8}a query in a new process {first:.2f} CPU s, each further {then:.2f} CPU ms")
    ships = sum(path.stat().st_size for path in (MEANS, *DATA.glob("e5*.onnx")))
    folder_made = cache_dir() / "networks"
    kinds = [
        folder_made.glob(f"e5-*.{end}") for end in ("network", "pieces")
    ]  # of older graphs too
    made = sum(max(path.stat().st_size for path in some) for some in kinds)
    print(
        f"ships {ships / 1e6:.2f} MB, the package's file {weights.TABLE['e5'].size_bytes / 1e6:.1f}"
        f" MB, made at the first use {made / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
