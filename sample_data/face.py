"""A person painted onto a sheet: what is far first, features in the head's own coordinates.

Features are painted where the head's surface lies, not where the sheet does, so a
yaw moves, narrows and hides them as it does in a photograph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrieve.sample_data.paint import (
    Colour,
    Frame,
    Plane,
    Sheet,
    View,
    Window,
    bell,
    blob,
    box,
    edge,
    ellipse,
    mix,
    paint,
    rgb,
    ripple,
    step,
)
from retrieve.sample_data.people import Person
from retrieve.sample_data.shot import Shot
from retrieve.sample_data.surface import ROWS, Seen, Stack, lit

DARK, WHITE = rgb("1c1412"), rgb("f7f4f0")


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A rectangle of the sheet with what is seen of the head there.

    target  (h, w, 3), painted in place
    x, y    the head's own coordinates; side -1 to 1 between its silhouettes
    cover   where the head is, front where its face is; shade (h, w, 3) the light on it
    """

    target: Sheet
    x: Plane
    y: Plane
    side: Plane
    cover: Plane
    front: Plane
    shade: Sheet
    px: float

    def part(self, window: Window) -> Patch:
        """A smaller rectangle of it."""
        return Patch(
            self.target[window],
            self.x[window],
            self.y[window],
            self.side[window],
            self.cover[window],
            self.front[window],
            self.shade[window],
            self.px,
        )


def head(person: Person) -> Stack:
    """The skull with its face, in half face widths."""
    y = np.linspace(-person.crown, person.chin, ROWS, dtype=np.float32)
    up = np.clip(-y / person.crown, 0, 1)
    down = np.clip(y / person.chin, 0, 1)
    above = (1 - up**2.3) ** (1 / 2.1)
    below = (1 - down ** (person.jaw * 1.25)) ** (1 / person.chin_round)
    width = person.face_width * np.where(y < 0, above, below)
    width *= 1 + 0.05 * person.cheeks * np.exp(-(((y - 0.35) / 0.3) ** 2))
    depth = 1.15 * np.where(y < 0, above, 0.35 + 0.65 * below)
    return Stack(-person.crown, person.chin, width, depth, depth)


def draw_person(sheet: Sheet, frame: Frame, person: Person, shot: Shot) -> None:
    """Paint head and shoulders over what is on the sheet.

    frame  where the point between the eyes lies, and half the face's width in pixels
    """
    body = View(sheet, frame, frame.window(sheet.shape, (-3.4, 3.4), (-2.4, 9)))
    view = View(sheet, frame, frame.window(sheet.shape, (-1.75, 1.75), (-2.5, 2.6)))
    if body.u.size == 0 or view.u.size == 0:
        return
    skull = head(person)
    seen = skull.seen(view.u, view.v, shot.yaw, view.px)
    shade = _shaded(lit(seen.normal, shot.light), shot)
    hair = _hair_colour(person, view)
    _back_hair(view, person, hair, shot)
    _body(body, person, shot)
    _ears(view, person, shot, skull)
    paint(view.target, seen.cover, _skin(person, seen) * shade)
    front = seen.cover * step(seen.z, 0.0, 0.12)
    face = Patch(view.target, seen.x, seen.y, seen.side, seen.cover, front, shade, view.px)

    def around(x: float, y: float, width: float, height: float) -> Patch:
        u = skull.project(x, y, shot.yaw)
        return face.part(view.inner((u - width, u + width), (y - height, y + height)))

    for side in (-1, 1):
        _eye(around(side * person.eye_x, -0.12, 0.45, 0.5), person, shot, side)
    _nose(around(0, person.nose * 0.55, 0.4, 0.62), person, shot)
    _mouth(around(0, person.mouth_y + 0.05, 0.6, 0.35), person, shot)
    if person.beard != "none":
        _beard(around(0, person.mouth_y, 1.3, 0.95), person)
    _hair(face, person, hair * shade)
    if shot.glasses:
        _glasses(around(0, 0, 1.2, 0.42), person)
    if shot.hat is not None:
        _hat(view, person, shot, shade)


def _shaded(light: Plane, shot: Shot) -> Sheet:
    tint = np.array(shot.light.tint, np.float32)
    return (0.52 + 0.56 * light)[..., None] * tint


