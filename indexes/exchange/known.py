"""A folder of known people, as face_recognition takes it → indexed photos with names.

The name is the file's (known/ana.jpg) or the folder's (known/ana/1.jpg). It is given to the
only face of a photo: where there are several nobody can tell whose name it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.building.storing import Report
from retrieve.indexes.building.walk import checked_roots
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import path_of, under
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import statements
from retrieve.types import Skipped


@dataclass(slots=True)
class Known:
    """What became of a folder of known people.

    named    faces that got their name
    before   faces that had it before
    unnamed  photos whose faces got none, with the reason
    """

    indexed: Report
    named: int = 0
    before: int = 0
    unnamed: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Photo:
    """One file below the folder: the name that it stands for, and its faces."""

    path: Path
    name: str
    content_id: int
    faces: list[tuple[int, str | None]]


def import_people(
    collection: Collection, folder: Path, index: Callable[[list[Path]], Report]
) -> Known:
    """Index a folder and give the only face of each photo the name of its file or folder.

    index   Collection.index, with the options that are wanted
    raises  BadInput if it is no folder; CollectionError as Collection.index
    """
    (root,) = checked_roots([folder])
    if not root.is_dir():
        raise BadInput(f"wanted a folder of known people, as known/ana.jpg; {folder} is none")
    known = Known(index([root]))
    if known.indexed.interrupted:
        return known
    with writing(collection.db):
        photos = list(_photos(collection, root))
        stands_for: dict[int, set[str]] = {}
        for photo in photos:
            stands_for.setdefault(photo.content_id, set()).add(photo.name)
        names: dict[int, str] = {}
        for photo in photos:
            reason = _refused(photo, stands_for[photo.content_id])
            if reason is not None:
                known.unnamed.append(Skipped(photo.path, reason))
                continue
            ((face_id, name),) = photo.faces
            if name is not None:
                known.before += 1
            else:
                names[face_id] = photo.name
        faces_of: dict[str, list[int]] = {}
        for face_id, name in names.items():
            faces_of.setdefault(name, []).append(face_id)
        statements.say_names(collection.db, faces_of)
        known.named = len(names)
    known.unnamed.sort(key=lambda item: item.path)
    return known


def name_of(path: Path, root: Path) -> str:
    """The name that a file below the folder stands for."""
    inside = path.relative_to(root)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def _photos(collection: Collection, root: Path) -> Iterator[_Photo]:
    where, values = under(root)
    found = collection.db.execute(
        "SELECT path, content_id FROM paths JOIN contents ON contents.id = content_id "
        f"WHERE {where} AND NOT gone AND kind = 'photo'",
        values,
    ).fetchall()
    for kept, content_id in found:
        path = path_of(kept)
        query = (
            "SELECT faces.id, name FROM faces LEFT JOIN persons ON persons.id = person_id "
            "WHERE content_id = ?"
        )
        faces = collection.db.execute(query, [content_id]).fetchall()
        yield _Photo(path, name_of(path, root), content_id, faces)


def _refused(photo: _Photo, names: set[str]) -> str | None:
    """Why the photo names nobody.

    names  of all files that hold this photo
    """
    if len(photo.faces) != 1:
        count = len(photo.faces) or "no"
        hint = ": name one with retrieve name NAME PHOTO:FACE" if photo.faces else ""
        return f"it shows {count} face{'s' if photo.faces else ''}{hint}"
    try:
        persons.checked_name(photo.name)
    except BadInput as error:
        return str(error)
    others = {name for name in names if not persons.same_name(name, photo.name)}
    if others:
        return f"the same photo also stands for {', '.join(sorted(others))}"
    (_, name) = photo.faces[0]
    if name is not None and not persons.same_name(name, photo.name):
        return f"its face is called {name}; to change that: retrieve name"
    return None
