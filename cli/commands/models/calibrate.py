"""retrieve calibrate"""

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
    Subject,
    to_write,
)
from retrieve.cli.showing import render


def calibrate(
    folder: Annotated[
        Path,
        typer.Argument(help="Photos, in one folder for each person.", exists=True, file_okay=False),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns file (below FOLDER) and identity, in place of folders.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    subject: Annotated[
        Subject,
        typer.Option(help="Which face of a photo is the person: nearest the middle, or largest."),
    ] = Subject.CENTRE,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write.", show_default="in the user's data folder", callback=to_write
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="What the photos are, for the record.")] = None,
    model: ModelOption = None,
    detector: DetectorOption = None,
    device: DeviceOption = Device.CPU,
    as_json: JsonOption = False,
) -> None:
    """Fit what a score means, and the default threshold, on labelled photos.

    Of each photo the face nearest the middle is taken to be the person. All pairs of photos are
    compared. From 12 people on it is also told how high the best of many strangers scores, and
    where enough faces are of a low quality, what scores of those mean. How far probabilities lie
    from the truth is measured on people who were left out.

    Example: retrieve calibrate ./people --labels people.csv --model mobilefacenet
    """
    from retrieve.cli.inputs import extracted
    from retrieve.evaluation.verification import false_non_match_rate
    from retrieve.faces import calibration
    from retrieve.faces.detection.detect import DEFAULT_DETECTOR
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER, open_embedder
    from retrieve.faces.embedding.views import embed
    from retrieve.indexes.labelled.labels import from_csv, from_folders
    from retrieve.training.calibrate import (
        held_out_error,
        labelled_faces,
        pair_scores,
        stranger_curve,
        worse_by_quality,
    )

    people = from_csv(folder, labels) if labels is not None else from_folders(folder)
    with render.download() as on_download:
        embedder = open_embedder(
            model or DEFAULT_EMBEDDER, device=device.value, progress=on_download
        )
    found = extracted(people, detector=detector, embedder=model, device=device.value)
    faces = labelled_faces(found, largest=subject is Subject.LARGEST)
    for path in sorted(set(people) - set(faces.paths)):
        render.skipped(path, "no face found in it")
    embeddings = embed(embedder, faces.crops)
    who = [people[path] for path in faces.paths]
    genuine, impostor = pair_scores(embeddings, who)
    name = detector or DEFAULT_DETECTOR
    before = calibration.find(embedder.weights_sha256, name)
    known = before.worse if before else ()
    fitted = calibration.fit(
        genuine,
        impostor,
        embedder=embedder.name,
        embedder_sha256=embedder.weights_sha256,
        detector=name,
        data=data or folder.name,
        curve=stranger_curve(embeddings, who),
        worse=worse_by_quality(embeddings, who, faces.quality, known),
    )
    missed = {
        fmr: false_non_match_rate(genuine, threshold).value
        for fmr, threshold in fitted.thresholds.items()
    }
    error = held_out_error(embeddings, who, faces.quality, known)
    kept = calibration.save(fitted, out)
    if as_json:
        render.as_json(
            {
                "file": render.shown(kept),
                "genuine": fitted.genuine,
                "impostor": fitted.impostor,
                "thresholds": fitted.thresholds,
                "missed": missed,
                "held_out_error": error,
            }
        )
    else:
        render.calibration(fitted, missed, error, kept)
