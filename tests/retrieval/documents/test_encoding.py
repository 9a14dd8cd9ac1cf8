from __future__ import annotations

import random
from pathlib import Path

import pytest

from retrieve.documents.encoding import decode
from retrieve.errors import BadInput

SENTENCES = Path(__file__).parents[4] / "shared" / "text" / "evaluation" / "language_id"
SPANISH = "¿Qué pasó mañana? ¡El pingüino de Íñigo bebió café en Ávila! «Así» fue, según él.\n"


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "latin-1",
        "cp1252",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "mac_roman",
        "cp850",
    ],
)
def test_spanish_comes_out_right_from_every_encoding(encoding):
    text = SPANISH if encoding != "cp850" else SPANISH.replace("Í", "I")
    assert decode(text.encode(encoding)) == (text, None)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp850"])
@pytest.mark.parametrize("text", ["el niño", "camión", "¡Olé!", "pingüino", "¿Está?"])
def test_one_accent_is_enough(text, encoding):
    assert decode(text.encode(encoding))[0] == text


def test_quotes_and_dashes_of_windows_come_out_right():
    text = "El “niño” —dijo— no… cuesta 5 €, y l’été"
    assert decode(text.encode("cp1252")) == (text, None)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1253", "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες. "),
        ("shift_jis", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"),
    ],
)
def test_other_scripts_are_guessed_and_that_is_said(encoding, text):
    found, remark = decode((text * 5).encode(encoding))
    assert found == text * 5
    assert remark is not None


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Вчера мы ходили к реке и видели старую мельницу."),
        ("koi8_r", "Привет, мама! Как дела на мельнице?"),
        ("cp866", "Дедушка рассказал, что раньше там мололи зерно."),
        ("cp1253", "Καλημέρα σε όλους"),
        ("cp1255", "אתמול הלכנו אל הנהר וראינו את הטחנה"),
        ("cp1256", "ذهبنا أمس إلى النهر ورأينا الطاحونة"),
        ("cp932", "水車小屋の写真です"),
        ("euc_jp", "昨日、川へ行って古い水車小屋を見ました"),
        ("gb18030", "老水磨的照片"),
        ("cp949", "어제 우리는 강가에 가서 오래된 물레방아를 보았다"),
        ("cp1250", "Stary młyn nad rzeką w Łodzi"),
        ("iso8859_2", "Wczoraj poszliśmy nad rzekę, dziadek mełł zboże"),
        ("cp852", "Včera jsme šli k řece a viděli jsme starý mlýn"),
        ("cp1250", "Az őszi erdő és a hűvös szél"),
        ("cp1250", "Moara veche și râul".replace("ș", "ş")),
        ("cp1254", "Eski değirmen ve yağmur, ışık"),
        ("cp1257", "Senas malūnas prie upės, grįžome"),
        ("cp1257", "Vakar mēs gājām uz upi un redzējām vecās dzirnavas"),
    ],
)
def test_a_line_in_another_alphabet_is_enough(encoding, text):
    found, remark = decode(text.encode(encoding))
    assert found == text
    assert remark is not None
    assert remark.startswith("its encoding was guessed to be")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "El filtro es de 5 µm y lo cambia el señor Núñez."),
        ("iso8859_15", "Cuesta 350 € según el señor Núñez; sœur"),
        ("cp1252", "Café ¶ 3 × 4 ÷ 2 “bueno” • señal ™ ©"),
        ("cp850", "A 25 °C, 3ª planta, nº 4, ¼ de kg, años ¬ y 5 µm"),
        ("cp850", "┌──────┐\n│ Año  │\n└──────┘\nLéeme del programa"),
        ("cp1252", "Presupuesto: 20 € + IVA; 10 ‰"),
        ("cp1252", "Het is één persoon vóór mij"),
        ("cp1252", "As indicações e as nomeações"),
        ("cp1252", "Það er góð saga um ána"),
        ("mac_roman", "Größe und Öl für die Mühle"),
        ("mac_roman", "La estación del ferrocarril"),
        ("mac_roman", "Un vehículo para bañarlo"),
        ("cp1252", "Comme l’aigua, dell’arte: aujourd’hui"),
        ("cp1252", "He didn’t say what O’Brien’s foto’s are"),
        ("cp1252", "the river—and the town–hall of it"),
        ("cp1252", "El tren Madrid–París"),
        ("cp1252", "De politie verdenkt een Daesh–militair"),
    ],
)
def test_a_few_signs_make_no_text_of_the_west_exotic(encoding, text):
    assert decode(text.encode(encoding)) == (text, None)


def _lines(*lines):
    return b"\n".join(text.encode(encoding) for text, encoding in lines)


@pytest.mark.parametrize(("utf8", "others"), [(1, 3), (3, 1), (40, 1), (1, 40)])
def test_lines_in_utf8_and_in_cp1252_are_each_read_as_what_they_are(utf8, others):
    lines = [("Reparación del azud según turno", "utf-8")] * utf8
    lines += [("El señor Núñez dijo «¿qué?»", "cp1252")] * others
    text, remark = decode(_lines(*lines))
    assert text == "\n".join(text for text, _ in lines)
    assert "of its lines are in" in remark


def test_both_may_stand_in_one_line():
    content = "según;".encode() + "señor;".encode("cp1252") + "10 € — «sí»".encode()
    assert decode(content)[0] == "según;señor;10 € — «sí»"


def test_what_looks_like_utf8_by_chance_is_none():
    text = "CAFÉ»\nmás\nIRMÃ»"
    assert decode(text.encode("cp1252")) == (text, None)


def test_what_is_cut_from_utf8_is_no_other_encoding():
    content = "canción larga\n".encode() * 20
    text, remark = decode(content + b"canci\xc3\nfin \xe2\x80\n")
    assert text.endswith("canci\ufffd\nfin \ufffd\n")
    assert remark == "2 characters are damaged: they are no UTF-8"


def test_a_page_that_says_latin_1_and_is_utf8_in_parts_is_both():
    content = _lines(("Reparación", "utf-8"), ("señor", "cp1252"))
    assert decode(content, "iso-8859-1")[0] == "Reparación\nseñor"


def test_japanese_of_seven_bits_is_read():
    assert decode("水車小屋の写真".encode("iso2022_jp")) == ("水車小屋の写真", None)


def test_utf8_with_a_broken_character_stays_utf8():
    content = (SPANISH * 5).encode() + b"\xff"
    text, remark = decode(content)
    assert text == SPANISH * 5 + "\ufffd"
    assert remark == "1 characters are damaged: they are no UTF-8"


def test_a_declared_encoding_is_believed():
    assert decode("ąęż".encode("iso8859-2"), "ISO-8859-2") == ("ąęż", None)
    assert decode("€".encode("cp1252"), "latin-1") == ("€", None)


@pytest.mark.parametrize(
    "content",
    [
        random.Random(0).randbytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"ELF\0\1\2" * 50,
        bytes(50),
    ],
)
def test_binary_data_are_refused(content):
    with pytest.raises(BadInput, match="not a text file"):
        decode(content)


@pytest.mark.skipif(not SENTENCES.is_dir(), reason="../shared/text is not here")
def test_every_single_sentence_of_windows_comes_out_right():
    sentences = (SENTENCES / "spa.txt").read_text(encoding="utf-8").splitlines()
    # Two hold a letter that is not in the encoding.
    encodable = [text for text in sentences if not set(text) & set("ğł")]
    assert len(encodable) == len(sentences) - 2
    assert [decode(text.encode("cp1252"))[0] for text in encodable] == encodable
