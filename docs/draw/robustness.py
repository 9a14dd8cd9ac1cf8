"""Pictures of what the embedding of a face bears: the score of a changed photo with itself.

Every photo goes through all of the chain: changed, detected, aligned, embedded.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from docs.draw import paper, people
from retrieve.faces.detection.detector import landmarks_of
from retrieve.faces.embedding.views import embed, together, views
from retrieve.faces.extract import extract
from retrieve.sources import reader_of
from retrieve.types import Pixels

EXAMPLES = 4  # strengths of each change that are shown

Change = Callable[[Image.Image, float], Image.Image]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of changing a photo, at growing strengths.

    unit      of the strength, for the axis
    strengths weakest first
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    change: Change


def _turned(photo: Image.Image, degrees: float) -> Image.Image:
    return photo.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(127, 127, 127))


def _blurred(photo: Image.Image, sigma_px: float) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(sigma_px))


def _noisy(photo: Image.Image, deviation: float) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, deviation, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))


def _compressed(photo: Image.Image, quality: float) -> Image.Image:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def _small(photo: Image.Image, factor: float) -> Image.Image:
    size = (round(photo.width / factor), round(photo.height / factor))
    return photo.resize(size, Image.Resampling.BOX)


KINDS = (
    Kind("turned", "degrees", (0, 10, 20, 30, 40, 50, 60, 75, 90), _turned),
    Kind("blurred", "σ, pixels", (0, 1, 2, 3, 4, 6, 8, 11), _blurred),
    Kind("noisy", "σ, of 255", (0, 10, 20, 35, 50, 75, 100), _noisy),
    Kind("compressed", "JPEG quality", (95, 50, 30, 20, 12, 7, 4), _compressed),
    Kind("small", "times smaller", (1, 2, 3, 4, 6, 8), _small),
)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What became of one changed photo.

    crop     (P, P, 3) uint8 RGB, the face as a collection keeps it
    score    with the face of the photo as it was
    quality  of the face, 0 to 1
    """

    crop: Pixels
    score: float
    quality: float


def curves(
    out: Path, portraits: Sequence[Pixels] | None = None, kinds: Sequence[Kind] = KINDS
) -> None:
    """Above the score with the photo as it was, below how many faces are found at all."""
    portraits = _portraits() if portraits is None else portraits
    threshold = people.calibrated().threshold
    figure, axes = paper.sheet(9.5, 3.4, 2, len(kinds), height_ratios=[3, 1])
    for column, kind in enumerate(kinds):
        above, below = axes[0][column], axes[1][column]
        looks = [look(photo, kind) for photo in portraits]
        scores = np.array([[np.nan if one is None else one.score for one in row] for row in looks])
        found = np.isfinite(scores)
        place = np.arange(len(kind.strengths))
        above.plot(place, scores.T, color=paper.SKY, lw=0.7)
        mean = np.where(found, scores, 0).sum(axis=0) / np.maximum(found.sum(axis=0), 1)
        above.plot(place[found.any(axis=0)], mean[found.any(axis=0)], color=paper.BLUE, lw=2)
        above.axhline(threshold, color=paper.INK, lw=1, ls="--")
        above.set_ylim(threshold - 0.05, 1.005)
        above.set_xticks(place, [])
        above.set_title(kind.name)
        below.bar(place, found.mean(axis=0), color=paper.ORANGE)
        below.set_ylim(0, 1.05)
        below.set_xticks(place, [f"{strength:g}" for strength in kind.strengths], fontsize=7)
        below.set_xlabel(kind.unit, fontsize=8)
        if column:
            above.set_yticklabels([])
            below.set_yticklabels([])
    axes[0][0].set_ylabel("score")
    axes[1][0].set_ylabel("found")
    paper.write(figure, out)


def examples(out: Path, portrait: Pixels | None = None, kinds: Sequence[Kind] = KINDS) -> None:
    """One face under some of the changes, as it is cut out, with its score and quality."""
    portrait = _portraits()[0] if portrait is None else portrait
    figure, axes = paper.sheet(5.5, 1.3 * len(kinds), len(kinds), EXAMPLES)
    for row, kind in zip(axes, kinds, strict=True):
        for one in row:
            paper.bare(one)
        row[0].set_ylabel(f"{kind.name},\n{kind.unit}", fontsize=8)
        looks = [*zip(kind.strengths, look(portrait, kind), strict=True)]
        shown = np.linspace(1, len(looks) - 1, EXAMPLES).round().astype(int)
        for one, (strength, seen) in zip(row, [looks[i] for i in shown], strict=True):
            one.set_title(f"{strength:g}", fontsize=8)
            if seen is None:
                one.text(0.5, 0.5, "no face\nfound", ha="center", va="center", fontsize=8)
            else:
                one.imshow(seen.crop)
                one.set_xlabel(f"{seen.score:.3f} · {seen.quality:.2f}", fontsize=7)
    paper.write(figure, out)


def look(photo: Pixels, kind: Kind) -> list[Look | None]:
    """The photo at each strength; None where no face is found in it."""
    detector, embedder = people.detector(), people.embedder()
    wanted = views(embedder, landmarks_of(detector))
    changed = [photo]
    changed += [np.asarray(kind.change(Image.fromarray(photo), s)) for s in kind.strengths]
    found = [extract(reader_of(pixels), detector, wanted) for pixels in changed]
    assert found[0].faces, "the photo as it is shows no face"
    largest = together([tuple(crops[:1] for crops in one.crops) for one in found if one.faces])
    embeddings = embed(embedder, largest)
    scores = iter((embeddings @ embeddings[0]).tolist())
    looks = [
        Look(one.pictures[0], next(scores), float(one.quality[0])) if one.faces else None
        for one in found
    ]
    return looks[1:]


def _portraits() -> list[Pixels]:
    return [*people.album().portraits.values()]
