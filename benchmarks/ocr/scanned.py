"""A PDF whose pages are pictures, as a worker reads it."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

from benchmarks.ocr import drawn
from benchmarks.ocr.made import right
from benchmarks.ocr.texts import PAGES
from retrieve.indexes.recognising.reading import Reading, Task

A4_PT = (595, 842)
PAGE_PX = (1240, 1754)  # as of a scanner at 150 dots an inch; letters of 13 points


def report() -> None:
    """Print it."""
    with tempfile.TemporaryDirectory() as below:
        path = Path(below) / "scan.pdf"
        path.write_bytes(scan(PAGES))
        work = Reading().open()
        pages = work(Task(path, is_photo=False)).pages
        work(Task(path, False, pages[:1]))  # which opens the networks
        before = os.times()
        found = work(Task(path, False, pages)).passages
        after = os.times()
    spent = sum(after[:4]) - sum(before[:4])  # PDFium draws in a fork
    shares = []
    for number, lines in zip(pages, PAGES, strict=True):
        shares.append(right([one.text for one in found if one.page == number], lines))
    print(
        f"scanned: {len(pages)} pages of A4, characters right {sum(shares) / len(shares):.4f} "
        f"(least {min(shares):.3f}), {spent / len(pages):.2f} CPU s a page"
    )


def scan(pages: tuple[tuple[str, ...], ...]) -> bytes:
    """A PDF of pages that are pictures."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen import canvas

    buffer = io.BytesIO()
    document = canvas.Canvas(buffer, pagesize=A4_PT)
    for lines in pages:
        document.drawImage(ImageReader(drawn.page(lines, *PAGE_PX)), 0, 0, *A4_PT)
        document.showPage()
    document.save()
    return buffer.getvalue()
