"""Marks of two pictures → how one lies on the other, roughly: what most pairs of marks agree on.

Each pair that looks alike says how the first picture would have to be moved, scaled, mirrored and
turned by quarters to lie on the second; to those that agree a similarity is fitted (Umeyama 1991,
"Least-squares estimation of transformation parameters between two point patterns"). Every pair is
a hypothesis, so that nothing is drawn by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.pictures.same.marks import PATCH, SKETCH_PX, Floats, Marks

Matrix = NDArray[np.float64]  # (2, 3): x, y of one sketch → x, y of another

ALIKE = 0.8  # correlation of two patches that may be one place
MOST_PAIRS = 96  # of marks, the most alike
LEAST_PAIRS = 5  # that agree; a scene with nothing in common has fewer
NEAR_PX = 0.035 * SKETCH_PX  # within which a mark has to land
LEAST_SCALE = 0.4  # below which it is given no less room
ASKEW = 0.06  # of the way from the hypothesis: turned by degrees, marks far away land beside
SCALE_STEPS = 0.45  # in natural logarithms: marks of neighbouring scales go with each other
ROOM = (1.5, 1.0, 0.7)  # of NEAR_PX, from fit to fit


def _ways() -> list[tuple[bool, Floats, NDArray[np.int64]]]:
    """Turns by quarters and their mirror images: whether mirrored, the (x, y) matrix, and which
    samples of a patch come in the place of which.
    """
    turn, mirror = np.array([[0, -1], [1, 0]], np.float32), np.diag([-1, 1]).astype(np.float32)
    found = []
    for mirrored in (False, True):
        order = np.arange(PATCH * PATCH).reshape(PATCH, PATCH)
        linear = np.eye(2, dtype=np.float32)
        if mirrored:
            order, linear = order[:, ::-1], mirror
        for _ in range(4):
            found.append((mirrored, linear, order.reshape(-1).copy()))
            order, linear = np.rot90(order, -1), turn @ linear
    return found


WAYS = _ways()


def match(one: Marks, other: Marks) -> tuple[Matrix, int] | None:
    """How the first picture lies on the second, and how many pairs of marks agree on that; None
    if too few do.
    """
    if min(len(one), len(other)) < LEAST_PAIRS:
        return None
    best: tuple[Matrix, int] | None = None
    for (mirrored, linear, _), likeness in zip(WAYS, _likeness(one, other), strict=True):
        found = _agreed(one, other, mirrored, linear, likeness)
        if found is not None and (best is None or found[1] > best[1]):
            best = found
    return best


def _likeness(one: Marks, other: Marks) -> Floats:
    """(8, M, N) correlations of patches, the first's turned and mirrored in each way."""
    flat = one.patches.reshape(-1, PATCH * PATCH)
    every = np.concatenate([flat[:, order] for *_, order in WAYS])
    likeness: Floats = every @ other.patches.reshape(-1, PATCH * PATCH).T
    return likeness.reshape(len(WAYS), len(one), len(other))


def _agreed(
    one: Marks, other: Marks, mirrored: bool, linear: Floats, likeness: Floats
) -> tuple[Matrix, int] | None:
    i = np.arange(len(likeness))
    j = likeness.argmax(axis=1)
    score = likeness[i, j]
    keep = (score >= ALIKE) & (likeness.argmax(axis=0)[j] == i)  # each the other's best
    order = np.argsort(-score[keep], kind="stable")[:MOST_PAIRS]
    i, j = i[keep][order], j[keep][order]
    if len(i) < LEAST_PAIRS:
        return None
    src, dst = one.at[i], other.at[j]
    scale = other.scale[j] / one.scale[i]
    moved = src @ linear.T  # (M, 2)
    # Where each hypothesis would have each mark land, (hypothesis, mark, 2).
    away = moved[None] - moved[:, None]
    off = scale[:, None, None] * away + dst[:, None] - dst[None]
    room = NEAR_PX * np.maximum(scale, LEAST_SCALE)[:, None]
    room = room + ASKEW * scale[:, None] * np.abs(away).max(axis=2)
    near = np.abs(off).max(axis=2) <= room
    near &= np.abs(np.log(scale[None] / scale[:, None])) < SCALE_STEPS
    inside = near[int(near.sum(axis=1).argmax())]
    for share in ROOM:
        if inside.sum() < LEAST_PAIRS:
            return None
        matrix = similarity(src[inside], dst[inside], mirrored)
        off = np.abs(src @ matrix[:, :2].T + matrix[:, 2] - dst).max(axis=1)
        inside = off <= share * NEAR_PX * max(scale_of(matrix), LEAST_SCALE)
    if inside.sum() < LEAST_PAIRS:
        return None
    return similarity(src[inside], dst[inside], mirrored), int(inside.sum())


def similarity(src: Floats, dst: Floats, mirrored: bool) -> Matrix:
    """What moves points (M, 2) nearest to others, all at once turned, scaled, and mirrored or
    not.
    """
    mirror = np.diag([-1.0 if mirrored else 1.0, 1.0])
    a, b = src.astype(np.float64) @ mirror, dst.astype(np.float64)
    middle_a, middle_b = a.mean(axis=0), b.mean(axis=0)
    z, w = (a - middle_a) @ [1, 1j], (b - middle_b) @ [1, 1j]
    turn = (z.conj() @ w) / max((z.conj() @ z).real, 1e-9)
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear @ mirror, middle_b - linear @ middle_a])


def scale_of(matrix: Matrix) -> float:
    """By which it enlarges."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def inverse(matrix: Matrix) -> Matrix:
    """What moves back; raises numpy's LinAlgError for one that flattens."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def onto(
    matrix: Matrix, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where points go."""
    (a, b, c), (d, e, f) = matrix
    return a * x + b * y + c, d * x + e * y + f
