"""Where an operation is struck: every fault of a kind, or evenly spread ones."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from faults import EVERY, FULL, Action, Fault, Kind


def plan(points: Callable[[Kind], range], action: str, seed: int) -> list[tuple[Fault, ...]]:
    """Every fault of an action that an operation can meet, in order.

    points  the numbers of the operation's calls of some kinds
    """
    rng = np.random.default_rng(seed)
    every = points(EVERY)
    match action:
        case "kill" | "torn" | "power":
            return [(Fault(Action[action.upper()], at=at),) for at in every]
        case "power-some":
            seeds = rng.integers(1, 1 << 31, len(every)).tolist()
            seeded = zip(every, seeds, strict=True)
            return [(Fault(Action.POWER, at=at, seed=seed),) for at, seed in seeded]
        case "twice":
            again = rng.integers(1, len(every) + 1, len(every)).tolist()
            return [
                (Fault(Action.KILL, at=at), Fault(Action.TORN, at=then))
                for at, then in zip(every, again, strict=True)
            ]
        case "full":
            return [(Fault(Action.FAIL, FULL, at),) for at in points(FULL)]
        case "short":
            return [(Fault(Action.SHORT, Kind.DATA, at),) for at in points(Kind.DATA)]
        case "io":
            points = points(Kind.DATA)
            return [(Fault(Action.FAIL, Kind.DATA, at, errno.EIO),) for at in points]
        case "flush" | "flush-once":
            how = Action.FAIL if action == "flush" else Action.FAIL_ONCE
            return [(Fault(how, Kind.SYNC, at, errno.EIO),) for at in points(Kind.SYNC)]
        case "flush-kill":
            pairs = product(points(Kind.SYNC), (1, 2, 3))
            how = Action.FAIL_KILL
            return [(Fault(how, Kind.SYNC, at, errno.EIO, then),) for at, then in pairs]
    raise ValueError(action)


def sample(items: Sequence[Any], most: int | None) -> list[Any]:
    """Evenly spread ones where there are more than `most`; first and last are among them."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, most)]
