"""The networks that whoever opened a cluster asked for; pickled to every task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """As open_collection() takes them: names, or objects that can be pickled."""

    detector: Any = None
    embedder: Any = None
    encoder: Any = None
    language: str | None = None
    device: str = "cpu"
    turns: bool | None = None
