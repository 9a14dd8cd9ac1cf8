"""retrieve evaluate classifier"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import classreports, render
from cli.options import JsonOption
from cli.train_classifier import GroupColumn, LabelColumn, PictureOption, TextColumn


def classifier(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A classifier's file, or languages.")
    ],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER_OR_FILE",
            help="Labelled texts in a form that `retrieve train classifier` reads.",
            exists=True,
        ),
    ],
    text_column: TextColumn = "text",
    label_column: LabelColumn = "label",
    group_column: GroupColumn = "",
    picture: PictureOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a classifier on labelled texts: accuracy with its interval, precision, recall.

    Example: retrieve evaluate classifier letters.safetensors more.csv
    """
    import numpy as np

    from retrieval.errors import BadInput
    from retrieval.evaluation.classification import quality
    from retrieval.text.classify import familiarity, open_classifier, probabilities
    from retrieval.training.classifier.examples import Columns, read

    classreports.check(picture)
    opened = open_classifier(model)
    examples = read(source, Columns(text_column, label_column, group_column))
    for one in examples.skipped:
        render.skipped(one.path, one.reason)
    if strange := sorted(set(examples.labels) - set(opened.classes)):
        raise BadInput(
            f"{source} has texts of {', '.join(strange[:10])}; the classifier knows "
            f"{', '.join(opened.classes[:20])}"
        )
    kept = [i for i, text in enumerate(examples.texts) if opened.covers(text)]
    number = {label: i for i, label in enumerate(opened.classes)}
    truth = np.array([number[examples.labels[i]] for i in kept], np.int64)
    logits = opened.network.logits([examples.texts[i] for i in kept])
    fitted = opened.about.fitted
    found = quality(
        opened.classes, truth, probabilities(logits, fitted), [examples.groups[i] for i in kept]
    )
    passed = 1.0
    if fitted.threshold is not None:
        passed = float((familiarity(logits, fitted) >= fitted.threshold).mean())
    classreports.measured(found, len(kept), passed, as_json=as_json)
    if picture:
        classreports.draw(found, picture)
        render.note(f"wrote {render.shown(picture)}")
