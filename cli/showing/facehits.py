"""Faces that were found, in photos and in a collection, as people read them and as programs do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.render import GONE, ITSELF, is_gone, near, printable, shown
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.shares import probability

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.faces.extract import PhotoFaces
    from retrieve.indexes.queries.probes import Probe
    from retrieve.indexes.queries.thresholds import Threshold
    from retrieve.indexes.search.engine import State
    from retrieve.types import Face, Hit, Shards


PASSED = ("threshold", "among", "strangers")  # of a search, in JSON and CSV


def search_tables(probes: Sequence[Probe], pictures: Pictures | None = None) -> None:
    """A table of hits for each face of each probe, with the faces where they can be drawn."""
    for probe in probes:
        for face in probe.faces:
            of = f" of {len(probe.faces)}" if face.number <= len(probe.faces) else ""
            title = f"{shown(Path(probe.name))}, face {face.number}{of}"
            if face.hits:
                render.show(_hits_table(title, face.hits, pictures))
            if all(hit.itself for hit in face.hits):
                other = "other " if face.hits else ""
                render.line(f"{title}: no {other}stored face passes the threshold")
    for text in threshold_lines(probes):
        render.line(text)


def threshold_lines(probes: Sequence[Probe]) -> list[str]:
    """What passed in each search for faces, and which shards of a cluster answered; those that are
    alike once.
    """
    sought = [probe for probe in probes if probe.faces]
    every = dict.fromkeys(probe.least for probe in sought if probe.least is not None)
    return [threshold_line(least) for least in every] + shards_lines(sought)


class Answered(Protocol):
    """What a collection, or the shards of a cluster, answered."""

    @property
    def shards(self) -> Shards | None: ...


def shards_lines(found: Iterable[Answered]) -> list[str]:
    """How many shards of a cluster answered; nothing of a collection."""
    return [str(one) for one in dict.fromkeys(one.shards for one in found) if one is not None]


def shards_json(shards: Shards | None) -> dict[str, Any]:
    """The same as a field."""
    return {} if shards is None else {"shards": asdict(shards)}


def threshold_line(least: Threshold) -> str:
    """What passes, among how many, and how often strangers do."""
    among = f"{least.among:,.0f} stranger{'' if round(least.among) == 1 else 's'}"
    if least.strangers is None:
        return f"threshold {least.score:.4f}, among {among}"
    return (
        f"threshold {least.score:.4f}: the best of {among} reaches it with a chance of "
        f"{least.strangers:.2g}"
    )


def threshold_json(least: Threshold | None) -> dict[str, Any]:
    """The same as fields; none where nothing was searched."""
    if least is None:
        return {}
    return dict(zip(PASSED, _passed(least), strict=True))


def _passed(least: Threshold | None) -> list[float | None]:
    """The values of PASSED; none of them where nothing was searched."""
    if least is None:
        return [None] * len(PASSED)
    chance = None if least.strangers is None else float(f"{least.strangers:.4g}")
    return [round(least.score, 6), round(least.among, 1), chance]


def _hits_table(title: str, hits: Sequence[Hit], pictures: Pictures | None) -> Rows:
    named = any(hit.person for hit in hits)
    table = Rows(
        [
            Column("#", right=True),
            *([Column("", picture=pictures.columns)] if pictures else []),
            Column("score", right=True),
            Column("probability", right=True),
            Column("photo", folds=True),
            Column("face", right=True),
            Column("date"),
            *([Column("name", folds=True)] if named else []),
        ],
        printable(title),
    )
    for hit in hits:
        picture = Text() if pictures is None or not hit.picture else pictures.of(hit.picture())
        remarks = [ITSELF] if hit.itself else []
        remarks += [GONE] if is_gone(hit.path) else []
        table.add(
            "" if hit.itself else str(hit.rank),
            *([picture] if pictures else []),
            f"{hit.score:.4f}",
            "" if hit.probability is None else probability(hit.probability),
            printable(shown(near(hit.path)) + "".join(f" ({one})" for one in remarks)),
            str(hit.number),
            (hit.taken_at or "")[:10],
            *([printable(hit.person or "")] if named else []),
        )
    return table


def search_json(
    probes: Sequence[Probe], looks: Mapping[int, Mapping[str, Any]] | None = None
) -> None:
    """One object a line for each probe.

    looks  what looks like it as a whole, by the place of the probe; "looks" of the object
    """
    for place, probe in enumerate(probes):
        render.as_json(probe_json(probe, (looks or {}).get(place)))


def probe_json(probe: Probe, looks: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of one probe, with what looks like it as a whole where that was searched for."""
    faces = [
        {
            "face": face.number,
            "box": numbers(face.face.box),
            "quality": round(face.quality, 4),
            "hits": [hit_json(hit) for hit in face.hits],
        }
        for face in probe.faces
    ]
    found: dict[str, Any] = {
        "probe": shown(Path(probe.name)),
        **threshold_json(probe.least),
        **shards_json(probe.shards),
        "faces": faces,
    }
    if looks is not None:
        found["looks"] = looks
    if probe.reason is not None:
        found["skipped"] = probe.reason
    return found


