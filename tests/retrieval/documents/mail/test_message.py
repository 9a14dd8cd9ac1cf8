from __future__ import annotations

from email.message import EmailMessage

import pytest
from containers import body, found, p, packed

from retrieve.documents.formats.mail import nested
from retrieve.documents.read import read_document


def _mail(subject="La boda", text="Llovió mucho."):
    message = EmailMessage()
    message["From"] = "Ana Muñoz <ana@x.es>"
    message["Subject"] = subject
    message["Date"] = "Tue, 09 Jul 2019 18:03:00 +0200"
    message.set_content(text)
    return message


def _read(tmp_path, content, name="a.eml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.as_bytes())
    return read_document(path)


SENT = "From: Ana Muñoz <ana@x.es> Date: Tue, 09 Jul 2019 18:03:00 +0200"


def test_a_mail_says_who_wrote_when_and_what(tmp_path):
    document = _read(tmp_path, _mail("Cádiz: la boda"))
    assert (document.title, document.written_at) == ("Cádiz: la boda", "2019-07-09T18:03:00")
    assert found(document) == [("Cádiz: la boda", f"{SENT} Llovió mucho.")]


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"Subject: =?utf-8?b?Q8Ohcw==?= =?utf-8?q?_y?= fin", "Cás y fin"),
        ("Subject: Señor".encode("latin-1"), "Señor"),
        ("Subject: Señor".encode(), "Señor"),
        (b"Subject: =?gibberish?q?Hola?=", "Hola"),
        (b"Subject: =?utf-8?b?%%%?=", "=?utf-8?b?%%%?="),
        (b"Subject: Una\r\n muy larga", "Una muy larga"),
    ],
)
def test_headers_are_decoded_whatever_they_are_written_in(tmp_path, head, wanted):
    assert _read(tmp_path, head + b"\n\nTexto.\n").title == wanted


@pytest.mark.parametrize(
    ("kind", "content", "wanted"),
    [
        ("text/plain; charset=iso-8859-2", "Łódź".encode("iso-8859-2"), "Łódź"),
        ("text/plain; charset=iso-2022-jp", "日本語".encode("iso-2022-jp"), "日本語"),
        ("text/plain", "Señor".encode("cp1252"), "Señor"),
        ("text/plain; charset=nada", "Señor".encode(), "Señor"),
        ("text/html; charset=cp1252", "<p>Se<b>ñor</b></p>".encode("cp1252"), "Señor"),
        ("text/plain", b"> > Dijo\n> que si", "Dijo que si"),
    ],
)
def test_texts_are_decoded_as_they_declare_or_as_they_are(tmp_path, kind, content, wanted):
    document = _read(tmp_path, f"Content-Type: {kind}\n\n".encode() + content)
    assert found(document) == [("", wanted)]


def test_of_two_forms_one_is_read_and_a_stub_is_not(tmp_path):
    message = _mail()
    message.add_alternative("<p>Llovió <b>mucho</b>.</p>", subtype="html")
    assert found(_read(tmp_path, message))[0][1] == f"{SENT} Llovió mucho."
    message = _mail(text="Sin HTML.")
    message.add_alternative("<h1>T</h1><p>" + "Llovió mucho. " * 9, subtype="html")
    assert found(_read(tmp_path, message))[0][1].startswith(f"{SENT} T Llovió mucho.")


def test_attached_files_are_read_under_their_names(tmp_path):
    message = _mail()
    letter = packed(tmp_path / "a.docx", {"word/document.xml": body(p("Querida Ana."))})
    message.add_attachment(
        letter.read_bytes(), maintype="application", subtype="x", filename="carta.docx"
    )
    message.add_attachment("texto\nVino\nPan\n", subtype="csv", filename="lista é.csv")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="foto.png")
    message.add_attachment(_mail("Reenviado", "Dentro."))
    document = _read(tmp_path, message)
    assert found(document) == [
        ("La boda", f"{SENT} Attachments: carta.docx, lista é.csv, foto.png Llovió mucho."),
        ("carta.docx", "Querida Ana."),
        ("lista é.csv", "Vino"),
        ("lista é.csv", "Pan"),
        ("Reenviado", f"{SENT} Dentro."),
    ]
    assert document.warnings == ()


def test_damage_to_an_attached_file_is_a_remark(tmp_path):
    message = _mail()
    for name in ("a.pdf", "b.docx", "c.xlsx"):
        message.add_attachment(b"PK\x03\x04 no", maintype="x", subtype="x", filename=name)
    document = _read(tmp_path, message)
    assert [warning.partition(":")[0] for warning in document.warnings] == [
        "a.pdf", "b.docx", "c.xlsx",
    ]  # fmt: skip
    assert "Llovió mucho." in document.passages[0].text


def test_mails_in_mails_and_parts_in_parts_are_read_to_a_depth(tmp_path):
    message = _mail("Lo de dentro")
    for number in range(8):
        outer = _mail(f"Mail {number}", "Texto.")
        outer.add_attachment(message)
        message = outer
    document = _read(tmp_path, message)
    assert len(document.passages) == 5
    assert document.warnings == ("mails 5 deep in each other are read",)


def _nested(levels):
    """Text beside each level, and in the innermost."""
    text = b"Content-Type: text/plain; charset=utf-8\n\n%s\n"
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at)
        + text % f"Año {at}.".encode()
        + b"--b%d\n" % at
        for at in range(levels)
    )
    closed = b"".join(b"--b%d--\n" % at for at in reversed(range(levels)))
    return b"From: ana@x.es\nSubject: Hondo\n" + opened + text % "El baúl.".encode() + closed


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        (15, None),
        (40, "its parts are nested deeper than 20: all below are read"),
        (1000, "its parts are nested so deep that they are read one after the other"),
    ],
)
def test_parts_nested_however_deep_are_read(tmp_path, levels, told):
    document = _read(tmp_path, _nested(levels))
    text = " ".join(passage.text for passage in document.passages)
    years = " ".join(f"Año {at}." for at in range(levels))
    if levels < 1000:  # of more parts than that the rest is left out
        assert text == f"From: ana@x.es {years} El baúl."
    assert "Año 0. Año 1. Año 2." in text
    assert document.title == "Hondo"
    assert document.warnings[:1] == ((told,) if told else ())


def test_what_lies_deeper_than_anybody_looks_is_read_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(nested, "MAX_WORK", 1 << 20)
    document = _read(tmp_path, _nested(1000))
    text = " ".join(passage.text for passage in document.passages)
    assert "Año 0." in text
    assert "El baúl." in text
    assert document.warnings[0].endswith("the innermost as they stand")


def test_mails_of_apple_and_pages_saved_as_mht_are_mails(tmp_path):
    inner = b"Subject: Uno\n\nHola.\n"
    document = _read(tmp_path, b"%d  \n" % len(inner) + inner + b"<?xml ?><plist/>", "a.emlx")
    assert found(document) == [("Uno", "Hola.")]
    page = b"MIME-Version: 1.0\nContent-Type: text/html\n\n<h1>T</h1><p>Hola.</p>"
    assert found(_read(tmp_path, page, "a.mht")) == [("", "T Hola.")]
