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
        (1, 2, "La boda", "Llovió; mucho."),
        (2, 6, "El mar", "Azul."),
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


def test_without_a_telling_name_the_longest_column_is_the_text(tmp_path):
    table = "quien,cuando,que\nAna,2019-07-09,Comimos en la playa\nEva,2020-01-01,Nevó\n"
    found = _read(tmp_path, "a.csv", table).passages
    assert [p.text for p in found] == ["Comimos en la playa", "Nevó"]


def test_a_table_without_names_has_numbers(tmp_path):
    rows = "Un hombre baila.,5.0,Otro\nUna mujer canta.,4.5,Otra\n"
    assert [p.text for p in _read(tmp_path, "a.csv", rows).passages] == [
        "Un hombre baila.",
        "Una mujer canta.",
    ]
    assert [p.text for p in _read(tmp_path, "a.csv", rows, "3").passages] == ["Otro", "Otra"]


def test_tabs_divide_a_tsv_whatever_commas_it_holds(tmp_path):
    found = _read(tmp_path, "a.tsv", "texto\tnota\nUno, dos, tres\tx\n").passages
    assert [p.text for p in found] == ["Uno, dos, tres"]


def test_a_cell_may_be_long_and_the_limit_of_the_process_stays(tmp_path):
    before = csv.field_size_limit()
    long = "palabra " * 40_000
    found = _read(tmp_path, "a.csv", f"id,texto\n1,{long}\n").passages
    assert sum(len(p.text.split()) for p in found) == 40_000
    assert {p.record for p in found} == {1}
    assert csv.field_size_limit() == before


def test_a_table_of_names_alone_holds_no_text(tmp_path):
    with pytest.raises(BadInput, match=r"^it holds no text$"):
        _read(tmp_path, "a.csv", "id,texto\n")


def test_json_lines_give_one_field(tmp_path):
    rows = [{"_id": "d0", "title": "El mar", "text": "Azul.\n\nY hondo."}, {"text": "Fin."}]
    content = "\n\n".join(json.dumps(row) for row in rows)
    assert _found(_read(tmp_path, "a.jsonl", content)) == [
        (1, 1, "El mar", "Azul. Y hondo."),
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
