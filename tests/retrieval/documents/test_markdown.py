from __future__ import annotations

import pytest

from retrieve.documents.formats.markdown import read_markdown
from retrieve.documents.passages import split


def _read(text):
    source = read_markdown(text)
    return source, list(split(source.lines, source.title))


def test_headings_are_titles_and_the_first_is_the_documents():
    source, passages = _read("# Diario\n\nHoy.\n\n## El *mar*\n\nAzul.\n\nRoca\n====\n\nDura.\n")
    assert source.title == "Diario"
    assert [(p.title, p.text, p.line) for p in passages] == [
        ("Diario", "Hoy.", 3),
        ("El mar", "Azul.", 7),
        ("Roca", "Dura.", 12),
    ]


def test_front_matter_gives_title_and_date():
    text = '---\ntitle: "La boda"\nlayout: post\ndate: 2019-07-09 18:03\n---\nLlovió.\n'
    source, passages = _read(text)
    assert (source.title, source.written_at) == ("La boda", "2019-07-09T18:03:00")
    assert [(p.text, p.title, p.line) for p in passages] == [("Llovió.", "La boda", 6)]
    source, _ = _read("+++\ntitle = 'Mar'\ndate = 2020-01-02T03:04:05Z\n+++\nHola\n")
    assert (source.title, source.written_at) == ("Mar", "2020-01-02T03:04:05")


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("---\ntags: [acequia, 'los regantes']\n---\n", "acequia, los regantes"),
        ('---\nTags:\n- uno\n- "dos #3"\n- tres # no\n---\n', "uno, dos #3, tres"),
        ("---\naliases:\n  - Junta: la vieja\n...\n", "Junta: la vieja"),
        ("---\ndescription: >-\n  Una\n  larga\n---\n", "Una larga"),
        ("---\nx: [a\n  b]\nsummary: l'aigua # no\n---\n", "l'aigua"),
        ("+++\ntags = [\n  'uno', # no\n  \"dos, tres\",\n]\n+++\n", "uno, dos, tres"),
        ('+++\n[extra]\ndescription = """\nLarga\ncosa"""\n+++\n', "Larga cosa"),
        ("---\ntags:\nlayout: post\n---\n", ""),
    ],
)
def test_tags_aliases_and_descriptions_of_front_matter_are_text(front, said):
    _, (passage,) = _read(front + "Fin.\n")
    assert passage.text == f"{said} Fin.".lstrip()


def test_words_divided_between_lines_are_whole_and_lines_stay_what_they_are():
    _, (first, second) = _read("La ace-\nquia mayor.\n\n# Otra\n\nAdminis-\ntración.\n")
    assert (first.text, second.text, second.line) == ("La acequia mayor.", "Administración.", 6)


def test_prose_between_two_rules_is_text():
    _, passages = _read("---\nDijo ella\nque: no\n---\nFin\n")
    assert " ".join(f"{p.title} {p.text}" for p in passages).split() == [
        "Dijo",
        "ella",
        "que:",
        "no",
        "Fin",
    ]


def test_a_rule_at_the_start_is_no_front_matter():
    source, passages = _read("---\n\nHola: sí\n")
    assert source.title == ""
    assert [p.text for p in passages] == ["Hola: sí"]


def test_marks_and_addresses_go_and_words_stay():
    text = (
        "Un **perro** y [su _casa_](http://x.es/a) ![un gato](g.png) `x = 1` &amp; <b>tú</b>\n"
        "sigue\\*\n\n- uno\n- dos\n\n"
        "> cita\n\n```py\ncódigo()\n```\n\n<div>Hola\n<i>sol</i></div>\n"
    )
    _, (passage,) = _read(text)
    assert passage.text == (
        "Un perro y su casa un gato x = 1 & tú sigue* uno dos cita código() Hola sol"
    )


def test_a_row_of_a_table_stays_together():
    source = read_markdown("| a | b |\n|---|---|\n| uno | dos |\n| tres | cuatro |\n")
    assert [(line.text, line.begins, line.line) for line in source.lines if line.text] == [
        ("a", True, 1),
        ("b", False, 1),
        ("uno", True, 3),
        ("dos", False, 3),
        ("tres", True, 4),
        ("cuatro", False, 4),
    ]


def test_lines_are_those_of_the_file():
    text = "Uno\ndos\n\n```\ncódigo\n\nmás\n```\n"
    lines = [(line.text, line.line) for line in read_markdown(text).lines if line.text]
    assert lines == [("Uno", 1), ("dos", 2), ("código", 5), ("más", 7)]
