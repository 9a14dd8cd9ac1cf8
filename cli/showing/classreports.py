"""What a classifier is worth, as tables, JSON and a picture of its confusions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render
from retrieve.cli.showing.plotting import checked
from retrieve.shares import percent, share

if TYPE_CHECKING:
    from retrieve.evaluation.classification import Quality
    from retrieve.evaluation.verification import Rate
    from retrieve.training.classifier.recipe import Floats, Report

NUMBERED = 30  # classes up to which the picture has a number in each cell
DARK = 0.5  # share of a row from which its number is written in white


def trained(report: Report, *, as_json: bool) -> None:
    """What training measured."""
    from retrieve.training.classifier.recipe import figures

    if as_json:
        render.as_json(figures(report) | _classes(report.quality))
        return
    _table(report.quality)
    _accuracy(report.quality, f"{report.held_out:,} held-out texts of {report.examples:,}")
    render.line(
        f"calibration error {report.quality.ece:.3f} at temperature "
        f"{report.fitted.temperature:.2f}, {report.ece_before:.3f} without"
    )
    render.line(
        f"{percent(report.passed)} of them are not called none "
        f"(wanted {percent(report.fitted.passes, 0)})"
    )
    if report.unknown:
        render.line(
            f"each class left out once: AUROC {share(report.unknown.auroc, 3)}; "
            f"{percent(report.unknown.rejected)} of its texts are called none, and "
            f"{percent(1 - report.unknown.passed)} of the others"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """How familiar N texts are, and what each has to reach not to be called none."""

    found: Floats
    least: Floats

    @property
    def passed(self) -> float:
        """The share that does."""
        return float((self.found >= self.least).mean())


def measured(
    quality: Quality,
    known: Familiar,
    unknown: Familiar | None,
    *,
    as_json: bool,
) -> None:
    """What a stored classifier is worth on labelled texts.

    known    the texts
    unknown  texts of none of the classes, or None without any
    """
    from retrieve.evaluation.classification import auroc

    noticed: dict[str, float] = {}
    if unknown is not None:
        noticed = {
            "texts": len(unknown.found),
            "auroc": auroc(known.found, unknown.found),
            "rejected": 1 - unknown.passed,
        }
    if as_json:
        accuracy = quality.accuracy
        value = {
            "accuracy": round(accuracy.value, 4),
            "low": round(accuracy.low, 4),
            "high": round(accuracy.high, 4),
            "texts": len(known.found),
            "ece": round(quality.ece, 4),
            "passed": round(known.passed, 4),
            "none": {name: round(value, 4) for name, value in noticed.items()} or None,
        }
        render.as_json(value | _classes(quality))
        return
    _table(quality)
    _accuracy(quality, f"{len(known.found):,} texts")
    render.line(
        f"calibration error {share(quality.ece, 3)}; {percent(known.passed)} are not called none"
    )
    if noticed:
        render.line(
            f"of {noticed['texts']:,} texts of none of the classes "
            f"{percent(noticed['rejected'])} are called none; AUROC {share(noticed['auroc'], 3)}"
        )


def draw(quality: Quality, out: Path) -> None:
    """Write a picture of the confusion matrix: a row for each true class, shares of it as shade."""
    checked(out)
    import numpy as np
    from matplotlib import pyplot

    from retrieve.cache import replacing

    names = [one.label for one in quality.classes]
    counts = quality.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(4.5, 0.55 * len(names) + 2)
    figure, axes = pyplot.subplots(figsize=(size + 1, size), dpi=150, layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("called")
    axes.set_ylabel("true class")
    if len(names) <= NUMBERED:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > DARK else "#333333"
                axes.text(
                    column, row, str(count), ha="center", va="center", fontsize=8, color=colour
                )
    accuracy = quality.accuracy
    axes.set_title(
        f"accuracy {share(accuracy.value, 3)} "
        f"({share(accuracy.low, 3)} to {share(accuracy.high, 3)}), "
        f"{accuracy.trials:,} texts"
    )
    with replacing(out.absolute()) as temporary:
        figure.savefig(temporary, format=out.suffix[1:])
    pyplot.close(figure)


def _table(quality: Quality) -> None:
    render.table(
        ("class", "texts", "precision", "recall", "95 %"),
        (
            (
                one.label,
                str(int(quality.confusion[i].sum())),
                share(one.precision.value, 3) if one.precision else "",
                share(one.recall.value, 3) if one.recall else "",
                f"{share(one.recall.low, 3)} to {share(one.recall.high, 3)}" if one.recall else "",
            )
            for i, one in enumerate(quality.classes)
        ),
        right="texts precision recall",
    )


def _accuracy(quality: Quality, what: str) -> None:
    accuracy = quality.accuracy
    by_group = ""
    if quality.by_group:
        low, high = quality.by_group
        by_group = f"; {share(low, 3)} to {share(high, 3)} when groups are drawn anew"
    render.line(
        f"accuracy {share(accuracy.value, 3)} "
        f"({share(accuracy.low, 3)} to {share(accuracy.high, 3)}{by_group}), "
        f"{what}"
    )


def _classes(quality: Quality) -> dict[str, Any]:
    return {
        "by_group": quality.by_group,
        "classes": [
            {
                "class": one.label,
                "precision": _share(one.precision),
                "recall": _share(one.recall),
            }
            for one in quality.classes
        ],
        "confusion": quality.confusion.tolist(),
    }


def _share(share: Rate | None) -> float | None:
    return None if share is None else round(share.value, 4)
