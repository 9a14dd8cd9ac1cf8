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
