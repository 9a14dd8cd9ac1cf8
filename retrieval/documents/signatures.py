"""What a file is, by its first bytes: a document with a structure of its own, or a stranger."""

from __future__ import annotations

import re
from pathlib import Path

from retrieve.errors import BadInput

# Viewers look for it within 1,024 bytes: mail, an old Macintosh or an editor put some before it.
_PDF = re.compile(rb"%PDF-\d")
_PDF_LINE = re.compile(rb"^%PDF-\d", re.MULTILINE)
_PDF_OBJECT = re.compile(rb"\b\d+[ \r\n]+\d+[ \r\n]+obj\b")  # texts that speak of PDF have none
_PDF_OBJECT_BYTES = 1 << 16  # within which the first one begins
_HTML = (b"<!doctype html", b"<html")
_RTF = b"{\\rtf"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Office before 2007, and encrypted files after it
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OFFICE = "a file of Office before 2007"
# By suffix: what it is and in which format its program should save it.
_OF_PROGRAMS = {
    ".doc": (_OFFICE, "DOCX or PDF"),
    ".dot": (_OFFICE, "DOCX or PDF"),
    ".xls": (_OFFICE, "XLSX or CSV"),
    ".ppt": (_OFFICE, "PPTX or PDF"),
    ".pps": (_OFFICE, "PPTX or PDF"),
    ".xlsb": ("a binary workbook", "XLSX or CSV"),
    ".wps": ("a file of Works", "DOCX or PDF"),
    ".msg": ("a message of Outlook", "EML or PDF"),
    ".pages": ("a file of Apple Pages", "DOCX or PDF"),
    ".numbers": ("a file of Apple Numbers", "XLSX or CSV"),
    ".key": ("a file of Apple Keynote", "PPTX or PDF"),
}
OF_PROGRAMS = frozenset(_OF_PROGRAMS)
_NEVER_TEXT = (".pages", ".numbers", ".key", ".msg", ".xlsb")  # text so called is none for people
_APPLE = re.compile(r"(?:index/.*\.iwa|index\.zip|index\.apxl(?:\.gz)?|index\.xml)", re.IGNORECASE)
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_OPEN_DOCUMENTS = {b"text": "odt", b"spreadsheet": "ods", b"presentation": "odp"}
# What is often met under a wrong name, in words for its owner.
_STRANGERS = (
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


def recognised(content: bytes, suffix: str = "") -> str | None:
    """ "pdf", "rtf", "docx", "pptx", "xlsx", "odt", "ods", "odp", "epub" or "html"; None for text.

    suffix  of the file's name, in small letters: says what to do with what cannot be read
    raises  BadInput for what is known not to be a readable document
    """
    if _PDF_LINE.search(content, 0, 1024) or (
        _PDF.search(content, 0, 1024) and _PDF_OBJECT.search(content, 0, _PDF_OBJECT_BYTES)
    ):
        return "pdf"
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(content, suffix)
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise BadInput("encrypted: it opens only with a password")
        raise _to_save(suffix if suffix in _OF_PROGRAMS else ".doc")
    for signature, name in _STRANGERS:
        if content.startswith(signature):
            raise BadInput(f"not a document: {name}")
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_RTF):
        return "rtf"
    if start.startswith(_HTML):
        return "html"
    if suffix in _NEVER_TEXT:
        raise _to_save(suffix)
    return None


def _to_save(suffix: str) -> BadInput:
    what, wanted = _OF_PROGRAMS[suffix]
    return BadInput(f"{what}, which cannot be read; save it as {wanted}")


def _in_zip(content: bytes, suffix: str) -> str:
    from retrieve.documents.formats.office.container import Container
    from retrieve.documents.formats.office.package import main_part

    container = Container(content)
    found = main_part(container)
    if found is not None:
        return found[0]
    kind = (container.read("mimetype") or b"")[:100].strip()
    if kind.startswith(_OPEN_DOCUMENT):
        which = kind.removeprefix(_OPEN_DOCUMENT).partition(b"-template")[0]
        if which in _OPEN_DOCUMENTS:
            return _OPEN_DOCUMENTS[which]
        raise BadInput("an Open Document without text; save it as PDF")
    if kind.startswith(b"application/epub+zip") or "META-INF/container.xml" in container:
        return "epub"
    if any(_APPLE.fullmatch(name) for name in container.names):
        raise _to_save(suffix if suffix in (".numbers", ".key") else ".pages")
    raise BadInput("not a document: a ZIP container without a text in it")
