from __future__ import annotations

import odfdo
import pytest
from containers import packed, reason, relations

from retrieve.documents.formats.sheets import rows
from retrieve.documents.formats.sheets.numbers import shown
from retrieve.documents.read import read_document

S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT_SHEETS = "http://purl.oclc.org/ooxml/spreadsheetml/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _book(tmp_path, rows, space=S, name="Gastos", **parts):
    """A workbook of one sheet."""
    book = (
        f'<workbook xmlns="{space}" xmlns:r="{R}"><sheets><sheet name="{name}" r:id="worksheet1"/>'
    )
    book += "</sheets></workbook>"
    found = {
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": relations(
            worksheet1="worksheets/sheet1.xml",
            sharedStrings="sharedStrings.xml",
            styles="styles.xml",
        ),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{space}"/>',
        "xl/styles.xml": f'<styleSheet xmlns="{space}"/>',
        **parts,
    }
    return packed(tmp_path / "a.xlsx", found)


def _row(*texts, number=""):
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)
    return f'<row r="{number}">{cells}</row>'


def _rows(document):
    return [(each.title, each.text, each.record) for each in document.passages]


TABLE = _row("Título", "Nota") + _row("Vino", "de Toro") + _row("Pan", "de pueblo", number=9)


@pytest.mark.parametrize("space", [S, STRICT_SHEETS])
def test_a_row_is_a_record_with_the_number_of_the_sheet(tmp_path, space):
    assert _rows(read_document(_book(tmp_path, TABLE, space))) == [
        ("Gastos", "Título Nota", 1),
        ("Gastos: Vino", "Vino de Toro", 2),
        ("Gastos: Pan", "Pan de pueblo", 9),
    ]


def test_one_column_can_be_asked_for(tmp_path):
    path = _book(tmp_path, TABLE)
    wanted = [("Gastos: Vino", "de Toro", 2), ("Gastos: Pan", "de pueblo", 9)]
    assert _rows(read_document(path, column="nota")) == wanted
    assert _rows(read_document(path, column="2")) == wanted
    assert reason(path, column="precio") == "no sheet of it has a column 'precio'"


def test_cells_stand_as_they_are_shown(tmp_path):
    cells = (
        '<c r="A1" t="s"><v>0</v></c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c>'
        '<c t="str"><f>A1</f><v>fin_x0041_</v></c><c r="H1" s="1"><v>43655</v></c>'
        '<c s="2"><!-- no --><v>0.125</v></c><c t="s"><v>99</v></c>'
        '<c t="d"><v>2019-07-09T00:00:00</v></c>'
    )
    texts = f'<sst xmlns="{S}"><si><r><t>Vi</t></r><r><t>no</t></r><rPh><t>x</t></rPh></si></sst>'
    styles = (
        f'<styleSheet xmlns="{S}"><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/>'
        "</numFmts>"
        '<cellXfs><!-- no --><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="10"/>'
        "</cellXfs></styleSheet>"
    )
    path = _book(
        tmp_path, f"<row>{cells}</row>", **{"xl/sharedStrings.xml": texts, "xl/styles.xml": styles}
    )
    wanted = "Vino TRUE finA 2019-07-09 12.50% 2019-07-09"
    assert _rows(read_document(path)) == [("Gastos", wanted, 1)]


@pytest.mark.parametrize(
    ("value", "code", "wanted"),
    [
        ("0.30000000000000004", "General", "0.3"),
        ("1234567", "General", "1234567"),
        ("1e20", "General", "1e+20"),
        ("12.5", '#,##0.00 "€"', "12.50"),
        ("0.5", "0%", "50%"),
        ("43655.752083333", "dd/mm/yyyy hh:mm", "2019-07-09 18:03"),
        ("0.75", "[h]:mm:ss", "18:00"),
        ("43655", "[$-40A]d mmmm yyyy", "2019-07-09"),
        ("-5", "yyyy-mm-dd", "-5"),
        ("5", '0 "days"', "5"),
        ("nan", "General", ""),
        ("no", "General", "no"),
    ],
)
def test_numbers_are_written_as_their_format_says(value, code, wanted):
    assert shown(value, 164, {164: code}, from_1904=False) == wanted


def test_days_may_be_counted_from_1904():
    assert shown("42193", 14, {}, from_1904=True) == "2019-07-09"


def test_cells_at_the_corners_cost_no_more_than_two(tmp_path):
    first = '<row r="1"><c r="A1"><v>1</v></c></row>'
    last = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    assert _rows(read_document(_book(tmp_path, first + last))) == [
        ("Gastos", "1", 1),
        ("Gastos", "2", 1048576),
    ]


def test_a_sheet_of_endless_cells_is_read_up_to_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_CELLS", 5)
    document = read_document(_book(tmp_path, _row("a", "b") * 4))
    assert len(document.passages) == 2
    assert document.warnings == ("'Gastos' is read up to row 3: the file holds too much",)


def test_damage_to_one_sheet_is_a_remark(tmp_path):
    path = _book(tmp_path, TABLE + "<row>", **{"xl/sharedStrings.xml": "<sst", "xl/styles.xml": ""})
    document = read_document(path)
    assert len(document.passages) == 3
    assert [warning.partition(":")[0] for warning in document.warnings] == [
        "xl/sharedStrings.xml is left out",
        "the formats of its numbers are not read",
        "'Gastos' is left out",
    ]


def test_an_ods_is_read_as_it_is_shown(tmp_path):
    file = odfdo.Document("spreadsheet")
    file.body.clear()
    table = odfdo.Table("Gastos")
    for cell, value in {"A1": "Título", "B1": "Nota", "A3": "Vino", "B3": "de Toro"}.items():
        table.set_value(cell, value)
    file.body.append(table)
    other = odfdo.Table("Otra")
    other.set_value("D7", 12.5)
    file.body.append(other)
    file.save(tmp_path / "a.ods")
    assert _rows(read_document(tmp_path / "a.ods")) == [
        ("Gastos", "Título Nota", 1),
        ("Gastos: Vino", "Vino de Toro", 3),
        ("Otra", "12.5", 7),
    ]
