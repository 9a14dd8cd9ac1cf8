"""Forgetting over all shards, all copies of them, and the manifest.

What is to go is known by content, so a photo goes with all its paths, in whichever segments they
are: the shard that holds it has them all. It is begun in the manifest before anything is deleted,
and stays so until every copy of every shard has done it; a shard that cannot be reached does it
when it is there again, with the next command that changes the cluster. Of what is forgotten the
manifest keeps checksums, paths and statements: they go last, and its file is written anew.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import among, reading
from retrieve.indexes.catalog.paths import stored, under
from retrieve.indexes.catalog.persons import (
    NUMBERED,
    Person,
    SharedName,
    key_of,
    persons_called,
    told_apart,
)
from retrieve.indexes.cluster.life import agreeing, begun, own
from retrieve.indexes.cluster.life.begun import FORGETTING, Begun
from retrieve.indexes.cluster.life.checking import name_of
from retrieve.indexes.people.forgetting import once_called
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep import deletion
from retrieve.indexes.upkeep import forget as in_a_collection
from retrieve.indexes.upkeep.forget import Forgotten, Mention
from retrieve.indexes.upkeep.proof import Proof, Trace

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking
    from retrieve.indexes.collection import Collection


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be forgotten.

    paths, folders  absolute
    persons         #7 for one with a number; a name for what the log says of nobody any more
    """

    paths: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    persons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.folders or self.persons)

    def kept(self) -> dict[str, list[str]]:
        """As the manifest keeps it until it is done."""
        return {
            "paths": [os.fsencode(path).hex() for path in self.paths],
            "folders": [os.fsencode(path).hex() for path in self.folders],
            "persons": list(self.persons),
        }


@dataclass(frozen=True, slots=True)
class InShard:
    """What one copy of a shard has forgotten, or would.

    sha256s  of its contents
    persons  numbers and names of those of whom it has no face any more
    """

    forgotten: Forgotten
    sha256s: list[bytes]
    persons: list[tuple[int, str | None]]


def would_forget(
    cluster: Asking,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
) -> Forgotten:
    """What forget() would forget now; changes nothing."""
    wanted = _wanted(cluster, paths, folders, persons)
    planned = cluster.ask(would, wanted).all()
    there = cluster.ask(present, _numbers(planned)).all()
    return _joined(planned, there)


def forget(
    cluster: Asking,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
    verify: bool = False,
    patience_s: float = traces.PATIENCE_S,
) -> Forgotten:
    """Forget photos, texts and persons in all copies of all shards, and in the manifest; inside
    coordinating(). Arguments as upkeep.forget.forget() takes them.

    verify  each copy reads its files afterwards, for what must not be there; so is the manifest's
    raises  BadInput for what no shard holds, with nothing changed; CollectionError if a shard could
            not do it: which one, and that it stays begun
    """
    wanted = _wanted(cluster, paths, folders, persons)
    with cluster.manifest.writing():
        id = begun.begin(cluster.manifest, FORGETTING, dict(wanted.kept()))
    return _everywhere(cluster, id, wanted, verify=verify, patience_s=patience_s)


def go_on(cluster: Asking, one: Begun) -> None:
    """End what a coordinator began that died, or that a shard could not do; inside coordinating().

    raises  CollectionError if a shard still cannot: it stays begun
    """
    if not one.of.get("traces"):
        wanted = Wanted(
            tuple(Path(os.fsdecode(bytes.fromhex(path))) for path in one.of["paths"]),
            tuple(Path(os.fsdecode(bytes.fromhex(path))) for path in one.of["folders"]),
            tuple(one.of["persons"]),
        )
        left = {(shard, copy) for shard, copy, _ in one.of.get("left", [])}
        _everywhere(cluster, one.id, wanted, only=left or None, again=True)
        return
    _end(cluster, one.id)


