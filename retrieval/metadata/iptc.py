"""IPTC IIM 4.2, the older form of captions and keywords in JPEG and TIFF."""

from __future__ import annotations

from PIL import ImageFile, IptcImagePlugin

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput
from retrieve.metadata.said import Said

_CHARACTER_SET = (1, 90)
_BETWEEN = "\n\n\n\n"  # texts whose encoding is told together
_UTF8 = b"\x1b%G"
_TITLES = ((2, 5), (2, 105))  # object name, headline
_CAPTION = (2, 120)
_KEYWORDS = (2, 25)
_PLACES = ((2, 92), (2, 90), (2, 95), (2, 101))  # sublocation, city, province, country


def read_iptc(image: ImageFile.ImageFile) -> Said:
    """Title, headline, caption, keywords and place of an opened photo.

    Text is UTF-8 where the file says so; else its encoding is told from all of it together.
    """
    said = Said()
    fields = IptcImagePlugin.getiptcinfo(image) or {}
    encoding = "utf-8" if fields.get(_CHARACTER_SET) == _UTF8 else None

    def texts(*datasets: tuple[int, int]) -> list[str]:
        values = []
        for dataset in datasets:
            value = fields.get(dataset, [])
            values += value if isinstance(value, list) else [value]
        joined = _BETWEEN.encode().join(values)
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
    return said
