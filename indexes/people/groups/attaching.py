"""A face to a group that there is, or to none.

Both the nearest face of the group and all of it on average have to score high enough, and no other
group nearly as high on average: else the face is nobody's, for a wrong name is worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieve.errors import BadInput
from retrieve.indexes.people.groups.graph import Scores
from retrieve.indexes.people.groups.links import Rows
from retrieve.indexes.people.groups.thresholds import Thresholds
from retrieve.types import Embeddings

NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """What groups are like as a whole.

    ids    (G,) int64, ascending
    means  (G, D) float32 of their embeddings, not of length 1
    """

    ids: Rows
    means: Embeddings


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The stored faces that are nearest to each of Q probes.

    groups  (Q, k) int64, of which group each is; NOBODY where it is of none
    scores  (Q, k) cosine
    """

    groups: Rows
    scores: Scores


def attach(
    probes: Embeddings,
    near: Nearest,
    groups: Groups,
    thresholds: Thresholds,
    refused: Rows,
    apart: Rows,
) -> Rows:
    """(Q,) the group of each probe, NOBODY for one that is attached to none.

    probes   (Q, D) unit rows
    groups   all that stand in `near`; a group none of whose faces is among the nearest is no
             candidate, and no runner-up either
    refused  (R, 2) probe, group that it is not of
    apart    (C, 2) probes that are two people: of two that want one group the less like it is
             nobody's
    raises   BadInput for a group that is not among the groups
    """
    Q = len(probes)
    probe, place = np.nonzero(near.groups != NOBODY)
    wanted = near.groups[probe, place]
    if not np.isin(wanted, groups.ids).all():
        raise BadInput("wanted the mean of each group that a near face is of")
    at, G = np.searchsorted(groups.ids, wanted), max(len(groups.ids), 1)
    keys, of = np.unique(probe * G + at, return_inverse=True)
    best = np.full(len(keys), -np.inf)
    np.maximum.at(best, of, near.scores[probe, place])
    no = refused[np.isin(refused[:, 1], groups.ids)]
    allowed = ~np.isin(keys, no[:, 0] * G + np.searchsorted(groups.ids, no[:, 1]))
    keys, best = keys[allowed], best[allowed]
    probe, at = keys // G, keys % G
    average = np.einsum("cd,cd->c", probes[probe], groups.means[at])
    order = np.lexsort((at, -average, probe))
    probe, at, best, average = probe[order], at[order], best[order], average[order]
    firsts = np.unique(probe, return_index=True)[1]
    second = np.full(len(firsts), -np.inf)
    more = firsts + 1 < len(probe)
    more[more] = probe[firsts[more] + 1] == probe[firsts[more]]
    second[more] = average[firsts[more] + 1]
    passes = (
        (best[firsts] >= thresholds.nearest)
        & (average[firsts] >= thresholds.average)
        & (average[firsts] - second >= thresholds.margin)
    )
    found, likeness = np.full(Q, NOBODY, np.int64), np.full(Q, -np.inf)
    chosen = firsts[passes]
    found[probe[chosen]], likeness[probe[chosen]] = groups.ids[at[chosen]], average[chosen]
    both = apart[(found[apart[:, 0]] == found[apart[:, 1]]) & (found[apart[:, 0]] != NOBODY)]
    loser = np.where(likeness[both[:, 0]] < likeness[both[:, 1]], both[:, 0], both[:, 1])
    found[loser] = NOBODY
    return found
