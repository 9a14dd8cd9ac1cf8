"""Forgetting over all shards, all copies of them, and the manifest.

What is to go is known by content, so a photo goes with all its paths, in whichever segments they
are: the shard that holds it has them all. It is begun in the manifest before anything is deleted,
and stays so until every copy of every shard has done it; a shard that cannot be reached does it
when it is there again, with the next command that changes the cluster. The manifest's own part is
the first, while the shards still tell what it is about; the file is written anew at the end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.persons import NUMBERED, Person, SharedName, key_of
from retrieve.indexes.cluster.ids import of_cluster
from retrieve.indexes.cluster.indexing.work import WORK
from retrieve.indexes.cluster.life import begun
from retrieve.indexes.cluster.life.begun import FORGETTING, Begun
from retrieve.indexes.cluster.life.checking import name_of
from retrieve.indexes.cluster.life.copies import replacing
from retrieve.indexes.cluster.life.forgetting import in_shard, own, said
from retrieve.indexes.cluster.life.forgetting.in_shard import Doomed, Wanted, Whom
from retrieve.indexes.cluster.manifest import NEW, Manifest
from retrieve.indexes.cluster.people.writing import prepare
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep.forget import Forgotten
from retrieve.indexes.upkeep.proof import Evidence, Proof

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking

Copy = tuple[int, int]  # a shard, and which copy of it


@dataclass(frozen=True, slots=True)
class Plan:
    """What shards that answer would forget.

    doomed   by shard
    persons  numbers and names of those of whom no face is left in any shard
    """

    doomed: dict[int, Doomed]
    persons: list[tuple[int, str | None]]

    @property
    def sha256s(self) -> list[str]:
        """Of all contents that go."""
        return [one for each in self.doomed.values() for one in each.sha256s]

    @property
    def names(self) -> list[str]:
        """That nobody has any more."""
        gone = {key_of(name) for _, name in self.persons if name}
        every = [
            (name, {key_of(one) for _, one in each.persons if one})
            for each in self.doomed.values()
            for name in each.forgotten.names
        ]
        # A name that is of no person was one that only logs knew.
        return list(
            dict.fromkeys(
                name for name, of in every if key_of(name) in gone or key_of(name) not in of
            )
        )

    @property
    def faces(self) -> list[int]:
        """Ids of the cluster."""
        return [of_cluster(n, id) for n, each in self.doomed.items() for id in each.faces]

    def told(self, by_shard: Mapping[int, Forgotten]) -> Forgotten:
        """Of all shards together."""
        every = [one for _, one in sorted(by_shard.items())]
        return Forgotten(
            photos=sum(one.photos for one in every),
            texts=sum(one.texts for one in every),
            replaced=sum(one.replaced for one in every),
            faces=sum(one.faces for one in every),
            passages=sum(one.passages for one in every),
            paths=sorted({path for one in every for path in one.paths}),
            copies=sorted({path for one in every for path in one.copies}),
            names=self.names,
            statements=sum(one.statements for one in every),
        )


def would_forget(
    cluster: Asking,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
) -> Forgotten:
    """What forget() would forget now; changes nothing."""
    wanted = _wanted(cluster, paths, folders, persons)
    cluster.ask(in_shard.known, wanted).require()
    plan = _plan(cluster, wanted, None)
    return plan.told({n: one.forgotten for n, one in plan.doomed.items()})


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
    if not cluster.servers.ask(in_shard.log_lines).missing:
        prepare(cluster)  # what shards say of people by themselves is known from here on
    wanted = _wanted(cluster, paths, folders, persons)
    with cluster.manifest.writing():
        id = begun.begin(cluster.manifest, FORGETTING, wanted.kept())
    return _everywhere(cluster, id, wanted, verify=verify, patience_s=patience_s)


def go_on(cluster: Asking, one: Begun) -> None:
    """End what a coordinator began that died, or what a shard could not do; inside coordinating().
    Of a copy that the cluster has let go since, the folder is overwritten (copies/replacing.py).

    raises  CollectionError if a shard still cannot: it stays begun
    """
    if one.of.get("traces"):
        _end(cluster, one.id)
        return
    left = {(shard, copy) for shard, copy, _ in one.of.get("left", [])}
    there = {(s.number, copy) for s in cluster.manifest.shards() for copy in range(len(s.folders))}
    _everywhere(cluster, one.id, Wanted.read(one.of), only=left & there if left else None)


def check_done(manifest: Manifest, shards: Iterable[int]) -> None:
    """Raise CollectionError where something is not forgotten yet in a copy of some shards."""
    among = set(shards)
    for one in begun.all_begun(manifest, FORGETTING):
        left = [(shard, copy, why) for shard, copy, why in one.of.get("left", [])]
        here = [each for each in left if each[0] in among]
        if here:
            raise _not_everywhere(here)
        if not left and not one.of.get("traces"):
            raise CollectionError(
                "what was begun to be forgotten is not forgotten everywhere. The next command that "
                "changes the cluster goes on with it: retrieve repair"
            )


def _everywhere(
    cluster: Asking,
    id: int,
    wanted: Wanted,
    *,
    verify: bool = False,
    patience_s: float = traces.PATIENCE_S,
    only: set[Copy] | None = None,
) -> Forgotten:
    """only: copies that have not done it yet; None for all."""
    manifest = cluster.manifest
    plan = _plan(cluster, wanted, only)
    evidence = _in_manifest(cluster, wanted, plan)
    done: dict[int, Forgotten] = {}
    proofs: dict[str, Proof] = {}
    left: list[tuple[int, int, str]] = []
    folders = {one.number: one.folders for one in manifest.shards()}
    for copy in range(max(map(len, folders.values()), default=0)):
        of = None if only is None else sorted(n for n, which in only if which == copy)
        answers = cluster.servers_of(copy).ask(
            in_shard.forgotten, wanted, verify, patience_s, of=of
        )
        left += [(n, copy, str(why)) for n, why in sorted(answers.refused.items())]
        left += [(n, copy, why) for n, why in sorted(answers.missing.items())]
        for shard, found in answers:
            done.setdefault(shard, found)
            if found.proof is not None:
                proofs[str(manifest.relative(folders[shard][copy]))] = found.proof
    lines = cluster.servers.ask(in_shard.log_lines, of=done)
    with manifest.writing():
        said.drop_lines(manifest, lines.given)
        begun.change(manifest, id, {**wanted.kept(), "left": left} if left else {"traces": True})
    if left:
        raise _not_everywhere(left)
    _end(cluster, id)
    all_done = plan.told(done)
    if not verify:
        return all_done
    proofs[""] = own.prove(manifest, evidence)
    told = cluster.servers.ask(in_shard.mentions, all_done.names).all() if all_done.names else {}
    every = [one for found in told.values() for one in found]
    return replace(all_done, proof=_joined(proofs), said=every)


def _in_manifest(cluster: Asking, wanted: Wanted, plan: Plan) -> Evidence:
    """The manifest's own part; gives what must not be in its file any more."""
    manifest = cluster.manifest
    persons = {number for number, _ in plan.persons}
    persons |= {number for number, _ in wanted.persons if number is not None}
    names = [name for number, name in wanted.persons if number is None and name]
    rewriting = said.rewriting(
        cluster, sha256s=set(plan.sha256s), faces=set(plan.faces), persons=persons, names=names
    )
    paths = [path for one in plan.doomed.values() for path in one.forgotten.paths]
    going = frozenset(map(os.fsencode, paths))
    firsts = own.boundaries(manifest, going)
    before = [b""] * len(firsts)
    for _, found in cluster.servers.ask(in_shard.last_before, firsts, going) if firsts else ():
        before = [max(pair) for pair in zip(before, found, strict=True)]
    replacing.wipe(manifest.folder / WORK)  # of an index that died: lists of files
    (manifest.folder / NEW).unlink(missing_ok=True)  # of a manifest that was being made again
    with manifest.writing():
        own.remove(manifest, plan.sha256s, paths)
        own.shift(manifest, firsts, before)
        said.rewrite(manifest, rewriting, persons)
    return own.collect(plan.sha256s, paths, [*plan.names, *names], rewriting)


