"""A file → a Document: recognised, checked, hashed, read, split into passages."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from retrieve.documents.encoding import decode
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, Source
from retrieve.documents.passages import split
from retrieve.documents.signatures import OF_PROGRAMS, recognised
from retrieve.documents.versions import reader
from retrieve.errors import BadInput, foreseen
from retrieve.types import Document

MAX_BYTES = 512 << 20  # of a file: it is read into memory once; scans are large
MAX_TEXT_BYTES = MAX_TEXT_CHARACTERS  # of a file of text
MAX_DEPTH = 5  # of files in each other: a mail with a mail with a letter
MAX_INNER = 1000  # files inside one
MAX_MARKDOWN_BYTES = 16 << 20  # parsing takes 18 bytes of memory for one

_FORMATS = {
    ".txt": "plain",
    ".text": "plain",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".dotm": "docx",
    ".odt": "odt",
    ".ott": "odt",
    ".rtf": "rtf",
    ".epub": "epub",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".potx": "pptx",
    ".odp": "odp",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xltx": "xlsx",
    ".ods": "ods",
    ".eml": "mail",
    ".emlx": "mail",
    ".mht": "mail",
    ".mhtml": "mail",
    ".mbox": "mailbox",
    ".csv": "table",
    ".tsv": "table",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".srt": "subtitles",
    ".vtt": "subtitles",
}
# Read where they are named, left alone in folders: most of those there are for machines.
_NAMED = {".json": "json"}
# Formats that cannot be read are offered too, so that their owner is told what to do. Logs are
# not: machines write them. A file that is named is read whatever its suffix.
DOCUMENT_SUFFIXES = frozenset((*_FORMATS, *OF_PROGRAMS))
_CONTAINERS = ("docx", "odt", "epub", "pptx", "odp", "xlsx", "ods")
_BINARY = ("pdf", *_CONTAINERS)


@foreseen()
def read_document(path: Path, *, column: str | None = None, pictured: bool = False) -> Document:
    """Read one file of text in passages.

    column    of a table or sheet, or field of JSON, to read alone; other formats have none
    pictured  a PDF whose pages are all pictures is one without passages, whose warning says so
    raises  BadInput with the reason, without the path: not there, binary, encrypted,
            damaged, too large, without text, without that column
    """
    content = _bytes(path)
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    remarks: list[str] = []
    suffix = path.suffix.lower()
    kind = _format(suffix, content)
    pages: list[int] | None = [] if pictured and kind == "pdf" else None
    source = _source(kind, suffix, content, column, remarks, _Inside(0, count()), pages)
    del content
    passages = tuple(split(_bounded(source.lines), source.title))
    if not passages and not pages:
        raise BadInput("it holds no text")
    return Document(
        path=path,
        sha256=digest,
        size_bytes=size,
        passages=passages,
        title=source.title,
        written_at=source.written_at,
        warnings=tuple(remarks),
        reader=reader(kind),
    )


def _format(suffix: str, content: bytes) -> str:
    """The format that the content shows; among texts the suffix decides."""
    stated = _FORMATS.get(suffix) or _NAMED.get(suffix, "plain")
    kind = recognised(content, suffix)
    if stated in _BINARY and kind not in (*_BINARY, "rtf"):
        raise BadInput(f"not a {stated.upper()} file, or damaged at its start")
    return kind or stated


def _source(
    kind: str,
    suffix: str,
    content: bytes,
    column: str | None,
    remarks: list[str],
    inside: _Inside,
    pictured: list[int] | None = None,
) -> Source:
    """What the format's reader reads."""
    if kind == "pdf":
        from retrieve.documents.formats.pdf.read import read_pdf

        return read_pdf(content, remarks, pictured)
    if kind in _CONTAINERS:
        return _container_source(kind, content, column, remarks, inside)
    if kind == "rtf":
        from retrieve.documents.formats.rtf import read_rtf

        return read_rtf(content, remarks)
    if kind == "mail":
        from retrieve.documents.formats.mail.message import read_mail

        return read_mail(content, remarks, inside.lines)
    if kind == "mailbox":
        from retrieve.documents.formats.mail.mailbox import read_mailbox

        return read_mailbox(content, remarks, inside.lines)
    if len(content) > MAX_TEXT_BYTES:
        raise BadInput(f"larger than {MAX_TEXT_BYTES >> 20} MiB of text ({len(content)} bytes)")
    return _text_source(kind, suffix, content, column, remarks)