def _skin(person: Person, seen: Seen) -> Sheet:
    """The skin's own colour at every pixel, before light falls on it."""
    x, y = np.abs(seen.x), seen.y
    red = mix(person.skin, rgb("c0503c"), 0.45)
    skin = np.broadcast_to(person.skin, (*x.shape, 3)).copy()
    cheeks = person.blush * blob(x - 0.55, y - 0.5, 0.28, 0.2)
    warm = 0.35 * blob(x, y - person.nose, 0.2, 0.15) + 0.5 * cheeks
    paint(skin, warm, red)
    if person.freckles:
        spots = ripple(seen.x * 23, person.seed) * ripple(seen.y * 23 + 7, person.seed + 1)
        freckled = blob(x - 0.35, y - 0.4, 0.5, 0.25) * step(spots, 0.25, 0.4)
        paint(skin, 0.45 * person.freckles * freckled, red * np.float32(0.7))
    for mole_x, mole_y in person.moles:
        paint(skin, edge(0.025 - np.hypot(seen.x - mole_x, y - mole_y), 0.02), DARK)
    sockets = blob(x - person.eye_x, y + 0.06, 0.26, 0.16)
    folds = person.wrinkles * bell(x - 0.33 - 0.35 * (y - person.nose), 0.035)
    folds *= step(y, person.nose - 0.1, person.nose + 0.1) * step(y, person.mouth_y + 0.2, 0.9)
    forehead = person.wrinkles * bell(np.sin((y + 0.62) * 34), 0.35) * blob(x, y + 0.6, 0.5, 0.12)
    paint(
        skin,
        person.sockets * sockets + 0.3 * folds + 0.16 * forehead,
        person.skin * np.float32(0.55),
    )
    return skin


def _eye(patch: Patch, person: Person, shot: Shot, side: int) -> None:
    """One eye with its brow; `side` is -1 for the one on the viewer's left."""
    out = patch.x * side - person.eye_x  # grows towards the temple
    y = patch.y + person.eye_tilt * out
    share = out / person.eye_width
    bulge = np.maximum(1 - share * share, 0)
    peak = bulge * (1 + person.eye_peak * share)
    open_up = person.eye_open * 1.15 * shot.lids * peak
    open_low = person.eye_open * (0.75 - 0.25 * shot.smile) * bulge
    lid, rim = y + open_up, open_low - y
    inside = patch.front * edge(np.minimum(lid, rim), patch.px) * (bulge > 0)
    gaze_x, gaze_y = shot.gaze
    to_iris = np.hypot(out - gaze_x * side, y - gaze_y + 0.012)
    paint(patch.target, inside, WHITE * np.float32(0.93) * (0.55 + 0.5 * patch.shade))
    iris = inside * edge(person.iris - to_iris, patch.px)
    ring = step(to_iris, person.iris * 0.6, person.iris)
    paint(patch.target, iris, person.eye_colour)
    paint(patch.target, 0.6 * iris * ring, DARK)
    paint(patch.target, inside * edge(person.iris * 0.45 - to_iris, patch.px), DARK)
    glint = np.hypot(patch.x - person.eye_x * side + 0.035, y + 0.035)
    paint(patch.target, 0.9 * inside * edge(0.024 - glint, patch.px), WHITE)
    paint(patch.target, 0.45 * inside * bell(lid, 0.035), DARK)
    near = patch.front * step(np.abs(share), 1.12, 0.98)
    line = 0.022 + 0.02 * person.lashes
    paint(patch.target, 0.9 * near * bell(lid + 0.2 * line, line), DARK)
    paint(patch.target, 0.3 * near * bell(rim, 0.018), person.skin * np.float32(0.45))
    crease = person.crease * bell(lid + 0.055, 0.016)
    paint(patch.target, 0.4 * near * crease, person.skin * np.float32(0.4))

    along = out / person.brow_length
    middle = person.brow_y + person.brow_slope * out - person.brow_arch * (1 - along * along)
    thick = person.brow_thick * (1 - 0.35 * np.clip(along, 0, 1))
    brow = edge(thick - np.abs(patch.y - middle), 0.02) * step(np.abs(along), 1.0, 0.82)
    hairs = 0.8 + 0.2 * ripple(patch.x * 60 + patch.y * 25, person.seed + 3)
    paint(patch.target, 0.88 * patch.front * brow * hairs, person.brow_colour)


