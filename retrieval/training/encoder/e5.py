"""Makes what ships of the encoder e5: its graph without weights, means, vectors to hold it to.

    python -m retrieve.training.encoder.e5 --corpora FOLDER --docs d.jsonl --queries q.jsonl

Exports the transformer from torch, turns its products into integers, measures on passages of the
corpora by what columns are evened out, and what the mean is of queries and of passages. With
--engine FILE.c the engine of the package, compiled here with gcc, gives the vectors that the suite
holds ours to: the package's own code, which nothing else runs. Needs the extras [torch] and [e5].
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieve.cache import replacing
from retrieve.evaluation.retrieval import documents, half, queries
from retrieve.extras import optional
from retrieve.networks import exports, weights
from retrieve.networks.exports import GRAPH, RECORD, Export
from retrieve.networks.integers import in_integers
from retrieve.networks.runtime import OPSET
from retrieve.text.encoders.e5 import packed
from retrieve.text.encoders.e5.encoder import (
    EVENED,
    MEANS,
    SIDES,
    USUAL,
    E5Encoder,
    Matrix,
    Side,
    save_means,
    sha256,
)
from retrieve.text.encoders.e5.network import DATA, EVEN, NAME, Columns, build
from retrieve.text.encoders.e5.pieces import Pieces
from retrieve.training import made_queries
from retrieve.training.split import split, texts_of

if TYPE_CHECKING:
    import torch

LOOKED_AT, OF_EACH = 48, 60  # passages by which columns are measured, out of so many of each text
IN_MEAN = 8  # passages of each text in the mean
CENTRED = np.float32(0.8)  # of the mean: all of it costs the questions that it was fitted on more
LEAST, LEAST_WEIGHT = 1e-3, 1e-5  # of a column that is all but silent, and of its weights
GCC = ("gcc", "-O2", "-mavx2", "-mfma", "-shared", "-fPIC", "-o")


def columns(texts: Sequence[str]) -> Columns:
    """What comes into products, measured on passages.

    Columns are divided so that they and their weights differ alike.
    """
    with optional("making the encoder e5"):
        import torch

    file = packed.read(weights.locate(NAME))
    pieces, network = Pieces(file), build().eval()
    largest: dict[str, Matrix] = {}
    totals: dict[str, Matrix] = {}
    products = {
        name: one for name, one in network.named_modules() if isinstance(one, torch.nn.Linear)
    }

    def look(name: str, x: torch.Tensor) -> None:
        rows = x.reshape(-1, x.shape[-1]).numpy()
        high = np.abs(rows).max(axis=0)
        largest[name] = np.maximum(largest.get(name, high), high)
        totals[name] = totals.get(name, 0) + rows.sum(axis=0, dtype=np.float64)

    for name, product in products.items():
        product.register_forward_pre_hook(lambda _, x, name=name: look(name, x[0]))
    seen = 0
    with torch.inference_mode():
        for some in pieces.encode([f"passage: {text}" for text in texts]):
            ids = np.array([file.ends.start, *some[: file.positions - 2], file.ends.end])
            network(torch.from_numpy(file.rows(ids))[None], torch.ones(1, len(ids)))
            seen += len(ids)
    evened = {}
    for name, high in largest.items():
        if name.rpartition(".")[2] in EVEN:
            heavy = products[name].weight.detach().abs().amax(0).numpy()
            by = np.sqrt(np.maximum(high, LEAST) / np.maximum(heavy, LEAST_WEIGHT))
            evened[name] = (by / np.exp(np.log(by).mean())).astype(np.float32)
    return Columns(evened, {name: (one / seen).astype(np.float32) for name, one in totals.items()})


def graph_of(network: torch.nn.Module, note: str = "") -> bytes:
    """A network of retrieve.models.e5 in integers, without its weights.

    note    stands in it, so that networks filled by other columns have other graphs
    raises  MissingExtra without torch or onnx
    """
    with optional("making the encoder e5"):
        import onnx
        import torch

    dim = network.get_parameter("kind").shape[0]
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is called legacy, and traces sizes
        path = Path(folder, "e5.onnx")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 7, dim), torch.ones(2, 7)),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["pieces", "there"],
            output_names=["mean"],
            dynamic_axes={"pieces": {0: "n", 1: "t"}, "there": {0: "n", 1: "t"}, "mean": {0: "n"}},
        )
        whole = path.read_bytes()
    names = [name for name, _ in network.named_modules()]
    model = onnx.load_from_string(
        in_integers(whole, [name for name in names if name.rpartition(".")[2] in EVEN])
    )
    named = set(network.state_dict())
    rest = [one for one in model.graph.initializer if one.name not in named]
    del model.graph.initializer[:]
    model.graph.initializer.extend(rest)
    model.doc_string = note
    return bytes(model.SerializeToString())


def noted(arrays: Mapping[str, Matrix]) -> str:
    """The SHA-256 of what was measured of the columns."""
    sums = [sha256(arrays[name]) for name in sorted(arrays) if name not in SIDES]
    return hashlib.sha256(" ".join(sums).encode()).hexdigest()


def write_graph(model: bytes, folder: Path = DATA) -> None:
    """The graph and the record beside it."""
    line = Export(
        name=NAME,
        precision=GRAPH,
        file=f"{NAME}-{GRAPH}.onnx",
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        weights=str(weights.TABLE[NAME].source),
        weights_sha256=weights.sha256_of(NAME),
        licence=weights.TABLE[NAME].licence,
        opset=OPSET,
        made_with={name: version(name).partition("+")[0] for name in ("torch", "onnx")},
    )
    rest = [one for one in exports.record(folder) if one.name != NAME]
    record = json.dumps([asdict(one) for one in [*rest, line]], indent=2) + "\n"
    for name, content in ((line.file, model), (RECORD, record.encode())):
        with replacing(folder / name) as part:
            part.write_bytes(content)
            part.chmod(0o644)


def passages(corpora: Iterable[Path], of_each: int) -> list[str]:
    """Passages of the trained part of texts, from a third of each on."""
    found: list[str] = []
    for text in corpora:
        part = split(text)
        running = islice(part.training(), part.lines // 3, None)
        name = text.name.partition(".")[0]
        found += [one.text for one in made_queries.passages(running, name, of_each)]
    return found


def engine(source: Path, texts: Sequence[str], side: Side) -> Matrix:
    """(N, D) unit rows by the package's own engine, compiled for this."""
    path = weights.locate(NAME)
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "engine.so")
        subprocess.run([*GCC, library, source, "-lm"], check=True)
        loaded = ctypes.CDLL(str(library))
        loaded.e5_load.restype = ctypes.c_void_p
        model = ctypes.c_void_p(loaded.e5_load(str(path).encode()))
        found = np.empty((len(texts), int(loaded.e5_dim(model))), np.float32)
        pointer = ctypes.POINTER(ctypes.c_float)
        for text, row in zip(texts, found, strict=True):
            is_query = int(side == "query")
            loaded.e5_embed(model, text.encode(), is_query, row.ctypes.data_as(pointer))
        loaded.e5_free(model)
    return found


