"""Shards under load: plain actors of Ray, which the engine has, beside deployments of Ray Serve.

    python -m benchmarks.cluster load [--shards 4] [--rows 50000] [--seconds 10]

A head and a node of one core each on this machine. Clients ask, each as soon as it has its answer,
every shard for the ten nearest of a probe; the same server answers in both cases, and the question
goes out by the same pickle. CPU is that of the clients and of all that Ray runs. Ray Serve is
measured where ray[serve] is installed.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import built, nodes
from benchmarks.made import Made
from retrieve.indexes.cluster.engines import serving
from retrieve.indexes.cluster.engines.ray import RayEngine
from retrieve.indexes.collection import Collection
from retrieve.types import Embeddings

K = 10
CLIENTS = (1, 4, 16)
WARM = 20  # questions before it counts
ROOT = Path(__file__).parents[2]


def options(parser: argparse.ArgumentParser) -> None:
    """What is asked for on the command line."""
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--rows", type=int, default=50_000, metavar="N", help="of a shard")
    parser.add_argument("--dim", type=int, default=128, metavar="D")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")


def run(given: argparse.Namespace) -> None:
    """Ask both under the same load, and print what each takes."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # nodes import nearest() from here
    with tempfile.TemporaryDirectory() as folder, nodes.cluster() as ray:
        os.environ |= ray.environment
        cluster = built.cluster_of(Path(folder), given.shards, given.rows, given.dim)
        shards = {n: cluster / built.SHARDS / f"{n:04}" for n in range(given.shards)}
        probes = Made(given.shards * given.rows, given.dim).sample(1000, 0)
        print(f"{given.shards} shards of {given.rows:,} x {given.dim}, two nodes of a core each")
        with closing(RayEngine("load")) as engine:
            servers = engine.serve(shards)

            def ask(probe: Embeddings) -> int:
                return len(servers.ask(nearest, probe).all())

            _measure("plain actors", ask, probes, given, ray)
            engine.end_servers()
            if find_spec("grpc_reflection") is None:
                print("  ray[serve] is not installed: pip install 'ray[serve]'")
                return
            serve, handles = _deployed(shards)

            def through_serve(probe: Embeddings) -> int:
                asked, more = pickle.dumps((nearest, (probe,))), pickle.dumps(())
                told = [one.ask.remote(version("retrieve"), asked, more) for one in handles]
                return len([pickle.loads(one.result()) for one in told])

            _measure("Ray Serve", through_serve, probes, given, ray)
            serve.shutdown()


def nearest(collection: Collection, probe: Embeddings) -> list[tuple[int, float]]:
    """A question: ids and scores of the faces nearest to one."""
    (hits,) = collection.nearest(probe, k=K)
    return [(hit.face_id, hit.score) for hit in hits]


def _measure(
    name: str,
    ask: Callable[[Embeddings], int],
    probes: Embeddings,
    given: argparse.Namespace,
    ray: Any,
) -> None:
    for number in range(WARM):
        assert ask(probes[number : number + 1]) == given.shards
    for clients in CLIENTS:
        before, began = _cpu_s(ray), time.perf_counter()
        took: list[float] = []

        def client(first: int, until: float, took: list[float] = took) -> None:
            number = first
            while time.perf_counter() < until:
                at = time.perf_counter()
                ask(probes[number % len(probes)][None])
                took.append(time.perf_counter() - at)
                number += 1

        threads = [
            threading.Thread(target=client, args=(i * 50, began + given.seconds))
            for i in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall, cpu = time.perf_counter() - began, _cpu_s(ray) - before
        p50, p99 = np.percentile(took, [50, 99]) * 1e3
        line = f"  {name:14} {clients:3} clients {len(took) / wall:7.1f} questions/s"
        line += f"   median {p50:6.1f} ms   p99 {p99:6.1f} ms"
        print(f"{line}   {cpu / len(took) * 1e3:6.1f} CPU ms each", flush=True)


def _deployed(shards: dict[int, Path]) -> tuple[Any, list[Any]]:
    """The same server as a deployment a shard; without the HTTP that Ray Serve brings."""
    from ray import serve

    serve.start(proxy_location="Disabled")
    deployment = serve.deployment(
        max_ongoing_requests=serving.THREADS, ray_actor_options={"num_cpus": 0}
    )(_Deployed)
    return serve, [
        serve.run(deployment.bind(str(folder)), name=f"shard{number}", route_prefix=None)
        for number, folder in shards.items()
    ]


class _Deployed(serving.Server):
    """It, under a name that can be imported."""


def _cpu_s(ray: Any) -> float:
    return time.process_time() + float(sum(ray.cpu_s(node) for node in (0, 1)))