def _nose(patch: Patch, person: Person, shot: Shot) -> None:
    x, y = patch.x, patch.y
    dark, bright = person.skin * np.float32(0.5), mix(person.skin, WHITE, 0.55)
    away = -1 if shot.light.direction[0] > 0 else 1
    upper = step(y, -0.1, 0.15) * step(y, person.nose, person.nose - 0.12)
    widening = person.nose_bridge + 0.05 * np.clip(y / person.nose, 0, 1)
    paint(patch.target, 0.34 * patch.front * upper * bell(x * away - widening, 0.06), dark)
    paint(patch.target, 0.3 * patch.front * upper * bell(x + 0.02 * away, 0.045), bright)
    wings = np.abs(x) - person.nose_width * 0.82
    paint(
        patch.target, 0.35 * patch.front * blob(wings, y - person.nose + 0.03, 0.035, 0.075), dark
    )
    nostrils = blob(np.abs(x) - person.nose_width * 0.48, y - person.nose, 0.055, 0.026)
    paint(patch.target, 0.85 * patch.front * nostrils, DARK)
    under = blob(x, y - person.nose - 0.07, person.nose_width * 0.9, 0.05)
    paint(patch.target, 0.26 * patch.front * under, dark)
    tip = blob(x + 0.03 * away, y - person.nose + 0.1, person.nose_tip * 0.6, 0.06)
    paint(patch.target, 0.35 * patch.front * tip, bright)


def _mouth(patch: Patch, person: Person, shot: Shot) -> None:
    wide = person.mouth_width * (1 + 0.14 * shot.smile)
    share = patch.x / wide
    bulge = np.maximum(1 - share * share, 0)
    # Corners rise with a smile; the upper lip has a bow in its middle.
    y = patch.y - person.mouth_y + shot.smile * 0.085 * share * share
    bow = 1 - person.bow * np.exp(-np.square(share / 0.16))
    gap = 0.075 * shot.open_mouth * bulge
    upper = edge(np.minimum(y + gap + person.lip_up * bulge * bow, -y - gap), patch.px)
    lower = edge(np.minimum(y - gap, person.lip_low * np.sqrt(bulge) + gap - y), patch.px)
    inside = edge(gap - np.abs(y), patch.px) * (gap > 0.004)
    lips = person.lips * patch.shade
    paint(patch.target, patch.front * upper * (bulge > 0), lips * np.float32(0.82))
    paint(patch.target, patch.front * lower * (bulge > 0), lips)
    glow = blob(patch.x + 0.05, y - gap - person.lip_low * 0.45, wide * 0.35, 0.028)
    paint(patch.target, 0.3 * patch.front * lower * glow, WHITE)
    paint(patch.target, patch.front * inside, rgb("5a1f22"))
    teeth = patch.front * inside * step(y, 0.055, 0.03) * step(np.abs(share), 0.9, 0.7)
    paint(patch.target, 0.95 * teeth, WHITE * np.float32(0.96))
    line = bell(np.minimum(np.abs(y + gap), np.abs(y - gap)), 0.014)
    paint(patch.target, 0.75 * patch.front * line * step(np.abs(share), 1.08, 0.96), rgb("4a1c1c"))
    below = blob(patch.x, y - gap - person.lip_low - 0.07, wide * 0.5, 0.04)
    paint(patch.target, 0.25 * patch.front * below, person.skin * np.float32(0.5))


def _beard(patch: Patch, person: Person) -> None:
    x, y = np.abs(patch.x), patch.y
    lip = blob(x, y - (person.nose + person.mouth_y) / 2 - 0.02, person.mouth_width * 0.9, 0.07)
    # As wide as the mouth, or as the nose where that is wider.
    span = max(1.2 * person.mouth_width, 1.4 * person.nose_width)
    whiskers = blob(x, y - (person.nose + person.mouth_y) / 2 - 0.02, span, 0.085)
    chin = blob(x, y - person.mouth_y - 0.36, 0.36, 0.22)
    jaw = step(y + 0.55 * x, person.mouth_y + 0.1, person.mouth_y + 0.28) * step(y, 0.15, 0.4)
    mouth = blob(x, y - person.mouth_y, person.mouth_width * 1.1, 0.11)
    where = {
        "stubble": 0.35 * np.maximum(jaw, lip),
        "full": 0.92 * np.maximum(jaw, 1.2 * lip),
        "moustache": 0.95 * step(whiskers, 0.35, 0.6),
        "goatee": 0.92 * np.maximum(step(chin, 0.35, 0.6), step(lip, 0.4, 0.65)),
    }[person.beard]
    grain = 0.86 + 0.14 * ripple(patch.x * 55, person.seed + 5) * ripple(y * 40, person.seed + 6)
    mask = np.clip(patch.front * where * (1 - step(mouth, 0.45, 0.75)) * grain, 0, 1)
    paint(patch.target, mask, person.brow_colour * (0.6 + 0.5 * patch.shade))


