"""What is found of photos that are there more than once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import overload

from retrieve import notebook
from retrieve.indexes.queries.thresholds import Threshold
from retrieve.types import Skipped


class Kind(StrEnum):
    """In what way the photos of a group are the same."""

    PIXELS = "pixels"  # the same pixels in several files
    EDITED = "edited"  # one picture: of another size, cut, framed, turned, grey, compressed
    BURST = "burst"  # alike, and taken within seconds
    SCENE = "scene"  # alike, whenever they were taken


@dataclass(frozen=True, slots=True)
class Copy:
    """One photo of a group.

    photo_id    of the photo in its collection
    paths       the files that hold these very bytes, one or more
    size        (height, width) of the upright photo in full resolution
    size_bytes  of one of the files
    taken_at    when it was taken, ISO 8601, or None
    sharpness   the higher the sharper, beside others of the group; None of one that was not read
    faces       how many are on it
    quality     the mean of its faces' qualities, 0 to 1; None without a face
    score       cosine of its embedding and the best one's, -1 to 1
    """

    photo_id: int
    paths: tuple[Path, ...]
    size: tuple[int, int]
    size_bytes: int
    taken_at: str | None
    sharpness: float | None
    faces: int
    quality: float | None
    score: float

    @property
    def path(self) -> Path:
        """The first of its files."""
        return self.paths[0]


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that are the same in one way, the best first.

    Those that are the same in a closer way stand in a group of their own, and of them the best
    one alone stands here.
    """

    kind: Kind
    photos: tuple[Copy, ...]

    @property
    def best(self) -> Copy:
        """The one to keep, if one is to be kept."""
        return self.photos[0]

    @property
    def others(self) -> tuple[Copy, ...]:
        """All but the best."""
        return self.photos[1:]

    @property
    def spare_bytes(self) -> int:
        """What the files take beside the first one of the best."""
        files = sum(len(photo.paths) * photo.size_bytes for photo in self.photos)
        return files - self.best.size_bytes


@dataclass(frozen=True, slots=True)
class Duplicates(Sequence[Group]):
    """What is there more than once: groups, the closest kind first, and the largest.

        for group in collection.duplicates():
            print(group.kind, group.best.path, [photo.path for photo in group.others])

    groups    of the kinds that were asked for
    searched  photos that were compared
    least     the lowest score of two photos of one scene, and how often different ones reach it
    unlooked  photos that nobody has looked at as a whole: only equal files are found of them
    left      files that were to be compared and could not be read, and why
    """

    groups: list[Group]
    searched: int
    least: Threshold
    unlooked: int = 0
    left: list[Skipped] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.groups)

    @overload
    def __getitem__(self, which: int) -> Group: ...
    @overload
    def __getitem__(self, which: slice) -> list[Group]: ...
    def __getitem__(self, which: int | slice) -> Group | list[Group]:
        return self.groups[which]

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)

    def __repr__(self) -> str:
        return f"Duplicates({notebook.counted(len(self), 'group')} of {self.searched} photos)"
