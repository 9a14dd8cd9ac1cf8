"""retrieve search"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing
from retrieve.cli.conditions import with_conditions
from retrieve.cli.exits import BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DetectorOption,
    Device,
    DeviceOption,
    EncoderOption,
    EngineOption,
    ImagesOption,
    JsonOption,
    ModelOption,
    ReplicasOption,
    RequireAllOption,
    StrangersOption,
    TurnOption,
    to_write,
)
from retrieve.cli.showing import facehits, render
from retrieve.cli.showing.render import shown
from retrieve.cli.showing.terminal.screen import Images
from retrieve.errors import BadInput
from retrieve.indexes.queries.modes import Mode

if TYPE_CHECKING:
    from retrieve.indexes.catalog.filters import Filter
    from retrieve.indexes.collection import Collection
    from retrieve.indexes.queries.pictures import PictureProbe
    from retrieve.indexes.queries.probes import Probe
    from retrieve.indexes.recognising.places import Places
    from retrieve.types import TextHit


@with_conditions
def search(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY...",
            help="Photos with faces to look for, words to look for, or both; - is a photo from "
            "stdin.",
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    replicas: ReplicasOption = 1,
    require_all: RequireAllOption = False,
    k: Annotated[
        int, typer.Option("-k", min=1, help="How many hits to show, of a face or a query.")
    ] = 10,
    text: Annotated[
        bool, typer.Option("--text", help="Take every argument for words, a file's name too.")
    ] = False,
    face: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PHOTO|N",
            help="A photo with faces, whatever its name; or search only face N of each photo.",
        ),
    ] = None,
    face_id: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Search for a stored face, by the id that --json shows."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Search for each line of a file; prints JSON.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="What a search for words goes by: both, words, or meaning.")
    ] = Mode.HYBRID,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=-1,
            max=1,
            help="Lowest score of a face, or of a photo with --looks, in place of --strangers; "
            "-1 shows the k nearest.",
            show_default="as --strangers says",
        ),
    ] = None,
    strangers: StrangersOption = None,
    looks: Annotated[
        bool,
        typer.Option(
            "--looks", help="Photos that look like PHOTO as a whole, whoever is on it; no faces."
        ),
    ] = False,
    *,
    wanted: Filter,
    exact_words: Annotated[
        bool,
        typer.Option("--exact-words", help="Take no word for misspelt that no passage has."),
    ] = False,
    ungrouped: Annotated[
        bool,
        typer.Option("--ungrouped", help="Show each passage, not only the best of each document."),
    ] = False,
    nearest: Annotated[
        bool,
        typer.Option("--nearest", help="Show the nearest passages, though none is near enough."),
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Score everything stored, whatever index there is.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one hit a line.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page with the hits to this file.", dir_okay=False, callback=to_write
        ),
    ] = None,
    images: ImagesOption = Images.AUTO,
    open_best: Annotated[
        bool, typer.Option("--open", help="Open the page, or the file of the best hit.")
    ] = False,
    model: ModelOption = None,
    detector: DetectorOption = None,
    turn: TurnOption = None,
    encoder: EncoderOption = None,
    device: DeviceOption = Device.CPU,
) -> None:
    """Find stored faces like those in a photo, or passages and photos by words.

    An image file that exists, or what comes through a pipe, is a photo with
    faces; all else are words. Without either --person NAME lists photos. Both
    together find photos with such a face of which something like the words is
    said. Every face of the photo is numbered and searched for; the probability
    is that of both faces being one person if that were an even bet beforehand.
    The lowest score is higher the more are searched: below the hits it is told
    how often the best of so many strangers reaches it.
    Photos that look like PHOTO as a whole (copies, edited ones, bursts) stand
    below, and alone where it shows no face, or with --looks.
    Names of persons among the words count as persons, and nothing but names
    lists their photos. "Quoted words" have to
    stand so, a word behind a minus (boda -playa, in quotation marks of the
    shell) is left out. Conditions (--since,
    --folder, ...) choose first: of what fulfils them none is missed.

    Example: retrieve search carta sobre la boda en Zaragoza

    Example: retrieve search ana.jpg playa --html hits.html

    Example: retrieve search --person Ana --since 2019
    """
    from retrieve.cli.commands.search.query import asked, photo_of

    wants = asked(given or [], face or [], text=text)
    ways = [bool(wants.photos or wants.words), face_id is not None, queries is not None]
    only_persons = not any(ways) and bool(wanted.persons)
    if sum(ways) != 1 and not only_persons:
        raise BadUsage(
            "wanted photos and words, or --person NAME, or --face-id ID, or --queries FILE; "
            f"got {'none' if not any(ways) else 'more than one'} of them"
        )
    if as_json and as_csv:
        raise BadUsage("wanted --json or --csv; got both")
    if threshold is not None and strangers is not None:
        raise BadUsage("wanted --threshold or --strangers, from which it follows; got both")
    if queries is not None and (as_csv or html is not None or open_best):
        raise BadUsage("--queries prints JSON, a line for each query: no --csv, --html or --open")
    if looks and (not wants.photos or wants.words or wants.number or queries or face_id):
        raise BadUsage("--looks compares whole photos: wanted photos, and no words or faces")
    if wants.photos:
        from retrieve.indexes.building.processes import FOR_PHOTOS, begin

        begin(FOR_PHOTOS)  # while the rest is imported
    from retrieve.indexes.collection import MOST_FACES
    from retrieve.indexes.opening import open_collection
    from retrieve.indexes.queries.probes import Probe

    with (
        render.download() as on_download,
        open_collection(
            collection,
            detector=detector,
            embedder=model,
            encoder=encoder,
            device=device.value,
            turns=turn,
            on_download=on_download,
            engine=engine,
            replicas=replicas,
            require_all=require_all,
        ) as opened,
    ):
        called = ", ".join(wanted.persons)
        probes = []
        whole: dict[int, PictureProbe] = {}
        wanted = choosing.settled(opened, wanted)
        if queries is not None:
            _each(opened, queries, k, mode, wanted, exact, exact_words)
            return
        if face_id is not None:
            probes = [
                opened.search_stored(
                    face_id,
                    k=k,
                    threshold=threshold,
                    strangers=strangers,
                    wanted=wanted,
                    exact=exact,
                )
            ]
        elif wants.photos:
            most = MOST_FACES if wants.words else k
            given_as = [photo_of(photo) for photo in wants.photos]  # what is piped comes once
            if looks:
                probes = [Probe(photo, []) for photo in wants.photos]
            else:
                number = wants.number
                probes = [
                    _searched(opened, *pair, most, threshold, strangers, wanted, number, exact)
                    for pair in zip(wants.photos, given_as, strict=True)
                ]
            if not wants.words and wants.number is None:
                least = threshold if looks else None  # of faces it says nothing of photos
                told = None if threshold is not None and not looks else strangers
                probes, whole = _alike(
                    opened, probes, given_as, k, least, told, wanted, exact, looks
                )
        if only_persons:
            photos = opened.photos_of(wanted, k=k)
            paths = [hit.path for hit in photos]
            _show_persons(opened, called, photos, k, as_json=as_json, as_csv=as_csv, html=html)
        elif wants.words:
            faces = [hit for probe in probes for hit in probe] if wants.photos else None
            found = opened.search_texts(
                wants.words,
                k=k,
                mode=mode,
                wanted=wanted,
                faces=faces,
                exact=exact,
                exact_words=exact_words,
                grouped=not (as_json or as_csv or ungrouped),
            )
            corrected = None if exact_words else opened.corrected(wants.words)
            best = found if nearest else found[: _last_near(found)]
            paths = [hit.path for hit in best]
            _show_passages(
                opened,
                wants.words,
                found,
                best,
                mode,
                corrected,
                probes,
                _photos_with(probes) if wants.photos else None,
                images,
                as_json=as_json,
                as_csv=as_csv,
                html=html,
            )
        else:
            paths = [hit.path for probe in probes for face in probe.faces for hit in face.hits]
            paths += [hit.path for probe in whole.values() for hit in probe.hits]
            _show_faces(opened, probes, whole, images, as_json=as_json, as_csv=as_csv, html=html)
    if looks:
        facehits.skipped_probes(probes)
    else:
        facehits.probes_without_faces(probes, whole)
    if html is not None:
        render.note(f"wrote {shown(html)}")
    if open_best:
        _open(html, paths)
    if probes and not whole and not any(probe.faces for probe in probes):
        raise typer.Exit(1)


def _searched(
    opened: Collection,
    photo: Path,
    given: Path | bytes,
    k: int,
    threshold: float | None,
    strangers: float | None,
    wanted: Filter,
    face: int | None,
    exact: bool,
) -> Probe:
    """The photo's hits; of one that cannot be used, why: the others are searched for.

    given  what it is read from
    """
    from retrieve.indexes.queries.probes import Probe
    from retrieve.photos import BadPhoto

    try:
        found = opened.search_faces(
            given,
            k=k,
            threshold=threshold,
            strangers=strangers,
            wanted=wanted,
            face=face,
            exact=exact,
        )
    except BadPhoto as error:
        return Probe(photo, [], error.reason)
    return replace(found, path=photo)  # of a pipe it has none


def _alike(
    opened: Collection,
    probes: Sequence[Probe],
    given: Sequence[Path | bytes],
    k: int,
    threshold: float | None,
    strangers: float | None,
    wanted: Filter,
    exact: bool,
    looks: bool,
) -> tuple[list[Probe], dict[int, PictureProbe]]:
    """What looks like the photos as a whole, by their places; a photo that cannot be used is told
    in its probe.

    given  what each is read from
    looks  that alone was asked for: a collection that cannot tell is an error
    """
    from retrieve.photos import BadPhoto

    if not looks and opened.space("pictures") is None:
        return list(probes), {}
    told, whole = [], {}
    for place, (probe, photo) in enumerate(zip(probes, given, strict=True)):
        if probe.reason is None:
            try:
                found = opened.search_pictures(
                    photo, k=k, threshold=threshold, strangers=strangers, wanted=wanted, exact=exact
                )
                whole[place] = replace(found, path=probe.path)
            except BadPhoto as error:
                probe = replace(probe, reason=error.reason)
        told.append(probe)
    return told, whole


def _photos_with(probes: Sequence[Probe]) -> int:
    """How many photos show one of the faces that were asked for."""
    return len({hit.path for probe in probes for hit in probe})


def _each(
    opened: Collection,
    queries: Path,
    k: int,
    mode: Mode,
    wanted: Filter,
    exact: bool,
    exact_words: bool,
) -> None:
    """One JSON object for each line of the file that is not blank; a bad one says why."""
    from retrieve.cli.showing.texthits import as_json

    try:
        lines = queries.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise BadInput(f"wanted a file of UTF-8 text; {shown(queries)}: {error}") from error
    for line in filter(None, map(str.strip, lines)):
        try:
            found = opened.search_texts(
                line, k=k, mode=mode, wanted=wanted, exact=exact, exact_words=exact_words
            )
            corrected = None if exact_words else opened.corrected(line)
        except BadInput as error:
            render.as_json({"query": line, "error": str(error), "hits": []})
        else:
            as_json(line, found, corrected, **facehits.shards_json(opened.shards))


def _last_near(found: Sequence[TextHit]) -> int:
    """How many hits there are down to the last that is near."""
    return max((place for place, hit in enumerate(found, 1) if hit.near), default=0)


def _show_passages(
    opened: Collection,
    query: str,
    found: Sequence[TextHit],
    best: Sequence[TextHit],
    mode: Mode,
    corrected: str | None,
    probes: Sequence[Probe],
    with_face: int | None,
    images: Images,
    *,
    as_json: bool,
    as_csv: bool,
    html: Path | None,
) -> None:
    """Passages and photos by words: the best to people, all that was found to programs.

    with_face  how many photos show the face that was asked for, too; None where none was
    """
    from retrieve.cli.showing import texthits

    places = _places(opened) if any(hit.passage.written for hit in best) else None
    if html is not None:
        with _in_words(html):
            noted_in = opened.notes()
            texthits.write_page(html, query, best, probes, noted_in=noted_in, places=places)
    if as_json:
        more = {} if with_face is None else {"photos_with_the_face": with_face}
        more |= facehits.shards_json(opened.shards)
        texthits.as_json(query, found, corrected, probes, **more)
    elif as_csv:
        texthits.as_csv(query, found, probes)
    elif texthits.of_persons_alone(found):
        texthits.persons(found, names=query, k=0, word=True)
    else:
        texthits.blocks(
            query,
            best,
            mode,
            corrected,
            probes,
            left_out=len(found) - len(best),
            places=places,
            pictures=None if places is None else render.pictures(images),
        )
    if with_face is not None and not found:
        texthits.half(query, with_face)
    if not (as_json or as_csv):
        told = facehits.shards_lines(probe for probe in probes if probe.faces)  # by blocks()
        for line in facehits.shards_lines([opened]):
            if line not in told:
                render.line(line)


def _places(opened: Collection) -> Places:
    """Shows where words stand in pictures; photos are decoded in a process of their own."""
    from retrieve.indexes.recognising.places import Places
    from retrieve.sources import file_reader

    reading = opened.networks.reading
    return Places(lambda path, side_px: reading.of(file_reader(path))(side_px), opened.sha256_of)


def _show_persons(
    opened: Collection,
    names: str,
    found: Sequence[TextHit],
    k: int,
    *,
    as_json: bool,
    as_csv: bool,
    html: Path | None,
) -> None:
    """Photos by who is on them alone."""
    from retrieve.cli.showing import texthits

    if html is not None:
        with _in_words(html):
            texthits.write_page(html, names, found, noted_in=opened.notes())
    if as_json:
        texthits.as_json("", found, None, of=names, **facehits.shards_json(opened.shards))
    elif as_csv:
        texthits.as_csv("", found)
    else:
        texthits.persons(found, names=names, k=k, word=False)
        for line in facehits.shards_lines([opened]):
            render.line(line)


def _show_faces(
    opened: Collection,
    probes: Sequence[Probe],
    whole: Mapping[int, PictureProbe],
    images: Images,
    *,
    as_json: bool,
    as_csv: bool,
    html: Path | None,
) -> None:
    """Faces, and below them photos that look alike as a whole."""
    from retrieve.cli.showing import looks
    from retrieve.sources import file_reader

    reading = opened.networks.reading
    thumbnail = looks.thumbnailer(lambda path: reading.of(file_reader(path))(looks.THUMBNAIL_PX))
    if html is not None:
        from retrieve.cli.showing.gallery import write_gallery

        with _in_words(html):
            alike = [one for at, one in whole.items() if looks.others(one) or not probes[at].faces]
            write_gallery(html, probes, alike, thumbnail, noted_in=opened.notes())
    if as_json:
        facehits.search_json(probes, {at: looks.json_of(one) for at, one in whole.items()})
    elif as_csv:
        alone = [one for at, one in whole.items() if not probes[at].faces]
        more = [row for one in alone for row in looks.csv_rows(one)]
        facehits.search_csv(probes, more)
    else:
        pictures = render.pictures(images)
        facehits.search_tables(probes, pictures)
        for place, one in whole.items():
            looks.tables([one], thumbnail, pictures, only=not probes[place].faces)
    if any(probe.faces for probe in probes):
        facehits.search_state(opened.search_state("faces"))
    if whole:
        facehits.search_state(opened.search_state("pictures"), "photo")


@contextmanager
def _in_words(page: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot write {shown(page)}: {error.strerror}") from error


def _open(page: Path | None, hits: list[Path]) -> None:
    best = page or next(iter(hits), None)
    if best is None:
        render.note("nothing to open: no hits")
    else:
        typer.launch(str(best))
