from __future__ import annotations

import csv
import json

import pytest

from retrieve.documents.read import read_document
from retrieve.errors import BadInput


def _read(tmp_path, name, content, column=None):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return read_document(path, column=column)


def _found(document):
    return [(p.record, p.line, p.title, p.text) for p in document.passages]


TABLE = 'id;Título;Texto;nota\n1;La boda;"Llovió;\n\nmucho.";x\n\n2;El mar;Azul.;y\n3;;;z\n'


def test_a_record_is_a_passage_under_its_title(tmp_path):
    assert _found(_read(tmp_path, "a.csv", TABLE)) == [
        (1, 2, "La boda", "Llovió; mucho. x"),
        (2, 6, "El mar", "Azul. y"),
        (3, 7, "", "z"),
    ]


@pytest.mark.parametrize("column", ["nota", "NOTA", "4"])
def test_a_column_is_named_or_numbered(tmp_path, column):
    found = _read(tmp_path, "a.csv", TABLE, column)
    assert [p.text for p in found.passages] == ["x", "y", "z"]


def test_a_wrong_column_is_answered_with_the_right_ones(tmp_path):
    with pytest.raises(BadInput, match=r"^it has no column 'txt', but id, Título, Texto, nota$"):
        _read(tmp_path, "a.csv", TABLE, "txt")
    with pytest.raises(BadInput, match=r"^it has no column '5', but id"):
        _read(tmp_path, "a.csv", TABLE, "5")
    with pytest.raises(BadInput, match=r"^it has no column 'txt', but a$"):
        _read(tmp_path, "a.jsonl", '{"a": "Hola"}\n', "txt")


def test_every_cell_of_a_record_is_text(tmp_path):
    table = "quien,cuando,que\nAna,2019-07-09,Comimos en la playa\nEva,2020-01-01,Nevó\n"
    found = _read(tmp_path, "a.csv", table).passages
    assert [p.text for p in found] == ["Ana 2019-07-09 Comimos en la playa", "Eva 2020-01-01 Nevó"]


def test_a_table_without_names_has_numbers(tmp_path):
    rows = "Un hombre baila.,5.0,Otro\nUna mujer canta.,4.5,Otra\n"
    assert [p.text for p in _read(tmp_path, "a.csv", rows).passages] == [
        "Un hombre baila. 5.0 Otro",
        "Una mujer canta. 4.5 Otra",
    ]
    assert [p.text for p in _read(tmp_path, "a.csv", rows, "3").passages] == ["Otro", "Otra"]


def test_tabs_divide_a_tsv_whatever_commas_it_holds(tmp_path):
    found = _read(tmp_path, "a.tsv", "texto\tnota\nUno, dos, tres\tx\n").passages
    assert [p.text for p in found] == ["Uno, dos, tres x"]


def test_a_cell_may_be_long_and_the_limit_of_the_process_stays(tmp_path):
    before = csv.field_size_limit()
    long = "palabra " * 40_000
    found = _read(tmp_path, "a.csv", f"id,texto\n1,{long}\n", "texto").passages
    assert sum(len(p.text.split()) for p in found) == 40_000
    assert {p.record for p in found} == {1}
    assert csv.field_size_limit() == before


def test_a_table_of_names_alone_holds_no_text(tmp_path):
    with pytest.raises(BadInput, match=r"^it holds no text$"):
        _read(tmp_path, "a.csv", "id,texto\n")


def test_json_lines_give_the_text_first_and_one_field_alone_if_it_is_asked_for(tmp_path):
    rows = [{"_id": "d0", "title": "El mar", "text": "Azul.\n\nY hondo."}, {"text": "Fin."}]
    content = "\n\n".join(json.dumps(row) for row in rows)
    assert _found(_read(tmp_path, "a.jsonl", content)) == [
        (1, 1, "El mar", "Azul. Y hondo. d0"),
        (2, 3, "", "Fin."),
    ]
    assert [p.text for p in _read(tmp_path, "a.jsonl", content, "title").passages] == ["El mar"]


