"""Texts by the ten thousand: what indexing takes, what a kill costs, what a huge file needs.

    python -m benchmarks.passages                      100,000 passages
    python -m benchmarks.passages --passages 10000     a sample

Files of Spanish novels, or of the village archive where the corpora are absent, are indexed by
`retrieve index` with the shipped encoder: a tenth of them and all of them, then all in one
file. The run is killed with SIGKILL at random times and begun again; after each kill, and at the
end, what is stored is compared with a run that nobody disturbed: every passage once, with
its text, its words and its embedding. Ends with 1 if anything was lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents import repeated
from benchmarks.watched import Use, cpu_s, descendants, watched
from retrieve.documents.passages import count_words
from retrieve.indexes.collection import open_collection
from retrieve.indexes.upkeep.check import check

CORPORA = Path(__file__).parents[2] / "shared" / "text" / "corpora"
NOVELS = ("eltec_spa.txt.xz", "conssa.txt.xz", "conha19.txt.xz")
WORDS = 78  # of a passage, on average
FILE_PASSAGES = 300  # of a file, about
RETRIEVE = (sys.executable, "-m", "retrieve.cli")
TIME_LIMIT_S = 900  # for the huge file: reading it takes 7 CPU s, on a busy machine many more
ORPHANS_S = 10.0  # in which the processes of one that was killed have to end
TOLERANCE = 1e-5  # of an embedding: it is summed in another order in another batch

Stored = dict[tuple[str, int], tuple[int, str]]  # SHA-256 and number → row, digest of its text


def paragraphs() -> Iterator[str]:
    """Of novels, without end; the same ones are told apart by a number."""
    for n in count():
        for name in NOVELS if CORPORA.is_dir() else ():
            with lzma.open(CORPORA / name, "rt", encoding="utf-8") as lines:
                yield from (f"{line.strip()} {n or ''}".strip() for line in lines if line.strip())
        if not CORPORA.is_dir():
            yield from (f"{block} {n}" for block in repeated(1))


def write(folder: Path, passages: int) -> list[Path]:
    """Files of about so many passages in all."""
    folder.mkdir()
    files: list[Path] = []
    block: list[str] = []
    words = 0
    for text in paragraphs():
        block.append(text)
        words += count_words(text)
        if words >= FILE_PASSAGES * WORDS:
            files.append(folder / f"{len(files):05}.txt")
            files[-1].write_text("\n\n".join(block), encoding="utf-8")
            block, words = [], 0
            if len(files) * FILE_PASSAGES >= passages:
                return files
    raise AssertionError("no end")


def started(collection: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """A command of retrieve, at work."""
    return subprocess.Popen(
        [*RETRIEVE, *map(str, arguments), "--collection", str(collection)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def done(collection: Path, *arguments: str | Path) -> tuple[float, Use]:
    """Such a command to its end: seconds and what it took."""
    began = time.monotonic()
    process = started(collection, *arguments)
    use = watched(process)
    if process.returncode:
        assert process.stderr is not None
        raise SystemExit(process.stderr.read().decode())
    return time.monotonic() - began, use


def stored(collection: Path) -> Stored:
    """Every committed passage; one that is there twice has the row -1."""
    found: Stored = {}
    if not (collection / "catalog.sqlite").exists():
        return found
    with closing(sqlite3.connect(collection / "catalog.sqlite")) as conn:
        if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'passages'").fetchall():
            return found
        query = (
            "SELECT sha256, number, row, text, body FROM passages JOIN contents "
            "ON contents.id = content_id LEFT JOIN stems ON stems.rowid = passages.id"
        )
        for sha256, number, row, text, body in conn.execute(query):
            digest = hashlib.sha256(f"{text}\0{body}".encode()).hexdigest()
            key = (sha256, number)
            found[key] = (-1 if key in found else row, digest)
    return found


def embeddings(collection: Path, passages: Stored) -> NDArray[np.float32]:
    """(N, D) of the passages, in the order of their keys."""
    with open_collection(collection, read_only=True) as opened:
        gallery = opened.texts.vectors.gallery()
        return np.array(gallery[[row for _, (row, _) in sorted(passages.items())]])


def texts(passages: Stored) -> dict[tuple[str, int], str]:
    return {key: digest for key, (_, digest) in passages.items()}


def kill(process: subprocess.Popen[bytes]) -> list[int]:
    """SIGKILL it; returns the processes below it that did not end by themselves."""
    below = descendants(process.pid)[1:]
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + ORPHANS_S
    while (left := [pid for pid in below if cpu_s(pid) is not None]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


def killed(collection: Path, folder: Path, whole: Stored, takes_s: float, kills: int) -> list[str]:
    """Index under kills at random times; returns all that is not as it should be."""
    rng, wrong = random.Random(1), []
    had: Stored = {}
    for _ in range(kills):
        process = started(collection, "index", folder)
        time.sleep(rng.uniform(0.05, 2 / kills) * takes_s)
        ended = process.poll() is not None
        orphans = kill(process)
        held = stored(collection)
        lost = texts(had).items() - texts(held).items()
        strange = texts(held).items() - texts(whole).items()
        doubled = sum(row < 0 for row, _ in held.values())
        print(
            f"  {'ended before' if ended else 'killed'}: {len(held)} passages committed, "
            f"{len(lost)} lost, {doubled} doubled, {len(strange)} strange, "
            f"{len(orphans)} processes left",
            flush=True,
        )
        wrong += ["lost" for _ in lost] + ["strange" for _ in strange] + ["doubled"] * doubled
        wrong += [f"process {pid} goes on" for pid in orphans]
        had = held
        if ended:
            break
    done(collection, "index", folder)
    return wrong


def compared(collection: Path, held: Stored, whole: Path, expected: Stored) -> list[str]:
    """What distinguishes a collection from another one of the same files."""
    if texts(held) != texts(expected) or any(row < 0 for row, _ in held.values()):
        return [f"{len(held)} passages, not {len(expected)}, or others"]
    apart = float(np.abs(embeddings(collection, held) - embeddings(whole, expected)).max())
    print(f"  the same {len(held)} passages; embeddings differ by {apart:.1e} at the most")
    with open_collection(collection) as opened:
        wrong = [finding.what for finding in check(opened)]
    return wrong + (["embeddings differ"] if apart > TOLERANCE else [])


def told(what: str, passages: int, taken: tuple[float, Use]) -> None:
    seconds, use = taken
    speed = f"{passages / use.cpu_s:6.0f} passages a CPU s" if passages else ""
    print(
        f"{what:28s}{seconds:7.1f} s {use.cpu_s:7.1f} CPU s {use.peak_mb:6.0f} MB, without mapped "
        f"files {use.own_mb:4.0f} {speed}",
        flush=True,
    )


def index_cache(collection: Path) -> None:
    """Make the search index of passages anew and say what it took."""
    with open_collection(collection) as opened:
        opened.texts.engine.drop()
        before = time.process_time()
        if opened.texts.engine.build():
            file = opened.texts.engine.recorded()
            assert file is not None
            print(
                f"index of {file.covered} embeddings: {time.process_time() - before:.1f} CPU s, "
                f"{file.size_bytes / file.covered:.1f} bytes each"
            )
        else:
            print("no search index: so few embeddings are all scored")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=6)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, files = folder / "few", write(folder / "files", asked.passages)
        few.mkdir()
        for path in files[: max(1, len(files) // 10)]:
            shutil.copy(path, few)
        whole = folder / "whole"
        taken = done(folder / "tenth", "index", few)
        tenth = len(stored(folder / "tenth"))
        print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB")
        told(f"{tenth} passages", tenth, taken)
        taken = done(whole, "index", folder / "files")
        expected = stored(whole)
        told(f"{len(expected)} passages", len(expected), taken)
        told("again, nothing new", 0, done(whole, "index", folder / "files"))
        index_cache(whole)

        cut = folder / "cut"
        wrong = killed(cut, folder / "files", expected, taken[0], asked.kills)
        wrong += compared(cut, stored(cut), whole, expected)

        huge = folder / "huge" / "one.txt"
        huge.parent.mkdir()
        huge.write_text("\n\n".join(path.read_text("utf-8") for path in files), "utf-8")
        one = folder / "one"
        taken = done(one, "index", huge, "--time-limit", str(TIME_LIMIT_S))
        held = len(stored(one))
        if abs(held - len(expected)) > len(files):  # passages end elsewhere where files did
            wrong.append(f"{held} passages of one file, {len(expected)} of its parts")
        told(f"one file of {huge.stat().st_size / 1e6:.0f} MB", held, taken)
        told("forget it", 0, done(one, "forget", huge, "--yes"))
        told("forget one of the files", 0, done(whole, "forget", files[0], "--yes"))
        told("another one, and verify", 0, done(whole, "forget", files[1], "--yes", "--verify"))
    for each in wrong[:10]:
        print(f"WRONG: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
