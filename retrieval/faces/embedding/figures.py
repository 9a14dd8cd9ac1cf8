"""What each embedder is worth and costs, as measured: the table that `retrieve models` shows.

`python -m benchmarks.verification --figures` measures all but LFW.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from retrieve.errors import WeightsError

MEASURED = Path(__file__).parents[1] / "data" / "embedders.json"


@dataclass(frozen=True, slots=True)
class Figures:
    """One embedder as it is installed, with crops of one detector.

    dim        D of its embeddings
    cpu_ms     for one face on one thread
    processor  that took them
    fnmr       false-match rate → pairs of one person that are missed there, of 1,490 news photos
               of 550 people; a person counts once
    lfw        accuracy on Labeled Faces in the Wild, view 2; None where nobody measured it.
               Measured elsewhere, on a prototype with the same networks, mtcnn's landmarks and
               `lfw_how`
    """

    name: str
    detector: str
    dim: int
    cpu_ms: float
    processor: str
    fnmr: dict[str, float]
    lfw: float | None
    lfw_how: str


def measured(path: Path = MEASURED) -> list[Figures]:
    """All of them, the most accurate first. Raises WeightsError if the file is damaged."""
    try:
        found = [Figures(**row) for row in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{path} is damaged: {error}. Install retrieve again: "
            "pip install --force-reinstall --no-deps retrieve"
        ) from error
    return sorted(found, key=lambda one: min(one.fnmr.values()))
