"""Who is who in a cluster, as commands ask and say it: what whoswho.py is to one collection."""

from __future__ import annotations

from collections.abc import Collection as Those
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager

from sqlite_utils import Database

from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.persons import Person
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.people import listing, review
from retrieve.indexes.cluster.people.gathering import face_here
from retrieve.indexes.cluster.people.view import Wanted, view
from retrieve.indexes.cluster.people.writing import commit, prepare
from retrieve.indexes.people.listing import Listed
from retrieve.indexes.people.review import Pair, Question
from retrieve.indexes.people.together import Graph, Shared


class ClusterPeople:
    """WhosWho of a cluster."""

    def __init__(self, cluster: Asking) -> None:
        self._cluster = cluster

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
        """As WhosWho.looking(); of no more than what is asked for.

        raises  CollectionError if a shard does not answer
        """
        wanted = Wanted(tuple(persons), tuple(names), tuple(faces), tuple(photos), (), every)
        found = view(self._cluster, wanted, said=every)
        with closing(found.db.conn):
            yield found.db

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
        """As WhosWho.saying(); what is said is written into every shard that it is about.

        raises  CollectionError if another coordinator is at work, or a shard does not answer
        """
        with self._cluster.changing():
            prepare(self._cluster)
            wanted = Wanted(tuple(persons), tuple(names), tuple(faces), tuple(photos), tuple(lines))
            found = view(self._cluster, wanted)
            with closing(found.db.conn):
                yield found.db
                commit(self._cluster, found)

    def alone(self) -> AbstractContextManager[None]:
        """As WhosWho.alone(); raises CollectionError if another coordinator is at work."""
        return self._cluster.changing()

    def check(self) -> None:
        """Nothing: each shard checks what it tells."""

    def shown(self, *, unnamed: bool = False, everyone: bool = False) -> list[Person]:
        """As WhosWho.shown(), of the shards that answer."""
        return listing.shown(self._cluster, unnamed=unnamed, everyone=everyone)

    def listing(
        self,
        *,
        unnamed: bool = False,
        everyone: bool = False,
        only: Sequence[int] = (),
        checked: bool = False,
    ) -> list[Listed]:
        """As WhosWho.listing(), of the shards that answer."""
        return listing.people(self._cluster, unnamed=unnamed, everyone=everyone, only=only)

    def questions(self, *, most: int, skipped: Those[Pair] = ()) -> list[Question]:
        """As WhosWho.questions()."""
        return review.questions(self._cluster, most=most, skipped=skipped)

    def doubted(self, person_id: int, *, most: int) -> list[tuple[int, float]]:
        """As WhosWho.doubted(), of the faces in shards that answer."""
        return review.doubted(self._cluster, person_id, most=most)

    def photos_with(self, persons: Sequence[int], wanted: Filter = EVERYTHING) -> list[Shared]:
        """As WhosWho.photos_with(), of the shards that answer."""
        return listing.photos_with(self._cluster, persons, wanted)

    def graph(self, *, every: bool = False, wanted: Filter = EVERYTHING) -> Graph:
        """As WhosWho.graph(), of the shards that answer."""
        return listing.graph(self._cluster, every=every, wanted=wanted)

    def picture(self, face_id: int) -> bytes:
        """As WhosWho.picture(); raises CollectionError if its shard does not answer."""
        shard, own = of_shard(face_id)
        return self._cluster.ask(face_here, own, of=[shard]).all()[shard]

    crop = picture
