"""The engine of several machines: tasks and servers of shards on a Ray cluster.

Plain tasks and actors alone: pools of actors hang after too many faults (ray#41258). What is lost
with a process or a machine is begun again here and not by Ray, which would do so without end where
memory ran out. Paths and answers travel as pickles of ours, so that arrays arrive as they would
from a thread: in memory of one's own, to be written.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from retrieve.errors import CollectionError, RetrievalError, unforeseen
from retrieve.indexes.cluster.engines import joining
from retrieve.indexes.cluster.engines.engine import FAILED, TRIES, Done
from retrieve.indexes.cluster.engines.heads import Head
from retrieve.indexes.cluster.engines.serving import RayServers, check_version, end_servers

T = TypeVar("T")

LOOK_S = 1.0  # between two looks at how much room there is: machines come and go
LONELY_S = 60.0  # that no machine with a core may be there
END_S = 10.0  # that a task has to end by itself


class RayEngine:
    """Tasks and servers on the Ray cluster that RAY_ADDRESS names.

    cluster  id of the cluster whose shards are served: all commands that name it use the same
    raises   as joining.join()
    """

    name = "ray"

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._ray = joining.join()
        self._joined = True
        self._head = Head(self._ray, joining.address(self._ray))

    def run(
        self, task: Callable[..., T], jobs: Iterable[Sequence[Any]], *, workers: int | None = None
    ) -> Generator[Done[T]]:
        """As Engine.run(); None is a task a core of all machines.

        raises  CollectionError if there is no machine left that has a core, or the head is gone
        """
        ray = self._ray
        work = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_work)
        waiting = iter(enumerate(jobs))
        again: deque[tuple[int, bytes, int]] = deque()
        busy: dict[Any, tuple[int, bytes, int]] = {}  # by what is waited for
        ended: deque[Done[T]] = deque()
        seen = time.monotonic()
        try:
            while True:
                self._head.check()
                cores = self._head.cores()
                if cores:
                    seen = time.monotonic()
                elif time.monotonic() - seen > LONELY_S:
                    raise CollectionError(
                        "no machine with a core is left in the Ray cluster: start one with "
                        "ray start --address HOST:PORT, and run this again"
                    )
                while len(busy) < (cores if workers is None else workers):
                    following = again.popleft() if again else None
                    if following is None:
                        new = next(waiting, None)
                        if new is None:
                            break
                        following = (new[0], pickle.dumps((task, tuple(new[1]))), 1)
                    ref = work.options(name=task.__name__).remote(version("retrieve"), following[1])
                    busy[ref] = following
                # Now that all work again: whoever is told may take long over it.
                while ended:
                    yield ended.popleft()
                if not busy and cores:
                    return
                for ref in ray.wait(list(busy), timeout=LOOK_S)[0] if busy else ():
                    job, blob, tries = busy.pop(ref)
                    try:
                        result, error = pickle.loads(ray.get(ref))
                    except ray.exceptions.RayTaskError:  # not of the task, which _work catches
                        raise
                    except ray.exceptions.RayError as lost:
                        if tries < TRIES:
                            again.append((job, blob, tries + 1))
                        else:
                            why = f"its process or machine was lost {tries} times"
                            ended.append(Done(job, None, f"{why} ({joining.line(lost)})"))
                        continue
                    ended.append(Done(job, result, error))
        finally:
            self._end(list(busy))

    def serve(self, folders: Mapping[int, Path], *, copy: int = 0) -> RayServers:
        """As Engine.serve(): an actor a shard, which stays when this process ends."""
        return RayServers(self._ray, self._cluster, folders, copy, self._head)

    def end_servers(self) -> int:
        """As Engine.end_servers()."""
        return end_servers(self._ray, self._cluster)

    def close(self) -> None:
        """Leave the Ray cluster."""
        if self._joined:
            self._joined = False
            self._head.end()
            joining.leave(is_there=not self._head.is_gone)

    def _end(self, busy: list[Any]) -> None:
        """End tasks: what they do at Ctrl-C, and after a while without being asked."""
        if self._head.is_gone:
            return
        for force in (False, True):
            for ref in busy:
                self._ray.cancel(ref, force=force)
            if busy:
                _, busy = self._ray.wait(busy, num_returns=len(busy), timeout=END_S)


def _work(asker: str, blob: bytes) -> bytes:
    """What became of a task, as a pickle: its result, and what went wrong."""
    try:
        check_version(asker)
        task, args = pickle.loads(blob)
        told = task(*args), ""
    except RetrievalError as error:
        told = None, str(error)
    except Exception as error:
        told = None, unforeseen(error, FAILED)
    return pickle.dumps(told)
