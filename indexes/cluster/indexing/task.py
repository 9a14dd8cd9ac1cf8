"""What a process does with a segment: it brings an ordinary collection up to date with its files.

A task that was lost is run again, and goes on with what the first has committed.
"""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from retrieve.errors import CollectionError
from retrieve.indexes.building import workers
from retrieve.indexes.building.build import Extractor, Listed
from retrieve.indexes.building.describing import Said
from retrieve.indexes.building.jobs import Extracted
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.storing import Report
from retrieve.indexes.catalog.database import reading, writing
from retrieve.indexes.catalog.filters import FACES, PASSAGES, PICTURES
from retrieve.indexes.cluster.engines.holding import Held, check_there
from retrieve.indexes.cluster.indexing import work
from retrieve.indexes.cluster.indexing.asked import Asked
from retrieve.indexes.cluster.indexing.held import HeldElsewhere
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.search.texts import Encoding
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Document

Content = tuple[bytes, int]  # SHA-256, bytes
LOST_S = 60.0  # until a shard is let go by a machine that had it and was lost

_networks: dict[bytes, Networks] = {}  # of this process, opened once for all its tasks
_encodings: dict[bytes, Encoding] = {}
_readers: dict[bytes, workers.Workers[Extracted | Document | Said]] = {}  # one at most, that waits


@dataclass(frozen=True, slots=True)
class Settings:
    """How all segments of one run are indexed.

    roots     absolute, of the whole run
    unlisted  folders below them that could not be read
    spaces    what the cluster's embeddings are made by, and their lengths
    photos    False where there are none, so that no network is needed
    others    as Collection.index() takes them
    """

    cluster: Path
    roots: tuple[Path, ...]
    unlisted: tuple[Path, ...] = ()
    asked: Asked = field(default_factory=Asked)
    spaces: Mapping[str, tuple[dict[str, str], int]] = field(default_factory=dict)
    photos: bool = True
    processes: int = 1
    time_limit_s: float | None = None
    column: str | None = None
    retry_skipped: bool = False
    reread: bool = True
    exclude: tuple[str, ...] = ()
    pictures: bool = True
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """The files of one shard.

    folder  of the shard, or of the collection that will be one
    files   a list of them, in the order of their bytes
    last    contents with ids up to that one are known to the manifest
    new     it is no shard yet, and made where it is not there
    linked  the files are such whose content this shard holds, from anywhere: nothing is gone
            because it is not among them
    told    where it says how far it is
    """

    number: int
    folder: Path
    files: Path
    count: int
    told: Path
    last: int = 0
    new: bool = False
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What the manifest has to know of a shard.

    contents  with ids above Segment.last
    last      the highest id of a content
    held      how many contents there are
    files     how many paths
    spaces    what its embeddings are made by, and their lengths
    """

    contents: list[Content] = field(default_factory=list)
    last: int = 0
    held: int = 0
    files: int = 0
    spaces: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a segment.

    links    files whose content another shard holds, and which
    lost     contents that no file holds any more, by how many paths are gone with this run
    revived  contents that had no file and have one now
    """

    report: Report
    seen: Seen
    links: list[tuple[Path, int]] = field(default_factory=list)
    lost: dict[bytes, int] = field(default_factory=dict)
    revived: frozenset[bytes] = frozenset()


def bring(settings: Settings, segment: Segment) -> Brought:
    """Bring a shard up to date with its files; a new one is made.

    raises  as Collection.index(); what is whole is kept. CollectionError if a shard that the
            cluster has is not in its folder
    """
    telling = work.Telling(segment.told)
    with _ended_softly(), _opened(settings, segment) as collection:
        elsewhere = None if segment.linked else HeldElsewhere(settings.cluster, segment.number)
        before = _lives(collection)
        try:
            report = _index(collection, settings, segment, elsewhere, telling)
        finally:
            if elsewhere is not None:
                elsewhere.close()
        telling.end(report)
        return Brought(
            report,
            seen(collection, segment.last),
            [] if elsewhere is None else elsewhere.taken,
            *_differences(collection, before, _lives(collection)),
        )


def seen(collection: Collection, last: int) -> Seen:
    """What the manifest has to know of a collection.

    last  contents up to that id are known to it
    """
    db = collection.db
    with reading(db):
        rows = db.execute(
            "SELECT sha256, size_bytes FROM contents WHERE id > ? ORDER BY id", [last]
        ).fetchall()
        highest, held = db.execute("SELECT coalesce(max(id), 0), count(*) FROM contents").fetchone()
        (files,) = db.execute("SELECT count(*) FROM paths").fetchone()
        vectors = (collection.faces, collection.texts.vectors, collection.pictures.vectors)
        spaces = [space for one in vectors if (space := one.space()) is not None]
    return Seen(
        [(bytes.fromhex(sha256), size_bytes) for sha256, size_bytes in rows],
        highest,
        held,
        files,
        {space.name: (space.made_by, space.dim) for space in spaces},
    )


