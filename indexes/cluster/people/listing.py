"""Everyone in a cluster, with all their faces, and who is seen with whom: what shards tell.

A photo lies in one shard, so photos and faces of a person are counted shard by shard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.catalog.persons import Person, in_order
from retrieve.indexes.cluster.asking import Asking
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import listing, together
from retrieve.indexes.people.listing import Listed
from retrieve.indexes.people.together import Graph, Node, Pair, Shared


def people(
    cluster: Asking,
    *,
    unnamed: bool = False,
    everyone: bool = False,
    only: Sequence[int] = (),
) -> list[Listed]:
    """As people/listing.people()."""
    if only:
        chosen = in_order(added(cluster.ask(persons_here, list(only)).some().values()))
    else:
        chosen = shown(cluster, unnamed=unnamed, everyone=everyone)
    if not chosen:
        return []
    found = {one.id: Listed(one) for one in chosen}
    for shard, listed in cluster.ask(listed_here, [one.id for one in chosen]):
        for one in listed:
            found[one.person.id].members.extend(
                replace(face, face_id=of_cluster(shard, face.face_id)) for face in one.members
            )
    for one in found.values():
        one.members.sort(key=lambda face: (-face.quality, face.face_id))
    return list(found.values())


def shown(cluster: Asking, *, unnamed: bool = False, everyone: bool = False) -> list[Person]:
    """As people/listing.shown()."""
    every = added(cluster.ask(persons_here, []).some().values())
    return listing.worth_showing(every, unnamed=unnamed, everyone=everyone)


def photos_with(cluster: Asking, ids: Sequence[int], wanted: Filter = EVERYTHING) -> list[Shared]:
    """As people/together.photos_with()."""
    found = [
        replace(
            photo,
            faces=tuple(
                replace(face, face_id=of_cluster(shard, face.face_id)) for face in photo.faces
            ),
        )
        for shard, photos in cluster.ask(shared_here, list(ids), wanted).some().items()
        for photo in photos
    ]
    return sorted(found, key=together.in_time)


def graph(cluster: Asking, *, every: bool = False, wanted: Filter = EVERYTHING) -> Graph:
    """As people/together.graph()."""
    nodes: dict[int, tuple[Node, float]] = {}
    pairs: Counter[tuple[int, int]] = Counter()
    for shard, (some, here) in cluster.ask(graph_here, every, wanted).some().items():
        for node, quality in some:
            mine = replace(node, face_id=of_cluster(shard, node.face_id)), quality
            before = nodes.get(node.person_id)
            if before is None:
                nodes[node.person_id] = mine
                continue
            best = max(before, mine, key=lambda one: one[1])
            nodes[node.person_id] = (
                replace(
                    best[0],
                    faces=before[0].faces + node.faces,
                    photos=before[0].photos + node.photos,
                ),
                best[1],
            )
        pairs.update({(pair.one, pair.other): pair.photos for pair in here})
    return together.ordered(
        [node for node, _ in nodes.values()],
        [Pair(one, other, photos) for (one, other), photos in pairs.items()],
    )


def persons_here(collection: Collection, only: Sequence[int]) -> list[Person]:
    """A question: everybody, or some, with how many faces and photos of theirs a shard has."""
    with reading(collection.db):
        listing.check(collection.db)
        return persons.persons(collection.db, named=False, only=only or None)


def listed_here(collection: Collection, only: Sequence[int]) -> list[Listed]:
    """A question: some persons with their faces in a shard."""
    db = collection.db
    with reading(db):
        here = [id for (id,) in among(db, "SELECT id FROM persons WHERE id", only)]
        return listing.people(db, only=here, checked=True) if here else []


def shared_here(collection: Collection, ids: Sequence[int], wanted: Filter) -> list[Shared]:
    """A question: photos of a shard that show all of some persons."""
    with reading(collection.db):
        if _unknown(collection, [*ids, *_numbers(wanted)]):
            return []
        return together.photos_with(collection.db, ids, wanted)


def graph_here(
    collection: Collection, every: bool, wanted: Filter
) -> tuple[list[tuple[Node, float]], list[Pair]]:
    """A question: who is seen with whom in a shard, and of each how good their best face is."""
    with reading(collection.db):
        if _unknown(collection, _numbers(wanted)):
            return [], []
        found = together.graph(collection.db, every=every, wanted=wanted)
        query = "SELECT id, quality FROM faces WHERE id"
        quality = dict(among(collection.db, query, [one.face_id for one in found.people]))
        return [(one, quality[one.face_id]) for one in found.people], list(found.pairs)


def added(parts: Iterable[list[Person]]) -> list[Person]:
    """Everybody of some shards, with the faces and photos of theirs in all of those together."""
    found: dict[int, Person] = {}
    for part in parts:
        for one in part:
            before = found.get(one.id)
            if before is None:
                found[one.id] = one
            else:
                found[one.id] = replace(
                    before,
                    name=before.name if one.name is None else one.name,
                    faces=before.faces + one.faces,
                    photos=before.photos + one.photos,
                    ignored=before.ignored or one.ignored,
                )
    return list(found.values())


def _numbers(wanted: Filter) -> list[int]:
    """Of the persons in conditions, which name them by #id here."""
    return [int(name[1:]) for name in wanted.persons]


def _unknown(collection: Collection, ids: Sequence[int]) -> bool:
    """Whether a shard has no face of one of some persons."""
    there = among(collection.db, "SELECT id FROM persons WHERE id", ids)
    return len(there) < len(set(ids))
