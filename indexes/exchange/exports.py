"""A collection → one file that holds its faces with all that is known about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlite_utils import Database

from retrieve.cache import replacing
from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import VARIABLES
from retrieve.indexes.catalog.filters import EVERYTHING, Filter, findable
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.sums import check_table
from retrieve.indexes.collection import Collection
from retrieve.indexes.exchange.checks import unit
from retrieve.indexes.exchange.formats.chosen import Format, format_of, module
from retrieve.indexes.exchange.records import FaceRecord, Header, Record
from retrieve.types import Embeddings

OnProgress = Callable[[int, int], None]  # faces so far, faces in all


@dataclass(slots=True)
class Exported:
    """What was written.

    left_out  faces whose embedding has not the length 1: another process is just deleting
              them, or they are damaged
    """

    faces: int = 0
    photos_without_faces: int = 0
    left_out: int = 0


def export(
    collection: Collection,
    file: Path,
    *,
    to: Format | None = None,
    wanted: Filter = EVERYTHING,
    gone: bool = False,
    crops: bool = False,
    on_progress: OnProgress | None = None,
) -> Exported:
    """Write the faces to a file, as the collection is at this moment.

    to      None is what the file's suffix says
    wanted  what a face has to satisfy; photos without faces are written only when it is
            everything
    gone    photos and paths that are gone too
    crops   the faces' small pictures too
    raises  BadInput if the format cannot hold that or the file cannot be written,
            CollectionError if nothing was indexed, MissingExtra

    The file is there when it is whole; memory does not grow with the collection.
    """
    space = collection.faces.space()
    if space is None:
        raise CollectionError(
            f"nothing was indexed into {collection.path} yet: retrieve index FOLDER"
        )
    if gone and wanted != EVERYTHING:
        raise BadInput("--all exports everything; leave it out to choose by conditions")
    writer = module(to or format_of(file))
    header = Header(space.made_by, space.dim, space.metric)

    def written() -> Exported:
        report = Exported()
        gallery = collection.engine.gallery()
        tables = ("contents", "paths", "faces", "persons")
        check_table(collection.db, *tables, *(["crops"] if crops else []))
        query = "SELECT count(*) FROM faces WHERE NOT not_a_face"
        of = collection.db.execute(query).fetchone()[0]
        found = _records(collection.db, gallery, wanted, gone=gone, crops=crops, report=report)
        with (
            replacing(file.absolute(), noted_in=collection.opened.notes()) as part,
            writer.writing(part, header, crops=crops) as write,
        ):
            for record in found:
                write(record)
                if record.face is None:
                    report.photos_without_faces += 1
                else:
                    report.faces += 1
                if on_progress is not None:
                    on_progress(report.faces, of)
        return report

    try:
        return collection.opened.consistently(written)
    except OSError as error:
        raise BadInput(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error


def _records(
    db: Database,
    gallery: Embeddings,
    wanted: Filter,
    *,
    gone: bool,
    crops: bool,
    report: Exported,
) -> Iterator[Record]:
    """Every face and every photo without one, photo by photo; inside one transaction."""
    keep = None if wanted == EVERYTHING else findable(db, len(gallery), wanted)
    cursor = db.execute(
        "SELECT contents.id, sha256, size_bytes, height, width, taken_at, latitude, longitude, "
        "warnings, "
        "(SELECT count(*) FROM faces AS f WHERE f.content_id = contents.id AND NOT f.not_a_face), "
        "faces.id, row, number, x1, y1, x2, y2, landmarks, score, quality, name, "
        f"{'jpeg' if crops else 'NULL'} "
        "FROM contents LEFT JOIN faces ON faces.content_id = contents.id AND NOT not_a_face "
        "LEFT JOIN persons ON persons.id = person_id "
        f"{'LEFT JOIN crops ON crops.face_id = faces.id ' if crops else ''}"
        f"WHERE contents.kind = 'photo' {'' if gone else 'AND contents.live '}"
        "ORDER BY contents.id, faces.id"
    )
    while rows := cursor.fetchmany(VARIABLES):
        if wanted != EVERYTHING:
            rows = [row for row in rows if row[11] is not None and (keep is None or keep[row[11]])]
        paths = _paths(db, {row[0] for row in rows}, gone)
        embeddings = gallery[[row[11] for row in rows if row[11] is not None]]
        following = iter(np.asarray(embeddings, np.float32))
        for row in rows:
            face = None
            if row[11] is not None:
                embedding = next(following)
                try:
                    unit(embedding)
                except BadInput:
                    report.left_out += 1
                    continue
                face = _face(row, embedding)
            yield _record(row, *paths.get(row[0], ((), ())), face)


def _paths(
    db: Database, content_ids: set[int], gone: bool
) -> dict[int, tuple[tuple[Path, ...], tuple[Path, ...]]]:
    """Of each photo the files that hold it, and where asked for those that did."""
    found: dict[int, tuple[list[Path], list[Path]]] = {}
    marks = ",".join("?" * len(content_ids))
    for content_id, path, is_gone in db.execute(
        f"SELECT content_id, path, gone FROM paths WHERE content_id IN ({marks})"
        f"{'' if gone else ' AND NOT gone'} ORDER BY id",
        list(content_ids),
    ):
        found.setdefault(content_id, ([], []))[is_gone].append(path_of(path))
    return {id: (tuple(here), tuple(away)) for id, (here, away) in found.items()}


def _record(
    row: tuple[Any, ...],
    paths: tuple[Path, ...],
    gone_paths: tuple[Path, ...],
    face: FaceRecord | None,
) -> Record:
    _, sha256, size_bytes, height, width, taken_at, latitude, longitude, warnings, faces = row[:10]
    place = None if latitude is None or longitude is None else (latitude, longitude)
    return Record(
        paths,
        gone_paths,
        sha256,
        size_bytes,
        (height, width),
        taken_at,
        place,
        tuple(json.loads(warnings)),
        faces,
        face,
    )


def _face(row: tuple[Any, ...], embedding: Embeddings) -> FaceRecord:
    id, _, number, *box, landmarks, score, quality, person, crop = row[10:]
    return FaceRecord(
        id,
        number,
        np.array(box, np.float32),
        np.frombuffer(landmarks, "<f4").reshape(5, 2),
        score,
        quality,
        person,
        embedding,
        None if crop is None else bytes(crop),
    )
