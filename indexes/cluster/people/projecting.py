"""What a statement says of the faces of one shard, as lines of that shard's own log.

Read by themselves these lines say of the shard's faces what the cluster's log says of them: whose
they are, what these are called, which faces are none. What they cannot say, that two persons are
two of whom the shard has but one, stands in the cluster's log alone.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from retrieve.indexes.cluster.ids import of_shard
from retrieve.indexes.cluster.people.log import with_faces
from retrieve.indexes.people.log import Statement
from retrieve.indexes.people.refs import FaceRef


def projected(
    line: Statement, shard: int, photos: Container[str], persons: Container[int]
) -> list[Statement]:
    """The lines of a shard's log; none where it has nothing to do with it. Their ids are the
    statement's, and those that they undo have to be found (writing.py).

    photos   SHA-256 of those that the shard holds
    persons  of whom it has or had faces
    """

    def here(refs: Sequence[FaceRef]) -> tuple[FaceRef, ...]:
        return tuple(ref for ref in refs if ref.sha256 in photos)

    def face(id: int) -> int | None:
        owner, own = of_shard(id)
        return own if owner == shard else None

    own = with_faces(line, face)
    faces, others = here(line.faces), here(line.others)
    part = replace(own, faces=faces, others=others)
    bare = replace(part, kind="whose", name=None, other_id=None, others=())
    known = line.person_id in persons
    match line.kind:
        case "undo":
            return [part]
        case "not-a-face":
            return [part] if faces else []
        case "ignore":
            return [part] if faces or known else []
        case "same":
            return [part] if faces or others or line.other_id in persons else []
        case "not-same" | "split" if faces and others:
            return [part]
        case "not-same" | "split":
            first, second = line.person_id, line.other_id
            if line.kind == "split":
                first, second = second, first
            if faces:
                return [replace(bare, person_id=first)]
            return [replace(bare, person_id=second, faces=others)] if others else []
        case _ if line.others:  # name or whose, of faces that were taken from somebody
            found = []
            if faces and others:
                return [part]
            if faces or (line.kind == "name" and known):
                found.append(replace(part, other_id=None, others=()))
            if others and line.other_id is not None:
                moved = () if found else own.moved
                found.append(replace(bare, person_id=line.other_id, faces=others, moved=moved))
            return found
    joins = line.other_id is not None and line.other_id in persons
    return [part] if faces or joins or (line.kind == "name" and known) else []
