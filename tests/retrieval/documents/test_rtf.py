from __future__ import annotations

import pytest
from containers import found, reason

from retrieve.documents.formats import rtf
from retrieve.documents.read import read_document

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Cyr;}"
HEAD += r"{\f2\fcharset128 Min;}}{\stylesheet{\s0 Normal;}{\s1 heading 1;}{\*\cs10 Def;}}"


def _read(tmp_path, inner, name="a.rtf", end="}"):
    path = tmp_path / name
    path.write_bytes((HEAD + inner + end).encode("latin-1"))
    return read_document(path)


def test_a_text_is_read_under_its_headings_with_title_and_date(tmp_path):
    info = r"{\info{\title Diario}{\author Eva}{\creatim\yr2019\mo7\dy9\hr18\min3}}"
    document = _read(
        tmp_path,
        info
        + r"\pard\s1 La boda\par\pard Llovi\'f3\tab mucho.\par{\outlinelevel0 El mar\par}Azul.",
    )
    assert (document.title, document.written_at) == ("Diario", "2019-07-09T18:03:00")
    assert found(document) == [("La boda", "Llovió mucho."), ("El mar", "Azul.")]


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        (r"Se\'f1or \u8364?\u-10179?\u-8704? fin", "Señor €😀 fin"),
        (r"{\uc2\u241 ab}o \uc0\u241 o", "ño ño"),
        (r"{\f1 \'cf\'f0\'e8\'e2\'e5\'f2} y {\f2 \'93\'fa\'96\'7b}", "Привет y 日本"),
        (r"{\upr{nino}{\*\ud{ni\u241 ?o}}}", "niño"),
        (r"a\emdash b\~c\_d\-e\{f\}\\", "a—b c-de{f}\\"),
        ("una\r\n sola", "una sola"),
    ],
)
def test_letters_of_every_kind_come_out(tmp_path, inner, wanted):
    assert found(_read(tmp_path, inner)) == [("", wanted)]


def test_what_nobody_sees_is_not_read(tmp_path):
    inner = (
        r"Visto{\v oculto}{\deleted borrado} {\pict\pngblip 89504e47}{\pict\bin6 {}{}{}}"
        r'{\field{\*\fldinst HYPERLINK "x"}{\fldrslt enlace}}{\*\unknown no}{\v no\plain  y} fin'
    )
    assert found(_read(tmp_path, inner)) == [("", "Visto enlace y fin")]


def test_heads_and_feet_stand_once_and_notes_and_boxes_after_their_paragraph(tmp_path):
    inner = (
        r"{\header Notar\'eda Gil\par}{\headerf Notar\'eda Gil\par}{\footer Calle del Azud\par}"
        r"Texto{\footnote Nota.} entero.{\*\annotation Seguro?}\par"
        r"{\shp{\*\shpinst{\sp{\sn wzDescription}{\sv Retrato}}{\shptxt En cuadro\par}}"
        r"{\shprslt no}}"
        r"\trowd uno\cell dos\cell\row"
    )
    wanted = "Notaría Gil Texto entero. Nota. Seguro? uno dos Retrato En cuadro Calle del Azud"
    assert found(_read(tmp_path, inner)) == [("", wanted)]


def test_the_content_shows_an_rtf_under_another_name(tmp_path):
    assert found(_read(tmp_path, "Hola.", name="a.doc")) == [("", "Hola.")]


def test_a_file_that_breaks_off_is_read_up_to_there(tmp_path):
    document = _read(tmp_path, r"Hola.\par{\b adi", end="")
    assert found(document) == [("", "Hola. adi")]
    assert document.warnings == ("damaged: it breaks off, and is read up to there",)


def test_groups_without_end_and_endless_text_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.rtf"
    path.write_bytes(b"{\\rtf1" + b"{" * 100_000)
    assert reason(path) == "its groups are nested more than 1000 deep"
    monkeypatch.setattr(rtf, "MAX_TEXT_CHARACTERS", 1 << 20)
    path.write_bytes(b"{\\rtf1 " + b"palabra " * (1 << 18) + b"}")
    assert reason(path) == "it holds more than 1 million characters"