def _end(cluster: Asking, id: int) -> None:
    """The manifest's file with nothing in it but what the manifest says; then it is done."""
    own.write_anew(cluster.manifest)
    with cluster.manifest.writing():
        begun.end(cluster.manifest, id)


def _plan(cluster: Asking, wanted: Wanted, only: set[Copy] | None) -> Plan:
    """What the shards that answer would forget; of each a copy that has not done it yet."""
    doomed: dict[int, Doomed] = {}
    copies = max((len(one.folders) for one in cluster.manifest.shards()), default=0)
    for copy in range(copies):
        of = [
            one.number
            for one in cluster.manifest.shards()
            if copy < len(one.folders)
            and one.number not in doomed
            and (only is None or (one.number, copy) in only)
        ]
        doomed |= cluster.servers_of(copy).ask(in_shard.would, wanted, of=of).given
    persons = dict(one for each in doomed.values() for one in each.persons)
    there = cluster.ask(in_shard.present, list(persons))
    explicit = {number for number, _ in wanted.persons}
    going = {n: {id for id, _ in one.persons} for n, one in doomed.items()}
    stay = {person for shard, known in there for person in known - going.get(shard, set())}
    # Whoever a shard that does not answer may know stays.
    stay |= persons.keys() if there.missing else set()
    gone = [(id, name) for id, name in sorted(persons.items()) if id in explicit or id not in stay]
    return Plan(doomed, gone)


