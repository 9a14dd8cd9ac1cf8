"""Photos, faces and texts one after the other, and each with all that is known of it: no search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput
from retrieve.indexes.catalog.contents import PHOTO, TEXT, StoredFace
from retrieve.indexes.catalog.filters import EVERYTHING, PICTURES, Filter, conditions, is_near
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.indexes.catalog.paths import Found, path_of
from retrieve.indexes.catalog.sums import check_items, check_row
from retrieve.indexes.opened import Opened
from retrieve.indexes.queries.asked import checked_filter
from retrieve.pictures.embedding.things import labels
from retrieve.types import Label, PictureHit

AT_ONCE = 500  # photos that are looked at for being near a place

Last = tuple[str | None, int]  # of a part of a list: when it was taken, and its id
Sides = tuple[list[PictureHit], list[PictureHit]]  # before a photo and after it


class NotStored(BadInput):
    """There is nothing with that id, or no file holds it any more."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face of a photo, and the id of its person, if there is one."""

    face: StoredFace
    photo_id: int
    person_id: int | None


@dataclass(frozen=True, slots=True)
class SeenPhoto:
    """A photo with all that is known of it.

    paths     every file that holds it, or did
    place     degrees north and east, or None
    faces     by number; what is said to be none is left out
    labels    what it shows, as a network sees it
    passages  what is said of it
    """

    photo: PictureHit
    paths: list[Path]
    place: tuple[float, float] | None
    faces: list[SeenFace]
    labels: list[Label]
    passages: list[StoredPassage]


@dataclass(frozen=True, slots=True)
class SeenText:
    """A text: how it is called, where it lies, when it was written, how many passages it has."""

    id: int
    path: Path
    title: str
    written_at: str | None
    passages: int


def photos(
    opened: Opened, wanted: Filter = EVERYTHING, *, most: int, after: Last | None = None
) -> list[PictureHit]:
    """Photos of living files that satisfy the conditions, the newest first, those without a date
    last.

    after   the last one of the part before
    raises  BadInput for a person whom nobody named
    """
    where, values = conditions(opened.db, checked_filter(wanted), PICTURES)
    found: list[tuple[int, str | None]] = []
    while len(found) < most:
        rows = _next(opened, PHOTO, where, values, after, AT_ONCE if wanted.near else most)
        for id, taken_at, latitude, longitude in rows:
            if wanted.near is None or is_near(wanted.near, latitude, longitude):
                found.append((id, taken_at))
            after = taken_at, id
        if not rows:
            break
    ids = [id for id, _ in found[:most]]
    known = opened.catalog.photos(ids)
    return [known[id] for id in ids if id in known]


def photo(opened: Opened, id: int) -> SeenPhoto:
    """A photo with all that is known of it; raises NotStored if there is none of that id."""
    _check_there(opened, id, PHOTO)
    check_row(opened.db, "contents", id)
    known = opened.catalog.photos([id])
    if id not in known:
        raise NotStored(f"no file is known that holds the photo {id}")
    query = "SELECT latitude, longitude FROM contents WHERE id = ?"
    place = opened.db.execute(query, [id]).fetchone()
    query = "SELECT id FROM faces WHERE content_id = ? AND NOT not_a_face ORDER BY number"
    shown = opened.pictures.shown.of([id])[id]
    return SeenPhoto(
        known[id],
        opened.catalog.paths_of(id),
        None if place[0] is None else (place[0], place[1]),
        faces(opened, [face_id for (face_id,) in opened.db.execute(query, [id])]),
        labels(shown, opened.texts.language),
        passages(opened, id),
    )


def faces(opened: Opened, ids: Sequence[int]) -> list[SeenFace]:
    """Stored faces in that order; those of photos that were replaced are left out."""
    known = opened.catalog.faces(ids)
    query = "SELECT content_id, person_id FROM faces WHERE id = ?"
    return [
        SeenFace(known[id], *opened.db.execute(query, [id]).fetchone()) for id in ids if id in known
    ]


def face(opened: Opened, id: int) -> SeenFace:
    """A stored face; raises NotStored if there is none of that id."""
    found = faces(opened, [id])
    if not found:
        raise NotStored(f"there is no stored face with the id {id}")
    return found[0]


def texts(opened: Opened, *, most: int, after: Last | None = None) -> list[SeenText]:
    """Texts of living files, the newest first, those without a date last.

    after  the last one of the part before
    """
    rows = _next(opened, TEXT, [], [], after, most)
    return [text(opened, id) for id, *_ in rows]


def text(opened: Opened, id: int) -> SeenText:
    """A text; raises NotStored if there is none of that id."""
    _check_there(opened, id, TEXT)
    check_row(opened.db, "contents", id)
    path, title, written_at, count = opened.db.execute(
        "SELECT (SELECT path FROM paths WHERE content_id = contents.id ORDER BY gone, id LIMIT 1), "
        "title, taken_at, (SELECT count(*) FROM passages WHERE content_id = contents.id) "
        "FROM contents WHERE id = ?",
        [id],
    ).fetchone()
    return SeenText(id, path_of(path), title, written_at, count)


