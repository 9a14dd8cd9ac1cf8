from __future__ import annotations

from io import BytesIO

import docx
import pytest
from containers import OFFICE, STRICT, W, body, found, p, packed, reason, relations
from docx.oxml import parse_xml

from retrieve.documents.read import read_document


@pytest.fixture
def word(tmp_path):
    file = docx.Document()
    file.core_properties.title = "Diario"
    file.add_paragraph("Antes.")
    file.add_heading("La boda", 1)
    file.add_paragraph("Llovió ").add_run("mucho").bold = True
    file.add_paragraph("Y luego\tsol.\nFin.")
    table = file.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "vino", "agua"
    file.add_heading("El mar", 2)
    file.add_paragraph("Azul.")
    return file


def test_a_docx_is_read_under_its_headings(tmp_path, word):
    word.save(tmp_path / "a.docx")
    document = read_document(tmp_path / "a.docx")
    assert document.title == "Diario"
    assert document.written_at is not None
    assert found(document) == [
        ("Diario", "Antes."),
        ("La boda", "Llovió mucho Y luego sol. Fin. vino agua"),
        ("El mar", "Azul."),
    ]


def test_a_style_based_on_a_heading_is_one(tmp_path, word):
    style = word.styles.add_style("Capítulo", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = word.styles["Heading 1"]
    word.add_paragraph("La roca", style="Capítulo")
    word.add_paragraph("Dura.")
    word.save(tmp_path / "a.docx")
    assert found(read_document(tmp_path / "a.docx"))[-1] == ("La roca", "Dura.")


def test_insertions_and_links_are_read_and_deletions_are_not(tmp_path, word):
    paragraph = word.add_paragraph("Vino ")
    for name, inner in [
        ("ins", "<w:r><w:t>Ana </w:t></w:r>"),
        ("del", "<w:r><w:delText>Eva </w:delText></w:r>"),
        ("moveFrom", "<w:r><w:t>Luis </w:t></w:r>"),
        ("hyperlink", "<w:r><w:t>ayer</w:t><w:noBreakHyphen/><w:t>hoy.</w:t></w:r>"),
    ]:
        paragraph._p.append(parse_xml(f'<w:{name} xmlns:w="{W}">{inner}</w:{name}>'))
    word.save(tmp_path / "a.docx")
    assert found(read_document(tmp_path / "a.docx"))[-1][1] == "Azul. Vino Ana ayer-hoy."


def test_a_text_box_is_read_once_after_its_paragraph(tmp_path):
    box = "<w:txbxContent><w:p><w:r><w:t>Dentro.</w:t></w:r></w:p></w:txbxContent>"
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    inner = (
        f'<w:p><w:r><mc:AlternateContent xmlns:mc="{mc}"><mc:Choice>{box}</mc:Choice>'
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>Fuera.</w:t></w:r></w:p><w:p><w:r><w:t>Fin.</w:t></w:r></w:p>"
    )
    path = packed(tmp_path / "a.docx", {"word/document.xml": body(inner)})
    assert found(read_document(path)) == [("", "Fuera. Dentro. Fin.")]


def test_notes_follow_the_text(tmp_path):
    text = body(p("Texto."))
    notes = f'<w:footnotes xmlns:w="{W}"><w:p><w:r><w:t>Nota.</w:t></w:r></w:p></w:footnotes>'
    path = packed(tmp_path / "a.docx", {"word/document.xml": text, "word/footnotes.xml": notes})
    assert found(read_document(path)) == [("", "Texto. Nota.")]


def test_pages_are_those_that_word_had(tmp_path):
    words = "palabra " * 70 + "fin."
    inner = f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>" + (
        f"<w:p><w:r><w:lastRenderedPageBreak/><w:t>{words}</w:t></w:r></w:p>"
    )
    path = packed(tmp_path / "a.docx", {"word/document.xml": body(inner)})
    assert [passage.page for passage in read_document(path).passages] == [1, 2]


