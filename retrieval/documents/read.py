"""A file → a Document: recognised, checked, hashed, read, split into passages."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from retrieve.documents.encoding import decode
from retrieve.documents.lines import MAX_TEXT_CHARACTERS, Line, Source
from retrieve.documents.passages import split
from retrieve.documents.signatures import recognised
from retrieve.documents.versions import reader
from retrieve.errors import BadInput, foreseen
from retrieve.types import Document

MAX_BYTES = 512 << 20  # of a file: it is read into memory once; scans are large
MAX_TEXT_BYTES = MAX_TEXT_CHARACTERS  # of a file of text
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
    ".odt": "odt",
    ".csv": "table",
    ".tsv": "table",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".srt": "subtitles",
    ".vtt": "subtitles",
}
# Read where they are named, left alone in folders: most of those there are for machines.
_NAMED = {".json": "json"}
# Other formats of word processors are offered too, so that their owner is told about them.
# Logs are not: machines write them. A file that is named is read whatever its suffix.
_OTHERS = (".doc", ".rtf", ".epub", ".pages", ".wps")
DOCUMENT_SUFFIXES = frozenset((*_FORMATS, *_OTHERS))
_BINARY = ("pdf", "docx", "odt")


@foreseen()
def read_document(path: Path, *, column: str | None = None) -> Document:
    """Read one file of text in passages.

    column  of a table, or field of JSON, to read alone; other formats have none
    raises  BadInput with the reason, without the path: not there, binary, encrypted,
            damaged, too large, without text, without that column
    """
    content = _bytes(path)
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    remarks: list[str] = []
    kind = _format(path, content)
    source = _source(kind, path, content, column, remarks)
    del content
    passages = tuple(split(_bounded(source.lines), source.title))
    if not passages:
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


def _format(path: Path, content: bytes) -> str:
    """The format that the content shows; among texts the suffix decides."""
    suffix = path.suffix.lower()
    stated = _FORMATS.get(suffix) or _NAMED.get(suffix, "plain")
    kind = recognised(content)
    if stated in _BINARY and kind not in _BINARY:
        raise BadInput(f"not a {stated.upper()} file, or damaged at its start")
    return kind or stated


def _source(
    kind: str, path: Path, content: bytes, column: str | None, remarks: list[str]
) -> Source:
    """What the format's reader reads."""
    if kind == "pdf":
        from retrieve.documents.formats.pdf.read import read_pdf

        return read_pdf(content, remarks)
    if kind == "docx":
        from retrieve.documents.formats.docx import read_docx

        return read_docx(content)
    if kind == "odt":
        from retrieve.documents.formats.odt import read_odt

        return read_odt(content)
    if len(content) > MAX_TEXT_BYTES:
        raise BadInput(f"larger than {MAX_TEXT_BYTES >> 20} MiB of text ({len(content)} bytes)")
    return _text_source(kind, path, content, column, remarks)


def _text_source(
    kind: str, path: Path, content: bytes, column: str | None, remarks: list[str]
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

        return read_table(text, column, tabs=path.suffix.lower() == ".tsv")
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
