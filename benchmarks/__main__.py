"""The benchmarks that need no argument, one after the other, each beside its peer in the same run:
make bench. What it leaves out is told at the end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"  # photos and texts that are no part of this
RUNS = (
    ("benchmarks.embedding",),
    ("benchmarks.runtimes",),
    ("benchmarks.detection",),
    ("benchmarks.everyday",),
    ("benchmarks.startup",),
    ("benchmarks.installation",),
    ("benchmarks.pipeline",),
    ("benchmarks.search",),
    ("benchmarks.collection",),
    ("benchmarks.serve",),
    ("benchmarks.checks",),
    ("benchmarks.words", "--imported", "1000000"),
    ("benchmarks.training",),
    ("benchmarks.language",),
    ("benchmarks.text_encoder",),
    ("benchmarks.e5",),
    ("benchmarks.documents",),
    ("benchmarks.pdf",),
    ("benchmarks.passages", "--passages", "10000"),
    ("benchmarks.texts",),
    ("benchmarks.pipeline", "--memory", "1000"),
    ("benchmarks.pipeline", "--memory", "10000"),
)

FROM_SHARED = {"benchmarks.everyday", "benchmarks.passages", "benchmarks.texts"}
PHOTOS = "photos of labelled people"
HOURS = "hours"
# What is not run, and what it wants; docs/figures.md says where the photos come from.
LEFT_OUT = {
    "benchmarks.storage": "photos, and texts",
    "benchmarks.cast": "to choose the drawn people anew",
    "benchmarks.cluster": "a folder for 21 GB of made faces, and half an hour",
    "benchmarks.clusters": PHOTOS,
    "benchmarks.crash": HOURS,
    "benchmarks.damage": HOURS,
    "benchmarks.damaged": PHOTOS,
    "benchmarks.duplicates": "photos of things, of everyday life and of labelled people",
    "benchmarks.exports": PHOTOS,
    "benchmarks.facenet_crops": PHOTOS,
    "benchmarks.irregular": "the table of conjugations of a package",
    "benchmarks.languages": "sentences, a file a language",
    "benchmarks.groups": "photos of several people each",
    "benchmarks.int8_ranges": "photos to observe",
    "benchmarks.misspelt": "a large text",
    "benchmarks.mistyped": "questions and the texts that answer them",
    "benchmarks.mixed": "sentences, a file a language",
    "benchmarks.ocr": "the extra ocr, and photos of others for a part of it",
    "benchmarks.pictured": PHOTOS,
    "benchmarks.uncurated": "tables of facts, and analogies",
    "benchmarks.pictures": "photos of things, of everyday life and of labelled people",
    "benchmarks.quality": PHOTOS,
    "benchmarks.ranking": "large texts",
    "benchmarks.recall": PHOTOS,
    "benchmarks.reembedding": "photos, and an hour",
    "benchmarks.regions": "photos with faces",
    "benchmarks.robustness": "odd and broken files, and an hour",
    "benchmarks.scores": PHOTOS,
    "benchmarks.sums": PHOTOS,
    "benchmarks.synonyms": "the Spanish WordNet",
    "benchmarks.templates": PHOTOS,
    "benchmarks.training_faces": PHOTOS,
    "benchmarks.verification": PHOTOS,
}


def main() -> None:
    """Run them; the first that fails ends it."""
    left_out = dict(LEFT_OUT)
    for module, *arguments in RUNS:
        if module in FROM_SHARED and not SHARED.is_dir():
            left_out[module] = f"photos or texts in {SHARED}"
            continue
        print(f"\n== python -m {' '.join([module, *arguments])}", flush=True)
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)
    print("\nnot run, for what it wants:")
    for module, wants in sorted(left_out.items()):
        print(f"  python -m {module}: {wants}")


if __name__ == "__main__":
    main()
