"""Whatever lies in a folder, opened: a collection, or a cluster of many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput
from retrieve.indexes import collection
from retrieve.indexes.cluster.manifest import check_not_lost, is_cluster
from retrieve.sources import given_path

if TYPE_CHECKING:
    from retrieve.faces.detection.detector import Detector
    from retrieve.faces.embedding.embedder import Embedder
    from retrieve.indexes.cluster.cluster import EngineName
    from retrieve.indexes.collection import Collection
    from retrieve.networks.weights import Progress as OnDownload
    from retrieve.text.encoders.encode import TextEncoder


def open_collection(
    path: str | Path,
    *,
    create: bool = False,
    detector: str | Detector | None = None,
    embedder: str | Embedder | None = None,
    encoder: str | TextEncoder | None = None,
    language: str | None = None,
    device: str = "cpu",
    turns: bool | None = None,
    read_only: bool = False,
    on_download: OnDownload | None = None,
    engine: EngineName | None = None,
    replicas: int = 1,
    require_all: bool = False,
) -> Collection:
    """The collection in a directory, which may be a cluster of many.

        collection = retrieve.open_collection("photos.retrieve", create=True)
        collection.index(["~/Pictures"])

    create    make the directory, private to its owner, if it is absent; one that is there keeps its
              mode, and a warning tells if others may look into it
    detector  name, or an object of your own with what retrieve.faces.detection.detector asks
              for; None takes the one it was made with, centerface for a new one
    embedder  name, weights file, or an object likewise (retrieve.faces.embedding.embed); None
              takes the one it was made with, dlib-resnet+mobilefacenet for a new one
    encoder   of texts: name, file, or an object likewise (retrieve.text.encoders.encode); None
              takes the one it was made with, static for a new one
    language  of texts, ISO 639-1, for the stems of words; None likewise, es for a new one
    device    where networks and search run, cpu or cuda
    turns     whether a photo in which no face stands upright is searched turned; None does as
              the collection was made, with turns for a new one
    read_only change nothing; so it is anyway where the folder cannot be written
    on_download
              called with bytes so far and bytes in all while weights are downloaded
    engine    of a cluster: "local", processes and threads of this machine, which None is; "ray",
              the Ray cluster that RAY_ADDRESS names
    replicas  of a cluster: servers of each shard
    require_all
              of a cluster: a shard that gives no answer makes a search fail
    raises    CollectionError if there is none, or it is damaged, newer or not ours
    """
    folder = given_path(path)
    if not is_cluster(folder):
        if engine is not None or replicas != 1 or require_all:
            raise BadInput(
                f"{folder} is no cluster: it takes no engine, no replicas and no require_all. Make "
                f"one of it with: retrieve cluster create FOLDER --from {folder}"
            )
        check_not_lost(folder)
        return collection.open_collection(
            path,
            create=create,
            detector=detector,
            embedder=embedder,
            encoder=encoder,
            language=language,
            device=device,
            turns=turns,
            read_only=read_only,
            on_download=on_download,
        )
    from retrieve.indexes.cluster.cluster import open_cluster

    return open_cluster(
        folder,
        detector=detector,
        embedder=embedder,
        encoder=encoder,
        language=language,
        device=device,
        turns=turns,
        on_download=on_download,
        engine=engine or "local",
        replicas=replicas,
        require_all=require_all,
    )
