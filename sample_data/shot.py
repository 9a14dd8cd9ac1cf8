"""What changes from one picture of a person to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrieve.sample_data.people import Person
from retrieve.sample_data.surface import Light

YAW = math.radians(20)  # as far as anybody turns away from the camera
ROLL = math.radians(7)
HATS = ("beanie", "straw", "cap")
CLOTHES = ("tee", "stripes", "vneck", "shirt", "blazer", "turtleneck")
FABRICS = (
    "2f4b6e 8c2f39 e8e1d3 3c5a45 d9a441 5b4a72 c96f4a 23262e 7fa3b5 e6b8b7 4d6b57 b7a98f 1f5f6b "
    "f0ece4 a43d5e 6d7f8f"
).split()


@dataclass(frozen=True, slots=True)
class Shot:
    """How one person appears in one picture; angles are in radians."""

    yaw: float  # positive: turned to the viewer's right
    roll: float
    smile: float  # 0 to 1
    open_mouth: float  # 0 to 1
    lids: float  # 1 as open as ever
    gaze: tuple[float, float]
    light: Light
    clothes: str
    fabric: str
    second_fabric: str
    glasses: bool
    hat: str | None

    @classmethod
    def draw(cls, person: Person, rng: np.random.Generator, light: Light) -> Shot:
        """A random way for `person` to appear under one light."""
        smile = float(rng.uniform(0.1, 1))
        fabric, second = rng.choice(FABRICS, 2, replace=False)
        return cls(
            yaw=float(np.clip(rng.normal(0, YAW / 2), -YAW, YAW)),
            roll=float(np.clip(rng.normal(0, ROLL / 2), -ROLL, ROLL)),
            smile=smile,
            open_mouth=float(rng.uniform(0.4, 1)) if smile > 0.6 else 0.0,
            lids=float(rng.uniform(0.9, 1.05)),
            gaze=(float(rng.uniform(-0.015, 0.015)), float(rng.uniform(-0.01, 0.01))),
            light=light,
            clothes=str(rng.choice(CLOTHES)),
            fabric=str(fabric),
            second_fabric=str(second),
            # Never borrowed: two people with one frame pass for one.
            glasses=bool(rng.random() < 0.85 * person.wears_glasses),
            hat=str(rng.choice(HATS)) if rng.random() < 0.12 else None,
        )


def draw_light(rng: np.random.Generator) -> Light:
    """A lamp or a sun somewhere above, to one side, a little warm or cool."""
    side = float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.65))
    above = float(-rng.uniform(0.2, 0.55))
    warmth = float(rng.uniform(-0.035, 0.05))
    length = math.sqrt(side * side + above * above + 0.7)
    return Light(
        direction=(side / length, above / length, math.sqrt(0.7) / length),
        tint=(1 + warmth, 1.0, 1 - warmth),
    )
