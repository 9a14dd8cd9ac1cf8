"""Labelled photos → embeddings of their labelled faces: photos are read and faces found in the
workers, as indexing does, and embedded here as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.faces.damages import Damage
from retrieve.faces.embedding import averaging, views
from retrieve.faces.embedding.averaging import Averaging
from retrieve.faces.embedding.gradients import Differentiable
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.indexes.building.networks import Networks
from retrieve.indexes.building.workers import WORKERS, run
from retrieve.indexes.labelled.looking import Looked, Looking
from retrieve.types import Crops, Embeddings, Skipped

AT_ONCE = 64  # faces that are embedded together
PLAIN = "none"  # in the place of an averaging

# Photos done, of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The labelled faces of N photos that have one; C is 1 and the damages.

    places      (N,) int64 which of the photos that were given, rising
    embeddings  averaging or PLAIN → (C, N, D) unit rows, as they are and then damaged; zeros where
                a face is not found
    found       (C, N)
    crops       of the faces as they are, for each view (N, S, S, 3)
    quality     (N,) of these, 0 to 1
    skipped     photos without a face, and those that cannot be read
    """

    places: NDArray[np.int64]
    embeddings: dict[str, NDArray[np.float32]]
    found: NDArray[np.bool_]
    crops: tuple[Crops, ...]
    quality: NDArray[np.float32]
    skipped: list[Skipped]


def labelled(
    networks: Networks,
    photos: Sequence[Path],
    *,
    damages: Sequence[Damage] = (),
    of: Sequence[int] = (),
    averagings: Sequence[Averaging] = (),
    dropping: Differentiable | None = None,
    largest: bool = False,
    seed: int = 0,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> Labelled:
    """Find and embed the labelled face of each photo; one that cannot be used is skipped.

    of        which of the photos are damaged, too; the others are not
    dropping  the embedder with dropout, where that is one of the averagings
    Otherwise as Looking.
    raises    BadInput if no photo has a face
    """
    job, embedder = networks.job(), networks.embedder
    shown = len(job.views)
    if Averaging.ZOOMS in averagings:
        job = replace(job, views=averaging.with_zooms(job.views))
    ways = [PLAIN, *map(str, averagings)]
    C, N = 1 + len(damages), len(photos)
    rows = {way: np.zeros((C, N, embedder.dim), np.float32) for way in ways}
    found = np.zeros((C, N), np.bool_)
    quality = np.zeros(N, np.float32)
    kept: list[tuple[Crops, ...] | None] = [None] * N
    skipped: list[Skipped] = []
    waiting: list[tuple[int, Looked]] = []

    def embed() -> None:
        crops = views.together([looked.crops for _, looked in waiting])
        who = np.repeat([i for i, _ in waiting], [len(looked.found) for _, looked in waiting])
        which = np.concatenate([looked.found for _, looked in waiting])
        plain = views.embed(embedder, crops[:shown])
        rows[PLAIN][which, who] = plain
        for way in averagings:
            rows[way][which, who] = _averaged(way, embedder, crops, shown, plain, dropping, seed)
        found[which, who] = True
        waiting.clear()

    looking = Looking(job, tuple(damages), largest, seed)
    chosen = set(of)
    tasks = ((i, (path, i in chosen)) for i, path in enumerate(photos))
    with closing(run(looking.open, tasks, workers=workers, here=networks.stays)) as outcomes:
        for done, (i, outcome) in enumerate(_in_order(outcomes), 1):
            if isinstance(outcome, str):
                skipped.append(Skipped(photos[i], outcome))
            else:
                kept[i] = tuple(view[:1].copy() for view in outcome.crops[:shown])
                quality[i] = outcome.quality
                waiting.append((i, outcome))
                if sum(len(looked.found) for _, looked in waiting) >= AT_ONCE:
                    embed()
            if progress is not None:
                progress(done, N)
    if waiting:
        embed()
    there = np.flatnonzero(found[0])
    if not there.size:
        raise BadInput("no face was found in any of the labelled photos")
    return Labelled(
        there,
        {way: one[:, there] for way, one in rows.items()},
        found[:, there],
        views.together([crops for crops in kept if crops is not None]),
        quality[there],
        sorted(skipped, key=lambda item: item.path),
    )


def _in_order(
    outcomes: Iterable[tuple[int, Looked | str]],
) -> Iterator[tuple[int, Looked | str]]:
    """As they were given, whichever was done first: what stands together in a batch of a network
    changes its last digits.
    """
    early: dict[int, Looked | str] = {}
    place = 0
    for i, outcome in outcomes:
        early[i] = outcome
        while place in early:
            yield place, early.pop(place)
            place += 1


def _averaged(
    way: Averaging,
    embedder: AnyEmbedder,
    crops: tuple[Crops, ...],
    shown: int,
    plain: Embeddings,
    dropping: Differentiable | None,
    seed: int,
) -> Embeddings:
    if way is Averaging.MIRROR:
        return averaging.mirrored(embedder, crops[:shown], plain)
    if way is Averaging.ZOOMS:
        return averaging.over_zooms(embedder, crops, plain)
    assert dropping is not None, "its caller opens it"
    return dropping.embed_dropping(crops[:shown], seed=seed)
