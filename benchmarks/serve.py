"""`retrieve serve` under load, on a collection of made faces: python -m benchmarks.serve [--rows N]

Fifty programs search at once, each behind its last answer, first alone and then while `retrieve
index` stores a drawn album into the same collection: throughput, the middle and the worst hundredth
of the times, beside a cold `retrieve search --face-id`. Then ten thousand requests one behind the
other, and what the server's memory is after each thousand. At the beginning, what a cold server
takes for its first page, and how much that page weighs with all that it loads.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from benchmarks.collection import cold, fill, say
from benchmarks.watched import cpu_s, memory_mb
from retrieve.indexes.collection import open_collection
from retrieve.sample_data.album import write_album
from retrieve.sample_data.archive import write_texts

CLI = (sys.executable, "-m", "retrieve.cli")
AT_ONCE = 50
SEARCHES = 1000
REQUESTS = 10_000
PICTURED = 100  # faces that collection.fill() gives a picture
WORDS = ("boda en Zaragoza", "el río se desbordó", "fiesta", "la escuela", "cosecha de azafrán")
STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@dataclass(frozen=True, slots=True)
class Server:
    """Where one listens, its token, and its process."""

    host: str
    port: int
    token: str
    pid: int

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept."""
        return http.client.HTTPConnection(self.host, self.port)

    def ask(
        self, connection: http.client.HTTPConnection, path: str, body: object | None = None
    ) -> bytes:
        """What is answered; an error of the server ends the benchmark."""
        headers = {"Authorization": f"Bearer {self.token}"}
        content = None
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request("GET" if body is None else "POST", path, content, headers)
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {found[:300]!r}")
        return found


@contextmanager
def serving(where: Path) -> Iterator[Server]:
    """A server of that collection, until the block ends."""
    command = [*CLI, "serve", "--collection", str(where), "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        address = urlsplit(told["address"])
        assert address.hostname is not None
        assert address.port is not None
        yield Server(address.hostname, address.port, told["token"], process.pid)
    finally:
        process.terminate()
        process.wait()


def make(where: Path, rows: int) -> None:
    """Made faces, and the village's papers for words."""
    with open_collection(where, create=True) as collection:
        collection.begin()
        fill(collection, rows)
        collection.engine.build()
    with tempfile.TemporaryDirectory() as texts:
        write_texts(Path(texts))
        with open_collection(where) as collection:
            collection.index([texts])


def first_page(where: Path) -> None:
    """Of a cold server: its first page, and all that this loads."""
    took, weight = [], 0
    for _ in range(5):
        with serving(where) as server:
            connection = server.connect()
            before = time.perf_counter()
            page = server.ask(connection, "/")
            took.append(time.perf_counter() - before)
            weight = len(page) + sum(
                len(server.ask(connection, path)) for path in STATIC.findall(page.decode())
            )
    say(
        "first page of a cold server",
        f"{1000 * sorted(took)[2]:.0f} ms, worst of 5 {1000 * max(took):.0f}; "
        f"{weight / 1000:.0f} kB with all that it loads",
    )


def load(server: Server, rows: int, title: str) -> None:
    """Fifty at once: every second search is for a stored face, the others for words."""
    rng = random.Random(1)
    asked: list[dict[str, object]] = [
        {"face_id": rng.randint(1, PICTURED), "threshold": -1}
        if i % 2
        else {"query": rng.choice(WORDS)}
        for i in range(SEARCHES)
    ]
    shares = [asked[i::AT_ONCE] for i in range(AT_ONCE)]

    def one(share: list[dict[str, object]]) -> list[float]:
        connection, took = server.connect(), []
        for body in share:
            before = time.perf_counter()
            server.ask(connection, "/api/v1/search", body)
            took.append(time.perf_counter() - before)
        return took

    cpu, before = cpu_s(server.pid) or 0.0, time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        times = np.array([t for some in pool.map(one, shares) for t in some]) * 1000
    wall = time.perf_counter() - before
    used = (cpu_s(server.pid) or 0.0) - cpu
    middle, worst = np.percentile(times, [50, 99])
    say(
        title,
        f"{SEARCHES / wall:.0f} searches a second, p50 {middle:.0f} ms, p99 {worst:.0f} ms; "
        f"{1000 * used / SEARCHES:.1f} CPU ms each in the server",
    )


def while_indexing(server: Server, where: Path, rows: int, photos: Path | None) -> None:
    """The same while `retrieve index` stores an album, a drawn one if none is given."""
    with tempfile.TemporaryDirectory() as folder:
        album = photos or Path(folder, "album")
        if photos is None:
            write_album(album, people=8, photos=60, seed=3)
        command = [*CLI, "index", str(album), "--collection", str(where), "--processes", "1"]
        indexing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)  # it has begun
        load(server, rows, "50 at once while an index runs")
        running = indexing.poll() is None
        say("the index run", "was under way to the end" if running else "ended before")
        indexing.wait()


def flat(server: Server, rows: int) -> None:
    """Memory over many requests: pages, searches, photos, faces."""
    rng, connection = random.Random(2), server.connect()
    for i in range(REQUESTS + 1):
        if i % (REQUESTS // 10) == 0:
            say(f"memory after {i:,} requests", f"{memory_mb(server.pid)[1]:.0f} MB of its own")
        match i % 4:
            case 0:
                server.ask(connection, f"/?q={rng.choice(('boda', 'fiesta', 'escuela'))}")
            case 1:
                body = {"face_id": rng.randint(1, PICTURED), "threshold": -1}
                server.ask(connection, "/api/v1/search", body)
            case 2:
                server.ask(connection, f"/api/v1/photos/{rng.randint(1, rows)}")
            case _:
                server.ask(connection, f"/api/v1/faces/{rng.randint(1, PICTURED)}/image")


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000, metavar="N")
    parser.add_argument("--at", type=Path, help="keep the collection there, or use the one there")
    parser.add_argument("--album", type=Path, help="photos to index meanwhile; else drawn ones")
    parser.add_argument("--only", choices=("first", "load", "memory"), help="this alone")
    arguments = parser.parse_args()
    parts = [arguments.only] if arguments.only else ["first", "load", "memory"]
    with tempfile.TemporaryDirectory() as name:
        where = arguments.at or Path(name, "collection")
        if not where.exists():
            make(where, arguments.rows)
        os.environ["RETRIEVE_COLLECTION"] = str(where)
        if "first" in parts:
            spent, peak = cold(
                "-m", "retrieve.cli", "search", "--face-id", "7", "--threshold", "-1"
            )
            say("a cold retrieve search --face-id", f"{1000 * spent:.0f} CPU ms, {peak:.0f} MB")
            first_page(where)
        with serving(where) as server:
            if "load" in parts:
                load(server, arguments.rows, "50 at once")
                while_indexing(server, where, arguments.rows, arguments.album)
            if "memory" in parts:
                flat(server, arguments.rows)


if __name__ == "__main__":
    main()
