"""retrieve calibrate"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from retrieve.cli.options import DetectorOption, Device, DeviceOption, ModelOption
from retrieve.cli.showing import render
from retrieve.errors import BadInput


def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(help="Photos, in one folder for each person.", exists=True, file_okay=False),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns path (below FOLDER) and identity, in place of folders.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write.", show_default="in the user's data folder"),
    ] = None,
    data: Annotated[str | None, typer.Option(help="What the photos are, for the record.")] = None,
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
) -> None:
    """Fit what a score means, and the default threshold, on labelled photos.

    Of each photo the largest face is taken to be the person. All pairs of photos are
    compared.

    Example: retrieve calibrate ./people --model facenet-vggface2
    """
    from retrieve.cli.inputs import extracted
    from retrieve.evaluation.verification import false_non_match_rate
    from retrieve.faces import calibration
    from retrieve.faces.detection.detect import DEFAULT_DETECTOR
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
    from retrieve.faces.embedding.views import embed
    from retrieve.training.calibrate import largest_faces, pair_scores

    people = _from_csv(folder, labels) if labels is not None else _from_folders(folder)
    with render.download() as on_download:
        embedder = open_embedder(
            model or DEFAULT_EMBEDDER, device=device.value, progress=on_download
        )
    found = extracted(people, detector=detector, embedder=model, device=device.value)
    paths, crops = largest_faces(found)
    for path in sorted(set(people) - set(paths)):
        render.skipped(path, "no face found in it")
    genuine, impostor = pair_scores(embed(embedder, crops), [people[path] for path in paths])
    fitted = calibration.fit(
        genuine,
        impostor,
        embedder=embedder.name,
        embedder_sha256=embedder.weights_sha256,
        detector=detector or DEFAULT_DETECTOR,
        data=data or folder.name,
    )
    missed = {
        fmr: false_non_match_rate(genuine, threshold).value
        for fmr, threshold in fitted.thresholds.items()
    }
    render.calibration(fitted, missed, calibration.save(fitted, out))


def _from_folders(folder: Path) -> dict[Path, str]:
    """Photo → person, who is the folder below `folder` that it lies in."""
    from retrieve.indexes.building.walk import walk
    from retrieve.types import Skipped

    root = folder.absolute()
    found = [item.path for item in walk([root]) if not isinstance(item, Skipped)]
    return {path: path.relative_to(root).parts[0] for path in found if path.parent != root}


def _from_csv(folder: Path, labels: Path) -> dict[Path, str]:
    with labels.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if not {"path", "identity"} <= set(rows.fieldnames or []):
            raise BadInput(
                f"{labels} needs the columns path and identity; it has {rows.fieldnames}"
            )
        return {folder.absolute() / row["path"]: row["identity"] for row in rows if row["identity"]}
