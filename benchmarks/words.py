"""Word vectors against gensim in the same run: python -m benchmarks.words [--imported N]

Cold processes in CPU seconds and peak memory, neighbours of one word in CPU milliseconds,
opening the shipped vectors beside gensim's KeyedVectors of the same vectors. With
--imported N, a made file of N words × 300 is added and asked as well.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from retrieve.indexes.words import stores as words
from retrieve.indexes.words.codes import CodeIndex
from retrieve.indexes.words.stores import open_words

CLI = ("-m", "retrieve.cli")
ROUNDS = 5
ASKED = 200
DIM = 300
CLUSTERS = 5000

OURS = """
import time; start = time.process_time()
from retrieve.indexes.words.stores import open_words
index = open_words("es"); index.neighbors("rey")
print(time.process_time() - start)
"""
GENSIM = """
import time; start = time.process_time()
from gensim.models import KeyedVectors
vectors = KeyedVectors.{load}; vectors.most_similar("rey")
print(time.process_time() - start)
"""


def cold(*arguments: str) -> tuple[float, float]:
    """CPU seconds and peak MB of `python arguments`, the least of several."""
    code = (
        "import json, resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
        "use = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([use.ru_utime + use.ru_stime, use.ru_maxrss / 1024]))"
    )
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", code, sys.executable, *arguments],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(ROUNDS)
    ]
    return min(run[0] for run in runs), max(run[1] for run in runs)


def own_clock(code: str) -> float:
    """The least time that a script prints of itself."""
    runs = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(ROUNDS)
    )
    return min(float(run.stdout) for run in runs)


def warm_ms(name: str) -> float:
    """CPU milliseconds for the ten nearest words of one word."""
    index = open_words(name)
    rows = np.random.default_rng(1).integers(0, len(index.vectors), ASKED)
    asked = [index.vectors.word(int(row)) for row in rows]
    index.neighbors(asked[0])
    before = time.process_time()
    for word in asked:
        index.neighbors(word)
    return (time.process_time() - before) / ASKED * 1000


def beside_gensim(folder: Path) -> None:
    binary, native = folder / "es.bin", folder / "es.kv"
    words.export("es", binary)
    from gensim.models import KeyedVectors

    vectors = KeyedVectors.load_word2vec_format(str(binary), binary=True)
    vectors.save(str(native))
    ours = own_clock(OURS)
    print(f"{'open, first neighbours: ours':44} {ours:.2f} CPU s")
    for label, load in (
        ("gensim, its own format mapped", f"load({str(native)!r}, mmap='r')"),
        ("gensim, word2vec binary", f"load_word2vec_format({str(binary)!r}, binary=True)"),
    ):
        peer = own_clock(GENSIM.format(load=load))
        print(f"{label:44} {peer:.2f} CPU s, {peer / ours:.1f} times ours")
    asked = [vectors.index_to_key[i] for i in range(0, len(vectors), len(vectors) // ASKED)]
    vectors.most_similar(asked[0])
    before = time.process_time()
    for word in asked:
        vectors.most_similar(word, topn=10)
    peer_ms = (time.process_time() - before) / len(asked) * 1000
    own_ms = warm_ms("es")
    print(f"{'neighbours of one word: ours':44} {own_ms:.2f} CPU ms")
    print(f"{'neighbours of one word: gensim':44} {peer_ms:.2f} CPU ms")


def write_made(path: Path, count: int) -> None:
    """A word2vec file of `count` made words in clusters, as real words stand in clusters."""
    generator = np.random.default_rng(1)
    centres = generator.standard_normal((CLUSTERS, DIM), np.float32)
    with path.open("wb") as file:
        file.write(f"{count} {DIM}\n".encode())
        for start in range(0, count, 10_000):
            size = min(10_000, count - start)
            rows = centres[generator.integers(0, CLUSTERS, size)]
            rows = rows + generator.standard_normal((size, DIM), np.float32)
            for i, row in enumerate(rows):
                file.write(f"palabra{start + i} ".encode() + row.astype("<f4").tobytes())


def imported(folder: Path, count: int) -> None:
    made = folder / "made.bin"
    write_made(made, count)
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from retrieve.indexes.words import stores as words\n"
        "words.add(Path(sys.argv[1]), 'made', language='none')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(made)], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{f'add {count} × {DIM}':44} {spent:.0f} CPU s, peak {float(done.stdout):.0f} MB")
    size = words.locate("made").stat().st_size / 1e6
    seconds, memory = cold(*CLI, "neighbors", "palabra77", "--vectors", "made")
    print(f"{'cold neighbours there':44} {seconds:.2f} CPU s, {memory:.0f} MB; file {size:.0f} MB")
    print(f"{'warm neighbours there':44} {warm_ms('made'):.2f} CPU ms")
    index = open_words("made")
    probes = index.vectors.vectors(range(0, count, count // 100))
    exact = CodeIndex(index.vectors.codes, index.vectors.scales).nearest(probes, 10)[1]
    found = index.nearest(probes, 10)[1]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)])
    print(f"{'recall@10 against exact search':44} {recall:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--imported", type=int, default=0, metavar="N")
    count = parser.parse_args().imported
    with tempfile.TemporaryDirectory() as name:
        os.environ["RETRIEVE_WORDS"] = str(Path(name, "store"))
        seconds, memory = cold(*CLI, "analogy", "rey", "hombre", "mujer")
        print(f"{'cold retrieve analogy':44} {seconds:.2f} CPU s, {memory:.0f} MB")
        beside_gensim(Path(name))
        if count:
            imported(Path(name), count)


if __name__ == "__main__":
    main()