def _container_source(
    kind: str, content: bytes, column: str | None, remarks: list[str], inside: _Inside
) -> Source:
    if kind == "docx":
        from retrieve.documents.formats.office.docx import read_docx

        return read_docx(content, remarks, inside.lines)
    if kind == "pptx":
        from retrieve.documents.formats.office.pptx import read_pptx

        return read_pptx(content, remarks)
    if kind == "xlsx":
        from retrieve.documents.formats.sheets.xlsx import read_xlsx

        return read_xlsx(content, column, remarks)
    if kind == "ods":
        from retrieve.documents.formats.sheets.ods import read_ods

        return read_ods(content, column, remarks)
    if kind == "epub":
        from retrieve.documents.formats.office.epub import read_epub

        return read_epub(content, remarks)
    from retrieve.documents.formats.office.odt import read_odp, read_odt

    return read_odp(content, remarks) if kind == "odp" else read_odt(content, remarks)


@dataclass(frozen=True, slots=True)
class _Inside:
    """Reads files inside a file: attachments of a mail, a page put into a DOCX.

    depth  how many files it lies in
    count  of all that were read, shared by all depths
    """

    depth: int
    count: Iterator[int]

    def lines(self, content: bytes, name: str, remarks: list[str]) -> Iterator[Line]:
        """The text of one; nothing of what its name does not call a text.

        remarks  gets a line where it cannot be read, or not to its end
        """
        suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
        if suffix not in DOCUMENT_SUFFIXES or not content:
            return
        own: list[str] = []
        try:
            if self.depth >= MAX_DEPTH:
                raise BadInput(f"files {MAX_DEPTH} deep in each other are read")
            if next(self.count) >= MAX_INNER:
                raise BadInput(f"{MAX_INNER} files in one are read")
            inside = _Inside(self.depth + 1, self.count)
            with foreseen():  # whatever a reader raises costs this file alone
                kind = _format(suffix, content)
                yield from _source(kind, suffix, content, None, own, inside).lines
        except BadInput as error:
            own.append(f"left out: {error}")
        remarks += [f"{name}: {remark}" for remark in own]


def _text_source(
    kind: str, suffix: str, content: bytes, column: str | None, remarks: list[str]
) -> Source:
    if kind == "html":
        from retrieve.documents.formats.markup import declared_encoding, read_html

        text, remark = decode(content, declared_encoding(content))
        remarks += [remark] if remark else []
        return read_html(text, remarks)
    if kind == "markdown" and len(content) > MAX_MARKDOWN_BYTES:
        limit = MAX_MARKDOWN_BYTES >> 20
        raise BadInput(f"larger than {limit} MiB of Markdown ({len(content)} bytes)")
    text, remark = decode(content)
    remarks += [remark] if remark else []
    if kind == "markdown":
        from retrieve.documents.formats.markdown import read_markdown

        return read_markdown(text)
    if kind == "table":
        from retrieve.documents.formats.records.tables import read_table

        return read_table(text, column, tabs=suffix == ".tsv")
    if kind == "json lines":
        from retrieve.documents.formats.records.jsonlines import read_json_lines

        return read_json_lines(text, column, remarks)
    if kind == "json":
        from retrieve.documents.formats.records.jsonlines import read_json

        return read_json(text, column)
    if kind == "subtitles":
        from retrieve.documents.formats.subtitles import read_subtitles

        return read_subtitles(text)
    from retrieve.documents.formats.plain import read_plain

    return read_plain(text)


def _bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInput("not a regular file")  # reading a pipe or a device may never end
        if status.st_size > MAX_BYTES:
            raise BadInput(f"larger than {MAX_BYTES >> 20} MiB ({status.st_size} bytes)")
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not content:
        raise BadInput("the file is empty")
    return content


def _bounded(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, up to the limit of text: small files can unfold into endless ones."""
    left = MAX_TEXT_CHARACTERS
    for line in lines:
        left -= len(line.text)
        if left < 0:
            raise BadInput(f"it holds more than {MAX_TEXT_CHARACTERS >> 20} million characters")
        yield line
