from __future__ import annotations

import odfdo
from containers import OASIS, found, odt, reason

from retrieve.documents.read import read_document


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
    assert found(document) == [
        ("La boda", "Llovió mucho en Ávila. Nota al pie. pan vino uno dos"),
        ("El mar", "Azul."),
    ]


def test_comments_of_an_odt_are_texts_of_their_own_and_deleted_text_is_not_read(tmp_path):
    inner = (
        "<text:tracked-changes><text:p>Borrado</text:p></text:tracked-changes>"
        "<text:p>Uno <office:annotation><dc:creator>Eva</dc:creator><text:p>¿Seguro?</text:p>"
        "</office:annotation>dos<!-- no --> y<text:s/>tres<text:line-break/>fin.</text:p>"
        "<text:p>Otra <text:soft-page-break/>página.</text:p>"
    )
    (passage,) = read_document(odt(tmp_path / "a.odt", inner)).passages
    assert passage.text == "Uno dos y tres fin. ¿Seguro? Otra página."
    assert passage.page == 1


def test_a_style_derived_from_the_title_is_a_heading(tmp_path):
    inner = (
        '<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>'
        '<text:p text:style-name="P1">La boda</text:p><text:p text:style-name="P2">Llovió.</text:p>'
    )
    inner = inner.replace("<style:style", '<style:style xmlns:style="urn:style"')
    assert found(read_document(odt(tmp_path / "a.odt", inner))) == [("La boda", "Llovió.")]


def test_an_encrypted_odt_is_a_reason(tmp_path):
    manifest = {"META-INF/manifest.xml": "<m><encryption-data/></m>"}
    path = odt(tmp_path / "a.odt", "<text:p>x</text:p>", **manifest)
    assert reason(path) == "encrypted: it opens only with a password"


def test_descriptions_of_pictures_are_texts_of_their_own(tmp_path):
    inner = (
        "<text:p>Antes<draw:frame><svg:title>Foto</svg:title><svg:desc>Retrato de la abuela"
        "</svg:desc><draw:text-box><text:p>En cuadro</text:p></draw:text-box></draw:frame>"
        "después.</text:p>"
        "<draw:frame><svg:title>Suelta</svg:title></draw:frame>"
    )
    (passage,) = read_document(odt(tmp_path / "a.odt", inner)).passages
    assert passage.text == "Antesdespués. Foto Retrato de la abuela En cuadro Suelta"


def test_heads_and_feet_of_pages_are_read_once(tmp_path):
    page = (
        "<style:master-page><style:header><text:p>Notaría Gil</text:p></style:header>"
        "<style:header-first><text:p>Notaría Gil</text:p></style:header-first>"
        "<style:footer><text:p>Calle del Azud, <text:page-number>7</text:page-number></text:p>"
        "</style:footer></style:master-page>"
    )
    styles = (
        f'<office:document-styles xmlns:office="{OASIS}:office:1.0" '
        f'xmlns:text="{OASIS}:text:1.0" xmlns:style="{OASIS}:style:1.0">{page * 2}'
        "</office:document-styles>"
    )
    path = odt(tmp_path / "a.odt", "<text:p>Cuerpo.</text:p>", **{"styles.xml": styles})
    assert found(read_document(path)) == [("", "Notaría Gil Cuerpo. Calle del Azud,")]


def test_damage_beside_the_text_is_a_remark(tmp_path):
    damaged = {"styles.xml": "<office:document-styles", "meta.xml": "<!DOCTYPE a><a/>"}
    document = read_document(odt(tmp_path / "a.odt", "<text:p>Cuerpo.</text:p>", **damaged))
    assert found(document) == [("", "Cuerpo.")]
    title, styles = document.warnings
    assert title.startswith("its title and date are not read: its XML declares")
    assert styles.startswith("styles.xml is left out: damaged XML")
