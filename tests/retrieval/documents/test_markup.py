from __future__ import annotations

import pytest

from retrieve.documents.formats.markup import declared_encoding, read_html
from retrieve.documents.passages import split
from retrieve.documents.read import read_document

PAGE = """<!DOCTYPE html>
<html><head><title>La boda</title><meta name="dc.date" content="2019-07-09">
<style>p {color: red}</style><script>var oculto = "<p>no</p>";</script></head>
<body>
<nav><a href="/">Inicio</a></nav>
<div role="navigation">Menú</div>
<main><h1>La boda de Ana</h1>
<p>Llovió en <b>Zara</b>goza<!-- oculto --> toda la tarde.<br>Y luego
salió el sol.</p>
<p hidden>Escondido</p><p style="display: none">Escondido</p>
<h2>El banquete</h2>
<ul><li>Sopa<li>Cordero</ul>
<table><tr><td>vino</td><td>agua</td></tr></table>
<img src="a.jpg" alt="La tarta">
</main><noscript>Activa JavaScript</noscript></body></html>
"""


def _read(text):
    remarks = []
    source = read_html(text, remarks)
    return source, list(split(source.lines, source.title)), remarks


def test_what_a_reader_reads_comes_out_under_its_headings():
    source, passages, remarks = _read(PAGE)
    assert (source.title, source.written_at, remarks) == ("La boda", "2019-07-09T00:00:00", [])
    assert [(p.title, p.text, p.line) for p in passages] == [
        ("La boda de Ana", "Llovió en Zaragoza toda la tarde. Y luego salió el sol.", 8),
        ("El banquete", "Sopa Cordero vino agua La tarta", 12),
    ]


def test_text_after_what_is_dropped_stays():
    _, (passage,), _ = _read("<p>Antes <script>no</script>y <svg><text>no</text></svg>después</p>")
    assert passage.text == "Antes y después"


def test_bare_text_and_entities_come_out():
    _, (passage,), _ = _read("ma&ntilde;ana &#233; &lt;b&gt; \0x")
    assert passage.text == "mañana é <b> x"


def test_an_xml_declaration_does_no_harm():
    _, (passage,), _ = _read('<?xml version="1.0" encoding="latin-1"?><html><p>Ñandú</p></html>')
    assert passage.text == "Ñandú"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-2">', "iso-8859-2"),
        ('<meta http-equiv=Content-Type content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="cp1251"?>', "cp1251"),
        ("<title>charset</title>", None),
    ],
)
def test_the_declared_encoding_is_found(head, encoding):
    assert declared_encoding(head.encode()) == encoding


def test_the_declared_encoding_is_believed(tmp_path):
    page = '<html><meta charset="iso-8859-2"><p>Łódź, żółw</p></html>'
    (tmp_path / "a.html").write_bytes(page.encode("iso-8859-2"))
    assert read_document(tmp_path / "a.html").passages[0].text == "Łódź, żółw"


def test_a_page_nested_without_end_is_read_as_far_as_it_goes():
    _, passages, remarks = _read("<p>Hola</p>" + "<div>" * 100_000 + "fondo")
    assert passages[0].text.startswith("Hola")
    assert remarks == ["its elements are nested so deep that some are left out"]