def test_broken_lines_are_named_and_the_others_read(tmp_path):
    content = '{"text": "Uno"}\nno\n{"text":\n[1]\n' + "[" * 100_000 + '\n{"text": "Dos"}\n'
    document = _read(tmp_path, "a.jsonl", content)
    assert [(p.text, p.record, p.line) for p in document.passages] == [("Uno", 1, 1), ("Dos", 6, 6)]
    assert document.warnings == ("no JSON object on line 2, 3, 4 and 1 more",)


def test_half_a_surrogate_pair_does_no_harm(tmp_path):
    document = _read(tmp_path, "a.jsonl", '{"text": "Hola \\ud83d adi\\u00f3s"}')
    assert document.passages[0].text == "Hola \ufffd adiós"


@pytest.mark.parametrize("content", ["no\n", "[1, 2]\n", '"Hola"\n'])
def test_no_object_at_all_is_a_reason(tmp_path, content):
    with pytest.raises(BadInput, match="no line of it is a JSON object"):
        _read(tmp_path, "a.jsonl", content)


def test_no_text_in_any_field_is_a_reason(tmp_path):
    with pytest.raises(BadInput, match="none of its columns holds text"):
        _read(tmp_path, "a.jsonl", '{"a": 1}\n{"b": null}\n')


def _texts(tmp_path, content, name="a.csv", column=None):
    return [p.text for p in _read(tmp_path, name, content, column).passages]


BANK = "Extracto de cuenta\nPeriodo: enero\n\nFecha{0}Concepto{0}Importe\n5/1{0}La luz{0}61.20\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_lines_above_the_names_of_columns_are_text_and_no_names(tmp_path, delimiter):
    content = BANK.format(delimiter) + f"9/1{delimiter}Alquiler del molino{delimiter}350,00\n"
    if delimiter == ",":
        content = content.replace("350,00", "350.00")
    document = _read(tmp_path, "a.csv", content)
    assert [(p.record, p.line) for p in document.passages] == [(None, 1), (1, 5), (2, 6)]
    assert document.passages[0].text == "Extracto de cuenta Periodo: enero"
    assert "Alquiler del molino" in document.passages[2].text
    assert _texts(tmp_path, content, column="concepto") == ["La luz", "Alquiler del molino"]


def test_a_title_padded_with_empty_cells_is_no_name(tmp_path):
    content = "Mi extracto,,\nFecha,Concepto,Importe\n5/1,La luz,61.20\n6/1,Gas,3.10\n"
    assert _texts(tmp_path, content, column="Concepto") == ["La luz", "Gas"]


def test_excels_line_that_names_the_delimiter_is_no_row(tmp_path):
    content = "sep=;\nNombre;Nota\nAna;uno, dos, tres\n"
    document = _read(tmp_path, "a.csv", content)
    assert [(p.text, p.record, p.line) for p in document.passages] == [("Ana uno, dos, tres", 1, 3)]


@pytest.mark.parametrize(
    "content",
    [
        "El molino de agua\nLa acequia vieja\nEl puente roto\n",
        "Ana,Zaragoza\nEva,Huesca\nBlas,Jaca\n",
        "molino,5\nacequia,6\nmolino,7\n",
    ],
)
def test_the_first_row_of_a_table_without_names_is_a_record(tmp_path, content):
    document = _read(tmp_path, "a.csv", content)
    assert [p.record for p in document.passages] == [1, 2, 3]
    assert document.passages[0].text == content.split("\n")[0].replace(",", " ")


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,2\n3,4\n",
        "nombre,ciudad\nAna,Zaragoza\n",
        "NOMBRES,LUGARES\nAna,Zaragoza\n",
        "que_hizo,con_quien\nComer bien,Ana\n",
        "Observación\nEl molino de agua que estaba junto al río cerró\n",
    ],
)
def test_names_of_columns_are_no_record(tmp_path, content):
    document = _read(tmp_path, "a.csv", content)
    assert document.passages[0].line == 2


