"""A cluster that is indexed in this process, beside one collection of the same files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pretend
import small

from retrieve.errors import BadInput, RetrievalError
from retrieve.indexes.building.jobs import Job
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.cluster.cluster import Cluster, open_cluster
from retrieve.indexes.cluster.engines.engine import Done
from retrieve.indexes.cluster.engines.local import LocalEngine
from retrieve.indexes.cluster.indexing import task
from retrieve.indexes.cluster.manifest import create_manifest, is_cluster
from retrieve.indexes.collection import Collection, open_collection

READ: list[Path] = []  # files that were read, by whatever process this is


class Here(LocalEngine):
    """Runs tasks one after the other in this process."""

    def run(self, task: Callable, jobs, *, workers=None) -> Generator[Done]:
        for number, job in enumerate(jobs):
            try:
                yield Done(number, task(*job))
            except RetrievalError as error:
                yield Done(number, None, str(error))


def extractor(roots, column=None):
    """Photos are texts, as in pretend.py; each is looked at as a whole, too."""
    work = Job(pretend.Faces(None, None, None, None, True), tuple(roots), column).open()

    def run(paths):
        for found, path in paths:
            if isinstance(path, Path):
                READ.append(path)
            try:
                yield found, work(path)
            except BadInput as error:
                yield found, str(error)

    return run


def pretended(monkeypatch) -> None:
    """Let tasks read pretended photos."""
    monkeypatch.setattr(
        task,
        "extractor",
        lambda collection, settings, *, photos: extractor(settings.roots, settings.column),
    )


def opened(folder: Path) -> Cluster:
    """A new cluster, or one that is there."""
    if not is_cluster(folder):
        folder.mkdir(parents=True, exist_ok=True)
        create_manifest(folder).close()
    cluster = open_cluster(
        folder, detector=small.Detector(), embedder=small.Embedder(), encoder=pretend.TextEncoder()
    )
    cluster.engine_of_tasks = Here()
    return cluster


def alone(folder: Path) -> Collection:
    """A collection made with the same networks."""
    return open_collection(
        folder,
        create=True,
        detector=small.Detector(),
        embedder=small.Embedder(),
        encoder=pretend.TextEncoder(),
    )


def index_alone(collection: Collection, *roots: Path, column: str | None = None, **options):
    """Collection.index() of pretended photos."""
    report = collection.update(roots, extractor(roots, column), **options)
    if options.get("ocr"):
        collection.recognise(roots).enter(report)
    return report


def held(collection: Collection) -> dict[str, set]:
    """What a collection holds, by what is the same wherever it lies."""
    db = collection.db
    sha256 = "(SELECT sha256 FROM contents WHERE id = content_id)"
    faces, passages, pictures = (
        vectors.gallery() if vectors.space() else np.empty((0, 0), np.float32)
        for vectors in (collection.faces, collection.texts.vectors, collection.pictures.vectors)
    )
    return {
        "contents": set(
            db.execute(
                "SELECT sha256, size_bytes, kind, title, taken_at, latitude FROM contents "
                "WHERE live"
            )
        ),
        "files": {
            (path_of(path), *more)
            for path, *more in db.execute(
                f"SELECT path, {sha256}, reason, names, described FROM paths WHERE NOT gone"
            )
        },
        "faces": {
            (*more, pretend.said(jpeg), faces[row].tobytes())
            for row, jpeg, *more in db.execute(
                f"SELECT row, jpeg, {sha256}, number, quality, x1 FROM faces "
                "JOIN crops ON face_id = faces.id JOIN contents ON contents.id = content_id "
                "WHERE live"
            )
        },
        "passages": {
            (*more, passages[row].tobytes())
            for row, *more in db.execute(
                f"SELECT row, {sha256}, (SELECT path FROM paths WHERE paths.id = path_id), number, "
                "passages.kind, passages.title, text FROM passages "
                "JOIN contents ON contents.id = content_id WHERE live"
            )
        },
        "pictures": {
            (sha, pictures[row].tobytes())
            for row, sha in db.execute(
                f"SELECT row, {sha256} FROM pictures JOIN contents ON contents.id = content_id "
                "WHERE live"
            )
        },
    }


def held_by_all(cluster: Cluster) -> dict[str, set]:
    """The same over all shards, none of which holds what another one does."""
    found: dict[str, set] = {}
    for one in cluster.manifest.shards():
        with open_collection(one.folder) as shard:
            for name, some in held(shard).items():
                before = found.setdefault(name, set())
                twice = {row[0] for row in before} & {row[0] for row in some}
                assert not twice, (name, twice)
                before |= some
    return found or {name: set() for name in ("contents", "files", "faces", "passages", "pictures")}