def _everywhere(
    cluster: Asking,
    id: int,
    wanted: Wanted,
    *,
    verify: bool = False,
    patience_s: float = traces.PATIENCE_S,
    only: set[tuple[int, int]] | None = None,
    again: bool = False,
) -> Forgotten:
    """only: copies, as (shard, copy), that have not done it; again: others may have."""
    manifest = cluster.manifest
    done: dict[int, InShard] = {}
    proofs: dict[str, Proof] = {}
    left: list[tuple[int, int, str]] = []
    copies = max((len(one.folders) for one in manifest.shards()), default=0)
    for copy in range(copies):
        of = None if only is None else sorted(n for n, which in only if which == copy)
        answers = cluster.servers_of(copy).ask(forgotten, wanted, verify, patience_s, of=of)
        left += [(n, copy, str(why)) for n, why in sorted(answers.refused.items())]
        left += [(n, copy, why) for n, why in sorted(answers.missing.items())]
        for shard, found in answers:
            done.setdefault(shard, found)
            if found.forgotten.proof is not None:
                proofs[str(manifest.relative(_folder(cluster, shard, copy)))] = (
                    found.forgotten.proof
                )
    there = cluster.servers.ask(present, _numbers(done)).given
    all_done = _joined(done, there)
    nobody = [
        (person, name)
        for person, name in _persons(done)
        if not any(person in known for known in there.values())
    ]
    names = {name for _, name in nobody if name} | {
        name for name in wanted.persons if not NUMBERED.fullmatch(name)
    }
    evidence = own.remove(
        manifest,
        sha256s=[one for found in done.values() for one in found.sha256s],
        paths=[os.fsencode(path) for path in all_done.paths],
        persons={person for person, _ in nobody},
        names=names,
        evidence=verify,
    )
    if left:
        with manifest.writing():
            begun.change(manifest, id, {**wanted.kept(), "left": left})
        shard, copy, why = left[0]
        more = f", nor could {len(left) - 1} more" if len(left) > 1 else ""
        raise CollectionError(
            f"not forgotten everywhere: {name_of(shard, copy)} could not: {why}{more}. What it "
            "holds of it is still there. It stays begun, and when all answer the next command that "
            "changes the cluster goes on with it: retrieve repair. What is not done: retrieve check"
        )
    if again:  # what the dead one had deleted already names no contents any more
        agreeing.agree(cluster)
    with manifest.writing():
        begun.change(manifest, id, {"traces": True})
    _end(cluster, id)
    if not verify:
        return all_done
    proofs[""] = own.prove(manifest, evidence)
    said = cluster.servers.ask(mentions, all_done.names).all() if all_done.names else {}
    every = [one for found in said.values() for one in found]
    return replace(all_done, proof=_joined_proof(proofs), said=every)


def _end(cluster: Asking, id: int) -> None:
    """The manifest's file with nothing in it but what the manifest says; then it is done."""
    own.write_anew(cluster.manifest)
    with cluster.manifest.writing():
        begun.end(cluster.manifest, id)


# Questions to shards


def known(collection: Collection, wanted: Wanted) -> Wanted:
    """What of it a shard holds."""
    db = collection.db
    with reading(db):
        held = among(db, "SELECT path FROM paths WHERE path", (stored(one) for one in wanted.paths))
        paths = {one for (one,) in held}
        return Wanted(
            tuple(path for path in wanted.paths if stored(path) in paths),
            tuple(folder for folder in wanted.folders if _holds_of(collection, folder)),
            tuple(person for person in wanted.persons if _knows(collection, person)),
        )


def folders_among(collection: Collection, paths: Sequence[Path]) -> list[Path]:
    """Which of some paths are folders that a shard holds something of."""
    return [path for path in paths if _holds_of(collection, path)]


def called(
    collection: Collection, names: Sequence[str]
) -> dict[str, tuple[list[tuple[Person, str]], bool]]:
    """Who has each of some names in a shard, told apart; and whether its log knows the name."""
    db, found = collection.db, {}
    for name in names:
        try:
            ids = persons_called(db, name)
        except BadInput:
            ids = []
        found[name] = (told_apart(db, ids), not ids and once_called(db, name))
    return found


def would(collection: Collection, wanted: Wanted) -> InShard:
    """What a shard would forget."""
    return _in_shard(collection, known(collection, wanted), None)


def forgotten(collection: Collection, wanted: Wanted, verify: bool, patience_s: float) -> InShard:
    """Forget what of it a shard holds."""
    there = known(collection, wanted)
    before = _in_shard(collection, there, None)
    if not there:
        traces.finish_or_raise(collection.db, collection.path, patience_s=patience_s)
        return before
    done = in_a_collection.forget(
        collection,
        paths=there.paths,
        folders=there.folders,
        persons=there.persons,
        verify=verify,
        patience_s=patience_s,
    )
    return _in_shard(collection, there, done, before)


def present(collection: Collection, persons: Iterable[int]) -> set[int]:
    """Which of some persons a shard has faces of."""
    query = "SELECT DISTINCT person_id FROM faces WHERE person_id"
    return {id for (id,) in among(collection.db, query, persons)}


def mentions(collection: Collection, names: Sequence[str]) -> list[Mention]:
    """Where passages of a shard say one of some names."""
    with reading(collection.db):
        return list(in_a_collection.mentions(collection.db, names))


def _in_shard(
    collection: Collection,
    there: Wanted,
    done: Forgotten | None,
    before: InShard | None = None,
) -> InShard:
    if done is not None and before is not None:
        return InShard(done, before.sha256s, before.persons)
    db = collection.db
    with reading(db):
        doomed = deletion.chosen(
            db, paths=there.paths, folders=there.folders, persons=there.persons
        )
        query = "SELECT sha256 FROM contents WHERE id"
        sha256s = [bytes.fromhex(one) for (one,) in among(db, query, doomed.contents)]
    persons = [(id, name) for id, name, _ in doomed.persons]
    return InShard(in_a_collection.told(doomed), sha256s, persons)


