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
from retrieve.faces.detection.detect import DEFAULT_DETECTOR, open_detector
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.align import align
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.views import PICTURE, View, embed, together, views
from retrieve.faces.extract import extract
from retrieve.sources import file_reader
from retrieve.types import Crops, Embeddings, Pixels

# What is kept of a photo around a face: room for shifts and turns, and more pixels than any
# embedder of ours looks at.
PATCH = View(PICTURE.template * np.float32(1.5) + np.float32(36), 288)
LANDMARK_NOISE = 0.06  # of the distance of the eyes, each point by itself
BATCH = 256


def embeddings(
    folder: Path, rows: int, *, embedder: str, detector: str = DEFAULT_DETECTOR, seed: int = 1
) -> tuple[Embeddings, NDArray[np.int32]]:
    """(rows, D) embeddings of the faces below a folder and of their changed pictures.

    returns  embeddings and (rows,) which face each shows; the faces in turn, unchanged first
    """
    opened = open_embedder(embedder)
    wanted = views(opened, landmarks_of(open_detector(detector)))
    patches = list(_patches(folder, detector))
    generator = np.random.default_rng(seed)
    faces = (np.arange(rows) % len(patches)).astype(np.int32)
    found = np.empty((rows, opened.dim), np.float32)
    for start in range(0, rows, BATCH):
        crops: list[tuple[Crops, ...]] = []
        for i in range(start, min(start + BATCH, rows)):
            patch, landmarks = patches[faces[i]], PATCH.template
            if i >= len(patches):
                patch, landmarks = changed(patch, landmarks, generator)
            crops.append(
                tuple(align(patch, landmarks, one.template, one.size_px)[None] for one in wanted)
            )
        found[start : start + len(crops)] = embed(opened, together(crops))
    return found, faces


def _patches(folder: Path, detector: str) -> Iterator[Pixels]:
    """Aligned faces with a margin around them."""
    opened = open_detector(detector)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in photos.SUFFIXES:
            try:
                yield from extract(file_reader(path), opened, [PATCH]).crops[0]
            except photos.BadPhoto:
                continue


def changed(
    patch: Pixels, landmarks: NDArray[np.float32], generator: np.random.Generator
) -> tuple[Pixels, NDArray[np.float32]]:
    """One face as another photograph might have it, and where its landmarks are found in that."""
    eyes_px = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    noise = generator.normal(0, LANDMARK_NOISE * eyes_px, landmarks.shape)
    found = (landmarks + noise).astype(np.float32)
    image = Image.fromarray(patch)
    image = ImageEnhance.Brightness(image).enhance(generator.uniform(0.6, 1.4))
    image = ImageEnhance.Contrast(image).enhance(generator.uniform(0.7, 1.3))
    image = ImageEnhance.Color(image).enhance(generator.uniform(0.2, 1.3))
    if generator.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        mirrored = found[[1, 0, 2, 4, 3]]
        found = np.stack([image.width - mirrored[:, 0], mirrored[:, 1]], axis=1)
    if generator.random() < 0.5:
        small = int(image.width / generator.uniform(1, 3))
        image = image.resize((small, small), Image.Resampling.BOX).resize(image.size)
    if generator.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(generator.uniform(0.3, 1.5)))
    pixels = np.asarray(image, np.float32)
    if generator.random() < 0.5:
        noisy = generator.normal(0, generator.uniform(2, 12), pixels.shape)
        pixels = pixels + noisy.astype(np.float32)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=int(generator.uniform(30, 95)))
    return np.asarray(Image.open(written)), found
