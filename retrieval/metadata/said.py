"""What one source says about a photo: titles, captions, keywords, when and where it was taken,
who is where in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from retrieve.documents.lines import clean
from retrieve.metadata.dates import When, chosen, iso
from retrieve.metadata.places import Place, Where
from retrieve.metadata.regions.areas import Regions

# What cameras and programs write where a caption should stand; short codes are Huawei's.
_BOILERPLATE = re.compile(
    r"""
    (olympus|minolta|kodak|konica|pentax|ricoh|casio|vivitar|samsung|sanyo)?\s*
        digital\s(still\s)?camera
    | sony\sdsc | <?(samsung|kenox|digimax)[\w\s/-]*>? | exif_jpeg_\w+ | dcim\\?.* | dsc\w*
    | (file\s)?(written|created|made|processed|edited|generated|handmade)\s(by|with|in|using)\s.*
    | creator:.* | (gd-jpeg|lavc|lead\stechnologies|optimized\sby|compressed\sby|applemark).*
    | jpeg\sencoder.* | intel\(r\).* | ver\.?\s?\d.* | charset=.* | binary\scomment
    | my\s(beautiful\s)?picture | (default|untitled|image|photo|picture|img|jpeg|ascii|unicode)
    | ozn\w* | hdrp\w* | rhdr | s?hdr | sdr | cof | dav | mde | edf | rptnor | bt[fy] | ptr | nor
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]")
MAX_CHARACTERS = 1 << 16  # of one caption or keyword: more is something else


@dataclass(slots=True)
class Said:
    """Texts in the order in which they were found, dates and places; add them by the methods.

    regions  that were drawn, of each source apart; their names are among the keywords, too
    """

    titles: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    dates: list[tuple[When, str]] = field(default_factory=list)
    places: list[tuple[Where, Place]] = field(default_factory=list)
    regions: list[Regions] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Take a title, unless it is empty or what a camera writes."""
        self._take(self.titles, text)

    def caption(self, text: str) -> None:
        """Take a caption, unless it is empty or what a camera writes."""
        self._take(self.captions, text)

    def keyword(self, text: str) -> None:
        """Take a keyword, or the parts of a path of them: Lugares|España, Lugares/España."""
        for part in re.split(r"[|/]", text):
            self._take(self.keywords, part)

    def name(self, text: str) -> None:
        """Take the name of a place or a person among the keywords, whole."""
        self._take(self.keywords, text)

    def date(self, when: When, written: object) -> None:
        """Take a date in whatever form it is written, unless it is none."""
        date = iso(written)
        if date is not None:
            self.dates.append((when, date))

    def place(self, where: Where, place: Place | None) -> None:
        """Take a place, unless it is none."""
        if place is not None:
            self.places.append((where, place))

    @property
    def taken_at(self) -> str | None:
        """When the photo was taken, ISO 8601, by the source that counts first; None if unknown."""
        return chosen(self.dates)

    @property
    def taken_in(self) -> Place | None:
        """Where it was taken, in degrees north and east, likewise."""
        return min(self.places, key=lambda place: place[0], default=(None, None))[1]

    def add(self, other: Said) -> None:
        """Take all that another source says."""
        self.titles += other.titles
        self.captions += other.captions
        self.keywords += other.keywords
        self.dates += other.dates
        self.places += other.places
        self.regions += other.regions

    @staticmethod
    def _take(texts: list[str], text: str) -> None:
        text = clean(text[:MAX_CHARACTERS])
        if _LETTER.search(text) and not _BOILERPLATE.fullmatch(text):
            texts.append(text)