def _hair_colour(person: Person, view: View) -> Sheet:
    """Strands: the colour, lighter and darker across the head."""
    strands = ripple(view.u * 17 + 1.5 * np.sin(view.v * 3), person.seed + 8)
    return person.hair_colour * (0.95 + 0.2 * strands)[..., None].astype(np.float32)


def _back_hair(view: View, person: Person, hair: Sheet, shot: Shot) -> None:
    """What is seen of the hair beside and behind the head."""
    if person.hair == "bald":
        return
    u, v = view.u + 0.12 * math.sin(shot.yaw), view.v
    wide = person.face_width
    round_head = ellipse(u, v + 0.35, wide * 1.12, person.crown * 0.82)
    shape = round_head
    if person.hair == "long":
        waves = 0.05 * np.sin(v * 4 + person.part)
        shape = np.maximum(shape, box(u + waves, v - 0.75, wide * 1.22, 1.75, 0.75))
    elif person.hair == "bob":
        shape = np.maximum(shape, box(u, v - 0.15, wide * 1.24, 1.12, 0.55))
    elif person.hair == "curly":
        bumps = 0.07 * np.sin(9 * np.arctan2(u, v + 0.3) + person.part)
        shape = ellipse(u, v + 0.42, wide * 1.36, person.crown * 0.98) + bumps
    elif person.hair == "bun":
        shape = np.maximum(shape, ellipse(u, v + person.crown + 0.28, 0.46, 0.4))
    elif person.hair == "quiff":
        shape = np.maximum(shape, ellipse(u - 0.1, v + person.crown * 0.92, wide * 0.8, 0.42))
    paint(view.target, edge(shape, view.px), hair * np.float32(0.72))


def _hair(patch: Patch, person: Person, hair: Sheet) -> None:
    """What lies on the skull: above the hairline, and down the temples."""
    x, y = patch.x, patch.y
    if person.hair == "bald":
        fringe = patch.cover * step(np.abs(patch.side), 0.9, 0.98) * step(y, 0.1, -0.1)
        paint(patch.target, 0.7 * fringe * step(y, -1.0, -0.8), hair)
        return
    line = person.hairline + 0.28 * np.square(x)
    if person.hair == "side":
        line = line + 0.16 * np.clip(np.abs(x - person.part) / 0.8, 0, 1) - 0.1
    elif person.hair == "fringe":
        line = np.float32(person.brow_y - 0.12) + 0.03 * np.sin(x * 14)
    elif person.hair in ("long", "bob"):
        line = person.hairline - 0.12 + 0.62 * np.abs(x - 0.5 * person.part) ** 1.5
    elif person.hair == "curly":
        line = line + 0.06 * np.sin(x * 13 + person.part)
    temples = step(np.abs(patch.side), 0.86, 0.95) * step(y, 0.25, 0.0)
    if person.hair in ("long", "bob"):
        temples = step(np.abs(patch.side), 0.84, 0.92) * step(y, 1.1, 0.7)
    mask = patch.cover * np.maximum(edge(line - y, patch.px * 1.5), temples)
    paint(patch.target, 0.3 * patch.cover * bell(line + 0.05 - y, 0.07), DARK)
    paint(patch.target, mask, hair)
    shine = mask * bell(y + person.crown * 0.72 + 0.1 * x, 0.12)
    paint(patch.target, 0.22 * shine, WHITE)


def _ears(view: View, person: Person, shot: Shot, skull: Stack) -> None:
    for side in (-1, 1):
        at = side * skull.width_at(0.2) * math.cos(shot.yaw) - 0.25 * math.sin(shot.yaw)
        x, y = view.u - at, view.v - 0.22
        shape = ellipse(x, y, 0.17 * person.ears, 0.3 * person.ears)
        paint(view.target, edge(shape, view.px), person.skin * np.float32(0.8))
        paint(view.target, 0.4 * blob(x, y, 0.08, 0.17), person.skin * np.float32(0.45))
        if person.earrings:
            paint(view.target, edge(0.06 - np.hypot(x, y - 0.36), view.px), rgb("d8b24a"))


