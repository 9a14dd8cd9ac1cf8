"""One mail → text: who wrote to whom, what, and what was attached.

The e-mail package of Python parses it in its forgiving way; its newer interface (policy
`default`) raises errors of its own at headers that are wrong, and strangers' are.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import Message
from itertools import islice

from retrieve.documents.encoding import decode
from retrieve.documents.formats.mail.headers import date_of, decoded, header
from retrieve.documents.formats.mail.nested import flattened
from retrieve.documents.formats.markup import declared_encoding, read_html
from retrieve.documents.formats.plain import read_plain
from retrieve.documents.lines import Line, ReadInner, Source, clean
from retrieve.errors import BadInput

MAX_PARTS = 1000  # of a mail
MAX_DEPTH = 20  # of parts in parts among which the best are chosen; programs make five
MAX_MAILS = 5  # in each other
_SHOWN = ("From", "To", "Cc", "Date")
# Some programs send a text that says "open this as HTML" beside the mail itself.
_STUB = 4
_QUOTED = re.compile(r"^(?:> ?)+", re.MULTILINE)
_APPLE_LENGTH = re.compile(rb"(\d{1,10})[ \t]*\r?\n")  # before a mail of Apple's (.emlx)
_SHIFTED = re.compile(r"iso-2022|hz|utf-7", re.IGNORECASE)  # valid ASCII, and yet none


@dataclass(frozen=True, slots=True)
class _Part:
    """A leaf of a mail: a text of the mail itself, without a name, or a file attached to it.

    named  whether the mail gives its name, not its kind alone
    """

    kind: str
    name: str
    message: Message
    named: bool = False


def read_mail(content: bytes, remarks: list[str], read_inner: ReadInner) -> Source:
    """Sender, receivers, date and text of a mail, then the files attached to it.

    Of a text in two forms one is read. A mail attached to it is read like it.

    remarks     gets a line about what is left out
    read_inner  reads an attached file
    """
    length = _APPLE_LENGTH.match(content)
    if length:
        content = content[length.end() :][: int(length[1])]
    message = parsed(content, remarks)
    lines = mail_lines(message, None, remarks, read_inner)
    return Source(lines, header(message, "Subject"), date_of(message))


def parsed(content: bytes, remarks: list[str]) -> Message:
    """A mail with its parts; these side by side where they are nested without end."""
    try:
        return message_from_bytes(content)
    except RecursionError:
        message, whole = flattened(content, MAX_PARTS)
        how = "one after the other" if whole else "one after the other, the innermost as they stand"
        remarks.append(f"its parts are nested so deep that they are read {how}")
        return message


def mail_lines(
    message: Message,
    record: int | None,
    remarks: list[str],
    read_inner: ReadInner,
    depth: int = 1,
) -> Iterator[Line]:
    """A mail under its subject, the files attached to it each under its name.

    record  its number in a mailbox
    depth   how many mails it lies in, itself counted
    """
    subject = header(message, "Subject")
    if subject:
        yield Line(subject, heading=True, record=record)
    empty = True
    for line in _below(message, subject, record, remarks, read_inner, depth):
        empty = False
        yield line
    if empty and subject:
        yield Line(subject, record=record)  # all that it says


def _below(
    message: Message,
    subject: str,
    record: int | None,
    remarks: list[str],
    read_inner: ReadInner,
    depth: int,
) -> Iterator[Line]:
    for name in _SHOWN:
        stated = header(message, name)
        if stated:
            yield Line(f"{name}: {stated}", title=subject, record=record)
    leaves = list(islice(_leaves(message, 0, remarks), MAX_PARTS))
    if len(leaves) == MAX_PARTS:
        remarks.append(f"of its parts {MAX_PARTS} are read")
    names = ", ".join(leaf.name for leaf in leaves if leaf.named)
    if names:
        yield Line(f"Attachments: {names}", title=subject, record=record)
    for leaf in leaves:
        if not leaf.name and leaf.kind != "message/rfc822":
            for line in _text_lines(leaf, remarks):
                yield replace(line, heading=False, title=subject, record=record, line=None)
    for leaf in leaves:
        if leaf.kind == "message/rfc822":
            inner = leaf.message.get_payload()
            if not isinstance(inner, list) or not inner or not isinstance(inner[0], Message):
                continue
            if depth >= MAX_MAILS:
                remarks.append(f"mails {MAX_MAILS} deep in each other are read")
                continue
            yield from mail_lines(inner[0], record, remarks, read_inner, depth + 1)
        elif leaf.name:
            payload = _payload(leaf.message)
            yield from _attached(read_inner(payload, leaf.name, remarks), leaf.name, record)


def _leaves(message: Message, depth: int, remarks: list[str]) -> Iterator[_Part]:
    """The parts that hold something, in order; of alternatives the best."""
    kind = message.get_content_type()
    parts = message.get_payload()
    if message.get_content_maintype() != "multipart" or not isinstance(parts, list):
        yield _leaf(kind, message)
        return
    children = [part for part in parts if isinstance(part, Message)]
    if depth >= MAX_DEPTH:
        remarks.append(f"its parts are nested deeper than {MAX_DEPTH}: all below are read")
        yield from _all_leaves(children)
        return
    if kind == "multipart/alternative":
        yield from _best([list(_leaves(part, depth + 1, remarks)) for part in children])
        return
    for part in children:
        yield from _leaves(part, depth + 1, remarks)


def _all_leaves(parts: list[Message]) -> Iterator[_Part]:
    """The parts below some, in order, of alternatives every one; however deep they lie."""
    waiting = parts[::-1]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting += [one for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield _leaf(part.get_content_type(), part)


def _leaf(kind: str, message: Message) -> _Part:
    name = decoded(str(message.get_filename() or "")).replace("\\", "/").rpartition("/")[2]
    attached = message.get_content_disposition() == "attachment"
    if kind == "message/rfc822":
        return _Part(kind, "", message)
    if kind in ("text/plain", "text/html") and not (attached and name):
        return _Part(kind, "", message)
    if message.get_content_maintype() == "multipart":
        return _Part("text/plain", "", message)  # it has no parts: what stands there is text
    return _Part(kind, name or f"part{mimetypes.guess_extension(kind) or ''}", message, bool(name))


def _best(alternatives: list[list[_Part]]) -> list[_Part]:
    """The plain form of a mail, unless it is a stub beside another one; then that."""
    plain = next((leaves for leaves in alternatives if _is_plain(leaves)), None)
    others = [leaves for leaves in alternatives if leaves is not plain]
    if plain is None:
        return others[-1] if others else []  # the last is the richest
    rich = others[-1] if others else []
    shown = sum(len(line.text) for leaf in rich if not leaf.name for line in _text_lines(leaf, []))
    stated = sum(len(line.text) for leaf in plain for line in _text_lines(leaf, []))
    files = [leaf for leaf in rich if leaf.name]
    return rich if shown > _STUB * stated else [*plain, *files]


def _is_plain(leaves: list[_Part]) -> bool:
    return bool(leaves) and leaves[0].kind == "text/plain" and not leaves[0].name


def _text_lines(leaf: _Part, remarks: list[str]) -> Iterator[Line]:
    content = _payload(leaf.message)
    stated = leaf.message.get_content_charset()
    is_html = leaf.kind == "text/html"
    if not content.strip():
        return
    try:
        text, remark = _decoded(content, stated or (declared_encoding(content) if is_html else ""))
    except BadInput as error:
        remarks.append(f"a text of the mail is left out: {error}")
        return
    remarks += [remark] if remark else []
    source = read_html(text, remarks) if is_html else read_plain(_QUOTED.sub("", text))
    yield from source.lines


def _decoded(content: bytes, stated: str | None) -> tuple[str, str | None]:
    if stated and _SHIFTED.match(stated):
        try:
            return content.decode(stated, "replace"), None
        except LookupError:
            pass  # nobody knows that encoding
    return decode(content, stated)


def _payload(message: Message) -> bytes:
    content = message.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _attached(lines: Iterator[Line], name: str, record: int | None) -> Iterator[Line]:
    """The text of an attached file under its name and its own headings."""
    above, begun = "", False
    for line in lines:
        if not begun:
            yield Line(name, heading=True, record=line.record if record is None else record)
            begun = True
        if line.heading:
            above = clean(line.text)
        own = "" if line.heading else line.title or above
        yield replace(
            line,
            title=f"{name}: {own}" if own else name,
            record=line.record if record is None else record,
            line=None,
        )
