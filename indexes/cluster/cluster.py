"""A cluster, opened: a collection whose photos and texts lie in many.

It is asked as any collection is. What it does over its shards stands in the rooms beside this file;
what it does not do is refused in a line that says where it can be done: in a shard, which is an
ordinary collection.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.walk import checked_roots
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.persons import is_numbered
from retrieve.indexes.cluster.answers import Answers, OneCollectionOnly
from retrieve.indexes.cluster.browsing.stored import ClusterStored
from retrieve.indexes.cluster.engines.engine import Closed, Engine, Servers
from retrieve.indexes.cluster.engines.holding import Held
from retrieve.indexes.cluster.engines.local import LocalEngine
from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.indexing.asked import Asked
from retrieve.indexes.cluster.life.begun import stale
from retrieve.indexes.cluster.life.checking import name_of
from retrieve.indexes.cluster.life.copies.refreshing import refresh
from retrieve.indexes.cluster.life.finishing import finish
from retrieve.indexes.cluster.manifest import CLUSTER, Manifest, open_manifest
from retrieve.indexes.cluster.people import numbering, settling
from retrieve.indexes.cluster.people.people import ClusterPeople
from retrieve.indexes.cluster.searching import conditions, faces, identifying, listing, pictures
from retrieve.indexes.cluster.searching.texts import OfShards
from retrieve.indexes.cluster.searching.totals import Totals
from retrieve.indexes.collection import Collection, given
from retrieve.indexes.info import stamp
from retrieve.indexes.opened import CATALOG
from retrieve.indexes.queries.asked import checked_id
from retrieve.indexes.search.engine import State
from retrieve.indexes.search.texts import Encoding
from retrieve.indexes.vectors.spaces import Space
from retrieve.sources import reader_of
from retrieve.types import Embeddings, Hit, Shards, Skipped

if TYPE_CHECKING:
    from types import TracebackType

    from sqlite_utils import Database

    from retrieve.indexes.building.build import OnProgress
    from retrieve.indexes.building.storing import Report
    from retrieve.indexes.duplicates.stored import Source
    from retrieve.indexes.info import Generation, Info
    from retrieve.indexes.opened import Opened
    from retrieve.indexes.people.groups.settling import Settled
    from retrieve.indexes.queries.identification import Identification
    from retrieve.indexes.queries.pictures import PictureProbe
    from retrieve.indexes.queries.probes import Probe
    from retrieve.indexes.queries.views.view import Searchable
    from retrieve.indexes.stored import Stored
    from retrieve.indexes.whoswho import WhosWho
    from retrieve.sources import PhotoLike

T = TypeVar("T")
EngineName = Literal["local", "ray"]

# Of all shards, up to which a run opens them itself to see whose the new faces are: on Ray it takes
# a second of a processor and 140 MB to begin the server of each, however small.
HERE_FILES = 100_000


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
        self.totals = Totals()
        self.states: dict[str, State] = {}
        self._answered = threading.local()
        self._passages = OfShards(self)
        self._replicas = replicas
        self._serving = threading.Lock()
        self._servers: dict[int, Servers] = {}  # by copy
        self._served_at: object = None  # the manifest's version then
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
        self._close_servers()
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
    ) -> Answers[T]:
        """Ask shards, as Servers.ask(); what they say is kept in `answered`.

        Where the copy that is written gives no answer, or finds itself damaged, the next one is
        asked; not while this is the coordinator, who may change what is asked.
        raises  CollectionError if require_all and one gives no answer
        """
        answers = self.look(question, *args, of=of, each=each)
        self.answered = answers
        if self.require_all:
            answers.require()
        return answers

    def look(
        self,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None = None,
        each: Mapping[int, Sequence[Any]] | None = None,
    ) -> Answers[T]:
        """Ask the shards that have something, as ask(); it is not told of in `answered`."""
        answers = self._ask_copy(0, question, *args, of=of, each=each)
        if self.manifest.is_coordinating:
            return answers
        return self._else_of_copies(answers, question, *args, each=each)

    def _ask_copy(
        self,
        copy: int,
        question: Callable[..., T],
        *args: Any,
        of: Iterable[int] | None,
        each: Mapping[int, Sequence[Any]] | None,
    ) -> Answers[T]:
        """Ask one copy of each shard; again where another thread has just let its servers go."""
        while True:
            servers = self.servers_of(copy) if copy else self.servers
            try:
                return servers.ask(question, *args, of=of, each=each)
            except Closed:
                continue

    def _else_of_copies(
        self,
        answers: Answers[T],
        question: Callable[..., T],
        *args: Any,
        each: Mapping[int, Sequence[Any]] | None,
    ) -> Answers[T]:
        """The answers of other copies in place of those that were not given."""
        damaged = {n for n, error in answers.refused.items() if isinstance(error, CollectionError)}
        silent = damaged | answers.missing.keys()
        if not silent:
            return answers
        copies = {one.number: len(one.folders) for one in self.manifest.shards()}
        old = stale(self.manifest)
        for copy in range(1, max(copies.values(), default=1)):
            asked = sorted(n for n in silent if copies.get(n, 0) > copy and (n, copy) not in old)
            if asked:
                found = self._ask_copy(copy, question, *args, of=asked, each=each)
                answers = answers.instead(found)
                silent -= found.given.keys()
        return answers.without_damaged()

    @property
    def answered(self) -> Answers[Any]:
        """To the last question of this thread: answered.told."""
        last: Answers[Any] = getattr(self._answered, "last", Answers())
        return last

    @answered.setter
    def answered(self, answers: Answers[Any]) -> None:
        self._answered.last = answers
        if len(answers.missing) > self.fewest_shards.missing:
            self._answered.fewest = answers.shards

    @property
    def shards(self) -> Shards:
        """How many answered it, and of how many."""
        return self.answered.shards

    @property
    def fewest_shards(self) -> Shards:
        """As Collection.fewest_shards."""
        found: Shards = getattr(self._answered, "fewest", Shards(0, 0))
        return found

    def ask_anew(self) -> None:
        """As Collection.ask_anew()."""
        self._answered.fewest = Shards(0, 0)

    @property
    def servers(self) -> Servers:
        """The shards, served: of each the copy that is written; begun at the first question, and
        with it servers of as many copies as there have to be.
        """
        for copy in range(1, self._replicas):
            self.servers_of(copy)
        return self.servers_of(0)

    def servers_of(self, copy: int) -> Servers:
        """The same of another copy, of the shards that have one."""
        if self._closed:
            raise BadInput(f"the cluster {self.path} was closed: open it again")
        with self._serving:
            version = self.manifest.version()
            if version != self._served_at:  # another command may have added shards, or moved some
                self._served_at = version
                for number, servers in list(self._servers.items()):
                    if servers.folders != self._folders(number):
                        self._servers.pop(number).close()
            if copy not in self._servers:
                self._servers[copy] = self.engine_of_tasks.serve(self._folders(copy), copy=copy)
            if not all(folder.is_dir() for folder in self._servers[copy].folders.values()):
                self._served_at = None  # what comes there is looked at again
            return self._servers[copy]

    @property
    def numbers(self) -> Sequence[int]:
        """Of its shards."""
        return self.servers.shards

    def _folders(self, copy: int) -> dict[int, Path]:
        """Where that copy of each shard lies that has one.

        raises  BadInput if one has none, and so many have to be served
        """
        shards = self.manifest.shards()
        for one in shards:
            if len(one.folders) <= copy < self._replicas:
                raise BadInput(
                    f"wanted {self._replicas} copies of each shard served; shard {one.number} has "
                    f"{len(one.folders)}. Make more with: retrieve cluster replicas"
                )
        return {one.number: one.folders[copy] for one in shards if copy < len(one.folders)}

    def forget_servers(self) -> None:
        """Let the servers go, those of other commands, too: which shards there are, or where they
        lie, has changed, or another process will write to them.
        """
        self._close_servers()
        self.engine_of_tasks.end_servers()

    def _close_servers(self) -> None:
        with self._serving:
            for servers in self._servers.values():
                servers.close()
            self._servers.clear()

    # Its life: cluster/life

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Be the one who changes it while the block lasts: what others left in the middle is ended
        first, and copies of shards are made equal to what was written at the end.

        raises  CollectionError if another one is changing it, or something cannot be ended
        """
        if self.manifest.is_coordinating:
            yield
            return
        with self.manifest.coordinating():
            finish(self)
            yield
            for (shard, copy), why in refresh(self).left.items():
                warnings.warn(
                    f"{name_of(shard, copy)} could not be made equal to what was written, and "
                    f"answers no search until it is: {why}",
                    stacklevel=3,
                )

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
        segment    files of a new shard; None is 5,000: three minutes of one core. They are searched
                   when all are in; a task that is lost is gone on with, whatever the segment
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
            numbering.adopt,
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
        with self.changing():
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
                with self.opened_here():
                    added = settling.settle_new(self)
                report.attached, report.people = added.attached, added.persons
        return report

    @contextmanager
    def opened_here(self) -> Iterator[None]:
        """Let this process open the shards while the block lasts, where they are small and nobody
        serves them: tasks have just written them, so no machine has their indexes in memory.
        """
        files = sum(one.files for one in self.manifest.shards())
        if self.engine_of_tasks.name == LocalEngine.name or files > HERE_FILES:
            yield
            return
        with ExitStack() as locks:
            try:
                for folder in self._folders(0).values():
                    locks.enter_context(Held(folder))
            except (CollectionError, OSError):  # another machine has one, for a command that asks
                locks.close()
            else:
                with self._serving:
                    self._servers[0] = LocalEngine().serve(self._folders(0))
                    self._served_at = self.manifest.version()
                locks.callback(self._close_servers)
            yield

    # What is stored, and people: browsing/, people/

    @property
    def stored(self) -> Stored:
        """As Collection.stored."""
        return ClusterStored(self)

    @property
    def people(self) -> WhosWho:
        """As Collection.people."""
        return ClusterPeople(self)

    def group(self) -> Settled:
        """As Collection.group(), over all shards; every one has to answer."""
        with self.changing():
            return settling.group(self)

    # Search for faces and whole photos: searching/

    def search_faces(
        self,
        photo: PhotoLike,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        face: int | None = None,
        exact: bool = False,
    ) -> Probe:
        """As Collection.search_faces()."""
        return faces.search_photo(
            self,
            reader_of(photo),
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            face=face,
            exact=exact,
        )

    def search_stored(
        self,
        face_id: int,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> Probe:
        """As Collection.search_stored()."""
        return faces.search_stored(
            self,
            face_id,
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def search_pictures(
        self,
        photo: PhotoLike,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> PictureProbe:
        """As Collection.search_pictures()."""
        return pictures.search_photo(
            self,
            reader_of(photo),
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def search_stored_picture(
        self,
        photo_id: int,
        *,
        k: int = 10,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> PictureProbe:
        """As Collection.search_stored_picture()."""
        return pictures.search_stored(
            self,
            photo_id,
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            exact=exact,
        )

    def nearest(
        self,
        embeddings: Embeddings,
        *,
        k: int = 10,
        threshold: float = -1.0,
        wanted: Filter = EVERYTHING,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """As Collection.nearest()."""
        return faces.nearest(self, embeddings, k=k, threshold=threshold, wanted=wanted, exact=exact)

    def identify(
        self,
        photo: PhotoLike,
        *,
        threshold: float | None = None,
        strangers: float | None = None,
        wanted: Filter = EVERYTHING,
        unnamed: bool = False,
    ) -> Identification:
        """As Collection.identify()."""
        return identifying.identify(
            self,
            reader_of(photo),
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            unnamed=unnamed,
        )

    def default_threshold(
        self, *, strangers: float | None = None, wanted: Filter = EVERYTHING
    ) -> float:
        """As Collection.default_threshold()."""
        return faces.least_score(self, wanted, strangers=strangers).score

    def labels(
        self, wanted: Filter = EVERYTHING, *, language: str | None = None
    ) -> list[tuple[str, int]]:
        """As Collection.labels()."""
        return listing.labels(self, wanted, language=language)

    @property
    def passages(self) -> Searchable:
        """As Collection.passages: what its searches for words ask."""
        return self._passages

    def _stored_photos(self) -> Source:
        """Of all shards: duplicates() is Collection's own."""
        from retrieve.indexes.cluster.searching.duplicates import Every

        return Every(self)

    def person_id(self, text: str) -> int:
        """As Collection.person_id()."""
        return conditions.person_id(self, text)

    def is_person(self, text: str) -> bool:
        """As Collection.is_person()."""
        return is_numbered(text) or bool(conditions.called(self, text))

    def picture(self, face_id: int) -> bytes:
        """As Collection.picture(); it is no answer that is told of in `answered`."""
        return ClusterStored(self).picture(checked_id(face_id))

    def sha256_of(self, content_id: int) -> str | None:
        """As Collection.sha256_of(); it is no answer that is told of in `answered`."""
        number, id = of_shard(content_id)
        if number not in self.numbers:
            return None
        (found,) = self.look(listing.sha256_here, id, of=[number]).all().values()
        return found

    def skipped(self) -> list[Skipped]:
        """As Collection.skipped()."""
        return listing.skipped(self)

    def counts(self) -> dict[str, int]:
        """As Collection.counts(), of the shards that answer."""
        return listing.counts(self)

    def info(self) -> Info:
        """As Collection.info(), of the shards that answer."""
        return listing.info(self)

    def search_state(self, name: str) -> State:
        """As Collection.search_state()."""
        return self.states.get(name, State.EXACT)

    @property
    def file(self) -> Path:
        """The file that makes the folder a cluster."""
        return self.path / CLUSTER

    @property
    def read_only(self) -> bool:
        """Whether its manifest can only be read."""
        return not os.access(self.file, os.W_OK)

    def reading(self) -> AbstractContextManager[None]:
        """Nothing: each shard has views of its own."""
        return nullcontext()

    def generation(self) -> Generation:
        """What the shards that answer hold, as numbers that change with it."""
        return listing.generation(self)

    def stamp(self) -> object:
        """As Collection.stamp(), of the manifest and the shards: none is asked."""
        folders = self.servers.folders
        return [stamp(self.file), *(stamp(folders[n] / CATALOG) for n in sorted(folders))]

    def notes(self) -> Path | None:
        """None: what is written elsewhere has to be looked after by who writes it."""
        return None

    def _refuse(self) -> NoReturn:
        shards = self.manifest.shards()
        where = shards[0].folder if shards else self.path / "shards"
        raise OneCollectionOnly(
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
    replicas     copies of each shard that are served, on different machines where there are
                 several
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
        _engine(engine, manifest.id),
        replicas=replicas,
        require_all=require_all,
        asked=Asked(detector, embedder, encoder, language, device, turns),
    )


def _engine(name: EngineName, cluster: str) -> Engine:
    if name == "local":
        return LocalEngine()
    if name != "ray":
        raise BadInput(f"wanted the engine local or ray; got {name!r}")
    from retrieve.indexes.cluster.engines.ray import RayEngine

    return RayEngine(cluster)