def _body(view: View, person: Person, shot: Shot) -> None:
    """Neck, shoulders and what is worn."""
    u, v = view.u, view.v
    light = np.float32(0.78) + 0.2 * np.clip(u * shot.light.direction[0], -0.6, 0.6)
    neck = person.neck * (1 + 0.12 * step(v, person.chin + 0.1, person.chin + 0.9))
    throat = np.minimum(neck - np.abs(u), v - 0.5)
    shadow = 0.62 + 0.38 * step(v, person.chin, person.chin + 0.45)
    paint(view.target, edge(throat, view.px), person.skin * (light * shadow)[..., None])
    top = person.chin + 0.62
    drop = 0.16 * np.square(u) / person.shoulders
    cloth = np.minimum(v - top - drop, person.shoulders * (1 + 0.04 * v) - np.abs(u))
    neckline = {"vneck": 0.55 - 1.1 * np.abs(u), "shirt": 0.35 - 0.9 * np.abs(u)}.get(
        shot.clothes, 0.2 - 0.5 * np.square(u)
    )
    if shot.clothes == "turtleneck":
        collar = np.minimum(person.neck * 1.12 - np.abs(u), v - top + 0.22)
        cloth = np.maximum(cloth, collar)
    else:
        cloth = np.minimum(cloth, v - top - np.maximum(neckline, 0))
    colour = rgb(shot.fabric)
    folds = 1 + 0.06 * np.sin(u * 3 + 2 * np.sin(v * 1.3))
    mask = edge(cloth, view.px)
    paint(view.target, mask, colour * (light * folds)[..., None])
    if shot.clothes == "stripes":
        bands = mask * step(np.sin(v * 12), -0.2, 0.2)
        paint(view.target, bands, rgb(shot.second_fabric) * light[..., None])
    elif shot.clothes == "blazer":
        lapel = mask * edge(np.abs(u) - 0.42 + 0.16 * (v - top), view.px)
        paint(view.target, lapel, rgb(shot.second_fabric) * np.float32(0.5) * light[..., None])


def _glasses(patch: Patch, person: Person) -> None:
    x, y = np.abs(patch.x) - person.eye_x, patch.y - 0.03
    frame, thick = {
        "round": (ellipse(x, y, 0.31, 0.29), 0.03),
        "square": (box(x, y, 0.33, 0.24, 0.07), 0.042),
        "wire": (ellipse(x, y, 0.32, 0.25), 0.018),
    }[person.glasses]
    bridge = np.minimum(0.02 - np.abs(patch.y + 0.06), person.eye_x - 0.28 - np.abs(patch.x))
    arm = np.minimum(0.024 - np.abs(patch.y + 0.04), x - 0.3)
    rim = np.maximum(np.maximum(thick - np.abs(frame), bridge), arm)
    colour = rgb("6b5a3a") if person.glasses == "wire" else rgb("201a1a")
    paint(patch.target, 0.08 * patch.front * edge(frame, patch.px), WHITE)
    paint(patch.target, 0.92 * patch.front * edge(rim, patch.px), colour)


def _hat(view: View, person: Person, shot: Shot, shade: Sheet) -> None:
    u, v = view.u, view.v
    brim = person.brow_y - 0.28
    wide = person.face_width * 1.13
    colour: Colour = rgb(shot.second_fabric) if shot.hat != "straw" else rgb("d9b870")
    dome = np.minimum(ellipse(u, v - brim, wide, person.crown + brim + 0.22), brim - v)
    light = shade.mean(axis=2, keepdims=True)
    paint(view.target, edge(dome, view.px), colour * np.maximum(light, 0.65))
    if shot.hat == "beanie":
        band = box(u, v - brim + 0.1, wide * 1.03, 0.16, 0.1)
        paint(view.target, edge(band, view.px), colour * np.float32(0.8))
    elif shot.hat == "straw":
        rim = ellipse(u, v - brim, wide * 1.55, 0.17)
        paint(view.target, edge(rim, view.px), colour * np.float32(0.92))
        paint(view.target, edge(box(u, v - brim + 0.2, wide * 0.98, 0.09, 0.02), view.px), DARK)
    else:
        peak = ellipse(u - 0.5 * math.sin(shot.yaw), v - brim - 0.02, wide * 0.95, 0.17)
        paint(view.target, edge(peak, view.px), colour * np.float32(0.7))
