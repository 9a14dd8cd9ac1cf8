"""An album of drawn people with the labels that tell who is where.

The same arguments give the same pictures. They are written as cameras and phones
write them: several formats, EXIF dates, one photo on its side, one file broken.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from pillow_heif import register_heif_opener

from retrieve.sample_data.face import draw_person
from retrieve.sample_data.paint import Frame
from retrieve.sample_data.people import Person, cast
from retrieve.sample_data.scene import PLACES, paint_scene
from retrieve.sample_data.shot import Shot, draw_light

PORTRAIT, GROUP = (480, 600), (900, 600)  # width, height
SIDEWAYS = 6  # EXIF orientation of the photo that was taken with the camera turned
FORMATS = ("jpg", "jpg", "jpg", "png", "jpg", "jpg", "webp", "jpg", "jpg", "heic")
FIRST_DAY = datetime(2015, 5, 2, 11, 30)
MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB


@dataclass(frozen=True, slots=True)
class Label:
    """One face of the album.

    path  of the photo, below the album's folder
    box   x1, y1, x2, y2 around brows and chin, in pixels of the upright photo
    """

    path: str
    person: int
    name: str
    box: tuple[float, float, float, float]


def draw_portrait(person_seed: int, shot_seed: int) -> Pixels:
    """One person, somewhere: (600, 480, 3) uint8 RGB."""
    pixels, _, _ = _draw([Person.from_seed(person_seed)], np.random.default_rng(shot_seed))
    return pixels


def write_album(folder: Path, *, people: int, photos: int, seed: int) -> list[Label]:
    """Draw an album into a folder: photos by year, captions beside some of them,
    `labels.csv`, and a photo cut short (`dañada.jpg`).

    people  who appear, each of them in about photos / people pictures and more
    """
    rng = np.random.default_rng((seed, 0x616C))
    everybody = cast(people, seed)
    labels: list[Label] = []
    day = FIRST_DAY
    for i in range(photos):
        day += timedelta(days=float(rng.uniform(5, 2 * 3000 / max(photos, 1))))
        alone = photos < 4 or i % 4 != 3 or people < 2
        size = 1 if alone else int(rng.integers(2, min(4, people) + 1))
        others = [j for j in rng.permutation(people).tolist() if j != i % people]
        chosen = [i % people, *others][:size]
        pixels, boxes, place = _draw([everybody[j] for j in chosen], rng)
        suffix = "jpg" if i == 1 else FORMATS[i % len(FORMATS)]
        path = folder / f"{day:%Y}" / f"IMG_{i + 1:04}.{suffix}"
        _save(pixels, path, day, SIDEWAYS if i == 1 else 1)
        shown = path.relative_to(folder).as_posix()
        names = [everybody[j].name for j in chosen]
        labels += [
            Label(shown, j, name, box) for j, name, box in zip(chosen, names, boxes, strict=True)
        ]
        if i % 3 == 0:
            caption = f"{_listed(names)} {PLACES[place]}, {MONTHS[day.month - 1]} de {day.year}.\n"
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")
    _break(folder / f"{FIRST_DAY:%Y}" / "dañada.jpg", draw_portrait(everybody[0].seed, seed))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "identity", "name", "x1", "y1", "x2", "y2"])
        for label in labels:
            corners = [f"{value:.1f}" for value in label.box]
            writer.writerow([label.path, label.person, label.name, *corners])
    return labels


def write_probe(path: Path, *, seed: int) -> None:
    """One more picture of the first person of the album with that seed."""
    _save(draw_portrait(cast(1, seed)[0].seed, seed + 1), path, datetime(2025, 6, 1, 12), 1)


def _draw(
    people: list[Person], rng: np.random.Generator
) -> tuple[Pixels, list[tuple[float, float, float, float]], str]:
    """People side by side in one place; the box of each face; the place."""
    width, height = PORTRAIT if len(people) == 1 else GROUP
    sheet = np.empty((height, width, 3), np.float32)
    place = str(rng.choice(list(PLACES)))
    paint_scene(sheet, place, rng)
    light = draw_light(rng)
    boxes = []
    scale = float(rng.uniform(78, 100)) if len(people) == 1 else min(75.0, width / len(people) / 4)
    for n, person in enumerate(people):
        shot = Shot.draw(person, rng, light)
        x = width * (n + 0.5) / len(people) + float(rng.uniform(-0.2, 0.2)) * scale
        y = height * 0.43 + float(rng.uniform(-0.3, 0.3)) * scale
        frame = Frame(x, y, scale, shot.roll)
        draw_person(sheet, frame, person, shot)
        middle = (person.chin - 0.55) / 2
        cx, cy = frame.to_pixels(0, middle)
        half_width, half_height = 0.9 * person.face_width * scale, (person.chin + 0.55) / 2 * scale
        boxes.append((cx - half_width, cy - half_height, cx + half_width, cy + half_height))
    # A little of the noise that every sensor has.
    noise = rng.normal(0, 0.012, sheet.shape[:2]).astype(np.float32)
    pixels = np.clip((sheet + noise[..., None]) * 255, 0, 255).astype(np.uint8)
    return pixels, boxes, place


def _save(pixels: Pixels, path: Path, taken_at: datetime, orientation: int) -> None:
    register_heif_opener()
    image = Image.fromarray(pixels)
    if orientation == SIDEWAYS:
        image = image.transpose(Image.Transpose.ROTATE_90)  # to be turned back by the reader
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "retrieve sample data"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
        f"{taken_at:%Y:%m:%d %H:%M:%S}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif, quality=90)


def _break(path: Path, pixels: Pixels) -> None:
    """A JPEG of which the first tenth is there."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 10])


def _listed(names: list[str]) -> str:
    """Names as Spanish joins them: "Ana, Luis e Inés"."""
    if len(names) == 1:
        return names[0]
    last = names[-1]
    joint = "e" if last.startswith(("I", "Hi")) else "y"
    return f"{', '.join(names[:-1])} {joint} {last}"