def test_commas_that_nobody_quoted_stay_in_the_text(tmp_path):
    content = (
        "id,texto,quien\n1,El molino, junto al azud, cerró,Ana\n2,La acequia,Eva\n7,Nada,Eva\n"
    )
    assert _texts(tmp_path, content)[0] == "El molino, junto al azud, cerró 1 Ana"
    assert _texts(tmp_path, content, column="texto")[0] == "El molino, junto al azud, cerró"
    assert _texts(tmp_path, content, column="quien") == ["Ana", "Eva", "Eva"]


def test_prose_with_a_comma_here_and_there_is_no_table(tmp_path):
    lines = ["Uno, con coma", "Dos sin", "Tres, con, comas", "Cuatro"]
    assert _texts(tmp_path, "\n".join(lines)) == lines


def test_quotes_behind_a_backslash_are_quotes_where_that_makes_rows_regular(tmp_path):
    mysql = 'id,texto\n1,"dijo \\"hola\\", y se fue\\nal azud"\n2,La acequia\n'
    assert _texts(tmp_path, mysql) == ['dijo "hola", y se fue al azud', "La acequia"]
    windows = '"carpeta","nota"\n"C:\\fotos\\","una"\n"D:\\","otra"\n'
    assert _texts(tmp_path, windows) == ["C:\\fotos\\ una", "D:\\ otra"]


def test_a_column_that_counts_the_records_is_left_out_and_other_numbers_are_not(tmp_path):
    content = "id,telefono,nombre\n1,976123456,Ana\n2,976654321,Eva\n"
    assert _texts(tmp_path, content) == ["976123456 Ana", "976654321 Eva"]


def test_the_only_cell_is_text_though_it_is_a_title(tmp_path):
    assert _texts(tmp_path, "titulo,nota\nEl mar,x\nEl río,\n") == ["x", "El río"]


def test_divided_words_of_a_cell_are_whole(tmp_path):
    assert _texts(tmp_path, 'id,nota\n1,"La ace-\nquia vieja"\n') == ["1 La acequia vieja"]


CHAT = {"messages": [{"role": "user", "content": "¿Y el molino?"}, {"content": ["En Berdún."]}]}


def test_texts_inside_of_objects_and_lists_are_texts(tmp_path):
    assert _texts(tmp_path, json.dumps(CHAT), "a.jsonl") == ["user ¿Y el molino? En Berdún."]
    deep = json.dumps({"a": {"b": [{"c": "hondo", "n": 1.5}], "id": "0" * 32}, "n": 7, "v": [1, 2]})
    assert _texts(tmp_path, deep, "a.jsonl") == ["hondo 7"]
    assert _texts(tmp_path, json.dumps(CHAT), "a.jsonl", "messages") == _texts(
        tmp_path, json.dumps(CHAT), "a.jsonl"
    )


ROWS = ['{"text": "Uno"}', '{"text": "Dos"}', '{"text": "Tres"}']


@pytest.mark.parametrize(
    ("content", "first"),
    [
        ("[\n" + ",\n".join(ROWS) + "\n]\n", 2),
        ("[" + ",\n".join(ROWS) + "]", 1),
        (",\n".join(ROWS) + ",\n", 1),
        (json.dumps([json.loads(row) for row in ROWS], indent=1), 2),
        ("\n".join(ROWS).replace(" ", "\n"), 1),
        ("[" + ",".join(ROWS) + "]", 1),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_arrays_and_commas_do_no_harm_to_records(tmp_path, content, first, name):
    document = _read(tmp_path, name, content)
    assert [(p.record, p.text) for p in document.passages] == [(1, "Uno"), (2, "Dos"), (3, "Tres")]
    assert document.passages[0].line == first
    assert document.warnings == ()


def test_the_longest_list_of_a_json_document_are_its_records(tmp_path):
    chats = {"name": "Familia", "chats": {"list": [{"de": "Ana", "text": "Hola"}, {"text": "Sí"}]}}
    document = _read(tmp_path, "a.json", json.dumps(chats))
    assert [(p.record, p.text) for p in document.passages] == [
        (None, "Familia"),
        (1, "Hola Ana"),
        (2, "Sí"),
    ]


def test_damaged_json_is_a_reason(tmp_path):
    with pytest.raises(BadInput, match=r"it is no JSON: .* line 1 column 10"):
        _read(tmp_path, "a.json", '{"a": "x"')
