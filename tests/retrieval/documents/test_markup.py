from __future__ import annotations

import html

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


def _text(inner):
    return " ".join(passage.text for passage in _read(inner)[1])


def test_what_a_page_hid_is_read_where_it_is_most_of_the_page():
    article = "<h1>La riada</h1><p>El Huerva se desbordó y arrasó el puente.</p>"
    dialog = "<div role=dialog><p>Usamos cookies.</p></div>"
    for hidden in (
        f"<div aria-hidden=true>{article}</div>{dialog}",
        f"<body style='display:none'>{article}</body>",
        f"<body hidden>{article}{dialog}</body>",
        f"<noscript>{article}</noscript><p>Activa JavaScript</p>",
        f"<template>{article}</template>",
    ):
        assert "Huerva" in _text(hidden)
    assert _text(f"{article}<div hidden><p>Usamos cookies.</p></div>") == (
        "El Huerva se desbordó y arrasó el puente."
    )


def test_a_page_of_links_alone_is_read():
    assert _text("<nav><a>Carta de 1961</a> <a>Diario de Inés</a></nav>") == (
        "Carta de 1961 Diario de Inés"
    )


@pytest.mark.parametrize(
    "inner",
    [
        "<h2><button>¿Cuándo se limpia?</button></h2><div><p>En marzo.</p></div>",
        "<button><h2>¿Cuándo se limpia?</h2></button><p>En marzo.</p>",
        '<h2><button aria-controls="r">¿Cuándo se limpia?</button></h2>'
        '<div id="r" hidden>En marzo.</div>',
        '<h2 onclick="abre()">¿Cuándo se limpia?</h2><div style="display:none">En marzo.</div>',
        '<h2><a href="#r">¿Cuándo se limpia?</a></h2>'
        '<div id="r" style="display:none">En marzo.</div>',
    ],
)
def test_what_a_click_opens_is_text(inner):
    page = f"<p>{'Aljibes del valle y acequias. ' * 3}</p>{inner}<button>Enviar</button>"
    _, passages, _ = _read(page)
    assert [(each.title, each.text) for each in passages[1:]] == [
        ("¿Cuándo se limpia?", "En marzo.")
    ]


def test_buttons_and_panels_without_a_heading_are_paragraphs():
    page = (
        "<button class=accordion>¿Cuándo?</button><div class=panel style='display:none'>En marzo."
        "</div><details><summary>¿Quién?</summary><div hidden>Eva.</div></details>"
        "<button>Ir</button>"
    )
    assert _text(page) == "¿Cuándo? En marzo. ¿Quién? Eva."


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        ("<p><a>Ampliar</a><img alt=Retrato>más</p>", "Ampliar más Retrato"),
        (
            "<p>Foto<svg><title>Plano</title><desc>Del azud</desc><text>no</text></svg></p>",
            "Foto Plano Del azud",
        ),
        ("<map><area alt=Molino></map>x<input type=image alt=Buscar>", "x Molino Buscar"),
        ("<p>Foto<span role=img aria-label=Ermita></span></p>", "Foto Ermita"),
        ("<p>Foto<svg aria-hidden=true><title>icono</title></svg></p>", "Foto"),
    ],
)
def test_descriptions_of_pictures_are_texts_of_their_own(inner, wanted):
    assert _text(inner) == wanted


def test_a_page_within_a_page_is_read_to_a_depth():
    page = "<p>fondo</p>"
    for _ in range(5):
        page = f'<p>capa</p><iframe srcdoc="{html.escape(page)}"></iframe>'
    assert _text(page) == "capa capa capa capa"


def test_elements_of_xhtml_may_close_themselves():
    page = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script/>'
    assert _text(page + "</head><body><a id='x'/><p>Ho<br/>la.</p></body></html>") == "Ho la."
