"""Drawn things that the embedder of whole photos knows: clock, traffic light, balloon, ball.

Photos of things are other people's; these are nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import cos, pi, radians, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retrieve.types import Pixels

SIDE_PX = 600  # of a scene
FINER = 2  # times as many pixels while it is drawn
SKY, GROUND = (150, 190, 235), (210, 225, 235)
NOISE = 4.0  # standard deviation, of 255: no camera gives one even colour

Draw = ImageDraw.ImageDraw


def clock(d: Draw, x: float, y: float, r: float) -> None:
    """With a wooden rim and Arabic numerals, at ten past ten."""
    _disc(d, x, y, r, "#5b3a1e")
    _disc(d, x, y, 0.88 * r, "#f7f3e6")
    font = ImageFont.load_default(0.22 * r)
    for hour in range(1, 13):
        a = radians(30 * hour - 90)
        d.text((x + 0.7 * r * cos(a), y + 0.7 * r * sin(a)), str(hour), "black", font, anchor="mm")
    for minute in range(60):
        _ray(d, x, y, radians(6 * minute), 0.82 * r, 0.86 * r, 0.02 * r)
    _ray(d, x, y, radians(215), 0, 0.42 * r, 0.05 * r)
    _ray(d, x, y, radians(-30), 0, 0.62 * r, 0.035 * r)


def traffic_light(d: Draw, x: float, y: float, r: float) -> None:
    """On its pole, at red."""
    d.rectangle((x - 0.08 * r, y + 0.9 * r, x + 0.08 * r, y + 3 * r), fill="#444")
    box = (x - 0.4 * r, y - r, x + 0.4 * r, y + r)
    d.rounded_rectangle(box, 0.1 * r, fill="#1c1c1c", outline="#555", width=int(0.03 * r))
    for place, colour in enumerate(("#ff3020", "#4a3a08", "#0b3a18"), -1):
        _disc(d, x, y + 0.62 * place * r, 0.26 * r, colour)


def balloon(d: Draw, x: float, y: float, r: float) -> None:
    """A hot-air one with its basket, in stripes."""
    for i, colour in enumerate(("#d92b2b", "#f4c430") * 2 + ("#d92b2b",)):
        half = (1 - 0.2 * i) * r
        d.ellipse((x - half, y - r, x + half, y + r), fill=colour)
    mouth, low = 0.2 * r, y + 1.25 * r
    skirt = [(x - 0.75 * r, y + 0.65 * r), (x + 0.75 * r, y + 0.65 * r)]
    d.polygon([*skirt, (x + mouth, low), (x - mouth, low)], fill="#d92b2b")
    for side in (-0.9 * mouth, 0.9 * mouth):
        d.line((x + side, low, x + 0.8 * side, y + 1.5 * r), "black", 4)
    d.rectangle((x - 0.17 * r, y + 1.5 * r, x + 0.17 * r, y + 1.75 * r), fill="#7a4a1e")


def ball(d: Draw, x: float, y: float, r: float) -> None:
    """For football, with its pentagons."""
    _disc(d, x, y, r, "#222")
    _disc(d, x, y, 0.98 * r, "white")
    _pentagon(d, x, y, 0.3 * r, -pi / 2)
    for i in range(5):
        a = 2 * pi * i / 5 - pi / 2
        _ray(d, x, y, a, 0.3 * r, 0.62 * r, 0.03 * r)
        _pentagon(d, x + 0.82 * r * cos(a), y + 0.82 * r * sin(a), 0.22 * r, a + pi)


Thing = Callable[[Draw, float, float, float], None]
NAMED: dict[str, Thing] = {  # by the name that the embedder has for it
    "clock": clock,
    "traffic light": traffic_light,
    "balloon": balloon,
    "soccer ball": ball,
}


def scene(placed: Iterable[tuple[str, float, float, float]]) -> Pixels:
    """Things under a pale sky.

    placed   name, x and y of the middle, radius, as shares of the side
    returns  (SIDE_PX, SIDE_PX, 3) uint8 RGB
    """
    side = FINER * SIDE_PX
    ramp = np.linspace(0, 1, side)[:, None, None]
    noise = np.random.default_rng(0).normal(0, NOISE, (side, side, 1))
    below = (1 - ramp) * np.array(SKY) + ramp * np.array(GROUND) + noise
    image = Image.fromarray(below.clip(0, 255).astype(np.uint8))
    for name, *place in placed:
        x, y, r = (share * side for share in place)
        NAMED[name](ImageDraw.Draw(image), x, y, r)
    return np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS))


def _disc(d: Draw, x: float, y: float, r: float, colour: str) -> None:
    d.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _ray(d: Draw, x: float, y: float, angle: float, near: float, far: float, width: float) -> None:
    ends = [(x + r * cos(angle), y + r * sin(angle)) for r in (near, far)]
    d.line(ends, "black", max(1, round(width)))


def _pentagon(d: Draw, x: float, y: float, r: float, turn: float) -> None:
    angles = (turn + 2 * pi * i / 5 for i in range(5))
    d.polygon([(x + r * cos(a), y + r * sin(a)) for a in angles], fill="#111")
