"""Shards served by actors of a Ray cluster, one each, that stay when the command has ended.

They are found again by name: cluster, shard, folder. An actor that dies with its machine is begun
on another. It opens its shard at the first question, and anew if another lies there by then.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

from retrieve.errors import BadInput, CollectionError, RetrievalError
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.engines import joining
from retrieve.indexes.cluster.engines.heads import Head
from retrieve.indexes.cluster.engines.shard import Ended, Shard

T = TypeVar("T")

THREADS = 4  # questions at a time that an actor answers
LIFE = "life"  # group of calls that are answered while all threads work
LOOK_S = 5.0  # between two looks at whether a server that works still lives
INLINE_BYTES = 65_536  # of a question that goes along with each call
SILENT_S = 60.0  # without a sign of life; to start one takes 20 s on a machine at work
CLOSE_S = 8.0  # that a server which is to end has to answer what it was asked
END_S = 10.0  # and to close its shard; then, that its process has to end
BEGIN_S = 30.0  # that a question waits for servers which somebody ended to begin anew
AGAIN_S = 0.05  # between two tries

Told = tuple[Literal["given", "refused", "lost", "ended"], Any]


class RayServers:
    """The actors of one copy of each shard, begun where they are not there yet."""

    def __init__(
        self, ray: Any, cluster: str, folders: Mapping[int, Path], copy: int, head: Head
    ) -> None:
        self._ray = ray
        self._head = head
        self._cluster = cluster
        self.folders = dict(folders)
        self._copy = copy
        nodes = _nodes(ray)
        self._actors = {number: self._begun(number, nodes) for number in self.folders}

    @property
    def shards(self) -> Sequence[int]:
        """Their numbers."""
        return sorted(self.folders)

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """As Servers.ask(). A server may take its time over an answer; one that gives no sign of
        life for SILENT_S gives none.
        raises  CollectionError if the head of the Ray cluster is gone
        """
        numbers = sorted(
            each if of is None and each is not None else self.shards if of is None else of
        )
        asked: Any = pickle.dumps((question, args))
        if len(asked) > INLINE_BYTES:
            asked = self._ray.put(asked)  # once for all
        given: dict[int, T] = {}
        refused: dict[int, RetrievalError] = {}
        missing: dict[int, str] = {}
        pending: dict[Any, int] = {}
        for number in numbers:
            if number in self.folders:
                pending[self._asked(number, asked, each)] = number
            else:
                missing[number] = "nobody serves it"
        ended: dict[int, float] = {}  # since when somebody has them ended
        signs = _Signs(self._ray)
        while pending:
            done, _ = self._ray.wait(list(pending), timeout=LOOK_S)
            for ref in done:
                number = pending.pop(ref)
                try:
                    kind, what = pickle.loads(self._ray.get(ref))
                except self._ray.exceptions.RayTaskError:  # a fault of the question's
                    raise
                except self._ray.exceptions.ActorDiedError as error:
                    kind, what = "ended", joining.line(error)
                except self._ray.exceptions.RayError as error:
                    kind, what = "lost", f"its server was lost ({joining.line(error)})"
                if kind == "ended":
                    if time.monotonic() - ended.setdefault(number, time.monotonic()) > BEGIN_S:
                        missing[number] = f"its server was ended ({what})"
                        continue
                    # Under its name it may still be found for a while, as one that ends.
                    time.sleep(AGAIN_S)
                    self._actors[number] = self._begun(number, _nodes(self._ray))
                    pending[self._asked(number, asked, each)] = number
                elif kind == "given":
                    given[number] = what
                elif kind == "refused":
                    refused[number] = what
                else:
                    missing[number] = what
            self._head.check()
            if not done:
                silent = signs.silent({number: self._actors[number] for number in pending.values()})
                for ref, number in list(pending.items()):
                    if number in silent:
                        del pending[ref]
                        missing[number] = f"its server gave no sign of life for {SILENT_S:.0f} s"
        return Answers(given, refused, missing)

    def close(self) -> None:
        """Nothing is let go: they serve other commands, too; end_servers() ends them."""

    def _asked(self, number: int, asked: Any, each: Mapping[int, Sequence[Any]] | None) -> Any:
        more = pickle.dumps(tuple((each or {}).get(number, ())))
        return self._actors[number].ask.remote(version("retrieve"), asked, more)

    def _begun(self, number: int, nodes: Sequence[str]) -> Any:
        """The actor of a shard; copies of one are on different machines if there are several."""
        folder = self.folders[number].absolute()
        options: dict[str, Any] = {
            "name": f"{_named(self._cluster)}{number}/{_hash(folder)}",
            "namespace": joining.NAMESPACE,
            "get_if_exists": True,
            "lifetime": "detached",
            "num_cpus": 0,  # else it would hold a core while nobody asks
            "max_restarts": -1,
            "max_task_retries": 0,
            "max_concurrency": THREADS,
        }
        if nodes:
            node = nodes[(number + self._copy) % len(nodes)]
            # Of actors NodeAffinitySchedulingStrategy(soft=True) is not heeded (ray 2.60).
            options["label_selector"] = {"ray.io/node-id": node}
            options["fallback_strategy"] = [{"label_selector": {}}]  # when that one is lost
        server = self._ray.remote(concurrency_groups={LIFE: 1})(Server)
        begun = server.options(**options).remote(str(folder))
        begun.open.remote()  # while the question is on its way, or for when another copy is lost
        return begun


class _Signs:
    """Which servers still live: each is asked while it works, and has to say so."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._asked: dict[int, Any] = {}
        self._heard: dict[int, float] = {}
        self._since = time.monotonic()

    def silent(self, actors: Mapping[int, Any]) -> set[int]:
        """Those of which nothing was heard for SILENT_S."""
        now = time.monotonic()
        for number, actor in actors.items():
            ref = self._asked.get(number)
            if ref is not None and self._ray.wait([ref], timeout=0)[0]:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.get(ref)
                    self._heard[number] = now
                ref = None
            if ref is None:
                alive = actor.alive.options(concurrency_group=LIFE)
                self._asked[number] = alive.remote()
        return {
            number for number in actors if now - self._heard.get(number, self._since) > SILENT_S
        }