def hit_json(hit: Hit) -> dict[str, Any]:
    """The fields of one hit."""
    return {
        "rank": hit.rank,
        "path": shown(hit.path),
        "gone": is_gone(hit.path),
        "itself": hit.itself,
        "face": hit.number,
        "box": numbers(hit.face.box),
        "score": round(hit.score, 6),
        "probability": None if hit.probability is None else round(hit.probability, 6),
        "quality": round(hit.quality, 4),
        "taken_at": hit.taken_at,
        "face_id": hit.face_id,
        "person": hit.person,
    }


def search_state(state: State, what: str = "face") -> None:
    """A remark on stderr where a search had to do without its index."""
    if state in ("missing", "damaged"):
        render.note(
            f"the search index is {state}, so every stored {what} was scored. "
            "To make it again: retrieve index FOLDER, or retrieve repair"
        )


def search_csv(probes: Sequence[Probe], more: Sequence[list[str | float]] = ()) -> None:
    """One hit a line, under a header; what passed is in columns, and on stderr.

    more  rows behind those of faces
    """
    corners = ["x1", "y1", "x2", "y2"]
    last = ["score", "probability", "taken_at", "person", *PASSED]
    rows: list[list[str | float]] = [["probe", "face", "rank", "path", *corners, *last]]
    for probe in probes:
        passed = [value if value is not None else "" for value in _passed(probe.least)]
        for face in probe.faces:
            for hit in face.hits:
                sure = "" if hit.probability is None else f"{hit.probability:.6f}"
                rows.append(
                    [
                        shown(Path(probe.name)),
                        face.number,
                        hit.rank,
                        shown(hit.path),
                        *numbers(hit.face.box),
                        f"{hit.score:.6f}",
                        sure,
                        hit.taken_at or "",
                        hit.person or "",
                        *passed,
                    ]
                )
    render.csv_lines([*rows, *more])
    for text in threshold_lines(probes):
        render.note(text)


def skipped_probes(probes: Sequence[Probe]) -> None:
    """A line on stderr for every probe that could not be used."""
    for probe in probes:
        if probe.reason is not None:
            render.skipped(Path(probe.name), probe.reason)


def probes_without_faces(probes: Sequence[Probe], looked: Collection[int] = ()) -> None:
    """A line on stderr for every probe that there was nothing to search for in.

    looked  places of those of which is shown what looks like them as a whole
    """
    for place, probe in enumerate(probes):
        if probe.reason is not None:
            render.skipped(Path(probe.name), probe.reason)
        elif not probe.faces and place in looked:
            render.note(f"no face found in {shown(Path(probe.name))}: searched as a whole")
        elif not probe.faces:
            render.error(
                f"no face found in {shown(Path(probe.name))}; give a photo in which a face shows"
            )


def faces_table(path: Path, found: PhotoFaces) -> None:
    """One face a line."""
    count = len(found.faces)
    title = f"{shown(path)}: {count} face{'' if count == 1 else 's'}"
    numbers = ("face", "x1", "y1", "x2", "y2", "score", "quality")
    columns = [Column(name, right=True) for name in numbers]
    table = Rows([*columns, Column("landmarks", folds=True)], printable(title))
    for number, (face, quality) in enumerate(zip(found.faces, found.quality, strict=True), 1):
        table.add(
            str(number),
            *(f"{value:.0f}" for value in face.box),
            f"{face.score:.3f}",
            f"{quality:.2f}",
            " ".join(f"{x:.0f},{y:.0f}" for x, y in face.landmarks),
        )
    if count:
        render.show(table)
    else:
        render.line(title)
    for warning in found.photo.warnings:
        render.note(f"{shown(path)}: {warning}")


def faces_json(path: Path, found: PhotoFaces) -> None:
    """One object a line for each photo."""
    render.as_json({"path": shown(path), "faces": found_json(found)})


def found_json(found: PhotoFaces) -> list[dict[str, Any]]:
    """The fields of each face that was found in a photo."""
    return [_face(face, float(q)) for face, q in zip(found.faces, found.quality, strict=True)]


def _face(face: Face, quality: float) -> dict[str, Any]:
    return {
        "box": numbers(face.box),
        "landmarks": [numbers(point) for point in face.landmarks],
        "score": round(face.score, 6),
        "quality": round(quality, 4),
    }


def numbers(values: Iterable[Any]) -> list[float]:
    """Of a box or a point, as JSON has them."""
    return [round(float(value), 2) for value in values]
