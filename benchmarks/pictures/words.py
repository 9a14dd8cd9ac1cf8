"""Words for what photos show, asked through the command itself."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieve.indexes.collection import open_collection
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.measured import (
    MOST_CLASSES,
    Looked,
    average_precision,
    names_above,
    right_for,
)


def report(folder: Path) -> None:
    """Print mean average precision of Spanish words over objects_dev."""
    with (folder / "objects_dev" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    photos = [Looked(frozenset({synsets().index(row["synset"])}), ()) for row in rows]
    wanted = {
        word: right
        for word in names_above(photos, "es")
        if (right := right_for(word, photos)) is not None
    }
    with tempfile.TemporaryDirectory() as below:
        # By themselves and as a camera names them: their names and their list say what they show.
        alone = Path(below, "photos").resolve()
        alone.mkdir()
        for number, row in enumerate(rows):
            shutil.copy(folder / "objects_dev" / row["file"], alone / f"IMG_{number:04}.jpg")
        collection = Path(below, "collection")
        with open_collection(collection, create=True) as opened:
            opened.index([alone])
        found = searched(list(wanted), collection, len(photos))
    numbers = {str(alone / f"IMG_{number:04}.jpg"): number for number in range(len(rows))}
    precisions = {
        word: average_precision(
            [right[numbers[path]] for path in dict.fromkeys(found[word])], sum(right)
        )
        for word, right in wanted.items()
    }
    print(
        f"words, {len(wanted)} in Spanish of up to {MOST_CLASSES} classes over {len(photos)} "
        f"photos: mean average precision {sum(precisions.values()) / len(precisions):.4f}"
    )
    worst = sorted(precisions, key=precisions.__getitem__)[:10]
    print("the worst: " + ", ".join(f"{word} {precisions[word]:.2f}" for word in worst))


def searched(words: Sequence[str], collection: Path, k: int) -> Mapping[str, list[str]]:
    """The paths that the command prints for each word, the best first."""
    queries = collection.with_name("queries.txt")
    queries.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    command = ["search", "--queries", str(queries), "--collection", str(collection), "-k", str(k)]
    done = subprocess.run(
        [sys.executable, "-m", "retrieve.cli", *command], check=True, capture_output=True, text=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["query"]: [hit["path"] for hit in one["hits"]] for one in answers}
