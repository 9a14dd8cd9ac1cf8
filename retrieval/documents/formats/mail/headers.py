"""Headers of a mail as people read them: encoded words, bytes without a declaration, dates."""

from __future__ import annotations

import re
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_tz

from retrieve.documents.encoding import decode
from retrieve.documents.lines import clean
from retrieve.errors import BadInput

_MAX_CHARACTERS = 10_000  # of a header: the receivers of a newsletter can be as many
_FOLD = re.compile(r"\r?\n[ \t]*")


def header(message: Message, name: str) -> str:
    """The first header of that name, decoded, in one line; "" without one."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return decoded(str(raw))


def decoded(raw: str) -> str:
    """A header as it was sent (RFC 2047; other bytes are guessed) → its text."""
    value = _FOLD.sub(" ", raw[:_MAX_CHARACTERS])
    if not value.isascii():
        value = _declared(value.encode("utf-8", "surrogateescape"), None)
    if "=?" not in value:
        return clean(value)
    try:
        pairs = decode_header(value)
    except (HeaderParseError, ValueError):
        return clean(value)
    parts = [part if isinstance(part, str) else _declared(part, name) for part, name in pairs]
    return clean("".join(parts)) or clean(value)


def date_of(message: Message) -> str | None:
    """When it was sent, on the clock of who sent it, ISO 8601; None without a date."""
    try:
        parts = parsedate_tz(header(message, "Date"))
        return None if parts is None else datetime(*parts[:6]).isoformat()
    except (ValueError, TypeError, LookupError, OverflowError):
        return None


def _declared(content: bytes, name: str | None) -> str:
    if name:
        try:
            return content.decode(name, "replace")
        except LookupError:
            pass  # nobody knows that encoding
    try:
        return decode(content)[0]
    except BadInput:
        return content.decode("utf-8", "replace")
