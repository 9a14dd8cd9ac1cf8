"""A search for words over shards beside one of a collection of the same texts.

    python -m benchmarks.cluster texts CORPORA --at FOLDER [--passages 30000]

Files of about 300 passages each of Spanish novels are written below FOLDER and indexed with the
shipped encoder: into a collection, and into clusters of 1, 4 and 8 shards, which are made once.
All are asked the same in one process, warm, in turns: CPU milliseconds of all threads for a query,
k = 10, the best of several rounds; how often the shards were asked; in how many of the answers
every hit is the collection's, by file, passage and, to 1e-6, score. The engine is local: shards are
served by threads. The collection has the files in whatever order its processes had read them, so
that the sample by which `near` is told is another one: hits that are near otherwise are counted.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import passages
from retrieve.indexes.cluster.cluster import Cluster
from retrieve.indexes.cluster.manifest import create_manifest
from retrieve.indexes.collection import Collection
from retrieve.indexes.opening import open_collection
from retrieve.indexes.queries.modes import Mode
from retrieve.types import TextHit

SHARDS = (1, 4, 8)
ROUNDS = 5
TOLERANCE = 1e-6
QUERIES = (
    *("una boda en Zaragoza", "el señor marqués entró en la habitación", "guerra", "dinero"),
    *("amor de madre", "caballo negro", "la casa de la calle mayor", '"por la mañana" iglesia'),
    *("perro -gato", "barco velero en la tormenta", "los criados y el amo", "viaje a América"),
    *("enfermedad y muerte", "vino tinto", "una carta del rey", "música triste"),
    *("montaña nevada", "juez y tribunal", "escuela de niños", "cartas de amor"),
)
MISSPELT = ("conocimeinto del mundo", "una bdoa en Zargoza", "la igleisa del pueblo")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpora", type=Path, metavar="CORPORA")
    parser.add_argument("--at", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--passages", type=int, default=30_000, metavar="N")


def run(given: argparse.Namespace) -> None:
    """Build what is not there, ask all of them, and say what each takes."""
    passages.CORPORA = given.corpora.absolute()
    files = given.at / "files"
    if not files.is_dir():
        given.at.mkdir(parents=True, exist_ok=True)
        passages.write(files, given.passages)
    one = _collection(given.at / "one", files)
    clusters = [_cluster(given.at / f"many{shards}", files, shards) for shards in SHARDS]
    every: list[tuple[str, Collection]] = [
        ("one collection", one),
        *((f"{len(many.numbers)} shards", many) for many in clusters),
    ]
    for what, queries in (("a query", QUERIES), ("a misspelt query", MISSPELT)):
        for mode in Mode:
            took = _cpu_ms([opened for _, opened in every], queries, mode)
            asked = [one.search_texts(query, mode=mode) for query in queries]
            for (name, opened), cpu_ms in zip(every, took, strict=True):
                told = f"{what}, {mode:8} {name:15} {cpu_ms:6.1f} CPU ms"
                if isinstance(opened, Cluster):
                    told += _beside(opened, queries, mode, asked)
                print(told, flush=True)
    for _, opened in every:
        opened.close()


def _collection(folder: Path, files: Path) -> Collection:
    made = folder.is_dir()
    collection = open_collection(folder, create=True)
    if not made:
        collection.index([files])
    return collection


def _cluster(folder: Path, files: Path, shards: int) -> Cluster:
    made = folder.is_dir()
    if not made:
        folder.mkdir()
        create_manifest(folder).close()
    cluster = open_collection(folder)
    assert isinstance(cluster, Cluster)
    if not made:
        cluster.index([files], segment=math.ceil(len(list(files.iterdir())) / shards))
    return cluster


def _cpu_ms(every: Sequence[Collection], queries: Sequence[str], mode: Mode) -> list[float]:
    """Of each for a query, the best of several rounds in turns, after one that warms."""
    rounds: list[list[float]] = [[] for _ in every]
    for n in range(ROUNDS + 1):
        for opened, took in zip(every, rounds, strict=True):
            before = time.process_time()
            for query in queries:
                opened.search_texts(query, mode=mode)
            if n:
                took.append((time.process_time() - before) * 1000 / len(queries))
    return [min(took) for took in rounds]


def _beside(
    cluster: Cluster, queries: Sequence[str], mode: Mode, asked: Sequence[Sequence[TextHit]]
) -> str:
    """How often shards are asked for a query, and how many answers are those of the collection."""
    rounds: list[int] = []
    found: list[list[TextHit]] = []
    ask = cluster.ask

    def counted(*args: Any, **how: Any) -> Any:
        rounds[-1] += 1
        return ask(*args, **how)

    cluster.ask = counted  # type: ignore[method-assign]
    try:
        for query in queries:
            rounds.append(0)
            found.append(cluster.search_texts(query, mode=mode))
    finally:
        cluster.ask = ask  # type: ignore[method-assign]
    pairs = [*zip(asked, found, strict=True)]
    same = sum(_is_same(*pair) for pair in pairs)
    near = sum(a.near != b.near for pair in pairs for a, b in zip(*pair, strict=False))
    return (
        f", asked {statistics.mean(rounds):.1f} times; {same} of {len(pairs)} answers the same, "
        f"{near} hits near otherwise"
    )


def _is_same(ours: Sequence[TextHit], theirs: Sequence[TextHit]) -> bool:
    return len(ours) == len(theirs) and all(
        (a.path, a.passage, a.marks) == (b.path, b.passage, b.marks)
        and abs(a.score - b.score) <= TOLERANCE * max(1.0, abs(a.score))
        for a, b in zip(ours, theirs, strict=True)
    )
