"""A list of photos with what each of them shows → what a network sees in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.building.jobs import LONG_SIDE_PX
from retrieve.indexes.building.reading import Reading
from retrieve.indexes.labelled.labels import rows_of
from retrieve.photos import BadPhoto
from retrieve.pictures.embedding.embed import open_picture_embedder
from retrieve.pictures.embedding.measured import Looked, truth_of
from retrieve.sources import file_reader

COLUMNS = ("label", "synset")  # the first that is there


def looked_at(
    file: Path, root: Path | None = None, *, on_skipped: Callable[[Path, str], None]
) -> Iterator[Looked]:
    """Look at every photo of a list.

    file        CSV with the columns file and label, or synset
    root        folder that the files lie below; None is where the list lies
    on_skipped  is told of photos that cannot be used, and why
    raises      BadInput for a list that is none, or that says what no network knows
    """
    rows = rows_of(file)
    columns = rows[0].keys() if rows else ()
    said = next((name for name in COLUMNS if name in columns), None)
    if "file" not in columns or said is None:
        raise BadInput(
            f"{file}: wanted a CSV with the columns file and label (or synset); "
            f"got {', '.join(columns) or 'no row'}"
        )
    base = file.parent if root is None else root
    every = []
    for number, row in enumerate(rows, 2):
        try:
            every.append((base / (row["file"] or ""), truth_of(row[said] or "")))
        except BadInput as error:
            raise BadInput(f"{file}, line {number}: {error}") from error
    reading, embedder = Reading(), open_picture_embedder()
    reading.begin()
    for path, truth in every:
        try:
            photo = reading.of(file_reader(path))(LONG_SIDE_PX)
        except BadPhoto as error:
            on_skipped(path, error.reason)
            continue
        (shown,) = embedder.look([photo.pixels])
        yield Looked(truth, shown.classes)
