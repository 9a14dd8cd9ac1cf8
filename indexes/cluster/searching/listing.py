"""What all shards hold, listed and counted: nothing is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import EVERYTHING, PICTURES, Filter
from retrieve.indexes.catalog.passages import NO_PASSAGE
from retrieve.indexes.catalog.persons import persons
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.manifest import CLUSTER
from retrieve.indexes.cluster.searching import conditions, merging
from retrieve.indexes.cluster.searching.asking import Asking
from retrieve.indexes.cluster.searching.pictures import space as pictures_space
from retrieve.indexes.collection import Collection
from retrieve.indexes.files import size_bytes
from retrieve.indexes.info import Generation, Info, describe
from retrieve.indexes.vectors.spaces import Space
from retrieve.types import Skipped, TextHit

# Asked of shards


def labels_here(
    collection: Collection, wanted: Filter, language: str | None
) -> tuple[list[tuple[str, int]], tuple[str, ...]]:
    """What the photos of a shard show surely, and whom it knows of the persons asked for."""
    found, known = conditions.here(collection.db, wanted)
    if found is None or collection.space(PICTURES) is None:
        return [], known
    return collection.labels(found, language=language), known


def skipped_here(collection: Collection) -> list[Skipped]:
    """The files of a shard that could not be used."""
    return collection.skipped()


@dataclass(frozen=True, slots=True)
class About:
    """A shard, and the persons in it who have a name."""

    info: Info
    named: tuple[int, ...]


def about_here(collection: Collection) -> About:
    """What a shard holds."""
    named = tuple(one.id for one in persons(collection.db))
    return About(describe(collection.opened), named)


def counts_here(collection: Collection) -> tuple[dict[str, int], tuple[int, ...]]:
    """How much a shard holds, and the persons in it who have a name."""
    return collection.counts(), tuple(one.id for one in persons(collection.db))


def generation_here(collection: Collection) -> Generation:
    """What a shard holds, as numbers that change with it."""
    return collection.generation()


def sha256_here(collection: Collection, content_id: int) -> str | None:
    """Of the bytes of a stored photo or text of a shard, hexadecimal."""
    return collection.sha256_of(content_id)


# Asking


def labels(
    shards: Asking, wanted: Filter = EVERYTHING, *, language: str | None = None
) -> list[tuple[str, int]]:
    """What the photos of all shards show surely, each label with how many, the commonest first."""
    pictures_space(shards)
    wanted = conditions.sent(wanted)
    parts = shards.ask(labels_here, wanted, language).some()
    conditions.check(shards, wanted, (known for _, known in parts.values()))
    counts: Counter[str] = Counter()
    for some, _ in parts.values():
        counts.update(dict(some))
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def text_of_shard(shard: int, hit: TextHit) -> TextHit:
    """A passage or photo that a shard has found, with ids of the cluster."""
    passage, group = hit.passage_id, of_cluster(shard, hit.group)
    return replace(
        hit,
        passage_id=passage if passage == NO_PASSAGE else of_cluster(shard, passage),
        group=group,
    )


def skipped(shards: Asking) -> list[Skipped]:
    """The files of all shards that could not be used, by path."""
    parts = shards.ask(skipped_here).some().values()
    return sorted((one for some in parts for one in some), key=lambda one: one.path)


def info(shards: Asking) -> Info:
    """What the shards that answer hold together, and what made it."""
    answers = shards.ask(about_here)
    every = answers.some()
    infos = [one.info for one in every.values()]
    if not infos:
        raise CollectionError(f"{shards.path} has no shard yet: retrieve index FOLDER")
    counts: Counter[str] = Counter()
    for one in infos:
        counts.update(one.counts)
    named = {person for one in every.values() for person in one.named}
    return Info(
        shards.path,
        max(one.format for one in infos),
        _joined(one.space for one in infos),
        _joined(one.texts for one in infos),
        {name: counts[name] for name in infos[0].counts} | {"persons": len(named)},
        sum(one.size_bytes for one in infos) + (size_bytes(shards.path / CLUSTER) or 0),
        merging.state_of(one.search for one in infos),
        merging.state_of(one.text_search for one in infos),
        next((one.halfway for one in infos if one.halfway is not None), None),
        _joined(one.pictures for one in infos),
        answers.shards,
    )


def counts(shards: Asking) -> dict[str, int]:
    """How much the shards that answer hold together."""
    every = shards.ask(counts_here).some().values()
    found: Counter[str] = Counter()
    for some, _ in every:
        found.update(some)
    return {**found, "persons": len({person for _, named in every for person in named})}


def generation(shards: Asking) -> Generation:
    """What the shards that answer hold, as numbers that change with it."""
    every = shards.ask(generation_here).some()
    # What is said of persons who share no shard stands in no shard's log; nor do questions.
    log = shards.manifest.db.execute(
        "SELECT count(*), max(id), (SELECT count(*) FROM suggestions), "
        "(SELECT total(score) FROM suggestions) FROM statements"
    ).fetchone()
    said = [
        repr([(number, getattr(one, name)) for number, one in every.items()])
        for name in ("people", "stored")
    ]
    said[0] += repr(log)
    return Generation(*(sha256(one.encode()).hexdigest()[:12] for one in said))


def _joined(spaces: Iterable[Space | None]) -> Space | None:
    """One of all shards: their rows together."""
    there: Sequence[Space] = [one for one in spaces if one is not None]
    if not there:
        return None
    rows = sum(one.rows for one in there)
    return replace(there[0], rows=rows, generation=max(one.generation for one in there))
