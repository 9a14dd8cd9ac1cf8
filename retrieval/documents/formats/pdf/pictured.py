"""Pages of a PDF as pictures, for what has no text on them that can be read otherwise.

PDFium draws them in a fork with the limits of apart.py: a page that ends it is lost, and no other.
"""

from __future__ import annotations

import base64
import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieve.documents.formats.pdf.apart import Allow, Fork, Say
from retrieve.errors import BadInput
from retrieve.types import Pixels

if TYPE_CHECKING:
    from retrieve.documents.formats.pdf.pages import Pdf

WHITE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, eq=False)
class PagePicture:
    """One page as it is shown.

    number  1 for the first
    pixels  (H, W, 3) uint8 RGB in shades of grey
    scale   pixels a point (1/72 inch)
    """

    number: int
    pixels: Pixels
    scale: float


def pictures(content: bytes, numbers: Sequence[int], side_px: int) -> Iterator[PagePicture]:
    """Some pages in order; those that cannot be drawn are left out.

    numbers  of the pages, ascending, 1 for the first
    side_px  of the long side
    raises   BadInput if the document cannot be opened
    """
    import pypdfium2.raw  # noqa: F401  here, so that no fork has to load it

    waiting = list(numbers)
    while waiting:
        fork = Fork(partial(_draw_all, content, waiting, side_px))
        try:
            for message in fork.messages():
                if "bad" in message:
                    raise BadInput(message["bad"])
                waiting.remove(message["page"])
                if message["grey"]:
                    yield _picture(message)
        finally:
            death = fork.end()
        if death and waiting:
            waiting.pop(0)  # it was at this one


def _picture(message: dict[str, Any]) -> PagePicture:
    grey = np.frombuffer(base64.b64decode(message["grey"]), np.uint8)
    grey = grey.reshape(message["height"], message["width"])
    return PagePicture(message["page"], np.repeat(grey[..., None], 3, axis=2), message["scale"])


def _draw_all(content: bytes, numbers: Sequence[int], side_px: int, say: Say, allow: Allow) -> None:
    from retrieve.documents.formats.pdf.mending import opened

    allow()
    try:
        document, _ = opened(content)
    except BadInput as error:
        say({"bad": str(error)})
        return
    for number in numbers:
        allow()
        say({"page": number, "grey": "", **_drawn(document, number - 1, side_px)})


def _drawn(document: Pdf, number: int, side_px: int) -> dict[str, Any]:
    """A page from 0; nothing of one that cannot be opened or has no size."""
    import pypdfium2.raw as pdfium

    page = pdfium.FPDF_LoadPage(document.handle, number)
    if not page:
        return {}
    wide, high = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
    if not (0 < wide < math.inf and 0 < high < math.inf):
        return {}
    scale = side_px / max(wide, high)
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    grey = np.empty((height, width), np.uint8)
    bitmap = pdfium.FPDFBitmap_CreateEx(
        width, height, pdfium.FPDFBitmap_Gray, grey.ctypes.data_as(ctypes.c_void_p), width
    )
    pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE)
    pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_ANNOT)
    pdfium.FPDFBitmap_Destroy(bitmap)
    pdfium.FPDF_ClosePage(page)
    packed = base64.b64encode(grey.tobytes()).decode()
    return {"grey": packed, "width": width, "height": height, "scale": scale}
