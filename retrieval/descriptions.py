"""A photo → passages: what is written into it and beside it, and what its names say.

Nothing is decoded: headers, metadata blocks and small files are read. Formats of metadata
have a file each in `metadata/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageFile, TiffImagePlugin
from pillow_heif import register_heif_opener

from retrieve.documents.lines import Line
from retrieve.documents.passages import split
from retrieve.errors import BadInput
from retrieve.metadata.exif import read_exif
from retrieve.metadata.iptc import read_iptc
from retrieve.metadata.names import name_words
from retrieve.metadata.png import read_png
from retrieve.metadata.said import Said
from retrieve.metadata.sidecars import Sidecar, read_sidecar, sidecars
from retrieve.metadata.xmp import read_xmp
from retrieve.photos import DAMAGE, FORMATS, careful
from retrieve.text.tokens import words
from retrieve.types import Passage

__all__ = ["Description", "Sidecar", "describe", "sidecars"]

_TIFF_XMP = 700


@dataclass(frozen=True, slots=True)
class Description:
    """What a photo says about itself.

    passages  captions, then keywords, then names; the same words stand in one of them only
    sidecars  the files beside the photo that were read: if they change, it says something else
    warnings  what was left out because it is damaged
    """

    passages: tuple[Passage, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    warnings: tuple[str, ...] = ()


def describe(photo: Path, root: Path | None = None) -> Description:
    """Captions, keywords and names of a photo, from its sidecars, its metadata and its path.

    root  the folder that is indexed: names of folders below it, and its own, say something
          about the photo; None takes the name of the file alone

    A file that is no photo, or cannot be read, has its sidecars and its name.
    """
    said, warnings = Said(), []
    beside = sidecars(photo)
    for sidecar in beside:
        try:
            said.add(read_sidecar(sidecar.path))
        except BadInput as error:
            warnings.append(f"{sidecar.path.name} says nothing: {error}")
    said.add(_embedded(photo, warnings))
    passages = [*_captions(said), *_keywords(said)]
    passages += _names(name_words(photo, root), passages)
    return Description(tuple(passages), tuple(beside), tuple(warnings))


def _embedded(photo: Path, warnings: list[str]) -> Said:
    """What the file itself says; XMP first, which programs of today write."""
    said = Said()
    register_heif_opener()
    try:
        with careful(), Image.open(photo, formats=FORMATS) as image:
            png = read_png(photo) if image.format == "PNG" else None
            xmp = png.xmp if png else _xmp(image)
            if xmp:
                try:
                    said.add(read_xmp(xmp))
                except BadInput as error:
                    warnings.append(f"its XMP says nothing: {error}")
            for name, read in (("IPTC", _iptc), ("EXIF", _exif)):
                try:
                    said.add(read(image, png.exif if png else None))
                except DAMAGE as error:
                    warnings.append(f"its {name} data say nothing: damaged ({error})")
            if png:
                said.add(png.said)
    except DAMAGE:
        pass  # whoever decodes it will say so
    return said


def _xmp(image: ImageFile.ImageFile) -> bytes:
    found = image.info.get("xmp")
    if found is None and isinstance(image, TiffImagePlugin.TiffImageFile):
        found = image.tag_v2.get(_TIFF_XMP)
    return found if isinstance(found, bytes) else b""


def _iptc(image: ImageFile.ImageFile, _: bytes | None) -> Said:
    return read_iptc(image) if image.format in ("JPEG", "MPO", "TIFF") else Said()


def _exif(image: ImageFile.ImageFile, block: bytes | None) -> Said:
    """Of a PNG from its block: asking the image would decode it."""
    if block is None:
        return read_exif(image.getexif())
    exif = Image.Exif()
    exif.load(block)
    return read_exif(exif)


def _captions(said: Said) -> Iterator[Passage]:
    """Each caption once, under the title; what a longer one contains is left out."""
    kept = _distinct([*said.titles, *said.captions])
    titles = [text for text in kept if text in said.titles]
    captions = [text for text in kept if text not in said.titles]
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


def _distinct(texts: list[str]) -> list[str]:
    """Texts in order, without those whose words another one has in the same order."""
    spaced = [f" {' '.join(words(text))} " for text in texts]
    return [
        text
        for at, (text, own) in enumerate(zip(texts, spaced, strict=True))
        if own.strip()
        and not any(
            own in other and (len(own) < len(other) or before < at)
            for before, other in enumerate(spaced)
            if before != at
        )
    ]
