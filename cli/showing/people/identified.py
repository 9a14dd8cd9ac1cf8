"""Who is in photos: a name or an honest "unknown" for each face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.facehits import (
    hit_json,
    numbers,
    shards_json,
    shards_lines,
    threshold_json,
    threshold_line,
)
from retrieve.cli.showing.render import GONE, is_gone, near, printable, shown
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.indexes.catalog.persons import shown_as
from retrieve.shares import probability

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.queries.identification import (
        Candidate,
        Identification,
        IdentifiedFace,
    )


def tables(
    found: Sequence[Identification], *, explain: bool, pictures: Pictures | None = None
) -> None:
    """A table for each photo, and below it what the names mean.

    pictures  draws the nearest faces, where explain asks for them
    """
    for photo in found:
        if photo.faces:
            render.show(_table(photo))
            if explain:
                for face in photo:
                    _nearest(face, pictures)
    for least in dict.fromkeys(photo.least for photo in found):
        render.line(threshold_line(least))
    for line in shards_lines(found):
        render.line(line)


def as_json(photo: Identification, *, explain: bool) -> None:
    """One object for a photo."""
    render.as_json(photo_json(photo, explain=explain))


def photo_json(photo: Identification, *, explain: bool) -> dict[str, Any]:
    """The fields of a photo."""
    return {
        "path": None if photo.path is None else shown(photo.path),
        **threshold_json(photo.least),
        **shards_json(photo.shards),
        "faces": [_face(face, explain=explain) for face in photo],
    }


def skipped_json(path: Path, reason: str) -> None:
    """One object for a photo that could not be used."""
    render.as_json({"path": shown(path), "faces": [], "skipped": reason})


def called(candidate: Candidate) -> str:
    """The name, or the number of somebody who has none."""
    return shown_as(candidate.person_id, candidate.person)


def _table(photo: Identification) -> Rows:
    name = "the photo" if photo.path is None else shown(near(photo.path))
    table = Rows(
        [
            Column("face", right=True),
            Column("name", folds=True),
            *(Column(column, right=True) for column in ("score", "probability", "chance")),
            Column("runner-up", folds=True),
            Column("margin", right=True),
        ],
        printable(name),
    )
    for face in photo:
        best, second = face.best, face.runner_up
        table.add(
            str(face.number),
            printable(_name(face)),
            f"{best.score:.4f}",
            "" if best.probability is None else probability(best.probability),
            "" if face.chance is None else f"{face.chance:.2g}",
            printable("" if second is None else called(second)),
            "" if second is None else f"{best.score - second.score:.4f}",
        )
    return table


def _name(face: IdentifiedFace) -> str:
    return f"unknown (nearest: {called(face.best)})" if face.who is None else called(face.who)


def _nearest(face: IdentifiedFace, pictures: Pictures | None) -> None:
    if face.why:
        render.line(f"face {face.number} is unknown: {face.why}")
    for title, candidate in (("nearest", face.best), ("runner-up", face.runner_up)):
        if candidate is None:
            continue
        render.line(f"face {face.number}, {title}: {called(candidate)}, {candidate.score:.4f}")
        faces = Rows(
            [
                *([Column("", picture=pictures.columns)] if pictures else []),
                Column("score", right=True),
                Column("photo", folds=True),
            ]
        )
        for hit in candidate.nearest:
            gone = f" ({GONE})" if is_gone(hit.path) else ""
            picture = Text() if pictures is None or not hit.picture else pictures.of(hit.picture())
            faces.add(
                *([picture] if pictures else []),
                f"{hit.score:.4f}",
                printable(f"{shown(near(hit.path))}, face {hit.number}{gone}"),
            )
        render.show(faces)


def _face(face: IdentifiedFace, *, explain: bool) -> dict[str, Any]:
    best, second = face.best, face.runner_up
    found = {
        "face": face.number,
        "box": numbers(face.face.box),
        "person_id": None if face.who is None else face.who.person_id,
        "person": None if face.who is None else face.who.person,
        "score": round(best.score, 6),
        "probability": None if best.probability is None else round(best.probability, 6),
        "chance": None if face.chance is None else float(f"{face.chance:.4g}"),
        "runner_up": None if second is None else _candidate(second, explain=explain),
    }
    if explain:
        found |= {"why": face.why or None, "nearest": _candidate(best, explain=True)}
    return found


def _candidate(candidate: Candidate, *, explain: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "person_id": candidate.person_id,
        "person": candidate.person,
        "score": round(candidate.score, 6),
        "probability": None if candidate.probability is None else round(candidate.probability, 6),
    }
    if explain:
        found["faces"] = [hit_json(hit) for hit in candidate.nearest]
    return found
