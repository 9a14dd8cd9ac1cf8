"""retrieve embed"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import (
    DetectorOption,
    Device,
    DeviceOption,
    JsonOption,
    ModelOption,
    to_write,
)
from retrieve.cli.showing import render

PHOTOS_A_BATCH = 64


def embed(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos and folders.")],
    out: Annotated[
        Path, typer.Option(help="The .npz file to write.", dir_okay=False, callback=to_write)
    ],
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
    as_json: JsonOption = False,
) -> None:
    """Write the embeddings of all faces in PHOTO to a file, to go on in numpy.

    Arrays, one row a face: path, box (x1 y1 x2 y2 in photo pixels), score (the
    detector's) and embedding (unit float32).

    Example: retrieve embed ./photos --out faces.npz
    """
    from retrieve.indexes.building.processes import FOR_PHOTOS, begin

    begin(FOR_PHOTOS)  # while the rest is imported
    import numpy as np

    from retrieve.cache import replacing
    from retrieve.cli.inputs import extracted
    from retrieve.faces.embedding import views
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder

    with render.download() as on_download:
        embedder = open_embedder(
            model or DEFAULT_EMBEDDER, device=device.value, progress=on_download
        )
    paths: list[str] = []
    boxes, scores, waiting = [], [], []
    rows = [np.empty((0, embedder.dim), np.float32)]
    for path, outcome in extracted(photos, detector=detector, embedder=model, device=device.value):
        if isinstance(outcome, str):
            render.skipped(path, outcome)
            continue
        paths += [str(path)] * len(outcome.faces)
        boxes += [face.box for face in outcome.faces]
        scores += [face.score for face in outcome.faces]
        waiting.append(outcome.crops)
        if len(waiting) == PHOTOS_A_BATCH:
            rows.append(views.embed(embedder, views.together(waiting)))
            waiting.clear()
    if waiting:
        rows.append(views.embed(embedder, views.together(waiting)))
    with replacing(out.absolute()) as part, part.open("wb") as file:
        np.savez(
            file,
            path=np.array(paths, np.str_),
            box=np.array(boxes, np.float32).reshape(-1, 4),
            score=np.array(scores, np.float32),
            embedding=np.concatenate(rows),
        )
    if as_json:
        render.as_json({"file": render.shown(out), "faces": len(paths), "dim": embedder.dim})
    else:
        render.note(f"wrote {len(paths)} faces to {out}")