def _index(
    collection: Collection,
    settings: Settings,
    segment: Segment,
    elsewhere: HeldElsewhere | None,
    telling: work.Telling,
) -> Report:
    """Collection.index() of the files that are this shard's."""
    photos = settings.photos and segment.count > 0
    roots = list(settings.roots)
    gone = [] if segment.linked else roots
    _check(collection, settings, photos=photos)
    if photos and collection.faces.space() is None and FACES in settings.spaces:
        made_by, dim = settings.spaces[FACES]
        with writing(collection.db):
            collection.faces.create(Space(FACES, FACES, made_by, dim))
    report = collection.update(
        gone,
        extractor(collection, settings, photos=photos),
        photos=photos,
        below=roots,
        retry_skipped=settings.retry_skipped,
        reread=settings.reread,
        exclude=settings.exclude,
        ocr=settings.ocr,
        on_progress=telling.progress,
        listed=Listed(partial(work.read_list, segment.files), segment.count, settings.unlisted),
        elsewhere=elsewhere,
        people=False,
    )
    if settings.ocr and segment.count and not report.interrupted:
        end_readers()  # others need their memory
        collection.recognise(
            roots,
            processes=settings.processes,
            time_limit_s=settings.time_limit_s,
            on_progress=telling.words,
        ).enter(report)
    return report


def _check(collection: Collection, settings: Settings, *, photos: bool) -> None:
    """Of a shard that has no embeddings yet, whether they will be as those of the others.

    raises  CollectionError that names both
    """
    texts, spaces = collection.texts, settings.spaces
    if texts.vectors.space() is None and PASSAGES in spaces:
        held, _ = spaces[PASSAGES]
        asked = texts.made_by() if settings.asked.encoder or settings.asked.language else held
        if any(asked[what] != held[what] for what in ("encoder_sha256", "language")):
            raise CollectionError(
                f"{settings.cluster} holds passages of the encoder {held['encoder']}, words of the "
                f"language {held['language']}; you asked with {asked['encoder']}, "
                f"{asked['language']}. Leave --encoder and --language out to use what made it"
            )
    if not photos or not settings.pictures or PICTURES not in spaces:
        return
    from retrieve.pictures.embedding.embed import made_by

    held, _ = spaces[PICTURES]
    if held != dict(made_by()):
        raise CollectionError(
            f"{settings.cluster} holds whole photos as {held['picture_embedder']} sees them, and "
            "this version of retrieve looks with another network: leave new ones alone with "
            "--no-pictures"
        )


def extractor(collection: Collection, settings: Settings, *, photos: bool) -> Extractor:
    """The processes that read files for a task, which read those of the next one, too."""
    job = collection.job(
        settings.roots, photos=photos, column=settings.column, pictures=settings.pictures
    )
    limit_s = workers.TIME_LIMIT_S if settings.time_limit_s is None else settings.time_limit_s
    if photos and collection.networks.stays:
        return partial(workers.run, job.open, time_limit_s=limit_s, here=True)
    key = pickle.dumps((job, settings.processes, limit_s))
    if key not in _readers:
        end_readers()
        _readers[key] = workers.Workers(job.open, workers=settings.processes, time_limit_s=limit_s)
    return _readers[key].run


def end_readers() -> None:
    """End the processes that have read files for the tasks of this one."""
    while _readers:
        _readers.popitem()[1].__exit__()


@contextmanager
def _opened(settings: Settings, segment: Segment) -> Iterator[Collection]:
    """A shard with the networks of this process."""
    if not segment.new:
        check_there(segment.folder)
    asked = settings.asked
    faces, passages = (settings.spaces.get(name, ({}, 0))[0] for name in (FACES, PASSAGES))
    key = pickle.dumps((asked.detector, asked.embedder, asked.device, asked.turns, faces))
    if key not in _networks:
        _networks[key] = Networks(
            settings.cluster,
            asked.detector,
            asked.embedder,
            device=asked.device,
            asked=settings.photos,
            turns=asked.turns,
        )
        _networks[key].held = faces
    encoder = asked.encoder or passages.get("encoder")
    language = asked.language or passages.get("language")
    key_of_texts = pickle.dumps((encoder, language))
    if key_of_texts not in _encodings:
        _encodings[key_of_texts] = Encoding(encoder, language)
    with (
        Held(segment.folder, wait_s=LOST_S),
        open_collection(
            segment.folder,
            create=segment.new,
            device=asked.device,
            networks=_networks[key],
            encoding=_encodings[key_of_texts],
        ) as collection,
    ):
        yield collection


@contextmanager
def _ended_softly() -> Iterator[None]:
    """Let SIGTERM be as Ctrl-C is: what is whole is kept, and the report says so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


Lives = tuple[set[int], set[int]]  # ids of contents that no file holds, of paths that are gone


def _lives(collection: Collection) -> Lives:
    dead = collection.db.execute("SELECT id FROM contents WHERE live = 0").fetchall()
    gone = collection.db.execute("SELECT id FROM paths WHERE gone").fetchall()
    return {id for (id,) in dead}, {id for (id,) in gone}


def _differences(
    collection: Collection, before: Lives, after: Lives
) -> tuple[dict[bytes, int], frozenset[bytes]]:
    """Brought.lost and Brought.revived."""
    lost = _sha256s(collection, after[0] - before[0])
    gone: dict[bytes, int] = {}
    for path_id in after[1] - before[1]:
        (content_id,) = collection.db.execute(
            "SELECT content_id FROM paths WHERE id = ?", [path_id]
        ).fetchone()
        if content_id in lost:
            gone[lost[content_id]] = gone.get(lost[content_id], 0) + 1
    return gone, frozenset(_sha256s(collection, before[0] - after[0]).values())


def _sha256s(collection: Collection, ids: Iterable[int]) -> dict[int, bytes]:
    found = {}
    for id in ids:
        row = collection.db.execute("SELECT sha256 FROM contents WHERE id = ?", [id]).fetchone()
        if row is not None:
            found[id] = bytes.fromhex(row[0])
    return found
