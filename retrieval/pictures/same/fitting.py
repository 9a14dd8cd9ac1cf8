"""How one picture lies on another, made precise on the pixels of both.

Lucas and Kanade 1981, "An iterative image registration technique", affine, with a gain and a lift
solved for beside the movement, so that brightness and contrast change nothing; and with weights
that fall with what is left over (Geman and McClure 1987), so that what was painted over one of the
pictures pulls nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieve.pictures.same.marks import Floats, blurred, sampled, slopes
from retrieve.pictures.same.matching import Matrix, inverse, onto, scale_of

STEPS = 8
WEIGHINGS = 3  # in each step
EVERY_PX = 2  # pixels that are looked at, each way
LEAST_SEEN = 200  # pixels that both have to show
STILL_PX = 0.02  # a step in the middle after which nothing is to be gained
MOST_SCALE = 5.0  # beyond which it has run away


def inside(
    x: NDArray[np.float64], y: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Which points lie within a picture of that (height, width)."""
    found: NDArray[np.bool_] = (x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1)
    return found


def grid(shape: tuple[int, ...], step: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of every pixel, or of every step-th."""
    y, x = np.mgrid[0 : shape[0] : step, 0 : shape[1] : step].astype(np.float64)
    return x, y


def averaged(picture: Floats, scale: float) -> Floats:
    """A picture blurred as it will be when it is shrunk so many times."""
    return blurred(picture, max(0, round((scale * scale - 1) * 0.75)))


def precise(one: Floats, other: Floats, matrix: Matrix) -> Matrix:
    """The affine movement near one by which the first picture agrees best with the second.

    returns  the same where the pictures share too little to tell
    """
    x, y = grid(other.shape, EVERY_PX)
    target = other[::EVERY_PX, ::EVERY_PX]
    back = inverse(matrix)
    one = averaged(one, scale_of(back))
    down, across = slopes(one)
    middle = np.array([other.shape[1] / 2, other.shape[0] / 2, 1.0])
    for _ in range(STEPS):
        u, v = onto(back, x, y)
        seen = inside(u, v, one.shape)
        if seen.sum() < LEAST_SEEN:
            return matrix
        step = _step(one, across, down, target[seen], x[seen], y[seen], u[seen], v[seen])
        back = back + step
        if np.abs(step @ middle).max() < STILL_PX:
            break
    if not 1 / MOST_SCALE < scale_of(back) < MOST_SCALE:
        return matrix
    return inverse(back)


def _step(
    one: Floats,
    across: Floats,
    down: Floats,
    target: Floats,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
) -> Matrix:
    """What to add to the way back: value + its change = gain * target + lift, least squares."""
    gx, gy = sampled(across, u, v), sampled(down, u, v)
    lift = np.ones_like(x)
    columns = np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy, -target, -lift]).astype(np.float64)
    lengths = np.linalg.norm(columns, axis=1) + 1e-9
    columns /= lengths[:, None]
    wanted = -sampled(one, u, v).astype(np.float64)
    weights = lift
    solved = np.zeros(len(columns))
    for _ in range(WEIGHINGS):
        weighed = columns * weights
        normal = np.einsum("in,jn->ij", columns, weighed)  # no threads for so little
        normal[np.diag_indices(len(normal))] += 1e-6
        solved = np.linalg.solve(normal, np.einsum("in,n->i", weighed, wanted))
        left = np.abs(wanted - np.einsum("i,in->n", solved, columns))
        weights = 1 / (1 + (left / (1.5 * np.median(left) + 1.0)) ** 2) ** 2
    step: Matrix = (solved / lengths)[:6].reshape(2, 3)
    return step
