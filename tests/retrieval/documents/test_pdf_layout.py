"""Words, lines and columns from where letters stand; fields, notes, and fonts without a map."""

from __future__ import annotations

import random
import re
from io import BytesIO

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from retrieve.documents.formats.pdf.read import read_pdf
from retrieve.errors import BadInput

LEFT = [
    "La junta de regantes del azud",
    "viejo acordó limpiar la ace-",
    "quia mayor antes de la siem-",
]
LEFT += ["bra de otoño y repartir el gasto", "entre los vecinos del pueblo."]
RIGHT = [
    "El molino de Berdún cerró en",
    "1957 cuando la cooperativa",
    "compró la harinera nueva de",
]
RIGHT += ["la carretera y el molinero Blas", "se marchó con todos a Huesca."]


def _pdf(draw, **options):
    """A page that a function of the canvas draws."""
    file = BytesIO()
    canvas = Canvas(file, **options)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _texts(content, remarks=None):
    return [line.text for line in read_pdf(content, [] if remarks is None else remarks).lines]


def _text(draw, **options):
    return " ".join(_texts(_pdf(draw, **options)))


def _letters(text, step=0.0, seed=None):
    """What draws each letter of a text on its own."""

    def draw(canvas):
        places, across = [], 72.0
        for letter in text:
            places.append((across, letter))
            across += pdfmetrics.stringWidth(letter, "Helvetica", 12) + step
        if seed is not None:
            random.Random(seed).shuffle(places)
        canvas.setFont("Helvetica", 12)
        for across, letter in places:
            if letter != " ":
                canvas.drawString(across, 700, letter)

    return draw


@pytest.mark.parametrize(("step", "seed"), [(0.0, None), (0.0, 1), (3.0, None), (3.0, 2)])
def test_letters_that_are_drawn_one_by_one_are_words(step, seed):
    text = "El molino de agua de Berdún"
    assert _text(_letters(text, step, seed)) == text


def test_words_drawn_apart_are_two_and_a_blank_without_room_is_none():
    def draw(canvas):
        canvas.drawString(72, 700, "molino")
        canvas.drawString(72 + pdfmetrics.stringWidth("molino", "Helvetica", 12) + 4, 700, "viejo")
        text = canvas.beginText(72, 600)
        text._code.append("[(acequ) 0 ( ) 278 (ia)] TJ")  # drawn, then taken back
        canvas.drawText(text)

    assert _text(draw) == "molino viejo acequia"


@pytest.mark.parametrize("by_row", [True, False])
def test_columns_are_read_one_after_the_other_and_divided_words_joined_within_them(by_row):
    def draw(canvas):
        canvas.drawString(72, 790, "Acta de la junta general de la comunidad de regantes y vecinos")
        cells = [(0, row, text) for row, text in enumerate(LEFT)]
        cells += [(1, row, text) for row, text in enumerate(RIGHT)]
        for column, row, text in sorted(cells, key=lambda c: c[1]) if by_row else cells:
            canvas.drawString(72 + 230 * column, 750 - 14 * row, text)

    text = _text(draw)
    assert text.startswith("Acta de la junta general")
    assert "limpiar la acequia mayor antes de la siembra de otoño y repartir" in text
    assert "del pueblo. El molino de Berdún cerró en 1957 cuando la cooperativa compró" in text


def test_a_table_is_read_by_rows():
    rows = [
        ("Tejas", "120", "3,50"),
        ("Cal", "14", "2,10"),
        ("Vigas", "6", "41,00"),
        ("Arena", "9", "1,15"),
    ]

    def draw(canvas):
        for column in range(3):
            for row, cells in enumerate(rows):
                canvas.drawString((72, 300, 400)[column], 700 - 15 * row, cells[column])

    def by_row(canvas):
        for row, cells in enumerate(rows):
            for across, cell in zip((72, 300, 400), cells, strict=True):
                canvas.drawString(across, 700 - 15 * row, cell)

    assert _texts(_pdf(by_row)) == [" ".join(cells) for cells in rows]


@pytest.mark.parametrize("page", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90, 180, 270, 35])
def test_turned_text_and_turned_pages_are_read_as_they_stand(page, turn):
    def draw(canvas):
        canvas.setPageRotation(page)
        canvas.translate(300, 400)
        canvas.rotate(turn)
        canvas.drawString(-100, 14, "El molino de Berdún")
        canvas.drawString(-100, 0, "cerró en 1957")

    assert _text(draw) == "El molino de Berdún cerró en 1957"


