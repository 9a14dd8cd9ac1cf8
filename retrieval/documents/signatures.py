"""What a file is, by its first bytes: a document with a structure of its own, or a stranger."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path

from retrieve.errors import BadInput

# Viewers look for it within 1,024 bytes: mail, an old Macintosh or an editor put some before it.
_PDF = re.compile(rb"%PDF-\d")
_PDF_LINE = re.compile(rb"^%PDF-\d", re.MULTILINE)
_PDF_OBJECT = re.compile(rb"\b\d+[ \r\n]+\d+[ \r\n]+obj\b")  # texts that speak of PDF have none
_PDF_OBJECT_BYTES = 1 << 16  # within which the first one begins
_HTML = (b"<!doctype html", b"<html")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Office before 2007, and encrypted files after it
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# What is often met under a wrong name, in words for its owner.
_STRANGERS = (
    (b"{\\rtf", "an RTF file; save it as DOCX or ODT"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip file; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file; unpack it"),
    (b"Rar!", "a RAR file; unpack it"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"\x7fELF", "a program"),
)

_PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|II\*\0|MM\0\*|RIFF....WEBP|BM....\0\0\0\0|8BPS|qoif|\x00\x00\x01\x00"
    rb"|....ftyp(?:hei|hev|mif|msf|avi|crx)|....jP  |\xff\x0a|....JXL ",
    re.DOTALL,
)


def is_picture(path: Path) -> bool:
    """Whether the first bytes of a regular file are those of a picture, readable or not."""
    try:
        with path.open("rb") as file:
            return _PICTURES.match(file.read(16)) is not None
    except OSError:
        return False


def recognised(content: bytes) -> str | None:
    """ "pdf", "docx", "odt" or "html"; None for other text.

    raises  BadInput for what is known not to be a readable document
    """
    if _PDF_LINE.search(content, 0, 1024) or (
        _PDF.search(content, 0, 1024) and _PDF_OBJECT.search(content, 0, _PDF_OBJECT_BYTES)
    ):
        return "pdf"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(content)
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise BadInput("encrypted: it opens only with a password")
        raise BadInput("a file of Office before 2007; save it as DOCX or ODT")
    for signature, name in _STRANGERS:
        if content.startswith(signature):
            raise BadInput(f"not a document: {name}")
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "html" if start.startswith(_HTML) else None


def _in_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
            kind = archive.open("mimetype").read(100) if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise BadInput("damaged: its ZIP container cannot be read") from error
    if "word/document.xml" in names:
        return "docx"
    if kind.startswith(b"application/vnd.oasis.opendocument.text"):
        return "odt"
    if kind.startswith(b"application/epub+zip"):
        raise BadInput("not a document that can be read: an EPUB book")
    raise BadInput("not a document: a ZIP container without a DOCX or ODT text in it")
