"""Who is who in a collection, as commands ask and say it; a cluster answers the same
(cluster/people/people.py).

    with collection.people.saying(faces=[12]) as db:
        said = statements.say_name(db, "Ana", [12])

What is said in a block is written when it ends, all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Collection as Those
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from sqlite_utils import Database

from retrieve.indexes.catalog.database import is_read_only, reading, writing
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.opened import Opened
from retrieve.indexes.people import listing, review, together
from retrieve.unfinished import remove_left_of

if TYPE_CHECKING:
    from retrieve.indexes.catalog.persons import Person
    from retrieve.indexes.people.listing import Listed
    from retrieve.indexes.people.review import Pair, Question
    from retrieve.indexes.people.together import Graph, Shared


class WhosWho(Protocol):
    """Who is who, of a collection or a cluster."""

    def looking(
        self,
        *,
        persons: Sequence[int] = (),
        names: Sequence[str] = (),
        faces: Sequence[int] = (),
        photos: Sequence[str] = (),
        every: bool = False,
    ) -> AbstractContextManager[Database]:
        """A catalog that is read, with at least all faces of some persons and everybody in their
        photos, and all that was said of them.

        persons  ids
        names    everybody who is called so, too
        faces    their persons and photos, too
        photos   PHOTO or PHOTO:FACE, as people write them, too
        every    everything that was ever said, with its faces
        """
        ...

    def saying(
        self,
        *,
        persons: Sequence[int] = (),
        names: Sequence[str] = (),
        faces: Sequence[int] = (),
        photos: Sequence[str] = (),
        lines: Sequence[int | None] = (),
    ) -> AbstractContextManager[Database]:
        """A catalog in which something is said of those, by people/statements.py or review.py; it
        is written when the block ends.

        lines   that are to be taken back; None is the last one
        raises  CollectionError if it cannot be written
        """
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else says anything while the block lasts; saying() may lie within it, once.

        raises  CollectionError if it cannot be written
        """
        ...

    def check(self) -> None:
        """As people/listing.check()."""
        ...

    def shown(self, *, unnamed: bool = False, everyone: bool = False) -> list[Person]:
        """Who is in listing(), without their faces, as people/listing.shown()."""
        ...

    def listing(
        self,
        *,
        unnamed: bool = False,
        everyone: bool = False,
        only: Sequence[int] = (),
        checked: bool = False,
    ) -> list[Listed]:
        """Everyone, as people/listing.people()."""
        ...

    def doubted(self, person_id: int, *, most: int) -> list[tuple[int, float]]:
        """The faces of somebody that are least like the others, as people/review.doubted()."""
        ...

    def questions(self, *, most: int, skipped: Those[Pair] = ()) -> list[Question]:
        """What is worth asking, as people/review.questions()."""
        ...

    def photos_with(self, persons: Sequence[int], wanted: Filter = EVERYTHING) -> list[Shared]:
        """Photos that show them all, as people/together.photos_with()."""
        ...

    def graph(self, *, every: bool = False, wanted: Filter = EVERYTHING) -> Graph:
        """Who is seen with whom, as people/together.graph()."""
        ...

    def picture(self, face_id: int) -> bytes:
        """A face as a small JPEG."""
        ...

    def crop(self, face_id: int) -> bytes:
        """A face as the embedder saw it."""
        ...


class People:
    """WhosWho of a collection."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    @contextmanager
    def looking(
        self,
        *,
        persons: Sequence[int] = (),
        names: Sequence[str] = (),
        faces: Sequence[int] = (),
        photos: Sequence[str] = (),
        every: bool = False,
    ) -> Iterator[Database]:
        """The collection's own catalog, which has all of it, in one view."""
        with reading(self._opened.db):
            yield self._opened.db

    @contextmanager
    def saying(
        self,
        *,
        persons: Sequence[int] = (),
        names: Sequence[str] = (),
        faces: Sequence[int] = (),
        photos: Sequence[str] = (),
        lines: Sequence[int | None] = (),
    ) -> Iterator[Database]:
        """The same, in one transaction."""
        within = self._opened.db.conn.in_transaction  # of alone()
        with nullcontext() if within else writing(self._opened.db):
            if not is_read_only(self._opened.db):
                remove_left_of(self._opened.path)
            yield self._opened.db

    @contextmanager
    def alone(self) -> Iterator[None]:
        with writing(self._opened.db):
            yield

    def check(self) -> None:
        listing.check(self._opened.db)

    def shown(self, *, unnamed: bool = False, everyone: bool = False) -> list[Person]:
        return listing.shown(self._opened.db, unnamed=unnamed, everyone=everyone)

    def listing(
        self,
        *,
        unnamed: bool = False,
        everyone: bool = False,
        only: Sequence[int] = (),
        checked: bool = False,
    ) -> list[Listed]:
        return listing.people(
            self._opened.db, unnamed=unnamed, everyone=everyone, only=only, checked=checked
        )

    def doubted(self, person_id: int, *, most: int) -> list[tuple[int, float]]:
        return review.doubted(self._opened, person_id, most=most)

    def questions(self, *, most: int, skipped: Those[Pair] = ()) -> list[Question]:
        return review.questions(self._opened, most=most, skipped=skipped)

    def photos_with(self, persons: Sequence[int], wanted: Filter = EVERYTHING) -> list[Shared]:
        with reading(self._opened.db):
            return together.photos_with(self._opened.db, persons, wanted)

    def graph(self, *, every: bool = False, wanted: Filter = EVERYTHING) -> Graph:
        with reading(self._opened.db):
            return together.graph(self._opened.db, every=every, wanted=wanted)

    def picture(self, face_id: int) -> bytes:
        return self._opened.catalog.picture(face_id)

    def crop(self, face_id: int) -> bytes:
        return self._opened.catalog.crop(face_id)
