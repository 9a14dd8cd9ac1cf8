"""What is stored in all shards: what stored.py is to one collection.

What has an id is asked of the shard that the id belongs to, and is no answer that is told of in
`answered`; lists are asked of all shards, and are of those that answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from retrieve.errors import CollectionError
from retrieve.indexes.browsing import (
    Last,
    NotStored,
    SeenFace,
    SeenPhoto,
    SeenText,
    Sides,
)
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.catalog.persons import Person
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.browsing import here
from retrieve.indexes.cluster.ids import BITS, of_cluster, of_shard
from retrieve.indexes.cluster.people.listing import added
from retrieve.indexes.cluster.searching import conditions
from retrieve.indexes.cluster.searching.asking import Asking as Searched
from retrieve.types import PictureHit

T = TypeVar("T")


class Browsed(Asking, Searched, Protocol):
    """A cluster whose shards are looked into, and searched by conditions."""


class ClusterStored:
    """Stored of a cluster."""

    def __init__(self, cluster: Browsed) -> None:
        self._cluster = cluster

    def photos(
        self, wanted: Filter = EVERYTHING, *, most: int, after: Last | None = None
    ) -> list[PictureHit]:
        """As Stored.photos(), of the shards that answer."""
        wanted = conditions.sent(wanted)
        each = self._after(after)
        parts = self._cluster.ask(here.photos, wanted, most, each=each).some()
        conditions.check(self._cluster, wanted, (known for _, known in parts.values()))
        found = [_photo(shard, one) for shard, (some, _) in parts.items() for one in some]
        return _newest(found, _time_of_photo)[:most]

    def photo(self, id: int) -> SeenPhoto:
        """As Stored.photo(); raises CollectionError if its shard does not answer."""
        shard, seen = self._of("photo", id, here.photo)
        return replace(
            seen,
            photo=_photo(shard, seen.photo),
            faces=[_face(shard, one) for one in seen.faces],
            passages=[_passage(shard, one) for one in seen.passages],
        )

    def photos_at(self, ids: Iterable[int]) -> dict[int, PictureHit]:
        """As Stored.photos_at(); those of shards that do not answer are not there."""
        return {
            of_cluster(shard, id): _photo(shard, one)
            for shard, some in self._of_several(here.photos_at, ids).items()
            for id, one in some.items()
        }

    def has_looks(self, id: int) -> bool:
        """As Stored.has_looks()."""
        return self._of("photo", id, here.has_looks)[1]

    def neighbours(self, id: int, *, most: int) -> Sides:
        """As Stored.neighbours(), of the shards that answer."""
        _, when = self._of("photo", id, here.taken_at)
        if when is None:
            return [], []
        each = {shard: (bound,) for shard, bound in self._bounds(id).items()}
        parts = self._cluster.ask(here.around, when, most, each=each).some()
        sides: tuple[list[PictureHit], list[PictureHit]] = [], []
        for shard, both in parts.items():
            for side, some in zip(sides, both, strict=True):
                side += [_photo(shard, one) for one in some]
        before, after = (_newest(side, _time_of_photo) for side in sides)
        return before[:most][::-1], after[::-1][:most]

    def faces(self, ids: Sequence[int]) -> list[SeenFace]:
        """As Stored.faces(); those of shards that do not answer are left out."""
        known = {
            of_cluster(shard, one.face.id): _face(shard, one)
            for shard, some in self._of_several(here.faces, ids).items()
            for one in some
        }
        return [known[id] for id in ids if id in known]

    def face(self, id: int) -> SeenFace:
        """As Stored.face()."""
        return _face(*self._of("face", id, here.face))

    def picture(self, face_id: int) -> bytes:
        """As Collection.picture()."""
        return self._of("face", face_id, here.picture)[1]

    def texts(self, *, most: int, after: Last | None = None) -> list[SeenText]:
        """As Stored.texts(), of the shards that answer."""
        parts = self._cluster.ask(here.texts, most, each=self._after(after)).some()
        found = [_text(shard, one) for shard, some in parts.items() for one in some]
        return _newest(found, lambda one: (one.written_at, one.id))[:most]

    def text(self, id: int) -> SeenText:
        """As Stored.text()."""
        return _text(*self._of("text", id, here.text))

    def passages(self, content_id: int) -> list[StoredPassage]:
        """As Stored.passages()."""
        shard, found = self._of("text", content_id, here.passages)
        return [_passage(shard, one) for one in found]

    def most_seen(self, *, most: int, fewest: int) -> list[tuple[Person, int]]:
        """As Stored.most_seen(), of the shards that answer."""
        every = added(self._cluster.ask(here.everybody).some().values())
        seen = [one for one in every if not one.ignored and one.faces >= fewest]
        seen = sorted(seen, key=lambda one: (-one.faces, one.id))[:most]
        best: dict[int, tuple[float, int]] = {}
        ids = [one.id for one in seen]
        for shard, some in self._cluster.ask(here.best_faces, ids).some().items():
            for person, (quality, face) in some.items():
                mine = -quality, of_cluster(shard, face)
                best[person] = min(mine, best.get(person, mine))
        return [(one, best[one.id][1]) for one in seen if one.id in best]

    def months(self) -> list[tuple[str | None, int]]:
        """As Stored.months(), of the shards that answer."""
        counts: Counter[str | None] = Counter()
        for some in self._cluster.ask(here.months).some().values():
            counts.update(dict(some))
        return sorted(counts.items(), key=lambda one: one[0] or "", reverse=True)

    def places(self) -> list[tuple[float, float]]:
        """As Stored.places(), of the shards that answer."""
        return [one for some in self._cluster.ask(here.places).some().values() for one in some]

    def file_of(self, id: int, kind: str) -> Found:
        """As Stored.file_of()."""
        return self._of(kind, id, here.file_of, kind)[1]

    def _of(self, what: str, id: int, question: Callable[..., T], *args: Any) -> tuple[int, T]:
        """The shard that has an id, and what it says of it."""
        shard, own = of_shard(id)
        missing = NotStored(f"there is no stored {what} with the id {id}")
        if shard not in self._cluster.numbers:
            raise missing
        answers = self._cluster.look(question, own, *args, of=[shard])
        if isinstance(answers.refused.get(shard), NotStored):
            raise missing  # what the shard said has its own id
        if shard in answers.missing:
            raise CollectionError(
                f"the {what} {id} lies in shard {shard}, which does not answer: "
                f"{answers.missing[shard]}"
            )
        return shard, answers.all()[shard]

    def _of_several(self, question: Callable[..., T], ids: Iterable[int]) -> dict[int, T]:
        """What the shards say that have some ids."""
        by_shard: dict[int, list[int]] = defaultdict(list)
        for shard, own in map(of_shard, ids):
            by_shard[shard].append(own)
        there = set(self._cluster.numbers)
        each = {shard: (some,) for shard, some in by_shard.items() if shard in there}
        return dict(self._cluster.look(question, each=each)) if each else {}

    def _after(self, after: Last | None) -> dict[int, tuple[Last | None]]:
        """What a part of a list begins behind, for each shard."""
        if after is None:
            return dict.fromkeys(self._cluster.numbers, (None,))
        when, id = after
        return {shard: ((when, bound),) for shard, bound in self._bounds(id).items()}

    def _bounds(self, id: int) -> dict[int, int]:
        """For each shard the id there before which everything is before an id of the cluster."""
        shard, own = of_shard(id)
        return {
            one: own if one == shard else (1 << BITS if one < shard else 0)
            for one in self._cluster.numbers
        }


def _newest(found: list[T], time_of: Callable[[T], Last]) -> list[T]:
    """The newest first, of one moment the highest id; those without a date last."""

    def place(one: T) -> tuple[bool, str, int]:
        when, id = time_of(one)
        return when is not None, when or "", id

    return sorted(found, key=place, reverse=True)


def _time_of_photo(one: PictureHit) -> Last:
    return one.taken_at, one.photo_id


def _photo(shard: int, one: PictureHit) -> PictureHit:
    return replace(one, photo_id=of_cluster(shard, one.photo_id))


def _face(shard: int, one: SeenFace) -> SeenFace:
    face = replace(one.face, id=of_cluster(shard, one.face.id))
    return replace(one, face=face, photo_id=of_cluster(shard, one.photo_id))


def _text(shard: int, one: SeenText) -> SeenText:
    return replace(one, id=of_cluster(shard, one.id))


def _passage(shard: int, one: StoredPassage) -> StoredPassage:
    return replace(one, id=of_cluster(shard, one.id), content_id=of_cluster(shard, one.content_id))
