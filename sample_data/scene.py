"""Backgrounds: places where people are photographed, with a caption's words for them."""

from __future__ import annotations

import numpy as np

from retrieve.sample_data.paint import Colour, Sheet, edge, mix, paint, rgb, ripple

# What a caption says after the names.
PLACES = {
    "beach": "en la playa",
    "mountain": "en la sierra",
    "garden": "en el jardín",
    "home": "en casa",
    "party": "en la fiesta del pueblo",
    "studio": "en el estudio",
}


def paint_scene(sheet: Sheet, place: str, rng: np.random.Generator) -> None:
    """Fill the sheet with a place."""
    height, width = sheet.shape[:2]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    x = np.linspace(0, width / height, width, dtype=np.float32)[None] + np.zeros_like(y)
    px, seed = 1 / height, int(rng.integers(1 << 30))
    match place:
        case "beach":
            _fade(sheet, y, "7fb4d9", "dcebf2")
            paint(sheet, edge(y - 0.52, px), rgb("2f7f9e"))
            paint(sheet, edge(y - 0.66 - 0.02 * ripple(x * 4, seed), px), rgb("dcc193"))
        case "mountain":
            _fade(sheet, y, "86aede", "f0e3d2")
            for k, colour in enumerate(("8fa5b8", "6c8797", "4f6c5e")):
                ridge = 0.38 + 0.13 * k + 0.09 * ripple(x * (2.5 + k), seed + k)
                paint(sheet, edge(y - ridge, px), rgb(colour))
        case "garden":
            _fade(sheet, y, "b9d2a4", "6f8f56")
            for _ in range(60):
                cx, cy = rng.uniform(0, width / height), rng.uniform(0.1, 1)
                size = rng.uniform(0.02, 0.08)
                leaf = mix(rgb("3f6b35"), rgb("9fbf5f"), float(rng.random()))
                _spot(sheet, cx, cy, size, 0.02, 0.6, leaf)
        case "home":
            wall = rgb(str(rng.choice(["e3d5c0", "c9d3cf", "d8c2b4", "b8c4cf"])))
            sheet[:] = wall * (1.04 - 0.14 * y)[..., None]
            left, top = rng.uniform(0, 0.5), rng.uniform(0.02, 0.12)
            frame = np.minimum(0.14 - np.abs(x - left), 0.11 - np.abs(y - top - 0.1))
            paint(sheet, edge(frame, px), rgb("6b4a2f"))
            paint(sheet, edge(frame - 0.014, px), rgb("e9e2d2"))
        case "party":
            _fade(sheet, y, "1f2440", "4a2f4f")
            for _ in range(40):
                cx, cy = rng.uniform(0, width / height), rng.uniform(0, 0.7)
                size = rng.uniform(0.008, 0.035)
                lamp = rgb(str(rng.choice(["f5c469", "f08a5d", "e7d7a8", "8fc7d9"])))
                _spot(sheet, cx, cy, size, 0.012, 0.7, lamp)
        case _:
            middle = rgb(str(rng.choice(["8d99a6", "a68d8d", "96a38b", "a79c86"])))
            glow = 1.15 - 0.6 * np.square(x - width / height / 2) - 0.5 * np.square(y - 0.4)
            sheet[:] = middle * glow[..., None]


def _fade(sheet: Sheet, y: np.ndarray, top: str, bottom: str) -> None:
    sheet[:] = rgb(top)
    paint(sheet, np.clip(y * 1.3, 0, 1), rgb(bottom))


def _spot(
    sheet: Sheet, x: float, y: float, radius: float, soft: float, strength: float, colour: Colour
) -> None:
    """A round spot with a soft rim; lengths are in heights of the sheet."""
    height = sheet.shape[0]
    left, right, top, bottom = (
        max(0, round((middle + step) * height))
        for middle in (x, y)
        for step in (-radius - soft, radius + soft)
    )
    part = sheet[top:bottom, left:right]
    down = (np.arange(top, top + part.shape[0], dtype=np.float32) / height - y)[:, None]
    across = (np.arange(left, left + part.shape[1], dtype=np.float32) / height - x)[None]
    paint(part, strength * edge(radius - np.hypot(across, down), soft), colour)
