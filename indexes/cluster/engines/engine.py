"""What an engine is asked to do; engines/local.py and engines/ray.py do it.

A task is a function of a module with arguments that can be pickled: paths and numbers, no pixels.
It runs in another process, on whichever machine, and may run twice: where a process or a machine
was lost it is run again, so a task does a second time only what the first has not done.

A question is a function of a module, too. It is asked of a shard's collection, which its server has
open already, with its index in memory: question(collection, *args).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from retrieve.indexes.cluster.answers import Answers

T = TypeVar("T")

TRIES = 3  # of a task whose process or machine was lost
FAILED = "the task failed: "  # begins why, where it raised what nobody foresaw


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """How one task ended.

    job     its place among the jobs
    result  what it returned; None if it failed
    error   why it failed, "" if it did not: it raised, or was lost TRIES times
    """

    job: int
    result: T | None
    error: str = ""


class Closed(Exception):
    """Servers were let go, and nobody was asked: another thread has begun others by now."""


class Servers(Protocol):
    """The shards of a cluster, open and waiting for questions."""

    @property
    def folders(self) -> Mapping[int, Path]:
        """Where they lie, by number."""
        ...

    @property
    def shards(self) -> Sequence[int]:
        """Their numbers."""
        ...

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """Ask shards at the same time: question(collection, *args, *each[number]).

        of        numbers of the shards that are asked; None for all, or all of `each`
        each      what only one shard is asked with, by its number
        raises    Closed after close(), where that lets them go
        """
        ...

    def close(self) -> None:
        """Let them go; what serves other clients, too, stays."""
        ...


class Engine(Protocol):
    """Where tasks run and shards are served."""

    @property
    def name(self) -> str:
        """As it is asked for: local, ray."""
        ...

    def run(
        self, task: Callable[..., T], jobs: Iterable[Sequence[Any]], *, workers: int | None = None
    ) -> Generator[Done[T]]:
        """Run task(*job) for each job, as they end; jobs are taken when there is room for them.

        workers  tasks at a time; None is what the machines have room for
        Closing the iterator ends the tasks that run.
        """
        ...

    def serve(self, folders: Mapping[int, Path], *, copy: int = 0) -> Servers:
        """Servers of shards by number, begun where they are not there yet.

        copy  which copy of each lies in these folders: copies of a shard are served on different
              machines where there are several
        """
        ...

    def end_servers(self) -> int:
        """End the servers of this cluster's shards that stay when a command ends, whoever began
        them: before another process, or another machine, opens the shards to write. Returns how
        many there were.
        """
        ...

    def close(self) -> None:
        """Let go of what the engine holds."""
        ...
