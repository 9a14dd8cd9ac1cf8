"""Pairs that are the same in some way → groups, the closest way first.

Each way joins what the closer ones have left: of photos of the same pixels one goes on to the
edited ones, of an edited picture one to the bursts, of a burst one to the scenes. So no two photos
stand together in two groups, and no scene is a list of copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieve.indexes.duplicates.best import Worth, finer, of_same_pixels, ordered
from retrieve.indexes.duplicates.kinds import Kind
from retrieve.indexes.people.groups.graph import Edges
from retrieve.indexes.people.groups.whispers import whispers

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Same:
    """What is known of pairs of photos.

    pixels  that have the same
    edited  that are one picture → pixels of the second's sketch for one of the first's
    burst   that are alike and were taken within seconds
    scene   that are alike → their scores
    """

    pixels: Sequence[Pair]
    edited: Mapping[Pair, float]
    burst: Sequence[Pair]
    scene: Mapping[Pair, float]


def grouped(
    photos: Sequence[int], same: Same, worth: Mapping[int, Worth], several: Iterable[int] = ()
) -> list[tuple[Kind, list[int]]]:
    """Groups of photos, each the best first.

    photos   all that stand in a pair, or in several files
    several  those that several files hold: a group of one photo
    """
    sizes = {photo: worth[photo].size for photo in photos}
    stands = {photo: photo for photo in photos}  # each → the one that stands for it so far
    found: list[tuple[Kind, list[int]]] = []

    def join(
        kind: Kind, parts: Iterable[list[int]], order: Callable[[list[int]], list[int]]
    ) -> None:
        now: dict[int, int] = {}
        for part in parts:
            best_first = order(part)
            found.append((kind, best_first))
            now |= dict.fromkeys(part, best_first[0])
        stands.update({photo: now.get(stand, stand) for photo, stand in stands.items()})

    def by_worth(part: list[int]) -> list[int]:
        return ordered(part, worth)

    alone = set(several)
    joined = _connected(same.pixels, stands)
    alone -= {photo for part in joined for photo in part}
    parts = [*joined, *([photo] for photo in sorted(alone))]
    join(Kind.PIXELS, parts, lambda part: of_same_pixels(part, worth))

    areas = {(stands[a], stands[b]): area for (a, b), area in same.edited.items()}

    def by_detail(part: list[int]) -> list[int]:
        return ordered(part, worth, finer(sorted(part), areas, sizes))

    join(Kind.EDITED, _connected(same.edited, stands), by_detail)
    join(Kind.BURST, _connected(same.burst, stands), by_worth)
    join(Kind.SCENE, _scenes(same.scene, stands), by_worth)
    return found


def _connected(pairs: Iterable[Pair], stands: Mapping[int, int]) -> list[list[int]]:
    """Those that a chain of pairs connects."""
    root: dict[int, int] = {}

    def top(one: int) -> int:
        while root.setdefault(one, one) != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for a, b in pairs:
        a, b = top(stands[a]), top(stands[b])
        root[max(a, b)] = min(a, b)
    parts: dict[int, list[int]] = {}
    for one in sorted(root):
        parts.setdefault(top(one), []).append(one)
    return [part for part in parts.values() if len(part) > 1]


def _scenes(scores: Mapping[Pair, float], stands: Mapping[int, int]) -> list[list[int]]:
    """Those that are alike among themselves: a chain from one scene to another is cut where it is
    thin.
    """
    best: dict[Pair, float] = {}
    for (a, b), score in scores.items():
        a, b = sorted((stands[a], stands[b]))
        if a != b:
            best[a, b] = max(score, best.get((a, b), -1.0))
    if not best:
        return []
    nodes = sorted({photo for pair in best for photo in pair})
    place = {photo: at for at, photo in enumerate(nodes)}
    ends = np.array([[place[a], place[b]] for a, b in sorted(best)], np.int64)
    weights = np.array([best[pair] for pair in sorted(best)], np.float32)
    edges = Edges(ends[:, 0], ends[:, 1], weights)
    labels = whispers(len(nodes), edges, np.empty((0, 2), np.int64))
    parts: dict[int, list[int]] = {}
    for photo, label in zip(nodes, labels.tolist(), strict=True):
        parts.setdefault(label, []).append(photo)
    return [part for part in parts.values() if len(part) > 1]
