"""Many embeddings of real faces: each face again and again as other photographs would show it.

A face is cut out by landmarks that are a few pixels off, as a detector's are from one
photograph to the next, and changed as cameras and messengers change it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from retrieve import photos
from retrieve.faces.detection.detect import open_detector
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.extract import extract
from retrieve.sources import file_reader
from retrieve.types import Embeddings, Pixels

DETECTOR = "mtcnn"
PATCH = 1.6  # side of what is kept of a photo around a face, in crops: room for shifts and turns
LANDMARK_NOISE = 0.06  # of the distance of the eyes, each point by itself
BATCH = 256


def embeddings(
    folder: Path, rows: int, *, embedder: str, seed: int = 1
) -> tuple[Embeddings, NDArray[np.int32]]:
    """(rows, D) embeddings of the faces below a folder and of their changed crops.

    returns  embeddings and (rows,) which face each shows; the faces in turn, unchanged first
    """
    opened = open_embedder(embedder)
    template = opened.template(DETECTOR)
    patches = list(_patches(folder, template, opened.crop_px))
    generator = np.random.default_rng(seed)
    faces = (np.arange(rows) % len(patches)).astype(np.int32)
    found = np.empty((rows, opened.dim), np.float32)
    room = (PATCH - 1) / 2 * opened.crop_px
    for start in range(0, rows, BATCH):
        crops: list[Pixels] = []
        for i in range(start, min(start + BATCH, rows)):
            patch, landmarks = patches[faces[i]], template + np.float32(room)
            if i >= len(patches):
                crops.append(changed(patch, landmarks, template, opened.crop_px, generator))
            else:
                crops.append(align(patch, landmarks, template, opened.crop_px))
        found[start : start + len(crops)] = opened.embed(np.stack(crops))
    return found, faces


def _patches(folder: Path, template: NDArray[np.float32], crop_px: int) -> Iterator[Pixels]:
    """Aligned faces with a margin around them, PATCH crops wide."""
    detector = open_detector(DETECTOR)
    size = round(PATCH * crop_px)
    wide = template + np.float32((size - crop_px) / 2)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in photos.SUFFIXES:
            try:
                yield from extract(file_reader(path), detector, wide, size).crops
            except photos.BadPhoto:
                continue


def changed(
    patch: Pixels,
    landmarks: NDArray[np.float32],
    template: NDArray[np.float32],
    crop_px: int,
    generator: np.random.Generator,
) -> Pixels:
    """One face as another photograph might have it: crop_px wide, aligned."""
    eyes_px = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    noise = generator.normal(0, LANDMARK_NOISE * eyes_px, landmarks.shape)
    crop = Image.fromarray(align(patch, landmarks + noise, template, crop_px))
    crop = ImageEnhance.Brightness(crop).enhance(generator.uniform(0.6, 1.4))
    crop = ImageEnhance.Contrast(crop).enhance(generator.uniform(0.7, 1.3))
    crop = ImageEnhance.Color(crop).enhance(generator.uniform(0.2, 1.3))
    if generator.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if generator.random() < 0.5:
        small = int(crop_px / generator.uniform(1, 3))
        crop = crop.resize((small, small), Image.Resampling.BOX).resize(crop.size)
    if generator.random() < 0.3:
        crop = crop.filter(ImageFilter.GaussianBlur(generator.uniform(0.3, 1.5)))
    pixels = np.asarray(crop, np.float32)
    if generator.random() < 0.5:
        noisy = generator.normal(0, generator.uniform(2, 12), pixels.shape)
        pixels = pixels + noisy.astype(np.float32)
    crop = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    written = io.BytesIO()
    crop.save(written, "JPEG", quality=int(generator.uniform(30, 95)))
    return np.asarray(Image.open(written))
