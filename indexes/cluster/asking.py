"""What the rooms of a cluster ask of it: they lie below the class that puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from retrieve.indexes.building.networks import Networks
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.engines.engine import Engine, Servers
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.search.texts import Encoding
from retrieve.indexes.vectors.spaces import Space

T = TypeVar("T")


class Asking(Protocol):
    """A cluster whose shards can be asked and written; cluster.py has what each of these does."""

    path: Path
    networks: Networks
    encoding: Encoding
    manifest: Manifest
    engine_of_tasks: Engine
    require_all: bool

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """Ask shards, as Servers.ask()."""
        ...

    def look(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """Ask the shards that have something; what they say is not kept in `answered`."""
        ...

    @property
    def numbers(self) -> Sequence[int]:
        """Of its shards."""
        ...

    @property
    def servers(self) -> Servers:
        """The shards, served."""
        ...

    def servers_of(self, copy: int) -> Servers:
        """Another copy of each shard that has one, served."""
        ...

    def forget_servers(self) -> None:
        """Let all servers go."""
        ...

    def changing(self) -> AbstractContextManager[None]:
        """Be the one who changes the cluster while the block lasts."""
        ...

    def space(self, name: str) -> Space | None:
        """What all shards' embeddings of a kind are made by; None before there are any."""
        ...
