"""IPTC IIM 4.2, the older form of captions and keywords in JPEG and TIFF."""

from __future__ import annotations

from collections.abc import Iterator

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.dates import When
from retrieve.metadata.said import Said

_MARK = 0x1C  # before each dataset: then record, number, length in two bytes
_EXTENDED = 0x8000  # a length that says in how many bytes the length follows
_CHARACTER_SET = (1, 90)
_BETWEEN = "\n\n\n\n"  # texts whose encoding is told together
_UTF8 = b"\x1b%G"
_TITLES = ((2, 5), (2, 105))  # object name, headline
_CAPTION = (2, 120)
_KEYWORDS = (2, 25)
_PLACES = ((2, 92), (2, 90), (2, 95), (2, 101))  # sublocation, city, province, country
_DATES = (
    (When.IPTC_CREATED, (2, 55), (2, 60)),
    (When.IPTC_DIGITISED, (2, 62), (2, 63)),
)


def read_iptc(block: bytes) -> Said:
    """Title, headline, caption, keywords, place and date of a block of datasets.

    Text is UTF-8 where the block says so; else its encoding is told from all of it together.
    Empty datasets say nothing. What is damaged ends the reading.
    """
    said = Said()
    fields: dict[tuple[int, int], list[bytes]] = {}
    for dataset, value in _datasets(block):
        fields.setdefault(dataset, []).append(value)
    encoding = "utf-8" if _UTF8 in fields.get(_CHARACTER_SET, []) else None

    def texts(*datasets: tuple[int, int]) -> list[str]:
        values = [value for dataset in datasets for value in fields.get(dataset, [])]
        joined = _BETWEEN.encode().join(values)
        if not joined.strip():
            return []
        try:
            text = joined.decode("utf-8", "replace") if encoding else decode(joined)[0]
        except BadInput:
            return []
        return text.split(_BETWEEN)

    for text in texts(*_TITLES):
        said.title(text)
    for text in texts(_CAPTION):
        said.caption(text)
    for text in texts(_KEYWORDS):
        said.keyword(text)
    for text in texts(*_PLACES):
        said.name(text)
    for when, day, time in _DATES:
        for number, date in enumerate(fields.get(day, [])):
            times = fields.get(time, [])
            said.date(when, b"T".join([date.strip(), *times[number : number + 1]]))
    return said


def _datasets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    at = 0
    while at + 5 <= len(block) and block[at] == _MARK:
        dataset = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        at += 5
        if size & _EXTENDED:
            width = size & ~_EXTENDED
            size = int.from_bytes(block[at : at + width], "big")
            at += width
        value = block[at : at + size]
        at += size
        if value:
            yield dataset, value
