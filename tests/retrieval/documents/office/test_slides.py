from __future__ import annotations

import odfdo
from containers import packed, reason, relations

from retrieve.documents.read import read_document

P = "http://schemas.openxmlformats.org/presentationml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _shape(text, place="", described=""):
    held = f'<p:nvPr><p:ph type="{place}"/></p:nvPr>' if place else ""
    name = f'<p:cNvPr id="1" name="x" descr="{described}"/>'
    return (
        f"<p:sp><p:nvSpPr>{name}{held}</p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
        "</p:txBody></p:sp>"
    )


def _slide(*shapes, root="sld"):
    inner = "".join(shapes)
    return f'<p:{root} xmlns:p="{P}" xmlns:a="{A}"><p:spTree>{inner}</p:spTree></p:{root}>'


def _shown(path):
    return [(each.title, each.text, each.page) for each in read_document(path).passages]


def _talk(tmp_path, order=("slide2", "slide1"), **parts):
    listed = "".join(f'<p:sldId r:id="{name}"/>' for name in order)
    main = f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{listed}</p:sldIdLst>'
    found = {
        "ppt/presentation.xml": main + "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            slide1="slides/slide1.xml", slide2="slides/slide2.xml"
        ),
        "ppt/slides/slide1.xml": _slide(
            _shape("Llovió.", described="Foto del puente"), _shape("El mar", "title"),
            _shape("7", "sldNum"),
        ),
        "ppt/slides/slide2.xml": _slide(
            "<a:tbl><a:tr><a:tc><a:p><a:r><a:t>vino</a:t></a:r></a:p></a:tc>"
            "<a:tc><a:p><a:r><a:t>agua</a:t></a:r></a:p></a:tc></a:tr></a:tbl>"
        ),
        "ppt/slides/_rels/slide1.xml.rels": relations(notesSlide="../notes/n1.xml"),
        "ppt/notes/n1.xml": _slide(_shape("Nota.", "body"), _shape("1", "sldNum"), root="notes"),
        **parts,
    }  # fmt: skip
    return packed(tmp_path / "a.pptx", found)


def test_slides_are_pages_in_the_order_of_the_presentation(tmp_path):
    assert _shown(_talk(tmp_path)) == [
        ("", "vino agua", 1),
        ("El mar", "Foto del puente Llovió. Nota.", 2),
    ]


def test_without_an_order_slides_follow_their_numbers(tmp_path):
    assert [page for *_, page in _shown(_talk(tmp_path, order=()))] == [1, 2]
    assert _shown(_talk(tmp_path, order=()))[0][0] == "El mar"


def test_damage_to_a_slide_is_a_remark(tmp_path):
    path = _talk(tmp_path, **{"ppt/slides/slide2.xml": "<p:sld"})
    assert _shown(path) == [("El mar", "Foto del puente Llovió. Nota.", 2)]
    assert read_document(path).warnings[0].startswith("ppt/slides/slide2.xml is left out: damaged")
    empty = {f"ppt/slides/slide{number}.xml": "<p:sld" for number in (1, 2)}
    notes = {"ppt/notes/n1.xml": "<p:notes"}
    assert reason(_talk(tmp_path, **empty, **notes)) == "it holds no text"


def test_slides_of_an_odp_are_pages(tmp_path):
    file = odfdo.Document("presentation")
    file.body.clear()
    for name in ("uno", "dos"):
        page = odfdo.DrawPage(name, name=name)
        page.append(odfdo.Frame.text_frame(f"Título {name}"))
        page.append(odfdo.Frame.text_frame(f"Texto {name}"))
        file.body.append(page)
    file.save(tmp_path / "a.odp")
    assert _shown(tmp_path / "a.odp") == [
        ("Título uno", "Texto uno", 1),
        ("Título dos", "Texto dos", 2),
    ]
