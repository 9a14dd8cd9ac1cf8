"""Paragraphs as DOCX, ODT and PDF: the least that makes a valid document of each kind.

Sources: ECMA-376 (Office Open XML), part 2 for the package and part 1 for the text; OASIS
OpenDocument 1.2, parts 1 and 3.
"""

from __future__ import annotations

import textwrap
from io import BytesIO
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from retrieve.cache import fonts_in_cache

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of all members, so that the same text gives the same bytes
A5_INCHES = (5.83, 8.27)  # width, height
LINE_CHARACTERS, PAGE_LINES = 56, 34  # on an A5 page in DejaVu Serif of 10 points

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
    """An A5 document with real text; a line is left blank after each paragraph."""
    fonts_in_cache()
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    lines = [line for text in paragraphs for line in (*textwrap.wrap(text, LINE_CHARACTERS), "")]
    buffer = BytesIO()
    # Type 42 embeds the font whole, from which readers get the letters back.
    with (
        rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Serif"}),
        PdfPages(buffer, metadata={"Title": title, "CreationDate": None}) as pages,
    ):
        for start in range(0, len(lines), PAGE_LINES):
            page = Figure(figsize=A5_INCHES)
            for row, line in enumerate(lines[start : start + PAGE_LINES]):
                height = 0.93 - 0.86 * row / PAGE_LINES
                page.text(0.1, height, line, fontsize=10, va="top", parse_math=False)
            pages.savefig(page)
    return buffer.getvalue()


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
