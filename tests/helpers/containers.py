"""ZIP containers of XML for tests: the least that a program would write."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from retrieve.documents.read import read_document
from retrieve.errors import BadInput

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def found(document):
    """Title and text of each passage."""
    return [(passage.title, passage.text) for passage in document.passages]


def packed(path: Path, parts: dict[str, str | bytes], compression=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def body(inner: str, space: str = W) -> str:
    """A main part of Word."""
    return f'<w:document xmlns:w="{space}"><w:body>{inner}</w:body></w:document>'


def p(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def relations(**targets: str) -> str:
    """A part of relationships: kind=target, identified by the kind."""
    rows = "".join(
        f'<Relationship Id="{kind}" Type="{OFFICE}/{kind.rstrip("0123456789")}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>'


def odt(path: Path, inner: str, **parts: str) -> Path:
    content = (
        f'<office:document-content xmlns:office="{OASIS}:office:1.0" xmlns:text="{TEXT}" '
        f'xmlns:draw="{OASIS}:drawing:1.0" xmlns:svg="{OASIS}:svg-compatible:1.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><office:body>'
        f"<office:text>{inner}</office:text></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    return packed(path, {"mimetype": kind, "content.xml": content, **parts})


def reason(path: Path, **options) -> str:
    """Why a file cannot be read."""
    with pytest.raises(BadInput) as caught:
        read_document(path, **options)
    return str(caught.value)
