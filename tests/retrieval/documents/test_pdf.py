from __future__ import annotations

import zlib
from io import BytesIO

import pypdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from retrieve.documents.formats.pdf import apart
from retrieve.documents.formats.pdf import read as pdf
from retrieve.documents.read import read_document
from retrieve.errors import BadInput


def _pdf(*pages, **properties):
    """A PDF of pages of lines, drawn from the top."""
    file = BytesIO()
    canvas = Canvas(file)
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 750 - 14 * number, line)
        canvas.showPage()
    canvas.setTitle(properties.get("title", "untitled"))
    canvas.save()
    return file.getvalue()


def _raw(*objects):
    """A PDF of objects written by hand; the first is the catalog."""
    out, offsets = b"%PDF-1.5\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, at = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return out + b"trailer <</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, at)


def _read(tmp_path, content):
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    return read_document(path)


def _reason(tmp_path, content):
    with pytest.raises(BadInput) as caught:
        _read(tmp_path, content)
    return str(caught.value)


def test_words_divided_at_a_line_end_are_joined(tmp_path):
    lines = [
        "¿Una noche extraor-",
        "dinaria en Castilla-",
        "La Mancha? El niño (2019-",
        "2020) y au-",
        "tos.",
    ]
    (passage,) = _read(tmp_path, _pdf(lines)).passages
    first, second = passage.text.split("? ")
    assert first == "¿Una noche extraordinaria en Castilla-La Mancha"
    assert second == "El niño (2019- 2020) y autos."


def test_a_passage_has_the_page_where_it_begins(tmp_path):
    words = ["palabra " * 10] * 6 + ["fin."]
    document = _read(tmp_path, _pdf(words, ["Otra página", "sigue"], words, title="La boda"))
    assert document.title == "La boda"
    assert document.written_at is not None
    assert [(p.page, p.title, p.text[:7]) for p in document.passages] == [
        (1, "La boda", "palabra"),
        (2, "La boda", "Otra pá"),
    ]


def test_a_sentence_goes_on_over_the_page_and_its_running_head(tmp_path):
    def body(page):
        return [f"y la roca {page * n}" for n in range(3, 9)]

    pages = [["La novela", *body(page), f"- {page + 6} de 11 -"] for page in range(1, 5)]
    (passage,) = _read(tmp_path, _pdf(*pages)).passages
    first, *others = [" ".join(body(page)) for page in range(1, 5)]
    assert passage.text == f"La novela {first} - 7 de 11 - " + " ".join(others)


def test_numbered_headings_at_the_top_of_pages_stay(tmp_path):
    pages = [[f"Artículo {page * page}", *"abcdefgh"] for page in range(1, 5)]
    text = " ".join(passage.text for passage in _read(tmp_path, _pdf(*pages)).passages)
    assert all(f"Artículo {page * page}" in text for page in range(1, 5))


def test_the_dots_of_a_table_of_contents_go(tmp_path):
    (passage,) = _read(tmp_path, _pdf(["La boda . . . . . . . 12", "El mar......... 14"])).passages
    assert passage.text == "La boda 12 El mar 14"


def test_pages_without_text_are_told_and_none_at_all_is_a_reason(tmp_path):
    document = _read(tmp_path, _pdf([], ["Hola."], [], [], [], [], [], []))
    assert document.warnings == ("no text on page 1, 3, 4, 5, 6 and 2 more: scanned pictures?",)
    assert _reason(tmp_path, _pdf([], [])) == (
        "none of its 2 pages holds text: scanned pictures? "
        "Words in pictures are read by: retrieve index --ocr"
    )


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - tesis.doc", "tesis.tex"])
def test_titles_that_programs_invent_are_none(tmp_path, title):
    assert _read(tmp_path, _pdf(["Hola."], title=title)).title == ""


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_password_is_a_reason_unless_it_is_empty(tmp_path, algorithm):
    def encrypted(password):
        writer = pypdf.PdfWriter(BytesIO(_pdf(["Hola."])))
        writer.encrypt(password, "owner", algorithm=algorithm)
        file = BytesIO()
        writer.write(file)
        return file.getvalue()

    assert _reason(tmp_path, encrypted("x")) == "encrypted: it opens only with a password"
    assert _read(tmp_path, encrypted("")).passages[0].text == "Hola."


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n", b"%PDF-1.7\nrubbish" * 100, _pdf(["Hola."])[:400]]
)
def test_a_damaged_pdf_is_a_reason(tmp_path, content):
    assert _reason(tmp_path, content) == "not a PDF, or damaged"


def test_pages_without_end_are_refused(tmp_path):
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]>>"
    kids = b"3 0 R " * (pdf.MAX_PAGES + 1)
    tree = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pdf.MAX_PAGES + 1)
    reason = _reason(tmp_path, _raw(b"<</Type/Catalog/Pages 2 0 R>>", tree, page))
    assert reason == "a PDF of 1 to 10000 pages is wanted, this one has 10001"


def test_a_tree_of_pages_that_holds_itself_ends(tmp_path):
    tree = b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 20>>"
    assert _reason(tmp_path, _raw(b"<</Type/Catalog/Pages 2 0 R>>", tree))


@pytest.mark.parametrize("packed", [1, 2])
def test_a_page_that_unpacks_to_a_bomb_is_left_out(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(apart, "MEMORY_BYTES", 64 << 20)
    drawing = b"BT /F1 9 Tf (x) Tj ET " * 6_000_000
    for _ in range(packed):
        drawing = zlib.compress(drawing, 1)
    filters = b"/FlateDecode" * packed
    stream = b"<</Length %d/Filter[%s]>>stream\n%s\nendstream" % (len(drawing), filters, drawing)
    content = _raw(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R"
        b"/Resources<</Font<</F1 7 0 R>>>>>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 6 0 R"
        b"/Resources<</Font<</F1 7 0 R>>>>>>",
        stream,
        b"<</Length 31>>stream\nBT /F1 9 Tf (Hola a todos.) Tj ET\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    document = _read(tmp_path, content)
    assert [(p.page, p.text) for p in document.passages] == [(2, "Hola a todos.")]
    assert document.warnings == ("damaged, or made to unpack without end: page 1",)


def test_a_page_listed_a_thousand_times_cannot_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "MAX_TEXT_CHARACTERS", 1 << 18)
    text = b"<</Length 20031>>stream\nBT /F1 9 Tf (" + b"x" * 20_000 + b") Tj ET\nendstream"
    content = _raw(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 100>>" % (b"3 0 R " * 100),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        text,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    assert _reason(tmp_path, content) == "it holds more than 0 million characters"
