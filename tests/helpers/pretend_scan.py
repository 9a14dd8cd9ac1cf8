"""A PDF whose pages hold no text: a black bar each, where words would be."""

from __future__ import annotations

import io

from reportlab.pdfgen import canvas


def scanned(pages: int) -> bytes:
    buffer = io.BytesIO()
    document = canvas.Canvas(buffer, pagesize=(300, 400), invariant=True)
    for number in range(pages):
        document.rect(50, 300, 100 + number, 20, fill=1)
        document.showPage()
    document.save()
    return buffer.getvalue()
