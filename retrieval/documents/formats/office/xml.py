"""XML from a stranger: no entities, no network, a limit of depth, nothing believed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from io import BytesIO
from typing import IO, TYPE_CHECKING

from retrieve.errors import BadInput

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_DECLARED = re.compile(r"(<\?xml\b[^>]*?)\sencoding\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_WIDE_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_WIDE_STARTS = {b"<\0?\0": "utf-16-le", b"\0<\0?": "utf-16-be"}


def parse(content: bytes) -> Element:
    """The root of a small XML file from a stranger.

    raises  BadInput if it is damaged or declares a document type, which these never do
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise BadInput(f"damaged XML: {error.msg}") from error
    refuse_type(root)
    return root


def text_of(content: bytes | None, name: str) -> str:
    """The text of the first element of that name in a small XML file, "" without one."""
    found = None if content is None else parse(content).find(f".//{name}")
    return "" if found is None else (found.text or "").strip()


def events(content: bytes | IO[bytes]) -> Iterator[tuple[bool, Element]]:
    """Whether an element begins, and the element, for all of an XML file as it is read.

    What has been read can be freed with `forget`.

    raises  BadInput if it is damaged or declares a document type
    """
    from lxml import etree

    stream = BytesIO(content) if isinstance(content, bytes) else content
    walk = etree.iterparse(
        stream, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
    )
    first = True
    try:
        for event, element in walk:
            if first:
                refuse_type(element)
                first = False
            yield event == "start", element
    except etree.XMLSyntaxError as error:
        raise BadInput(f"damaged XML: {error.msg}") from error


def forget(element: Element) -> None:
    """Free what has been read, so that memory does not grow with the file."""
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and parent[0] is not element:
        del parent[0]


def refuse_type(root: Element) -> None:
    """raises  BadInput if the document of that root declares a document type"""
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadInput("its XML declares a document type, which no honest file of its kind does")


def narrow(content: bytes) -> bytes:
    """XML in UTF-16 as UTF-8, so that its bytes can be searched; other XML as it is."""
    encoding = _WIDE_MARKS.get(content[:2]) or _WIDE_STARTS.get(content[:4])
    if encoding is None:
        return content
    text = content.decode(encoding, "replace").removeprefix("\ufeff")
    return _DECLARED.sub(r"\1", text[:200]).encode() + text[200:].encode("utf-8", "replace")


def plain_text(element: Element | None) -> str:
    """All text inside an element, "" for none."""
    return "" if element is None else "".join(map(str, element.itertext()))
