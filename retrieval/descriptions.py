"""A photo → passages, date and place: what is written into it and beside it, and its names.

Nothing is decoded: headers, metadata blocks and small files are read. Formats of metadata
have a file each in `metadata/`; each of them fails alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin

from retrieve.documents.lines import Line
from retrieve.documents.passages import split
from retrieve.errors import BadInput, foreseen
from retrieve.metadata.distinct import distinct
from retrieve.metadata.exif import read_exif
from retrieve.metadata.iptc import read_iptc
from retrieve.metadata.names import name_words
from retrieve.metadata.places import Place
from retrieve.metadata.png import Chunks, read_png
from retrieve.metadata.regions import picasa
from retrieve.metadata.regions.areas import Regions
from retrieve.metadata.said import Said
from retrieve.metadata.sidecars import Sidecar, read_sidecar, sidecars
from retrieve.metadata.xmp import extended, read_xmp
from retrieve.photos import DAMAGE, BadPhoto, careful, open_file, open_image, raw_exif
from retrieve.pictures import raw
from retrieve.pictures.pieces import File, opened
from retrieve.text.tokens import words
from retrieve.types import Passage

__all__ = ["Description", "Sidecar", "called", "describe", "orientation_of", "sidecars"]

_TIFF_XMP, _TIFF_IPTC = 700, 33723
UPRIGHT, TURNED_MOST = 1, 8  # the first and the last of EXIF's orientations
_MAX_XMP = 1 << 24  # bytes of a packet; programs write some kB
_PHOTOSHOP_IPTC = 0x0404  # among Photoshop's resources in a JPEG


@dataclass(frozen=True, slots=True)
class Description:
    """What a photo says about itself.

    passages  captions, then keywords, then names; the same words stand in one of them only
    sidecars  the files beside the photo that were read: if they change, it says something else
    warnings  what was left out because it is damaged
    taken_at  local time as exact as it is stated, ISO 8601 without zone (2019-07-21T18:03:00,
              1978-06-24, 1978), or None. The exposure in EXIF counts first, then what XMP and
              IPTC say of when it was made, then Takeout's JSON; an edit's date never does
    place     degrees north and east, or None; of EXIF, then XMP, then JSON
    opened    whether the file itself could be read, and not only what lies beside it
    regions   who is where in it, of each source apart; the names are among the keywords too
    orientation
              by which the stored picture is turned to be shown, as EXIF numbers it
    """

    passages: tuple[Passage, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    warnings: tuple[str, ...] = ()
    taken_at: str | None = None
    place: Place | None = None
    opened: bool = True
    regions: tuple[Regions, ...] = ()
    orientation: int = UPRIGHT


def describe(photo: Path, root: Path | None = None) -> Description:
    """Captions, keywords and names of a photo, when and where it was taken, who is where in it,
    from its sidecars, its metadata and its path.

    root  the folder that is indexed: names of folders below it, and its own, say something
          about the photo; None takes the name of the file alone

    A file that is no photo, or cannot be read, has its sidecars and its name. Whatever goes
    wrong with a sidecar or a block of metadata is a warning, and the rest is read.
    """
    said, warnings = Said(), list[str]()
    beside = sidecars(photo)
    for sidecar in beside:
        _take(said, sidecar.path.name, partial(_beside, sidecar.path, photo), warnings)
    embedded, orientation = _embedded(photo, warnings)
    said.add(embedded or Said())
    passages = [*_captions(said), *_keywords(said)]
    passages += _names(name_words(photo, root), passages)
    return Description(
        tuple(passages),
        tuple(beside),
        tuple(warnings),
        said.taken_at,
        said.taken_in,
        embedded is not None,
        tuple(said.regions),
        orientation,
    )


def orientation_of(photo: Path) -> int:
    """By which the stored picture is turned to be shown, as EXIF numbers it; 1 where it does not
    say.

    raises  BadPhoto if the file cannot be read or is no photo
    """
    with foreseen(BadPhoto), open_file(photo) as file, careful():
        return _orientation(_blocks(file, photo))


def _beside(path: Path, photo: Path) -> Said:
    """What a file beside a photo says about it, also one that says something about others."""
    if path.name in picasa.NAMES:
        return picasa.read_picasa(path, photo.name)
    return read_sidecar(path)


def called(photo: Path, root: Path | None = None) -> tuple[Passage, ...]:
    """What the names of a photo and of its folders say; no file is opened.

    root  as of describe()
    """
    return tuple(_names(name_words(photo, root), ()))


def _take(said: Said, name: str, read: Callable[[], Said], warnings: list[str]) -> None:
    """Add what one source says, or a warning that it says nothing.

    Strangers' programs wrote it, and readers of others' make parse it: any exception is that
    source's own.
    """
    try:
        with foreseen():
            said.add(read())
    except BadInput as error:
        warnings.append(f"{name} says nothing: {error}")


@dataclass(slots=True)
class _Blocks:
    """The blocks of metadata of one file, each unread."""

    xmp: bytes = b""
    extensions: tuple[bytes, ...] = ()
    iptc: bytes = b""
    exif: Callable[[], Image.Exif] = Image.Exif
    png: Said | None = None


def _embedded(photo: Path, warnings: list[str]) -> tuple[Said | None, int]:
    """What the file itself says, XMP first, which programs of today write, and its orientation.

    None: it cannot be read.
    """
    said, orientation, is_open = Said(), UPRIGHT, False
    try:
        with foreseen(), open_file(photo) as file, careful():
            is_open = True
            blocks = _blocks(file, photo)
            if blocks.xmp:
                _take(said, "its XMP", lambda: read_xmp(blocks.xmp), warnings)
                _take(said, "its XMP's extension", lambda: _extension(blocks), warnings)
            if blocks.iptc:
                _take(said, "its IPTC", lambda: read_iptc(blocks.iptc), warnings)
            _take(said, "its EXIF", lambda: _exif(blocks), warnings)
            orientation = _orientation(blocks)
            if blocks.png is not None:
                said.add(blocks.png)
    except BadPhoto:  # whoever decodes it will say so
        return (said if is_open else None), orientation
    except BadInput as error:
        warnings.append(f"its header says nothing: {error}")
    return said, orientation


def _orientation(blocks: _Blocks) -> int:
    """Damaged EXIF says nothing of it, as where the photo is decoded."""
    with suppress(*DAMAGE):
        value = blocks.exif().get(ExifTags.Base.Orientation, UPRIGHT)
        if isinstance(value, int) and UPRIGHT <= value <= TURNED_MOST:
            return value
    return UPRIGHT


def _exif(blocks: _Blocks) -> Said:
    """raises  BadInput if it cannot be read as TIFF"""
    try:
        exif = blocks.exif()
    except DAMAGE as error:
        raise BadInput(f"damaged: {error}") from error
    return read_exif(exif)


def _extension(blocks: _Blocks) -> Said:
    packet = extended(blocks.xmp, blocks.extensions)
    return read_xmp(packet) if packet else Said()


def _blocks(file: File, path: Path) -> _Blocks:
    """The blocks of an opened file; raises BadPhoto if it is no photo."""
    held = raw.look(file)
    if held is not None and held.header:
        exif = raw_exif(file, held)
        xmp, iptc = exif.get(_TIFF_XMP), exif.get(_TIFF_IPTC)
        if held.xmp is not None:
            xmp = opened(file, held.xmp).read(_MAX_XMP)
        order = ">" if exif.endian == ">" else "<"
        return _Blocks(xmp=_raw_bytes(xmp), iptc=_raw_bytes(iptc, order), exif=lambda: exif)
    if held is not None and held.pictures:
        file = opened(file, *held.pictures[0].parts)
    image = open_image(file)
    if image.format == "PNG":
        chunks = read_png(path)
        return _Blocks(xmp=chunks.xmp, exif=lambda: _png_exif(chunks), png=chunks.said)
    found = _Blocks(xmp=_raw_bytes(image.info.get("xmp")), exif=image.getexif)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        found.xmp = found.xmp or _raw_bytes(tags.get(_TIFF_XMP))
        found.iptc = _raw_bytes(tags.get(_TIFF_IPTC), ">" if tags.prefix == b"MM" else "<")
    elif isinstance(image, JpegImagePlugin.JpegImageFile):
        found.iptc = _raw_bytes(image.info.get("photoshop", {}).get(_PHOTOSHOP_IPTC))
        found.extensions = tuple(body for name, body in image.applist if name == "APP1")
    return found


def _raw_bytes(value: object, order: str = "<") -> bytes:
    """A block as bytes: programs store it as bytes or, of IPTC, as long numbers."""
    if isinstance(value, tuple) and all(isinstance(number, int) for number in value):
        wide = any(number > 255 for number in value)
        return struct.pack(f"{order}{len(value)}{'I' if wide else 'B'}", *value)
    return value if isinstance(value, bytes) else b""


def _png_exif(chunks: Chunks) -> Image.Exif:
    """Of a PNG from its block: asking the image would decode it."""
    exif = Image.Exif()
    exif.load(chunks.exif)
    return exif


def _captions(said: Said) -> Iterator[Passage]:
    """Each caption once, under the title; what a longer one contains is left out."""
    kept, named = distinct([*said.titles, *said.captions]), set(said.titles)
    titles = [text for text in kept if text in named]
    captions = [text for text in kept if text not in named]
    # A title stands above a caption; without one, or if there are several, they are captions.
    above = titles[0] if titles and captions else ""
    for text in captions + [title for title in titles if title != above]:
        yield from _passages(text, "caption", above)


def _keywords(said: Said) -> Iterator[Passage]:
    unique: dict[str, str] = {}
    for keyword in said.keywords:
        unique.setdefault(" ".join(words(keyword)), keyword)
    yield from _passages(", ".join(unique.values()), "keywords")


def _names(text: str, others: Iterable[Passage]) -> Iterator[Passage]:
    """The names, unless every word of them stands in a caption or among the keywords."""
    known = {word for other in others for word in words(f"{other.title} {other.text}")}
    if not set(words(text)) <= known:
        yield from _passages(text, "name")


def _passages(text: str, kind: str, title: str = "") -> Iterator[Passage]:
    for passage in split([Line(text)], title):
        yield replace(passage, kind=kind)
