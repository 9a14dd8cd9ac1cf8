"""A PDF whose pages are pictures, through the command that indexes it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ocr import drawn
from benchmarks.ocr.made import right
from benchmarks.ocr.texts import PAGES
from retrieve.indexes.collection import open_collection

A4_PT = (595, 842)
PAGE_PX = (1240, 1754)  # as of a scanner at 150 dots an inch; letters of 13 points


def report() -> None:
    """Print it; texts stay at five, for each page is read the same."""
    with tempfile.TemporaryDirectory() as below:
        folder = Path(below)
        (folder / "papers").mkdir()
        (folder / "papers" / "scan.pdf").write_bytes(scan(PAGES))
        collection = folder / "collection"
        command = [sys.executable, "-m", "retrieve.cli", "index", str(folder / "papers")]
        before = os.times()
        subprocess.run([*command, "-c", str(collection), "--ocr"], check=True, capture_output=True)
        after = os.times()
        spent = after.children_user + after.children_system
        spent -= before.children_user + before.children_system
        with open_collection(collection, read_only=True) as opened:
            query = "SELECT page, text FROM passages WHERE kind = 'ocr' ORDER BY id"
            found = opened.db.execute(query).fetchall()
    shares = []
    for number, lines in enumerate(PAGES, 1):
        text = [said for page, said in found if page == number]
        shares.append(right(text, lines))
    print(
        f"scanned: {len(PAGES)} pages, characters right {sum(shares) / len(shares):.4f} "
        f"(least {min(shares):.3f}), {spent / len(PAGES):.2f} CPU s a page, with the start of all "
        "processes"
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
