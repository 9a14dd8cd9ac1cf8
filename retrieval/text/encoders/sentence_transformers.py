"""Models of the library sentence-transformers, an optional extra, behind the same Protocol."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.types import Embeddings

PREFIX = "sentence-transformers:"
_ORGANISATION = "sentence-transformers"  # where the library looks for names without one
_MODULES = "modules.json"  # which modules a model is made of, in which order


class SentenceTransformersEncoder:
    """A model by its name or folder, as that library finds it.

    A name that is not here yet is downloaded from huggingface.co, once: a model that is
    here is opened without asking there.
    raises  MissingExtra without the library; BadInput if it has no such model
    """

    def __init__(self, model: str) -> None:
        # Else each request says which versions of which packages are here.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        _hide_broken_torchvision()
        with optional(f"{PREFIX}{model}"):
            library: Any = importlib.import_module("sentence_transformers")
        self.name = f"{PREFIX}{model}"
        try:
            self._model = _opened(library, model)
        except (OSError, ValueError) as error:
            raise BadInput(f"sentence-transformers cannot open {model!r}: {error}") from error

    @property
    def dim(self) -> int:
        return int(self._model.get_sentence_embedding_dimension())

    @cached_property
    def weights_sha256(self) -> str:
        digest = hashlib.sha256()
        for name, value in sorted(self._model.state_dict().items()):
            array = np.ascontiguousarray(value.float().cpu().numpy())
            digest.update(f"{name} {array.shape} ".encode() + array.tobytes())
        return digest.hexdigest()

    def covers(self, text: str) -> bool:
        return any(letter.isalnum() for letter in text)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        if empty := [str(i) for i, text in enumerate(texts) if not self.covers(text)]:
            raise BadInput(
                f"{self.name} embeds texts with a letter or a digit; of {len(texts)} texts these "
                f"have none (the first is 0): {', '.join(empty[:10])}. Leave them out"
            )
        if not texts:
            return np.empty((0, self.dim), np.float32)
        found = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)


def _opened(library: Any, model: str) -> Any:
    if _is_here(model):
        # OSError, ValueError: what is here is only a part.
        with suppress(OSError, ValueError):
            return library.SentenceTransformer(model, local_files_only=True)
    return library.SentenceTransformer(model)


def _is_here(model: str) -> bool:
    """Whether it is a folder, or the hub's cache has its list of modules.

    Of a model that another library fetched the list may be missing; offline,
    sentence-transformers would then put modules of its own choice in their place.
    """
    if Path(model).is_dir():
        return True
    hub: Any = importlib.import_module("huggingface_hub")
    names = [model] if "/" in model else [model, f"{_ORGANISATION}/{model}"]
    return any(isinstance(hub.try_to_load_from_cache(name, _MODULES), str) for name in names)


def _hide_broken_torchvision() -> None:
    """Without it the library does without pictures; broken, it ends the library's import.

    torchvision is there for facenet-pytorch's sake, and its compiled operators do not load
    beside every build of torch.
    """
    if "sentence_transformers" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):  # RuntimeError: operator torchvision::nms does not exist
        sys.modules["torchvision"] = None  # type: ignore[assignment]