def test_a_damaged_container_is_a_reason(tmp_path, word):
    file = BytesIO()
    word.save(file)
    content = file.getvalue()
    (tmp_path / "a.docx").write_bytes(content[: len(content) // 2])
    assert reason(tmp_path / "a.docx") == "damaged: its ZIP container cannot be read"
    packed(tmp_path / "b.docx", {"a.txt": "x"})
    assert reason(tmp_path / "b.docx").startswith("not a document: a ZIP container")


def test_the_strict_dialect_is_read_with_its_headings(tmp_path):
    inner = '<w:p><w:pPr><w:pStyle w:val="T1"/></w:pPr><w:r><w:t>La boda</w:t></w:r></w:p>' + p(
        "Sol."
    )
    styles = (
        f'<w:styles xmlns:w="{STRICT}"><w:style w:styleId="T1"><w:name w:val="heading 1"/>'
        "</w:style></w:styles>"
    )
    parts = {"word/document.xml": body(inner, STRICT), "word/styles.xml": styles}
    assert found(read_document(packed(tmp_path / "a.docx", parts))) == [("La boda", "Sol.")]


@pytest.mark.parametrize(
    "parts",
    [
        {"_rels/.rels": relations(officeDocument="word/document2.xml")},
        {"_rels/.rels": relations(officeDocument="/word/document2.xml")},
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Override PartName="/word/document2.xml" ContentType="application/'
            'vnd.ms-word.document.macroEnabled.main+xml"/></Types>'
        },
        {"_rels/.rels": "<damaged", "Word\\Document.xml": body(p("Dentro."))},
    ],
)
def test_the_main_part_is_found_however_it_is_called(tmp_path, parts):
    path = packed(tmp_path / "a.docm", {"word/document2.xml": body(p("Dentro.")), **parts})
    assert found(read_document(path)) == [("", "Dentro.")]


def test_parts_in_utf_16_are_read_with_their_pages(tmp_path):
    inner = p("Uno.") + "<w:p><w:r><w:lastRenderedPageBreak/><w:t>Dos.</w:t></w:r></w:p>"
    text = '<?xml version="1.0" encoding="UTF-16"?>' + body(inner)
    path = packed(tmp_path / "a.docx", {"word/document.xml": text.encode("utf-16")})
    (passage,) = read_document(path).passages
    assert (passage.text, passage.page) == ("Uno. Dos.", 1)


def test_heads_notes_comments_and_feet_are_read_once(tmp_path):
    def part(root, inner):
        return f'<w:{root} xmlns:w="{W}">{inner}</w:{root}>'

    parts = {
        "word/document.xml": body(p("Cuerpo.")),
        "word/_rels/document.xml.rels": relations(header1="cabeza.xml", header2="header2.xml"),
        "word/cabeza.xml": part("hdr", p("Notaría Gil")),
        "word/header2.xml": part("hdr", p("Notaría Gil") + p("Expediente 4471")),
        "word/footer1.xml": part("ftr", p("Calle del Azud")),
        "word/comments.xml": part("comments", p("¿Seguro?")),
        "word/footnotes.xml": part("footnotes", p("Nota.")),
    }
    document = read_document(packed(tmp_path / "a.docx", parts))
    wanted = "Notaría Gil Expediente 4471 Cuerpo. Nota. ¿Seguro? Calle del Azud"
    assert found(document) == [("", wanted)]
    assert document.warnings == ()


def test_damage_beside_the_text_is_a_remark(tmp_path):
    parts = {
        "word/document.xml": body(p("Cuerpo.")),
        "word/header1.xml": "<w:hdr",
        "word/styles.xml": "<!DOCTYPE a><a/>",
        "docProps/core.xml": "",
    }
    document = read_document(packed(tmp_path / "a.docx", parts))
    assert found(document) == [("", "Cuerpo.")]
    assert [warning.partition(":")[0] for warning in document.warnings] == [
        "its styles are not read",
        "its title and date are not read",
        "word/header1.xml is left out",
    ]


def test_a_body_that_breaks_off_is_read_up_to_there(tmp_path):
    cut = body(p("Entero.") + p("Roto."))[:-60]
    document = read_document(packed(tmp_path / "a.docx", {"word/document.xml": cut}))
    assert found(document) == [("", "Entero.")]
    assert document.warnings[0].startswith("what follows is lost: damaged XML")


def test_a_description_of_a_picture_is_a_text_of_its_own(tmp_path):
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    inner = (
        f'<w:p><w:r><w:t>Foto</w:t><w:drawing xmlns:wp="{drawing}"><wp:inline>'
        '<wp:docPr id="1" name="Imagen 1" descr="Retrato de la abuela"/></wp:inline></w:drawing>'
        "<w:t>grafía.</w:t></w:r></w:p>"
    )
    path = packed(tmp_path / "a.docx", {"word/document.xml": body(inner)})
    assert found(read_document(path)) == [("", "Fotografía. Retrato de la abuela")]


def test_hidden_text_and_readings_of_signs_are_not_read(tmp_path):
    inner = (
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Oculto</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>Visto </w:t></w:r>'
        "<w:r><w:ruby><w:rt><w:r><w:t>lectura</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>signo</w:t>"
        "</w:r></w:rubyBase></w:ruby></w:r></w:p>"
    )
    path = packed(tmp_path / "a.docx", {"word/document.xml": body(inner)})
    assert found(read_document(path)) == [("", "Visto signo")]


MHT = b"""MIME-Version: 1.0
Content-Type: multipart/related; boundary=x

--x
Content-Type: text/html; charset=windows-1252
Content-Transfer-Encoding: quoted-printable

<p>Ma=F1ana <b>en</b>tera.</p>
--x--
"""


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("a.html", "<p>Mañana <b>en</b>tera.</p>".encode(), "Mañana entera."),
        ("a.mht", MHT, "Mañana entera."),
        ("a.rtf", rb"{\rtf1\ansi Ma\'f1ana entera.}", "Mañana entera."),
        ("a.txt", "Mañana entera.".encode("cp1252"), "Mañana entera."),
    ],
)
def test_a_file_put_into_a_docx_is_read_where_it_stands(tmp_path, name, content, wanted):
    chunk = f'<w:altChunk xmlns:r="{OFFICE}" r:id="aFChunk1"/>'
    parts = {
        "word/document.xml": body(p("Antes.") + chunk + p("Después.")),
        "word/_rels/document.xml.rels": relations(aFChunk1=name),
        f"word/{name}": content,
    }
    document = read_document(packed(tmp_path / "a.docx", parts))
    assert found(document) == [("", f"Antes. {wanted} Después.")]
    parts[f"word/{name}"] = b"\x89PNG" + bytes(9)
    document = read_document(packed(tmp_path / "a.docx", parts))
    assert document.warnings == (f"word/{name}: left out: not a document: a PNG picture",)


def test_a_document_in_itself_is_not_read_without_end(tmp_path):
    chunk = f'<w:altChunk xmlns:r="{OFFICE}" r:id="aFChunk1"/>'
    content = b""
    for _ in range(8):
        parts = {
            "word/document.xml": body(p("Otra vez.") + chunk),
            "word/_rels/document.xml.rels": relations(aFChunk1="a.docx"),
            "word/a.docx": content,
        }
        content = packed(tmp_path / "a.docx", parts).read_bytes()
    document = read_document(tmp_path / "a.docx")
    assert found(document) == [("", " ".join(["Otra vez."] * 6))]
    assert document.warnings[0].endswith("left out: files 5 deep in each other are read")