def test_values_of_fields_stand_where_they_are_shown():
    def draw(canvas):
        canvas.drawString(72, 700, "Nombre")
        canvas.acroForm.textfield(name="a", value="Fermina Gil", x=150, y=690, width=200, height=20)
        canvas.drawString(72, 660, "Pueblo")
        canvas.acroForm.textfield(name="b", value="Biescas", x=150, y=650, width=200, height=20)
        canvas.acroForm.textfield(
            name="c", value="secreta", fieldFlags="password", x=72, y=600, width=99, height=20
        )

    content = _pdf(draw)
    assert _texts(content)[:2] == ["Nombre Fermina Gil", "Pueblo Biescas"]
    without_looks = content.replace(b"/AP <<", b"/XX <<")
    assert without_looks != content
    assert _texts(without_looks) == ["Nombre Fermina Gil", "Pueblo Biescas"]


@pytest.mark.parametrize(
    ("kind", "flags", "shown"),
    [("FreeText", 4, True), ("Text", 4, True), ("Highlight", 4, True), ("FreeText", 2, False)],
)
def test_notes_on_a_page_are_read_unless_they_are_hidden(kind, flags, shown):
    content = _pdf(
        lambda canvas: canvas.freeTextAnnotation(
            "La Virgen del Rosario", [72, 600, 300, 640], "/Helv 12 Tf 0 g"
        )
    )
    content = re.sub(rb"/Subtype /FreeText", b"/Subtype /%s" % kind.encode(), content)
    content = re.sub(rb"/F \d+", b"/F %d" % flags, content)
    if b"/F %d" % flags not in content:
        content = content.replace(
            b"/Subtype /%s" % kind.encode(), b"/F %d/Subtype /%s" % (flags, kind.encode())
        )
    if shown:
        assert _texts(content) == ["La Virgen del Rosario"]
    else:
        with pytest.raises(BadInput, match="holds text"):
            read_pdf(content, [])


def test_numbers_of_invoices_stay_and_page_numbers_go():
    file = BytesIO()
    canvas = Canvas(file)
    for page in range(1, 7):
        lines = ["Tejas Gil S.L.", f"Factura: {100 + page}", *(f"Teja {n}" for n in "abcdefgh")]
        lines += [f"Total: {page} euros", f"Página {page} de 6"]
        for row, line in enumerate(lines):
            canvas.drawString(72, 780 - 20 * row, line)
        canvas.showPage()
    canvas.save()
    lines = [(line.page, line.text) for line in read_pdf(file.getvalue(), []).lines]
    for page in range(1, 7):
        assert (page, f"Factura: {100 + page}") in lines
        assert (page, f"Total: {page} euros") in lines
    assert [text for _, text in lines if text.startswith("Página")] == ["Página 1 de 6"]
    assert [text for _, text in lines if text.startswith("Tejas")] == ["Tejas Gil S.L."]


def _subset(text):
    """A page in a font that was cut down to its letters, and lost the table of what they are."""
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))

    def draw(canvas):
        canvas.setFont("Vera", 12)
        canvas.drawString(72, 700, text)

    whole = _pdf(draw)
    content = re.sub(rb"/ToUnicode \d+ 0 R", lambda found: b" " * len(found[0]), whole)
    assert content != whole
    return content


def test_letters_of_a_font_without_a_map_are_never_stored_as_codes():
    remarks: list[str] = []
    (line,) = _texts(_subset("molino ñúóñ áéíó"), remarks)
    assert line == "molino"
    assert remarks == [
        "letters that cannot be read, since their fonts do not say what they are: page 1"
    ]


def test_a_document_in_fonts_without_a_map_is_refused():
    with pytest.raises(BadInput, match="its fonts do not say what their letters are"):
        read_pdf(_subset("ñúóñ áéíó"), [])


def test_ligatures_are_letters():
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))

    def draw(canvas):
        canvas.setFont("Vera", 12)
        canvas.drawString(72, 700, "oﬁcina del ﬂujo")

    assert _text(draw) == "oficina del flujo"
