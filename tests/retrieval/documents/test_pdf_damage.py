"""PDFs that were cut, that begin with other bytes, and pages that end what reads them."""

from __future__ import annotations

import os
import signal
import threading
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from retrieve.documents.formats.pdf import apart
from retrieve.documents.formats.pdf.mending import CUT, mended
from retrieve.documents.formats.pdf.read import read_pdf
from retrieve.documents.signatures import recognised
from retrieve.errors import BadInput

PAGES = 3


def _pdf():
    file = BytesIO()
    canvas = Canvas(file)
    for page in range(PAGES):
        canvas.drawString(72, 700, f"El reparto del agua, acta {page}.")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _packed():
    """The same with all objects in streams, as word processors write them."""
    objects = {}
    content = _pdf()
    reader = PdfReader(BytesIO(content))
    writer = PdfWriter(clone_from=reader)
    file = BytesIO()
    writer.write(file)
    plain = file.getvalue()
    for number in range(1, len(writer._objects) + 1):
        start = plain.index(b"%d 0 obj\n" % number)
        body = plain[plain.index(b"\n", start) + 1 : plain.index(b"endobj", start)].strip()
        objects[number] = body
    out = b"%PDF-1.5\n"
    inside = {number: body for number, body in objects.items() if b"stream" not in body}
    for number, body in objects.items():
        if number not in inside:
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    head, bodies = b"", b""
    for number, body in inside.items():
        head += b"%d %d " % (number, len(bodies))
        bodies += body + b" "
    packed = zlib.compress(head + bodies)
    start = len(out)
    out += b"90 0 obj\n<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>stream\n" % (
        len(inside),
        len(head),
        len(packed),
    )
    return out + packed + b"\nendstream\nendobj\n", start


def _texts(content, remarks=None):
    return [line.text for line in read_pdf(content, [] if remarks is None else remarks).lines]


ALL = [f"El reparto del agua, acta {page}." for page in range(PAGES)]


@pytest.mark.parametrize("end", [b"startxref", b"trailer", b"xref\n"])
def test_a_pdf_without_its_end_is_read_and_said_to_be_cut(end):
    content, remarks = _pdf(), []
    assert _texts(content[: content.rindex(end)], remarks) == ALL
    assert remarks == [CUT]


def test_pages_whose_text_is_still_there_are_read():
    content, remarks = _pdf(), []
    streams = content.split(b"endstream")
    cut = b"endstream".join(streams[:2])  # the third page's text is lost
    assert _texts(cut, remarks) == ALL[:2]
    assert remarks == [CUT, "no text on page 3: scanned pictures?"]


def test_objects_in_streams_are_found_without_any_table():
    content, _ = _packed()
    assert _texts(content) == ALL


def test_a_stream_of_objects_that_is_cut_keeps_the_objects_before():
    content, start = _packed()
    with pytest.raises(BadInput):
        mended(content[:start])
    assert b"/Type/Catalog" in mended(content[:-60])


@pytest.mark.parametrize(
    "before", [b"\xef\xbb\xbf", b"\r\n\r\n", b"Subject: acta\r\n\r\n", b"MacBinary\0\0 " * 70]
)
def test_bytes_before_a_pdf_are_passed_over(before):
    content = before + _pdf()
    assert recognised(content) == "pdf"
    assert _texts(content) == ALL


def test_a_text_that_speaks_of_pdf_is_a_text():
    assert recognised(b"Un fichero empieza por %PDF-1.4 y acaba por %%EOF.") is None


@pytest.mark.parametrize("ending", [signal.SIGABRT, signal.SIGSEGV])
def test_a_page_that_ends_its_reader_is_the_only_one_lost(monkeypatch, ending):
    from retrieve.documents.formats.pdf.pages import Pdf

    page = Pdf.page

    def hostile(self, number):
        if number == 1:
            os.kill(os.getpid(), ending)
        return page(self, number)

    monkeypatch.setattr(Pdf, "page", hostile)
    remarks = []
    assert _texts(_pdf(), remarks) == [ALL[0], ALL[2]]
    assert remarks == ["damaged, or made to unpack without end: page 2"]


def test_a_page_that_never_ends_is_the_only_one_lost(monkeypatch):
    from retrieve.documents.formats.pdf.pages import Pdf

    page = Pdf.page

    def hostile(self, number):
        while number == 1:
            pass
        return page(self, number)

    monkeypatch.setattr(Pdf, "page", hostile)
    monkeypatch.setattr(apart, "PAGE_S", 0.1)
    remarks = []
    assert _texts(_pdf(), remarks) == [ALL[0], ALL[2]]
    assert remarks == ["damaged, or made to unpack without end: page 2"]


def test_an_error_nobody_foresaw_costs_its_page(monkeypatch):
    from retrieve.documents.formats.pdf.pages import Pdf

    page = Pdf.page

    def hostile(self, number):
        return page(self, number) if number else 1 / 0

    monkeypatch.setattr(Pdf, "page", hostile)
    assert _texts(_pdf()) == ALL[1:]


def test_after_many_deaths_the_rest_is_not_looked_at(monkeypatch):
    from retrieve.documents.formats.pdf.pages import Pdf

    monkeypatch.setattr(Pdf, "page", lambda self, number: os._exit(3))
    monkeypatch.setattr(apart, "MAX_DEATHS", 2)
    with pytest.raises(BadInput, match="none of its 3 pages can be read"):
        read_pdf(_pdf(), [])


def test_readers_are_gone_when_reading_stops():
    before = _children()
    pages = apart.read(_pdf(), 10)
    next(pages)
    assert len(_children()) == len(before) + 1
    pages.close()
    assert _children() == before


def _children():
    process = os.getpid()
    return Path(f"/proc/{process}/task/{threading.get_native_id()}/children").read_text().split()


def test_what_a_reader_takes_counts_as_time_of_this_process(monkeypatch):
    from retrieve.documents.formats.pdf.pages import Pdf

    page = Pdf.page

    def slow(self, number):
        import time

        start = time.process_time()
        while time.process_time() - start < 0.05:
            pass
        return page(self, number)

    monkeypatch.setattr(Pdf, "page", slow)
    signal.setitimer(signal.ITIMER_PROF, 100)
    try:
        assert _texts(_pdf()) == ALL
        left, _ = signal.getitimer(signal.ITIMER_PROF)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert left < 99.85
