"""retrieve evaluate classifier"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import GroupColumn, JsonOption, LabelColumn, PictureOption, TextColumn
from retrieve.cli.showing import classreports, render
from retrieve.cli.showing.plotting import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieve.text.classifiers.classify import Classifier
    from retrieve.text.classifiers.file import Fitted
    from retrieve.training.classifier.examples import Columns, Examples


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
    none: Annotated[
        Path | None,
        typer.Option(
            help="Texts of none of the classes, in such a form: how many of them are noticed.",
            exists=True,
        ),
    ] = None,
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

    from retrieve.errors import BadInput
    from retrieve.evaluation.classification import quality
    from retrieve.text.classifiers.classify import familiarity, open_classifier, probabilities
    from retrieve.training.classifier.examples import Columns

    if picture:
        checked(picture)
    opened = open_classifier(model)
    columns = Columns(text_column, label_column, group_column)
    examples = _covered(opened, source, columns)
    if strange := sorted(set(examples.labels) - set(opened.classes)):
        raise BadInput(
            f"{source} has texts of {', '.join(strange[:10])}; the classifier knows "
            f"{', '.join(opened.classes[:20])}"
        )
    number = {label: i for i, label in enumerate(opened.classes)}
    truth = np.array([number[label] for label in examples.labels], np.int64)
    logits = opened.network.logits(examples.texts)
    fitted = opened.about.fitted
    found = quality(opened.classes, truth, probabilities(logits, fitted), examples.groups)
    known = classreports.Familiar(familiarity(logits, fitted), _thresholds(examples.texts, fitted))
    unknown = None
    if none:
        others = _covered(opened, none, columns).texts
        unknown = classreports.Familiar(
            familiarity(opened.network.logits(others), fitted), _thresholds(others, fitted)
        )
    classreports.measured(found, known, unknown, as_json=as_json)
    if picture:
        classreports.draw(found, picture)
        render.note(f"wrote {render.shown(picture)}")


def _thresholds(texts: Sequence[str], fitted: Fitted) -> NDArray[np.float32]:
    """(N,) what each text has to reach, by its length."""
    import numpy as np

    from retrieve.text.classifiers.file import length_of

    least = (fitted.threshold_of(length_of(text)) for text in texts)
    return np.array([-np.inf if one is None else one for one in least], np.float32)


def _covered(classifier: Classifier, source: Path, columns: Columns) -> Examples:
    """The labelled texts in which there is something to classify by."""
    from retrieve.training.classifier.examples import Examples, read

    every = read(source, columns, fewest=1)
    for one in every.skipped:
        render.skipped(one.path, one.reason)
    found = Examples()
    for text, label, group in zip(every.texts, every.labels, every.groups, strict=True):
        if classifier.covers(text):
            found.add(text, label, group)
    return found