def write_vectors(path: Path, texts: Sequence[str], source: Path) -> float:
    """What the engine gives for texts on both sides; returns the least cosine that ours have."""
    from safetensors.numpy import save_file

    encoder = E5Encoder()
    found = {side: engine(source, texts, side) for side in SIDES}
    cosines = [(found[side] * encoder.raw(texts, side)).sum(axis=1).min() for side in SIDES]
    with replacing(path.absolute()) as part:
        save_file(
            {side: rows.astype(np.float16) for side, rows in found.items()},
            part,
            metadata={"texts": json.dumps(list(texts), ensure_ascii=False)},
        )
        part.chmod(0o644)
    return float(min(cosines))


def main() -> None:
    """Make them, and say how near ours is to the engine."""
    parser = argparse.ArgumentParser(prog="python -m retrieve.training.encoder.e5")
    parser.add_argument("--corpora", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--docs", type=Path, required=True, metavar="FILE")
    parser.add_argument("--queries", type=Path, required=True, metavar="FILE")
    parser.add_argument("--engine", type=Path, metavar="FILE.c")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="a text a line, for --vectors")
    parser.add_argument("--vectors", type=Path, metavar="FILE", default=Path("e5.safetensors"))
    given = parser.parse_args()
    corpora = texts_of(given.corpora)
    texts = passages(corpora, OF_EACH)
    collection = documents(given.docs.read_text("utf-8").splitlines())
    asked = half(queries(given.queries.read_text("utf-8").splitlines()), collection, "fit")
    found = columns(texts[:: len(texts) // LOOKED_AT])
    arrays = {EVENED + name: one for name, one in found.evened.items()}
    arrays |= {USUAL + name: one for name, one in found.usual.items()}
    write_graph(graph_of(build(), noted(arrays)))
    nothing = np.zeros(int(weights.TABLE[NAME].dim or 0), np.float32)
    about = {"sources": [one.name for one in (*corpora, given.docs, given.queries)]}
    save_means(MEANS, arrays | dict.fromkeys(SIDES, nothing), about)  # raw() needs no means
    encoder = E5Encoder()
    answers = {key for one in asked for key in one.relevant}
    answering = [one.text for one in collection if one.key in answers]
    kinds = [encoder.raw(some, "passage") for some in (passages(corpora, IN_MEAN), answering)]
    means = {
        "passage": CENTRED * np.mean([rows.mean(axis=0) for rows in kinds], axis=0),
        "query": CENTRED * encoder.raw([one.text for one in asked], "query").mean(axis=0),
    }
    save_means(MEANS, arrays | means, about)
    MEANS.chmod(0o644)
    if given.engine is not None and given.texts is not None:
        lines = given.texts.read_text("utf-8").splitlines()
        least = write_vectors(given.vectors, lines, given.engine)
        print(f"{len(lines)} texts on both sides: cosine at least {least:.5f}")  # noqa: T201


if __name__ == "__main__":
    main()
