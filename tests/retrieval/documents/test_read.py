from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import unicodedata

import pytest

from retrieve.documents import read
from retrieve.documents.read import DOCUMENT_SUFFIXES, read_document
from retrieve.errors import BadInput


def _write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _reason(path, **options):
    with pytest.raises(BadInput) as caught:
        read_document(path, **options)
    return str(caught.value)


def test_a_document_is_known_by_the_hash_of_its_bytes(tmp_path):
    path = _write(tmp_path, "a.txt", "Hola.")
    document = read_document(path)
    assert document.sha256 == hashlib.sha256(b"Hola.").hexdigest()
    assert document.size_bytes == 5
    assert document.path == path
    assert document.warnings == ()


def test_plain_text_has_lines(tmp_path):
    text = "Era una noche\r\noscura.\r\n\r\n" + "La casa era alta. " * 30 + "\r\n\r\nFin."
    first, *_, last = read_document(_write(tmp_path, "a.txt", text)).passages
    assert first.text.startswith("Era una noche oscura. La casa")
    assert first.line == 1
    assert last.text.endswith("Fin.")


def test_a_long_line_is_a_paragraph_and_a_short_one_goes_on(tmp_path):
    wrapped = _write(tmp_path, "a.txt", "Leche, pan y\nhuevos para\nmañana")
    assert [p.text for p in read_document(wrapped).passages] == ["Leche, pan y huevos para mañana"]
    rows = ["palabra " * 70 + "fin", "Otra " * 70 + "vez"]
    found = read_document(_write(tmp_path, "b.txt", "\n".join(rows))).passages
    assert [p.line for p in found] == [1, 2]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_encodings_are_detected(tmp_path, encoding):
    path = _write(tmp_path, "a.txt", "¿Mañana? Según el pingüino, sí.".encode(encoding))
    assert read_document(path).passages[0].text == "¿Mañana? Según el pingüino, sí."


def test_a_guessed_encoding_is_a_warning(tmp_path):
    text = "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες. " * 5
    (warning,) = read_document(_write(tmp_path, "a.txt", text.encode("cp1253"))).warnings
    assert warning.startswith("its encoding was guessed")


def test_accents_of_two_characters_become_one(tmp_path):
    path = _write(tmp_path, "a.md", unicodedata.normalize("NFD", "# Día\n\nMañana."))
    (passage,) = read_document(path).passages
    assert (passage.title, passage.text) == ("Día", "Mañana.")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "the file is empty"),
        ("a.txt", b" \n\t\n", "it holds no text"),
        ("a.txt", random.Random(0).randbytes(4000), "not a text file: it holds binary data"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(99), "not a document: a PNG picture"),
        ("a.docx", b"Hola", "not a DOCX file, or damaged at its start"),
        ("a.pdf", b"<html><body>Hola</body></html>", "not a PDF file, or damaged at its start"),
        (
            "a.doc",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999),
            "a file of Office before 2007, which cannot be read; save it as DOCX or PDF",
        ),
        (
            "a.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999),
            "a file of Office before 2007, which cannot be read; save it as XLSX or CSV",
        ),
        (
            "a.key",
            b"-----BEGIN PRIVATE KEY-----",
            "a file of Apple Keynote, which cannot be read; save it as PPTX or PDF",
        ),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "encrypted: it opens only with a password",
        ),
        ("a.docx", b"PK\x03\x04 rubbish", "damaged: its ZIP container cannot be read"),
    ],
)
def test_what_cannot_be_read_has_a_reason(tmp_path, name, content, reason):
    assert _reason(_write(tmp_path, name, content)) == reason


def test_what_is_not_there_or_no_file_has_a_reason(tmp_path):
    assert _reason(tmp_path / "no.txt") == "cannot be read: no such file or directory"
    assert _reason(tmp_path) == "not a regular file"
    os.mkfifo(tmp_path / "a.txt")
    assert _reason(tmp_path / "a.txt") == "not a regular file"


def test_files_of_more_text_than_memory_should_hold_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "MAX_TEXT_BYTES", 1 << 20)
    path = _write(tmp_path, "a.txt", b"Hola. " * 200_000)
    assert _reason(path) == "larger than 1 MiB of text (1200000 bytes)"
    monkeypatch.setattr(read, "MAX_BYTES", 1 << 20)
    assert _reason(path) == "larger than 1 MiB (1200000 bytes)"


def test_the_content_decides_over_the_suffix(tmp_path):
    path = _write(tmp_path, "a.txt", "<!DOCTYPE html><title>T</title><p>Hola &amp; adiós</p>")
    (passage,) = read_document(path).passages
    assert (passage.title, passage.text) == ("T", "Hola & adiós")


def test_suffixes_are_lower_case_with_a_dot():
    assert all(suffix.startswith(".") and suffix.islower() for suffix in DOCUMENT_SUFFIXES)
    formats = ["txt", "md", "html", "pdf", "docx", "odt", "csv", "tsv", "jsonl", "srt", "vtt"]
    formats += ["rtf", "epub", "eml", "mbox", "pptx", "xlsx", "odp", "ods", "doc", "pages"]
    assert {f".{name}" for name in formats} <= DOCUMENT_SUFFIXES
    assert ".log" not in DOCUMENT_SUFFIXES


def test_no_library_of_a_format_is_loaded_before_its_first_file():
    code = (
        "import sys, retrieve.documents.read as r; "
        "print(sorted({'lxml', 'pypdfium2', 'markdown_it', 'charset_normalizer', 'zipfile'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['zipfile']")