def _holds_of(collection: Collection, folder: Path) -> bool:
    where, values = under(folder)
    found = collection.db.execute(f"SELECT 1 FROM paths WHERE {where} LIMIT 1", values)
    return found.fetchone() is not None


def _knows(collection: Collection, person: str) -> bool:
    """Whether a shard has that person, or its log says something of a name that nobody has."""
    try:
        return bool(persons_called(collection.db, person))
    except BadInput:
        return once_called(collection.db, person)


# What is wanted, and what became of it


def _wanted(
    cluster: Asking, paths: Sequence[Path], folders: Sequence[Path], persons: Sequence[str]
) -> Wanted:
    """All of it, where some shard holds each; raises as forget()."""
    asked = Wanted(
        tuple(Path(os.path.abspath(path)) for path in paths),  # noqa: PTH100 - links are kept
        tuple(Path(os.path.abspath(path)) for path in folders),  # noqa: PTH100
        tuple(_number(cluster, name) for name in persons),
    )
    answers = cluster.ask(known, asked)
    there = answers.some().values()
    unknown = Wanted(
        tuple(one for one in asked.paths if not any(one in each.paths for each in there)),
        tuple(one for one in asked.folders if not any(one in each.folders for each in there)),
    )
    if not unknown:
        return asked
    one = (*unknown.paths, *unknown.folders)[0]
    if answers.missing:
        shard, why = min(answers.missing.items())
        raise CollectionError(
            f"none of the shards that answered holds {one}, and shard {shard} did not: {why}. "
            "Nothing was changed: bring it back and run again"
        )
    if unknown.paths and any(cluster.ask(folders_among, [one]).some().values()):
        hint = f"It is a folder; for all that is stored of it: retrieve forget --all-of {one}"
    else:
        hint = "Paths are shown by: retrieve search"
    raise BadInput(f"{one} is not in the cluster. {hint}")


def _number(cluster: Asking, name: str) -> str:
    """Who is meant, as #7; the name itself where only logs know it.

    raises  SharedName if several persons have it; BadInput if nobody has
    """
    answers = cluster.ask(called, [name]).all()
    who: dict[int, tuple[Person, str]] = {}
    for found in answers.values():
        for person, told in found[name][0]:
            who.setdefault(person.id, (person, told))
    if len(who) > 1:
        raise SharedName(name, list(who.values()))
    if who:
        return f"#{next(iter(who))}"
    if any(found[name][1] for found in answers.values()):
        return name
    if NUMBERED.fullmatch(name.strip()):
        raise BadInput(f"nobody has the number {name}. Who there is: retrieve people --all")
    raise BadInput(f"nobody is called {name!r}. Who there is: retrieve people")


def _persons(done: dict[int, InShard]) -> list[tuple[int, str | None]]:
    return sorted({one for found in done.values() for one in found.persons}, key=lambda one: one[0])


def _numbers(done: dict[int, InShard]) -> list[int]:
    return [person for person, _ in _persons(done)]


def _joined(done: dict[int, InShard], there: dict[int, set[int]]) -> Forgotten:
    """Of all shards together.

    there  by shard who of the persons has faces in it, before it was done or after
    """
    every = [done[shard] for shard in sorted(done)]
    goes = {shard: {person for person, _ in found.persons} for shard, found in done.items()}
    stay = {person for shard, known in there.items() for person in known - goes.get(shard, set())}
    kept = {key_of(name) for person, name in _persons(done) if name and person in stay}
    all_of = [one.forgotten for one in every]
    return Forgotten(
        photos=sum(one.photos for one in all_of),
        texts=sum(one.texts for one in all_of),
        replaced=sum(one.replaced for one in all_of),
        faces=sum(one.faces for one in all_of),
        passages=sum(one.passages for one in all_of),
        paths=sorted({path for one in all_of for path in one.paths}),
        copies=sorted({path for one in all_of for path in one.copies}),
        names=list(
            dict.fromkeys(name for one in all_of for name in one.names if key_of(name) not in kept)
        ),
        statements=sum(one.statements for one in all_of),
    )


def _joined_proof(proofs: dict[str, Proof]) -> Proof:
    """All proofs as one; files are told below the folder of the cluster."""
    looked_for: Counter[str] = Counter()
    for one in proofs.values():
        looked_for.update(one.looked_for)
    return Proof(
        dict(looked_for),
        sum(one.plain for one in proofs.values()),
        sum(one.shared for one in proofs.values()),
        sum(one.files for one in proofs.values()),
        sum(one.size_bytes for one in proofs.values()),
        [
            Trace(trace.kind, trace.what, str(Path(where) / trace.file), trace.offset)
            for where, one in proofs.items()
            for trace in one.traces
        ],
    )


def _folder(cluster: Asking, shard: int, copy: int) -> Path:
    return next(one.folders[copy] for one in cluster.manifest.shards() if one.number == shard)