def end_servers(ray: Any, cluster: str) -> int:
    """End all servers of a cluster's shards, whoever began them; returns how many there were."""
    found = ray.util.list_named_actors(all_namespaces=True)
    names = sorted(
        one["name"]
        for one in found
        if one["namespace"] == joining.NAMESPACE and one["name"].startswith(_named(cluster))
    )
    actors = []
    for name in names:
        with suppress(ValueError):  # somebody else ended it just now
            actors.append(ray.get_actor(name, namespace=joining.NAMESPACE))
    closing = [actor.let_go.options(concurrency_group=LIFE).remote() for actor in actors]
    if closing:
        ray.wait(closing, num_returns=len(closing), timeout=END_S)
    for actor in actors:
        ray.kill(actor)  # which does not wait
    until = time.monotonic() + END_S
    for actor in actors:
        while _answers(ray, actor, until):
            time.sleep(AGAIN_S)
    return len(actors)


def _answers(ray: Any, actor: Any, until: float) -> bool:
    """Whether an actor that was killed still lives, or may: looked at until then."""
    left = until - time.monotonic()
    if left <= 0:
        return False
    try:
        ray.get(actor.alive.options(concurrency_group=LIFE).remote(), timeout=left)
    except ray.exceptions.ActorDiedError:
        return False
    except ray.exceptions.RayError:  # it cannot be reached just now
        pass
    return True


def check_version(asker: str) -> None:
    """Raises CollectionError unless who asks and this machine have the same retrieve."""
    ours = version("retrieve")
    if asker != ours:
        raise CollectionError(
            f"retrieve {asker} asks {os.uname().nodename}, which has {ours}: install the same on "
            "all machines of the cluster, and start Ray there again"
        )


class Server:
    """The actor: a shard, open."""

    def __init__(self, folder: str) -> None:
        self._shard = Shard(Path(folder))

    def ask(self, asker: str, asked: bytes, more: bytes) -> bytes:
        """What is told of a question, pickled: given, refused, lost and why, or ended."""
        told: Told
        with ExitStack() as stack:
            try:
                check_version(asker)
                question, args = pickle.loads(asked)
                collection = stack.enter_context(self._shard.collection())
            except Ended:
                return pickle.dumps(("ended", "it is letting its shard go"))
            except (OSError, RetrievalError, sqlite3.Error) as error:
                return pickle.dumps(("lost", str(error)))
            try:
                told = ("given", question(collection, *args, *pickle.loads(more)))
            except RetrievalError as error:
                told = ("refused", _carried(error))
            except OSError as error:
                told = ("lost", str(error))
            return pickle.dumps(told)

    def open(self) -> None:
        """Open the shard; what is wrong with it is told when something is asked."""
        with suppress(Ended, OSError, RetrievalError, sqlite3.Error), self._shard.collection():
            pass

    def alive(self) -> bool:
        """That it is."""
        return True

    def let_go(self) -> None:
        """Close the shard, and open it no more: this process is about to be ended."""
        self._shard.let_go(CLOSE_S)


def _carried(error: RetrievalError) -> RetrievalError:
    """The error, if it can be pickled and made again; else one of its kind that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a constructor says that wants more than the message
        return (BadInput if isinstance(error, BadInput) else CollectionError)(str(error))
    return error


def _nodes(ray: Any) -> list[str]:
    """Ids of the machines that servers may run on, in an order that stays: those with cores."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    with_cores = [node for node in alive if node["Resources"].get("CPU")]
    return sorted(node["NodeID"] for node in with_cores or alive)


def _named(cluster: str) -> str:
    return f"{cluster}/"


def _hash(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