def passages(opened: Opened, content_id: int) -> list[StoredPassage]:
    """What a text or a photo says, in order."""
    query = "SELECT id FROM passages WHERE content_id = ? ORDER BY number, id"
    ids = [id for (id,) in opened.db.execute(query, [content_id])]
    known = opened.texts.passages.get(ids)
    check_items(opened.db, "passages", "id", list(known))
    return [known[id] for id in ids if id in known]


def most_seen(opened: Opened, *, most: int, fewest: int) -> list[int]:
    """The persons of whom most faces are stored, but those who are not to be asked about.

    fewest  faces of one that counts
    """
    rows = opened.db.execute(
        "SELECT person_id FROM faces JOIN persons ON persons.id = person_id WHERE NOT ignored "
        "GROUP BY person_id HAVING count(*) >= ? ORDER BY count(*) DESC, person_id LIMIT ?",
        [fewest, most],
    )
    return [id for (id,) in rows]


def best_faces(opened: Opened, person_ids: Sequence[int]) -> dict[int, int]:
    """Of each of some persons the id of the face that shows best."""
    query = (
        "SELECT faces.id FROM faces JOIN contents ON contents.id = content_id "
        "WHERE person_id = ? AND live ORDER BY quality DESC, faces.id LIMIT 1"
    )
    found = ((id, opened.db.execute(query, [id]).fetchone()) for id in person_ids)
    return {id: row[0] for id, row in found if row is not None}


def neighbours(opened: Opened, id: int, *, most: int) -> Sides:
    """The photos that were taken just before one and just after it, the earlier ones first.

    most    of each
    returns ([], []) for a photo without a date
    """
    when = taken_at(opened, id)
    return ([], []) if when is None else around(opened, when, id, most=most)


def taken_at(opened: Opened, id: int) -> str | None:
    """When a photo was taken, or a text written, ISO 8601; None where that is not known."""
    query = "SELECT taken_at FROM contents WHERE id = ?"
    row = opened.db.execute(query, [id]).fetchone()
    return None if row is None else row[0]


def around(opened: Opened, when: str, id: int, *, most: int) -> Sides:
    """The photos just before a moment and just after it; of those of the moment itself, the ones
    whose ids are lower and higher.
    """
    sides = []
    for than, order in (("<", "DESC"), (">", "ASC")):
        rows = opened.db.execute(
            f"SELECT id FROM contents WHERE live AND kind = ? AND (taken_at {than} ? "
            f"OR (taken_at = ? AND id {than} ?)) ORDER BY taken_at {order}, id {order} LIMIT ?",
            [PHOTO, when, when, id, most],
        ).fetchall()
        known = opened.catalog.photos([one for (one,) in rows])
        sides.append([known[one] for (one,) in rows if one in known])
    return sides[0][::-1], sides[1]


def months(opened: Opened) -> list[tuple[str | None, int]]:
    """How many photos there are of each month, the newest first; of a date that is no longer than
    a year, of that; None for those without a date.
    """
    return opened.db.execute(
        "SELECT substr(taken_at, 1, 7) AS month, count(*) FROM contents "
        "WHERE live AND kind = ? GROUP BY month ORDER BY month DESC",
        [PHOTO],
    ).fetchall()


def places(opened: Opened) -> list[tuple[float, float]]:
    """Degrees north and east of each photo of which they are known."""
    return opened.db.execute(
        "SELECT latitude, longitude FROM contents "
        "WHERE live AND kind = ? AND latitude IS NOT NULL AND longitude IS NOT NULL",
        [PHOTO],
    ).fetchall()


def file_of(opened: Opened, id: int, kind: str) -> Found:
    """The first living file that holds a photo or a text, as it was seen when it was indexed.

    kind    of the content, photo or text
    raises  NotStored if there is none
    """
    _check_there(opened, id, kind)
    row = opened.db.execute(
        "SELECT path, size_bytes, mtime_ns, ctime_ns, id FROM paths "
        "WHERE content_id = ? AND NOT gone ORDER BY id LIMIT 1",
        [id],
    ).fetchone()
    if row is None:
        raise NotStored(f"no file is known that holds what has the id {id}")
    check_row(opened.db, "paths", row[-1])
    return Found(path_of(row[0]), *row[1:4])


def _check_there(opened: Opened, id: int, kind: str) -> None:
    query = "SELECT 1 FROM contents WHERE id = ? AND kind = ? AND live"
    if opened.db.execute(query, [id, kind]).fetchone() is None:
        raise NotStored(f"there is no stored {kind} with the id {id}")


def _next(
    opened: Opened, kind: str, where: list[str], values: list[Any], after: Last | None, most: int
) -> list[tuple[int, str | None, float | None, float | None]]:
    """Ids behind another one, in the order of the index of dates."""
    where, values = ["live", "kind = ?", *where], [kind, *values]
    if after is not None:
        taken_at, id = after
        if taken_at is None:
            where.append("taken_at IS NULL AND contents.id < ?")
            values.append(id)
        else:
            where.append("(taken_at < ? OR (taken_at = ? AND contents.id < ?) OR taken_at IS NULL)")
            values += [taken_at, taken_at, id]
    return opened.db.execute(
        f"SELECT contents.id, taken_at, latitude, longitude FROM contents "
        f"WHERE {' AND '.join(where)} ORDER BY taken_at DESC, contents.id DESC LIMIT ?",
        [*values, most],
    ).fetchall()
