"""The scores that faces are joined at: they follow from how many faces there are.

Each face is compared with all others, so the best of its strangers scores higher the more there
are: of N strangers one scores t and more with the chance 1 - (1 - F(t))^N, where F is the curve of
strangers that the embedder was calibrated with (docs/scores.md). The first two chances were chosen
on half of the people (docs/people.md says which, and what they make of the other half); measured by
python -m benchmarks.clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrieve.faces.calibration import Calibration

# That the best of all strangers passes: for two faces in the first pass, which a face is attached
# by, too; for two groups on average in the second; for a face and a group on average; and for two
# groups that a person is asked about.
CHANCE = 0.005
CHANCE_ON_AVERAGE = 0.03
CHANCE_ATTACHED = 0.1
CHANCE_ASKED = 0.5
# Two groups that a face is so nearly as like as each other: .02 costs 1 in 100 known faces.
MARGIN = 0.02
# Below it a score depends on what is wrong with the face, which one number does not say.
QUALITY = 0.5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What two faces, or many pairs on average, have to score.

    first     two faces, in the first pass
    second    two groups on average, in the second
    asked     two groups on average, for a person to be asked whether they are one
    nearest   a face and the nearest of the group that it is attached to
    average   that face and the group on average
    margin    how much higher that is than the average with any other group
    quality   of a face that groups begin with; those below are attached alone
    """

    first: float
    second: float
    asked: float
    nearest: float
    average: float
    margin: float = MARGIN
    quality: float = QUALITY


def thresholds_among(calibration: Calibration, faces: int) -> Thresholds:
    """The thresholds for a collection of so many faces, 1 at least.

    raises  BadInput for a calibration that does not tell how strangers score
    """

    def at(chance: float) -> float:
        return calibration.threshold_for(faces, chance)

    nearest = at(CHANCE)
    return Thresholds(
        first=nearest,
        second=at(CHANCE_ON_AVERAGE),
        asked=at(CHANCE_ASKED),
        nearest=nearest,
        average=at(CHANCE_ATTACHED),
    )
