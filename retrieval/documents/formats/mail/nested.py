"""A mail whose parts are nested deeper than Python's parser goes → the same parts, side by side.

That parser calls itself for each level. Here the parts wait in a list, so that no depth is too
much; which of them belong together is lost.
"""

from __future__ import annotations

import re
from email.message import Message
from email.parser import HeaderParser

MAX_WORK = 1 << 28  # characters that are looked at: each level looks at all that it holds


def flattened(content: bytes, most: int) -> tuple[Message, bool]:
    """A mail whose parts stand one after the other, each a leaf.

    most     parts that are taken
    returns  it, and False if its innermost parts could not be told apart any more
    """
    text = content.decode("ascii", "surrogateescape").replace("\r\n", "\n")
    mail = _headers(text)
    waiting, leaves = [text], list[Message | str]()
    left = MAX_WORK
    while waiting and len(leaves) < most and left > 0:
        part = waiting.pop()
        left -= len(part) + 1
        head, body = _headers(part), _body(part)
        boundary = head.get_boundary()
        inner = _parts(body, boundary) if boundary else []
        if head.get_content_maintype() == "multipart" and inner:
            waiting += reversed(inner)
        elif head.get_content_type() == "message/rfc822":
            waiting.append(body)
        else:
            head.set_payload(body)
            leaves.append(head)
    whole = not waiting or left > 0
    for part in (
        () if whole else waiting[::-1][: most - len(leaves)]
    ):  # as they stand, headers and all
        leaf = Message()
        leaf.set_payload(part)
        leaves.append(leaf)
    for name in ("Content-Type", "Content-Transfer-Encoding"):
        del mail[name]
    mail["Content-Type"] = "multipart/mixed"
    mail.set_payload(leaves)
    return mail, whole


def _headers(part: str) -> Message:
    """The headers of a part, without what they stand above."""
    return HeaderParser().parsestr("" if part.startswith("\n") else part.partition("\n\n")[0])


def _body(part: str) -> str:
    return part[1:] if part.startswith("\n") else part.partition("\n\n")[2]


def _parts(body: str, boundary: str) -> list[str]:
    """What stands between the lines that part it; what stands before the first is for nobody."""
    line = rf"^--{re.escape(str(boundary))}(--)?[ \t]*(?:\n|\Z)"
    pieces = re.split(line, body, flags=re.MULTILINE)
    parts = []
    for ended, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if ended:
            break
        parts.append(piece)
    return parts