def _wanted(
    cluster: Asking, paths: Sequence[Path], folders: Sequence[Path], persons: Sequence[str]
) -> Wanted:
    """All of it, where some shard holds each; raises as forget()."""
    asked = Wanted(
        tuple(Path(os.path.abspath(path)) for path in paths),  # noqa: PTH100 - links are kept
        tuple(Path(os.path.abspath(path)) for path in folders),  # noqa: PTH100
        tuple(_whom(cluster, name) for name in persons),
    )
    answers = cluster.ask(in_shard.known, asked)
    there = answers.some().values()
    unknown = [path for path in asked.paths if not any(path in one.paths for one in there)]
    empty = [path for path in asked.folders if not any(path in one.folders for one in there)]
    for path in (*unknown, *empty):
        if answers.missing:
            shard, why = min(answers.missing.items())
            raise CollectionError(
                f"none of the shards that answered holds {path}, and shard {shard} did not: {why}. "
                "Nothing was changed: bring it back and run again"
            )
        if path in unknown and any(cluster.ask(in_shard.folders_among, [path]).some().values()):
            hint = f"It is a folder; for all that is stored of it: retrieve forget --all-of {path}"
        else:
            hint = "Paths are shown by: retrieve search"
        raise BadInput(f"{path} is not in the cluster. {hint}")
    return asked


def _whom(cluster: Asking, name: str) -> Whom:
    """Who is meant; no number for a name that only logs know.

    raises  SharedName if several persons have it; BadInput if nobody has; CollectionError if nobody
            has in the shards that answer
    """
    asked = cluster.ask(in_shard.called, name)
    answers = asked.some().values()
    who: dict[int, tuple[Person, str]] = {}
    for found, _ in answers:
        for person, told in found:
            who.setdefault(person.id, (person, told))
    if len(who) > 1:
        raise SharedName(name, list(who.values()))
    for id, (person, _) in who.items():
        return id, person.name
    if any(once for _, once in answers):
        return None, name
    asked.require()  # one that does not answer may know
    if NUMBERED.fullmatch(name.strip()):
        raise BadInput(f"nobody has the number {name}. Who there is: retrieve people --all")
    raise BadInput(f"nobody is called {name!r}. Who there is: retrieve people")


def _not_everywhere(left: Sequence[tuple[int, int, str]]) -> CollectionError:
    shard, copy, why = left[0]
    more = f", nor could {len(left) - 1} more" if len(left) > 1 else ""
    return CollectionError(
        f"not forgotten everywhere: {name_of(shard, copy)} could not: {why}{more}. What it holds "
        "of it is still there. It stays begun, and when all answer the next command that changes "
        "the cluster goes on with it: retrieve repair. What is not done: retrieve check"
    )


def _joined(proofs: Mapping[str, Proof]) -> Proof:
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
            replace(trace, file=str(Path(where) / trace.file))
            for where, one in proofs.items()
            for trace in one.traces
        ],
    )
