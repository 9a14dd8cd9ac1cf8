"""Tables and JSON; the page shows the same tables, so they are rows of text at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render
from retrieve.shares import share

if TYPE_CHECKING:
    from retrieve.evaluation.clusters import Clusters
    from retrieve.evaluation.faces.folds import Accuracy
    from retrieve.evaluation.faces.galleries import AtThreshold
    from retrieve.evaluation.faces.measured import Measured
    from retrieve.evaluation.faces.resampling import Share
    from retrieve.evaluation.faces.robustness import Robust
    from retrieve.indexes.labelled.attacking import Attack
    from retrieve.indexes.labelled.evaluating import Evaluation

PLAIN = "none"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text.

    title   what they tell, in a line
    right   the columns that are numbers, blanks between
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: str = ""


def show(found: Evaluation, *, as_json: bool, spent_s: float) -> None:
    """Everything that was measured."""
    if as_json:
        for value in objects(found, spent_s):
            render.as_json(value)
        return
    render.line(heading(found))
    for table in tables(found):
        render.line("")
        render.line(table.title)
        render.table(table.columns, table.rows, right=table.right)
    render.note(f"{spent_s:.0f} s")


def heading(found: Evaluation) -> str:
    """What was measured on what."""
    plain = found.measured[PLAIN]
    every = plain.pairs
    return (
        f"{found.embedder} on {found.detector}: {plain.faces:,} faces of {plain.people:,} people "
        f"in {found.photos:,} photos ({len(found.skipped):,} without); {every.genuine.size:,} "
        f"pairs of one person, {every.impostor.size:,} of two"
    )


def tables(found: Evaluation) -> Iterator[Table]:
    """All of them that there is something to say in."""
    yield _verification(found.measured)
    if any(one.first is not None for one in found.measured.values()):
        yield _first(found.measured)
    if found.measured[PLAIN].galleries:
        yield _galleries(found.measured[PLAIN], found.chance, is_own=found.is_own)
    if found.grouped is not None:
        yield _grouped(found.grouped)
    if found.robust:
        yield _robust(found)
    if found.attacks:
        yield _attacks(found)


def _verification(measured: Mapping[str, Measured]) -> Table:
    rows = []
    for way, one in measured.items():
        if one.accuracy is not None:
            told = f"{share(one.accuracy.mean)} ± {share(one.accuracy.error)}"
            pairs = f"{one.accuracy.pairs:,} pairs in {len(one.accuracy.folds)} folds"
            rows.append((way, "accuracy", told, "", pairs))
        rows += [
            (
                way,
                f"TAR at FAR {at.fmr:g}",
                share(1 - at.missed.value),
                _interval(at.missed, missed=True),
                f"threshold {at.threshold:.4f}",
            )
            for at in one.at
        ]
        rows.append((way, "EER", share(one.equal.value), _interval(one.equal), ""))
    return Table(
        "Verification: is this one person",
        ("averaged", "figure", "value", "95 %", ""),
        rows,
        "value",
    )


def _first(measured: Mapping[str, Measured]) -> Table:
    rows = [
        (way, f"{one.people:,}", share(one.first.value), _interval(one.first))
        for way, one in measured.items()
        if one.first is not None
    ]
    title = "Identification, closed set: the best of a gallery of everybody is the right person"
    return Table(title, ("averaged", "people", "rank 1", "95 %"), rows, "people")


def _galleries(measured: Measured, chance: float | None, *, is_own: bool) -> Table:
    rows = []
    for one in measured.galleries:
        every = [("fixed", one.fixed), ("FPIR 0.01", one.measured)]
        if one.stated is not None:
            every.insert(1, (f"stated {chance:g}", one.stated))
        rows += [
            (
                f"{one.people:,}",
                f"{one.strangers:,}",
                name,
                f"{at.threshold:.4f}",
                share(at.accepted.value),
                _interval(at.accepted),
                share(at.identified.value),
                _interval(at.identified),
            )
            for name, at in every
        ]
    fmr = measured.operating.fmr
    return Table(
        "Identification, open set: strangers let in (FPIR) and known found (TPIR), among N "
        f"people; fixed is the threshold of FAR {fmr:g}"
        + ("; what is stated was fitted on these people" if is_own else ""),
        ("N", "strangers", "threshold", "at", "FPIR", "95 %", "TPIR", "95 % "),
        rows,
        "N strangers at FPIR TPIR",
    )


def _grouped(found: Clusters) -> Table:
    rows = [
        (name, share(one.f1), share(one.precision), share(one.recall))
        for name, one in (("pairs", found.pairs), ("B-cubed", found.bcubed))
    ]
    return Table(
        f"Grouping, without labels: {found.groups:,} groups, {found.impure:,} impure; of "
        f"{found.people:,} people with two faces or more {found.whole:,} whole and pure, of "
        f"{found.singles:,} with one {found.merged:,} merged with others",
        ("of", "F1", "precision", "recall"),
        rows,
        "F1 precision recall",
    )


def _robust(found: Evaluation) -> Table:
    at = found.measured[PLAIN].operating
    rows = [
        (
            "as it is" if one.damage is None else one.damage.name,
            one.averaging,
            *_robust_row(one.found),
        )
        for one in found.robust
    ]
    probes = found.robust[0].found.probes
    return Table(
        f"Damaged probes, {probes:,} faces: missed at the threshold of FAR {at.fmr:g} undamaged",
        ("damage", "averaged", *ROBUST),
        rows,
        "found missed FAR EER accuracy",
    )


def _attacks(found: Evaluation) -> Table:
    at = found.measured[PLAIN].operating
    rows = [
        (
            f"{one.step:g} of 255",
            "mirror" if one.mirrored else PLAIN,
            share(one.away.missed.value),
            _interval(one.away.missed),
            share(one.away.first.value),
            share(one.toward.value),
            _interval(one.toward),
        )
        for one in found.attacks
    ]
    return Table(
        f"Attacked crops, by the sign of the gradient (FAR {at.fmr:g}): missed by their own, taken "
        "for a chosen stranger",
        ("ε", "averaged", "missed", "95 %", "rank 1", "taken for", "95 % "),
        rows,
        "missed",
    )


ROBUST = ("found", "missed", "95 %", "FAR", "EER", "rank 1", "accuracy")


def _robust_row(one: Robust) -> tuple[str, ...]:
    return (
        share(one.found, 3),
        share(one.missed.value),
        _interval(one.missed),
        share(one.passing, 5),
        share(one.equal),
        share(one.first.value),
        "" if one.accuracy is None else share(one.accuracy.mean),
    )


def objects(found: Evaluation, spent_s: float) -> Iterator[dict[str, Any]]:
    """One for each way of averaging, each damage and each step of an attack."""
    about = {"embedder": found.embedder, "detector": found.detector}
    for way, one in found.measured.items():
        yield {
            "what": "faces",
            **about,
            "averaging": way,
            "photos": found.photos,
            "skipped": len(found.skipped),
            "faces": one.faces,
            "people": one.people,
            "genuine": one.pairs.genuine.size,
            "impostor": one.pairs.impostor.size,
            "accuracy": _accuracy(one.accuracy),
            "at": [
                {"far": at.fmr, "threshold": at.threshold, "tar": 1 - at.missed.value}
                | {"fnmr": _share(at.missed)}
                for at in one.at
            ],
            "eer": _share(one.equal),
            "rank_1": _share(one.first),
            "open_set": [
                {
                    "people": gallery.people,
                    "strangers": gallery.strangers,
                    "fixed": _at(gallery.fixed),
                    "stated": None
                    if gallery.stated is None
                    else {"chance": found.chance, "fitted_here": found.is_own}
                    | _at(gallery.stated),
                    "at_fpir": _at(gallery.measured),
                }
                for gallery in one.galleries
            ],
            "clusters": None
            if found.grouped is None or way != PLAIN
            else asdict(found.grouped)
            | {"pair_f1": found.grouped.pairs.f1, "bcubed_f1": found.grouped.bcubed.f1},
            "seconds": round(spent_s, 1),
        }
    for line in found.robust:
        kind = None if line.damage is None else line.damage.kind
        strength = None if line.damage is None else line.damage.strength
        yield {"what": "damage", "damage": kind, "strength": strength} | {
            "averaging": line.averaging,
            **_robust_object(line.found),
        }
    for attack in found.attacks:
        yield _attack(attack)


def _attack(one: Attack) -> dict[str, Any]:
    return {
        "what": "attack",
        "epsilon": one.step,
        "averaging": "mirror" if one.mirrored else PLAIN,
        "away": _robust_object(one.away),
        "taken_for": _share(one.toward),
    }


def _robust_object(one: Robust) -> dict[str, Any]:
    return {
        "probes": one.probes,
        "found": one.found,
        "fnmr": _share(one.missed),
        "far": one.passing,
        "eer": one.equal,
        "rank_1": _share(one.first),
        "accuracy": _accuracy(one.accuracy),
    }


def _at(one: AtThreshold) -> dict[str, Any]:
    return {
        "threshold": one.threshold,
        "fpir": _share(one.accepted),
        "tpir": _share(one.identified),
    }


def _share(one: Share | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def _accuracy(one: Accuracy | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "mean": one.mean,
        "standard_error": one.error,
        "threshold": one.threshold,
        "pairs": one.pairs,
        "folds": list(one.folds),
    }


def _interval(one: Share, *, missed: bool = False) -> str:
    """missed: the value is what is left of one."""
    if one.low is None or one.high is None:
        return ""
    low, high = (1 - one.high, 1 - one.low) if missed else (one.low, one.high)
    return f"{share(low)} to {share(high)}"
