"""A cluster, opened: a collection whose photos and texts lie in many.

It is asked as any collection is. What it does over its shards stands in the rooms beside this file;
what it does not do is refused in a line that says where it can be done: in a shard, which is an
ordinary collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from retrieve.errors import BadInput
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.walk import checked_roots
from retrieve.indexes.cluster.answers import Answers
from retrieve.indexes.cluster.engines.engine import Engine, Servers
from retrieve.indexes.cluster.engines.local import LocalEngine
from retrieve.indexes.cluster.indexing.asked import Asked
from retrieve.indexes.cluster.manifest import Manifest, open_manifest
from retrieve.indexes.collection import Collection, given
from retrieve.indexes.search.texts import Encoding
from retrieve.indexes.vectors.spaces import Space

if TYPE_CHECKING:
    from types import TracebackType

    from sqlite_utils import Database

    from retrieve.indexes.building.build import OnProgress
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.opened import Opened

T = TypeVar("T")
EngineName = Literal["local", "ray"]


class Cluster(Collection):
    """An open cluster; a context manager. `retrieve.open_collection` gives one.

        with retrieve.open_collection("/mnt/archive/cluster") as cluster:
            for hit in cluster.search_faces("ana.jpg"):
                print(hit.path, hit.probability)

    Ids of faces, photos and passages are those of cluster/ids.py.

    manifest     which shards there are
    engine       where tasks run and shards are served
    require_all  a shard that gives no answer is an error; else what the others say is the answer,
                 and `answered` says how many they were
    """

    def __init__(
        self,
        manifest: Manifest,
        networks: Networks,
        encoding: Encoding,
        engine: Engine,
        *,
        replicas: int = 1,
        require_all: bool = False,
        asked: Asked | None = None,
    ) -> None:
        self.path = manifest.folder
        self.asked = asked or Asked()
        self.networks = networks
        self.encoding = encoding
        self.manifest = manifest
        self.engine_of_tasks = engine
        self.require_all = require_all
        self.answered: Answers[Any] = Answers()  # of the last question: answered.told
        self._replicas = replicas
        self._servers: Servers | None = None
        self._closed = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        return f"Cluster({str(self.path)!r}{', closed' if self._closed else ''})"

    def close(self) -> None:
        """Let the shards go; the cluster cannot be used any more."""
        self._closed = True
        self.forget_servers()
        self.engine_of_tasks.close()
        self.manifest.close()

    @property
    def opened(self) -> Opened:
        """No cluster has what this is to a collection: raises BadInput."""
        self._refuse()

    @property
    def db(self) -> Database:
        """Likewise."""
        self._refuse()

    def ask(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
        replicas: bool = False,
    ) -> Answers[T]:
        """Ask shards, as Servers.ask(); what they say is kept in `answered`.

        raises  CollectionError if require_all and one gives no answer
        """
        answers = self.servers.ask(question, *args, of=of, each=each, replicas=replicas)
        self.answered = answers
        if self.require_all:
            answers.require()
        return answers

    @property
    def servers(self) -> Servers:
        """The shards, served; begun at the first question."""
        if self._closed:
            raise BadInput(f"the cluster {self.path} was closed: open it again")
        if self._servers is None:
            folders = {one.number: one.folder for one in self.manifest.shards()}
            self._servers = self.engine_of_tasks.serve(folders, replicas=self._replicas)
        return self._servers

    def forget_servers(self) -> None:
        """Let the servers go: which shards there are has changed."""
        if self._servers is not None:
            self._servers.close()
            self._servers = None

    def space(self, name: str) -> Space | None:
        """What all shards' embeddings of a kind are made by; None before there are any. Its rows
        are 0: shards have rows.
        """
        held = self.manifest.spaces().get(name)
        return None if held is None else Space(name, name, held[0], held[1])

    # Indexing: indexing/

    def index(
        self,
        roots: Iterable[str | Path],
        *,
        processes: int | None = None,
        time_limit_s: float | None = None,
        column: str | None = None,
        retry_skipped: bool = False,
        reread: bool = True,
        exclude: Sequence[str] = (),
        pictures: bool = True,
        ocr: bool = False,
        on_progress: OnProgress | None = None,
        on_words: Callable[[int, int], None] | None = None,
        segment: int | None = None,
        tasks: int | None = None,
    ) -> Report:
        """Bring the cluster up to date with folders and files, as Collection.index() does.

        processes  of each task; None is one, and two where there is one task alone
        segment    files of a new shard; None is 5,000: minutes of one core, which is what a machine
                   that is lost costs
        tasks      at a time, each in a process of its own; None is what the engine has room for
        raises     CollectionError if a segment could not be indexed to its end: all else is, and
                   the next run goes on; or if another process is changing the cluster
        """
        from retrieve.indexes.cluster.indexing import index
        from retrieve.indexes.cluster.indexing.task import Settings

        absolute = checked_roots(given(roots))
        if ocr:
            from retrieve.pictures.written.networks import check_installed

            check_installed()
        over = index.Over(
            self.manifest,
            self.engine_of_tasks,
            lambda number, paths: self.ask(index.unknown_to, paths, of=[number]).all()[number],
            self.forget_servers,
            self._built,
        )
        settings = Settings(
            self.path,
            tuple(absolute),
            asked=self.asked,
            column=column,
            retry_skipped=retry_skipped,
            reread=reread,
            exclude=tuple(exclude),
            pictures=pictures,
            ocr=ocr,
            time_limit_s=time_limit_s,
        )
        report = index.index(
            over,
            settings,
            leaving=Leaving(absolute, exclude),
            segment_files=segment,
            processes=processes,
            tasks=tasks,
            on_progress=on_progress,
            on_words=on_words,
        )
        if not report.interrupted:
            self._settle(report)
        return report

    def _built(self, folder: Path, manifest: Manifest) -> None:
        """What is done with a collection before it is a shard, and with a shard that was brought
        up to date: the seam of people/numbering.adopt(folder, manifest), which gives persons whom
        regions in its files named their numbers in the cluster.
        """

    def _settle(self, report: Report) -> None:
        """What is done when all segments are indexed: the seam of people/settling.settle_new()."""

    def _refuse(self) -> NoReturn:
        shards = self.manifest.shards()
        where = shards[0].folder if shards else self.path / "shards"
        raise BadInput(
            f"{self.path} is a cluster, of which this cannot be asked yet; each of its "
            f"{len(shards)} shards is an ordinary collection: -c {where}"
        )


def open_cluster(
    folder: Path,
    *,
    detector: Any = None,
    embedder: Any = None,
    encoder: Any = None,
    language: str | None = None,
    device: str = "cpu",
    turns: bool | None = None,
    on_download: Any = None,
    engine: EngineName = "local",
    replicas: int = 1,
    require_all: bool = False,
) -> Cluster:
    """The cluster in a folder; options as open_collection() takes them, and

    engine       local: processes and threads of this machine; ray: those of the Ray cluster that
                 RAY_ADDRESS names
    replicas     servers of each shard, on different machines where there are several
    require_all  a shard that gives no answer makes a search fail
    raises       CollectionError if there is none, or it is newer, damaged or not ours
    """
    manifest = open_manifest(folder.absolute())
    networks = Networks(
        folder.absolute(),
        detector,
        embedder,
        device=device,
        asked=detector is not None or embedder is not None or device != "cpu",
        turns=turns,
        on_download=on_download,
    )
    held = manifest.spaces().get("faces")
    networks.held = held[0] if held else {}
    return Cluster(
        manifest,
        networks,
        Encoding(encoder, language),
        _engine(engine),
        replicas=replicas,
        require_all=require_all,
        asked=Asked(detector, embedder, encoder, language, device, turns),
    )


def _engine(name: EngineName) -> Engine:
    if name != "local":
        raise BadInput(f"wanted the engine local; got {name!r}")
    return LocalEngine()
