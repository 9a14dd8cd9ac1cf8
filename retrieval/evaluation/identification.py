"""One to many: who of the gallery is this, if anyone.

Closed set: rank and the cumulative match characteristic (CMC). Open set: some probes
show people outside the gallery, so a hit also has to pass a threshold (TPIR, FPIR).
Terms as in Grother, Ngan and Hanaoka 2019, NISTIR 8271.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.verification import Rate, rate

ScoreTable = NDArray[np.floating[Any]]  # (P, G), row per probe, column per gallery entry


@dataclass(frozen=True, slots=True)
class OpenSet:
    """What happens at one threshold.

    identified  TPIR: known probes whose best hit is the right person and passes
    accepted    FPIR: strangers whose best hit passes
    """

    threshold: float
    identified: Rate
    accepted: Rate


def ranks(scores: ScoreTable, probes: Sequence[str], gallery: Sequence[str]) -> NDArray[np.int64]:
    """The place of the right person for every probe: 1 is best, 0 is not in the gallery.

    scores   (P, G), higher is closer
    probes   P identities; gallery: G identities, several entries of one allowed
    returns  (P,) int64. People are ranked by their best entry; of a tie the right
             person comes last, so that equal scores earn nothing
    """
    same = _same(scores, probes, gallery)
    people, column = np.unique(np.asarray(gallery, dtype=np.str_), return_inverse=True)
    best = np.full((len(probes), len(people)), -np.inf)
    for person in range(len(people)):
        best[:, person] = scores[:, column == person].max(axis=1)
    right = np.where(same, scores, -np.inf).max(axis=1, initial=-np.inf)
    place = (best >= right[:, None]).sum(axis=1)
    return np.where(same.any(axis=1), place, 0)


def cmc(place: NDArray[np.int64], *, up_to: int = 10) -> NDArray[np.float64]:
    """Share of known probes whose right person stands at place k or better.

    place    (P,) as from ranks(); probes with place 0 do not count
    returns  (up_to,) float64, k = 1..up_to
    raises   BadInput if no probe is known
    """
    known = place[place > 0]
    if known.size == 0:
        raise BadInput("a match characteristic needs a probe that is in the gallery")
    return np.array([(known <= k).mean() for k in range(1, up_to + 1)])


def open_set(
    scores: ScoreTable, probes: Sequence[str], gallery: Sequence[str], threshold: float
) -> OpenSet:
    """Identification when some probes show strangers, at score >= threshold.

    scores  (P, G) as for ranks()
    raises  BadInput unless there is at least one known probe and one stranger
    """
    place = ranks(scores, probes, gallery)
    passes = scores.max(axis=1) >= threshold
    known = place > 0
    return OpenSet(
        threshold,
        identified=rate(int(np.count_nonzero(passes & (place == 1))), int(known.sum())),
        accepted=rate(int(np.count_nonzero(passes & ~known)), int((~known).sum())),
    )


def stranger_threshold(scores: ScoreTable, probes: Sequence[str], gallery: Sequence[str]) -> float:
    """The lowest threshold at which no stranger is accepted: just above their best score."""
    strangers = scores[ranks(scores, probes, gallery) == 0]
    if strangers.size == 0:
        raise BadInput("every probe is in the gallery; a stranger's score is needed")
    best = strangers.max()
    return float(np.nextafter(best, np.inf, dtype=best.dtype))


def _same(scores: ScoreTable, probes: Sequence[str], gallery: Sequence[str]) -> NDArray[np.bool_]:
    if scores.shape != (len(probes), len(gallery)) or len(gallery) == 0:
        raise BadInput(
            f"scores must be (probes, gallery) = ({len(probes)}, {len(gallery)}) "
            f"with a gallery; got {scores.shape}"
        )
    right: NDArray[np.bool_] = np.equal.outer(np.asarray(probes), np.asarray(gallery))
    return right
