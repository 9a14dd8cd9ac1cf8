"""Find a face or a text by what it looks like or means, on your own machine, in private.

    import retrieve

    with retrieve.open_collection("photos.retrieve", create=True) as collection:
        collection.index(["~/Pictures", "~/Documents"])
        for hit in collection.search_faces("ana.jpg"):
            print(hit.path, hit.probability)
        for hit in collection.search_texts("una boda en Zaragoza"):
            print(hit.path, hit.passage.text)

What stands in `__all__` is made to be imported from here; it is looked up when it is first
used, so that this import costs nothing. In `retrieval/` things become vectors: photographs and
texts become embeddings, without an index and without printing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# From 1.32 on, onnxruntime keeps a queue of events about the machine in the user's cache
# and sends it to its vendor, as soon as it is imported. It reads this once, at that
# import; every process of ours passes here before, the fork server's preload too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from retrieve.errors import (
        BadInput,
        CollectionError,
        MissingExtra,
        RetrievalError,
        WeightsError,
    )
    from retrieve.faces.direct import Comparison, compare, detect, embed_faces
    from retrieve.faces.extract import Faces
    from retrieve.faces.verify import Verification, verify
    from retrieve.indexes.catalog.filters import Filter
    from retrieve.indexes.collection import Collection
    from retrieve.indexes.duplicates.kinds import Duplicates
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.queries.identification import Identification
    from retrieve.indexes.queries.pictures import PictureProbe
    from retrieve.indexes.queries.probes import Probe
    from retrieve.indexes.words.stores import load_words
    from retrieve.text.encoders.encode import load_encoder
    from retrieve.types import Face, Hit, PictureHit, TextHit

__all__ = [
    "BadInput",
    "Collection",
    "CollectionError",
    "Comparison",
    "Duplicates",
    "Face",
    "Faces",
    "Filter",
    "Hit",
    "Identification",
    "MissingExtra",
    "PictureHit",
    "PictureProbe",
    "Probe",
    "RetrievalError",
    "TextHit",
    "Verification",
    "WeightsError",
    "compare",
    "detect",
    "embed_faces",
    "load_encoder",
    "load_words",
    "open_collection",
    "verify",
]

_HOMES = {
    "retrieve.errors": (
        "BadInput",
        "CollectionError",
        "MissingExtra",
        "RetrievalError",
        "WeightsError",
    ),
    "retrieve.faces.direct": ("Comparison", "compare", "detect", "embed_faces"),
    "retrieve.faces.extract": ("Faces",),
    "retrieve.faces.verify": ("Verification", "verify"),
    "retrieve.indexes.catalog.filters": ("Filter",),
    "retrieve.indexes.collection": ("Collection",),
    "retrieve.indexes.duplicates.kinds": ("Duplicates",),
    "retrieve.indexes.opening": ("open_collection",),
    "retrieve.indexes.queries.identification": ("Identification",),
    "retrieve.indexes.queries.pictures": ("PictureProbe",),
    "retrieve.indexes.queries.probes": ("Probe",),
    "retrieve.indexes.words.stores": ("load_words",),
    "retrieve.text.encoders.encode": ("load_encoder",),
    "retrieve.types": ("Face", "Hit", "PictureHit", "TextHit"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'retrieve' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
