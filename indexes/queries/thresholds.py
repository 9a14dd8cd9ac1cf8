"""The lowest score of a hit: asked for, or so high that strangers pass it by a stated chance."""

from __future__ import annotations

from dataclasses import dataclass

from retrieve.errors import BadInput
from retrieve.faces import calibration
from retrieve.faces.calibration import DEFAULT_CHANCE, Calibration
from retrieve.indexes.queries.asked import checked_strangers, checked_threshold


@dataclass(frozen=True, slots=True)
class Threshold:
    """The lowest score that passes, and what it lets in.

    score      cosine
    among      as how many strangers the faces that are searched count: each person as
               (faces)^.8, a face of nobody knows whom as a person of its own
    strangers  the chance that the best of so many passes; None without a calibration that tells
    """

    score: float
    among: float
    strangers: float | None


def threshold_among(
    calibrated: Calibration | None,
    embedder: str,
    among: float,
    *,
    threshold: float | None = None,
    strangers: float | None = None,
) -> Threshold:
    """The threshold of a search among faces that count as so many strangers.

    threshold  the score that was asked for
    strangers  the chance that was asked for; without either it is DEFAULT_CHANCE, or the
               threshold of two faces where a calibration of an older version does not tell
    raises     BadInput for both at once, for values that are none, and where there is no
               calibration to take one from
    """
    if threshold is not None and strangers is not None:
        raise BadInput(
            "wanted a threshold or a chance of strangers, of which one follows; got both"
        )
    if threshold is None:
        found = calibration.required(calibrated, embedder)
        if strangers is None and found.strangers is None:
            return Threshold(found.threshold, among, None)
        chance = DEFAULT_CHANCE if strangers is None else checked_strangers(strangers)
        return Threshold(found.threshold_for(max(among, 1.0), chance), among, chance)
    least = checked_threshold(threshold)
    if calibrated is None or calibrated.strangers is None:
        return Threshold(least, among, None)
    return Threshold(least, among, calibrated.chance_for(among, least))
