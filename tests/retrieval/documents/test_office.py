from __future__ import annotations

import zipfile
from io import BytesIO
from itertools import pairwise

import docx
import odfdo
import pytest
from docx.oxml import parse_xml

from retrieve.documents.formats import office
from retrieve.documents.read import read_document
from retrieve.errors import BadInput

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"


def _found(document):
    return [(passage.title, passage.text) for passage in document.passages]


def _packed(path, parts, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _body(inner):
    return f'<w:document xmlns:w="{W}"><w:body>{inner}</w:body></w:document>'


def _odt(path, inner, **parts):
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        f'xmlns:text="{TEXT}" xmlns:dc="http://purl.org/dc/elements/1.1/"><office:body>'
        f"<office:text>{inner}</office:text></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    return _packed(path, {"mimetype": kind, "content.xml": content, **parts})


def _reason(path):
    with pytest.raises(BadInput) as caught:
        read_document(path)
    return str(caught.value)


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
    assert _found(document) == [
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
    assert _found(read_document(tmp_path / "a.docx"))[-1] == ("La roca", "Dura.")


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
    assert _found(read_document(tmp_path / "a.docx"))[-1][1] == "Azul. Vino Ana ayer-hoy."


def test_a_text_box_is_read_once_after_its_paragraph(tmp_path):
    box = "<w:txbxContent><w:p><w:r><w:t>Dentro.</w:t></w:r></w:p></w:txbxContent>"
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    inner = (
        f'<w:p><w:r><mc:AlternateContent xmlns:mc="{mc}"><mc:Choice>{box}</mc:Choice>'
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>Fuera.</w:t></w:r></w:p><w:p><w:r><w:t>Fin.</w:t></w:r></w:p>"
    )
    path = _packed(tmp_path / "a.docx", {"word/document.xml": _body(inner)})
    assert _found(read_document(path)) == [("", "Fuera. Dentro. Fin.")]


def test_notes_follow_the_text(tmp_path):
    body = _body("<w:p><w:r><w:t>Texto.</w:t></w:r></w:p>")
    notes = f'<w:footnotes xmlns:w="{W}"><w:p><w:r><w:t>Nota.</w:t></w:r></w:p></w:footnotes>'
    path = _packed(tmp_path / "a.docx", {"word/document.xml": body, "word/footnotes.xml": notes})
    assert _found(read_document(path)) == [("", "Texto. Nota.")]


def test_pages_are_those_that_word_had(tmp_path):
    words = "palabra " * 70 + "fin."
    inner = f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>" + (
        f"<w:p><w:r><w:lastRenderedPageBreak/><w:t>{words}</w:t></w:r></w:p>"
    )
    path = _packed(tmp_path / "a.docx", {"word/document.xml": _body(inner)})
    assert [passage.page for passage in read_document(path).passages] == [1, 2]


def test_an_odt_is_read_under_its_headings(tmp_path):
    file = odfdo.Document("text")
    file.body.clear()
    file.meta.title = "Diario"
    file.body.append(odfdo.Header(1, "La boda"))
    paragraph = odfdo.Paragraph("Llovió  mucho\ten Ávila.")
    file.body.append(paragraph)
    paragraph.insert_note(after="mucho", note_id="n1", citation="1", body="Nota al pie.")
    listed = odfdo.List(["pan", "vino"])
    file.body.append(listed)
    table = odfdo.Table("t", width=2, height=1)
    table.set_value("A1", "uno")
    table.set_value("B1", "dos")
    file.body.append(table)
    file.body.append(odfdo.Header(2, "El mar"))
    file.body.append(odfdo.Paragraph("Azul."))
    file.save(tmp_path / "a.odt")
    document = read_document(tmp_path / "a.odt")
    assert document.title == "Diario"
    assert document.written_at is not None
    assert _found(document) == [
        ("La boda", "Llovió mucho en Ávila. Nota al pie. pan vino uno dos"),
        ("El mar", "Azul."),
    ]


def test_comments_and_deleted_text_of_an_odt_are_not_read(tmp_path):
    inner = (
        "<text:tracked-changes><text:p>Borrado</text:p></text:tracked-changes>"
        "<text:p>Uno <office:annotation><dc:creator>Eva</dc:creator><text:p>No</text:p>"
        "</office:annotation>dos<!-- no --> y<text:s/>tres<text:line-break/>fin.</text:p>"
        "<text:p>Otra <text:soft-page-break/>página.</text:p>"
    )
    (passage,) = read_document(_odt(tmp_path / "a.odt", inner)).passages
    assert passage.text == "Uno dos y tres fin. Otra página."
    assert passage.page == 1


def test_a_style_derived_from_the_title_is_a_heading(tmp_path):
    inner = (
        '<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>'
        '<text:p text:style-name="P1">La boda</text:p><text:p text:style-name="P2">Llovió.</text:p>'
    )
    inner = inner.replace("<style:style", '<style:style xmlns:style="urn:style"')
    assert _found(read_document(_odt(tmp_path / "a.odt", inner))) == [("La boda", "Llovió.")]


def test_an_encrypted_odt_is_a_reason(tmp_path):
    manifest = {"META-INF/manifest.xml": "<m><encryption-data/></m>"}
    path = _odt(tmp_path / "a.odt", "<text:p>x</text:p>", **manifest)
    assert _reason(path) == "encrypted: it opens only with a password"


def test_a_part_that_unpacks_to_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(office, "MAX_PART_BYTES", 1 << 20)
    body = _body("<w:p><w:r><w:t>" + "x" * (1 << 20) + "</w:t></w:r></w:p>")
    path = _packed(tmp_path / "a.docx", {"word/document.xml": body})
    assert path.stat().st_size < 10_000
    assert _reason(path) == "word/document.xml unpacks to more than 1 MiB"


def test_a_size_that_lies_unpacks_to_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(office, "MAX_PART_BYTES", 1 << 20)
    body = _body("<w:p><w:r><w:t>" + "x" * (2 << 20) + "</w:t></w:r></w:p>").encode()
    path = _packed(tmp_path / "a.docx", {"word/document.xml": body})
    lying = path.read_bytes().replace(len(body).to_bytes(4, "little"), b"\x10\0\0\0")
    path.write_bytes(lying)
    assert _reason(path) == "damaged: word/document.xml cannot be unpacked"


@pytest.mark.parametrize("kind", ["entities", "external", "empty"])
def test_document_types_are_refused(tmp_path, kind):
    secret = tmp_path / "secret.txt"
    secret.write_text("secreto")
    declared = {
        "entities": '<!DOCTYPE x [<!ENTITY a "ja">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in pairwise("abcdefghi"))
        + "]>",
        "external": f'<!DOCTYPE x [<!ENTITY i SYSTEM "file://{secret}">]>',
        "empty": "<!DOCTYPE x>",
    }[kind]
    body = declared + _body("<w:p><w:r><w:t>&i;</w:t></w:r></w:p>").replace(
        "&i;", "" if kind == "empty" else "&i;"
    )
    path = _packed(tmp_path / "a.docx", {"word/document.xml": body})
    reason = "its XML declares a document type, which no honest file of its kind does"
    assert _reason(path) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<w:document", "damaged XML: "),
        (_body("<w:p>" * 1000), "damaged XML: "),
        (_body("<w:p/>"), "it holds no text"),
    ],
)
def test_damaged_xml_is_a_reason(tmp_path, body, reason):
    path = _packed(tmp_path / "a.docx", {"word/document.xml": body})
    assert _reason(path).startswith(reason)


def test_a_damaged_container_is_a_reason(tmp_path, word):
    file = BytesIO()
    word.save(file)
    content = file.getvalue()
    (tmp_path / "a.docx").write_bytes(content[: len(content) // 2])
    assert _reason(tmp_path / "a.docx") == "damaged: its ZIP container cannot be read"
    _packed(tmp_path / "b.docx", {"a.txt": "x"})
    assert _reason(tmp_path / "b.docx").startswith("not a document: a ZIP container")
