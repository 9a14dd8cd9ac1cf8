"""Passages that a query found, as people read them and as programs do."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.facehits import threshold_json, threshold_lines
from retrieve.cli.showing.render import GONE, ITSELF, address, is_gone, near, seen_from, shown
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.probes import Probe
from retrieve.shares import probability
from retrieve.text.tokens import plain, words
from retrieve.types import OCR, Label, Passage, TextHit, around
from retrieve.visible import visible

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.recognising.places import Places

TEMPLATE = Path(__file__).with_name("texthits.html")
EXCERPT = 320  # characters of a passage in the terminal
BEFORE = 80  # of them before the first marked word, where the passage is longer
PICTURE_PX = 240  # of a photo in the page


def blocks(
    query: str,
    hits: Sequence[TextHit],
    mode: Mode,
    corrected: str | None = None,
    probes: Sequence[Probe] = (),
    *,
    left_out: int = 0,
    places: Places | None = None,
    pictures: Pictures | None = None,
) -> None:
    """One hit under the other: where it stands, then the passage with its marked words.

    corrected  the query as it was probably meant
    probes     photos whose faces were searched for, too: below stands what passed for one of them
    left_out   hits that are not near enough to be shown
    places, pictures
               show where words stand that were read off pictures, on a terminal that can
    """
    if corrected is not None:
        render.note(f"did you mean: {visible(corrected)} (as written: --exact-words)")
    if not hits:
        render.line(f"{query}: nothing found")
        if left_out:
            render.note("the nearest in meaning, though not near: --nearest")
    else:
        _lines(hits, places, pictures)
        said = [hit for hit in hits if not hit.labels]
        if mode == Mode.HYBRID and said and not any(hit.bm25 or _is_of(hit, query) for hit in said):
            render.note("none of them has a word of the query: they are the nearest in meaning")
    for text in threshold_lines(probes):
        render.line(text)


def _lines(
    hits: Sequence[TextHit], places: Places | None = None, pictures: Pictures | None = None
) -> None:
    for hit in hits:
        head = Text(f"{hit.rank:>2}. ", style="bold")
        head.append(visible(shown(near(hit.path))), style="bold cyan")
        head.append("".join(f", {part}" for part in _places(hit.passage)))
        if is_gone(hit.path):
            head.append(f" ({GONE})")
        for part in (_shows(hit.labels), _headings(hit), (hit.taken_at or "")[:10], _people(hit)):
            if part:
                head.append(f"  {visible(part)}", style="dim")
        render.text(head)
        seen = places.cut(hit) if places is not None and pictures is not None else None
        if seen is not None and pictures is not None:
            render.show(_beside(pictures, seen, _excerpt(hit)))
        elif hit.passage.text:
            render.text(_excerpt(hit), indent=4)
        if hit.more:
            render.text(Text(f"{hit.more} more in it (--ungrouped)", style="dim"), indent=4)


def _beside(pictures: Pictures, jpeg: bytes, text: Text) -> Table:
    """A place in a picture, and what is read there."""
    both = Table.grid(padding=(0, 1, 0, 0))
    both.add_column(width=4)
    both.add_column(width=pictures.columns)
    both.add_column(overflow="fold")
    both.add_row("", pictures.of(jpeg), text)
    return both


def persons(hits: Sequence[TextHit], *, names: str, k: int, word: bool) -> None:
    """Photos of persons, one under the other.

    names  as they were asked for
    word   they were asked for as words of a query, which texts may say, too
    """
    if not hits:
        render.line(f"{names}: no photo found")
        return
    _lines(hits)
    if len(hits) == k:
        render.note(f"the newest {k}; for more: -k {2 * k}")
    if word:
        render.note(f"photos of {names}; what says so in words: retrieve search '\"{names}\"'")


def half(query: str, with_face: int) -> None:
    """Which half of a photo and words found nothing, on stderr.

    with_face  how many photos show the face
    """
    if with_face:
        photos = "1 photo shows" if with_face == 1 else f"{with_face:,} photos show"
        render.note(f"{photos} the face, and of none is anything like this said: {query}")
    else:
        render.note("no stored face is like it, so no photo was left for the words")


def of_persons_alone(hits: Sequence[TextHit]) -> bool:
    """Whether photos were found for who is on them, and nothing was compared."""
    compared = (hit.score or hit.bm25 or hit.cosine or hit.labels for hit in hits)
    return bool(hits) and not any(compared)


def _is_of(hit: TextHit, query: str) -> bool:
    """Whether a photo shows somebody whom the query names."""
    from retrieve.indexes.catalog.persons import stands_in

    return any(stands_in(name, query) for name in hit.persons)


def as_json(
    query: str,
    hits: Sequence[TextHit],
    corrected: str | None = None,
    probes: Sequence[Probe] = (),
    **more: Any,
) -> None:
    """One object a line for each query; with photos what passed for one of their faces.

    more  further fields, before the hits
    """
    render.as_json(found_json(query, hits, corrected, probes, **more))


def found_json(
    query: str,
    hits: Sequence[TextHit],
    corrected: str | None = None,
    probes: Sequence[Probe] = (),
    **more: Any,
) -> dict[str, Any]:
    """The fields of what a query found."""
    found = [hit_json(hit) for hit in hits]
    searched = [
        {"probe": shown(Path(probe.name)), **threshold_json(probe.least)} for probe in probes
    ]
    with_faces = {"probes": searched} if probes else {}
    return {"query": query, "corrected": corrected, **with_faces, **more, "hits": found}


def as_csv(query: str, hits: Sequence[TextHit], probes: Sequence[Probe] = ()) -> None:
    """One hit a line, under a header; what passed for a face of the photos is on stderr."""
    columns = ["query", "rank", "path", "place", "score", "bm25", "cosine", "text", "group", "near"]
    columns.append("labels")
    rows: list[list[str | float]] = [[*columns]]
    for hit in hits:
        numbers = [f"{value:.6f}" for value in (hit.score, hit.bm25, hit.cosine)]
        place = ", ".join(_places(hit.passage))
        told = "; ".join(f"{one.word} {one.probability:.4f}" for one in hit.labels)
        which: list[str | float] = [hit.group, str(hit.near).lower(), told]
        rows.append([query, hit.rank, shown(hit.path), place, *numbers, hit.passage.text, *which])
    render.csv_lines(rows)
    for text in threshold_lines(probes):
        render.note(text)


def write_page(
    page: Path,
    query: str,
    hits: Sequence[TextHit],
    probes: Sequence[Probe] = (),
    *,
    noted_in: Path | None = None,
    places: Places | None = None,
) -> None:
    """A page with the passages and, of photos, small pictures; it needs no other file.

    probes    photos whose faces were searched for, too
    noted_in  as cache.replacing() wants it
    places    marks in their pictures words that were read off them
    """
    from jinja2 import Environment, StrictUndefined

    from retrieve.cache import replacing

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    rows = [
        {
            "rank": hit.rank,
            "path": visible(shown(seen_from(page, hit.path))),
            "address": _address(hit, page),
            "about": [
                visible(part)
                for part in (
                    GONE if is_gone(hit.path) else "",
                    *_places(hit.passage),
                    _headings(hit),
                    (hit.taken_at or "")[:10],
                    _people(hit),
                    _shows(hit.labels),
                    f"{hit.more} more in it" if hit.more else "",
                )
                if part
            ],
            "parts": _parts(hit),
            "picture": None if seen or hit.kind != "photo" else _picture(hit.path),
            "marked": _data(seen) if seen else None,
        }
        for hit, seen in ((hit, places.marked(hit) if places else None) for hit in hits)
    ]
    passed = [visible(line) for line in threshold_lines(probes)]
    text = template.render(query=visible(query), hits=rows, passed=passed)
    with replacing(page.absolute(), noted_in=noted_in) as part:
        part.write_text(text, encoding="utf-8")


def hit_json(hit: TextHit) -> dict[str, Any]:
    """The fields of one hit."""
    said = hit.passage
    row: dict[str, Any] = {
        "rank": hit.rank,
        "path": shown(hit.path),
        "gone": is_gone(hit.path),
        "kind": hit.kind,
        "said_in": said.kind,
        "document": hit.document,
        "title": said.title,
        "text": said.text,
        "place": place_json(said),
        "marks": [list(mark) for mark in hit.marks],
        **_written_json(hit),
        "score": round(hit.score, 6),
        "bm25": round(hit.bm25, 6),
        "cosine": round(hit.cosine, 6),
        "taken_at": hit.taken_at,
        "persons": list(hit.persons),
        "passage_id": hit.passage_id,
        "group": hit.group,
        "near": hit.near,
        "labels": labels_json(hit.labels),
    }
    if hit.face is not None:
        row["face"] = {
            "face": hit.face.number,
            "face_id": hit.face.face_id,
            "itself": hit.face.itself,
            "score": round(hit.face.score, 6),
            "probability": None if hit.face.probability is None else round(hit.face.probability, 6),
        }
    return row


def place_json(said: Passage) -> dict[str, Any]:
    """Where a passage stands in its file, for programs."""
    place = {name: getattr(said, name) for name in ("page", "line", "record", "time_s")}
    return {name: value for name, value in place.items() if value is not None}


def _written_json(hit: TextHit) -> dict[str, Any]:
    """Where words stand that were read off a picture: around the lines with marks in them, or all;
    null of others.
    """
    lines = hit.passage.written_at(hit.marks)
    box = around(lines)
    return {
        "box": None if box is None else list(box),
        "confidence": min((line.confidence for line in lines), default=None),
    }


def labels_json(labels: Sequence[Label]) -> list[dict[str, Any]]:
    """What a photo shows as a network sees it, for programs."""
    return [{"label": one.word, "probability": round(one.probability, 4)} for one in labels]


def _shows(labels: Sequence[Label]) -> str:
    """The same for people, who have to see that nobody said it."""
    told = ", ".join(f"{one.word} {probability(one.probability)}" for one in labels)
    return f"shows: {told}" if told else ""


def _places(said: Passage) -> list[str]:
    """Where a passage stands in its file, in words."""
    places = []
    if said.page is not None:
        places.append(f"page {said.page}")
    if said.record is not None:
        places.append(f"record {said.record}")
    if said.time_s is not None:
        minutes, seconds = divmod(int(said.time_s), 60)
        places.append(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")
    if said.line is not None and not places:
        places.append(f"line {said.line}")
    if said.kind != "text" and said.text:
        places.append("words in the picture" if said.kind == OCR else said.kind)
    return places


def _headings(hit: TextHit) -> str:
    """What a passage stands under; not what the path says already."""
    path = set(words(plain(shown(hit.path))))
    titles = dict.fromkeys((hit.document, hit.passage.title))
    return " › ".join(title for title in titles if not set(words(plain(title))) <= path)


def _people(hit: TextHit) -> str:
    """The names in the photo, and the face in it that was asked for."""
    people = [", ".join(hit.persons)] if hit.persons else []
    if hit.face is not None:
        sure = (
            f"score {hit.face.score:.4f}"
            if hit.face.probability is None
            else probability(hit.face.probability)
        )
        people.append(f"face {hit.face.number} ({ITSELF if hit.face.itself else sure})")
    return ", ".join(people)


def _address(hit: TextHit, html: Path) -> str:
    """Of the file, at the page where the passage stands."""
    page = "" if hit.passage.page is None else f"#page={hit.passage.page}"
    return address(hit.path, html) + page


def _excerpt(hit: TextHit) -> Text:
    text = hit.passage.text
    start = 0
    if len(text) > EXCERPT and hit.marks and hit.marks[0][0] > BEFORE:
        start = text.rfind(" ", 0, hit.marks[0][0] - BEFORE) + 1
    end = len(text) if len(text) - start <= EXCERPT else text.rfind(" ", start, start + EXCERPT)
    if end <= start:  # one word that is longer than an excerpt
        end = start + EXCERPT
    marked = Text("…" if start else "")
    at = start
    for first, last in hit.marks:
        if first < start or last > end:
            continue
        marked.append(visible(text[at:first]))
        marked.append(visible(text[first:last]), style="bold yellow")
        at = last
    marked.append(visible(text[at:end]) + ("…" if end < len(text) else ""))
    return marked


def _parts(hit: TextHit) -> list[tuple[str, bool]]:
    """The passage in pieces, and whether each is marked."""
    text, at, parts = hit.passage.text, 0, []
    for first, last in hit.marks:
        parts += [(visible(text[at:first]), False), (visible(text[first:last]), True)]
        at = last
    return [part for part in [*parts, (visible(text[at:]), False)] if part[0]]


def _picture(path: Path) -> str | None:
    """A photo as a small picture; None where its file cannot be read now."""
    from PIL import Image

    from retrieve import photos

    with suppress(photos.BadPhoto):
        picture = Image.fromarray(photos.read(path, long_side_px=PICTURE_PX).pixels)
        picture.thumbnail((PICTURE_PX, PICTURE_PX))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80)
        return _data(buffer.getvalue())
    return None


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
