"""A graph of people → places on paper and circles of those who are often seen together.

Source: Fruchterman and Reingold 1991, "Graph drawing by force-directed placement"; Raghavan et al.
2007, "Near linear time algorithm to detect community structures in large-scale networks".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEPS = 400
FIRST_STEP = 0.12  # of the side of the paper, that a place moves at most; it falls to nothing
GRAVITY = 2.0  # toward the middle, so that those who are seen with nobody do not drift away
ROUNDS = 50  # of finding circles; a few are enough
Links = Sequence[tuple[int, int, float]]  # two numbers, and how often they are seen together


def places(N: int, links: Links, *, seed: int = 0) -> NDArray[np.float32]:
    """(N, 2) such that those who are often together are near, and nobody hides another.

    The same links and seed give the same places.
    """
    if N == 0:
        return np.empty((0, 2), np.float32)
    pull = np.zeros((N, N))
    for i, j, weight in links:
        pull[i, j] = pull[j, i] = 1 + np.log(weight)
    # On a circle to begin with, a little shaken: in a perfect one forces may cancel out.
    angles = 2 * np.pi * np.arange(N) / N
    shaken = np.random.default_rng(seed).normal(0, 0.01, (N, 2))
    at = np.stack([np.cos(angles), np.sin(angles)], axis=1) / 2 + shaken
    apart = 1 / np.sqrt(N)  # the distance at which push and pull of a weak link are equal
    for step in range(STEPS):
        between = at[:, None] - at[None]
        distance = np.maximum(np.linalg.norm(between, axis=2), 1e-6)
        force = apart**2 / distance**2 - pull * distance / apart
        np.fill_diagonal(force, 0)
        moved = (between * force[:, :, None]).sum(axis=1) - GRAVITY * at
        length = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        at += moved / length * np.minimum(length, FIRST_STEP * (1 - step / STEPS))
    centred: NDArray[np.float32] = (at - at.mean(axis=0)).astype(np.float32)
    return centred


def circles(N: int, links: Links) -> list[int]:
    """Of each the number of a circle, the largest first: whom most of one's photos are shared with.

    Each in turn takes the label that the weights around it add up to most, until nobody changes.
    """
    near: list[list[tuple[int, float]]] = [[] for _ in range(N)]
    for i, j, weight in links:
        near[i].append((j, weight))
        near[j].append((i, weight))
    label = list(range(N))
    for _ in range(ROUNDS):
        before = list(label)
        for i in range(N):
            total: dict[int, float] = {}
            for j, weight in near[i]:
                total[label[j]] = total.get(label[j], 0.0) + weight
            if total:  # of equals one's own, then the lowest
                label[i] = max(total, key=lambda one: (total[one], one == label[i], -one))
        if label == before:
            break
    sizes = {one: label.count(one) for one in label}
    order = sorted(sizes, key=lambda one: (-sizes[one], one))
    return [order.index(one) for one in label]
