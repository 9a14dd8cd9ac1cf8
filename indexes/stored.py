"""What is stored, photo by photo and text by text, of a collection; a cluster answers the same
(cluster/browsing/stored.py).

    for photo in collection.stored.photos(most=50): print(photo.path)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from retrieve.indexes import browsing
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.persons import person
from retrieve.indexes.opened import Opened

if TYPE_CHECKING:
    from retrieve.indexes.browsing import Last, SeenFace, SeenPhoto, SeenText, Sides
    from retrieve.indexes.catalog.passages import StoredPassage
    from retrieve.indexes.catalog.paths import Found
    from retrieve.indexes.catalog.persons import Person
    from retrieve.types import PictureHit


class Stored(Protocol):
    """What is stored, of a collection or a cluster, as the functions of browsing tell it."""

    def photos(
        self, wanted: Filter = EVERYTHING, *, most: int, after: Last | None = None
    ) -> list[PictureHit]:
        """Photos that satisfy the conditions, the newest first."""
        ...

    def photo(self, id: int) -> SeenPhoto:
        """A photo with all that is known of it."""
        ...

    def photos_at(self, ids: Iterable[int]) -> dict[int, PictureHit]:
        """Photos by id; those that are not there are left out."""
        ...

    def has_looks(self, id: int) -> bool:
        """Whether a photo was looked at as a whole."""
        ...

    def neighbours(self, id: int, *, most: int) -> Sides:
        """The photos that were taken just before one and just after it."""
        ...

    def faces(self, ids: Sequence[int]) -> list[SeenFace]:
        """Stored faces in that order."""
        ...

    def face(self, id: int) -> SeenFace:
        """A stored face."""
        ...

    def texts(self, *, most: int, after: Last | None = None) -> list[SeenText]:
        """Texts, the newest first."""
        ...

    def text(self, id: int) -> SeenText:
        """A text."""
        ...

    def passages(self, content_id: int) -> list[StoredPassage]:
        """What a text or a photo says, in order."""
        ...

    def most_seen(self, *, most: int, fewest: int) -> list[tuple[Person, int]]:
        """The persons of whom most faces are stored, each with the face that shows best."""
        ...

    def months(self) -> list[tuple[str | None, int]]:
        """How many photos there are of each month, the newest first."""
        ...

    def places(self) -> list[tuple[float, float]]:
        """Degrees north and east of each photo of which they are known."""
        ...

    def file_of(self, id: int, kind: str) -> Found:
        """The first living file that holds a photo or a text."""
        ...


class StoredHere:
    """Stored of a collection."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def photos(
        self, wanted: Filter = EVERYTHING, *, most: int, after: Last | None = None
    ) -> list[PictureHit]:
        return browsing.photos(self._opened, wanted, most=most, after=after)

    def photo(self, id: int) -> SeenPhoto:
        return browsing.photo(self._opened, id)

    def photos_at(self, ids: Iterable[int]) -> dict[int, PictureHit]:
        return self._opened.catalog.photos(ids)

    def has_looks(self, id: int) -> bool:
        return self._opened.pictures.shown.holds(id)

    def neighbours(self, id: int, *, most: int) -> Sides:
        return browsing.neighbours(self._opened, id, most=most)

    def faces(self, ids: Sequence[int]) -> list[SeenFace]:
        return browsing.faces(self._opened, ids)

    def face(self, id: int) -> SeenFace:
        return browsing.face(self._opened, id)

    def texts(self, *, most: int, after: Last | None = None) -> list[SeenText]:
        return browsing.texts(self._opened, most=most, after=after)

    def text(self, id: int) -> SeenText:
        return browsing.text(self._opened, id)

    def passages(self, content_id: int) -> list[StoredPassage]:
        return browsing.passages(self._opened, content_id)

    def most_seen(self, *, most: int, fewest: int) -> list[tuple[Person, int]]:
        ids = browsing.most_seen(self._opened, most=most, fewest=fewest)
        best = browsing.best_faces(self._opened, ids)
        return [(person(self._opened.db, id), best[id]) for id in ids if id in best]

    def months(self) -> list[tuple[str | None, int]]:
        return browsing.months(self._opened)

    def places(self) -> list[tuple[float, float]]:
        return browsing.places(self._opened)

    def file_of(self, id: int, kind: str) -> Found:
        return browsing.file_of(self._opened, id, kind)
