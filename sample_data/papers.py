"""Paragraphs as DOCX, ODT and PDF: the least that makes a valid document of each kind.

Sources: ECMA-376 (Office Open XML), part 2 for the package and part 1 for the text; OASIS
OpenDocument 1.2, parts 1 and 3; ISO 32000-1 (PDF), 7.5 for the file and 9 for the text.
"""

from __future__ import annotations

import textwrap
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of all members, so that the same text gives the same bytes
A5_POINTS = (420, 595)  # width, height
LINE_CHARACTERS, PAGE_LINES = 56, 34  # on an A5 page in Times of 12 points
LINE_POINTS, LEFT_POINTS, TOP_POINTS = 15, 45, 545

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
DUBLIN = "http://purl.org/dc/elements/1.1/"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
ODT_TYPE = "application/vnd.oasis.opendocument.text"


def docx(title: str, paragraphs: list[str]) -> bytes:
    """A Word document; its title stands in its properties."""
    body = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
        for text in paragraphs
    )
    core = "application/vnd.openxmlformats-package.core-properties+xml"
    relationships = "application/vnd.openxmlformats-package.relationships+xml"
    return _zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="{relationships}"/>'
            f'<Override PartName="/word/document.xml" ContentType="{WORD_TYPE}"/>'
            f'<Override PartName="/docProps/core.xml" ContentType="{core}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="r2" Type="{PACKAGE}/relationships/metadata/core-properties"'
            ' Target="docProps/core.xml"/></Relationships>',
            "docProps/core.xml": f'<p:coreProperties xmlns:p="{PACKAGE}/metadata/core-properties"'
            f' xmlns:dc="{DUBLIN}"><dc:title>{escape(title)}</dc:title></p:coreProperties>',
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
            "</w:document>",
        }
    )


def odt(title: str, paragraphs: list[str]) -> bytes:
    """An OpenDocument text; its title stands in its properties."""
    body = "".join(f"<text:p>{escape(text)}</text:p>" for text in paragraphs)
    office = f'xmlns:office="{OASIS}:office:1.0" office:version="1.2"'
    entries = "".join(
        f'<m:file-entry m:full-path="{path}" m:media-type="{kind}"/>'
        for path, kind in (("/", ODT_TYPE), ("content.xml", "text/xml"), ("meta.xml", "text/xml"))
    )
    return _zipped(
        {
            "mimetype": ODT_TYPE,
            "content.xml": f'<office:document-content {office} xmlns:text="{OASIS}:text:1.0">'
            f"<office:body><office:text>{body}</office:text></office:body>"
            "</office:document-content>",
            "meta.xml": f'<office:document-meta {office} xmlns:dc="{DUBLIN}"><office:meta>'
            f"<dc:title>{escape(title)}</dc:title></office:meta></office:document-meta>",
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="{OASIS}:manifest:1.0"'
            f' m:version="1.2">{entries}</m:manifest>',
        }
    )


def pdf(title: str, paragraphs: list[str]) -> bytes:
    """An A5 document with real text; a line is left blank after each paragraph.

    The font is Times, which every reader has, so that only letters of Windows-1252 can be set.
    """
    lines = [line for text in paragraphs for line in (*textwrap.wrap(text, LINE_CHARACTERS), "")]
    pages = [lines[start : start + PAGE_LINES] for start in range(0, len(lines), PAGE_LINES)]
    first = 5  # the objects before the pages are four
    kids = " ".join(f"{first + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding /WinAnsiEncoding >>",
        f"<< /Title <FEFF{title.encode('utf-16-be').hex()}> >>".encode(),
    ]
    width, height = A5_POINTS
    for i, page in enumerate(pages):
        content = _set(page)
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents "
            f"{first + 2 * i + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    return _numbered(objects)


def _set(lines: list[str]) -> bytes:
    """The operators that write lines below each other."""
    written = [f"BT /F1 12 Tf {LINE_POINTS} TL {LEFT_POINTS} {TOP_POINTS} Td".encode()]
    for line in lines:
        text = line.encode("cp1252")
        for special in (b"\\", b"(", b")"):
            text = text.replace(special, b"\\" + special)
        written.append(b"(%s) Tj T*" % text)
    return b"\n".join([*written, b"ET"])


def _numbered(objects: list[bytes]) -> bytes:
    """A PDF file of objects 1, 2, …, of which 1 is the catalog and 4 says the title."""
    file = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(objects) + 1, len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    file += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\n" % size
    file += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(file)


def _zipped(members: dict[str, str]) -> bytes:
    """A ZIP of texts in that order; `mimetype` stays uncompressed, as OpenDocument wants it."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            plain = name == "mimetype"
            info = ZipInfo(name, LONG_AGO)
            info.compress_type = ZIP_STORED if plain else ZIP_DEFLATED
            archive.writestr(info, text if plain else XML + text)
    return buffer.getvalue()
